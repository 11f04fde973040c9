/*
 * match.c - a query held against a document
 *
 * The compiled form keeps the query's ids, so a node's children are walked as in the query; it recurses as deep as the
 * query is high, which query.c holds to AV_QUERY_DEPTH_MAX.
 */
#include "storage/index/match.h"

#include "storage/index/near.h"
#include "storage/index/needle.h"

typedef struct rule {
    av_query_node node; /* its spans point to copies of our own */
    av_needle *needle;  /* text kinds, HEADER and HEADER_WORD */
    av_near *near;      /* NEAR */
    uint32_t needs;     /* of this node alone */
} rule;

struct av_matcher {
    rule *rules; /* id - 1 is the index */
    size_t count;
    av_query_id root;
    uint32_t needs;
};

static const struct place {
    uint32_t field;
    uint32_t need;
    size_t offset; /* of the span in av_match_doc */
} places[] = {
    { AV_QUERY_IN_SUBJECT, AV_MATCH_NEED_HEADERS, offsetof(av_match_doc, subject) },
    { AV_QUERY_IN_FROM, AV_MATCH_NEED_HEADERS, offsetof(av_match_doc, from) },
    { AV_QUERY_IN_TO, AV_MATCH_NEED_HEADERS, offsetof(av_match_doc, to) },
    { AV_QUERY_IN_CC, AV_MATCH_NEED_HEADERS, offsetof(av_match_doc, cc) },
    { AV_QUERY_IN_BCC, AV_MATCH_NEED_HEADERS, offsetof(av_match_doc, bcc) },
    { AV_QUERY_IN_FILENAME, AV_MATCH_NEED_FILENAMES, offsetof(av_match_doc, filenames) },
    { AV_QUERY_IN_HEADER, AV_MATCH_NEED_HEADER_TEXT, offsetof(av_match_doc, header_text) },
    { AV_QUERY_IN_BODY, AV_MATCH_NEED_BODY, offsetof(av_match_doc, body) },
    { AV_QUERY_IN_ATTACHMENT, AV_MATCH_NEED_ATTACHMENTS, offsetof(av_match_doc, attachments) },
};

/* Looks for a text in fields. */
static bool
is_text(av_query_kind kind)
{
    switch (kind) {
    case AV_QUERY_WORD:
    case AV_QUERY_PREFIX:
    case AV_QUERY_SUBSTRING:
    case AV_QUERY_SUFFIX:
    case AV_QUERY_WILDCARD:
    case AV_QUERY_NEAR:
    case AV_QUERY_STEM:
        return true;
    default:
        return false;
    }
}

static uint32_t
needs_of(const av_query_node *node)
{
    uint32_t needs = 0;

    for (size_t i = 0; is_text(node->kind) && i < AV_COUNT(places); i++)
        if ((node->fields & places[i].field) != 0)
            needs |= places[i].need;
    switch (node->kind) {
    case AV_QUERY_HEADER:
    case AV_QUERY_HEADER_WORD:
        return AV_MATCH_NEED_HEADER;
    case AV_QUERY_DATE:
        return node->date >= AV_QUERY_DATE_RECEIVED ? AV_MATCH_NEED_META : AV_MATCH_NEED_DATE;
    case AV_QUERY_SIZE:
        return AV_MATCH_NEED_SIZE;
    case AV_QUERY_HAS_ATTACHMENT:
        return AV_MATCH_NEED_FILENAMES;
    case AV_QUERY_FOLDER:
    case AV_QUERY_ID:
    case AV_QUERY_FLAG:
    case AV_QUERY_KEYWORD:
    case AV_QUERY_UIDS:
    case AV_QUERY_THREAD:
    case AV_QUERY_MODSEQ:
        return AV_MATCH_NEED_META;
    default:
        return needs;
    }
}

static av_span
copy(av_span s)
{
    return av_span_of(av_span_dup(s), s.n);
}

static void
compile(const av_query_node *from, rule *to)
{
    to->node = *from;
    to->node.text = copy(from->text);
    to->node.name = copy(from->name);
    to->needs = needs_of(from);
    if (from->kind == AV_QUERY_NEAR)
        to->near = av_near_new(from->text, from->distance);
    else if (from->kind == AV_QUERY_HEADER || from->kind == AV_QUERY_HEADER_WORD)
        to->needle = av_needle_new(from->text, from->how);
    else if (is_text(from->kind) && from->kind != AV_QUERY_STEM)
        to->needle = av_needle_new(from->text, from->kind);
    if (from->range_count > 0) {
        av_query_range *ranges = av_xcalloc(from->range_count, sizeof *ranges);

        memcpy(ranges, from->ranges, from->range_count * sizeof *ranges);
        to->node.ranges = ranges;
    }
}

/* What the root reaches; a child's id is always lower than its parent's. The rest must not ask for anything. */
static void
compile_all(const av_query *query, av_matcher *self)
{
    AV_CLEANUP(av_free) bool *reached = av_xcalloc(self->count + 1, sizeof *reached);

    reached[self->root] = true;
    for (av_query_id id = self->root; id > 0; id--) {
        const av_query_node *node = av_query_node_at(query, id);

        if (!reached[id])
            continue;
        compile(node, &self->rules[id - 1]);
        self->needs |= self->rules[id - 1].needs;
        for (av_query_id child = node->first_child; child != AV_QUERY_NONE;
             child = av_query_node_at(query, child)->next)
            reached[child] = true;
    }
}

av_errc
av_matcher_new(const av_query *query, av_matcher **ret, av_error *err)
{
    av_matcher *self;

    if (av_query_root(query) == AV_QUERY_NONE)
        return av_error_set(err, AV_ERR_INVALID, "the search is not finished");
    self = av_xcalloc(1, sizeof *self);
    self->count = av_query_count(query);
    self->root = av_query_root(query);
    self->rules = av_xcalloc(self->count, sizeof *self->rules);
    compile_all(query, self);
    *ret = self;
    return AV_OK;
}

void
av_matcher_destroy(av_matcher **self)
{
    av_matcher *m = *self;

    if (m == NULL)
        return;
    for (size_t i = 0; i < m->count; i++) {
        av_needle_destroy(&m->rules[i].needle);
        av_near_destroy(&m->rules[i].near);
        free((void *)m->rules[i].node.text.p);
        free((void *)m->rules[i].node.name.p);
        free((void *)m->rules[i].node.ranges);
    }
    free(m->rules);
    free(m);
    *self = NULL;
}

uint32_t
av_matcher_needs(const av_matcher *self)
{
    return self->needs;
}

static av_match
answer(bool yes)
{
    return yes ? AV_MATCH_YES : AV_MATCH_NO;
}

static bool
stands_in(const rule *r, av_span text)
{
    size_t at, end;

    if (r->node.kind == AV_QUERY_NEAR)
        return av_near_test(r->near, text);
    if (r->node.kind == AV_QUERY_STEM)
        return av_near_stem(r->node.name, r->node.text, text);
    return av_needle_find(r->needle, text, &at, &end);
}

/* Text in any of its fields; what is at hand may already say yes. */
static av_match
match_text(const rule *r, const av_match_doc *doc, uint32_t have)
{
    av_match rest = AV_MATCH_NO;

    for (size_t i = 0; i < AV_COUNT(places); i++) {
        av_span text;

        if ((r->node.fields & places[i].field) == 0)
            continue;
        if ((have & places[i].need) == 0) {
            rest = AV_MATCH_MAYBE;
            continue;
        }
        memcpy(&text, (const char *)doc + places[i].offset, sizeof text);
        if (text.n > 0 && stands_in(r, text))
            return AV_MATCH_YES;
    }
    return rest;
}

static bool
match_header(const rule *r, const av_match_doc *doc)
{
    av_span value;
    size_t at, end;

    for (size_t i = 0; doc->header != NULL && doc->header(doc->header_context, r->node.name, i, &value); i++)
        if (av_needle_find(r->needle, value, &at, &end))
            return true;
    return false;
}

static bool
match_date(const av_query_node *node, const av_match_doc *doc)
{
    int64_t at = node->date == AV_QUERY_DATE_SAVED ? doc->saved_unix_s : doc->received_unix_s;

    if (node->date < AV_QUERY_DATE_RECEIVED && doc->has_date)
        at = doc->date_unix_s;
    if (node->date == AV_QUERY_DATE_SENT_LOCAL && doc->has_date)
        at += (int64_t)doc->date_zone_min * 60;
    return at >= node->from_unix_s && (at < node->to_unix_s || node->to_unix_s == INT64_MAX);
}

/* RFC 9051, 9 (seq-range): "*" is the last message, and a range may stand either way round. */
static bool
match_uids(const av_query_node *node, const av_match_doc *doc)
{
    uint32_t star = doc->last_uid == 0 ? doc->uid : doc->last_uid;

    for (size_t i = 0; i < node->range_count; i++) {
        uint32_t a = node->ranges[i].first == UINT32_MAX ? star : node->ranges[i].first;
        uint32_t b = node->ranges[i].last == UINT32_MAX ? star : node->ranges[i].last;

        if (doc->uid >= AV_MIN(a, b) && doc->uid <= AV_MAX(a, b))
            return true;
    }
    return false;
}

static bool
match_keyword(av_span wanted, av_span keywords)
{
    while (keywords.n > 0) {
        size_t n = av_span_find(keywords, ' ');

        if (av_span_ieq(av_span_slice(keywords, 0, n), wanted))
            return true;
        keywords = av_span_skip(keywords, AV_MIN(n + 1, keywords.n));
    }
    return false;
}

/* A leaf whose members are all at hand. */
static bool
match_leaf(const rule *r, const av_match_doc *doc)
{
    switch (r->node.kind) {
    case AV_QUERY_HEADER:
    case AV_QUERY_HEADER_WORD:
        return match_header(r, doc);
    case AV_QUERY_FOLDER:
        return av_query_folder_matches(doc->folder, r->node.text);
    case AV_QUERY_DATE:
        return match_date(&r->node, doc);
    case AV_QUERY_SIZE:
        return doc->size_bytes >= r->node.min_bytes && doc->size_bytes <= r->node.max_bytes;
    case AV_QUERY_HAS_ATTACHMENT:
        return doc->has_attachment;
    case AV_QUERY_ID:
        return av_span_eq(doc->id, r->node.text);
    case AV_QUERY_FLAG:
        return (doc->flags & (uint32_t)r->node.flag) != 0;
    case AV_QUERY_KEYWORD:
        return match_keyword(r->node.text, doc->keywords);
    case AV_QUERY_UIDS:
        return match_uids(&r->node, doc);
    case AV_QUERY_THREAD:
        return av_span_eq(doc->thread, r->node.text);
    case AV_QUERY_MODSEQ:
        return doc->modseq >= r->node.modseq;
    default:
        return true; /* AV_QUERY_ALL */
    }
}

static av_match match_node(const av_matcher *self, av_query_id id, const av_match_doc *doc, uint32_t have);

/* AND ends at the first no, OR at the first yes; otherwise a maybe below is a maybe here. */
static av_match
match_children(const av_matcher *self, const av_query_node *node, const av_match_doc *doc, uint32_t have)
{
    av_match decisive = node->kind == AV_QUERY_AND ? AV_MATCH_NO : AV_MATCH_YES;
    av_match result = node->kind == AV_QUERY_AND ? AV_MATCH_YES : AV_MATCH_NO;

    for (av_query_id id = node->first_child; id != AV_QUERY_NONE; id = self->rules[id - 1].node.next) {
        av_match one = match_node(self, id, doc, have);

        if (one == decisive)
            return one;
        if (one == AV_MATCH_MAYBE)
            result = one;
    }
    return result;
}

static av_match
match_node(const av_matcher *self, av_query_id id, const av_match_doc *doc, uint32_t have)
{
    const rule *r = &self->rules[id - 1];
    av_match below;

    switch (r->node.kind) {
    case AV_QUERY_AND:
    case AV_QUERY_OR:
        return match_children(self, &r->node, doc, have);
    case AV_QUERY_NOT:
        below = match_node(self, r->node.first_child, doc, have);
        return below == AV_MATCH_MAYBE ? below : answer(below == AV_MATCH_NO);
    default:
        if (is_text(r->node.kind))
            return match_text(r, doc, have);
        return (r->needs & ~have) != 0 ? AV_MATCH_MAYBE : answer(match_leaf(r, doc));
    }
}

av_match
av_matcher_try(const av_matcher *self, const av_match_doc *doc, uint32_t have)
{
    return match_node(self, self->root, doc, have);
}

bool
av_matcher_test(const av_matcher *self, const av_match_doc *doc)
{
    return match_node(self, self->root, doc, UINT32_MAX) == AV_MATCH_YES;
}
