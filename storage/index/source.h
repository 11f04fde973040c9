/*
 * source.h - the messages of a store for its index: av_index_source over a store's view and its reader
 *
 * A snapshot of the view is kept from one call to the next and taken anew when it has nothing more: so it is of the moment
 * of the last look, and messages of a group that is still open are not in it.
 */
#ifndef AV_STORAGE_INDEX_SOURCE_H
#define AV_STORAGE_INDEX_SOURCE_H

#include "storage/index/index.h"
#include "storage/meta/store_view.h"

typedef struct av_store_source av_store_source;

/* Both are borrowed for its life. attachment and its ctx: as in av_index_source; NULL for none. */
av_store_source *av_store_source_new(av_store_view *view, const av_store *store,
    av_errc (*attachment)(void *ctx, av_span name, av_span type, av_span bytes, av_buf *out, av_error *err),
    void *attachment_ctx);
void av_store_source_destroy(av_store_source **self);
/* For av_index_follow, while self lives. One thread, which need not be the store's writer. */
av_index_source av_store_source_of(av_store_source *self);
/* LSN of the message given last; 0: none was. */
uint64_t av_store_source_at(const av_store_source *self);
/* Let go of the snapshot: it holds old rows of the view in place. For idle times. */
void av_store_source_rest(av_store_source *self);

#endif
