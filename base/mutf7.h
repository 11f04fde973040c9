/*
 * mutf7.h - mailbox names in modified UTF-7 (RFC 3501, 5.1.3), as IMAP4rev1 and Maildir++ write them
 */
#ifndef AV_BASE_MUTF7_H
#define AV_BASE_MUTF7_H

#include "base/buf.h"

/*
 * Append in as UTF-8 to out. false when in is not modified UTF-7 (8-bit or control bytes, an open or empty run of
 * base64, half a character, a printable ASCII character in base64) or out is full; out is then as it was.
 */
bool av_mutf7_decode(av_span in, av_buf *out);
/* Append the modified UTF-7 of in (valid UTF-8). false: in is not UTF-8 or out is full; out is then as it was. */
bool av_mutf7_encode(av_span in, av_buf *out);

#endif
