/*
 * cmd_list.c - LIST and LSUB: the mailboxes the user may read; all of them are subscribed
 *
 * Source: RFC 3501, 6.3.8 and 6.3.9; RFC 3348 (\HasChildren).
 */
#include "base/map.h"
#include "gateway/imap/session_priv.h"

typedef struct list {
    const char *word; /* LIST or LSUB */
    av_buf pattern;   /* reference and pattern, UTF-8 */
    av_map *parents;  /* paths that have something below them */
    bool has_inbox;
} list;

static void
list_free(void *work)
{
    list *self = work;

    av_buf_release(&self->pattern);
    av_map_destroy(&self->parents, NULL);
    free(self);
}

static void
write_row(av_imap_session *session, const list *self, av_span path)
{
    bool parent = av_map_get(self->parents, path) != NULL;

    av_imap_session_printf(session, "* %s (%s) \"/\" ", self->word, parent ? "\\HasChildren" : "\\HasNoChildren");
    (void)av_imap_name_put(path, &session->out);
    av_imap_session_write(session, av_span_str("\r\n"));
}

static void
note(list *self, av_span path)
{
    size_t n = path.n;

    self->has_inbox = self->has_inbox || av_imap_name_is_inbox(path);
    while (n > 0 && path.p[n - 1] != '/')
        n--;
    if (n > 1)
        (void)av_map_put(self->parents, av_span_slice(path, 0, n - 1), self);
}

static void
on_mailboxes(av_imap_session *session, const ProtobufCMessage *message, const av_error *err)
{
    const Archivolt__ListMailboxesReply *reply = (const Archivolt__ListMailboxesReply *)message;
    list *self = session->work;
    av_span pattern = av_buf_span(&self->pattern);

    if (err != NULL) {
        av_imap_session_fail(session, err);
        return;
    }
    for (size_t i = 0; i < reply->n_mailboxes; i++)
        note(self, av_span_str(reply->mailboxes[i]->path));
    if (!self->has_inbox && (av_imap_name_matches(pattern, av_span_str("INBOX")) || av_imap_name_is_inbox(pattern)))
        write_row(session, self, av_span_str("INBOX"));
    for (size_t i = 0; i < reply->n_mailboxes; i++) {
        av_span path = av_span_str(reply->mailboxes[i]->path);

        if (av_imap_name_matches(pattern, path))
            write_row(session, self, path);
    }
    av_imap_session_done(session, "OK", NULL, "done");
}

static void
run(av_imap_session *session, const av_imap_command *command, const char *word)
{
    Archivolt__Empty body = ARCHIVOLT__EMPTY__INIT;
    list *self;

    if (command->args[1].n == 0) { /* asks for the separator */
        av_imap_session_printf(session, "* %s (\\Noselect) \"/\" \"\"\r\n", word);
        av_imap_session_done(session, "OK", NULL, "done");
        return;
    }
    self = av_xcalloc(1, sizeof *self);
    self->word = word;
    self->parents = av_map_new();
    av_buf_init(&self->pattern, AV_IMAP_PATTERN_MAX);
    session->work = self;
    session->free_work = list_free;
    if (!av_imap_name_decode(command->args[0], &self->pattern) ||
        !av_imap_name_decode(command->args[1], &self->pattern)) {
        if (self->pattern.full)
            av_imap_session_done(session, "NO", "LIMIT", "a pattern has %d bytes at most", AV_IMAP_PATTERN_MAX);
        else
            av_imap_session_done(session, "OK", NULL, "no mailbox can have such a name");
        return;
    }
    av_imap_session_call(session, session->instance, "archivolt.Archive.ListMailboxes", &body.base,
        AV_IMAP_CALL_TIMEOUT_MS, on_mailboxes);
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
