/*
 * store_view_check.h - what looking after a store (storage/care/) sees of its view beyond store_view.h
 */
#ifndef AV_META_STORE_VIEW_CHECK_H
#define AV_META_STORE_VIEW_CHECK_H

#include "storage/meta/store_view.h"

/* LSN up to which a snapshot reflects the log. */
av_errc av_store_view_lsn_of(const av_meta_view *view, uint64_t *ret, av_error *err);

/* Contents in log order from from_lsn on, until each says something else than AV_OK. */
av_errc av_store_view_each_content(const av_meta_view *view, uint64_t from_lsn,
    av_errc (*each)(void *ctx, const av_content_row *row, av_error *err), void *ctx, av_error *err);

/* While a log is replayed into the view: what it says is taken as it is, though erased parts are missing. */
void av_store_view_set_replaying(av_store_view *self, bool replaying);
/* Bytes of the open group. */
size_t av_store_view_group_bytes(const av_store_view *self);

/* A row that one has and the other has not, or not so. lsn: of the content it is about, 0: none. */
typedef av_errc av_store_view_difference(void *ctx, uint64_t lsn, const char *sentence, av_error *err);

/*
 * Compare row by row: `kept` is the view in use, `made` a replay of the same log up to the same LSN. Not compared are
 * attributes, which come of no log, and bytes of dead records, which compaction takes out of the log.
 */
av_errc av_store_view_compare(const av_meta_view *kept, const av_meta_view *made, av_store_view_difference *tell,
    void *ctx, uint64_t *ret_rows, av_error *err);

/* Give the disk space of rows deleted back, after compaction. Writer, between groups; takes its time. */
av_errc av_store_view_compact_database(av_store_view *self, av_error *err);

#endif
