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

/* What stands in `in`, command by command. */
static void
take_commands(av_imap_session *self)
{
    while (may_read(self) && self->in_at < self->in.n) {
        av_span left = av_span_skip(av_buf_span(&self->in), self->in_at);
        av_imap_frame frame = av_imap_framer_feed(&self->framer, &left);

        self->in_at = self->in.n - left.n;
        av_imap_session_on_frame(self, frame);
        (void)av_imap_session_flush(self);
    }
    if (self->in.n > 0 && self->in_at == self->in.n)
        forget_in(self);
}

static void
take_input(av_imap_session *self)
{
    do
        take_commands(self);
    while (may_read(self) && self->in.n == 0 && av_imap_compress_unpack(self));
}

void
av_imap_session_turn(av_imap_session *self)
{
    bool pushed;

    if (self->in_turn)
        return;
    self->in_turn = true;
    if (av_imap_session_flush(self) && self->on_room != NULL)
        self->on_room(self);
    (void)av_imap_session_flush(self);
    take_input(self);
    pushed = av_imap_session_push(self);
    self->in_turn = false;
    if (self->ending && !self->busy && pushed)
        av_conn_finish(self->conn);
    else if (may_read(self) && !av_imap_compress_waits(self))
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
    if (self->deflate != NULL ? !av_imap_compress_take(self, bytes) : !av_buf_append_span(&self->in, bytes)) {
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
    (void)av_imap_session_push(self);
    av_conn_finish(conn);
}

static void
on_close(void *ctx, av_conn *conn, const char *why)
{
    av_imap_session *self = ctx;

    AV_LOG(AV_LOG_DEBUG, "imap.closed", AV_U64("conn", av_conn_number(conn)), AV_STR("peer", av_conn_peer(conn)),
        AV_STR("user", self->user == NULL ? "" : self->user), AV_STR("why", why));
    av_imap_session_note(self, "closed: %s", why);
    av_imap_log_unref(&self->log);
    av_call_cancel(&self->call);
    if (self->timer != NULL)
        av_loop_remove_timer(&self->timer);
    av_imap_session_forget_work(self);
    av_imap_compress_release(self);
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
    av_imap_mailbox_destroy(&self->known);
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
    av_imap_session_write(self, av_span_str("* OK ["));
    av_imap_session_write_capabilities(self);
    av_imap_session_write(self, av_span_str("] Archivolt is ready\r\n"));
    av_imap_session_turn(self);
}
