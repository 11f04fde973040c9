/*
 * refresh.c - what has become of the selected mailbox: asked of the instance, told to the client
 *
 * For NOOP, CHECK and IDLE, where EXPUNGE lines are allowed (RFC 3501, 7.4.1).
 */
#include "gateway/imap/session_priv.h"

typedef struct refresh {
    void (*then)(av_imap_session *self, const av_error *err);
} refresh;

static void
on_mailbox(av_imap_session *self, const ProtobufCMessage *reply, const av_error *err)
{
    void (*then)(av_imap_session *, const av_error *) = ((refresh *)self->work)->then;
    av_error changed;

    if (err != NULL && err->code == AV_ERR_NOT_FOUND) {
        (void)av_error_set(&changed, AV_ERR_CONFLICT, "the mailbox is there no more");
        err = &changed;
    }
    if (err == NULL && av_imap_mailbox_update(
                           self->mailbox, (const Archivolt__SelectMailboxReply *)reply, &self->out, &changed) != AV_OK)
        err = &changed;
    if (err != NULL && err->code == AV_ERR_CONFLICT)
        av_imap_session_bye(self, "%s", err->msg);
    then(self, err);
}

void
av_imap_session_refresh(av_imap_session *self, void (*then)(av_imap_session *self, const av_error *err))
{
    Archivolt__SelectMailboxRequest body = ARCHIVOLT__SELECT_MAILBOX_REQUEST__INIT;

    if (self->mailbox == NULL || self->mailbox->is_empty_inbox) {
        then(self, NULL);
        return;
    }
    if (self->work == NULL) {
        self->work = av_xcalloc(1, sizeof(refresh));
        self->free_work = free;
    }
    ((refresh *)self->work)->then = then;
    body.path = self->mailbox->path;
    av_imap_session_call(
        self, self->instance, "archivolt.Archive.SelectMailbox", &body.base, AV_IMAP_CALL_TIMEOUT_MS, on_mailbox);
}
