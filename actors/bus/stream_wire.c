/*
 * stream_wire.c - a stream whose bytes go over a local socket (carrier.h) instead of through the broker
 *
 * The callee decides, at its first bytes (outgoing) or when it takes the stream (incoming), and only while nothing has
 * gone through the broker; so the bytes of one stream never come by two ways. A short answer is not worth a socket: it
 * goes with its reply. What the caller does with bytes, and the end {bytes, SHA-256}, are the same on both ways; the end
 * comes by the bus and may overtake the last bytes, for which it then waits.
 */
#include "actors/bus/bus_priv.h"
#include "base/clock.h"

static void on_taken(void *ctx);
static void on_bytes(void *ctx, av_span bytes);
static void on_room(void *ctx);
static void on_closed(void *ctx);

static const av_wire_events events = {
    .on_taken = on_taken, .on_bytes = on_bytes, .on_room = on_room, .on_closed = on_closed
};

static bool
is_alive(const av_stream *self)
{
    return !self->broken && !self->ended && av_stream_owner_alive(self);
}

/* ---- the caller's ticket ---- */

void
av_stream_offer(av_stream *self)
{
    self->has_ticket = av_carrier_offer(self->bus->carrier, self, self->ticket);
}

void
av_stream_withdraw(av_stream *self)
{
    if (!self->has_ticket)
        return;
    self->has_ticket = false;
    av_carrier_withdraw(self->bus->carrier, self->ticket);
}

bool
av_stream_take_wire(av_stream *self, av_wire *wire, const char *name)
{
    av_call *call = self->call;

    assert(self->magic == AV_STREAM_MAGIC && self->way == AV_WAY_BROKER);
    self->has_ticket = false;
    if (!is_alive(self) || call->state != AV_CALL_SENT || !av_bus_name_is(name, call->to) || !av_call_pin(call, name))
        return false;
    self->way = AV_WAY_WIRE;
    self->wire = wire;
    av_wire_adopt(wire, &events, self);
    return true;
}

/* ---- the callee's connection ---- */

bool
av_stream_ask_wire(av_stream *self)
{
    const av_request *request = self->request;

    self->way = AV_WAY_BROKER;
    if (!av_carrier_connect(
            self->bus->carrier, request->from, self->bus->you, request->offer, &events, self, &self->wire))
        return false;
    self->way = AV_WAY_ASKED;
    return true;
}

void
av_stream_leave_wire(av_stream *self)
{
    self->way = AV_WAY_BROKER;
    av_carrier_drop(self->bus->carrier, &self->wire);
}

/* ---- outgoing ---- */

size_t
av_stream_wire_room(const av_stream *self)
{
    return self->wire == NULL ? 0 : av_wire_room(self->wire);
}

void
av_stream_wire_write(av_stream *self, av_span bytes)
{
    self->tx.sent += bytes.n;
    self->bus->counters.local_bytes += bytes.n;
    av_stream_progress(self);
    av_wire_write(self->wire, bytes);
}

static void
tell_room(av_stream *self)
{
    if (av_stream_room(self) > 0 && self->events.on_room != NULL)
        self->events.on_room(self->ctx, self);
}

/* ---- incoming ---- */

void
av_stream_wire_allow(av_stream *self)
{
    uint64_t window = av_credit_window(self->bus->config.receive_budget_bytes, self->bus->incoming_n, 0);
    uint64_t held = self->rx.received - self->rx.consumed;

    if (self->wire != NULL && held <= window / 2)
        av_wire_allow(self->wire, window - held);
}

static void
take_end_kept(av_stream *self)
{
    Archivolt__StreamEnd end = ARCHIVOLT__STREAM_END__INIT;

    if (self->call != NULL) {
        av_call_stream_complete(self->call);
        return;
    }
    end.bytes = self->end_bytes;
    end.sha256 = (ProtobufCBinaryData){ AV_SHA256_SIZE, self->end_sha256 };
    (void)av_stream_take_end(self, &end);
}

bool
av_stream_wire_waits(av_stream *self, const Archivolt__StreamEnd *end)
{
    if (self->way != AV_WAY_WIRE || end == NULL || self->rx.received >= end->bytes || self->wire == NULL ||
        av_wire_is_closed(self->wire))
        return false;
    self->has_end = true;
    self->end_bytes = end->bytes;
    memcpy(self->end_sha256, end->sha256.data, sizeof self->end_sha256);
    return true;
}

static void
take_bytes(av_stream *self, av_span bytes)
{
    self->rx.received += bytes.n;
    self->rx.granted = self->rx.received;
    self->bus->counters.local_bytes += bytes.n;
    av_stream_progress(self);
    if (self->call != NULL)
        self->call->heard_ms = av_clock_mono_ms();
    av_sha256_stream_update(self->sha, bytes);
    if (self->events.on_data != NULL)
        self->events.on_data(self->ctx, self, bytes);
    if (!is_alive(self))
        return;
    if (self->has_end && self->rx.received >= self->end_bytes)
        take_end_kept(self);
    else
        av_stream_wire_allow(self);
}

/* ---- what the socket tells ---- */

static void
on_taken(void *ctx)
{
    av_stream *self = ctx;

    if (!is_alive(self))
        return;
    av_bus_enter(self->bus);
    self->way = AV_WAY_WIRE;
    self->bus->counters.local_streams++;
    av_stream_progress(self);
    if (!self->outgoing) {
        av_stream_wire_allow(self);
    } else {
        self->opened = true;
        if (self->pending_n > 0) /* at most one block, which the wire takes whole; it is counted as sent already */
            av_wire_write(self->wire, av_span_of(self->pending, self->pending_n));
        self->bus->counters.local_bytes += self->pending_n;
        free(AV_TAKE(self->pending));
        self->pending_n = 0;
        if (self->ending)
            av_stream_set_dirty(self);
        tell_room(self);
    }
    av_bus_leave(self->bus);
}

static void
on_bytes(void *ctx, av_span bytes)
{
    av_stream *self = ctx;

    if (!is_alive(self))
        return;
    av_bus_enter(self->bus);
    take_bytes(self, bytes);
    av_bus_leave(self->bus);
}

static void
on_room(void *ctx)
{
    av_stream *self = ctx;

    if (!is_alive(self))
        return;
    av_bus_enter(self->bus);
    av_stream_progress(self);
    tell_room(self);
    av_bus_leave(self->bus);
}

/* The ticket was not taken: through the broker, as if there had never been a socket. */
static void
go_by_broker(av_stream *self)
{
    av_stream_leave_wire(self);
    if (!self->outgoing) {
        av_stream_send_credit(self, NULL);
        return;
    }
    if (self->pending_n > 0)
        av_stream_set_dirty(self);
    tell_room(self);
}

/*
 * A callee ends its request when the caller has closed. A caller waits for what the bus has to say: the reply may be on
 * its way, or the broker knows that the callee is gone.
 */
static void
lost(av_stream *self)
{
    av_error err;

    if (self->request != NULL || self->has_end) {
        (void)av_error_set(&err, self->has_end ? AV_ERR_IO : AV_ERR_CANCELLED,
            self->has_end ? "stream broken: the local socket closed after %llu bytes"
                          : "the caller has closed the local socket after %llu bytes",
            (unsigned long long)(self->outgoing ? self->tx.sent : self->rx.received));
        av_stream_fail_owner(self, &err);
        return;
    }
    if (!self->outgoing && self->rx.received == 0)
        av_stream_leave_wire(self);
    av_call_probe_soon(self->call);
}

static void
on_closed(void *ctx)
{
    av_stream *self = ctx;

    if (!is_alive(self))
        return;
    av_bus_enter(self->bus);
    if (self->way == AV_WAY_ASKED)
        go_by_broker(self);
    else
        lost(self);
    av_bus_leave(self->bus);
}
