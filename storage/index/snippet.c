/*
 * snippet.c - see snippet.h
 */
#include "storage/index/snippet.h"

#include "base/unicode.h"
#include "storage/index/needle.h"

enum { NEEDLES_MAX = 32, LEAD_IN = 60 };

typedef struct wanted {
    av_needle *needle;
    uint32_t fields;
} wanted;

struct av_snippets {
    wanted wanted[NEEDLES_MAX];
    size_t n;
};

/* Texts that a needle finds. NEAR and stems are words apart: what is shown for them is the beginning. */
static bool
is_shown(av_query_kind kind)
{
    switch (kind) {
    case AV_QUERY_WORD:
    case AV_QUERY_PREFIX:
    case AV_QUERY_SUBSTRING:
    case AV_QUERY_SUFFIX:
    case AV_QUERY_WILDCARD:
        return true;
    default:
        return false;
    }
}

static void
gather(av_snippets *self, const av_query *query, av_query_id id, bool negated)
{
    const av_query_node *node = av_query_node_at(query, id);

    if (!negated && is_shown(node->kind) && node->text.n > 0 && self->n < NEEDLES_MAX)
        self->wanted[self->n++] = (wanted){ av_needle_new(node->text, node->kind), node->fields };
    for (av_query_id child = node->first_child; child != AV_QUERY_NONE; child = av_query_node_at(query, child)->next)
        gather(self, query, child, negated != (node->kind == AV_QUERY_NOT));
}

av_snippets *
av_snippets_new(const av_query *query)
{
    av_snippets *self = av_xcalloc(1, sizeof *self);

    gather(self, query, av_query_root(query), false);
    return self;
}

void
av_snippets_destroy(av_snippets **self)
{
    if (*self == NULL)
        return;
    for (size_t i = 0; i < (*self)->n; i++)
        av_needle_destroy(&(*self)->wanted[i].needle);
    free(*self);
    *self = NULL;
}

uint32_t
av_snippets_needs(const av_snippets *self)
{
    uint32_t needs = AV_MATCH_NEED_BODY;

    for (size_t i = 0; i < self->n; i++)
        needs |= (self->wanted[i].fields & AV_QUERY_IN_ATTACHMENT) != 0 ? AV_MATCH_NEED_ATTACHMENTS : 0U;
    return needs;
}

/* The first text of the query that stands in this one, as early as any. */
static bool
find_first(const av_snippets *self, av_span text, uint32_t field, size_t *ret_at)
{
    size_t at, end;
    bool found = false;

    for (size_t i = 0; i < self->n; i++) {
        if ((self->wanted[i].fields & field) == 0 || !av_needle_find(self->wanted[i].needle, text, &at, &end))
            continue;
        *ret_at = found ? AV_MIN(*ret_at, at) : at;
        found = true;
    }
    return found;
}

static bool
is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Where to begin so that `at` stands some way in: behind white space, or else at a whole character. */
static size_t
begin_of(av_span text, size_t at)
{
    size_t from = at > LEAD_IN ? at - LEAD_IN : 0, i = from;

    while (i > 0 && i < at && !is_space(text.p[i]))
        i++;
    if (i < at)
        from = i;
    while (from < at && (text.p[from] & 0xC0) == 0x80)
        from++;
    return from;
}

/* White space as one blank, to a whole character and, when one is near, a whole word. */
static void
copy(av_span text, av_buf *out)
{
    size_t i = 0;

    while (i < text.n && out->n < AV_SNIPPET_BYTES) {
        if (!is_space(text.p[i])) {
            (void)av_buf_putc(out, text.p[i++]);
            continue;
        }
        while (i < text.n && is_space(text.p[i]))
            i++;
        if (out->n > 0 && i < text.n)
            (void)av_buf_putc(out, ' ');
    }
    if (i == text.n)
        return;
    while (out->n > 0 && (text.p[i] & 0xC0) == 0x80) { /* the next byte belongs to the last character: take that out */
        i--;
        out->n--;
    }
}

static int
by_offset(const void *a, const void *b)
{
    const av_snippet_mark *x = a, *y = b;

    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return x->length > y->length ? -1 : x->length < y->length;
}

/* In order; where several texts were found at one place they are one mark. */
static size_t
join_marks(av_snippet_mark *marks, size_t n)
{
    size_t kept = 0;

    if (n > 1)
        qsort(marks, n, sizeof *marks, by_offset);
    for (size_t i = 0; i < n; i++) {
        av_snippet_mark *last = &marks[kept == 0 ? 0 : kept - 1];

        if (kept > 0 && marks[i].offset < last->offset + last->length)
            last->length = AV_MAX(last->length, marks[i].offset + marks[i].length - last->offset);
        else
            marks[kept++] = marks[i];
    }
    return kept;
}

static size_t
mark(const av_snippets *self, av_span snippet, uint32_t field, av_snippet_mark ret[AV_SNIPPET_MARKS])
{
    av_snippet_mark all[NEEDLES_MAX * AV_SNIPPET_MARKS];
    size_t n = 0, kept;

    for (size_t i = 0; i < self->n; i++) {
        av_span rest = snippet;
        size_t at, end, most = n + AV_SNIPPET_MARKS;

        if ((self->wanted[i].fields & field) == 0)
            continue;
        while (n < most && av_needle_find(self->wanted[i].needle, rest, &at, &end) && end > at) {
            all[n++] = (av_snippet_mark){ (uint32_t)((size_t)(rest.p - snippet.p) + at), (uint32_t)(end - at) };
            rest = av_span_skip(rest, end);
        }
    }
    kept = AV_MIN(join_marks(all, n), (size_t)AV_SNIPPET_MARKS);
    memcpy(ret, all, kept * sizeof *all);
    return kept;
}

size_t
av_snippets_make(const av_snippets *self, const av_match_doc *doc, av_buf *out, av_snippet_mark ret[AV_SNIPPET_MARKS])
{
    av_span text = doc->body;
    uint32_t field = AV_QUERY_IN_BODY;
    size_t at = 0;

    av_buf_clear(out);
    if (!find_first(self, text, field, &at) && find_first(self, doc->attachments, AV_QUERY_IN_ATTACHMENT, &at)) {
        text = doc->attachments;
        field = AV_QUERY_IN_ATTACHMENT;
    }
    copy(av_span_skip(text, begin_of(text, at)), out);
    return mark(self, av_buf_span(out), field, ret);
}
