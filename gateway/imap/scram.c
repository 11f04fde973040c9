/*
 * scram.c - AUTHENTICATE SCRAM-SHA-256 and SCRAM-SHA-256-PLUS: the messages carried between client and instance
 *
 *   client-first -> ScramBegin -> "+ " server-first -> client-final -> ScramFinish -> "+ " server-final -> "" -> OK
 *
 * The gateway learns neither password nor verifier. What only it can check is the channel binding: it holds the TLS. Only a
 * client whose TLS ends here can be bound to it, so that a stranger in between is found out (RFC 5802, 6).
 * Source: RFC 5802, 3 and 5; RFC 7677; RFC 9266 (tls-exporter); RFC 5929, 4 (tls-server-end-point).
 */
#include "base/encode.h"
#include "base/scram.h"
#include "base/secret.h"
#include "gateway/imap/login_priv.h"
#include "proto/instance.pb-c.h"

#define MESSAGE_MAX     2048
#define CALL_TIMEOUT_MS 30000

typedef struct scram {
    bool bound;
    av_buf header, binding; /* what c= must hold */
    av_buf first_bare, first_answer, ticket;
} scram;

static void
scram_free(void *way)
{
    scram *self = way;

    av_buf_release(&self->header);
    av_buf_release_secret(&self->binding);
    av_buf_release(&self->first_bare);
    av_buf_release(&self->first_answer);
    av_buf_release_secret(&self->ticket);
    free(self);
}

static void
keep(av_buf *into, av_span bytes)
{
    av_buf_release(into);
    av_buf_init(into, bytes.n + 1);
    (void)av_buf_append_span(into, bytes);
}

/* "+ " and base64: the client answers with a line. */
static void
challenge(av_imap_session *session, av_span message, av_imap_line_fn *fn)
{
    av_imap_session_write(session, av_span_str("+ "));
    (void)av_base64_encode(message, &session->out);
    av_imap_session_write(session, av_span_str("\r\n"));
    av_imap_session_wait_line(session, fn);
}

/* ---- the last line: the client has seen that we know it, too ---- */

static void
on_last_line(av_imap_session *session, av_span line)
{
    if (line.n == 0)
        av_imap_login_admit(session->work);
    else
        av_imap_session_done(session, "BAD", NULL, av_span_eq_str(line, "*") ? "cancelled" : "an empty line was due");
}

static void
on_finished(void *ctx, av_call *call AV_UNUSED, const ProtobufCMessage *reply, const av_error *err)
{
    const Archivolt__ScramFinishReply *r = (const Archivolt__ScramFinishReply *)reply;
    av_imap_login *login = ctx;
    av_span token = r == NULL ? av_span_of(NULL, 0) : av_span_of(r->session.data, r->session.len);
    AV_CLEANUP(av_buf_release) av_buf message = { 0 };
    av_imap_session *session;

    if (!av_imap_login_answered(login, token))
        return;
    session = login->session;
    if (r == NULL) {
        av_imap_login_refuse(session, err);
    } else {
        av_buf_init(&message, 64);
        (void)av_buf_puts(&message, "v=");
        (void)av_base64_encode(av_span_of(r->signature.data, r->signature.len), &message);
        challenge(session, av_buf_span(&message), on_last_line);
    }
    av_imap_session_turn(session);
}

/* ---- the second message ---- */

static void
send_final(av_imap_login *login, av_span message)
{
    Archivolt__ScramFinishRequest body = ARCHIVOLT__SCRAM_FINISH_REQUEST__INIT;
    scram *self = login->way;
    av_call_spec spec = {
        .to = login->to,
        .method = "archivolt.Instance.ScramFinish",
        .body = &body.base,
        .timeout_ms = CALL_TIMEOUT_MS,
        .trace = av_span_of(login->session->trace, sizeof login->session->trace),
        .done = on_finished,
        .ctx = login,
    };

    body.user_name = login->user;
    body.first_bare = (ProtobufCBinaryData){ self->first_bare.n, self->first_bare.p };
    body.first_answer = (ProtobufCBinaryData){ self->first_answer.n, self->first_answer.p };
    body.ticket = (ProtobufCBinaryData){ self->ticket.n, self->ticket.p };
    body.client_final = (ProtobufCBinaryData){ message.n, (uint8_t *)(uintptr_t)message.p };
    body.client = login->client;
    login->asked = true;
    (void)av_bus_call(login->bus, &spec);
}

static void
on_final(av_imap_session *session, av_span line)
{
    AV_CLEANUP(av_buf_release_secret) av_buf message = { 0 };
    av_imap_login *login = session->work;
    scram *self = login->way;
    av_scram_final final;
    av_error err;

    if (!av_imap_sasl_line(session, line, &message))
        return;
    if (message.n > MESSAGE_MAX || av_scram_final_parse(av_buf_span(&message), &final, &err) != AV_OK) {
        av_imap_session_done(session, "BAD", NULL, "the client's second message is not one of SCRAM");
        return;
    }
    if (av_scram_final_is_bound(&final, av_buf_span(&self->header), av_buf_span(&self->binding))) {
        send_final(login, av_buf_span(&message));
        return;
    }
    (void)av_error_set(&err, AV_ERR_AUTH, "the channel binding is not that of this connection");
    av_imap_login_refuse(session, &err);
}

/* ---- the first message ---- */

static void
on_begun(av_imap_session *session, const ProtobufCMessage *reply, const av_error *err)
{
    const Archivolt__ScramBeginReply *r = (const Archivolt__ScramBeginReply *)reply;
    av_imap_login *login = session->work;
    scram *self = login->way;

    if (err != NULL) {
        av_imap_login_refuse(session, err);
        return;
    }
    keep(&self->first_answer, av_span_of(r->first_answer.data, r->first_answer.len));
    keep(&self->ticket, av_span_of(r->ticket.data, r->ticket.len));
    challenge(session, av_buf_span(&self->first_answer), on_final);
}

static void
send_first(av_imap_login *login)
{
    Archivolt__ScramBeginRequest body = ARCHIVOLT__SCRAM_BEGIN_REQUEST__INIT;
    const scram *self = login->way;

    body.user_name = login->user;
    body.first_bare = (ProtobufCBinaryData){ self->first_bare.n, self->first_bare.p };
    body.client = login->client;
    av_imap_session_call(
        login->session, login->to, "archivolt.Instance.ScramBegin", &body.base, CALL_TIMEOUT_MS, on_begun);
}

/* RFC 5802, 6: what the client says of channel binding must fit the mechanism; 'y' says that somebody hid -PLUS from it. */
static bool
is_bound_rightly(av_imap_session *session, const scram *self, const av_scram_first *first, av_buf *binding)
{
    av_buf_init(binding, 256);
    if (!self->bound && first->binding == 'n')
        return true;
    if (self->bound && first->binding == 'p' && av_conn_channel_binding(session->conn, first->binding_name, binding))
        return true;
    if (first->binding == 'y')
        av_imap_session_done(session, "NO", "AUTHENTICATIONFAILED",
            "SCRAM-SHA-256-PLUS is offered here: somebody hid it from the client");
    else
        av_imap_session_done(session, "NO", "CANNOT",
            self->bound ? "the channel binding is not known; tls-exporter and tls-server-end-point are"
                        : "channel binding is for SCRAM-SHA-256-PLUS");
    return false;
}

static void
take_first(av_imap_session *session, scram *self, av_span message)
{
    AV_CLEANUP(av_buf_release) av_buf name = { 0 };
    AV_CLEANUP(av_buf_release) av_buf as = { 0 };
    av_scram_first first;
    av_error err;

    av_buf_init(&name, AV_SCRAM_NAME_MAX);
    av_buf_init(&as, AV_SCRAM_NAME_MAX);
    if (message.n > MESSAGE_MAX || av_scram_first_parse(message, &first, &err) != AV_OK ||
        !av_scram_name_put(first.name, &name) || !av_scram_name_put(first.authzid, &as)) {
        av_imap_session_done(session, "BAD", NULL, "the client's first message is not one of SCRAM");
    } else if (as.n > 0 && !av_span_eq(av_buf_span(&as), av_buf_span(&name))) {
        av_imap_session_done(session, "NO", "AUTHORIZATIONFAILED", "nobody may act for another user");
    } else if (is_bound_rightly(session, self, &first, &self->binding)) {
        keep(&self->header, first.header);
        keep(&self->first_bare, first.bare);
        av_imap_login_begin(session, self->bound ? "SCRAM-SHA-256-PLUS" : "SCRAM-SHA-256", av_buf_span(&name), NULL,
            send_first, self, scram_free);
        return;
    }
    scram_free(self);
}

static void
on_first(av_imap_session *session, av_span line, bool bound)
{
    AV_CLEANUP(av_buf_release_secret) av_buf message = { 0 };
    scram *self;

    if (!av_imap_sasl_line(session, line, &message))
        return;
    self = av_xcalloc(1, sizeof *self);
    self->bound = bound;
    take_first(session, self, av_buf_span(&message));
}

static void
on_first_line(av_imap_session *session, av_span line)
{
    on_first(session, line, false);
}

static void
on_first_line_bound(av_imap_session *session, av_span line)
{
    on_first(session, line, true);
}

void
av_imap_scram_begin(av_imap_session *session, bool bound, const av_span *initial)
{
    if (initial != NULL) {
        on_first(session, *initial, bound);
        return;
    }
    av_imap_session_write(session, av_span_str("+ \r\n"));
    av_imap_session_wait_line(session, bound ? on_first_line_bound : on_first_line);
}
