/*
 * newest.h - of many documents those with the latest dates, without a look at each
 *
 * Zones of documents (index.h) come in the order of their latest date; once what is wanted is full, those whose dates
 * all lie before it are not opened. Mail comes by and large in the order of its dates, so that is nearly all of them.
 */
#ifndef AV_STORAGE_INDEX_NEWEST_H
#define AV_STORAGE_INDEX_NEWEST_H

#include "storage/index/index.h"

typedef struct av_newest {
    void *ctx;
    /* Documents dated before it are not wanted any more; INT64_MIN: all are. Never goes down. */
    int64_t (*from)(void *ctx);
    /* Document d of run number `run`. date INT64_MIN: it has none that can be read; these all come, whatever is wanted.
     * Else the end, with what it returns. */
    av_errc (*take)(void *ctx, size_t run, uint32_t d, int64_t date, av_error *err);
} av_newest;

/*
 * upto: dates above it are not wanted. Documents of a zone come from the last to the first. Blocks on disk when dates are
 * not loaded.
 */
av_errc av_index_newest(
    const av_index_view *view, const roaring_bitmap_t *docs, int64_t upto, const av_newest *to, av_error *err);

#endif
