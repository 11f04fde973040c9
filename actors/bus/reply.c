/*
 * reply.c - answers: errors, replies, replies behind a stream, and long replies in chunks
 *
 * Each request is answered once; what has an idempotency key is remembered (replay.c) so that the answer can be given
 * again.
 */
#include "actors/bus/bus_priv.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/unicode.h"

#define REPLY_MAX (64U * 1024 * 1024) /* what a handler may give as one message; callers take less */

/* ---- on the wire ---- */

/* Error texts quote what peers sent: only UTF-8 goes on the wire. */
static void
make_utf8(char *text)
{
    if (av_utf8_valid(av_span_str(text)))
        return;
    for (; *text != '\0'; text++)
        if ((unsigned char)*text >= 0x80)
            *text = '?';
}

void
av_bus_send_error(av_bus *bus, const char *to, uint64_t correlation, const av_error *err)
{
    Archivolt__Envelope env;
    Archivolt__Error error;
    av_error copy = *err;

    make_utf8(copy.msg);
    av_envelope_init(&env, ARCHIVOLT__KIND__KIND_ERROR, correlation);
    av_envelope_set_error(&env, &error, &copy, bus->keys.name);
    bus->counters.errors++;
    (void)av_bus_send(bus, to, &env, av_span_of(NULL, 0), AV_PEER_KEEP);
}

void
av_bus_send_reply(
    av_bus *bus, const char *to, uint64_t correlation, av_span body, const Archivolt__StreamEnd *end, bool in_stream)
{
    Archivolt__Envelope env;

    av_envelope_init(&env, ARCHIVOLT__KIND__KIND_REPLY, correlation);
    env.end = (Archivolt__StreamEnd *)end;
    env.has_body_in_stream = env.body_in_stream = in_stream;
    bus->counters.replies++;
    (void)av_bus_send(bus, to, &env, body, AV_PEER_KEEP);
}

/* ---- in chunks ---- */

/* Chunks of a long reply, as far as the caller's credit reaches; behind the last one the reply itself. */
void
av_request_pump(av_request *self)
{
    Archivolt__StreamEnd end = ARCHIVOLT__STREAM_END__INIT;
    uint8_t sha256[AV_SHA256_SIZE];

    while (self->reply_at < self->reply_body.n) {
        size_t n = AV_MIN(av_stream_room(&self->down), self->reply_body.n - self->reply_at);

        if (n == 0)
            return;
        av_stream_write(&self->down, av_span_of(self->reply_body.p + self->reply_at, n));
        self->reply_at += n;
    }
    av_stream_settle(&self->down);
    av_stream_sum(&self->down, &end, sha256);
    av_bus_send_reply(self->bus, self->from, self->correlation, av_span_of(NULL, 0), &end, true);
    av_request_retire(self);
}

static void
on_pump_room(void *ctx, av_stream *stream)
{
    (void)stream;
    av_request_pump(ctx);
}

static const av_stream_events pump_events = { .on_room = on_pump_room };

static void
reply_in_chunks(av_request *self, av_buf *packed)
{
    self->reply_body = *packed;
    *packed = (av_buf){ 0 };
    av_stream_open_out(&self->down, self->bus, &pump_events, self, self->first_credit);
    self->deadline_ms = av_clock_mono_ms() + self->timeout_ms;
    av_request_arm(self);
    av_request_pump(self);
}

/* ---- the handler's answer ---- */

/* The reply that stands behind a downstream says what was sent. */
static void
reply_behind_stream(av_request *self, av_span packed)
{
    Archivolt__StreamEnd end = ARCHIVOLT__STREAM_END__INIT;
    uint8_t sha256[AV_SHA256_SIZE];

    av_stream_settle(&self->down);
    av_stream_sum(&self->down, &end, sha256);
    av_bus_send_reply(self->bus, self->from, self->correlation, packed, &end, false);
}

/*
 * One line a request, by whose trace it is found from the gateway's line on. What changes something is worth a line
 * always, unless the actor wrote one that says more.
 */
static void
log_answer(const av_request *self, av_errc code)
{
    AV_LOG(self->method->changes_state && !self->logged ? AV_LOG_INFO : AV_LOG_DEBUG, "request",
        AV_STR("method", self->method->name), AV_STR("from", self->from), AV_STR("trace", self->trace_hex),
        AV_I64("ms", av_clock_mono_ms() - self->began_ms), AV_STR("code", av_errc_word(code)));
}

static void
remember(av_request *self, av_span packed)
{
    if (self->has_key && !self->method->stream_in && !self->method->stream_out && packed.n <= AV_BUS_BLOB_MAX)
        av_replay_put(self->bus->replay, av_sender_name(av_span_str(self->from)), self->key, self->body_hash,
            av_clock_mono_ms(), packed);
}

void
av_request_reply(av_request *self, const ProtobufCMessage *reply)
{
    AV_CLEANUP(av_buf_release) av_buf packed = { 0 };
    uint8_t *at;

    assert(self->magic == AV_REQUEST_MAGIC && !self->answered && reply->descriptor == self->method->output);
    av_buf_init(&packed, REPLY_MAX);
    at = av_buf_reserve(&packed, protobuf_c_message_get_packed_size(reply) + 1);
    if (at == NULL || (self->method->stream_out && protobuf_c_message_get_packed_size(reply) > AV_BUS_BLOB_MAX)) {
        av_request_failf(self, AV_ERR_LIMIT, "the reply of %s is too long", self->method->method);
        return;
    }
    packed.n = protobuf_c_message_pack(reply, at);
    self->answered = true;
    log_answer(self, AV_OK);
    remember(self, av_buf_span(&packed));
    if (self->gone) {
        av_request_retire(self);
        return;
    }
    if (packed.n > AV_BUS_BLOB_MAX) {
        reply_in_chunks(self, &packed);
        return;
    }
    if (self->down.used)
        reply_behind_stream(self, av_buf_span(&packed));
    else
        av_bus_send_reply(self->bus, self->from, self->correlation, av_buf_span(&packed), NULL, false);
    av_request_retire(self);
}

void
av_request_fail(av_request *self, const av_error *err)
{
    assert(self->magic == AV_REQUEST_MAGIC && !self->answered && err->code != AV_OK);
    self->answered = true;
    log_answer(self, err->code);
    if (!self->gone)
        av_bus_send_error(self->bus, self->from, self->correlation, err);
    av_request_retire(self);
}

void
av_request_failf(av_request *self, av_errc code, const char *fmt, ...)
{
    av_error err = { .code = code };
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(err.msg, sizeof err.msg, fmt, ap);
    va_end(ap);
    av_request_fail(self, &err);
}
