/*
 * evaluate.h - a query held against the runs of an index: which documents surely match, which may
 *
 * Bounds instead of guesses: `sure` are documents that match by what the index knows alone, `maybe` a superset of all that
 * match. Where both are the same the index has decided; what lies between is for the caller to test against the message
 * (storage/index/match.h), so an answer is exact whatever the query asks. AND, OR and NOT work on the bounds.
 *
 * Facts of a place (flags, keywords, UIDs, received date) are not in an index: everything may match. Folders come as
 * sets of documents from the caller.
 */
#ifndef AV_STORAGE_INDEX_EVALUATE_H
#define AV_STORAGE_INDEX_EVALUATE_H

#include "storage/index/index.h"
#include "storage/index/query.h"

typedef struct av_bounds {
    roaring_bitmap_t *sure, *maybe; /* sure is within maybe; the caller's to release */
} av_bounds;
void av_bounds_release(av_bounds *self);

typedef struct av_evaluate_limits {
    uint32_t
        expansion; /* terms a prefix, wildcard, suffix or substring may stand for before it is left to maybe; 0: 20,000 */
    bool (*cancel)(void *ctx); /* NULL, or asked now and then: true ends it with AV_ERR_CANCELLED */
    void *cancel_ctx;
} av_evaluate_limits;

/*
 * among   the documents that count (what the reader may see): nothing outside it is in either bound
 * folder  documents of among in the folders that a folder node names (av_query_folder_matches) are added to out; NULL: may
 *         match everywhere
 */
typedef av_errc av_evaluate_folder(void *ctx, av_span wanted, roaring_bitmap_t *out, av_error *err);
av_errc av_evaluate(const av_index_view *view, const av_query *query, const roaring_bitmap_t *among,
    av_evaluate_folder *folder, void *folder_ctx, const av_evaluate_limits *limits, av_bounds *ret, av_error *err);

/*
 * The same question in words, a line a node: what was looked up, how many documents each bound had, what is left to be
 * read. Appended to out.
 */
av_errc av_explain(const av_index_view *view, const av_query *query, const roaring_bitmap_t *among,
    av_evaluate_folder *folder, void *folder_ctx, const av_evaluate_limits *limits, av_buf *out, av_error *err);

#endif
