/*
 * cmd_select.c - SELECT, EXAMINE, CLOSE, UNSELECT
 *
 * Every mailbox is read-only, so SELECT is EXAMINE and CLOSE expunges nothing. Source: RFC 3501, 6.3.1, 6.3.2, 6.4.2.
 */
#include "gateway/imap/session_priv.h"

static void
no_such_mailbox(av_imap_session *session)
{
    av_imap_session_done(session, "NO", "NONEXISTENT", "there is no such mailbox");
}

static void
tell(av_imap_session *session)
{
    const av_imap_mailbox *mailbox = session->mailbox;

    session->state = AV_IMAP_SELECTED;
    av_imap_session_printf(session,
        "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n"
        "* OK [PERMANENTFLAGS ()] no flag can be changed\r\n"
        "* %u EXISTS\r\n* 0 RECENT\r\n"
        "* OK [UIDVALIDITY %u] UIDs are valid\r\n* OK [UIDNEXT %u] the next UID\r\n",
        mailbox->uids.count, mailbox->uidvalidity, mailbox->uidnext);
    av_imap_session_done(session, "OK", "READ-ONLY", "selected");
}

static void
on_mailbox(av_imap_session *session, const ProtobufCMessage *reply, const av_error *err)
{
    av_error bad;

    if (err != NULL && err->code == AV_ERR_NOT_FOUND && session->work != NULL) { /* INBOX, and the archive has none */
        session->mailbox = av_imap_mailbox_new_inbox();
        err = NULL;
    } else if (err == NULL &&
               av_imap_mailbox_new((const Archivolt__SelectMailboxReply *)reply, &session->mailbox, &bad) != AV_OK) {
        err = &bad;
    }
    if (err == NULL)
        tell(session);
    else if (err->code == AV_ERR_NOT_FOUND || err->code == AV_ERR_DENIED || err->code == AV_ERR_INVALID)
        no_such_mailbox(session); /* what one may not read is not there */
    else
        av_imap_session_fail(session, err);
}

void
av_imap_cmd_select(av_imap_session *session, const av_imap_command *command)
{
    Archivolt__SelectMailboxRequest body = ARCHIVOLT__SELECT_MAILBOX_REQUEST__INIT;
    AV_CLEANUP(av_buf_release) av_buf path = { 0 };

    av_imap_session_unselect(session); /* also when the new one cannot be selected (RFC 3501, 6.3.1) */
    av_buf_init(&path, AV_IMAP_NAME_MAX);
    if (!av_imap_name_decode(command->args[0], av_imap_session_is_utf8(session), &path)) {
        no_such_mailbox(session);
        return;
    }
    if (av_imap_name_is_inbox(av_buf_span(&path))) {
        session->work = av_xcalloc(1, 1);
        session->free_work = free;
    }
    body.path = (char *)(uintptr_t)av_buf_cstr(&path);
    av_imap_session_call(
        session, session->instance, "archivolt.Archive.SelectMailbox", &body.base, AV_IMAP_CALL_TIMEOUT_MS, on_mailbox);
}

void
av_imap_cmd_examine(av_imap_session *session, const av_imap_command *command)
{
    av_imap_cmd_select(session, command);
}

void
av_imap_cmd_close(av_imap_session *session, const av_imap_command *command AV_UNUSED)
{
    av_imap_session_unselect(session);
    av_imap_session_done(session, "OK", NULL, "done");
}
