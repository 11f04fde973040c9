/*
 * evaluate_priv.h - what evaluate.c and its leaves share
 */
#ifndef AV_STORAGE_INDEX_EVALUATE_PRIV_H
#define AV_STORAGE_INDEX_EVALUATE_PRIV_H

#include "storage/index/evaluate.h"

enum { AV_EXPANSION_DEFAULT = 4096 };

typedef struct av_evaluation {
    const av_index_view *view;
    const av_query *query;
    const av_evaluate_options *o;
    const av_index_run *runs;
    size_t run_count;
} av_evaluation;

bool av_evaluation_is_cancelled(const av_evaluation *self);
/* ret starts as two empty sets; among as in av_evaluate. What a leaf adds may lie outside among. */
av_errc av_evaluate_text(
    av_evaluation *self, const av_query_node *node, const roaring_bitmap_t *among, av_bounds *ret, av_error *err);
/* The documents of its rarest word that is written out; UINT64_MAX: it has none. For kinds that are text. */
av_errc av_evaluate_frequency(const av_evaluation *self, const av_query_node *node, uint64_t *ret, av_error *err);
/* DATE sent, SIZE, HAS_ATTACHMENT: from the columns. */
av_errc av_evaluate_column(
    av_evaluation *self, const av_query_node *node, const roaring_bitmap_t *among, av_bounds *ret, av_error *err);

#endif
