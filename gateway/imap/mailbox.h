/*
 * mailbox.h - the selected mailbox as the client knows it, and what changed since
 *
 * Pure: made of and held against replies of Archive.SelectMailbox.
 */
#ifndef AV_GATEWAY_IMAP_MAILBOX_H
#define AV_GATEWAY_IMAP_MAILBOX_H

#include "base/buf.h"
#include "base/error.h"
#include "gateway/imap/uids.h"
#include "proto/archive.pb-c.h"

#define AV_IMAP_GUID_SIZE   16
#define AV_IMAP_EXPUNGE_MAX 1000 /* EXPUNGE lines at once; after more the client is asked to select again */

typedef struct av_imap_mailbox {
    uint8_t guid[AV_IMAP_GUID_SIZE];
    char *path;
    uint32_t uidvalidity, uidnext;
    uint64_t unseen;
    av_imap_uids uids;
    bool is_empty_inbox; /* the INBOX that no archive has: nothing of it is known to the instance */
} av_imap_mailbox;

/* AV_ERR_CORRUPT when the reply makes no sense. */
av_errc av_imap_mailbox_new(const Archivolt__SelectMailboxReply *reply, av_imap_mailbox **ret, av_error *err);
av_imap_mailbox *av_imap_mailbox_new_inbox(void);
void av_imap_mailbox_destroy(av_imap_mailbox **self);

/*
 * Take over a newer state and write what a client must be told: `* n EXPUNGE` from the highest down, `* n EXISTS`.
 * AV_ERR_CONFLICT when it is another mailbox now, or too much has changed: the client must select again.
 */
av_errc av_imap_mailbox_update(
    av_imap_mailbox *self, const Archivolt__SelectMailboxReply *reply, av_buf *out, av_error *err);

#endif
