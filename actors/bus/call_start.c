/*
 * call_start.c - makes a call from what the caller asks for: packed body, keys, streams
 *
 * Also here: the hidden stream in which a reply too long for one blob is gathered. What becomes of the call: call.c.
 */
#include "actors/bus/bus_priv.h"
#include "base/clock.h"
#include "base/secret.h"

#define PAUSE_FIRST_MS  50U
#define PAUSE_MAX_MS    2000U
#define RESEND_FIRST_MS 3000U
#define RESEND_MAX_MS   15000U

/* ---- a reply in chunks ---- */

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

void
av_call_forget_partial_reply(av_call *self)
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
    if (self->method->stream_in) /* a wire is for one direction; no method has two */
        av_stream_offer(&self->up);
    else if (self->method->stream_out)
        av_stream_offer(&self->down);
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
    call->next_ms = AV_CALL_NEVER;
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
        av_call_send(call);
    else
        av_call_doom(call, &err);
    return call;
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
