/*
 * evaluate.h - a query held against the runs of an index: which documents surely match, which may
 *
 * Bounds instead of guesses: `sure` are documents that match by what the index knows alone, `maybe` a superset of all
 * that match. Where both are the same the index has decided; what lies between is for the caller to test against the
 * message (storage/index/match.h), so an answer is exact whatever the query asks. AND, OR and NOT work on the bounds.
 *
 * Any thread; blocks on disk. Recurses as deep as the query is high (AV_QUERY_DEPTH_MAX).
 */
#ifndef AV_STORAGE_INDEX_EVALUATE_H
#define AV_STORAGE_INDEX_EVALUATE_H

#include "storage/index/index.h"
#include "storage/index/query.h"

typedef struct av_bounds {
    roaring_bitmap_t *sure, *maybe; /* sure is within maybe; released with av_bounds_release */
} av_bounds;
void av_bounds_release(av_bounds *self);

/* What the index itself does not know, and how far to go. All members may be left out (zeros). */
typedef struct av_evaluate_options {
    /*
     * Documents for which a node holds that speaks of a place: FOLDER, ID, THREAD, FLAG, KEYWORD, UIDS, MODSEQ, DATE
     * received and saved, and SIZE when that means the CRLF view. Those
     * for which it surely does are added to sure, those for which it may to maybe (what is sure need not be); what is
     * outside the reader's documents does not matter. A message with several places matches where one of them has all
     * that is asked: it is sure when all of its places hold, and may match when one does. AV_ERR_UNSUPPORTED: not
     * known here, everything may match. Also when facts is NULL.
     */
    av_errc (*facts)(
        void *ctx, const av_query_node *node, roaring_bitmap_t *sure, roaring_bitmap_t *maybe, av_error *err);
    void *facts_ctx;
    bool crlf_sizes;           /* SIZE means the CRLF view, which is not smaller than what is stored as size */
    uint32_t expansion;        /* words that part of a phrase may stand for, before it is left to the text; 0: 4,096 */
    bool (*cancel)(void *ctx); /* asked now and then: true ends it with AV_ERR_CANCELLED */
    void *cancel_ctx;
    av_buf *explain; /* gets a line for each node: what was looked up, how many documents are sure and may match */
} av_evaluate_options;

/*
 * among    documents that count (what the reader may see): nothing outside it is in either bound
 * options  NULL: none
 * ret      set on success
 */
av_errc av_evaluate(const av_index_view *view, const av_query *query, const roaring_bitmap_t *among,
    const av_evaluate_options *options, av_bounds *ret, av_error *err);

#endif
