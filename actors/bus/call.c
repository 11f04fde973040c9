/*
 * call.c - the asking side: one outcome for each call, whatever gets lost on the way
 *
 * A call without streams is sent again: when the callee or the broker says busy or unavailable, when the connection was
 * lost, and when nothing is heard for some seconds (a lost message; the callee knows the repetition by key or
 * correlation and does not run it twice). A call with streams is sent again only until its callee's first sign of life.
 * From then on it belongs to that one connection: in a silence an empty chunk goes there, which the broker answers with
 * an error when the connection is gone, so that nobody waits for the dead.
 */
#include "actors/bus/body.h"
#include "actors/bus/bus_priv.h"
#include "base/clock.h"
#include "base/secret.h"
#include "proto/host.pb-c.h"

#define PAUSE_FIRST_MS  50U
#define PAUSE_MAX_MS    2000U
#define RESEND_FIRST_MS 3000U
#define RESEND_MAX_MS   15000U
#define PROBE_MS        2000 /* of silence on a stream, then the callee's connection is tried */
#define NEVER           INT64_MAX

static void call_send(av_call *self);
static void on_timer(void *ctx);
static void forget_partial_reply(av_call *self);

/* ---- state ---- */

static bool
is_live(const av_call *self)
{
    return self->state != AV_CALL_DONE;
}

static void
arm(av_call *self)
{
    int64_t now = av_clock_mono_ms(), due = AV_MIN(self->deadline_ms, self->next_ms);

    av_loop_remove_timer(&self->timer);
    self->timer = av_loop_add_timer(self->bus->config.loop, (uint64_t)AV_MAX(due - now, 0), 0, on_timer, self);
}

/* Another call for the same sleeping instance takes over the question to the host. */
static void
hand_over_waker(av_call *self)
{
    for (av_link *l = self->bus->call_list.next; self->waker != NULL && l != &self->bus->call_list; l = l->next) {
        av_call *other = AV_CONTAINER(l, av_call, link);

        if (other == self || other->state != AV_CALL_WAKING || strcmp(other->to, self->to) != 0)
            continue;
        other->waker = AV_TAKE(self->waker);
        other->waker->ctx = other;
    }
    av_call_cancel(&self->waker);
}

static void
tell_cancel(av_call *self)
{
    Archivolt__Envelope env;

    if (self->state != AV_CALL_SENT)
        return;
    av_envelope_init(&env, ARCHIVOLT__KIND__KIND_CANCEL, self->correlation);
    env.has_from_caller = env.from_caller = true;
    (void)av_bus_send(
        self->bus, self->peer[0] != '\0' ? self->peer : self->to, &env, av_span_of(NULL, 0), AV_PEER_NEXT);
}

/* The one outcome. err is NULL on success. */
static void
finish(av_call *self, const ProtobufCMessage *reply, const av_error *err)
{
    av_bus *bus = self->bus;

    if (!is_live(self))
        return;
    self->state = AV_CALL_DONE;
    av_loop_remove_timer(&self->timer);
    hand_over_waker(self);
    (void)av_map_remove(bus->calls, av_map_key_u64(&self->correlation));
    av_link_remove(&self->link);
    av_link_add(&bus->retired_calls, &self->link);
    av_loop_again(bus->config.loop);
    av_bus_enter(bus);
    if (err != NULL) {
        av_stream_break(&self->up, err);
        av_stream_break(&self->down, err);
    }
    if (self->done != NULL)
        self->done(self->ctx, self, reply, err);
    av_bus_leave(bus);
    av_stream_release(&self->up);
    av_stream_release(&self->down);
}

static void
pause_call(av_call *self, const av_error *err)
{
    forget_partial_reply(self);
    self->last = *err;
    self->state = AV_CALL_PAUSED;
    self->next_ms = av_clock_mono_ms() + av_retry_next(&self->pause, av_random_u64());
    self->bus->counters.retries++;
    arm(self);
}

/* Fails from the loop: done is never called before av_bus_call returns. */
static void
doom(av_call *self, const av_error *err)
{
    self->last = *err;
    self->state = AV_CALL_DOOMED;
    self->next_ms = av_clock_mono_ms();
    arm(self);
}

static void
timed_out(av_call *self)
{
    av_error err;

    if (self->state == AV_CALL_PAUSED)
        err = self->last;
    else if (!self->was_sent)
        (void)av_error_set(
            &err, AV_ERR_UNAVAILABLE, "%s was not asked: %s", self->to, av_peer_trouble(self->bus->peer));
    else
        (void)av_error_set(&err, AV_ERR_TIMEOUT, "%s did not answer %s within %u ms", self->to, self->method->method,
            self->timeout_ms);
    tell_cancel(self);
    finish(self, NULL, &err);
}

/* An empty chunk of the caller: to a callee it says nothing, from the broker it brings the answer that nobody is there. */
static void
probe(av_call *self, int64_t now)
{
    Archivolt__Envelope env;

    self->next_ms = AV_MAX(self->heard_ms, now - PROBE_MS + 1) + PROBE_MS;
    if (now - self->heard_ms >= PROBE_MS) {
        av_envelope_init(&env, ARCHIVOLT__KIND__KIND_CHUNK, self->correlation);
        env.has_from_caller = env.from_caller = true;
        env.has_offset = true;
        env.offset = self->up.tx.sent - self->up.pending_n;
        (void)av_bus_send(self->bus, self->peer, &env, av_span_of(NULL, 0), AV_PEER_NEXT);
        self->next_ms = now + PROBE_MS;
    }
    arm(self);
}

static void
on_timer(void *ctx)
{
    av_call *self = ctx;
    int64_t now = av_clock_mono_ms();

    self->timer = NULL;
    av_bus_enter(self->bus);
    if (self->state == AV_CALL_DOOMED) {
        finish(self, NULL, &self->last);
    } else if (now >= self->deadline_ms) {
        timed_out(self);
    } else if (now >= self->next_ms && self->state == AV_CALL_SENT && self->peer[0] != '\0') {
        probe(self, now);
    } else if (now >= self->next_ms && (self->state == AV_CALL_PAUSED || self->state == AV_CALL_SENT)) {
        if (self->state == AV_CALL_SENT)
            self->bus->counters.retries++;
        call_send(self);
    } else {
        arm(self);
    }
    av_bus_leave(self->bus);
}

void
av_call_progress(av_call *self)
{
    if (self->has_stream || self->peer[0] != '\0') /* the timer looks when it fires; until then this is enough */
        self->deadline_ms = av_clock_mono_ms() + self->timeout_ms;
}

void
av_call_stream_failed(av_call *self, const av_error *err)
{
    tell_cancel(self);
    finish(self, NULL, err);
}

/* ---- sending ---- */

static void
fill_request(av_call *self, Archivolt__Envelope *env, int64_t left_ms)
{
    av_envelope_init(env, ARCHIVOLT__KIND__KIND_REQUEST, self->correlation);
    env->method = (char *)self->method->name;
    env->has_time_left_ms = true;
    env->time_left_ms = self->has_stream ? self->timeout_ms : (uint32_t)AV_MAX(left_ms, 1);
    env->has_idempotency_key = self->has_key;
    env->idempotency_key = (ProtobufCBinaryData){ sizeof self->key, self->key };
    env->has_trace = true;
    env->trace = (ProtobufCBinaryData){ sizeof self->trace, self->trace };
    env->has_session = self->session_n > 0;
    env->session = (ProtobufCBinaryData){ self->session_n, self->session };
    env->has_credit = true;
    env->credit = self->down.rx.granted;
}

static void
call_send(av_call *self)
{
    int64_t now = av_clock_mono_ms();
    Archivolt__Envelope env;
    av_error err;

    if (!self->bus->ready) {
        self->state = AV_CALL_WAITING;
        self->next_ms = NEVER;
        arm(self);
        return;
    }
    fill_request(self, &env, self->deadline_ms - now);
    if (av_bus_send(self->bus, self->to, &env, av_span_of(self->body, self->body_n), AV_PEER_NEXT)) {
        self->state = AV_CALL_SENT;
        self->was_sent = true;
        self->next_ms = self->no_retry ? NEVER : now + av_retry_next(&self->resend, av_random_u64());
        arm(self);
        return;
    }
    (void)av_error_set(&err, AV_ERR_BUSY, "%s was not asked: too much waits to be sent to the broker", self->to);
    if (self->no_retry || self->has_stream)
        doom(self, &err);
    else
        pause_call(self, &err);
}

/* ---- starting ---- */

static bool
pack_body(av_call *self, const ProtobufCMessage *body, av_error *err)
{
    size_t n = protobuf_c_message_get_packed_size(body);

    assert(body->descriptor == self->method->input);
    if (n > AV_BUS_BLOB_MAX) {
        (void)av_error_set(err, AV_ERR_LIMIT, "%s: the request has %zu bytes, %d is the most", self->method->method, n,
            AV_BUS_BLOB_MAX);
        return false;
    }
    self->body = av_xalloc(n + 1);
    self->body_n = protobuf_c_message_pack(body, self->body);
    return true;
}

static void
fill_keys(av_call *self, const av_call_spec *spec)
{
    self->has_key = spec->idempotency_key != NULL || self->method->changes_state;
    if (spec->idempotency_key != NULL)
        memcpy(self->key, spec->idempotency_key, sizeof self->key);
    else
        av_random_bytes(self->key, sizeof self->key);
    if (spec->trace.n == sizeof self->trace)
        memcpy(self->trace, spec->trace.p, sizeof self->trace);
    else
        av_random_bytes(self->trace, sizeof self->trace);
    do /* random, so that nobody but the callee can name a call of ours */
        self->correlation = av_random_u64();
    while (self->correlation == 0 || av_map_get(self->bus->calls, av_map_key_u64(&self->correlation)) != NULL);
}

/* A reply of more than one blob comes as chunks; they are gathered up to max_reply_bytes. */
static void
on_reply_bytes(void *ctx, av_stream *stream, av_span bytes)
{
    av_call *self = ctx;
    av_error err;

    if (self->reply_body.max == 0)
        av_buf_init(&self->reply_body, self->bus->config.max_reply_bytes);
    if (av_buf_append_span(&self->reply_body, bytes)) {
        av_stream_consumed(stream, bytes.n);
        return;
    }
    (void)av_error_set(&err, AV_ERR_LIMIT, "%s: the reply is longer than %zu bytes", self->method->method,
        self->bus->config.max_reply_bytes);
    av_call_stream_failed(self, &err);
}

static const av_stream_events reply_events = { .on_data = on_reply_bytes };

static void
open_streams(av_call *self, const av_call_spec *spec)
{
    self->up.magic = self->down.magic = AV_STREAM_MAGIC;
    self->up.call = self->down.call = self;
    av_link_init(&self->up.dirty);
    av_link_init(&self->up.in);
    av_link_init(&self->down.dirty);
    av_link_init(&self->down.in);
    if (self->method->stream_in)
        av_stream_open_out(&self->up, self->bus, spec->upstream, spec->ctx, 0);
    if (self->method->stream_out)
        (void)av_stream_open_in(&self->down, self->bus, spec->downstream, spec->ctx, true);
    else
        (void)av_stream_open_in(&self->down, self->bus, &reply_events, self, false);
}

av_call *
av_bus_call(av_bus *self, const av_call_spec *spec)
{
    const av_method_info *method = av_proto_method(spec->method);
    av_call *call = av_xcalloc(1, sizeof *call);
    av_error err;
    bool ok;

    assert(method != NULL && spec->session.n <= sizeof call->session);
    call->magic = AV_CALL_MAGIC;
    call->bus = self;
    call->method = method;
    call->has_stream = method->stream_in || method->stream_out;
    call->no_retry = spec->no_retry;
    call->done = spec->done;
    call->ctx = spec->ctx;
    call->timeout_ms = spec->timeout_ms == 0 ? AV_BUS_CALL_TIMEOUT_MS : spec->timeout_ms;
    call->deadline_ms = av_clock_mono_ms() + call->timeout_ms;
    call->next_ms = NEVER;
    call->pause = (av_retry){ .first_ms = PAUSE_FIRST_MS, .max_ms = PAUSE_MAX_MS };
    call->resend = (av_retry){ .first_ms = RESEND_FIRST_MS, .max_ms = RESEND_MAX_MS };
    call->session_n = spec->session.n;
    if (spec->session.n > 0)
        memcpy(call->session, spec->session.p, spec->session.n);
    fill_keys(call, spec);
    (void)snprintf(call->to, sizeof call->to, "%s", spec->to);
    open_streams(call, spec);
    av_link_init(&call->link);
    av_link_add(&self->call_list, &call->link);
    (void)av_map_put(self->calls, av_map_key_u64(&call->correlation), call);
    self->counters.calls++;
    ok = pack_body(call, spec->body, &err);
    if (ok && strcmp(spec->to, "broker") != 0 && !av_actor_name_valid(av_span_str(spec->to)) &&
        !av_sender_valid(av_span_str(spec->to))) {
        (void)av_error_set(&err, AV_ERR_NO_ACTOR, "\"%s\" is not the name of an actor", spec->to);
        ok = false;
    }
    if (ok)
        call_send(call);
    else
        doom(call, &err);
    return call;
}

void
av_call_cancel(av_call **self)
{
    av_call *call = *self;

    if (call == NULL)
        return;
    assert(call->magic == AV_CALL_MAGIC);
    *self = NULL;
    call->done = NULL;
    if (!is_live(call))
        return;
    tell_cancel(call);
    av_stream_release(&call->up); /* no events any more, not even on_broken */
    av_stream_release(&call->down);
    finish(call, NULL, NULL);
}

av_stream *
av_call_upstream(av_call *self)
{
    return self->up.used ? &self->up : NULL;
}

av_stream *
av_call_downstream(av_call *self)
{
    return self->method->stream_out ? &self->down : NULL;
}

/* ---- waking (decisions.md 22) ---- */

static void
on_woken(void *ctx, av_call *waker, const ProtobufCMessage *reply, const av_error *err)
{
    av_call *asker = ctx;
    av_bus *bus = asker->bus;
    char to[AV_SENDER_MAX];
    av_link *l;

    (void)waker;
    (void)reply;
    asker->waker = NULL;
    memcpy(to, asker->to, sizeof to);
    for (l = bus->call_list.next; l != &bus->call_list;) {
        av_call *call = AV_CONTAINER(l, av_call, link);

        if (call->state != AV_CALL_WAKING || strcmp(call->to, to) != 0) {
            l = l->next;
            continue;
        }
        if (err == NULL)
            call_send(call);
        else
            finish(call, NULL, err);
        l = bus->call_list.next; /* a callback may have changed the list; nothing sent is in this state any more */
    }
}

/* One question to the host for all calls that wait for the same instance. */
static void
wake(av_call *self, const char *host)
{
    Archivolt__InstanceIdRequest body = ARCHIVOLT__INSTANCE_ID_REQUEST__INIT;
    av_call_spec spec = { .to = host, .method = "archivolt.Host.Wake", .done = on_woken, .ctx = self };
    int64_t left = self->deadline_ms - av_clock_mono_ms();
    bool asked = false;

    for (av_link *l = self->bus->call_list.next; l != &self->bus->call_list; l = l->next) {
        const av_call *other = AV_CONTAINER(l, av_call, link);

        asked = asked || (other->waker != NULL && strcmp(other->to, self->to) == 0);
    }
    self->state = AV_CALL_WAKING;
    self->next_ms = NEVER;
    arm(self);
    if (asked)
        return;
    body.instance_id = self->to + strlen("instance/");
    spec.body = &body.base;
    spec.timeout_ms = (uint32_t)AV_MAX(left, 1);
    spec.trace = av_span_of(self->trace, sizeof self->trace);
    self->waker = av_bus_call(self->bus, &spec);
}

/* ---- what arrives ---- */

static void
on_error(av_call *self, const Archivolt__Envelope *env, bool from_broker)
{
    const char *host = env->error->actor;
    /* A host that says it will not wake an instance means it; only a host that is not there is asked again. */
    bool last_word = !from_broker && strcmp(self->method->name, "archivolt.Host.Wake") == 0;
    av_error err;

    av_envelope_get_error(env, &err);
    if (err.code == AV_ERR_ASLEEP && from_broker && host != NULL && strncmp(host, "host/", 5) == 0 &&
        av_actor_name_valid(av_span_str(host)) && strncmp(self->to, "instance/", 9) == 0)
        wake(self, host);
    else if (av_retry_helps(err.code) && !self->no_retry && !self->has_stream &&
        (!last_word || err.code == AV_ERR_BUSY))
        pause_call(self, &err);
    else
        finish(self, NULL, &err);
}

static void
on_reply(av_call *self, const Archivolt__Envelope *env, av_span blob)
{
    ProtobufCMessage *reply = NULL;
    av_error err;

    if (self->method->stream_out || env->body_in_stream) {
        if (!av_stream_on_reply_end(&self->down, env->end))
            return;
        if (!is_live(self)) /* cancelled in on_end */
            return;
    }
    if (env->body_in_stream)
        blob = av_buf_span(&self->reply_body);
    if (av_body_open(self->method->output, blob, false, &reply, &err) != AV_OK) {
        (void)av_error_prefix(&err, "reply of %s", self->to);
        finish(self, NULL, &err);
        return;
    }
    finish(self, reply, NULL);
    protobuf_c_message_free_unpacked(reply, NULL);
}

/* Chunks stay with the connection that answered first. */
static bool
pin(av_call *self, const char *from)
{
    if (strcmp(self->peer, from) == 0) {
        self->heard_ms = av_clock_mono_ms();
        return true;
    }
    if (self->peer[0] != '\0')
        return false;
    (void)snprintf(self->peer, sizeof self->peer, "%s", from);
    self->heard_ms = av_clock_mono_ms();
    self->next_ms = self->heard_ms + PROBE_MS;
    arm(self);
    return true;
}

void
av_calls_on_message(av_bus *self, const char *from, const Archivolt__Envelope *env, av_span blob)
{
    av_call *call = av_map_get(self->calls, av_map_key_u64(&env->correlation));
    bool broker = av_sender_is_broker(av_span_str(from)), callee;

    if (call == NULL || call->state != AV_CALL_SENT)
        return;
    callee = strcmp(call->to, "broker") == 0 ? broker : av_bus_name_is(from, call->to);
    if (!callee && !(broker && env->kind == ARCHIVOLT__KIND__KIND_ERROR))
        return;
    switch (env->kind) {
    case ARCHIVOLT__KIND__KIND_REPLY:
        on_reply(call, env, blob);
        break;
    case ARCHIVOLT__KIND__KIND_ERROR:
        on_error(call, env, broker);
        break;
    case ARCHIVOLT__KIND__KIND_CHUNK:
        if (pin(call, from))
            av_stream_on_chunk(&call->down, env, blob);
        break;
    case ARCHIVOLT__KIND__KIND_CREDIT:
        if (pin(call, from))
            av_stream_on_credit(&call->up, env);
        break;
    default:
        break;
    }
}

/* ---- the connection comes and goes ---- */

/* What came of a reply in chunks is of no use to the next try. */
static void
forget_partial_reply(av_call *self)
{
    if (self->has_stream || self->peer[0] == '\0')
        return;
    av_stream_release(&self->down);
    memset(&self->down, 0, sizeof self->down);
    self->down.magic = AV_STREAM_MAGIC;
    self->down.call = self;
    av_link_init(&self->down.dirty);
    av_link_init(&self->down.in);
    (void)av_stream_open_in(&self->down, self->bus, &reply_events, self, false);
    av_buf_clear(&self->reply_body);
    self->peer[0] = '\0';
}

void
av_calls_on_ready(av_bus *self)
{
    av_link *l = self->call_list.next;

    while (l != &self->call_list) {
        av_call *call = AV_CONTAINER(l, av_call, link);

        l = l->next; /* sending calls nobody back: the list stays as it is */
        if (call->state == AV_CALL_WAITING)
            call_send(call);
    }
}

void
av_calls_on_down(av_bus *self, const av_error *why)
{
    for (av_link *l = self->call_list.next; l != &self->call_list;) {
        av_call *call = AV_CONTAINER(l, av_call, link);

        l = l->next;
        if (call->state != AV_CALL_SENT)
            continue;
        if (call->no_retry || call->has_stream) {
            finish(call, NULL, why);
            l = self->call_list.next; /* done may have changed the list; the finished one is not in it any more */
            continue;
        }
        self->counters.retries++;
        forget_partial_reply(call);
        call->state = AV_CALL_WAITING;
        call->next_ms = NEVER;
        arm(call);
    }
}

void
av_calls_end_all(av_bus *self)
{
    av_error err;

    (void)av_error_set(&err, AV_ERR_CANCELLED, "the actor is stopping");
    while (!av_link_empty(&self->call_list)) {
        av_call *call = AV_CONTAINER(self->call_list.next, av_call, link);

        tell_cancel(call);
        finish(call, NULL, &err);
    }
}

void
av_calls_sweep(av_bus *self)
{
    while (!av_link_empty(&self->retired_calls)) {
        av_call *call = AV_CONTAINER(self->retired_calls.next, av_call, link);

        av_link_remove(&call->link);
        av_stream_release(&call->up);
        av_stream_release(&call->down);
        av_buf_release(&call->reply_body);
        if (call->body != NULL) /* it may hold a password sealed to somebody, or a session */
            av_secret_wipe(call->body, call->body_n);
        free(call->body);
        av_secret_wipe(call, sizeof *call);
        free(call);
    }
}
