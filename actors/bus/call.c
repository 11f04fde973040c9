/*
 * call.c - the life of a call of ours: sent, sent again, one outcome whatever gets lost on the way
 *
 * A call without streams is sent again: when the callee or the broker says busy or unavailable, when the connection was
 * lost, and when nothing is heard for some seconds (a lost message; the callee knows the repetition by key or
 * correlation and does not run it twice). A call with streams is sent again only until its callee's first sign of life.
 * From then on it belongs to that one connection: in a silence an empty chunk goes there, which the broker answers with
 * an error when the connection is gone, so that nobody waits for the dead.
 *
 * How a call is made: call_start.c. What comes for it: call_events.c. Callees that sleep: wake.c.
 */
#include "actors/bus/bus_priv.h"
#include "base/clock.h"
#include "base/secret.h"

static void on_timer(void *ctx);

/* ---- state ---- */

bool
av_call_is_live(const av_call *self)
{
    return self->state != AV_CALL_DONE;
}

void
av_call_arm(av_call *self)
{
    int64_t now = av_clock_mono_ms(), due = AV_MIN(self->deadline_ms, self->next_ms);

    av_loop_remove_timer(&self->timer);
    self->timer = av_loop_add_timer(self->bus->config.loop, (uint64_t)AV_MAX(due - now, 0), 0, on_timer, self);
}

void
av_call_tell_cancel(av_call *self)
{
    Archivolt__Envelope env;

    if (self->state != AV_CALL_SENT)
        return;
    av_envelope_init(&env, ARCHIVOLT__KIND__KIND_CANCEL, self->correlation);
    env.has_from_caller = env.from_caller = true;
    (void)av_bus_send(
        self->bus, self->peer[0] != '\0' ? self->peer : self->to, &env, av_span_of(NULL, 0), AV_PEER_NEXT);
}

void
av_call_finish(av_call *self, const ProtobufCMessage *reply, const av_error *err)
{
    av_bus *bus = self->bus;

    if (!av_call_is_live(self))
        return;
    self->state = AV_CALL_DONE;
    av_loop_remove_timer(&self->timer);
    av_call_hand_over_waker(self);
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

void
av_call_pause(av_call *self, const av_error *err)
{
    av_call_forget_partial_reply(self);
    self->last = *err;
    self->state = AV_CALL_PAUSED;
    self->next_ms = av_clock_mono_ms() + av_retry_next(&self->pause, av_random_u64());
    self->bus->counters.retries++;
    av_call_arm(self);
}

void
av_call_doom(av_call *self, const av_error *err)
{
    self->last = *err;
    self->state = AV_CALL_DOOMED;
    self->next_ms = av_clock_mono_ms();
    av_call_arm(self);
}

/* ---- the timer ---- */

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
    av_call_tell_cancel(self);
    av_call_finish(self, NULL, &err);
}

/* An empty chunk of the caller: to a callee it says nothing, from the broker it brings the answer that nobody is there. */
static void
probe(av_call *self, int64_t now)
{
    Archivolt__Envelope env;

    self->next_ms = AV_MAX(self->heard_ms, now - AV_CALL_PROBE_MS + 1) + AV_CALL_PROBE_MS;
    if (now - self->heard_ms >= AV_CALL_PROBE_MS) {
        av_envelope_init(&env, ARCHIVOLT__KIND__KIND_CHUNK, self->correlation);
        env.has_from_caller = env.from_caller = true;
        env.has_offset = true;
        env.offset = self->up.tx.sent - self->up.pending_n;
        (void)av_bus_send(self->bus, self->peer, &env, av_span_of(NULL, 0), AV_PEER_NEXT);
        self->next_ms = now + AV_CALL_PROBE_MS;
    }
    av_call_arm(self);
}

void
av_call_probe_soon(av_call *self)
{
    if (self->state != AV_CALL_SENT || self->peer[0] == '\0')
        return;
    self->next_ms = av_clock_mono_ms();
    self->heard_ms = self->next_ms - AV_CALL_PROBE_MS;
    av_call_arm(self);
}

static void
on_timer(void *ctx)
{
    av_call *self = ctx;
    int64_t now = av_clock_mono_ms();

    self->timer = NULL;
    av_bus_enter(self->bus);
    if (self->state == AV_CALL_DOOMED) {
        av_call_finish(self, NULL, &self->last);
    } else if (now >= self->deadline_ms) {
        timed_out(self);
    } else if (now >= self->next_ms && self->state == AV_CALL_SENT && self->peer[0] != '\0') {
        probe(self, now);
    } else if (now >= self->next_ms && (self->state == AV_CALL_PAUSED || self->state == AV_CALL_SENT)) {
        if (self->state == AV_CALL_SENT)
            self->bus->counters.retries++;
        av_call_send(self);
    } else {
        av_call_arm(self);
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
    av_call_tell_cancel(self);
    av_call_finish(self, NULL, err);
}

/* ---- sending ---- */

static void
fill_request(av_call *self, Archivolt__Envelope *env, int64_t left_ms)
{
    uint8_t *ticket;

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
    ticket = self->down.has_ticket ? self->down.ticket : self->up.has_ticket ? self->up.ticket : NULL;
    env->has_ticket = ticket != NULL;
    env->ticket = (ProtobufCBinaryData){ AV_WIRE_TICKET, ticket };
}

void
av_call_send(av_call *self)
{
    int64_t now = av_clock_mono_ms();
    Archivolt__Envelope env;
    av_error err;

    if (!self->bus->ready) {
        self->state = AV_CALL_WAITING;
        self->next_ms = AV_CALL_NEVER;
        av_call_arm(self);
        return;
    }
    fill_request(self, &env, self->deadline_ms - now);
    if (av_bus_send(self->bus, self->to, &env, av_span_of(self->body, self->body_n), AV_PEER_NEXT)) {
        self->state = AV_CALL_SENT;
        self->was_sent = true;
        self->next_ms = self->no_retry ? AV_CALL_NEVER : now + av_retry_next(&self->resend, av_random_u64());
        av_call_arm(self);
        return;
    }
    (void)av_error_set(&err, AV_ERR_BUSY, "%s was not asked: too much waits to be sent to the broker", self->to);
    if (self->no_retry || self->has_stream)
        av_call_doom(self, &err);
    else
        av_call_pause(self, &err);
}

/* ---- the end ---- */

void
av_call_cancel(av_call **self)
{
    av_call *call = *self;

    if (call == NULL)
        return;
    assert(call->magic == AV_CALL_MAGIC);
    *self = NULL;
    call->done = NULL;
    if (!av_call_is_live(call))
        return;
    av_call_tell_cancel(call);
    av_stream_release(&call->up); /* no events any more, not even on_broken */
    av_stream_release(&call->down);
    av_call_finish(call, NULL, NULL);
}

void
av_calls_end_all(av_bus *self)
{
    av_error err;

    (void)av_error_set(&err, AV_ERR_CANCELLED, "the actor is stopping");
    while (!av_link_empty(&self->call_list)) {
        av_call *call = AV_CONTAINER(self->call_list.next, av_call, link);

        av_call_tell_cancel(call);
        av_call_finish(call, NULL, &err);
    }
}

void
av_calls_sweep(av_bus *self)
{
    for (av_link *l = self->retired_calls.next; l != &self->retired_calls;) {
        av_call *call = AV_CONTAINER(l, av_call, link);

        l = l->next; /* nothing below touches the rest of the list */
        av_link_remove(&call->link);
        av_stream_release(&call->up);
        av_stream_release(&call->down);
        av_buf_release(&call->reply_body);
        av_buf_release(&call->held_reply);
        if (call->body != NULL) /* it may hold a password sealed to somebody, or a session */
            av_secret_wipe(call->body, call->body_n);
        free(call->body);
        av_secret_wipe(call, sizeof *call);
        free(call);
    }
}
