/*
 * search_run.c - see search_run.h
 */
#include "gateway/imap/search_run.h"

#include "base/clock.h"
#include "storage/index/query_wire.h"

typedef struct work {
    av_imap_answer answer;
} work;

static void
work_free(void *p)
{
    av_imap_answer_release(&((work *)p)->answer);
    free(p);
}

/* ---- the answer ---- */

static void
pump(av_imap_session *session)
{
    work *self = session->work;
    bool done = false;

    session->on_room = NULL;
    while (!done && av_imap_session_flush(session) && !session->ending)
        done = av_imap_answer_write(&self->answer, &session->out, AV_IMAP_SEARCH_PIECE);
    if (done)
        av_imap_session_done(session, "OK", NULL, "done");
    else
        session->on_room = pump;
}

static void
keep_result(av_imap_session *session, const av_imap_answer *answer)
{
    AV_CLEANUP(av_free) av_query_range *ranges = NULL;
    size_t n;

    if ((answer->returns.options & AV_IMAP_RETURN_SAVE) == 0)
        return;
    av_imap_answer_saved(answer, &ranges, &n);
    av_imap_uids_save(&session->mailbox->uids, ranges, n);
}

static void
tell(av_imap_session *session, const Archivolt__SearchMailboxReply *reply)
{
    work *self = session->work;
    av_error err;

    if (av_imap_answer_take(&self->answer, reply, &err) != AV_OK) {
        av_imap_session_fail(session, &err);
        return;
    }
    keep_result(session, &self->answer);
    pump(session);
}

static void
on_result(av_imap_session *session, const ProtobufCMessage *message, const av_error *err)
{
    work *self = session->work;

    if (err == NULL) {
        tell(session, (const Archivolt__SearchMailboxReply *)message);
        return;
    }
    if ((self->answer.returns.options & AV_IMAP_RETURN_SAVE) != 0) /* RFC 5182, 2.1: a NO empties it */
        av_imap_uids_save(&session->mailbox->uids, NULL, 0);
    av_imap_session_fail(session, err);
}

/* ---- the request ---- */

av_imap_search_options
av_imap_search_options_of(const av_imap_session *session, const av_imap_uids *uids)
{
    return (av_imap_search_options){ .uids = uids,
        .now_unix_s = av_clock_wall_ms() / 1000,
        .exact = av_gateway_get_settings(session->imap->gateway)->imap_search_exact,
        .no_charset = (session->enabled & AV_IMAP_ENABLED_UTF8) != 0 };
}

void
av_imap_search_refuse(av_imap_session *session, const av_error *err)
{
    if (err->code == AV_ERR_UNSUPPORTED)
        av_imap_session_done(session, "NO", "BADCHARSET (US-ASCII UTF-8)", "%s", err->msg);
    else if (err->code == AV_ERR_SYNTAX || err->code == AV_ERR_INVALID)
        av_imap_session_done(session, "BAD", NULL, "%s", err->msg);
    else
        av_imap_session_fail(session, err);
}

static void
ask(av_imap_session *session, const av_imap_search_wish *wish, const av_query *query)
{
    Archivolt__SearchMailboxRequest body = ARCHIVOLT__SEARCH_MAILBOX_REQUEST__INIT;
    Archivolt__UidRange known = ARCHIVOLT__UID_RANGE__INIT, *among = &known;
    Archivolt__SortKey sort[AV_IMAP_SORT_KEYS_MAX], *keys[AV_IMAP_SORT_KEYS_MAX];
    AV_CLEANUP(av_buf_release) av_buf tree = { 0 };
    const work *self = session->work;
    av_error err;

    av_buf_init(&tree, AV_IMAP_SEARCH_TREE_MAX);
    if (av_query_encode(query, &tree, &err) != AV_OK) {
        av_imap_session_fail(session, &err);
        return;
    }
    for (size_t i = 0; i < wish->sort_count; i++) {
        sort[i] = wish->sort[i];
        keys[i] = &sort[i];
    }
    known.first = 1; /* what came since is not known to the client yet */
    known.last = av_imap_uids_last(&session->mailbox->uids);
    body.mailbox.data = session->mailbox->guid;
    body.mailbox.len = sizeof session->mailbox->guid;
    body.tree.data = tree.p;
    body.tree.len = tree.n;
    body.uids = &among;
    body.n_uids = 1;
    body.sort = keys;
    body.n_sort = wish->sort_count;
    body.has_thread = wish->kind == AV_IMAP_ANSWER_THREAD;
    body.thread = wish->thread;
    body.has_want_modseq = body.want_modseq = self->answer.tell_modseq;
    body.has_time_limit_ms = 1;
    body.time_limit_ms = AV_IMAP_SEARCH_WAIT_MS;
    av_imap_session_call(session, session->instance, "archivolt.Archive.SearchMailbox", &body.base,
        AV_IMAP_SEARCH_WAIT_MS + AV_IMAP_CALL_TIMEOUT_MS, on_result);
}

void
av_imap_search_run(av_imap_session *session, const av_imap_search_wish *wish)
{
    av_imap_search_options options = av_imap_search_options_of(session, &session->mailbox->uids);
    AV_CLEANUP(av_query_destroy) av_query *query = NULL;
    bool modseq = false;
    av_error err;
    work *self;

    options.charset = wish->charset;
    if (av_imap_search_parse(wish->keys, &options, &query, &modseq, &err) != AV_OK) {
        av_imap_search_refuse(session, &err);
        return;
    }
    self = av_xcalloc(1, sizeof *self);
    session->work = self;
    session->free_work = work_free;
    self->answer.kind = wish->kind;
    self->answer.by_uid = wish->by_uid;
    self->answer.returns = wish->returns;
    self->answer.extended = wish->returns.given;
    self->answer.tell_modseq = modseq;
    self->answer.tag = session->tag;
    self->answer.uids = &session->mailbox->uids;
    if (modseq)
        session->enabled |= AV_IMAP_ENABLED_CONDSTORE;
    if (session->mailbox->uids.count == 0)
        tell(session, NULL);
    else
        ask(session, wish, query);
}
