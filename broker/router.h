/*
 * router.h - the broker: one ROUTER for all actors of a node, ZAP, and the XPUB of status topics
 *
 * Owns its sockets, its peers and its registry; one thread calls all of it. Knows actors by the keys of the registry
 * and nothing about what they say to each other: of a message it forwards it reads `to` alone (decisions.md 14).
 */
#ifndef AV_BROKER_ROUTER_H
#define AV_BROKER_ROUTER_H

#include "actors/bus/keys.h"
#include "base/error.h"

#define AV_ROUTER_ENDPOINTS 3

typedef struct av_router av_router;

typedef struct av_router_config {
    const char *node;                           /* this node's name */
    const av_keypair *keys;                     /* of broker@<node>; copied, wiped at the end */
    uint8_t registry_key[AV_SIGN_PUBLIC];       /* management's Ed25519 public key */
    const char *registry_path;                  /* D/broker/registry.bin; its folder exists */
    const char *endpoints[AV_ROUTER_ENDPOINTS]; /* tcp://127.0.0.1:8471 ...; port * takes a free one; NULL: not bound */
    const char *status_endpoint;                /* XPUB; NULL: not bound */
    unsigned io_threads;                        /* 0: one per two cores, at most 4 */
    size_t lane_bytes;                          /* held for one (from, to); 0: 2 MB */
    size_t peer_bytes;                          /* held for one receiver; 0: 16 MB */
    size_t total_bytes;                         /* held in all; 0: 64 MB */
    uint32_t handshake_ms;                      /* 0: 5000 */
    uint32_t status_interval_ms;                /* of the broker's own status; 0: 5000 */
} av_router_config;

/*
 * Load the registry, bind everything. A missing registry file is no error: nobody is admitted until it is there.
 * Fails with AV_ERR_CORRUPT (registry), AV_ERR_IO (a port is taken: the sentence names it), AV_ERR_UNSUPPORTED (libzmq
 * without CURVE). config is borrowed for the call.
 */
av_errc av_router_open(const av_router_config *config, av_router **ret, av_error *err);
/* Closes connections at once. */
void av_router_destroy(av_router **self);
/* What endpoint i is really bound to ("tcp://127.0.0.1:40001"), or NULL. */
const char *av_router_endpoint(const av_router *self, unsigned i);
const char *av_router_status_endpoint(const av_router *self);
/*
 * One turn: wait at most timeout_ms for something to do, or until extra_fd (-1: none) is readable, then do what there
 * is, at most 100 messages a socket. Returns true when extra_fd is readable: reading it is the caller's.
 */
bool av_router_turn(av_router *self, int extra_fd, int timeout_ms);
/* Read the registry file again (SIGHUP; pairing wrote it). On an error the registry in force stays. */
av_errc av_router_reload(av_router *self, av_error *err);
/* Publish the broker's own status as stopping. */
void av_router_stopping(av_router *self);

#endif
