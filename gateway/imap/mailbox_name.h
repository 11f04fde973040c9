/*
 * mailbox_name.h - names of mailboxes between the wire (modified UTF-7) and the archive (UTF-8), and LIST patterns
 *
 * Pure. The hierarchy separator is "/"; a "/" inside a name is U+2215 already in the archive (decisions: Names).
 * Source: RFC 3501, 5.1, 5.1.3, 6.3.8.
 */
#ifndef AV_GATEWAY_IMAP_MAILBOX_NAME_H
#define AV_GATEWAY_IMAP_MAILBOX_NAME_H

#include "base/buf.h"

#define AV_IMAP_NAME_MAX    16384 /* bytes of a name in UTF-8 */
#define AV_IMAP_PATTERN_MAX 1024  /* bytes of a pattern */

/*
 * Append a client's name as UTF-8 in NFC. Modified UTF-7; clients that send plain UTF-8 are understood. false: neither
 * (there is no such mailbox), or out is full.
 */
bool av_imap_name_decode(av_span wire, av_buf *out);
/* Append a name as an astring ready to send, quoted where needed. false: out is full, or not UTF-8. */
bool av_imap_name_put(av_span name, av_buf *out);
/* INBOX in any letter case (RFC 3501, 5.1). */
bool av_imap_name_is_inbox(av_span name);

/* Does the name match the pattern: * anything, % anything without "/". Both UTF-8. Time: pattern times name, at most. */
bool av_imap_name_matches(av_span pattern, av_span name);

#endif
