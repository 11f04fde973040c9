/*
 * forward.c - one message from the ROUTER to where it belongs
 *
 * The hot path: frames are moved, the Envelope is not looked at, nothing waits. Only what cannot be delivered is
 * parsed, as far as an answer needs it. Two hash lookups a message: the sender by routing id, the receiver by name or
 * number.
 */
#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "broker/router_priv.h"

#define ANSWER_MAX (AV_FRAMES_ENVELOPE_MAX / 4)

/* A received message after its routing id. */
struct message {
    zmq_msg_t frames[AV_FRAMES_PER_MESSAGE];
    av_span spans[AV_FRAMES_PER_MESSAGE];
    size_t count; /* as sent: may be more than are kept */
};

/* ---- sending ---- */

bool
av_forward_has_room(const av_router *self, const av_peer *to, size_t n)
{
    return av_flow_bytes(to->held) + n <= self->peer_bytes && av_flow_bytes(self->total) + n <= self->total_bytes;
}

static bool
send_frame(av_router *self, zmq_msg_t *frame, int flags)
{
    if (zmq_msg_send(frame, self->socket, ZMQ_DONTWAIT | flags) >= 0)
        return true;
    (void)zmq_msg_close(frame);
    return false;
}

static bool
send_copy(av_router *self, const void *p, size_t n)
{
    zmq_msg_t frame;

    if (zmq_msg_init_size(&frame, n) != 0)
        return false;
    memcpy(zmq_msg_data(&frame), p, n);
    return send_frame(self, &frame, ZMQ_SNDMORE);
}

av_send
av_forward_send(av_router *self, av_peer *from, av_peer *to, zmq_msg_t *envelope, zmq_msg_t *blob)
{
    size_t n = zmq_msg_size(envelope) + zmq_msg_size(blob);
    size_t counted = av_flow_counted(zmq_msg_size(envelope)) + av_flow_counted(zmq_msg_size(blob));
    av_flow_set flows = { NULL, to->held, self->total };

    if (counted > 0) {
        if (from != NULL)
            flows.lane = av_peer_lane_to(from, to->id);
        if (!av_forward_has_room(self, to, counted))
            return AV_SEND_BUSY;
        if (from != NULL && av_flow_bytes(flows.lane) + counted > self->lane_bytes) {
            from->into_busy++;
            return AV_SEND_BUSY;
        }
        if (from != NULL)
            from->into_busy = 0;
    }
    self->idle[AV_ROUTER_WAIT_BUS] = false;
    if (!send_copy(self, to->routing_id, AV_PEER_ROUTING_ID)) {
        if (errno == EAGAIN)
            return AV_SEND_BUSY;
        av_peers_gone(to, av_clock_mono_ms()); /* EHOSTUNREACH */
        return AV_SEND_GONE;
    }
    /* From here on libzmq refuses nothing: should the connection end meanwhile, it drops the rest by itself. */
    (void)(from != NULL ? send_copy(self, from->stamp, from->stamp_n)
                        : send_copy(self, self->name, strlen(self->name)));
    av_flow_wrap(envelope, &flows);
    (void)send_frame(self, envelope, ZMQ_SNDMORE);
    av_flow_wrap(blob, &flows);
    (void)send_frame(self, blob, 0);
    to->messages_out++;
    to->bytes_out += n;
    self->counters.messages_out++;
    self->counters.bytes_out += n;
    return AV_SEND_OK;
}

av_send
av_forward_send_bytes(av_router *self, av_peer *to, av_span envelope, av_span blob)
{
    zmq_msg_t frames[2];
    const av_span bytes[2] = { envelope, blob };
    av_send sent;

    for (size_t i = 0; i < 2; i++) {
        if (zmq_msg_init_size(&frames[i], bytes[i].n) != 0)
            abort(); /* ENOMEM alone */
        if (bytes[i].n > 0)
            memcpy(zmq_msg_data(&frames[i]), bytes[i].p, bytes[i].n);
    }
    sent = av_forward_send(self, NULL, to, &frames[0], &frames[1]);
    if (sent != AV_SEND_OK)
        for (size_t i = 0; i < 2; i++)
            (void)zmq_msg_close(&frames[i]);
    return sent;
}

/* ---- answers to what cannot be delivered ---- */

/* Only letters a name can have: what a peer wrote goes into text that must be UTF-8. */
static av_span
printable(av_span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
            return av_span_str("");
    return s;
}

/* Tell the sender why; host names the actor that can help (ASLEEP), or is empty. */
static void
refuse(av_router *self, av_peer *from, const struct message *message, av_error *why, av_span host)
{
    av_span to = printable(message->spans[0]), actor = host;
    av_frames_peek peek;
    bool from_caller;
    av_buf answer;

    from->refused++;
    if (!av_frames_peek_envelope(message->spans[1], &peek)) {
        self->counters.malformed++;
        return;
    }
    if (!av_frames_answerable(&peek, &from_caller)) {
        self->counters.undeliverable++;
        return;
    }
    if (peek.version != 1 || peek.required_bits != 0) /* what it asks of the way here we cannot know */
        (void)av_error_set(why, AV_ERR_VERSION,
            "protocol version %llu, required bits %llx: this broker speaks version 1", (unsigned long long)peek.version,
            (unsigned long long)peek.required_bits);
    if (from_caller)
        actor = to;
    av_buf_init(&answer, ANSWER_MAX);
    av_frames_put_error(&peek, from_caller, why->code, why->msg, actor, &answer);
    if (av_forward_send_bytes(self, from, av_buf_span(&answer), av_span_str("")) != AV_SEND_OK)
        self->counters.undeliverable++;
    av_buf_release(&answer);
}

/* Nobody is connected under this name: which answer is right? */
static void
refuse_absent(av_router *self, av_peer *from, const struct message *message, const av_frames_address *address)
{
    const av_registry_entry *entry = av_registry_by_name(self->registry, address->name);
    av_span name = printable(address->name);
    av_error why;
    int n = (int)name.n;

    if (entry == NULL) {
        self->counters.no_actor++;
        (void)av_error_set(&why, AV_ERR_NO_ACTOR, "no actor is called %.*s", n, (const char *)name.p);
    } else if (strcmp(entry->node, self->node) != 0) {
        self->counters.unavailable++;
        (void)av_error_set(&why, AV_ERR_UNAVAILABLE, "%s lives on node %s, to which this broker has no link",
            entry->name, entry->node);
    } else if (!address->exact && entry->host != NULL &&
               av_actor_name_class(address->name) == ARCHIVOLT__CALLER__CALLER_INSTANCE) {
        self->counters.asleep++;
        (void)av_error_set(&why, AV_ERR_ASLEEP, "%s is not running; %s can wake it", entry->name, entry->host);
        refuse(self, from, message, &why, av_span_str(entry->host));
        return;
    } else {
        self->counters.unavailable++;
        (void)av_error_set(&why, AV_ERR_UNAVAILABLE,
            address->exact ? "%s is not on this connection any more" : "%s is not connected", entry->name);
    }
    refuse(self, from, message, &why, av_span_str(""));
}

/* ---- one message ---- */

static void
deliver(av_router *self, av_peer *from, struct message *message)
{
    av_frames_address address;
    av_error why;
    av_peer *to;

    if (!av_frames_address_parse(message->spans[0], &address)) {
        self->counters.malformed++;
        return;
    }
    for (;;) {
        to = address.exact ? av_peers_by_connection(self->peers, address.connection, address.name)
                           : av_peers_by_name(self->peers, address.name);
        if (to == NULL) {
            refuse_absent(self, from, message, &address);
            return;
        }
        switch (av_forward_send(self, from, to, &message->frames[1], &message->frames[2])) {
        case AV_SEND_OK:
            return;
        case AV_SEND_GONE: /* marked: an older connection of the name may be there still */
            continue;
        case AV_SEND_BUSY:
            self->counters.busy++;
            (void)av_error_set(&why, AV_ERR_BUSY, "%s does not take its messages fast enough", to->stamp);
            refuse(self, from, message, &why, av_span_str(""));
            if (from->into_busy > AV_ROUTER_INTO_BUSY) {
                AV_LOG(AV_LOG_WARN, "broker.cut", AV_STR("peer", from->stamp), AV_STR("to", to->stamp),
                    AV_STR("why", "goes on sending into busy"));
                self->counters.cut++;
                av_peers_cut(self->peers, from);
            }
            return;
        }
    }
}

static void
take(av_router *self, av_peer *from, struct message *message)
{
    av_error why;

    switch (av_frames_judge(message->spans, message->count)) {
    case AV_FRAMES_FORWARD:
        deliver(self, from, message);
        return;
    case AV_FRAMES_BROKER:
        av_control_take(self, from, message->spans[1], message->spans[2]);
        return;
    case AV_FRAMES_TOO_LARGE:
        self->counters.too_large++;
        (void)av_error_set(&why, AV_ERR_LIMIT, "envelope of %zu and blob of %zu bytes: at most %d and %d are carried",
            message->spans[1].n, message->spans[2].n, AV_FRAMES_ENVELOPE_MAX, AV_FRAMES_BLOB_MAX);
        refuse(self, from, message, &why, av_span_str(""));
        return;
    case AV_FRAMES_MALFORMED:
        self->counters.malformed++;
        return;
    case AV_FRAMES_PROBE:
        return;
    }
}

/* The frames after the routing id, all of them off the socket. */
static void
receive_rest(av_router *self, bool more, struct message *ret)
{
    zmq_msg_t extra;

    while (more) {
        bool kept = ret->count < AV_FRAMES_PER_MESSAGE;
        zmq_msg_t *frame = kept ? &ret->frames[ret->count] : &extra;

        (void)zmq_msg_init(frame);
        if (zmq_msg_recv(frame, self->socket, ZMQ_DONTWAIT) < 0) { /* libzmq delivers messages whole: cannot be */
            (void)zmq_msg_close(frame);
            return;
        }
        more = zmq_msg_more(frame) != 0;
        if (kept)
            ret->spans[ret->count] = av_span_of(zmq_msg_data(frame), zmq_msg_size(frame));
        else
            (void)zmq_msg_close(frame);
        ret->count++;
    }
}

static void
account(av_router *self, av_peer *from, const struct message *message)
{
    size_t bytes = 0;

    for (size_t i = 0; i < AV_MIN(message->count, AV_FRAMES_PER_MESSAGE); i++)
        bytes += message->spans[i].n;
    from->messages_in++;
    from->bytes_in += bytes;
    self->counters.messages_in++;
    self->counters.bytes_in += bytes;
}

bool
av_forward_one(av_router *self)
{
    struct message message = { .count = 0 };
    zmq_msg_t routing_id;
    av_peer *from;

    (void)zmq_msg_init(&routing_id);
    if (zmq_msg_recv(&routing_id, self->socket, ZMQ_DONTWAIT) < 0) {
        (void)zmq_msg_close(&routing_id);
        return false;
    }
    receive_rest(self, zmq_msg_more(&routing_id) != 0, &message);
    from = av_peers_by_routing_id(self->peers, av_span_of(zmq_msg_data(&routing_id), zmq_msg_size(&routing_id)));
    if (from == NULL && message.count > 0)
        from = av_connect_peer(self, &routing_id, &message.frames[0]);
    if (from == NULL || from->revoked) {
        self->counters.revoked++;
    } else {
        account(self, from, &message);
        take(self, from, &message);
    }
    for (size_t i = 0; i < AV_MIN(message.count, AV_FRAMES_PER_MESSAGE); i++)
        (void)zmq_msg_close(&message.frames[i]);
    (void)zmq_msg_close(&routing_id);
    return true;
}
