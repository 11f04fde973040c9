/*
 * mime_priv.h - what the files of this folder share
 */
#ifndef AV_STORAGE_MIME_PRIV_H
#define AV_STORAGE_MIME_PRIV_H

#include "base/buf.h"

/*
 * Append utf8 (valid) or as much of it as fits, cut at a whole character; then out is marked full and false returned.
 */
bool mime_append_utf8(av_buf *out, av_span utf8);
/* Bytes of the longest beginning of utf8 (valid) of at most max bytes that ends at a whole character. */
size_t mime_cut_utf8(av_span utf8, size_t max);
/* Offset of the first byte >= 0x80, or s.n. */
size_t mime_ascii_run(av_span s);

/* The header fields of a message that summary and ENVELOPE need. */
enum mime_field {
    MIME_DATE,
    MIME_SUBJECT,
    MIME_FROM,
    MIME_SENDER,
    MIME_REPLY_TO,
    MIME_TO,
    MIME_CC,
    MIME_BCC,
    MIME_IN_REPLY_TO,
    MIME_MESSAGE_ID,
    MIME_REFERENCES,
    MIME_FIELD_COUNT
};

/* Raw, trimmed values of the first field of each name, in one pass; empty spans where there is none. */
void mime_fields_collect(av_span header, av_span ret[MIME_FIELD_COUNT]);
/* av_imap_envelope out of fields that are collected already. */
bool mime_envelope(const av_span fields[MIME_FIELD_COUNT], av_buf *out);

#endif
