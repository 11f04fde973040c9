/*
 * cmd_search.c - SEARCH and UID SEARCH: keys to a query tree, UIDs back to numbers
 *
 * Source: RFC 3501, 6.4.4, 6.4.8, 7.2.5.
 */
#include "gateway/imap/search_keys.h"
#include "gateway/imap/session_priv.h"
#include "storage/index/query_wire.h"

#define TREE_MAX          60000 /* bytes: a request is one frame of 64 KB */
#define SEARCH_TIMEOUT_MS 600000

static const bool by_number = false, by_uid = true; /* session->work points to one of them */

/* Messages that came after the mailbox was selected are not known to the client yet: they are left out. */
static void
write_uid(av_imap_session *session, uint32_t uid)
{
    uint32_t seq = av_imap_uids_seq(&session->mailbox->uids, uid);

    if (seq != 0)
        av_imap_session_printf(session, " %u", *(const bool *)session->work ? uid : seq);
}

static void
on_result(av_imap_session *session, const ProtobufCMessage *message, const av_error *err)
{
    const Archivolt__SearchMailboxReply *reply = (const Archivolt__SearchMailboxReply *)message;

    if (err != NULL) {
        av_imap_session_fail(session, err);
        return;
    }
    av_imap_session_write(session, av_span_str("* SEARCH"));
    for (size_t i = 0; i < reply->n_uids; i++) {
        uint32_t last = AV_MIN(reply->uids[i]->last, av_imap_uids_last(&session->mailbox->uids));

        for (uint32_t uid = reply->uids[i]->first; uid != 0 && uid <= last && !session->out.full; uid++)
            write_uid(session, uid);
    }
    av_imap_session_write(session, av_span_str("\r\n"));
    av_imap_session_done(session, "OK", NULL, "done");
}

static void
ask(av_imap_session *session, const av_query *query)
{
    Archivolt__SearchMailboxRequest body = ARCHIVOLT__SEARCH_MAILBOX_REQUEST__INIT;
    AV_CLEANUP(av_buf_release) av_buf tree = { 0 };
    av_error err;

    av_buf_init(&tree, TREE_MAX);
    if (av_query_encode(query, &tree, &err) != AV_OK) {
        av_imap_session_fail(session, &err);
        return;
    }
    body.mailbox.data = session->mailbox->guid;
    body.mailbox.len = sizeof session->mailbox->guid;
    body.tree.data = tree.p;
    body.tree.len = tree.n;
    av_imap_session_call(
        session, session->instance, "archivolt.Archive.SearchMailbox", &body.base, SEARCH_TIMEOUT_MS, on_result);
}

static void
run(av_imap_session *session, const av_imap_command *command, const bool *what)
{
    AV_CLEANUP(av_query_destroy) av_query *query = NULL;
    av_error err;
    av_errc rc = av_imap_search_parse(command->args[0], &session->mailbox->uids, &query, &err);

    if (rc == AV_ERR_UNSUPPORTED) {
        av_imap_session_done(session, "NO", "BADCHARSET (US-ASCII UTF-8)", "%s", err.msg);
    } else if (rc == AV_ERR_SYNTAX || rc == AV_ERR_INVALID) {
        av_imap_session_done(session, "BAD", NULL, "%s", err.msg);
    } else if (rc != AV_OK) {
        av_imap_session_fail(session, &err);
    } else if (session->mailbox->uids.count == 0) {
        av_imap_session_printf(session, "* SEARCH\r\n");
        av_imap_session_done(session, "OK", NULL, "done");
    } else {
        session->work = (void *)(uintptr_t)what;
        ask(session, query);
    }
}

void
av_imap_cmd_search(av_imap_session *session, const av_imap_command *command)
{
    run(session, command, &by_number);
}

void
av_imap_cmd_uid_search(av_imap_session *session, const av_imap_command *command)
{
    run(session, command, &by_uid);
}
