/*
 * evaluate_text.c - words, phrases, beginnings and pieces of words, asked of each run
 */
#include "storage/index/evaluate_priv.h"
#include "storage/index/pattern.h"

#define EXPANDED_MAX ((size_t)64 << 20) /* bytes of the words one piece stands for in a run */

/* A mask of the query is one of the runs. */
_Static_assert((int)AV_FIELD_SUBJECT == AV_QUERY_IN_SUBJECT && (int)AV_FIELD_BODY == AV_QUERY_IN_BODY &&
                   (int)AV_FIELD_FROM == AV_QUERY_IN_FROM && (int)AV_FIELD_TO == AV_QUERY_IN_TO &&
                   (int)AV_FIELD_CC == AV_QUERY_IN_CC && (int)AV_FIELD_BCC == AV_QUERY_IN_BCC &&
                   (int)AV_FIELD_FILENAME == AV_QUERY_IN_FILENAME &&
                   (int)AV_FIELD_ATTACHMENT == AV_QUERY_IN_ATTACHMENT && (int)AV_FIELD_HEADER == AV_QUERY_IN_HEADER,
    "fields of runs are those of queries");

typedef struct asking {
    av_evaluation *evaluation;
    const av_pattern *pattern;
    uint32_t fields;
    const av_index_run *run;
    size_t piece;
    size_t expansion; /* terms a piece of a phrase may stand for */
    size_t most;      /* the same for the piece at hand */
    av_buf terms;     /* the bytes of all alternatives */
    av_buf offsets;   /* size_t: where each ends */
    size_t count;
    bool over;
} asking;

static void
everything(const roaring_bitmap_t *among, av_bounds *ret)
{
    roaring_bitmap_or_inplace(ret->maybe, among);
}

/* ---- what a piece stands for ---- */

static bool
take_term(void *ctx, av_span term, AV_UNUSED uint64_t count)
{
    asking *a = ctx;
    size_t end;

    if (!av_pattern_admits(a->pattern, a->piece, term))
        return !(a->count % 1024 == 0 && av_evaluation_is_cancelled(a->evaluation));
    if (a->count == a->most) {
        a->over = true;
        return false;
    }
    end = a->terms.n + term.n;
    if (!av_buf_append_span(&a->terms, term) || !av_buf_append(&a->offsets, &end, sizeof end)) {
        a->over = true;
        return false;
    }
    a->count++;
    return true;
}

static av_errc
expand(asking *a, size_t piece, size_t most, av_error *err)
{
    a->piece = piece;
    a->most = most;
    a->count = 0;
    a->over = false;
    av_buf_clear(&a->terms);
    av_buf_clear(&a->offsets);
    return av_run_each_term(a->run->run, av_buf_span(&a->pattern->pieces[piece].term), take_term, a, err);
}

static size_t
end_of(const asking *a, size_t i)
{
    size_t end;

    memcpy(&end, a->offsets.p + i * sizeof end, sizeof end);
    return end;
}

/* ---- one word ---- */

static bool
is_admitted(void *ctx, av_span term, bool *stop)
{
    asking *a = ctx;

    *stop = ++a->count % 4096 == 0 && av_evaluation_is_cancelled(a->evaluation);
    return av_pattern_admits(a->pattern, a->piece, term);
}

/* Documents outside of among may be left out. */
static av_errc
docs_of_piece(asking *a, size_t piece, const roaring_bitmap_t *among, roaring_bitmap_t *out, av_error *err)
{
    av_span term = av_buf_span(&a->pattern->pieces[piece].term);
    const av_run *run = a->run->run;

    if (av_pattern_is_closed(a->pattern, piece))
        return av_run_docs(run, term, a->fields, among, a->run->first, out, err);
    if (av_pattern_is_prefix(a->pattern, piece))
        return av_run_docs_prefix(run, term, a->fields, among, a->run->first, out, err);
    a->piece = piece;
    a->count = 0;
    return av_run_docs_where(run, term, is_admitted, a, a->fields, among, a->run->first, out, err);
}

/* ---- words in a row ---- */

/* A list of alternatives for each piece; owned bytes, so that the terms can point into them. */
typedef struct choices {
    av_terms lists[AV_PATTERN_PIECES];
    uint32_t offsets[AV_PATTERN_PIECES];
    av_span *spans[AV_PATTERN_PIECES];
    uint8_t *bytes[AV_PATTERN_PIECES];
    size_t n;
} choices;

static void
choices_release(choices *self)
{
    for (size_t i = 0; i < self->n; i++) {
        free(self->spans[i]);
        free(self->bytes[i]);
    }
}

/* false: the piece stands for too many words and is left out. */
static av_errc
add_choice(asking *a, size_t piece, choices *to, bool *ret_added, av_error *err)
{
    bool open = !av_pattern_is_closed(a->pattern, piece);
    size_t i = to->n, n = 1;
    av_errc rc = AV_OK;

    *ret_added = false;
    if (open) {
        rc = expand(a, piece, a->expansion, err);
        if (rc != AV_OK || a->over)
            return rc;
        n = a->count;
    }
    *ret_added = true;
    to->spans[i] = av_xcalloc(n + 1, sizeof **to->spans);
    if (open) {
        to->bytes[i] = av_xcalloc(1, a->terms.n + 1);
        if (a->terms.n > 0)
            memcpy(to->bytes[i], a->terms.p, a->terms.n);
        for (size_t k = 0; k < n; k++) {
            size_t from = k == 0 ? 0 : end_of(a, k - 1);

            to->spans[i][k] = av_span_of(to->bytes[i] + from, end_of(a, k) - from);
        }
    } else {
        to->spans[i][0] = av_buf_span(&a->pattern->pieces[piece].term);
    }
    to->lists[i] = (av_terms){ to->spans[i], n };
    to->offsets[i] = a->pattern->pieces[piece].offset;
    to->n++;
    return AV_OK;
}

/* Words that are written out by how many documents have them, then what may stand for many words. */
static av_errc
by_frequency(const asking *a, size_t ret_order[AV_PATTERN_PIECES], av_error *err)
{
    uint64_t counts[AV_PATTERN_PIECES];
    av_errc rc = AV_OK;

    for (size_t i = 0; rc == AV_OK && i < a->pattern->n; i++) {
        uint64_t count = UINT64_MAX;
        size_t at = i;

        if (av_pattern_is_closed(a->pattern, i))
            rc = av_run_frequency(a->run->run, av_buf_span(&a->pattern->pieces[i].term), &count, err);
        for (; at > 0 && counts[at - 1] > count; at--) {
            counts[at] = counts[at - 1];
            ret_order[at] = ret_order[at - 1];
        }
        counts[at] = count;
        ret_order[at] = i;
    }
    return rc;
}

/* Documents that have all the words, wherever; nothing more is asked of the others. */
static av_errc
candidates(asking *a, const roaring_bitmap_t *among, roaring_bitmap_t **ret, av_error *err)
{
    roaring_bitmap_t *all = roaring_bitmap_copy(among);
    size_t order[AV_PATTERN_PIECES] = { 0 };
    av_errc rc = by_frequency(a, order, err);

    for (size_t i = 0; rc == AV_OK && i < a->pattern->n && !roaring_bitmap_is_empty(all); i++) {
        roaring_bitmap_t *docs = roaring_bitmap_create();

        rc = docs_of_piece(a, order[i], all, docs, err);
        roaring_bitmap_and_inplace(all, docs);
        roaring_bitmap_free(docs);
    }
    if (rc != AV_OK) {
        roaring_bitmap_free(all);
        return rc;
    }
    *ret = all;
    return AV_OK;
}

static av_errc
docs_in_row(asking *a, const roaring_bitmap_t *among, roaring_bitmap_t *out, bool *exact, av_error *err)
{
    AV_CLEANUP(choices_release) choices choice = { .n = 0 };
    roaring_bitmap_t *docs;
    bool added;
    av_errc rc = candidates(a, among, &docs, err);

    if (rc != AV_OK)
        return rc;
    for (size_t i = 0; rc == AV_OK && i < a->pattern->n && !roaring_bitmap_is_empty(docs); i++) {
        rc = add_choice(a, i, &choice, &added, err);
        *exact = *exact && (rc != AV_OK || added);
    }
    if (rc == AV_OK && choice.n > 0 && !roaring_bitmap_is_empty(docs)) {
        for (size_t i = choice.n; i-- > 0;)
            choice.offsets[i] -= choice.offsets[0];
        if (a->pattern->within > 0)
            rc = av_run_near(
                a->run->run, choice.lists, choice.n, a->pattern->within, a->fields, docs, a->run->first, out, err);
        else
            rc = av_run_phrase(
                a->run->run, choice.lists, choice.offsets, choice.n, a->fields, docs, a->run->first, out, err);
        if (rc == AV_ERR_LIMIT) { /* more places in one document than a run looks at: the text decides */
            *exact = false;
            roaring_bitmap_or_inplace(out, docs);
            rc = AV_OK;
        }
    } else if (rc == AV_OK) {
        roaring_bitmap_or_inplace(out, docs);
    }
    roaring_bitmap_free(docs);
    return rc;
}

/* ---- a node ---- */

static av_errc
ask_runs(av_evaluation *self, const av_pattern *pattern, uint32_t fields, const roaring_bitmap_t *among, av_bounds *ret,
    av_error *err)
{
    asking a = { .evaluation = self,
        .pattern = pattern,
        .fields = fields,
        .expansion = self->o->expansion != 0 ? self->o->expansion : AV_EXPANSION_DEFAULT };
    av_errc rc = AV_OK;

    av_buf_init(&a.terms, EXPANDED_MAX);
    av_buf_init(&a.offsets, EXPANDED_MAX);

    for (size_t i = 0; rc == AV_OK && i < self->run_count; i++) {
        roaring_bitmap_t *found = roaring_bitmap_create();
        bool exact = pattern->exact;

        if (av_evaluation_is_cancelled(self))
            rc = av_error_set(err, AV_ERR_CANCELLED, "the search was cancelled");
        a.run = &self->runs[i];
        if (rc == AV_OK)
            rc = pattern->n == 1 ? docs_of_piece(&a, 0, among, found, err) : docs_in_row(&a, among, found, &exact, err);
        if (rc == AV_OK) {
            roaring_bitmap_or_inplace(ret->maybe, found);
            if (exact)
                roaring_bitmap_or_inplace(ret->sure, found);
        }
        roaring_bitmap_free(found);
    }
    av_buf_release(&a.terms);
    av_buf_release(&a.offsets);
    return rc;
}

/* The field that holds the decoded values of a header field; 0: none does. */
static uint32_t
field_of_header(av_span name)
{
    static const struct {
        const char *name;
        uint32_t field;
    } known[] = { { "subject", AV_FIELD_SUBJECT }, { "from", AV_FIELD_FROM }, { "to", AV_FIELD_TO },
        { "cc", AV_FIELD_CC }, { "bcc", AV_FIELD_BCC } };

    for (size_t i = 0; i < AV_COUNT(known); i++)
        if (av_span_ieq_str(name, known[i].name))
            return known[i].field;
    return 0;
}

/* A header field's own index field decides for one word; more could stand in two fields of the name. */
static uint32_t
fields_of(const av_query_node *node, bool *ret_decides)
{
    if (node->kind != AV_QUERY_HEADER && node->kind != AV_QUERY_HEADER_WORD) {
        *ret_decides = true;
        return node->fields & AV_FIELD_ALL;
    }
    *ret_decides = false;
    return field_of_header(node->name);
}

av_errc
av_evaluate_frequency(const av_evaluation *self, const av_query_node *node, uint64_t *ret, av_error *err)
{
    AV_CLEANUP(av_pattern_release) av_pattern pattern;
    uint64_t least = UINT64_MAX, sum, one = 0;
    av_errc rc = AV_OK;

    av_pattern_init(&pattern, node);
    for (size_t p = 0; rc == AV_OK && p < pattern.n; p++) {
        if (!av_pattern_is_closed(&pattern, p))
            continue;
        sum = 0;
        for (size_t i = 0; rc == AV_OK && i < self->run_count; i++, sum += one)
            rc = av_run_frequency(self->runs[i].run, av_buf_span(&pattern.pieces[p].term), &one, err);
        least = AV_MIN(least, sum);
    }
    *ret = least;
    return rc;
}

av_errc
av_evaluate_text(
    av_evaluation *self, const av_query_node *node, const roaring_bitmap_t *among, av_bounds *ret, av_error *err)
{
    AV_CLEANUP(av_pattern_release) av_pattern pattern;
    bool decides;
    uint32_t fields = fields_of(node, &decides);
    av_errc rc;

    av_pattern_init(&pattern, node);
    pattern.exact = pattern.exact && (decides || pattern.n == 1);
    if (fields == 0 || pattern.n == 0) {
        everything(among, ret);
        return AV_OK;
    }
    rc = ask_runs(self, &pattern, fields, among, ret, err);
    /* Of the other header fields the index has only those of choice. */
    if (rc == AV_OK && (node->fields & AV_QUERY_IN_HEADER) != 0)
        everything(among, ret);
    return rc;
}
