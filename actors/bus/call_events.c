/*
 * call_events.c - what befalls a call from outside: replies, errors, chunks, credit; the connection comes and goes
 */
#include "actors/bus/body.h"
#include "actors/bus/bus_priv.h"
#include "base/clock.h"

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
        av_call_wake(self, host);
    else if (av_retry_helps(err.code) && !self->no_retry && !self->has_stream &&
             (!last_word || err.code == AV_ERR_BUSY))
        av_call_pause(self, &err);
    else
        av_call_finish(self, NULL, &err);
}

static void
finish_with(av_call *self, av_span blob)
{
    ProtobufCMessage *reply = NULL;
    av_error err;

    if (av_body_open(self->method->output, blob, false, &reply, &err) != AV_OK) {
        (void)av_error_prefix(&err, "reply of %s", self->to);
        av_call_finish(self, NULL, &err);
        return;
    }
    av_call_finish(self, reply, NULL);
    protobuf_c_message_free_unpacked(reply, NULL);
}

static void
on_reply(av_call *self, const Archivolt__Envelope *env, av_span blob)
{
    if (self->method->stream_out || env->body_in_stream) {
        if (av_stream_wire_waits(&self->down, env->end)) {
            if (self->held_reply.max == 0)
                av_buf_init(&self->held_reply, AV_BUS_BLOB_MAX);
            av_buf_clear(&self->held_reply);
            (void)av_buf_append_span(&self->held_reply, blob); /* peer.c takes no longer ones */
            return;
        }
        if (!av_stream_on_reply_end(&self->down, env->end))
            return;
        if (!av_call_is_live(self)) /* cancelled in on_end */
            return;
    }
    finish_with(self, env->body_in_stream ? av_buf_span(&self->reply_body) : blob);
}

void
av_call_stream_complete(av_call *self)
{
    Archivolt__StreamEnd end = ARCHIVOLT__STREAM_END__INIT;

    end.bytes = self->down.end_bytes;
    end.sha256 = (ProtobufCBinaryData){ AV_SHA256_SIZE, self->down.end_sha256 };
    if (av_stream_take_end(&self->down, &end) && av_call_is_live(self))
        finish_with(self, av_buf_span(&self->held_reply));
}

/* Chunks stay with the connection that answered first. */
bool
av_call_pin(av_call *self, const char *from)
{
    if (strcmp(self->peer, from) == 0) {
        self->heard_ms = av_clock_mono_ms();
        return true;
    }
    if (self->peer[0] != '\0')
        return false;
    (void)snprintf(self->peer, sizeof self->peer, "%s", from);
    self->heard_ms = av_clock_mono_ms();
    self->next_ms = self->heard_ms + AV_CALL_PROBE_MS;
    av_call_arm(self);
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
        if (av_call_pin(call, from))
            av_stream_on_chunk(&call->down, env, blob);
        break;
    case ARCHIVOLT__KIND__KIND_CREDIT:
        if (av_call_pin(call, from))
            av_stream_on_credit(&call->up, env);
        break;
    default:
        break;
    }
}

/* ---- the connection comes and goes ---- */

void
av_calls_on_ready(av_bus *self)
{
    av_link *l = self->call_list.next;

    while (l != &self->call_list) {
        av_call *call = AV_CONTAINER(l, av_call, link);

        l = l->next; /* sending calls nobody back: the list stays as it is */
        if (call->state == AV_CALL_WAITING)
            av_call_send(call);
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
            av_call_finish(call, NULL, why);
            l = self->call_list.next; /* done may have changed the list; the finished one is not in it any more */
            continue;
        }
        self->counters.retries++;
        av_call_forget_partial_reply(call);
        call->state = AV_CALL_WAITING;
        call->next_ms = AV_CALL_NEVER;
        av_call_arm(call);
    }
}
