/*
 * dispatch.c - from a frame to a command's run, and the end of a command
 *
 * Here it is decided whether a literal may come, and what is said to commands that are too long or make no sense.
 */
#include "base/clock.h"
#include "base/encode.h"
#include "base/log.h"
#include "base/secret.h"
#include "gateway/imap/session_priv.h"

#define LOGGED_MAX 500 /* bytes of a command in the connection log */

void
av_imap_session_forget_work(av_imap_session *self)
{
    if (self->free_work != NULL)
        self->free_work(self->work);
    self->work = NULL;
    self->free_work = NULL;
    self->on_room = NULL;
}

av_imap_trace
av_imap_session_trace(const av_imap_session *self)
{
    av_imap_trace ret;

    av_hex_encode(av_span_of(self->trace, sizeof self->trace), ret.hex);
    return ret;
}

void
av_imap_session_finished(av_imap_session *self)
{
    av_call_cancel(&self->call);
    av_imap_session_forget_work(self);
    av_imap_command_release(&self->command);
    self->busy = false;
    self->take_line = NULL;
    self->tag[0] = '\0';
    av_imap_session_turn(self);
}

static void
set_tag(av_imap_session *self, av_span tag)
{
    size_t n = AV_MIN(tag.n, (size_t)AV_IMAP_TAG_MAX);

    if (n > 0)
        memcpy(self->tag, tag.p, n);
    self->tag[n] = '\0';
}

/* Not what may hold a password: arguments of commands for before the login, and of those that are not known. */
static void
note_command(av_imap_session *self, av_span line)
{
    const av_imap_row *row = self->command.row;
    bool shows = row != NULL && (row->states & AV_IMAP_LOGGED_IN) != 0;

    self->command_began_ms = av_clock_mono_ms();
    if (self->state == AV_IMAP_NOT_AUTH)
        return;
    if (shows)
        av_imap_session_note(self, "> %.*s", (int)AV_MIN(line.n, (size_t)LOGGED_MAX), (const char *)line.p);
    else
        av_imap_session_note(self, "> %s %s", self->tag, row == NULL ? "(no command that is known)" : row->name);
}

static void
run_command(av_imap_session *self, av_span line)
{
    av_error err;
    av_errc rc = av_imap_command_parse(line, av_imap_rows, self->state, &self->command, &err);

    av_random_bytes(self->trace, sizeof self->trace);
    AV_LOG(AV_LOG_DEBUG, "imap.command", AV_U64("conn", av_conn_number(self->conn)),
        AV_STR("command", self->command.row == NULL ? "" : self->command.row->name),
        AV_STR("trace", av_imap_session_trace(self).hex));
    self->busy = true;
    if (rc == AV_OK && self->command.tag.n > AV_IMAP_TAG_MAX)
        rc = av_error_set(&err, AV_ERR_LIMIT, "a tag has %d characters at most", AV_IMAP_TAG_MAX);
    set_tag(self, self->command.tag);
    note_command(self, line);
    if (rc != AV_OK)
        av_imap_session_done(self, "BAD", NULL, "%s", err.msg);
    else
        self->command.row->run(self, &self->command);
}

/* A command that will be refused whatever its arguments are; command has been peeked at. */
static bool
is_refused(const av_imap_session *self)
{
    const av_imap_row *row = self->command.row;

    return row != NULL && row->run == av_imap_cmd_refuse && (row->states & self->state) != 0;
}

/* The client asks to send a literal: not to be let do so for a command that cannot succeed (RFC 3501, 7.5). */
static void
answer_literal(av_imap_session *self)
{
    av_imap_command_peek(av_imap_framer_command(&self->framer), av_imap_rows, &self->command);
    set_tag(self, self->command.tag);
    if (self->command.row != NULL && (self->command.row->states & self->state) != 0 && !is_refused(self)) {
        av_imap_command_release(&self->command);
        av_imap_framer_accept(&self->framer);
        av_imap_session_write(self, av_span_str("+ go ahead\r\n"));
        return;
    }
    self->busy = true;
    if (is_refused(self))
        self->command.row->run(self, &self->command);
    else
        av_imap_session_done(self, "BAD", NULL, "this command cannot be given now");
    av_imap_framer_refuse(&self->framer);
}

static void
answer_too_big(av_imap_session *self)
{
    av_imap_command_peek(av_imap_framer_command(&self->framer), av_imap_rows, &self->command);
    set_tag(self, self->command.tag);
    self->busy = true;
    if (is_refused(self))
        self->command.row->run(self, &self->command);
    else
        av_imap_session_done(self, "BAD", "TOOBIG",
            "the command is longer than %zu bytes, its literals than %zu, or one that was not asked for than %u",
            self->framer.line_max, self->framer.literal_max, AV_IMAP_NONSYNC_MAX);
}

/* Nothing could be understood before all of it was read: the client is not worth that. */
static void
answer_hopeless(av_imap_session *self)
{
    self->busy = true;
    av_imap_session_bye(self, "a literal of more than %u bytes that was not asked for", AV_IMAP_SKIP_MAX);
    answer_too_big(self);
}

static void
give_line(av_imap_session *self, av_span line)
{
    av_imap_line_fn *fn = self->take_line;

    self->take_line = NULL;
    self->busy = true;
    fn(self, line);
}

void
av_imap_session_on_frame(av_imap_session *self, av_imap_frame frame)
{
    switch (frame) {
    case AV_IMAP_FRAME_MORE:
        return;
    case AV_IMAP_FRAME_LITERAL:
        answer_literal(self);
        return;
    case AV_IMAP_FRAME_COMMAND:
        if (self->take_line != NULL)
            give_line(self, av_imap_framer_command(&self->framer));
        else
            run_command(self, av_imap_framer_command(&self->framer));
        break;
    case AV_IMAP_FRAME_TOO_BIG:
        if (self->take_line != NULL)
            give_line(self, av_span_of(NULL, 0));
        else
            answer_too_big(self);
        break;
    case AV_IMAP_FRAME_HOPELESS:
        answer_hopeless(self);
        break;
    }
    /* A command that goes on keeps what it needs of its arguments in `work` or in a call: the line is not kept. */
    if (self->take_line == NULL)
        av_imap_framer_next(&self->framer);
}

void
av_imap_session_wait_line(av_imap_session *self, av_imap_line_fn *fn)
{
    av_imap_command_release(&self->command);
    av_imap_framer_next(&self->framer);
    av_imap_framer_plain_line(&self->framer);
    self->take_line = fn;
    self->busy = false;
}
