/*
 * gateway.h - what all protocols of one gateway process share: bus, loop, node, settings, listeners
 *
 * A protocol is a folder with a start and a stop function (the table in main.c). Its start registers doors: ports with
 * what to do for a new connection. The gateway accepts, counts (per address, per door, in all), does TLS and hands
 * over.
 */
#ifndef AV_GATEWAY_GATEWAY_H
#define AV_GATEWAY_GATEWAY_H

#include "actors/bus/bus.h"
#include "actors/bus/node.h"
#include "gateway/conn.h"
#include "gateway/settings.h"

typedef struct av_gateway av_gateway;

typedef struct av_door {
    const char *name;         /* for the log: "api", "imaps" */
    uint64_t port;            /* before the offset, from av_node: node->port_imaps */
    bool implicit_tls;        /* handshake first; else plain, with av_conn_start_tls if the protocol has it */
    uint64_t max_connections; /* open at once through this door */
    uint64_t max_connections_per_address; /* of them from one address (IPv6: one /64) */
    const char *refusal;                  /* plain doors: line sent before a surplus connection is closed; or NULL */
    /* A connection that may speak. Calls av_conn_attach, or av_conn_close to refuse. */
    void (*accept)(void *ctx, av_conn *conn);
    void *ctx;
} av_door;

/*
 * Listen. door is copied; its strings and ctx must outlive the gateway. AV_ERR_IO when the port is taken (the sentence
 * names the port and address). Listening stops with the gateway.
 */
av_errc av_gateway_open_door(av_gateway *self, const av_door *door, av_error *err);

av_bus *av_gateway_bus(const av_gateway *self);
av_loop *av_gateway_loop(const av_gateway *self);
const av_node *av_gateway_node(const av_gateway *self);
const char *av_gateway_name(const av_gateway *self); /* gateway@n1 */
const av_gateway_settings *av_gateway_get_settings(const av_gateway *self);

/* bytes as a CMS message (DER) signed with the certificate in force, its chain inside (RFC 5652, 5). */
av_errc av_gateway_sign(const av_gateway *self, av_span bytes, av_buf *out, av_error *err);

/* What the process looks like from outside: /readyz, and protocols that greet with "temporarily unavailable". */
bool av_gateway_is_connected(const av_gateway *self); /* to the broker */
bool av_gateway_is_ready(const av_gateway *self);     /* the bus is connected and management has answered lately */

typedef struct av_gateway_counters {
    uint64_t accepted, refused, open, handshakes_failed, timeouts;
} av_gateway_counters;
av_gateway_counters av_gateway_get_counters(const av_gateway *self);

/* ---- for main.c and tests ---- */

typedef struct av_gateway_config {
    av_loop *loop;
    av_bus *bus; /* NULL: none, as in tests of protocols alone; never connected then */
    const av_node *node;
    const char *name;
    const av_gateway_settings *settings;
} av_gateway_config;

/* Everything in config is borrowed and outlives the gateway. Loads the certificate: D/tls/cert.pem, D/tls/key.pem. */
av_errc av_gateway_new(const av_gateway_config *config, av_gateway **ret, av_error *err);
/* Closes doors and connections (on_close "stopping" for each). Protocols are stopped after this by their owner. */
void av_gateway_close(av_gateway *self);
void av_gateway_destroy(av_gateway **self);
/* Certificate and key again; on failure the old ones stay in force. Sessions that run are not touched. */
av_errc av_gateway_reload(av_gateway *self, av_error *err);
/* Look at the certificate's files every tls_watch_s, and load them when they have changed. */
void av_gateway_watch_certificate(av_gateway *self);
/* Ask management whether it is there, now and every few seconds: what av_gateway_is_ready knows. */
void av_gateway_watch_management(av_gateway *self);

#endif
