/*
 * decoded_range.h - a range of a stored message without its content transfer encoding, given out piece by piece
 *
 * For BINARY (RFC 3516): the range's CRLF view, decoded. Holds a view_range and some 40 KB, never the part.
 */
#ifndef AV_INSTANCE_DECODED_RANGE_H
#define AV_INSTANCE_DECODED_RANGE_H

#include "actors/instance/view_range.h"
#include "storage/mime/part_decoder.h"

typedef struct av_decoded_range {
    av_view_range *view;
    av_part_decoder decoder;
    av_buf in, out; /* a piece of the view; what it gave */
    size_t out_at;
    uint64_t skip, left; /* decoded bytes to leave out, to give out */
} av_decoded_range;

/* Takes view, which is of the whole part. The encoding is one av_part_decoder_init says yes to. */
av_decoded_range *av_decoded_range_new(av_view_range *view, av_mime_encoding encoding, uint64_t skip, uint64_t length);
void av_decoded_range_destroy(av_decoded_range **self);
/* As av_view_range_read. Blocks on disk. */
av_errc av_decoded_range_read(av_decoded_range *self, av_uses *uses, av_buf *out, av_error *err);

#endif
