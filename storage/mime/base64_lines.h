/*
 * base64_lines.h - base64 bodies as mailers write them: decoded strictly, written again byte for byte
 *
 * Pure. A canonical body is all lines of one length but the last, one kind of line end, the alphabet of RFC 4648, 4,
 * and padding at the very end only, with its spare bits zero. Such a body is told by its decoded bytes and an
 * av_base64_lines, and any range of it can be made from a range of the decoded bytes. What only has to be readable is
 * decoded by decode.h.
 */
#ifndef AV_STORAGE_MIME_BASE64_LINES_H
#define AV_STORAGE_MIME_BASE64_LINES_H

#include "base/span.h"

#define AV_BASE64_LINE_MAX    1020         /* characters of a line, without its line end */
#define AV_BASE64_DECODED_MAX (1ULL << 48) /* decoded bytes of one body */

typedef struct av_base64_lines {
    uint32_t line_chars; /* 4 to AV_BASE64_LINE_MAX, a multiple of 4; 0: all of it is one line of any length */
    bool crlf;           /* line ends are CRLF, else LF */
    bool last_newline;   /* the last line ends with one, too */
} av_base64_lines;

/*
 * These parameters and this decoded size are possible. The functions below take possible ones only: ask first of what
 * comes from disk.
 */
bool av_base64_lines_valid(const av_base64_lines *self, uint64_t decoded_size);
/* Bytes of the body, line ends included. 0 for an empty one. */
uint64_t av_base64_lines_size(const av_base64_lines *self, uint64_t decoded_size);
/*
 * The decoded bytes [*ret_from, *ret_from + *ret_n) that bytes [at, at + n) of the body are made of: from is a multiple
 * of 3; ret_n is 0 where the range is line end alone. at + n is at most av_base64_lines_size.
 */
void av_base64_lines_range(
    const av_base64_lines *self, uint64_t decoded_size, uint64_t at, uint64_t n, uint64_t *ret_from, uint64_t *ret_n);
/*
 * Write bytes [at, at + n) of the body to ret. decoded: the bytes that av_base64_lines_range tells for the same range,
 * no more and no less.
 */
void av_base64_lines_encode(
    const av_base64_lines *self, uint64_t decoded_size, av_span decoded, uint64_t at, size_t n, uint8_t *ret);

/*
 * Decode groups of 4 characters of the alphabet, no padding, up to the first that is none or the last whole one.
 * Returns the characters taken (a multiple of 4). ret has room for in.n / 4 * 3 + 1 bytes: the last may be overwritten.
 */
size_t av_base64_decode_groups(av_span in, uint8_t *ret);
/*
 * The same for an end of base64: all of in (a multiple of 4, not 0) must be taken, and the last group may be padded,
 * spare bits zero. *ret_n: bytes decoded. false: it is not so.
 */
bool av_base64_decode_end(av_span in, uint8_t *ret, size_t *ret_n);

#endif
