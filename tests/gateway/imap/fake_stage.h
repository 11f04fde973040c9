/*
 * fake_stage.h - what a session stands on, made of nothing: a connection, timers, a bus whose actors are fake_replies.h
 *
 * Defines the functions themselves (av_conn_*, av_bus_call, ...), so that the linker takes these and not the library's.
 * One connection, one stage; what happens next is decided by the stage's number alone.
 */
#ifndef AV_TESTS_GATEWAY_IMAP_FAKE_STAGE_H
#define AV_TESTS_GATEWAY_IMAP_FAKE_STAGE_H

#include "actors/bus/login.h"
#include "gateway/gateway.h"
#include "gateway/imap/session_priv.h"
#include "proto/instance.pb-c.h"
#include "proto/management.pb-c.h"
#include "tests/gateway/imap/fake_replies.h"

#define STAGE_ROOM   4096
#define STAGE_TIMERS 16

struct av_conn {
    const av_conn_events *events;
    void *ctx;
    bool secure, paused, ended, full, starting_tls;
    size_t queued, room;
    av_buf said;
};

struct av_call {
    av_call *next;
    av_call_spec spec;
    ProtobufCMessage *request;
    const ProtobufCMessageDescriptor *reply;
    av_buf stream; /* to be sent */
    size_t stream_at, unconsumed;
};

struct av_loop_timer {
    av_loop_fn *fn;
    void *ctx;
    bool repeats;
};

static struct stage {
    fake fake;
    av_conn conn;
    av_call *calls;
    av_loop_timer *timers[STAGE_TIMERS];
    av_login_fn *login;
    void *login_ctx;
    av_gateway_settings settings;
    av_imap *imap;
    bool packs;
    av_deflate *packer; /* of a client that packs what it sends, once COMPRESS is in force */
} stage;

/* ---- the connection ---- */

void
av_conn_attach(av_conn *self, const av_conn_events *events, void *ctx)
{
    self->events = events;
    self->ctx = ctx;
}

size_t
av_conn_room(const av_conn *self)
{
    return self->ended ? STAGE_ROOM : AV_MIN(self->room, STAGE_ROOM) - AV_MIN(self->queued, self->room);
}

size_t
av_conn_write(av_conn *self, av_span bytes)
{
    if (self->ended)
        return STAGE_ROOM;
    self->queued += bytes.n;
    (void)av_buf_append_span(&self->said, bytes);
    self->full = self->full || av_conn_room(self) == 0;
    return av_conn_room(self);
}

size_t
av_conn_queued(const av_conn *self)
{
    return self->queued;
}

void
av_conn_pause(av_conn *self)
{
    self->paused = true;
}

void
av_conn_resume(av_conn *self)
{
    self->paused = false;
}

av_errc
av_conn_start_tls(av_conn *self, av_error *err)
{
    if (self->secure)
        return av_error_set(err, AV_ERR_INVALID, "secure already");
    self->starting_tls = true;
    return AV_OK;
}

bool
av_conn_is_secure(const av_conn *self)
{
    return self->secure;
}

const char *
av_conn_tls_version(const av_conn *self)
{
    return self->secure ? "TLSv1.3" : NULL;
}

void
av_conn_finish(av_conn *self)
{
    self->ended = true;
}

void
av_conn_close(av_conn *self)
{
    self->ended = true;
}

void
av_conn_set_idle(av_conn *self AV_UNUSED, uint32_t idle_ms AV_UNUSED)
{
}

void
av_conn_set_deadline(av_conn *self AV_UNUSED, uint32_t from_now_ms AV_UNUSED)
{
}

const char *
av_conn_peer(const av_conn *self AV_UNUSED)
{
    return "192.0.2.1";
}

const struct sockaddr *
av_conn_sockaddr(const av_conn *self AV_UNUSED, socklen_t *ret_size)
{
    static const struct sockaddr_in any = { .sin_family = AF_INET };

    *ret_size = sizeof any;
    return (const struct sockaddr *)(const void *)&any;
}

bool
av_conn_channel_binding(const av_conn *self, av_span name AV_UNUSED, av_buf *out)
{
    return self->secure && av_buf_puts(out, "a channel's own bytes");
}

uint64_t
av_conn_number(const av_conn *self AV_UNUSED)
{
    return 1;
}

/* ---- the gateway and its loop ---- */

av_bus *
av_gateway_bus(const av_gateway *self AV_UNUSED)
{
    return NULL;
}

av_loop *
av_gateway_loop(const av_gateway *self AV_UNUSED)
{
    return NULL;
}

const av_node *
av_gateway_node(const av_gateway *self AV_UNUSED)
{
    static const av_node node = { .data_dir = (char *)(uintptr_t) "/dev/null" }; /* no log can be written there */

    return &node;
}

const av_gateway_settings *
av_gateway_get_settings(const av_gateway *self AV_UNUSED)
{
    return &stage.settings;
}

av_errc
av_gateway_open_door(av_gateway *self AV_UNUSED, const av_door *door AV_UNUSED, av_error *err AV_UNUSED)
{
    return AV_OK;
}

av_loop_timer *
av_loop_add_timer(av_loop *self AV_UNUSED, uint64_t delay_ms AV_UNUSED, uint64_t repeat_ms, av_loop_fn *fn, void *ctx)
{
    av_loop_timer *timer = av_xcalloc(1, sizeof *timer);
    size_t i = 0;

    *timer = (av_loop_timer){ fn, ctx, repeat_ms > 0 };
    while (i < STAGE_TIMERS && stage.timers[i] != NULL)
        i++;
    assert(i < STAGE_TIMERS); /* more than a session can need */
    stage.timers[i] = timer;
    return timer;
}

void
av_loop_remove_timer(av_loop_timer **handle)
{
    if (*handle == NULL)
        return;
    for (size_t i = 0; i < STAGE_TIMERS; i++) {
        if (stage.timers[i] == *handle)
            stage.timers[i] = NULL;
    }
    free(*handle);
    *handle = NULL;
}

/* One timer's time has come. false: there is none (or only those that go on for ever, when once is set). */
static bool
stage_fire(bool once)
{
    for (size_t i = 0; i < STAGE_TIMERS; i++) {
        av_loop_timer *timer = stage.timers[i];
        av_loop_timer was;

        if (timer == NULL || (once && timer->repeats))
            continue;
        was = *timer;
        if (!was.repeats) {
            stage.timers[i] = NULL;
            free(timer);
        }
        was.fn(was.ctx);
        return true;
    }
    return false;
}

/* ---- the bus ---- */

static void
call_free(av_call *call)
{
    if (call->request != NULL)
        protobuf_c_message_free_unpacked(call->request, NULL);
    av_buf_release(&call->stream);
    free(call);
}

static const ProtobufCMessageDescriptor *
reply_type(const char *method)
{
    static const ProtobufCServiceDescriptor *const services[] = { &archivolt__archive__descriptor,
        &archivolt__instance__descriptor, &archivolt__management__descriptor };
    const char *name = strrchr(method, '.') + 1;

    for (size_t i = 0; i < AV_COUNT(services); i++) {
        const ProtobufCMethodDescriptor *found = protobuf_c_service_descriptor_get_method_by_name(services[i], name);

        if (found != NULL && strncmp(method, services[i]->name, strlen(services[i]->name)) == 0)
            return found->output;
    }
    return NULL;
}

av_call *
av_bus_call(av_bus *self AV_UNUSED, const av_call_spec *spec)
{
    av_call *call = av_xcalloc(1, sizeof *call);
    size_t n = protobuf_c_message_get_packed_size(spec->body);
    AV_CLEANUP(av_free) uint8_t *packed = av_xcalloc(1, n + 1);

    (void)protobuf_c_message_pack(spec->body, packed);
    call->request = protobuf_c_message_unpack(spec->body->descriptor, NULL, n, packed);
    assert(call->request != NULL); /* what is asked can be read */
    call->reply = reply_type(spec->method);
    assert(call->reply != NULL); /* there is such a method */
    call->spec = *spec;
    av_buf_init(&call->stream, 1 << 22);
    if (spec->done == NULL) {
        call_free(call);
        return NULL;
    }
    if (spec->downstream != NULL)
        fake_stream(&stage.fake, call->request, &call->stream);
    call->next = stage.calls;
    stage.calls = call;
    return call;
}

static void
call_forget(av_call *call)
{
    for (av_call **at = &stage.calls; *at != NULL; at = &(*at)->next) {
        if (*at == call) {
            *at = call->next;
            break;
        }
    }
    call_free(call);
}

void
av_call_cancel(av_call **self)
{
    if (*self == NULL)
        return;
    call_forget(*self);
    *self = NULL;
}

av_stream *
av_call_downstream(av_call *self)
{
    return self->spec.downstream == NULL ? NULL : (av_stream *)(void *)self;
}

void
av_stream_consumed(av_stream *self, size_t n)
{
    av_call *call = (av_call *)(void *)self;

    assert(n <= call->unconsumed);
    call->unconsumed -= n;
}

void
av_login(av_bus *bus AV_UNUSED, const av_login_spec *spec)
{
    stage.login = spec->done;
    stage.login_ctx = spec->ctx;
}

static av_errc
stage_error(av_error *err)
{
    static const av_errc codes[] = { AV_ERR_NOT_FOUND, AV_ERR_DENIED, AV_ERR_INVALID, AV_ERR_LIMIT, AV_ERR_UNAVAILABLE,
        AV_ERR_TIMEOUT, AV_ERR_INTERNAL, AV_ERR_CORRUPT, AV_ERR_AUTH, AV_ERR_CONFLICT, AV_ERR_SYNTAX,
        AV_ERR_UNSUPPORTED };

    return av_error_set(err, codes[fake_below(&stage.fake, AV_COUNT(codes))], "made up: \xc3\xbc\r\n");
}

static void
answer_login(void)
{
    static const uint8_t token[32] = { 1 };
    av_login_fn *done = stage.login;
    av_error err;

    stage.login = NULL;
    if (fake_below(&stage.fake, 10) != 0) {
        done(stage.login_ctx, av_span_of(token, sizeof token), 0, NULL);
        return;
    }
    (void)stage_error(&err);
    done(stage.login_ctx, av_span_of(NULL, 0), 0, &err);
}

static void
answer_call(av_call *call)
{
    av_call_spec spec = call->spec;
    ProtobufCMessage *reply = NULL;
    av_error err;

    if (call->stream_at < call->stream.n) {
        size_t n = 1 + fake_below(&stage.fake, 9000);

        n = AV_MIN(n, call->stream.n - call->stream_at);
        call->stream_at += n;
        call->unconsumed += n;
        spec.downstream->on_data(spec.ctx, (av_stream *)(void *)call,
            av_span_slice(av_buf_span(&call->stream), call->stream_at - n, call->stream_at));
        return;
    }
    if (fake_below(&stage.fake, 12) == 0)
        (void)stage_error(&err);
    else
        reply = fake_message(&stage.fake, call->reply, 0);
    call_forget(call);
    spec.done(spec.ctx, NULL, reply, reply == NULL ? &err : NULL);
    if (reply != NULL)
        protobuf_c_message_free_unpacked(reply, NULL);
}

/* An actor answers. false: nothing was asked. */
static bool
stage_answer(void)
{
    if (stage.login != NULL)
        answer_login();
    else if (stage.calls != NULL)
        answer_call(stage.calls);
    else
        return false;
    return true;
}

/* The peer's side of the socket: it takes bytes, the handshake is done. false: there was nothing to do. */
static bool
stage_drain(void)
{
    av_conn *conn = &stage.conn;

    if (conn->starting_tls) {
        conn->starting_tls = false;
        conn->secure = true;
        conn->queued = 0;
        conn->events->on_secure(conn->ctx, conn);
        return true;
    }
    if (conn->queued == 0)
        return false;
    conn->queued -= 1 + fake_below(&stage.fake, (uint32_t)conn->queued);
    if (conn->full && conn->queued <= conn->room / 2) {
        conn->full = false;
        conn->events->on_writable(conn->ctx, conn);
    }
    return true;
}

#endif
