/*
 * stream.c - one direction of a request at one end: chunks out under the peer's credit, chunks in against ours
 *
 * Small writes of one turn leave as one chunk: bytes are gathered in a 64 KB block that goes when it is full or before
 * the loop waits. The block is handed to libzmq whole, not copied.
 */
#include "actors/bus/bus_priv.h"

static const char *
address(const av_stream *self)
{
    if (self->request != NULL)
        return self->request->from;
    return self->call->peer[0] != '\0' ? self->call->peer : self->call->to;
}

bool
av_stream_owner_alive(const av_stream *self)
{
    return self->request != NULL ? !self->request->gone : self->call->state != AV_CALL_DONE;
}

static void
init_envelope(const av_stream *self, Archivolt__Envelope *env, Archivolt__Kind kind)
{
    av_envelope_init(env, kind, self->request != NULL ? self->request->correlation : self->call->correlation);
    env->has_from_caller = self->call != NULL;
    env->from_caller = self->call != NULL;
}

void
av_stream_progress(av_stream *self)
{
    if (self->request != NULL)
        av_request_progress(self->request);
    else
        av_call_progress(self->call);
}

void
av_stream_fail_owner(av_stream *self, const av_error *err)
{
    if (self->request != NULL)
        av_request_stream_failed(self->request, err);
    else
        av_call_stream_failed(self->call, err);
}

void
av_stream_set_dirty(av_stream *self)
{
    av_link_remove(&self->dirty);
    av_link_add(&self->bus->dirty, &self->dirty);
    av_loop_again(self->bus->config.loop);
}

static void
open_common(av_stream *self, av_bus *bus, const av_stream_events *events, void *ctx)
{
    self->bus = bus;
    self->used = true;
    self->ctx = ctx;
    if (events != NULL)
        self->events = *events;
    self->sha = av_sha256_stream_new();
}

/* ---- outgoing ---- */

void
av_stream_open_out(av_stream *self, av_bus *bus, const av_stream_events *events, void *ctx, uint64_t granted)
{
    open_common(self, bus, events, ctx);
    self->outgoing = true;
    self->opened = granted > 0;
    av_credit_granted(&self->tx, granted);
    av_link_add(&bus->outgoing, &self->in);
}

size_t
av_stream_room(const av_stream *self)
{
    assert(self->magic == AV_STREAM_MAGIC);
    if (!self->outgoing || self->ending || self->ended || self->broken || !av_stream_owner_alive(self))
        return 0;
    if (self->way == AV_WAY_WIRE)
        return av_stream_wire_room(self);
    if (!av_peer_is_clear(self->bus->peer))
        return 0;
    if (self->way != AV_WAY_BROKER) /* one block, which goes the way that is found */
        return (size_t)AV_MIN(av_credit_room(&self->tx), (uint64_t)AV_BUS_BLOB_MAX - self->pending_n);
    return (size_t)av_credit_room(&self->tx);
}

static void
free_block(void *block, void *hint)
{
    (void)hint;
    free(block);
}

/* The block as a chunk, with the end of the stream when it has come. */
static bool
send_chunk(av_stream *self, bool end)
{
    Archivolt__Envelope env;
    Archivolt__StreamEnd sum = ARCHIVOLT__STREAM_END__INIT;
    uint8_t sha256[AV_SHA256_SIZE];
    zmq_msg_t blob;
    bool ok;

    if (self->way == AV_WAY_ASKED || (self->way == AV_WAY_FREE && av_stream_ask_wire(self)))
        return true; /* it waits for the answer */
    init_envelope(self, &env, ARCHIVOLT__KIND__KIND_CHUNK);
    env.has_offset = true;
    env.offset = self->tx.sent - self->pending_n;
    if (end) {
        av_stream_sum(self, &sum, sha256);
        env.end = &sum;
    }
    if (self->pending_n > 0) {
        int rc = zmq_msg_init_data(&blob, self->pending, self->pending_n, free_block, NULL);

        assert(rc == 0);
        (void)rc;
        self->pending = NULL;
        self->pending_n = 0;
    } else {
        (void)zmq_msg_init(&blob);
    }
    ok = av_peer_send(self->bus->peer, address(self), &env, &blob, AV_PEER_NEXT);
    (void)zmq_msg_close(&blob);
    self->bus->blocked = self->bus->blocked || !av_peer_is_clear(self->bus->peer);
    av_stream_progress(self);
    return ok;
}

void
av_stream_settle(av_stream *self)
{
    if (self->way == AV_WAY_WIRE) { /* nothing is pending here: what the socket did not take is the wire's to send */
        av_carrier_finish(self->bus->carrier, &self->wire);
        return;
    }
    av_stream_leave_wire(self);
    if (self->pending_n > 0)
        (void)send_chunk(self, false);
}

void
av_stream_sum(av_stream *self, Archivolt__StreamEnd *end, uint8_t sha256[AV_SHA256_SIZE])
{
    av_sha256_stream_finish(&self->sha, sha256);
    end->bytes = self->tx.sent;
    end->sha256 = (ProtobufCBinaryData){ AV_SHA256_SIZE, sha256 };
    self->ended = true;
}

void
av_stream_write(av_stream *self, av_span bytes)
{
    assert(self->magic == AV_STREAM_MAGIC && bytes.n <= av_stream_room(self));
    if (bytes.n == 0)
        return;
    av_sha256_stream_update(self->sha, bytes);
    if (self->way == AV_WAY_WIRE) {
        av_stream_wire_write(self, bytes);
        return;
    }
    while (bytes.n > 0) {
        size_t n = AV_MIN(bytes.n, AV_BUS_BLOB_MAX - self->pending_n);

        if (self->pending == NULL)
            self->pending = av_xalloc(AV_BUS_BLOB_MAX);
        memcpy(self->pending + self->pending_n, bytes.p, n);
        self->pending_n += n;
        av_credit_sent(&self->tx, n);
        bytes = av_span_skip(bytes, n);
        if (self->pending_n == AV_BUS_BLOB_MAX && !send_chunk(self, false))
            break; /* the connection went; the stream is told by av_bus's on_down */
    }
    if (self->pending_n > 0 && self->way != AV_WAY_ASKED)
        av_stream_set_dirty(self);
}

void
av_stream_end(av_stream *self)
{
    assert(self->magic == AV_STREAM_MAGIC && self->outgoing && self->call != NULL);
    if (self->ending || self->ended || self->broken || !av_stream_owner_alive(self))
        return;
    self->ending = true;
    av_stream_set_dirty(self);
}

void
av_stream_on_credit(av_stream *self, const Archivolt__Envelope *env)
{
    if (!self->used || !self->outgoing || self->broken || !av_stream_owner_alive(self))
        return;
    av_stream_progress(self);
    av_stream_withdraw(self);
    if (env->has_credit)
        av_credit_granted(&self->tx, env->credit);
    self->opened = true;
    if (self->ending && !self->ended)
        av_stream_set_dirty(self);
    if (env->has_item && self->events.on_item != NULL)
        self->events.on_item(self->ctx, self, env->item);
    if (av_stream_room(self) > 0 && self->events.on_room != NULL)
        self->events.on_room(self->ctx, self);
}

/* ---- incoming ---- */

/* What the sender of this one may still send, or has sent and is held here, on other streams. */
static uint64_t
granted_elsewhere(const av_stream *self)
{
    av_span name = av_sender_name(av_span_str(address(self)));
    uint64_t sum = 0;

    for (av_link *l = self->bus->incoming.next; l != &self->bus->incoming; l = l->next) {
        const av_stream *other = AV_CONTAINER(l, av_stream, in);

        if (other != self && other->way != AV_WAY_WIRE && av_span_eq(av_sender_name(av_span_str(address(other))), name))
            sum += other->rx.granted - other->rx.consumed;
    }
    return sum;
}

static uint64_t
next_grant(av_stream *self)
{
    uint64_t window =
        av_credit_window(self->bus->config.receive_budget_bytes, self->bus->incoming_n, granted_elsewhere(self));

    return av_credit_grant(&self->rx, window);
}

static void
count_in(av_stream *self)
{
    if (self->counted)
        return;
    self->counted = true;
    self->bus->incoming_n++;
    av_link_add(&self->bus->incoming, &self->in);
}

static void
count_out(av_stream *self)
{
    if (!self->counted)
        return;
    self->counted = false;
    self->bus->incoming_n--;
    av_link_remove(&self->in);
}

uint64_t
av_stream_open_in(av_stream *self, av_bus *bus, const av_stream_events *events, void *ctx, bool counted)
{
    open_common(self, bus, events, ctx);
    if (!counted) {
        self->rx.granted = AV_BUS_FIRST_CREDIT;
        return self->rx.granted;
    }
    count_in(self);
    return next_grant(self);
}

void
av_stream_send_credit(av_stream *self, const uint64_t *item)
{
    Archivolt__Envelope env;

    init_envelope(self, &env, ARCHIVOLT__KIND__KIND_CREDIT);
    env.has_credit = true;
    env.credit = self->rx.granted;
    env.has_item = item != NULL;
    env.item = item == NULL ? 0 : *item;
    (void)av_bus_send(self->bus, address(self), &env, av_span_of(NULL, 0), AV_PEER_NEXT);
}

void
av_stream_consumed(av_stream *self, size_t n)
{
    assert(self->magic == AV_STREAM_MAGIC && !self->outgoing);
    if (self->ended || self->broken || !av_stream_owner_alive(self))
        return;
    av_credit_consumed(&self->rx, n);
    if (self->way == AV_WAY_WIRE) {
        av_stream_wire_allow(self);
        return;
    }
    if (self->rx.granted - self->rx.consumed <= AV_BUS_WINDOW / 2 && next_grant(self) != 0)
        av_stream_send_credit(self, NULL);
}

void
av_stream_ack_item(av_stream *self, uint64_t item)
{
    assert(self->magic == AV_STREAM_MAGIC && !self->outgoing);
    if (self->broken || !av_stream_owner_alive(self))
        return;
    av_stream_progress(self);
    av_stream_send_credit(self, &item);
}

/* Count and hash are those the sender names. */
static av_errc
check_end(av_stream *self, const Archivolt__StreamEnd *end, av_error *err)
{
    uint8_t sha256[AV_SHA256_SIZE];

    if (end->bytes != self->rx.received)
        return av_error_set(err, AV_ERR_IO, "stream broken: %llu of %llu bytes came",
            (unsigned long long)self->rx.received, (unsigned long long)end->bytes);
    av_sha256_stream_finish(&self->sha, sha256);
    if (memcmp(sha256, end->sha256.data, AV_SHA256_SIZE) != 0)
        return av_error_set(err, AV_ERR_IO, "stream broken: the SHA-256 of its bytes is not the sender's");
    return AV_OK;
}

bool
av_stream_take_end(av_stream *self, const Archivolt__StreamEnd *end)
{
    av_error err;

    if (check_end(self, end, &err) != AV_OK) {
        av_stream_fail_owner(self, &err);
        return false;
    }
    self->ended = true;
    count_out(self);
    if (self->events.on_end != NULL)
        self->events.on_end(self->ctx, self);
    return true;
}

/*
 * A chunk of a stream that has a wire: its end, or what shows that the callee has taken the other way before the first
 * byte. false: there is nothing more to do with it.
 */
static bool
goes_by_broker(av_stream *self, const Archivolt__Envelope *env, av_span blob)
{
    av_error err;

    if (self->way != AV_WAY_WIRE) {
        av_stream_withdraw(self);
        return true;
    }
    if (blob.n == 0) {
        if (env->end != NULL && !av_stream_wire_waits(self, env->end))
            (void)av_stream_take_end(self, env->end);
        return false;
    }
    if (self->rx.received == 0) {
        av_stream_leave_wire(self);
        return true;
    }
    (void)av_error_set(&err, AV_ERR_IO, "stream broken: it came over a local socket and goes on through the broker");
    av_stream_fail_owner(self, &err);
    return false;
}

void
av_stream_on_chunk(av_stream *self, const Archivolt__Envelope *env, av_span blob)
{
    av_credit_take take;
    av_error err;

    if (!self->used || self->outgoing || self->ended || self->broken || !av_stream_owner_alive(self))
        return;
    count_in(self);
    av_stream_progress(self);
    if (!goes_by_broker(self, env, blob))
        return;
    if (av_credit_received(&self->rx, env->offset, blob.n, &take, &err) != AV_OK) {
        av_stream_fail_owner(self, &err);
        return;
    }
    if (take == AV_CREDIT_DOUBLE)
        return;
    if (blob.n > 0) {
        av_sha256_stream_update(self->sha, blob);
        if (self->events.on_data != NULL)
            self->events.on_data(self->ctx, self, blob);
    }
    if (env->end != NULL && !self->broken && av_stream_owner_alive(self))
        (void)av_stream_take_end(self, env->end);
}

bool
av_stream_on_reply_end(av_stream *self, const Archivolt__StreamEnd *end)
{
    av_error err;

    if (end == NULL && self->rx.received == 0) { /* nothing was sent: nothing to count */
        self->ended = true;
        count_out(self);
        if (self->events.on_end != NULL)
            self->events.on_end(self->ctx, self);
        return true;
    }
    if (end != NULL)
        return av_stream_take_end(self, end);
    (void)av_error_set(&err, AV_ERR_IO, "stream broken: the reply does not say how much was sent");
    av_stream_fail_owner(self, &err);
    return false;
}

/* ---- both ---- */

void
av_stream_break(av_stream *self, const av_error *err)
{
    if (!self->used || self->ended || self->broken)
        return;
    self->broken = true;
    if (self->events.on_broken != NULL)
        self->events.on_broken(self->ctx, self, err);
}

void
av_stream_release(av_stream *self)
{
    count_out(self);
    av_stream_withdraw(self);
    av_carrier_drop(self->bus == NULL ? NULL : self->bus->carrier, &self->wire);
    av_link_remove(&self->in);
    av_link_remove(&self->dirty);
    av_sha256_stream_destroy(&self->sha);
    free(self->pending);
    self->pending = NULL;
    self->pending_n = 0;
    self->broken = true; /* whoever still holds it until the owner is freed gets no room and no events */
}

static void
flush_dirty(av_bus *self)
{
    while (!av_link_empty(&self->dirty)) {
        av_stream *s = AV_CONTAINER(self->dirty.next, av_stream, dirty);

        av_link_remove(&s->dirty);
        if (s->broken || s->ended || !av_stream_owner_alive(s))
            continue;
        if (s->ending && s->opened)
            (void)send_chunk(s, true);
        else if (s->pending_n > 0)
            (void)send_chunk(s, false);
    }
}

void
av_streams_on_batch(av_bus *self)
{
    av_link waiting;

    flush_dirty(self);
    if (!self->blocked || !av_peer_is_clear(self->peer))
        return;
    self->blocked = false;
    av_link_init(&waiting);
    while (!av_link_empty(&self->outgoing)) {
        av_link *l = self->outgoing.next;

        av_link_remove(l);
        av_link_add(&waiting, l);
    }
    while (!av_link_empty(&waiting)) {
        av_stream *s = AV_CONTAINER(waiting.next, av_stream, in);

        av_link_remove(&s->in);
        av_link_add(&self->outgoing, &s->in);
        if (av_stream_room(s) > 0 && s->events.on_room != NULL)
            s->events.on_room(s->ctx, s);
    }
    flush_dirty(self);
}
