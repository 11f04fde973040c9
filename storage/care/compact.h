/*
 * compact.h - give back the space of what was erased
 *
 * Writes sealed containers anew without the records nobody needs: messages and parts erased, dictionaries nobody uses,
 * segments no message names.
 */
#ifndef AV_CARE_COMPACT_H
#define AV_CARE_COMPACT_H

#include "storage/care/watch.h"
#include "storage/meta/store_view.h"

typedef struct av_care_compaction {
    const av_store *store;
    const av_meta_view *view;  /* snapshot of the store's view; containers it does not know to their end stay */
    unsigned min_dead_percent; /* of the file's bytes; 0: every sealed container */
    /* What av_store_open_puts_lsn said when the snapshot was taken, both asked of the writer: segments from there on
     * stay. */
    uint64_t open_puts_lsn;
    /* The container was written anew; may be NULL. For the writer: av_store_view_compacted. */
    void *ctx;
    av_errc (*compacted)(void *ctx, uint32_t container, av_error *err);
} av_care_compaction;

typedef struct av_care_compact_result {
    uint64_t containers;                /* written anew */
    uint64_t records;                   /* dropped */
    uint64_t bytes_before, bytes_after; /* of these containers, as files */
} av_care_compact_result;

/*
 * Any thread, beside the writer and readers; one at a time for a store. Containers done stay done when it is cancelled
 * or fails on a later one: call it again. A damaged container is told (watch) and left as it is.
 * Afterwards av_store_view_compact_database gives back the view's space (writer).
 * AV_ERR_CANCELLED, AV_ERR_IO, AV_ERR_NOSPACE, what compacted returned.
 */
av_errc av_care_compact(
    const av_care_compaction *job, const av_care_watch *watch, av_care_compact_result *ret, av_error *err);

#endif
