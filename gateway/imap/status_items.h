/*
 * status_items.h - the data items of STATUS, asked for by STATUS and by LIST ... RETURN (STATUS ...)
 *
 * Pure. Source: RFC 3501, 6.3.10; RFC 9051, 6.3.11 (DELETED, SIZE); RFC 7162, 3.1.7 (HIGHESTMODSEQ); RFC 8438 (SIZE);
 * RFC 8474, 4.3 (MAILBOXID); RFC 9208, 4.1.4 (DELETED-STORAGE).
 */
#ifndef AV_GATEWAY_IMAP_STATUS_ITEMS_H
#define AV_GATEWAY_IMAP_STATUS_ITEMS_H

#include "base/buf.h"
#include "proto/archive.pb-c.h"

#define AV_IMAP_STATUS_HIGHESTMODSEQ 1U /* bit of the item that switches CONDSTORE on (RFC 7162, 3.1) */

/* "(MESSAGES UIDNEXT)" off the front of in, as bits of ret: at least one item. false: not well formed, or unknown. */
bool av_imap_status_items_take(av_span *in, unsigned *ret);
/* Append "(MESSAGES 3 UIDNEXT 9)" of the items asked for. */
bool av_imap_status_items_put(unsigned items, const Archivolt__MailboxInfo *info, av_buf *out);

#endif
