/*
 * bus_priv.h - what the files of the bus share: bus, calls, requests, streams (actors/bus only)
 *
 *   peer.c     frames <-> socket (peer_priv.h)
 *   bus.c      opens, hello, sorts what arrives, publishes
 *   call.c     the asking side (call_start.c, call_events.c, wake.c)
 *   request.c  the answering side (admit.c, reply.c)
 *   stream.c   bytes under credit         rights.c   who may call      replay.c  answers given lately
 *   carrier.c  sockets between actors of a node (wire.c), and streams over them (stream_wire.c)
 *
 * Calls, requests and their streams are never freed while a callback may stand above them: they are retired to a list
 * that on_batch empties when no callback runs (busy == 0).
 */
#ifndef AV_ACTORS_BUS_BUS_PRIV_H
#define AV_ACTORS_BUS_BUS_PRIV_H

#include "actors/bus/bus.h"
#include "actors/bus/carrier.h"
#include "actors/bus/credit.h"
#include "actors/bus/envelope.h"
#include "actors/bus/names.h"
#include "actors/bus/peer.h"
#include "actors/bus/replay.h"
#include "actors/bus/retry.h"
#include "base/encode.h"
#include "base/map.h"
#include "proto/management.pb-c.h"

#define AV_BUS_CALL_TIMEOUT_MS 30000U
#define AV_BUS_FIRST_CREDIT    65536U /* of a reply that turns out to need chunks */
#define AV_BUS_BUDGET          (48U * 1024 * 1024)
#define AV_BUS_MAX_REPLY       (8U * 1024 * 1024)
#define AV_BUS_MAX_REQUESTS    1024U
#define AV_CALL_PROBE_MS       2000 /* of silence on a stream, then the callee's connection is tried */
#define AV_CALL_NEVER          INT64_MAX

typedef struct av_link {
    struct av_link *prev, *next;
} av_link;

void av_link_init(av_link *head);
void av_link_add(av_link *head, av_link *link); /* at the end */
void av_link_remove(av_link *link);             /* a link that is in no list is left as it is */
bool av_link_empty(const av_link *head);
av_link *av_link_pop(av_link *head); /* takes the first one out; NULL when there is none */

enum { AV_STREAM_MAGIC = 0x53747265, AV_CALL_MAGIC = 0x43616c6c, AV_REQUEST_MAGIC = 0x52657175 };

/* How a stream's bytes go; it never changes once the first byte went. */
typedef enum av_stream_way {
    AV_WAY_BROKER, /* a caller's stream with a ticket out: until the ticket is presented or the broker brings the first */
    AV_WAY_FREE,   /* callee, outgoing: the first bytes decide */
    AV_WAY_ASKED, /* callee: connected, the ticket is not yet taken */
    AV_WAY_WIRE
} av_stream_way;

/* One direction of a call or request, at one of its ends. */
struct av_stream {
    unsigned magic;
    av_bus *bus;
    av_call *call; /* one of the two owns it */
    av_request *request;
    bool used;     /* there is such a stream */
    bool outgoing; /* we write */
    bool opened;   /* outgoing: the first credit came */
    bool ending;   /* outgoing: the end goes out behind the last byte */
    bool ended;    /* outgoing: the end was sent; incoming: all came and is right */
    bool broken;   /* no more events */
    bool counted;  /* incoming: shares the receive budget */
    av_stream_events events;
    void *ctx;
    av_credit_sender tx;
    av_credit_receiver rx;
    av_sha256_stream *sha;
    uint8_t *pending; /* outgoing: bytes of the chunk being filled */
    size_t pending_n;
    av_link dirty; /* in bus->dirty: has bytes or an end to send */
    av_link in;    /* in bus->incoming or bus->outgoing */
    av_stream_way way;
    av_wire *wire;
    bool has_ticket; /* caller: given out and not yet presented */
    uint8_t ticket[AV_WIRE_TICKET];
    bool has_end; /* incoming by wire: the bus told the end before all bytes were there */
    uint64_t end_bytes;
    uint8_t end_sha256[AV_SHA256_SIZE];
};

typedef enum av_call_state {
    AV_CALL_WAITING, /* for the bus to be ready */
    AV_CALL_SENT,
    AV_CALL_PAUSED, /* until next_ms, then sent again */
    AV_CALL_WAKING, /* host.Wake is asked */
    AV_CALL_DOOMED, /* failed before it was sent; told from the loop */
    AV_CALL_DONE
} av_call_state;

struct av_call {
    unsigned magic;
    av_bus *bus;
    av_link link; /* in bus->call_list, or bus->retired_calls */
    uint64_t correlation;
    const av_method_info *method;
    char to[AV_SENDER_MAX];
    char peer[AV_SENDER_MAX]; /* the connection that answers, once known: streams stay with it */
    uint8_t *body;
    size_t body_n;
    uint8_t key[AV_ENVELOPE_KEY_SIZE], trace[AV_ENVELOPE_TRACE_SIZE];
    bool has_key, no_retry, has_stream, was_sent;
    uint8_t session[AV_ENVELOPE_SESSION_MAX];
    size_t session_n;
    uint32_t timeout_ms;
    int64_t deadline_ms, next_ms;
    int64_t heard_ms; /* last chunk or credit of peer */
    av_retry pause, resend;
    av_loop_timer *timer;
    av_call_state state;
    av_error last;  /* why it is paused or doomed */
    av_call *waker; /* the call to host.Wake that this one made */
    void (*done)(void *ctx, av_call *call, const ProtobufCMessage *reply, const av_error *err);
    void *ctx;
    av_stream up, down;
    av_buf reply_body; /* a reply that comes as chunks */
    av_buf held_reply; /* one that came before the last bytes of its stream */
};

struct av_request {
    unsigned magic;
    av_bus *bus;
    av_link link; /* in bus->request_list, or bus->retired_requests */
    char from[AV_SENDER_MAX];
    uint64_t correlation;
    const av_method_info *method;
    ProtobufCMessage *body;
    uint8_t body_hash[AV_SHA256_SIZE];
    uint8_t key[AV_ENVELOPE_KEY_SIZE];
    bool has_key;
    uint8_t trace[AV_ENVELOPE_TRACE_SIZE];
    char trace_hex[2 * AV_ENVELOPE_TRACE_SIZE + 1];
    uint32_t timeout_ms;
    int64_t began_ms, deadline_ms;
    av_loop_timer *timer;
    Archivolt__Caller caller;
    Archivolt__AdminTicket *ticket;
    void *session;
    bool gone;     /* nobody waits for the answer */
    bool answered; /* by the handler */
    bool logged;   /* by the handler */
    void (*on_gone)(void *ctx, av_request *request);
    void *on_gone_ctx;
    uint64_t first_credit; /* downstream, from the request */
    bool has_offer;        /* the caller takes the stream over a local socket, too */
    uint8_t offer[AV_WIRE_TICKET];
    av_stream up, down;
    av_buf reply_body; /* a reply that leaves as chunks */
    size_t reply_at;
};

struct served {
    const av_handler *handler;
    void *owner;
};

struct av_bus {
    av_bus_config config;
    char *node;
    av_keypair keys;
    av_peer *peer;
    bool ready;
    char you[AV_SENDER_MAX]; /* name and connection, from hello */
    av_loop_timer *hello_timer;
    av_carrier *carrier; /* NULL: all streams go through the broker */
    unsigned busy;       /* callbacks on the stack */
    av_map *calls;       /* correlation -> av_call */
    av_link call_list, retired_calls;
    av_map *requests; /* from + correlation -> av_request */
    av_map *by_key;   /* from-name + idempotency key -> av_request in work */
    av_link request_list, retired_requests;
    size_t request_n;
    av_map *handlers; /* method -> struct served */
    av_session_check_fn *session_check;
    void *session_ctx;
    av_replay *replay;
    av_link dirty, incoming, outgoing; /* av_stream */
    size_t incoming_n;
    bool blocked; /* the socket was full: streams wait for room */
    struct av_lookups *lookups;
    uint64_t sequence;
    av_bus_counters counters;
};

static inline void
av_bus_enter(av_bus *self)
{
    self->busy++;
}

static inline void
av_bus_leave(av_bus *self)
{
    self->busy--;
}

/* ---- bus.c ---- */
/* A request or stream message; blob is copied (or NULL). */
bool av_bus_send(av_bus *self, const char *to, const Archivolt__Envelope *env, av_span blob, av_peer_order order);
bool av_bus_name_is(const char *sender, const char *name); /* sender's name without connection */

/* ---- call.c ---- */
bool av_call_is_live(const av_call *self);              /* it has no outcome yet */
void av_call_arm(av_call *self);                        /* the timer, for the nearer of deadline_ms and next_ms */
void av_call_send(av_call *self);                       /* now, or when the bus is ready; again if need be */
void av_call_pause(av_call *self, const av_error *err); /* err is why; sent again after a pause that grows */
/* Fails from the loop: done is never called before av_bus_call returns. */
void av_call_doom(av_call *self, const av_error *err);
/* The one outcome. err is NULL on success. */
void av_call_finish(av_call *self, const ProtobufCMessage *reply, const av_error *err);
void av_call_tell_cancel(av_call *self);                        /* to the callee, if it was asked */
void av_call_progress(av_call *self);                           /* a stream moved */
void av_call_stream_failed(av_call *self, const av_error *err); /* ends the call and tells the callee */
void av_calls_end_all(av_bus *self);
void av_calls_sweep(av_bus *self);

/* ---- call_start.c ---- */
/* What came of a reply in chunks is of no use to the next try. */
void av_call_forget_partial_reply(av_call *self);

/* ---- call_events.c ---- */
void av_calls_on_ready(av_bus *self);
void av_calls_on_down(av_bus *self, const av_error *why);
/* The callee's connection is known now; false: it is another one. Streams and probes stay with it. */
bool av_call_pin(av_call *self, const char *from);
/* The stream's last byte came behind the reply: the reply counts now. */
void av_call_stream_complete(av_call *self);
/* Something happened to the callee's socket: ask the broker at once whether it still lives. */
void av_call_probe_soon(av_call *self);
/* Reply, error, chunk, credit for a call of ours. */
void av_calls_on_message(av_bus *self, const char *from, const Archivolt__Envelope *env, av_span blob);

/* ---- wake.c ---- */
/* One question to the host for all calls that wait for the same instance. */
void av_call_wake(av_call *self, const char *host);
/* Another call for the same sleeping instance takes over the question to the host; with no other it is cancelled. */
void av_call_hand_over_waker(av_call *self);

/* ---- admit.c ---- */
void av_requests_on_request(
    av_bus *self, const char *from, const Archivolt__Envelope *env, av_span blob, const av_error *bad);
av_request *av_request_find(const av_bus *bus, const char *from, uint64_t correlation); /* in work, or NULL */
void av_request_map_remove(av_request *self); /* from both maps: it is not in work any more */

/* ---- request.c ---- */
void av_request_arm(av_request *self); /* the timer, for deadline_ms */
bool av_request_has_stream(const av_request *self);
/* Nobody waits for the answer any more; the handler is told, and still has to answer. */
void av_request_set_gone(av_request *self, const av_error *err);
void av_request_retire(av_request *self); /* it is over; av_requests_sweep frees it */
void av_request_progress(av_request *self);
void av_request_stream_failed(av_request *self, const av_error *err);
/* Chunk, credit, cancel of a caller; error of the broker in the caller's place. */
void av_requests_on_message(av_bus *self, const char *from, const Archivolt__Envelope *env, av_span blob);
void av_requests_on_down(av_bus *self, const av_error *why);
void av_requests_end_all(av_bus *self);
void av_requests_sweep(av_bus *self);

/* ---- reply.c ---- */
void av_bus_send_error(av_bus *bus, const char *to, uint64_t correlation, const av_error *err);
/* end: count and hash of what went downstream, or NULL. in_stream: the body went as chunks and body is empty. */
void av_bus_send_reply(
    av_bus *bus, const char *to, uint64_t correlation, av_span body, const Archivolt__StreamEnd *end, bool in_stream);
void av_request_pump(av_request *self); /* go on sending a reply in chunks */

/* ---- stream.c ---- */
void av_stream_open_out(av_stream *self, av_bus *bus, const av_stream_events *events, void *ctx, uint64_t granted);
/*
 * Returns the first grant, which the caller sends. Not counted: a reply that may need chunks; it counts from its first
 * one.
 */
uint64_t av_stream_open_in(av_stream *self, av_bus *bus, const av_stream_events *events, void *ctx, bool counted);
void av_stream_send_credit(av_stream *self, const uint64_t *item); /* item: NULL for none */
void av_stream_on_chunk(av_stream *self, const Archivolt__Envelope *env, av_span blob);
void av_stream_on_credit(av_stream *self, const Archivolt__Envelope *env);
/* The reply says what was sent in all. false: the stream broke (its owner is told). */
bool av_stream_on_reply_end(av_stream *self, const Archivolt__StreamEnd *end);
void av_stream_break(av_stream *self, const av_error *err); /* on_broken, unless finished */
void av_stream_release(av_stream *self);
/* Send what is pending before a reply: there is no other way any more for this stream. */
void av_stream_settle(av_stream *self);
/* Count and hash of what was sent; once. */
void av_stream_sum(av_stream *self, Archivolt__StreamEnd *end, uint8_t sha256[AV_SHA256_SIZE]);
void av_streams_on_batch(av_bus *self);
bool av_stream_owner_alive(const av_stream *self);
void av_stream_progress(av_stream *self);
void av_stream_fail_owner(av_stream *self, const av_error *err);
void av_stream_set_dirty(av_stream *self); /* it has bytes or an end to send with the next batch */
bool av_stream_take_end(av_stream *self, const Archivolt__StreamEnd *end); /* false: it broke */

/* ---- stream_wire.c ---- */
/* Caller, when it asks: a ticket for its stream, when there is a carrier. */
void av_stream_offer(av_stream *self);
/* Caller: the broker brought the first of it, or it is over. */
void av_stream_withdraw(av_stream *self);
/* Caller: its ticket was presented by `name`. true: the wire is the stream's. */
bool av_stream_take_wire(av_stream *self, av_wire *wire, const char *name);
/* Callee: connect to the caller. false: through the broker. */
bool av_stream_ask_wire(av_stream *self);
/* Not this way after all, and nothing has gone it. */
void av_stream_leave_wire(av_stream *self);
/* Outgoing by wire. */
size_t av_stream_wire_room(const av_stream *self);
void av_stream_wire_write(av_stream *self, av_span bytes);
/* Incoming by wire: as much may come as the window has room for. */
void av_stream_wire_allow(av_stream *self);
/* The bus told the end. true: bytes are still on their way, the end is kept until they came. */
bool av_stream_wire_waits(av_stream *self, const Archivolt__StreamEnd *end);

#endif
