/*
 * object_id.h - MAILBOXID (RFC 8474, 4) of a mailbox: "F" and base64url of its GUID
 *
 * The GUID is the mailbox's for ever: it survives renames, rebuilds and moves between stores.
 */
#ifndef AV_GATEWAY_IMAP_OBJECT_ID_H
#define AV_GATEWAY_IMAP_OBJECT_ID_H

#include "base/span.h"

#define AV_IMAP_MAILBOX_ID_TEXT 23

typedef struct av_imap_mailbox_id {
    char text[AV_IMAP_MAILBOX_ID_TEXT + 1];
} av_imap_mailbox_id;

/* guid: 16 bytes. */
av_imap_mailbox_id av_imap_mailbox_id_of(const uint8_t *guid);

#endif
