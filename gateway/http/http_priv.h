/*
 * http_priv.h - inside of the HTTP server: shared by server.c, request.c and bridge.c
 *
 *   client == TLS == av_conn <-- bridge --> socket pair <--> libmicrohttpd --> av_http_request --> site
 */
#ifndef AV_GATEWAY_HTTP_PRIV_H
#define AV_GATEWAY_HTTP_PRIV_H

#include <microhttpd.h>

#include "base/map.h"
#include "gateway/http/path.h"
#include "gateway/http/server.h"

#define AV_HTTP_REQUEST_MAGIC 0x48545250U

struct av_http_server {
    av_gateway *gateway;
    av_loop *loop;
    const av_gateway_settings *settings;
    struct MHD_Daemon *daemon;
    av_loop_fd *watch; /* libmicrohttpd's epoll descriptor */
    bool work;         /* run libmicrohttpd before the loop waits */
    av_map *arriving;  /* descriptor given to libmicrohttpd -> bridge, until it says "started" */
    size_t bridges;
    uint64_t form_bytes;  /* of http_form_budget_bytes */
    uint64_t reply_bytes; /* of http_reply_budget_bytes */
    struct av_http_door *doors;
};

typedef struct av_http_door {
    av_http_server *server;
    const av_http_site *site;
    struct av_http_door *next;
} av_http_door;

typedef enum av_bridge_state {
    AV_BRIDGE_WAITING, /* between requests */
    AV_BRIDGE_READING, /* a request is coming in */
    AV_BRIDGE_WORKING, /* it is with its site */
    AV_BRIDGE_SENDING  /* the answer goes out */
} av_bridge_state;

typedef struct av_bridge {
    av_http_server *server;
    const av_http_site *site;
    av_conn *conn; /* NULL once closed */
    int fd;        /* our end of the pair; -1 once closed */
    av_loop_fd *watch;
    av_buf in;       /* bytes of the client the pair had no room for */
    bool mhd_has_it; /* libmicrohttpd holds the other end */
    bool peer_shut;  /* libmicrohttpd closed its end for reading */
    av_bridge_state state;
    av_http_request *request; /* the one in progress */
    char peer[64];
} av_bridge;

struct av_http_request {
    unsigned magic;
    av_http_server *server;
    av_bridge *bridge;
    struct MHD_Connection *connection;
    char method[8];
    av_buf path;
    av_buf body;
    uint64_t form_reserved; /* of the budget */
    bool keeps_body, handed, suspended, abandoned;
    unsigned refused; /* status to answer without asking the site, once the body is through */
    struct MHD_Response *response;
    unsigned status;
    uint64_t reply_bytes;
    uint8_t trace[16];
    char trace_hex[33];
    char user[65], function[65];
    int64_t began_ms;
    void (*on_gone)(void *ctx, av_http_request *request);
    void *gone_ctx;
    void (*on_end)(void *ctx);
    void *end_ctx;
};

/* bridge.c */
/* Join a client to libmicrohttpd; on failure the client is closed. The door's accept callback. */
void av_bridge_accept(void *door, av_conn *conn);
void av_bridge_set_state(av_bridge *self, av_bridge_state state, uint64_t reply_bytes);
/* libmicrohttpd is done with its end. */
void av_bridge_released(av_bridge *self);

/* request.c */
av_http_request *av_http_request_begin(
    av_bridge *bridge, struct MHD_Connection *connection, const char *url, const char *method);
/* Take n body bytes; what is too much is counted, dropped and answered later. */
void av_http_request_take_body(av_http_request *self, const void *p, size_t n);
/* All is there: refuse, or ask the site. */
void av_http_request_hand_over(av_http_request *self);
/* The client is gone: tell the owner, let libmicrohttpd clean up. */
void av_http_request_abandon(av_http_request *self);
/* Log and free. */
void av_http_request_finish(av_http_request *self);

/* server.c */
/* Something was done that libmicrohttpd must look at. */
void av_http_server_wake(av_http_server *self);

#endif
