/*
 * cmd_status.c - STATUS (RFC 3501, 6.3.10)
 */
#include "gateway/imap/grammar.h"
#include "gateway/imap/session_priv.h"

typedef struct status {
    bool asked[5]; /* by row of items */
    bool is_inbox;
    av_buf name; /* as the client wrote it, decoded */
} status;

static const char *const items[5] = { "MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN" };

static void
status_free(void *work)
{
    av_buf_release(&((status *)work)->name);
    free(work);
}

static bool
take_items(status *self, av_span in)
{
    if (!av_imap_take_char(&in, '('))
        return false;
    do {
        size_t i = 0;

        while (i < AV_COUNT(items) && !av_imap_take_keyword(&in, items[i]))
            i++;
        if (i == AV_COUNT(items))
            return false;
        self->asked[i] = true;
    } while (av_imap_take_char(&in, ' '));
    return av_imap_take_char(&in, ')') && in.n == 0;
}

static void
tell(av_imap_session *session, const av_imap_mailbox *mailbox)
{
    const status *self = session->work;
    const uint64_t values[5] = { mailbox->uids.count, 0, mailbox->uidnext, mailbox->uidvalidity, mailbox->unseen };
    const char *gap = "";

    av_imap_session_write(session, av_span_str("* STATUS "));
    (void)av_imap_name_put(av_buf_span(&self->name), &session->out);
    av_imap_session_write(session, av_span_str(" ("));
    for (size_t i = 0; i < AV_COUNT(items); i++) {
        if (!self->asked[i])
            continue;
        av_imap_session_printf(session, "%s%s %llu", gap, items[i], (unsigned long long)values[i]);
        gap = " ";
    }
    av_imap_session_write(session, av_span_str(")\r\n"));
    av_imap_session_done(session, "OK", NULL, "done");
}

static void
on_mailbox(av_imap_session *session, const ProtobufCMessage *reply, const av_error *err)
{
    AV_CLEANUP(av_imap_mailbox_destroy) av_imap_mailbox *mailbox = NULL;
    av_error bad;

    if (err != NULL && err->code == AV_ERR_NOT_FOUND && ((status *)session->work)->is_inbox) {
        mailbox = av_imap_mailbox_new_inbox();
        err = NULL;
    } else if (err == NULL &&
               av_imap_mailbox_new((const Archivolt__SelectMailboxReply *)reply, &mailbox, &bad) != AV_OK) {
        err = &bad;
    }
    if (err == NULL)
        tell(session, mailbox);
    else if (err->code == AV_ERR_DENIED || err->code == AV_ERR_INVALID)
        av_imap_session_done(session, "NO", "NONEXISTENT", "there is no such mailbox");
    else
        av_imap_session_fail(session, err);
}

void
av_imap_cmd_status(av_imap_session *session, const av_imap_command *command)
{
    Archivolt__SelectMailboxRequest body = ARCHIVOLT__SELECT_MAILBOX_REQUEST__INIT;
    status *self = av_xcalloc(1, sizeof *self);

    session->work = self;
    session->free_work = status_free;
    av_buf_init(&self->name, AV_IMAP_NAME_MAX);
    if (!take_items(self, command->args[1])) {
        av_imap_session_done(session, "BAD", NULL, "STATUS takes a list of MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN");
        return;
    }
    if (!av_imap_name_decode(command->args[0], &self->name) ||
        memchr(av_buf_cstr(&self->name), '\0', self->name.n) != NULL) {
        av_imap_session_done(session, "NO", "NONEXISTENT", "there is no such mailbox");
        return;
    }
    self->is_inbox = av_imap_name_is_inbox(av_buf_span(&self->name));
    body.path = (char *)(uintptr_t)av_buf_cstr(&self->name);
    av_imap_session_call(
        session, session->instance, "archivolt.Archive.SelectMailbox", &body.base, AV_IMAP_CALL_TIMEOUT_MS, on_mailbox);
}
