/*
 * mailbox_name.h - names of mailboxes between the wire and the archive (UTF-8), and LIST patterns
 *
 * Pure. On the wire a name is modified UTF-7, or UTF-8 once the client has enabled UTF8=ACCEPT or IMAP4rev2. The hierarchy
 * separator is "/"; a "/" inside a name is U+2215 already in the archive (decisions: Names).
 * Source: RFC 3501, 5.1, 5.1.3, 6.3.8; RFC 6855, 3; RFC 9051, 5.1.
 */
#ifndef AV_GATEWAY_IMAP_MAILBOX_NAME_H
#define AV_GATEWAY_IMAP_MAILBOX_NAME_H

#include "base/buf.h"

#define AV_IMAP_NAME_MAX    16384 /* bytes of a name in UTF-8 */
#define AV_IMAP_PATTERN_MAX 1024  /* bytes of a pattern */

/*
 * Append a client's name as UTF-8 in NFC. utf8: it is UTF-8 and "&" is "&"; else strict modified UTF-7, where eight-bit
 * bytes have no place. false: it is not that (there is no such mailbox), has a NUL, or out is full.
 */
bool av_imap_name_decode(av_span wire, bool utf8, av_buf *out);
/* Append a name as a quoted string ready to send. false: out is full, or name is not UTF-8. */
bool av_imap_name_put(av_span name, bool utf8, av_buf *out);
/* INBOX in any letter case (RFC 3501, 5.1). */
bool av_imap_name_is_inbox(av_span name);

/* Does the name match the pattern: * anything, % anything without "/". Both UTF-8. Time: pattern times name, at most. */
bool av_imap_name_matches(av_span pattern, av_span name);
/* What a match may cost at most, in steps: what stands before the first wildcard is for nothing. */
uint64_t av_imap_name_match_cost(av_span pattern, av_span name);

#endif
