/*
 * crlf.h - the CRLF view of bytes: each bare LF as CRLF, nothing else changed
 *
 * What IMAP shows of a message (RFC 9051, 2.3.1: lines end with CRLF). Works on chunks: the only state is whether the
 * last byte was a CR.
 */
#ifndef AV_STORAGE_MIME_CRLF_H
#define AV_STORAGE_MIME_CRLF_H

#include "base/buf.h"

typedef struct av_crlf {
    bool after_cr; /* the byte before the next one was a CR; false at the start */
} av_crlf;

/* Size of in's CRLF view; moves the state over in. */
uint64_t av_crlf_size(av_crlf *self, av_span in);
/* Size of a whole span. */
uint64_t av_crlf_size_of(av_span in);
/*
 * Convert from the front of *in into ret[0..max), moving *in past what was taken. Returns the bytes written. All of *in
 * is taken unless max is reached; max is at least 2.
 */
size_t av_crlf_convert(av_crlf *self, av_span *in, uint8_t *ret, size_t max);
/* Append the view of a whole span. false when out is full: nothing useful is in it then. */
bool av_crlf_append(av_span in, av_buf *out);
/*
 * Bytes [from, from + n) of the view of in (IMAP partial fetches), in out. from beyond the end gives nothing. false when
 * out is full.
 */
bool av_crlf_append_range(av_span in, uint64_t from, uint64_t n, av_buf *out);

#endif
