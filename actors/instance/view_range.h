/*
 * view_range.h - a range of a stored message in the CRLF view, given out piece by piece
 *
 * For body sections and whole messages of any size: holds a reader and 16 KB, never the message.
 */
#ifndef AV_INSTANCE_VIEW_RANGE_H
#define AV_INSTANCE_VIEW_RANGE_H

#include "actors/instance/uses.h"
#include "storage/mime/crlf.h"
#include "storage/store/store.h"

typedef struct av_view_range {
    av_store_reader *reader;   /* opened by the first piece */
    const av_open_store *open; /* of the reader; held */
    av_stores *stores;
    uint32_t store; /* number in the catalog */
    uint64_t lsn;
    uint64_t at, end; /* bytes as they arrived that are still to be read */
    uint64_t skip;    /* bytes of the view to leave out */
    uint64_t left;    /* bytes of the view to give out */
    bool plain;       /* the view is the bytes as they arrived */
    av_crlf state;
    uint8_t *in; /* of what has to be converted */
    size_t in_at, in_n;
} av_view_range;

/* store: number in the catalog. at, end: of the message as it arrived. skip, length: of the view of that range; length must not go beyond it. */
av_view_range *av_view_range_new(
    uint32_t store, uint64_t lsn, uint64_t at, uint64_t end, uint64_t skip, uint64_t length);
void av_view_range_destroy(av_view_range **self);
/* The message has no bare LF (both its sizes are the same): its bytes are given out as they are. Before the first piece. */
void av_view_range_set_plain(av_view_range *self);
/* Append to out until it is full or the range is through (left is 0). Its store stays in use by the range. Blocks on disk. */
av_errc av_view_range_read(av_view_range *self, av_uses *uses, av_buf *out, av_error *err);
/* Size of the view of [at, end). Blocks on disk. */
av_errc av_view_range_size(
    av_uses *uses, uint32_t store, uint64_t lsn, uint64_t at, uint64_t end, uint64_t *ret, av_error *err);

#endif
