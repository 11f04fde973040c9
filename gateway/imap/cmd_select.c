/*
 * cmd_select.c - SELECT, EXAMINE, CLOSE, UNSELECT
 *
 * Every mailbox is read-only, so SELECT is EXAMINE and CLOSE expunges nothing. What a session of the same mailbox knows
 * already is not asked again. The number of the first unseen message is not told: it would take a walk (RFC 3501, 6.3.1:
 * it may be missing). Source: RFC 3501, 6.3.1, 6.3.2, 6.4.2; RFC 9051, 6.3.2; RFC 7162, 3.1.8, 3.2.5; RFC 8474, 4.2.
 */
#include "gateway/imap/capabilities.h"
#include "gateway/imap/fetch_priv.h"
#include "gateway/imap/object_id.h"
#include "gateway/imap/select_params.h"

typedef struct choice {
    av_imap_select_params params;
    av_imap_mailbox *known; /* the state the request named, or NULL */
    bool is_inbox;
} choice;

static void
choice_free(void *work)
{
    choice *self = work;

    av_imap_select_params_release(&self->params);
    av_imap_mailbox_destroy(&self->known);
    free(self);
}

static void
no_such_mailbox(av_imap_session *session)
{
    av_imap_session_done(session, "NO", "NONEXISTENT", "there is no such mailbox");
}

/* RFC 9051, 6.3.2: the name as the archive has it. */
static void
tell_name(av_imap_session *session)
{
    av_imap_session_write(session, av_span_str("* LIST () \"/\" "));
    av_imap_session_write_name(session, av_span_str(session->mailbox->path));
    av_imap_session_write(session, av_span_str("\r\n"));
}

static void
tell(av_imap_session *session)
{
    const av_imap_mailbox *mailbox = session->mailbox;
    bool rev2 = (session->enabled & AV_IMAP_ENABLED_IMAP4REV2) != 0;

    session->state = AV_IMAP_SELECTED;
    av_imap_session_printf(session,
        "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n"
        "* OK [PERMANENTFLAGS ()] no flag can be changed\r\n"
        "* %u EXISTS\r\n%s"
        "* OK [UIDVALIDITY %u] UIDs are valid\r\n* OK [UIDNEXT %u] the next UID\r\n"
        "* OK [HIGHESTMODSEQ %llu] of all changes\r\n* OK [MAILBOXID (%s)] stays with it\r\n",
        mailbox->uids.count, rev2 ? "" : "* 0 RECENT\r\n", mailbox->uidvalidity, mailbox->uidnext,
        (unsigned long long)mailbox->modseq, av_imap_mailbox_id_of(mailbox->guid).text);
    if (rev2)
        tell_name(session);
}

/*
 * RFC 7162, 3.2.5.1: what has become of the state the client has; then the end of the command. A MODSEQ beyond ours is one
 * of a history that is lost: all is told again.
 */
static void
resync(av_imap_session *session, const av_imap_select_params *params)
{
    const av_imap_mailbox *mailbox = session->mailbox;
    const av_query_range all = { 1, UINT32_MAX };
    av_query_range *uids = NULL;
    av_imap_fetch_spec spec = { .items = { .uid = true, .flags = true, .modseq = true },
        .code = "READ-ONLY",
        .text = "selected, and what has changed" };
    size_t n = 0;

    spec.items.has_changed_since = params->modseq < mailbox->modseq;
    spec.items.changed_since = params->modseq;
    av_imap_select_params_vanished(params, &mailbox->uids, mailbox->uidnext, &uids, &n);
    av_imap_vanished_write(uids, n, true, &session->out);
    free(uids);
    av_imap_uids_resolve(&mailbox->uids, params->has_known ? params->known : &all,
        params->has_known ? params->known_n : 1, true, &spec.uids, &spec.uid_count);
    av_imap_session_forget_work(session); /* params, too */
    av_imap_fetch_start(session, &spec);
}

static void
selected(av_imap_session *session)
{
    const av_imap_select_params *params = &((choice *)session->work)->params;

    tell(session);
    if (params->qresync && params->uidvalidity == session->mailbox->uidvalidity &&
        params->modseq != session->mailbox->modseq)
        resync(session, params);
    else
        av_imap_session_done(session, "OK", "READ-ONLY", "selected");
}

static void
on_mailbox(av_imap_session *session, const ProtobufCMessage *reply, const av_error *err)
{
    const choice *self = session->work;
    av_error bad;

    if (err != NULL && err->code == AV_ERR_NOT_FOUND && self->is_inbox) { /* INBOX, and the archive has none */
        session->mailbox = av_imap_mailbox_new_inbox();
        err = NULL;
    } else if (err == NULL && av_imap_mailbox_new((const Archivolt__SelectMailboxReply *)reply, self->known,
                                  &session->mailbox, &bad) != AV_OK) {
        err = &bad;
    }
    if (err == NULL)
        selected(session);
    else if (err->code == AV_ERR_NOT_FOUND || err->code == AV_ERR_DENIED || err->code == AV_ERR_INVALID)
        no_such_mailbox(session); /* what one may not read is not there */
    else
        av_imap_session_fail(session, err);
}

/* false: it was answered. */
static bool
take_params(av_imap_session *session, const av_imap_command *command, choice *self)
{
    av_error err;

    if (command->arg_count > 1 && av_imap_select_params_parse(command->args[1], &self->params, &err) != AV_OK) {
        av_imap_session_done(session, "BAD", NULL, "%s", err.msg);
        return false;
    }
    if (self->params.qresync && (session->enabled & AV_IMAP_ENABLED_QRESYNC) == 0) { /* RFC 7162, 3.2.5 */
        av_imap_session_done(session, "BAD", NULL, "QRESYNC has to be enabled first");
        return false;
    }
    if (self->params.condstore)
        session->enabled |= AV_IMAP_ENABLED_CONDSTORE;
    return true;
}

static void
ask(av_imap_session *session, choice *self, const char *path)
{
    Archivolt__SelectMailboxRequest body = ARCHIVOLT__SELECT_MAILBOX_REQUEST__INIT;
    const av_imap_mailbox *known = av_imap_session_known(session, path);

    body.path = (char *)(uintptr_t)path;
    if (known != NULL) {
        self->known = av_imap_mailbox_copy(known);
        av_imap_mailbox_know(known, &body);
    }
    av_imap_session_call(
        session, session->instance, "archivolt.Archive.SelectMailbox", &body.base, AV_IMAP_CALL_TIMEOUT_MS, on_mailbox);
}

void
av_imap_cmd_select(av_imap_session *session, const av_imap_command *command)
{
    AV_CLEANUP(av_buf_release) av_buf path = { 0 };
    choice *self = av_xcalloc(1, sizeof *self);

    session->work = self;
    session->free_work = choice_free;
    if (!take_params(session, command, self))
        return;
    if (session->state == AV_IMAP_SELECTED) /* RFC 7162, 3.2.11: what comes is of the other one */
        av_imap_session_printf(session, "* OK [CLOSED] the mailbox before is closed\r\n");
    av_imap_session_unselect(session); /* also when the new one cannot be selected (RFC 3501, 6.3.1) */
    av_buf_init(&path, AV_IMAP_NAME_MAX);
    if (!av_imap_name_decode(command->args[0], av_imap_session_is_utf8(session), &path)) {
        no_such_mailbox(session);
        return;
    }
    self->is_inbox = av_imap_name_is_inbox(av_buf_span(&path));
    ask(session, self, av_buf_cstr(&path));
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
