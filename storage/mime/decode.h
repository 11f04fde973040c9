/*
 * decode.h - content transfer encodings to bytes
 *
 * Pure and tolerant (RFC 2045, 6.7 and 6.8): foreign bytes in base64 are skipped, padding may be missing or stand in the
 * middle, an `=` in quoted-printable that begins no escape stays.
 */
#ifndef AV_STORAGE_MIME_DECODE_H
#define AV_STORAGE_MIME_DECODE_H

#include "base/buf.h"
#include "storage/mime/scan.h"

/* Append the decoded bytes; false when out is full: it then holds the beginning. */
bool av_decode_base64(av_span in, av_buf *out);
/* The same of a piece of a body: bits and have (0 at first) are what a group lacks at its end. */
bool av_decode_base64_some(av_span in, uint32_t *bits, unsigned *have, av_buf *out);
bool av_decode_qp(av_span in, av_buf *out);
/* RFC 2047, 4.2: the Q encoding of words: `_` is a space. */
bool av_decode_q(av_span in, av_buf *out);
/* The uuencoded block(s) in in, `begin` to `end`. */
bool av_decode_uu(av_span in, av_buf *out);

/*
 * The body of part i as bytes. ret_bytes borrows the message where nothing is encoded, else out, which is overwritten.
 * false when out's ceiling cut it: ret_bytes is the beginning.
 */
bool av_mime_decode(const av_mime *self, uint32_t i, av_buf *out, av_span *ret_bytes);
/* The same of the first max_in bytes of the encoded body: enough for a preview of a large part. */
bool av_mime_decode_head(const av_mime *self, uint32_t i, size_t max_in, av_buf *out, av_span *ret_bytes);

#endif
