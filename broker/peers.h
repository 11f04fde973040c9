/*
 * peers.h - the connections of admitted actors: by routing id, by connection number, by name, by descriptor
 *
 * A connection is known by libzmq's routing id, which stays inside; actors see a number of our own. (libzmq counts
 * its routing ids up and aborts when a peer has taken the next one for itself: nobody may learn where that count
 * stands.) A connection that ended stays findable for its last messages until av_peers_sweep, but receives nothing.
 */
#ifndef AV_BROKER_PEERS_H
#define AV_BROKER_PEERS_H

#include "actors/bus/keys.h"
#include "base/map.h"
#include "broker/flow.h"

#define AV_PEER_ROUTING_ID 5 /* bytes of a routing id made by libzmq */
#define AV_PEER_STAMP_MAX  (AV_ACTOR_NAME_MAX + 10)

typedef struct av_peers av_peers;

typedef struct av_peer_lane {
    uint32_t to; /* connection number of the receiver */
    av_flow *flow;
} av_peer_lane;

typedef struct av_peer {
    uint8_t routing_id[AV_PEER_ROUTING_ID];
    uint32_t id;
    char stamp[AV_PEER_STAMP_MAX]; /* "name#connection", as receivers see it */
    size_t stamp_n, name_n;
    uint8_t key[AV_KEY_SIZE];
    int caller;         /* class of the name (options.proto) */
    int fd;             /* -1: unknown */
    uint64_t hello;     /* number of its last hello; 0: none yet */
    bool revoked;       /* nothing of it is taken any more */
    int64_t gone_ms;    /* monotonic time its connection ended; 0: alive */
    unsigned into_busy; /* messages in a row it sent into a full lane */
    av_flow *held;      /* bytes held for it as the receiver */
    av_peer_lane *lanes;
    size_t lane_count;
    uint64_t messages_in, messages_out, bytes_in, bytes_out, refused;
    int64_t connected_unix_ms;
    struct av_peer *next; /* of the same name */
} av_peer;

av_peers *av_peers_new(void);
void av_peers_destroy(av_peers **self);
size_t av_peers_count(const av_peers *self);

/* name is valid (av_actor_name_valid); fd -1 when unknown. The routing id is not known yet. */
av_peer *av_peers_add(av_peers *self, const uint8_t routing_id[AV_PEER_ROUTING_ID], const char *name,
    const uint8_t key[AV_KEY_SIZE], int fd, int64_t now_unix_ms);
void av_peers_remove(av_peers *self, av_peer **peer);
av_peer *av_peers_by_routing_id(const av_peers *self, av_span routing_id);
/* Of this number and this name, alive; or NULL. */
av_peer *av_peers_by_connection(const av_peers *self, uint32_t id, av_span name);
/* The connection of the name that said hello last and is alive; or NULL. */
av_peer *av_peers_by_name(const av_peers *self, av_span name);
bool av_peers_next(const av_peers *self, size_t *at, av_peer **ret);
av_span av_peer_name(const av_peer *self);
void av_peers_hello(av_peers *self, av_peer *peer);
/* Its connection ended; it is removed by a sweep 2 s later. */
void av_peers_gone(av_peer *peer, int64_t now_ms);
void av_peers_sweep(av_peers *self, int64_t now_ms);
/* The lane from peer to the receiver with this number; owned by the peer. */
av_flow *av_peer_lane_to(av_peer *self, uint32_t to);

/*
 * Descriptors, for cutting: fd was last seen to belong to this key (peer NULL: a subscriber). Descriptor numbers are
 * used again at once, so one is cut only while the last thing heard from it was of that key.
 */
void av_peers_fd_seen(av_peers *self, int fd, const uint8_t key[AV_KEY_SIZE], av_peer *peer);
/* Forget fd; ret is its peer, or NULL. */
av_peer *av_peers_fd_closed(av_peers *self, int fd);
/* Shut down every connection of the key; peers among them are marked revoked first. Returns how many were cut. */
unsigned av_peers_cut_key(av_peers *self, const uint8_t key[AV_KEY_SIZE]);
void av_peers_cut(av_peers *self, av_peer *peer);

#endif
