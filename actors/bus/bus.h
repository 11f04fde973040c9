/*
 * bus.h - an actor's one connection to its broker: calls, requests, streams, status
 *
 * One DEALER over CURVE, driven by an av_loop; everything here belongs to the loop's thread. Connects in the
 * background, reconnects with back-off, makes a new socket after a refused key. Nothing blocks.
 *
 * A call has exactly one outcome: `done` is called once, with a reply or an error, unless the caller cancels it first.
 * A request has exactly one answer: the handler replies or fails it, at once or later. A request that is forgotten
 * keeps its place among max_requests until the bus is destroyed.
 *
 * Streams belong to a request. Upstream: caller to callee. Downstream: callee to caller. Both are runs of bytes under
 * credit (decisions.md 17, 18): an absolute count of bytes the other side may have sent. Chunk boundaries mean nothing.
 * The last chunk of a direction carries byte count and SHA-256; both are checked.
 */
#ifndef AV_ACTORS_BUS_BUS_H
#define AV_ACTORS_BUS_BUS_H

#include "actors/bus/keys.h"
#include "actors/bus/loop.h"
#include "base/buf.h"
#include "base/error.h"
#include "proto/options.pb-c.h"
#include "proto/table.h"

#define AV_BUS_BLOB_MAX     65536 /* bytes of a blob frame */
#define AV_BUS_ENVELOPE_MAX 16384
#define AV_BUS_WINDOW       (1024 * 1024) /* default stream window */

typedef struct av_bus av_bus;
typedef struct av_call av_call;
typedef struct av_request av_request;
typedef struct av_stream av_stream;

typedef struct av_bus_config {
    av_loop *loop;
    const char *endpoint;   /* tcp://127.0.0.1:8471 */
    const char *node;       /* own node's name */
    const av_keypair *keys; /* own; copied, wiped at the end */
    uint8_t broker_key[AV_KEY_SIZE];
    uint8_t registry_key[AV_SIGN_PUBLIC]; /* to check looked-up keys and administrators' tickets */
    /* all incoming streams together; 0: 48 MB. window = max(64 KB, budget / streams) */
    size_t receive_budget_bytes;
    /*
     * Folder of the sockets by which actors of this node carry streams without the broker (carrier.h; D/run of the data
     * folder); NULL: through the broker all.
     */
    const char *local_dir;
    size_t max_reply_bytes;                                       /* largest reply message taken; 0: 8 MB */
    unsigned max_requests;                                        /* requests in work at once, more get busy; 0: 1024 */
    void (*on_ready)(void *ctx, const char *name_and_connection); /* after each (re)connection; may be NULL */
    void *ctx;
} av_bus_config;

av_errc av_bus_open(const av_bus_config *config, av_bus **ret, av_error *err);
/*
 * Open calls end with AV_ERR_CANCELLED; open requests are failed with UNAVAILABLE and on_gone is called, after which
 * they are no more; what is queued is sent for up to 1 s. Not from within a callback of the bus.
 */
void av_bus_destroy(av_bus **self);
bool av_bus_is_ready(const av_bus *self);
av_loop *av_bus_loop(const av_bus *self);
const av_keypair *av_bus_keys(const av_bus *self);

/* ---- serving ---- */

/*
 * Called for each admitted request: method known, caller allowed, body unpacked and checked (UTF-8, lengths of
 * table.h). body lives until the request is answered. self is the pointer given to av_bus_serve.
 */
typedef void av_handler_fn(void *self, av_request *request, const ProtobufCMessage *body);
typedef struct av_handler {
    const char *method; /* full name */
    av_handler_fn *run;
} av_handler;
/* Add handlers. An unknown method name is our own mistake: assert. handlers must outlive the bus. */
void av_bus_serve(av_bus *self, const av_handler *handlers, size_t count, void *owner);
/*
 * How end users' sessions are checked (CALLER_SESSION): returns the session's own object, or NULL when the session is
 * unknown or was issued to another sender. Without one such methods are refused.
 */
typedef void *av_session_check_fn(void *ctx, const char *from, av_span session);
void av_bus_set_session_check(av_bus *self, av_session_check_fn *check, void *ctx);

const av_method_info *av_request_method(const av_request *self);
const char *av_request_from(const av_request *self); /* "gateway@n1#0000002a" */
/*
 * Class of the sender: CALLER_GATEWAY, CALLER_OPERATOR ..., or CALLER_ADMIN / CALLER_SESSION when that is what admitted
 * it.
 */
Archivolt__Caller av_request_caller(const av_request *self);
const char *av_request_admin(const av_request *self);       /* administrator's name of a valid ticket, or NULL */
void *av_request_session(const av_request *self);           /* what the session check returned, or NULL */
av_span av_request_idempotency_key(const av_request *self); /* 16 bytes, or empty */
const char *av_request_trace(const av_request *self);       /* 32 hex digits for the log */
av_span av_request_trace_id(const av_request *self);        /* the same as 16 bytes: for calls made on its behalf */
/* The actor has written a line about this request that shows its trace: the bus's own, at the end, is a debug one. */
void av_request_set_logged(av_request *self);
int64_t av_request_deadline_mono_ms(const av_request *self);
av_bus *av_request_bus(const av_request *self);
/*
 * The caller cancelled, went away, its deadline passed, or the bus is being destroyed: fn is called once; the request
 * must still be answered (the answer is then dropped).
 */
void av_request_on_gone(av_request *self, void (*fn)(void *ctx, av_request *request), void *ctx);

/*
 * The one answer. self must not be used afterwards. A reply after a downstream goes out behind its last byte. Replies
 * over 64 KB travel as chunks by themselves (up to max_reply_bytes of the caller), but those of methods with stream_out
 * must fit into 64 KB.
 */
void av_request_reply(av_request *self, const ProtobufCMessage *reply);
void av_request_fail(av_request *self, const av_error *err);
void av_request_failf(av_request *self, av_errc code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* ---- streams ---- */

typedef struct av_stream_events {
    /* Incoming: bytes arrived, in order. They count against the window until av_stream_consumed is told of them. */
    void (*on_data)(void *ctx, av_stream *stream, av_span bytes);
    /* Incoming: all bytes arrived and their SHA-256 is right. */
    void (*on_end)(void *ctx, av_stream *stream);
    /* Outgoing: there is room to write again. */
    void (*on_room)(void *ctx, av_stream *stream);
    /* Outgoing: the receiver says that items up to this number are durable. */
    void (*on_item)(void *ctx, av_stream *stream, uint64_t item);
    /* The stream broke (the request's own outcome follows). Not called after on_end. */
    void (*on_broken)(void *ctx, av_stream *stream, const av_error *err);
} av_stream_events; /* any may be NULL */

/* Callee's ends. NULL when the method has no such stream. Call within the handler. */
av_stream *av_request_upstream(av_request *self, const av_stream_events *events, void *ctx);
av_stream *av_request_downstream(av_request *self, const av_stream_events *events, void *ctx);
/* Bytes that may be written now (credit and socket); 0: wait for on_room. */
size_t av_stream_room(const av_stream *self);
/* Copies n <= av_stream_room bytes into chunks of at most 64 KB. */
void av_stream_write(av_stream *self, av_span bytes);
/* Caller's upstream: nothing more comes. (A callee's downstream ends with its reply.) */
void av_stream_end(av_stream *self);
/* Incoming: n bytes are no longer held; gives credit back at half the window. */
void av_stream_consumed(av_stream *self, size_t n);
/* Incoming: tell the sender that items up to this number are durable. */
void av_stream_ack_item(av_stream *self, uint64_t item);

/* ---- calling ---- */

typedef struct av_call_spec {
    const char *to;     /* actor name; "broker" for the broker itself */
    const char *method; /* full name */
    const ProtobufCMessage *body;
    uint32_t timeout_ms;            /* 0: 30 s. With streams: longest time without progress */
    av_span session;                /* or empty */
    av_span trace;                  /* 16 bytes, or empty: a new one */
    const uint8_t *idempotency_key; /* 16 bytes, or NULL: the library makes one where the method changes state */
    /*
     * Default: busy, unavailable, a broken connection and a lost message are tried again until the deadline when the
     * method has no stream. ASLEEP always asks the host to wake the instance and sends again.
     */
    bool no_retry;
    /* reply: valid during the call of done; NULL on error. err: NULL on success. */
    void (*done)(void *ctx, av_call *call, const ProtobufCMessage *reply, const av_error *err);
    const av_stream_events *downstream; /* of a stream_out method: on_data, on_end, on_broken */
    const av_stream_events *upstream;   /* of a stream_in method: on_room, on_item, on_broken */
    void *ctx;                          /* for done and both streams */
} av_call_spec;

/* The body is packed before return. Never calls done before returning. */
av_call *av_bus_call(av_bus *self, const av_call_spec *spec);
/* done is not called any more. A call is gone once done was called: forget the handle there. NULL is a no-op. */
void av_call_cancel(av_call **self);
av_stream *av_call_upstream(av_call *self);
av_stream *av_call_downstream(av_call *self);

/*
 * For programs that do one thing at a time (CLI, tests, worker): turns the loop until the call is done. ret_reply may
 * be NULL; it is owned by the caller (protobuf_c_message_free_unpacked). spec->done and ctx of done are set by this
 * function; stream events get spec->ctx.
 */
av_errc av_bus_call_wait(av_bus *self, const av_call_spec *spec, ProtobufCMessage **ret_reply, av_error *err);
/*
 * Turns the loop until the broker has answered hello; AV_ERR_TIMEOUT, or AV_ERR_DENIED when the broker refuses the key.
 */
av_errc av_bus_wait_ready(av_bus *self, uint32_t timeout_ms, av_error *err);

/* The verified public key of an actor (broker's Lookup, signature checked, remembered). */
typedef void av_lookup_fn(void *ctx, const uint8_t public_key[AV_KEY_SIZE], const av_error *err);
void av_bus_lookup(av_bus *self, const char *actor_name, av_lookup_fn *done, void *ctx);

/* ---- status ---- */

/* Publish a packed Status on topic status/<own name>; the broker keeps the last value. Dropped while not connected. */
void av_bus_publish(av_bus *self, const ProtobufCMessage *status);

typedef struct av_bus_counters {
    uint64_t requests, replies, errors, calls, bytes_in, bytes_out, reconnects, retries;
    uint64_t local_streams, local_bytes; /* streams that went by a local socket, and their bytes in both directions */
} av_bus_counters;
av_bus_counters av_bus_get_counters(const av_bus *self);

#endif
