/*
 * evaluate.c - the inner nodes of a query, on bounds
 *
 *   AND  sure = all sures,  maybe = all maybes      OR  the same with any      NOT  sure = among - maybe, maybe = among - sure
 *
 * Children of AND are asked in the order of what they cost, each only about the documents that may still match.
 */
#include "storage/index/evaluate.h"

#include <inttypes.h>

#include "storage/index/evaluate_priv.h"
#include "storage/index/query_describe.h"

static av_errc evaluate_node(
    av_evaluation *self, av_query_id id, unsigned level, const roaring_bitmap_t *among, av_bounds *ret, av_error *err);

void
av_bounds_release(av_bounds *self)
{
    if (self->sure != NULL)
        roaring_bitmap_free(self->sure);
    if (self->maybe != NULL)
        roaring_bitmap_free(self->maybe);
    *self = (av_bounds){ NULL, NULL };
}

bool
av_evaluation_is_cancelled(const av_evaluation *self)
{
    return self->o->cancel != NULL && self->o->cancel(self->o->cancel_ctx);
}

static void
narrow(av_bounds *self, const roaring_bitmap_t *among)
{
    roaring_bitmap_and_inplace(self->sure, among);
    roaring_bitmap_and_inplace(self->maybe, among);
}

/* Lower first: sets at hand, then words, then what reads a column or the whole dictionary. */
static unsigned
cost_of(const av_query *query, const av_query_node *node)
{
    unsigned most = 0;

    switch (node->kind) {
    case AV_QUERY_ID:
    case AV_QUERY_UIDS:
    case AV_QUERY_THREAD:
        return 0;
    case AV_QUERY_WORD:
        return 1;
    case AV_QUERY_FOLDER:
    case AV_QUERY_FLAG:
    case AV_QUERY_KEYWORD:
    case AV_QUERY_PREFIX:
        return 2;
    case AV_QUERY_AND:
    case AV_QUERY_OR:
    case AV_QUERY_NOT:
        for (av_query_id id = node->first_child; id != AV_QUERY_NONE; id = av_query_node_at(query, id)->next)
            most = AV_MAX(most, cost_of(query, av_query_node_at(query, id)));
        return most;
    case AV_QUERY_DATE:
    case AV_QUERY_SIZE:
    case AV_QUERY_HAS_ATTACHMENT:
    case AV_QUERY_MODSEQ:
        return 3;
    default:
        return 4;
    }
}

/* A child's place among others: what it costs, and of words how many documents they have. */
typedef struct ranked {
    av_query_id id;
    unsigned cost;
    uint64_t documents;
} ranked;

static bool
is_before(const ranked *a, const ranked *b)
{
    return a->cost != b->cost ? a->cost < b->cost : a->documents < b->documents;
}

/* The children of a node, the cheap ones first and of words the rare ones: what comes behind is asked of few documents. */
static av_errc
by_cost(const av_evaluation *self, const av_query_node *node, ranked **ret, size_t *ret_n, av_error *err)
{
    AV_CLEANUP(av_free) ranked *all = av_xcalloc(av_query_count(self->query) + 1, sizeof *all);
    size_t n = 0, at;
    av_errc rc;

    for (av_query_id id = node->first_child; id != AV_QUERY_NONE; id = av_query_node_at(self->query, id)->next) {
        const av_query_node *child = av_query_node_at(self->query, id);
        ranked one = { .id = id, .cost = cost_of(self->query, child) };

        if (child->kind == AV_QUERY_WORD) {
            rc = av_evaluate_frequency(self, child, &one.documents, err);
            if (rc != AV_OK)
                return rc;
        }
        for (at = n++; at > 0 && is_before(&one, &all[at - 1]); at--)
            all[at] = all[at - 1];
        all[at] = one;
    }
    *ret = AV_TAKE(all);
    *ret_n = n;
    return AV_OK;
}

static av_errc
evaluate_and(av_evaluation *self, const av_query_node *node, unsigned level, const roaring_bitmap_t *among,
    av_bounds *ret, av_error *err)
{
    AV_CLEANUP(av_free) ranked *children = NULL;
    size_t n = 0;
    av_errc rc = by_cost(self, node, &children, &n, err);

    roaring_bitmap_or_inplace(ret->sure, among);
    roaring_bitmap_or_inplace(ret->maybe, among);
    for (size_t i = 0; rc == AV_OK && i < n && !roaring_bitmap_is_empty(ret->maybe); i++) {
        AV_CLEANUP(av_bounds_release) av_bounds one = { NULL, NULL };

        rc = evaluate_node(self, children[i].id, level, ret->maybe, &one, err);
        if (rc != AV_OK)
            break;
        roaring_bitmap_and_inplace(ret->sure, one.sure);
        roaring_bitmap_and_inplace(ret->maybe, one.maybe);
    }
    return rc;
}

static av_errc
evaluate_or(av_evaluation *self, const av_query_node *node, unsigned level, const roaring_bitmap_t *among,
    av_bounds *ret, av_error *err)
{
    av_errc rc = AV_OK;

    for (av_query_id id = node->first_child; rc == AV_OK && id != AV_QUERY_NONE;
         id = av_query_node_at(self->query, id)->next) {
        AV_CLEANUP(av_bounds_release) av_bounds one = { NULL, NULL };

        rc = evaluate_node(self, id, level, among, &one, err);
        if (rc != AV_OK)
            break;
        roaring_bitmap_or_inplace(ret->sure, one.sure);
        roaring_bitmap_or_inplace(ret->maybe, one.maybe);
    }
    return rc;
}

static av_errc
evaluate_not(av_evaluation *self, const av_query_node *node, unsigned level, const roaring_bitmap_t *among,
    av_bounds *ret, av_error *err)
{
    AV_CLEANUP(av_bounds_release) av_bounds below = { NULL, NULL };
    av_errc rc = evaluate_node(self, node->first_child, level, among, &below, err);

    if (rc != AV_OK)
        return rc;
    roaring_bitmap_or_inplace(ret->sure, among);
    roaring_bitmap_or_inplace(ret->maybe, among);
    roaring_bitmap_andnot_inplace(ret->sure, below.maybe);
    roaring_bitmap_andnot_inplace(ret->maybe, below.sure);
    return AV_OK;
}

/* What the caller knows of places; else anything may match, or the index knows: a size. */
static av_errc
evaluate_facts(
    av_evaluation *self, const av_query_node *node, const roaring_bitmap_t *among, av_bounds *ret, av_error *err)
{
    av_errc rc = AV_ERR_UNSUPPORTED;

    if (self->o->facts != NULL)
        rc = self->o->facts(self->o->facts_ctx, node, ret->sure, ret->maybe, err);
    if (rc == AV_ERR_UNSUPPORTED && node->kind == AV_QUERY_SIZE)
        return av_evaluate_column(self, node, among, ret, err);
    if (rc == AV_ERR_UNSUPPORTED) {
        roaring_bitmap_clear(ret->sure);
        roaring_bitmap_or_inplace(ret->maybe, among);
        return AV_OK;
    }
    if (rc == AV_OK)
        roaring_bitmap_or_inplace(ret->maybe, ret->sure);
    return rc;
}

static av_errc
evaluate_kind(av_evaluation *self, const av_query_node *node, unsigned level, const roaring_bitmap_t *among,
    av_bounds *ret, av_error *err)
{
    switch (node->kind) {
    case AV_QUERY_ALL:
        roaring_bitmap_or_inplace(ret->sure, among);
        roaring_bitmap_or_inplace(ret->maybe, among);
        return AV_OK;
    case AV_QUERY_AND:
        return evaluate_and(self, node, level, among, ret, err);
    case AV_QUERY_OR:
        return evaluate_or(self, node, level, among, ret, err);
    case AV_QUERY_NOT:
        return evaluate_not(self, node, level, among, ret, err);
    case AV_QUERY_SIZE:
        if (self->o->crlf_sizes)
            return evaluate_facts(self, node, among, ret, err);
        return av_evaluate_column(self, node, among, ret, err);
    case AV_QUERY_HAS_ATTACHMENT:
        return av_evaluate_column(self, node, among, ret, err);
    case AV_QUERY_DATE:
        if (node->date < AV_QUERY_DATE_RECEIVED)
            return av_evaluate_column(self, node, among, ret, err);
        return evaluate_facts(self, node, among, ret, err);
    case AV_QUERY_FOLDER:
    case AV_QUERY_ID:
    case AV_QUERY_FLAG:
    case AV_QUERY_KEYWORD:
    case AV_QUERY_UIDS:
    case AV_QUERY_THREAD:
    case AV_QUERY_MODSEQ:
        return evaluate_facts(self, node, among, ret, err);
    default:
        return av_evaluate_text(self, node, among, ret, err);
    }
}

static void
explain(const av_evaluation *self, const av_query_node *node, unsigned level, const av_bounds *bounds)
{
    uint64_t sure = roaring_bitmap_get_cardinality(bounds->sure);
    uint64_t maybe = roaring_bitmap_get_cardinality(bounds->maybe);

    for (unsigned i = 0; i < level; i++)
        (void)av_buf_puts(self->o->explain, "  ");
    av_query_describe(node, self->o->explain);
    if (sure == maybe)
        (void)av_buf_printf(self->o->explain, ": %" PRIu64 " messages\n", sure);
    else
        (void)av_buf_printf(
            self->o->explain, ": %" PRIu64 " messages for sure, %" PRIu64 " more to be read\n", sure, maybe - sure);
}

static av_errc
evaluate_node(
    av_evaluation *self, av_query_id id, unsigned level, const roaring_bitmap_t *among, av_bounds *ret, av_error *err)
{
    const av_query_node *node = av_query_node_at(self->query, id);
    av_errc rc;

    if (av_evaluation_is_cancelled(self))
        return av_error_set(err, AV_ERR_CANCELLED, "the search was cancelled");
    ret->sure = roaring_bitmap_create();
    ret->maybe = roaring_bitmap_create();
    rc = evaluate_kind(self, node, level + 1, among, ret, err);
    if (rc != AV_OK) {
        av_bounds_release(ret);
        return rc;
    }
    narrow(ret, among);
    if (self->o->explain != NULL)
        explain(self, node, level, ret);
    return AV_OK;
}

/* Documents whose message could not be read when it was indexed: they may hold anything. */
static av_errc
add_unreadable(av_evaluation *self, const roaring_bitmap_t *among, av_bounds *ret, av_error *err)
{
    for (size_t i = 0; av_index_unreadable(self->view) > 0 && i < self->run_count; i++) {
        uint32_t n = av_run_count(self->runs[i].run);
        const uint64_t *bits = av_index_numbers(self->view, i, AV_COLUMN_BITS, err);

        if (bits == NULL)
            return err->code;
        for (uint32_t d = 0; d < n; d++) {
            uint32_t doc = self->runs[i].first + d;

            if ((bits[d] & AV_DOC_UNREADABLE) != 0 && roaring_bitmap_contains(among, doc)) {
                roaring_bitmap_add(ret->maybe, doc);
                roaring_bitmap_remove(ret->sure, doc);
            }
        }
    }
    return AV_OK;
}

av_errc
av_evaluate(const av_index_view *view, const av_query *query, const roaring_bitmap_t *among,
    const av_evaluate_options *options, av_bounds *ret, av_error *err)
{
    static const av_evaluate_options none = { 0 };
    av_evaluation self = { .view = view, .query = query, .o = options == NULL ? &none : options };
    av_bounds bounds = { NULL, NULL };
    av_errc rc;

    if (av_query_root(query) == AV_QUERY_NONE)
        return av_error_set(err, AV_ERR_INVALID, "the search is not finished");
    self.run_count = av_index_runs(view, &self.runs);
    rc = evaluate_node(&self, av_query_root(query), 0, among, &bounds, err);
    if (rc == AV_OK)
        rc = add_unreadable(&self, among, &bounds, err);
    if (rc != AV_OK) {
        av_bounds_release(&bounds);
        return rc;
    }
    *ret = bounds;
    return AV_OK;
}
