/*
 * views.h - one group of a store: its log, its view and the instance's catalog together
 *
 * The log's commit decides; then the store's view and the catalog follow without sync, in this order. A crash between
 * leaves them behind their log and av_catalog_catch_up heals. A group belongs to one store; one group at a time is
 * open in a catalog.
 *
 *   av_views_begin -> { av_store_put_message, av_views_put_event }... -> av_views_commit
 *   or, when anything fails on the way, av_views_rollback
 *
 * Threads: the writer's. Blocks on disk.
 */
#ifndef AV_META_VIEWS_H
#define AV_META_VIEWS_H

#include "storage/meta/catalog.h"

/* The store must be attached, the log's open group empty, or only of contents put by open av_store_puts. */
void av_views_begin(av_catalog *catalog, uint32_t store_no);
/*
 * Apply an event to both views and put it into the log's open group. attributes: row of a placement's message
 * (store_view.h says how it begins), or empty (kept as it is when the message has one).
 * Errors: those of av_catalog_apply, and the group is unchanged; any other spoils it: av_views_rollback.
 */
av_errc av_views_put_event(
    av_catalog *catalog, uint32_t store_no, const av_event *event, av_span attributes, av_error *err);
/*
 * AV_OK: the log has it all. *ret_behind (may not be NULL): a view could not follow (logged as view.commit_failed);
 * call av_catalog_catch_up before the next group. Any error: nothing was committed, all three are rolled back.
 */
av_errc av_views_commit(av_catalog *catalog, uint32_t store_no, bool *ret_behind, av_error *err);
/* Drop the group in all three. The views are rolled back even when the log cannot be (its error is returned). */
av_errc av_views_rollback(av_catalog *catalog, uint32_t store_no, av_error *err);

#endif
