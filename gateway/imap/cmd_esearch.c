/*
 * cmd_esearch.c - ESEARCH: a search in several mailboxes, one after the other, told in UIDs
 *
 * A mailbox in which nothing is found is not told (RFC 7377, 2.1). One that has gone, or may not be read any more, since
 * they were listed has nothing to be found in.
 * Source: RFC 7377, 2.
 */
#include "gateway/imap/search_run.h"
#include "gateway/imap/search_scope.h"
#include "storage/index/query_wire.h"

typedef struct place {
    uint8_t guid[AV_IMAP_GUID_SIZE];
    char *path;
} place;

typedef struct work {
    av_imap_scope scope;
    av_imap_answer answer;
    av_buf tree, name;
    place *places;
    size_t n, at; /* at: the one in work */
} work;

static void ask_next(av_imap_session *session);

static void
work_free(void *p)
{
    work *self = p;

    for (size_t i = 0; i < self->n; i++)
        free(self->places[i].path);
    free(self->places);
    av_imap_scope_release(&self->scope);
    av_imap_answer_release(&self->answer);
    av_buf_release(&self->tree);
    av_buf_release(&self->name);
    free(self);
}

static void
pump(av_imap_session *session)
{
    work *self = session->work;
    bool done = false;

    session->on_room = NULL;
    while (!done && av_imap_session_flush(session) && !session->ending)
        done = av_imap_answer_write(&self->answer, &session->out, AV_IMAP_SEARCH_PIECE);
    if (!done) {
        session->on_room = pump;
        return;
    }
    self->at++;
    ask_next(session);
}

static void
keep_result(av_imap_session *session, const av_imap_answer *answer)
{
    AV_CLEANUP(av_free) av_query_range *ranges = NULL;
    size_t n;

    if ((answer->returns.options & AV_IMAP_RETURN_SAVE) == 0 || session->mailbox == NULL)
        return;
    av_imap_answer_saved(answer, &ranges, &n);
    av_imap_uids_save(&session->mailbox->uids, ranges, n);
}

static void
on_result(av_imap_session *session, const ProtobufCMessage *message, const av_error *err)
{
    const Archivolt__SearchMailboxReply *reply = (const Archivolt__SearchMailboxReply *)message;
    work *self = session->work;
    av_error bad;

    if (err != NULL && err->code != AV_ERR_NOT_FOUND) {
        av_imap_session_fail(session, err);
        return;
    }
    if (err == NULL && reply->count > 0) {
        if (av_imap_answer_take(&self->answer, reply, &bad) != AV_OK) {
            av_imap_session_fail(session, &bad);
            return;
        }
        keep_result(session, &self->answer);
        pump(session);
        return;
    }
    self->at++;
    ask_next(session);
}

static void
ask_next(av_imap_session *session)
{
    Archivolt__SearchMailboxRequest body = ARCHIVOLT__SEARCH_MAILBOX_REQUEST__INIT;
    work *self = session->work;
    place *to;

    if (self->at == self->n) {
        av_imap_session_done(session, "OK", NULL, "done");
        return;
    }
    to = &self->places[self->at];
    av_buf_clear(&self->name);
    (void)av_imap_name_put(av_span_str(to->path), av_imap_session_is_utf8(session), &self->name);
    self->answer.mailbox = av_buf_span(&self->name);
    body.mailbox.data = to->guid;
    body.mailbox.len = sizeof to->guid;
    body.tree.data = self->tree.p;
    body.tree.len = self->tree.n;
    body.has_want_modseq = body.want_modseq = self->answer.tell_modseq;
    body.has_time_limit_ms = 1;
    body.time_limit_ms = AV_IMAP_SEARCH_WAIT_MS;
    av_imap_session_call(session, session->instance, "archivolt.Archive.SearchMailbox", &body.base,
        AV_IMAP_SEARCH_WAIT_MS + AV_IMAP_CALL_TIMEOUT_MS, on_result);
}

static void
on_mailboxes(av_imap_session *session, const ProtobufCMessage *message, const av_error *err)
{
    const Archivolt__ListMailboxesReply *reply = (const Archivolt__ListMailboxesReply *)message;
    av_span selected = session->mailbox == NULL || session->mailbox->path == NULL ? av_span_of(NULL, 0)
                                                                                  : av_span_str(session->mailbox->path);
    work *self = session->work;

    if (err != NULL) {
        av_imap_session_fail(session, err);
        return;
    }
    self->places = av_xcalloc(reply->n_mailboxes + 1, sizeof *self->places);
    for (size_t i = 0; i < reply->n_mailboxes; i++) {
        const Archivolt__MailboxInfo *info = reply->mailboxes[i];

        if (info->guid.len != AV_IMAP_GUID_SIZE || info->messages == 0 ||
            !av_imap_scope_has(&self->scope, av_span_str(info->path), selected))
            continue;
        memcpy(self->places[self->n].guid, info->guid.data, AV_IMAP_GUID_SIZE);
        self->places[self->n++].path = av_xstrdup(info->path);
    }
    if (session->mailbox != NULL && (self->answer.returns.options & AV_IMAP_RETURN_SAVE) != 0)
        av_imap_uids_save(&session->mailbox->uids, NULL, 0);
    ask_next(session);
}

static av_errc
parse(av_imap_session *session, av_span in, work *self, av_error *err)
{
    av_imap_search_options options = av_imap_search_options_of(session, NULL);
    AV_CLEANUP(av_query_destroy) av_query *query = NULL;
    av_errc rc = av_imap_take_scope(&in, av_imap_session_is_utf8(session), &self->scope, err);

    if (rc == AV_OK)
        rc = av_imap_take_return(&in, &self->answer.returns, err);
    if (rc != AV_OK)
        return rc;
    if (!self->answer.returns.given)
        self->answer.returns = (av_imap_return){ .given = true, .options = AV_IMAP_RETURN_ALL };
    if (av_imap_scope_is_selected(&self->scope) && session->state != AV_IMAP_SELECTED)
        return av_error_set(err, AV_ERR_SYNTAX, "ESEARCH: no mailbox is selected");
    if ((self->answer.returns.options & AV_IMAP_RETURN_SAVE) != 0 && !av_imap_scope_is_selected(&self->scope))
        return av_error_set(err, AV_ERR_SYNTAX, "ESEARCH: SAVE keeps a result of the selected mailbox alone");
    rc = av_imap_search_parse(in, &options, &query, &self->answer.tell_modseq, err);
    return rc == AV_OK ? av_query_encode(query, &self->tree, err) : rc;
}

void
av_imap_cmd_esearch(av_imap_session *session, const av_imap_command *command)
{
    Archivolt__ListMailboxesRequest body = ARCHIVOLT__LIST_MAILBOXES_REQUEST__INIT;
    work *self = av_xcalloc(1, sizeof *self);
    av_error err;

    session->work = self;
    session->free_work = work_free;
    self->answer.by_uid = self->answer.extended = true;
    self->answer.tag = session->tag;
    av_buf_init(&self->tree, AV_IMAP_SEARCH_TREE_MAX);
    av_buf_init(&self->name, 4 * AV_IMAP_NAME_MAX);
    if (parse(session, command->args[0], self, &err) != AV_OK) {
        av_imap_search_refuse(session, &err);
        return;
    }
    av_imap_session_call(session, session->instance, "archivolt.Archive.ListMailboxes", &body.base,
        AV_IMAP_CALL_TIMEOUT_MS, on_mailboxes);
}
