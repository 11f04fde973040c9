/*
 * query.c - the tree: nodes, their limits, and the functions that build those without a text
 *
 * Not here: nodes with a text (query_text.c), text to tree (query_parse.c), tree to bytes (query_wire.c), what a match
 * is (match.c).
 */
#include "storage/index/query.h"

#include "storage/index/query_priv.h"

struct av_query {
    av_query_limits limits;
    av_query_node *nodes; /* id - 1 is the index */
    size_t count, cap;
    size_t ranges;
    av_query_id root;
    av_error failure; /* the first one; code AV_OK: none */
};

const av_query_limits av_query_limits_default = {
    .text_bytes = 4096, .term_bytes = 1024, .nodes = 512, .depth = 32, .ranges = 4096, .zone_min = 0
};

av_query *
av_query_new(const av_query_limits *limits)
{
    av_query *self = av_xcalloc(1, sizeof *self);

    self->limits = limits == NULL ? av_query_limits_default : *limits;
    self->limits.depth = AV_MIN(self->limits.depth, (size_t)AV_QUERY_DEPTH_MAX);
    self->limits.nodes = AV_MIN(self->limits.nodes, (size_t)UINT16_MAX);
    self->limits.term_bytes = AV_MIN(self->limits.term_bytes, (size_t)UINT16_MAX);
    return self;
}

void
av_query_destroy(av_query **self)
{
    av_query *q = *self;

    if (q == NULL)
        return;
    for (size_t i = 0; i < q->count; i++) {
        free((void *)q->nodes[i].text.p);
        free((void *)q->nodes[i].name.p);
        free((void *)q->nodes[i].ranges);
    }
    free(q->nodes);
    free(q);
    *self = NULL;
}

av_query_id
av_query_fail(av_query *self, av_errc code, const char *fmt, ...)
{
    va_list ap;
    char text[200];

    if (self->failure.code != AV_OK)
        return AV_QUERY_NONE;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    (void)av_error_set(&self->failure, code, "%s", text);
    return AV_QUERY_NONE;
}

bool
av_query_failed(const av_query *self)
{
    return self->failure.code != AV_OK;
}

const av_query_limits *
av_query_limits_of(const av_query *self)
{
    return &self->limits;
}

av_query_id
av_query_add(av_query *self, av_query_kind kind)
{
    if (self->failure.code != AV_OK)
        return AV_QUERY_NONE;
    if (self->count >= self->limits.nodes)
        return av_query_fail(
            self, AV_ERR_LIMIT, "the search has more than %zu terms and operators", self->limits.nodes);
    if (self->count == self->cap) {
        self->cap = self->cap == 0 ? 8 : self->cap * 2;
        self->nodes = av_xrealloc(self->nodes, self->cap * sizeof *self->nodes);
    }
    self->nodes[self->count] = (av_query_node){ .kind = kind, .height = 1 };
    return (av_query_id)++self->count;
}

av_query_node *
av_query_node_of(av_query *self, av_query_id id)
{
    assert(id >= 1 && id <= self->count);
    return &self->nodes[id - 1];
}

av_query_id
av_query_all(av_query *self)
{
    return av_query_add(self, AV_QUERY_ALL);
}

/* Put the children under a new node of this kind. */
static av_query_id
join(av_query *self, av_query_kind kind, const av_query_id *children, size_t n)
{
    uint32_t height = 0;
    av_query_id id;

    if (n == 0)
        return av_query_fail(self, AV_ERR_INVALID, "an operator has nothing to work on");
    for (size_t i = 0; i < n; i++) {
        if (self->failure.code != AV_OK || children[i] == AV_QUERY_NONE)
            return av_query_fail(self, AV_ERR_INVALID, "an operator works on a term that could not be made");
        if (children[i] > self->count || av_query_node_of(self, children[i])->owned)
            return av_query_fail(self, AV_ERR_INVALID, "a term stands at two places of the search");
        height = AV_MAX(height, av_query_node_of(self, children[i])->height);
        av_query_node_of(self, children[i])->owned = true;
    }
    if (height + 1 > self->limits.depth)
        return av_query_fail(self, AV_ERR_LIMIT, "the search is nested deeper than %zu levels", self->limits.depth);
    id = av_query_add(self, kind);
    if (id == AV_QUERY_NONE)
        return id;
    av_query_node_of(self, id)->height = height + 1;
    av_query_node_of(self, id)->first_child = children[0];
    for (size_t i = 0; i + 1 < n; i++)
        av_query_node_of(self, children[i])->next = children[i + 1];
    return id;
}

av_query_id
av_query_not(av_query *self, av_query_id child)
{
    return join(self, AV_QUERY_NOT, &child, 1);
}

av_query_id
av_query_and(av_query *self, const av_query_id *children, size_t n)
{
    return n == 1 ? children[0] : join(self, AV_QUERY_AND, children, n);
}

av_query_id
av_query_or(av_query *self, const av_query_id *children, size_t n)
{
    return n == 1 ? children[0] : join(self, AV_QUERY_OR, children, n);
}

av_query_id
av_query_dates(av_query *self, av_query_date which, int64_t from_unix_s, int64_t to_unix_s)
{
    av_query_id id;

    if (which < AV_QUERY_DATE_SENT || which > AV_QUERY_DATE_SAVED)
        return av_query_fail(self, AV_ERR_INVALID, "a date term speaks of no known date");
    id = av_query_add(self, AV_QUERY_DATE);
    if (id == AV_QUERY_NONE)
        return id;
    av_query_node_of(self, id)->date = which;
    av_query_node_of(self, id)->from_unix_s = from_unix_s;
    av_query_node_of(self, id)->to_unix_s = to_unix_s;
    return id;
}

av_query_id
av_query_size(av_query *self, uint64_t min_bytes, uint64_t max_bytes)
{
    av_query_id id = av_query_add(self, AV_QUERY_SIZE);

    if (id == AV_QUERY_NONE)
        return id;
    av_query_node_of(self, id)->min_bytes = min_bytes;
    av_query_node_of(self, id)->max_bytes = max_bytes;
    return id;
}

av_query_id
av_query_modseq(av_query *self, uint64_t modseq)
{
    av_query_id id = av_query_add(self, AV_QUERY_MODSEQ);

    if (id != AV_QUERY_NONE)
        av_query_node_of(self, id)->modseq = modseq;
    return id;
}

av_query_id
av_query_has_attachment(av_query *self)
{
    return av_query_add(self, AV_QUERY_HAS_ATTACHMENT);
}

av_query_id
av_query_flagged(av_query *self, av_query_flag flag)
{
    unsigned bits = (unsigned)flag;
    av_query_id id;

    if (bits == 0 || (bits & (bits - 1)) != 0 || (bits & ~(unsigned)AV_QUERY_FLAG_ALL) != 0)
        return av_query_fail(self, AV_ERR_INVALID, "a flag term names no known flag");
    id = av_query_add(self, AV_QUERY_FLAG);
    if (id != AV_QUERY_NONE)
        av_query_node_of(self, id)->flag = flag;
    return id;
}

av_query_id
av_query_uids(av_query *self, const av_query_range *ranges, size_t n)
{
    av_query_range *own;
    av_query_id id;

    if (n == 0)
        return av_query_fail(self, AV_ERR_INVALID, "a set of messages is empty");
    if (n > self->limits.ranges - AV_MIN(self->ranges, self->limits.ranges))
        return av_query_fail(self, AV_ERR_LIMIT, "the sets of messages have more than %zu ranges", self->limits.ranges);
    id = av_query_add(self, AV_QUERY_UIDS);
    if (id == AV_QUERY_NONE)
        return id;
    own = av_xcalloc(n, sizeof *own);
    for (size_t i = 0; i < n; i++)
        own[i] = (av_query_range){ AV_MIN(ranges[i].first, ranges[i].last), AV_MAX(ranges[i].first, ranges[i].last) };
    self->ranges += n;
    av_query_node_of(self, id)->ranges = own;
    av_query_node_of(self, id)->range_count = n;
    return id;
}

av_errc
av_query_finish(av_query *self, av_query_id root, av_error *err)
{
    if (self->failure.code == AV_OK &&
        (root == AV_QUERY_NONE || root > self->count || av_query_node_of(self, root)->owned))
        (void)av_query_fail(self, AV_ERR_INVALID, "the search has no root");
    if (self->failure.code != AV_OK)
        return av_error_set(err, self->failure.code, "%s", self->failure.msg);
    av_query_node_of(self, root)->owned = true;
    self->root = root;
    return AV_OK;
}

av_query_id
av_query_root(const av_query *self)
{
    return self->root;
}

const av_query_node *
av_query_node_at(const av_query *self, av_query_id id)
{
    assert(id >= 1 && id <= self->count);
    return &self->nodes[id - 1];
}

size_t
av_query_count(const av_query *self)
{
    return self->count;
}
