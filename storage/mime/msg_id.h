/*
 * msg_id.h - the message ids of Message-ID, In-Reply-To and References fields
 *
 * Pure and tolerant. Source: RFC 5322, 3.6.4 and 4.5.4 (obs- forms: phrases between ids, comments and blanks inside
 * them). Cost is linear in the value, whatever it holds.
 *
 * An id comes out without angle brackets, blanks and comments, a quoted left side without its quotes (RFC 5256, 3: the
 * quoted and the plain spelling are one id), letter case kept. What has no '@' is an id, too: there is such mail. A
 * '<' that is never closed, an empty id and one over AV_MSG_ID_MAX bytes are none.
 */
#ifndef AV_STORAGE_MIME_MSG_ID_H
#define AV_STORAGE_MIME_MSG_ID_H

#include "base/buf.h"

#define AV_MSG_ID_MAX 998U /* bytes: RFC 5322's longest line */

/* A walk over a field's raw value, which it borrows: av_msg_ids walk = { .rest = value }. */
typedef struct av_msg_ids {
    av_span rest;
    bool words;        /* something else than ids, blanks, commas and comments has been passed */
    unsigned unclosed; /* quotes and parentheses that were looked through in vain */
} av_msg_ids;

/* The next id; replaces out's contents (born with a ceiling of AV_MSG_ID_MAX or more). false at the end. */
bool av_msg_ids_next(av_msg_ids *self, av_buf *out);
/* The id of a Message-ID field: its first one, or the whole value when that is an address without angle brackets. */
bool av_msg_id_own(av_span value, av_buf *out);

#endif
