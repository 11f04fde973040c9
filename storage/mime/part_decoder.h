/*
 * part_decoder.h - content transfer encodings to bytes, piece by piece
 *
 * What decode.h does for a whole body, for one that comes in pieces, with the same tolerance; how the pieces are cut makes
 * no difference. One thing is other: of more than AV_PART_DECODER_HELD blanks before a line end in quoted-printable only
 * the last are taken away. Pure. Source: RFC 2045, 6.7 and 6.8; for BINARY (RFC 3516, 4.2).
 */
#ifndef AV_STORAGE_MIME_PART_DECODER_H
#define AV_STORAGE_MIME_PART_DECODER_H

#include "base/buf.h"
#include "storage/mime/scan.h"

#define AV_PART_DECODER_HELD 1024

typedef struct av_part_decoder {
    av_mime_encoding encoding;
    uint32_t bits; /* base64: those of a group that is not whole, the lowest `have` of them */
    unsigned have;
    size_t held_n; /* quoted-printable: a run of blanks and CRs, or what may become an escape or a soft line break */
    uint8_t held[AV_PART_DECODER_HELD];
} av_part_decoder;

/* false: not an encoding that can be undone (of no known name, or uuencode, which is no standard's). */
bool av_part_decoder_init(av_part_decoder *self, av_mime_encoding encoding);
/* Append what the next piece gives, at most its bytes and those held; last: nothing follows. false: out is full. */
bool av_part_decoder_feed(av_part_decoder *self, av_span in, bool last, av_buf *out);

#endif
