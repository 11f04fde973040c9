/*
 * session.c - see session_priv.h: the life of a session, its turns, its calls
 */
#include "base/log.h"
#include "base/secret.h"
#include "gateway/imap/session_priv.h"

#define IN_MAX             65536               /* more is never read while a command is in work */
#define OUT_MAX            (16U * 1024 * 1024) /* answers that are not streams: LIST, SEARCH */
#define LINE_BEFORE_MAX    8192U               /* of a command before login */
#define LITERAL_BEFORE_MAX 4096U

/* ---- commands ---- */

static void
forget_work(av_imap_session *self)
{
    if (self->free_work != NULL)
        self->free_work(self->work);
    self->work = NULL;
    self->free_work = NULL;
    self->on_room = NULL;
}

void
av_imap_session_finished(av_imap_session *self)
{
    av_call_cancel(&self->call);
    forget_work(self);
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

static void
run_command(av_imap_session *self, av_span line)
{
    av_error err;
    av_errc rc = av_imap_command_parse(line, av_imap_rows, self->state, &self->command, &err);

    self->busy = true;
    if (rc == AV_OK && self->command.tag.n > AV_IMAP_TAG_MAX)
        rc = av_error_set(&err, AV_ERR_LIMIT, "a tag has %d characters at most", AV_IMAP_TAG_MAX);
    set_tag(self, self->command.tag);
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
        av_imap_session_done(self, "BAD", "LIMIT", "the command is longer than %zu bytes, or its literals than %zu",
            self->framer.line_max, self->framer.literal_max);
}

static void
give_line(av_imap_session *self, av_span line)
{
    av_imap_line_fn *fn = self->take_line;

    self->take_line = NULL;
    self->busy = true;
    fn(self, line);
}

static void
on_frame(av_imap_session *self, av_imap_frame frame)
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

/* ---- turns ---- */

static bool
may_read(const av_imap_session *self)
{
    return !self->busy && !self->ending && !self->starting_tls && av_imap_session_drained(self);
}

static void
forget_in(av_imap_session *self)
{
    av_buf_release_secret(&self->in);
    av_buf_init(&self->in, IN_MAX);
    self->in_at = 0;
}

static void
take_input(av_imap_session *self)
{
    while (may_read(self) && self->in_at < self->in.n) {
        av_span left = av_span_skip(av_buf_span(&self->in), self->in_at);
        av_imap_frame frame = av_imap_framer_feed(&self->framer, &left);

        self->in_at = self->in.n - left.n;
        on_frame(self, frame);
        (void)av_imap_session_flush(self);
    }
    if (self->in.n > 0 && self->in_at == self->in.n)
        forget_in(self);
}

void
av_imap_session_turn(av_imap_session *self)
{
    if (self->in_turn)
        return;
    self->in_turn = true;
    if (av_imap_session_flush(self) && self->on_room != NULL)
        self->on_room(self);
    (void)av_imap_session_flush(self);
    take_input(self);
    self->in_turn = false;
    if (self->ending && !self->busy && av_imap_session_drained(self))
        av_conn_finish(self->conn);
    else if (may_read(self))
        av_conn_resume(self->conn);
    else
        av_conn_pause(self->conn);
}

/* ---- calls ---- */

static void
on_call_done(void *ctx, av_call *call AV_UNUSED, const ProtobufCMessage *reply, const av_error *err)
{
    av_imap_session *self = ctx;

    assert(self->magic == AV_IMAP_SESSION_MAGIC);
    self->call = NULL;
    self->on_reply(self, reply, err);
    av_imap_session_turn(self);
}

void
av_imap_session_call(av_imap_session *self, const char *to, const char *method, const ProtobufCMessage *body,
    uint32_t timeout_ms, av_imap_reply_fn *fn)
{
    av_call_spec spec = {
        .to = to,
        .method = method,
        .body = body,
        .timeout_ms = timeout_ms,
        .trace = av_span_of(self->trace, sizeof self->trace),
        .done = on_call_done,
        .ctx = self,
    };

    assert(self->call == NULL);
    if (self->instance != NULL && strcmp(to, self->instance) == 0)
        spec.session = av_span_of(self->token, self->token_n);
    self->on_reply = fn;
    self->call = av_bus_call(av_gateway_bus(self->imap->gateway), &spec);
}

/* ---- state ---- */

void
av_imap_session_logged_in(av_imap_session *self, const char *instance, av_span token)
{
    const av_gateway_settings *settings = av_gateway_get_settings(self->imap->gateway);

    assert(token.n <= sizeof self->token);
    self->instance = av_xstrdup(instance);
    memcpy(self->token, token.p, token.n);
    self->token_n = token.n;
    self->state = AV_IMAP_AUTH;
    av_conn_set_deadline(self->conn, 0);
    av_conn_set_idle(self->conn, (uint32_t)(settings->imap_idle_timeout_s * 1000));
    av_imap_framer_set_limits(&self->framer, (size_t)settings->imap_line_bytes, (size_t)settings->imap_literal_bytes);
}

void
av_imap_session_unselect(av_imap_session *self)
{
    av_imap_mailbox_destroy(&self->mailbox);
    if (self->state == AV_IMAP_SELECTED)
        self->state = AV_IMAP_AUTH;
}

/* Nobody waits for the answer: the instance forgets the session, now or by its own clock. */
static void
log_out(av_imap_session *self)
{
    Archivolt__Empty body = ARCHIVOLT__EMPTY__INIT;
    av_call_spec spec = {
        .to = self->instance,
        .method = "archivolt.Instance.Logout",
        .body = &body.base,
        .session = av_span_of(self->token, self->token_n),
        .trace = av_span_of(self->trace, sizeof self->trace),
        .no_retry = true,
        .done = NULL,
    };

    (void)av_bus_call(av_gateway_bus(self->imap->gateway), &spec);
}

/* ---- the connection's events ---- */

static void
on_data(void *ctx, av_conn *conn AV_UNUSED, av_span bytes)
{
    av_imap_session *self = ctx;

    if (self->starting_tls) /* sent in clear behind STARTTLS: not ours (RFC 3501, 6.2.1) */
        return;
    if (!av_buf_append_span(&self->in, bytes)) {
        av_conn_close(self->conn);
        return;
    }
    av_imap_session_turn(self);
}

static void
on_writable(void *ctx, av_conn *conn AV_UNUSED)
{
    av_imap_session_turn(ctx);
}

static void
on_secure(void *ctx, av_conn *conn AV_UNUSED)
{
    av_imap_session *self = ctx;

    self->starting_tls = false;
    av_imap_session_turn(self);
}

static void
on_timeout(void *ctx, av_conn *conn)
{
    av_imap_session *self = ctx;
    const av_gateway_settings *settings = av_gateway_get_settings(self->imap->gateway);

    if (self->state != AV_IMAP_NOT_AUTH && self->busy) { /* it waits for us */
        av_conn_set_idle(conn, (uint32_t)(settings->imap_idle_timeout_s * 1000));
        return;
    }
    av_imap_session_bye(
        self, "%s", self->state == AV_IMAP_NOT_AUTH ? "no login came" : "autologout: no command came for too long");
    (void)av_imap_session_flush(self);
    av_conn_finish(conn);
}

static void
on_close(void *ctx, av_conn *conn, const char *why)
{
    av_imap_session *self = ctx;

    AV_LOG(AV_LOG_DEBUG, "imap.closed", AV_U64("conn", av_conn_number(conn)), AV_STR("peer", av_conn_peer(conn)),
        AV_STR("user", self->user == NULL ? "" : self->user), AV_STR("why", why));
    av_call_cancel(&self->call);
    if (self->timer != NULL)
        av_loop_remove_timer(&self->timer);
    forget_work(self);
    if (self->token_n > 0)
        log_out(self);
    if (self->prev != NULL)
        self->prev->next = self->next;
    else
        self->imap->sessions = self->next;
    if (self->next != NULL)
        self->next->prev = self->prev;
    av_imap_command_release(&self->command);
    av_imap_framer_release(&self->framer);
    av_buf_release_secret(&self->in);
    av_buf_release(&self->out);
    av_imap_mailbox_destroy(&self->mailbox);
    av_secret_wipe(self->token, sizeof self->token);
    free(self->instance);
    free(self->user);
    self->magic = 0;
    free(self);
}

static const av_conn_events events = {
    .on_data = on_data,
    .on_writable = on_writable,
    .on_secure = on_secure,
    .on_timeout = on_timeout,
    .on_close = on_close,
};

void
av_imap_session_accept(void *ctx, av_conn *conn)
{
    av_imap *imap = ctx;
    const av_gateway_settings *settings = av_gateway_get_settings(imap->gateway);
    av_imap_session *self = av_xcalloc(1, sizeof *self);
    char capabilities[200];

    self->magic = AV_IMAP_SESSION_MAGIC;
    self->imap = imap;
    self->conn = conn;
    self->state = AV_IMAP_NOT_AUTH;
    self->next = imap->sessions;
    if (self->next != NULL)
        self->next->prev = self;
    imap->sessions = self;
    av_random_bytes(self->trace, sizeof self->trace);
    av_buf_init(&self->in, IN_MAX);
    av_buf_init(&self->out, OUT_MAX);
    av_imap_framer_init(&self->framer, AV_MIN(LINE_BEFORE_MAX, (size_t)settings->imap_line_bytes),
        AV_MIN(LITERAL_BEFORE_MAX, (size_t)settings->imap_literal_bytes));
    av_conn_attach(conn, &events, self);
    av_conn_set_deadline(conn, (uint32_t)(settings->imap_login_timeout_s * 1000));
    av_imap_session_capabilities(self, capabilities, sizeof capabilities);
    av_imap_session_printf(self, "* OK [CAPABILITY %s] Archivolt is ready\r\n", capabilities);
    av_imap_session_turn(self);
}
