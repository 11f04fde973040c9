/*
 * mailbox.c - see mailbox.h
 */
#include "gateway/imap/mailbox.h"

static av_errc
take_uids(const Archivolt__SelectMailboxReply *reply, av_imap_uids *ret, av_error *err)
{
    AV_CLEANUP(av_free) av_query_range *ranges = av_xcalloc(reply->n_uids + 1, sizeof *ranges);

    for (size_t i = 0; i < reply->n_uids; i++)
        ranges[i] = (av_query_range){ reply->uids[i]->first, reply->uids[i]->last };
    if (!av_imap_uids_set(ret, ranges, reply->n_uids))
        return av_error_set(err, AV_ERR_CORRUPT, "the instance's list of messages is out of order");
    return AV_OK;
}

av_errc
av_imap_mailbox_new(const Archivolt__SelectMailboxReply *reply, av_imap_mailbox **ret, av_error *err)
{
    AV_CLEANUP(av_imap_mailbox_destroy) av_imap_mailbox *self = av_xcalloc(1, sizeof *self);
    const Archivolt__MailboxInfo *info = reply->mailbox;
    av_errc rc;

    if (info->guid.len != AV_IMAP_GUID_SIZE || info->uidvalidity == 0)
        return av_error_set(err, AV_ERR_CORRUPT, "the instance's answer about the mailbox is not complete");
    memcpy(self->guid, info->guid.data, AV_IMAP_GUID_SIZE);
    self->path = av_xstrdup(info->path);
    self->uidvalidity = info->uidvalidity;
    self->uidnext = info->uidnext;
    self->unseen = info->unseen;
    rc = take_uids(reply, &self->uids, err);
    if (rc == AV_OK)
        *ret = AV_TAKE(self);
    return rc;
}

av_imap_mailbox *
av_imap_mailbox_new_inbox(void)
{
    av_imap_mailbox *self = av_xcalloc(1, sizeof *self);

    self->path = av_xstrdup("INBOX");
    self->uidvalidity = self->uidnext = 1;
    self->is_empty_inbox = true;
    return self;
}

void
av_imap_mailbox_destroy(av_imap_mailbox **self)
{
    if (*self == NULL)
        return;
    av_imap_uids_release(&(*self)->uids);
    free((*self)->path);
    free(*self);
    *self = NULL;
}

/* From the highest down: the numbers below stay what they were (RFC 3501, 7.4.1). */
static av_errc
write_expunges(const av_imap_uids *before, const av_imap_uids *now, av_buf *out, av_error *err)
{
    AV_CLEANUP(av_free) av_query_range *gone = NULL;
    uint64_t total = 0;
    size_t n;

    av_imap_uids_gone(before, now, &gone, &n);
    for (size_t i = 0; i < n; i++)
        total += (uint64_t)gone[i].last - gone[i].first + 1;
    if (total > AV_IMAP_EXPUNGE_MAX)
        return av_error_set(err, AV_ERR_CONFLICT, "many messages have gone: please select the mailbox again");
    for (size_t i = n; i > 0; i--) {
        for (uint32_t uid = gone[i - 1].last; uid >= gone[i - 1].first; uid--)
            (void)av_buf_printf(out, "* %u EXPUNGE\r\n", av_imap_uids_seq(before, uid));
    }
    return AV_OK;
}

av_errc
av_imap_mailbox_update(av_imap_mailbox *self, const Archivolt__SelectMailboxReply *reply, av_buf *out, av_error *err)
{
    av_imap_mailbox *now = NULL;
    uint32_t highest = av_imap_uids_last(&self->uids);
    av_errc rc = av_imap_mailbox_new(reply, &now, err);
    bool grown;

    if (now == NULL)
        return rc;
    if (now->uidvalidity != self->uidvalidity || memcmp(now->guid, self->guid, sizeof now->guid) != 0)
        rc = av_error_set(err, AV_ERR_CONFLICT, "the mailbox was made anew: please select it again");
    if (rc == AV_OK)
        rc = write_expunges(&self->uids, &now->uids, out, err);
    if (rc != AV_OK) {
        av_imap_mailbox_destroy(&now);
        return rc;
    }
    grown = av_imap_uids_last(&now->uids) > highest;
    av_imap_uids_release(&self->uids);
    self->uids = now->uids;
    now->uids = (av_imap_uids){ 0 };
    self->uidnext = now->uidnext;
    self->unseen = now->unseen;
    av_imap_mailbox_destroy(&now);
    if (grown)
        (void)av_buf_printf(out, "* %u EXISTS\r\n", self->uids.count);
    return AV_OK;
}
