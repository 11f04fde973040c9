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
#define AV_IMAP_EXPUNGE_MAX 10000 /* EXPUNGE lines at once; after more the client is asked to select again */

typedef struct av_imap_mailbox {
    uint8_t guid[AV_IMAP_GUID_SIZE];
    char *path;
    uint32_t uidvalidity, uidnext;
    uint64_t modseq; /* HIGHESTMODSEQ of the state the client was told */
    uint64_t unseen;
    av_imap_uids uids;
    bool is_empty_inbox; /* the INBOX that no archive has: nothing of it is known to the instance */
} av_imap_mailbox;

/*
 * known: the state that was named in the request (av_imap_mailbox_know), or NULL. AV_ERR_CORRUPT when the reply makes no
 * sense.
 */
av_errc av_imap_mailbox_new(
    const Archivolt__SelectMailboxReply *reply, const av_imap_mailbox *known, av_imap_mailbox **ret, av_error *err);
av_imap_mailbox *av_imap_mailbox_new_inbox(void);
/* The same state; its UIDs are shared. */
av_imap_mailbox *av_imap_mailbox_copy(const av_imap_mailbox *self);
void av_imap_mailbox_destroy(av_imap_mailbox **self);
/* Into a request: what need not be answered. */
void av_imap_mailbox_know(const av_imap_mailbox *self, Archivolt__SelectMailboxRequest *request);

/*
 * Take over a newer state and write what a client must be told: `* n EXPUNGE` from the highest down or, with vanished,
 * `* VANISHED uids` (RFC 7162, 3.2.10); `* n EXISTS`. known: as above, mostly self.
 * AV_ERR_CONFLICT when it is another mailbox now, messages came back between others, or too much has changed: the client
 * must select again.
 */
av_errc av_imap_mailbox_update(av_imap_mailbox *self, const Archivolt__SelectMailboxReply *reply,
    const av_imap_mailbox *known, bool vanished, av_buf *out, av_error *err);

/* `* VANISHED uids`, or with earlier `* VANISHED (EARLIER) uids`, in lines of bounded length; nothing for no ranges. */
void av_imap_vanished_write(const av_query_range *ranges, size_t n, bool earlier, av_buf *out);

#endif
