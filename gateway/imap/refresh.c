/*
 * refresh.c - what has become of the selected mailbox: asked of the instance, told to the client
 *
 * For NOOP, CHECK and IDLE, where EXPUNGE lines are allowed (RFC 3501, 7.4.1). The question names the newest state any
 * session of this mailbox has, so that the answer is short, and who has it already shares its UIDs.
 */
#include "gateway/imap/capabilities.h"
#include "gateway/imap/session_priv.h"

const av_imap_mailbox *
av_imap_session_known(const av_imap_session *self, const char *path)
{
    const av_imap_mailbox *best = NULL;

    for (const av_imap_session *other = self->imap->sessions; other != NULL; other = other->next) {
        const av_imap_mailbox *mailbox = other->mailbox;

        if (mailbox == NULL || mailbox->is_empty_inbox || strcmp(other->instance, self->instance) != 0 ||
            strcmp(mailbox->path, path) != 0)
            continue;
        if (best == NULL || mailbox->modseq > best->modseq)
            best = mailbox;
    }
    return best;
}

static void
on_mailbox(av_imap_session *self, const ProtobufCMessage *reply, const av_error *err)
{
    AV_CLEANUP(av_imap_mailbox_destroy) av_imap_mailbox *known = AV_TAKE(self->known);
    bool vanished = (self->enabled & AV_IMAP_ENABLED_QRESYNC) != 0;
    av_error changed;

    if (err != NULL && err->code == AV_ERR_NOT_FOUND) {
        (void)av_error_set(&changed, AV_ERR_CONFLICT, "the mailbox is there no more");
        err = &changed;
    }
    if (err == NULL && av_imap_mailbox_update(self->mailbox, (const Archivolt__SelectMailboxReply *)reply, known,
                           vanished, &self->out, &changed) != AV_OK)
        err = &changed;
    if (err != NULL && err->code == AV_ERR_CONFLICT)
        av_imap_session_bye(self, "%s", err->msg);
    self->after_refresh(self, err);
}

void
av_imap_session_refresh(av_imap_session *self, void (*then)(av_imap_session *self, const av_error *err))
{
    Archivolt__SelectMailboxRequest body = ARCHIVOLT__SELECT_MAILBOX_REQUEST__INIT;

    if (self->mailbox == NULL || self->mailbox->is_empty_inbox) {
        then(self, NULL);
        return;
    }
    av_imap_mailbox_destroy(&self->known);
    self->known = av_imap_mailbox_copy(av_imap_session_known(self, self->mailbox->path));
    self->after_refresh = then;
    body.path = self->mailbox->path;
    av_imap_mailbox_know(self->known, &body);
    av_imap_session_call(
        self, self->instance, "archivolt.Archive.SelectMailbox", &body.base, AV_IMAP_CALL_TIMEOUT_MS, on_mailbox);
}
