/*
 * cmd_list.c - LIST and LSUB: the mailboxes the user may read; all of them are subscribed
 *
 * The instance's answer becomes a tree once; its rows are written as the connection takes them, so that what waits to be
 * sent stays small. Each pattern costs time by its length and the names', which is limited: nobody holds up the others.
 * Source: RFC 3501, 6.3.8 and 6.3.9; RFC 5258; RFC 9051, 6.3.9; RFC 3348; RFC 5819; RFC 6154; RFC 8440.
 */
#include "gateway/imap/acl.h"
#include "gateway/imap/list_request.h"
#include "gateway/imap/mailbox_tree.h"
#include "gateway/imap/session_priv.h"
#include "gateway/imap/status_items.h"

#define STEPS_MAX   50000000U /* of matching, for one command: a fraction of a second */
#define WRITTEN_MAX 65536U    /* bytes of rows before the connection is given them */

typedef struct list {
    const char *word; /* LIST or LSUB */
    av_imap_list_request request;
    av_imap_tree *tree;
    size_t at; /* the next node */
    uint64_t steps;
} list;

static void
list_free(void *work)
{
    list *self = work;

    av_imap_list_request_release(&self->request);
    av_imap_tree_destroy(&self->tree);
    free(self);
}

/* ---- which rows ---- */

/* Selection options that choose (RFC 5258, 3.1; RFC 6154, 5.1). What exists is subscribed; nothing is remote. */
static bool
is_selected(const av_imap_node *node, unsigned select)
{
    return ((select & AV_IMAP_LIST_SUBSCRIBED) == 0 || node->exists) &&
           ((select & AV_IMAP_LIST_SPECIAL_USE) == 0 || node->use != NULL);
}

static bool
matches(list *self, av_span name)
{
    for (size_t i = 0; i < self->request.count; i++) {
        av_span pattern = av_buf_span(&self->request.patterns[i]);

        self->steps += av_imap_name_match_cost(pattern, name);
        if (self->steps > STEPS_MAX)
            return false;
        if (av_imap_name_matches(pattern, name) || (av_imap_name_is_inbox(name) && av_imap_name_is_inbox(pattern)))
            return true;
    }
    return false;
}

static bool
is_wanted(list *self, const av_imap_node *node)
{
    bool recursive = (self->request.select & AV_IMAP_LIST_RECURSIVE) != 0;

    return (is_selected(node, self->request.select) || (recursive && node->below)) &&
           matches(self, av_span_of(node->path, node->path_n));
}

/* ---- rows ---- */

static void
write_attributes(av_imap_session *session, const list *self, const av_imap_node *node)
{
    bool subscribed = ((self->request.select | self->request.ret) & AV_IMAP_LIST_SUBSCRIBED) != 0;

    av_imap_session_printf(session, "* %s (%s", self->word, node->has_children ? "\\HasChildren" : "\\HasNoChildren");
    if (!node->exists) /* RFC 5258, 3: \NonExistent implies \Noselect, which older clients know */
        av_imap_session_printf(session, " \\NonExistent \\Noselect");
    if (node->exists && subscribed)
        av_imap_session_printf(session, " \\Subscribed");
    if (node->use != NULL)
        av_imap_session_printf(session, " %s", node->use);
    av_imap_session_printf(session, ") \"/\" ");
}

static void
write_row(av_imap_session *session, const list *self, const av_imap_node *node)
{
    const av_imap_list_request *request = &self->request;
    av_span name = av_span_of(node->path, node->path_n);

    write_attributes(session, self, node);
    av_imap_session_write_name(session, name);
    if ((request->select & AV_IMAP_LIST_RECURSIVE) != 0 && node->below) /* RFC 5258, 3.5 */
        av_imap_session_printf(session, " (\"CHILDINFO\" (\"SUBSCRIBED\"))");
    av_imap_session_printf(session, "\r\n");
    if (node->exists && (request->ret & AV_IMAP_LIST_MYRIGHTS) != 0)
        av_imap_session_write_myrights(session, name);
    if (node->exists && (request->ret & AV_IMAP_LIST_STATUS) != 0) {
        av_imap_session_printf(session, "* STATUS ");
        av_imap_session_write_name(session, name);
        av_imap_session_printf(session, " ");
        (void)av_imap_status_items_put(request->status, &node->info, &session->out);
        av_imap_session_printf(session, "\r\n");
    }
}

/* Until the connection takes no more for now, which calls again when it does. */
static void
write_rows(av_imap_session *session)
{
    list *self = session->work;

    for (; self->at < self->tree->count; self->at++) {
        const av_imap_node *node = &self->tree->nodes[self->at];

        if (session->out.n > WRITTEN_MAX && !av_imap_session_flush(session))
            break;
        if (is_wanted(self, node))
            write_row(session, self, node);
    }
    if (self->steps > STEPS_MAX)
        av_imap_session_done(session, "NO", "LIMIT", "so many wildcards in so many mailboxes take too long");
    else if (self->at == self->tree->count)
        av_imap_session_done(session, "OK", NULL, "done");
    else
        session->on_room = write_rows;
}

static void
on_mailboxes(av_imap_session *session, const ProtobufCMessage *message, const av_error *err)
{
    list *self = session->work;
    av_error bad;

    if (err == NULL) {
        self->tree = av_imap_tree_new((const Archivolt__ListMailboxesReply *)message);
        if (self->tree == NULL) {
            (void)av_error_set(&bad, AV_ERR_CORRUPT, "the instance's list of mailboxes is not complete");
            err = &bad;
        }
    }
    if (err != NULL) {
        av_imap_session_fail(session, err);
        return;
    }
    if ((self->request.select & AV_IMAP_LIST_RECURSIVE) != 0)
        av_imap_tree_mark(self->tree, is_selected, self->request.select);
    write_rows(session);
}

/* ---- the commands ---- */

static void
ask(av_imap_session *session, list *self)
{
    Archivolt__ListMailboxesRequest body = ARCHIVOLT__LIST_MAILBOXES_REQUEST__INIT;

    if ((self->request.status & AV_IMAP_STATUS_HIGHESTMODSEQ) != 0)
        session->enabled |= AV_IMAP_ENABLED_CONDSTORE;
    if (self->request.asks_root) {
        av_imap_session_printf(session, "* %s (\\Noselect) \"/\" \"\"\r\n", self->word);
        av_imap_session_done(session, "OK", NULL, "done");
    } else if (self->request.count == 0) {
        av_imap_session_done(session, "OK", NULL, "no mailbox can have such a name");
    } else {
        av_imap_session_call(session, session->instance, "archivolt.Archive.ListMailboxes", &body.base,
            AV_IMAP_CALL_TIMEOUT_MS, on_mailboxes);
    }
}

static void
run(av_imap_session *session, const av_imap_command *command, const char *word)
{
    list *self = av_xcalloc(1, sizeof *self);
    av_error err;
    av_errc rc;

    session->work = self;
    session->free_work = list_free;
    self->word = word;
    rc = av_imap_list_request_parse(command->args[0], av_imap_session_is_utf8(session), &self->request, &err);
    if (rc == AV_OK && self->request.extended && strcmp(word, "LSUB") == 0)
        rc = av_error_set(&err, AV_ERR_SYNTAX, "LSUB takes a reference and a pattern");
    if (rc == AV_OK)
        ask(session, self);
    else
        av_imap_session_done(
            session, rc == AV_ERR_LIMIT ? "NO" : "BAD", rc == AV_ERR_LIMIT ? "LIMIT" : NULL, "%s", err.msg);
}

void
av_imap_cmd_list(av_imap_session *session, const av_imap_command *command)
{
    run(session, command, "LIST");
}

void
av_imap_cmd_lsub(av_imap_session *session, const av_imap_command *command)
{
    run(session, command, "LSUB");
}
