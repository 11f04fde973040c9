/*
 * router_priv.h - the broker's parts towards each other; this folder only
 */
#ifndef AV_BROKER_ROUTER_PRIV_H
#define AV_BROKER_ROUTER_PRIV_H

#include <zmq.h>

#include "broker/counters.h"
#include "broker/flow.h"
#include "broker/frames.h"
#include "broker/peers.h"
#include "broker/registry.h"
#include "broker/router.h"
#include "proto/broker.pb-c.h"
#include "proto/envelope.pb-c.h"
#include "proto/status.pb-c.h"

#define AV_ROUTER_BATCH     100 /* messages a socket and turn: more in a row would starve the other sockets */
#define AV_ROUTER_INTO_BUSY 256 /* messages in a row into a full lane, then the sender is cut */

/* Sockets the loop waits for. */
enum { AV_ROUTER_WAIT_BUS, AV_ROUTER_WAIT_ZAP, AV_ROUTER_WAIT_MONITOR, AV_ROUTER_WAIT_STATUS, AV_ROUTER_WAITS };

typedef struct av_topics av_topics;
typedef struct av_outbox av_outbox;

struct av_router {
    char *node, *name; /* n1, broker@n1 */
    uint8_t own_key[AV_KEY_SIZE];
    void *context, *socket, *zap, *xpub, *monitor;
    char *endpoints[AV_ROUTER_ENDPOINTS], *status_endpoint;
    int zmq_fds[AV_ROUTER_WAITS]; /* ZMQ_FD of each; -1: there is no such socket */
    bool idle[AV_ROUTER_WAITS];   /* the last thing done with the socket was a receive that found nothing */
    av_registry *registry;
    av_peers *peers;
    av_topics *topics;
    av_outbox *outbox;
    av_flow *total;
    av_counters counters;
    size_t lane_bytes, peer_bytes, total_bytes;
    uint32_t status_interval_ms;
    int64_t started_ms, next_status_ms, next_tick_ms, next_denied_log_ms;
    uint64_t denied_logged;
    Archivolt__ActorState state;
};

/* ---- sockets.c: made, bound and secured ---- */

av_errc av_sockets_open(av_router *self, const av_router_config *config, av_error *err);
void av_sockets_close(av_router *self);

/* ---- connect.c: connections that begin and end ---- */

/*
 * The first message of a connection: who is it? NULL: nobody we listen to. What libzmq knows of the sender is asked
 * of the first frame after the routing id: on the routing id itself it is missing when a poll was what fetched the
 * message (4.3.4).
 */
av_peer *av_connect_peer(av_router *self, zmq_msg_t *routing_id, zmq_msg_t *first);
/* Read all the socket monitor has to say: connections that ended. Always false: nothing is left. */
bool av_connect_monitor(av_router *self);
/* A registry entry changed: cut who is not admitted by it any more. */
void av_connect_entry_changed(void *router, const av_registry_entry *entry);

/* ---- forward.c: one message from the ROUTER to where it belongs ---- */

/* false: there was none. */
bool av_forward_one(av_router *self);
typedef enum av_send { AV_SEND_OK, AV_SEND_BUSY, AV_SEND_GONE } av_send;
/*
 * Hand one message to a peer, never waiting. from is NULL for the broker's own. Both frames are consumed on
 * AV_SEND_OK only; AV_SEND_GONE has marked the receiver as gone.
 */
av_send av_forward_send(av_router *self, av_peer *from, av_peer *to, zmq_msg_t *envelope, zmq_msg_t *blob);
/* The same from bytes. */
av_send av_forward_send_bytes(av_router *self, av_peer *to, av_span envelope, av_span blob);
/* Room in the receiver's bounds for n more bytes of blob (the broker's own streams ask first). */
bool av_forward_has_room(const av_router *self, const av_peer *to, size_t n);

/* ---- zap.c ---- */

/* Answer one handshake; false: there was none. */
bool av_zap_one(av_router *self);
/* Whether a peer of this class may subscribe to status topics. */
bool av_zap_may_subscribe(av_span name);
/* "200", "300" or "400" for a key that knocks at a domain ("bus", "status"). Pure. */
const char *av_zap_decide(const av_registry *registry, const char *node, av_span domain, av_span key);
/* The key in a message's User-Id; false: it has none. */
bool av_zap_user_key(zmq_msg_t *frame, uint8_t ret[AV_KEY_SIZE]);

/* ---- topics.c: last values and the XPUB ---- */

av_topics *av_topics_new(void);
void av_topics_destroy(av_topics **self);
/* A status message of a peer: keep and publish it, if the topic is its own. */
void av_topics_take(av_router *router, const av_peer *peer, const char *topic, av_span value);
/* The broker's own status, now. */
void av_topics_publish_own(av_router *router);
/* Fill status (initialised); its strings live in scratch until the next call. */
void av_topics_own_status(av_router *router, Archivolt__Status *status, av_buf *scratch);
/* Forget the topic of an actor that is admitted no more. */
void av_topics_forget(av_topics *self, const char *actor);
/* Rows whose topic begins with prefix, packed as a SnapshotReply onto out. false: out is full. */
bool av_topics_snapshot(const av_topics *self, av_span prefix, av_buf *out);
/* Take one subscription off the XPUB; false: there was none. */
bool av_topics_subscription(av_router *router);

/* ---- control.c: the broker's own service ---- */

/* A message with to = "broker". */
void av_control_take(av_router *self, av_peer *from, av_span envelope, av_span blob);

/* ---- outbox.c: replies of the broker over 64 KB, sent as chunks under credit ---- */

av_outbox *av_outbox_new(void);
void av_outbox_destroy(av_outbox **self);
/*
 * Takes bytes (a packed reply) over and sends what credit allows. false: too many are under way; bytes are
 * untouched.
 */
bool av_outbox_add(av_router *router, const av_peer *to, uint64_t correlation, uint64_t credit, av_buf *bytes_take);
void av_outbox_credit(av_router *router, const av_peer *from, uint64_t correlation, uint64_t credit);
void av_outbox_cancel(av_router *router, const av_peer *from, uint64_t correlation);
/* Go on where there was no room; drop what made no progress for 30 s. */
void av_outbox_tick(av_router *router, int64_t now_ms);

#endif
