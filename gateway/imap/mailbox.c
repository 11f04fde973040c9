/*
 * mailbox.c - see mailbox.h
 */
#include "gateway/imap/mailbox.h"

#define VANISHED_LINE 7000 /* bytes of one line of VANISHED, about */

av_errc
av_imap_mailbox_new(
    const Archivolt__SelectMailboxReply *reply, const av_imap_mailbox *known, av_imap_mailbox **ret, av_error *err)
{
    AV_CLEANUP(av_imap_mailbox_destroy) av_imap_mailbox *self = av_xcalloc(1, sizeof *self);
    const av_imap_uids none = { 0 };
    const Archivolt__MailboxInfo *info = reply->mailbox;
    bool goes_on = reply->uids_from > 1;

    if (info->guid.len != AV_IMAP_GUID_SIZE || info->uidvalidity == 0 || reply->uids_from == 0 ||
        (goes_on && (known == NULL || known->uidvalidity != info->uidvalidity || known->uidnext != reply->uids_from ||
                        memcmp(known->guid, info->guid.data, AV_IMAP_GUID_SIZE) != 0)))
        return av_error_set(err, AV_ERR_CORRUPT, "the instance's answer about the mailbox is not complete");
    memcpy(self->guid, info->guid.data, AV_IMAP_GUID_SIZE);
    self->path = av_xstrdup(info->path);
    self->uidvalidity = info->uidvalidity;
    self->uidnext = info->uidnext;
    self->modseq = AV_MAX(info->highest_modseq, 1U); /* RFC 7162, 7: mod-sequence-value is not 0 */
    self->unseen = info->unseen;
    if (!av_imap_uids_decode(&self->uids, goes_on ? &known->uids : &none, reply->uids_from,
            av_span_of(reply->uids.data, reply->uids.len)))
        return av_error_set(err, AV_ERR_CORRUPT, "the instance's list of messages is out of order");
    *ret = AV_TAKE(self);
    return AV_OK;
}

av_imap_mailbox *
av_imap_mailbox_new_inbox(void)
{
    av_imap_mailbox *self = av_xcalloc(1, sizeof *self);

    self->path = av_xstrdup("INBOX");
    self->uidvalidity = self->uidnext = 1;
    self->modseq = 1;
    self->is_empty_inbox = true;
    return self;
}

av_imap_mailbox *
av_imap_mailbox_copy(const av_imap_mailbox *self)
{
    av_imap_mailbox *copy = av_xcalloc(1, sizeof *copy);

    *copy = *self;
    copy->path = av_xstrdup(self->path);
    copy->uids = (av_imap_uids){ 0 };
    av_imap_uids_share(&copy->uids, &self->uids);
    return copy;
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

void
av_imap_mailbox_know(const av_imap_mailbox *self, Archivolt__SelectMailboxRequest *request)
{
    request->has_known_uidvalidity = request->has_known_uidnext = 1;
    request->has_known_modseq = request->has_known_messages = 1;
    request->known_uidvalidity = self->uidvalidity;
    request->known_uidnext = self->uidnext;
    request->known_modseq = self->modseq;
    request->known_messages = self->uids.count;
}

/* ---- what is new ---- */

void
av_imap_vanished_write(const av_query_range *ranges, size_t n, bool earlier, av_buf *out)
{
    size_t line = 0;

    for (size_t i = 0; i < n; i++) {
        bool first = line == 0 || out->n - line > VANISHED_LINE;

        if (first && line > 0)
            (void)av_buf_puts(out, "\r\n");
        if (first) {
            line = out->n + 1;
            (void)av_buf_puts(out, earlier ? "* VANISHED (EARLIER) " : "* VANISHED ");
        }
        (void)av_buf_printf(out, "%s%u", first ? "" : ",", ranges[i].first);
        if (ranges[i].last != ranges[i].first)
            (void)av_buf_printf(out, ":%u", ranges[i].last);
    }
    if (n > 0)
        (void)av_buf_puts(out, "\r\n");
}

/* From the highest down: the numbers below stay what they were (RFC 3501, 7.4.1). */
static av_errc
write_expunges(const av_imap_uids *before, const av_query_range *gone, size_t n, av_buf *out, av_error *err)
{
    uint64_t total = 0;

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

/* Messages of a store that was attached again stand between those the client has numbered: it cannot be told. */
static bool
came_back(const av_imap_mailbox *self, const av_imap_mailbox *now)
{
    AV_CLEANUP(av_free) av_query_range *more = NULL;
    size_t n;

    av_imap_uids_gone(&now->uids, &self->uids, &more, &n);
    return n > 0 && more[0].first < self->uidnext;
}

static av_errc
compare(const av_imap_mailbox *self, const av_imap_mailbox *now, bool vanished, av_buf *out, av_error *err)
{
    AV_CLEANUP(av_free) av_query_range *gone = NULL;
    av_errc rc = AV_OK;
    size_t n;

    if (now->uidvalidity != self->uidvalidity || memcmp(now->guid, self->guid, sizeof now->guid) != 0)
        return av_error_set(err, AV_ERR_CONFLICT, "the mailbox was made anew: please select it again");
    if (now->uids.list == self->uids.list)
        return AV_OK;
    if (came_back(self, now))
        return av_error_set(err, AV_ERR_CONFLICT, "messages have come back: please select the mailbox again");
    av_imap_uids_gone(&self->uids, &now->uids, &gone, &n);
    if (vanished)
        av_imap_vanished_write(gone, n, false, out);
    else
        rc = write_expunges(&self->uids, gone, n, out, err);
    return rc;
}

av_errc
av_imap_mailbox_update(av_imap_mailbox *self, const Archivolt__SelectMailboxReply *reply, const av_imap_mailbox *known,
    bool vanished, av_buf *out, av_error *err)
{
    AV_CLEANUP(av_imap_mailbox_destroy) av_imap_mailbox *now = NULL;
    uint32_t highest = av_imap_uids_last(&self->uids);
    av_errc rc = av_imap_mailbox_new(reply, known, &now, err);

    if (now == NULL)
        return rc;
    rc = compare(self, now, vanished, out, err);
    if (rc != AV_OK)
        return rc;
    if (av_imap_uids_last(&now->uids) > highest)
        (void)av_buf_printf(out, "* %u EXISTS\r\n", now->uids.count);
    av_imap_uids_share(&self->uids, &now->uids);
    self->uidnext = now->uidnext;
    self->modseq = now->modseq;
    self->unseen = now->unseen;
    return AV_OK;
}
