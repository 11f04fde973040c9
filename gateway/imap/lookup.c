/*
 * lookup.c - one mailbox by the name a client gave it: for the commands that tell something of it without selecting it
 */
#include "gateway/imap/mailbox_tree.h"
#include "gateway/imap/session_priv.h"

typedef struct lookup {
    av_imap_lookup_fn *then;
    unsigned detail;
    av_buf name; /* UTF-8 */
} lookup;

static void
lookup_free(void *work)
{
    av_buf_release(&((lookup *)work)->name);
    free(work);
}

static void
on_mailbox(av_imap_session *session, const ProtobufCMessage *message, const av_error *err)
{
    const Archivolt__ListMailboxesReply *reply = (const Archivolt__ListMailboxesReply *)message;
    const lookup *self = session->work;
    av_span name = av_buf_span(&self->name);
    Archivolt__MailboxInfo inbox = av_imap_empty_inbox();

    if (err == NULL && reply->n_mailboxes == 1 && reply->mailboxes[0]->guid.len == inbox.guid.len)
        self->then(session, reply->mailboxes[0], av_span_str(reply->mailboxes[0]->path), self->detail);
    else if (err != NULL && err->code == AV_ERR_NOT_FOUND && av_imap_name_is_inbox(name))
        self->then(session, &inbox, av_span_str("INBOX"), self->detail);
    else if (err == NULL || err->code == AV_ERR_NOT_FOUND || err->code == AV_ERR_DENIED || err->code == AV_ERR_INVALID)
        av_imap_session_done(session, "NO", "NONEXISTENT", "there is no such mailbox"); /* nor one may not read */
    else
        av_imap_session_fail(session, err);
}

void
av_imap_session_lookup(av_imap_session *self, av_span wire, av_imap_lookup_fn *then, unsigned detail)
{
    Archivolt__ListMailboxesRequest body = ARCHIVOLT__LIST_MAILBOXES_REQUEST__INIT;
    lookup *work = av_xcalloc(1, sizeof *work);

    self->work = work;
    self->free_work = lookup_free;
    work->then = then;
    work->detail = detail;
    av_buf_init(&work->name, AV_IMAP_NAME_MAX);
    if (!av_imap_name_decode(wire, av_imap_session_is_utf8(self), &work->name)) {
        av_imap_session_done(self, "NO", "NONEXISTENT", "there is no such mailbox: the name is not %s",
            av_imap_session_is_utf8(self) ? "UTF-8" : "modified UTF-7, and UTF8=ACCEPT is not enabled");
        return;
    }
    body.path = (char *)(uintptr_t)av_buf_cstr(&work->name);
    av_imap_session_call(
        self, self->instance, "archivolt.Archive.ListMailboxes", &body.base, AV_IMAP_CALL_TIMEOUT_MS, on_mailbox);
}

void
av_imap_session_write_name(av_imap_session *self, av_span name)
{
    (void)av_imap_name_put(name, av_imap_session_is_utf8(self), &self->out);
}
