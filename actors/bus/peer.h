/*
 * peer.h - the DEALER towards the broker: three frames in and out, reconnect, refused keys
 *
 * Knows frames and envelopes, nothing of calls and requests. What does not fit into the socket waits in a bounded
 * queue. libzmq reconnects by itself after a lost connection; after a refused key the socket is dead for good and a new
 * one is made with its own back-off (1 s to 5 min). Belongs to the loop's thread.
 */
#ifndef AV_ACTORS_BUS_PEER_H
#define AV_ACTORS_BUS_PEER_H

#include <zmq.h>

#include "actors/bus/envelope.h"
#include "actors/bus/keys.h"
#include "actors/bus/loop.h"

#define AV_PEER_QUEUE_MAX (4U * 1024 * 1024) /* bytes that wait for the socket; answers may take twice as much */

typedef struct av_peer av_peer;

typedef struct av_peer_config {
    av_loop *loop;
    const char *endpoint;
    const av_keypair *keys; /* borrowed for as long as the peer lives */
    const uint8_t *broker_key;
    /*
     * A message. env is checked when bad is NULL; else only kind, correlation and from_caller count and bad says what
     * is wrong (env may then be NULL). All of it is borrowed for the call.
     */
    void (*on_message)(void *ctx, const char *from, const Archivolt__Envelope *env, av_span blob, const av_error *bad);
    void (*on_up)(void *ctx);                        /* connected and admitted: say hello */
    void (*on_down)(void *ctx, const av_error *why); /* was up, or the key was refused (AV_ERR_DENIED) */
    void (*on_batch)(void *ctx);                     /* before the loop waits: last chance to send */
    void *ctx;
} av_peer_config;

typedef enum av_peer_order {
    AV_PEER_FIRST, /* hello: goes out before the peer is ready, now or not at all */
    AV_PEER_NEXT,  /* request, chunk, credit, cancel, status: only when ready; lost when the connection is */
    AV_PEER_KEEP   /* reply, error: waits for the connection to come back */
} av_peer_order;

av_errc av_peer_open(const av_peer_config *config, av_peer **ret, av_error *err);
/* Sends what is queued for up to linger_ms, then closes. */
void av_peer_destroy(av_peer **self, int linger_ms);

bool av_peer_is_up(const av_peer *self);
/* Hello was answered: from here on AV_PEER_NEXT is taken and kept answers go out. */
void av_peer_set_ready(av_peer *self);
/* Nothing waits for the socket: streams may be written. */
bool av_peer_is_clear(const av_peer *self);
/* Why there is no connection, for people. Never NULL. */
const char *av_peer_trouble(const av_peer *self);
bool av_peer_is_refused(const av_peer *self); /* the broker does not admit the key */

/*
 * Send. blob (or NULL for an empty one) is moved from and left empty in any case. false: not connected or the queue is
 * full; nothing was taken.
 */
bool av_peer_send(av_peer *self, const char *to, const Archivolt__Envelope *env, zmq_msg_t *blob, av_peer_order order);

typedef struct av_peer_counters {
    uint64_t bytes_in, bytes_out, connects, refused_full, malformed;
} av_peer_counters;
const av_peer_counters *av_peer_get_counters(const av_peer *self);

#endif
