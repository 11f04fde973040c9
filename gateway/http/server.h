/*
 * server.h - HTTP/1.1 for the gateway: requests come whole, answers may come later
 *
 * The grammar is libmicrohttpd's, in its external epoll mode inside our loop. It sees plaintext only: each client
 * connection (conn.h, TLS done) is joined to it by a socket pair (bridge.c). A request is handed to its site once its
 * body is complete, and answered once, at once or later; meanwhile the connection is suspended and costs nothing.
 */
#ifndef AV_GATEWAY_HTTP_SERVER_H
#define AV_GATEWAY_HTTP_SERVER_H

#include "gateway/gateway.h"

typedef struct av_http_server av_http_server;
typedef struct av_http_request av_http_request;

/* What one door shows. Must outlive the server. */
typedef struct av_http_site {
    const char *name;
    /* The request is complete: answer it now, or keep it and answer later. */
    void (*handle)(void *ctx, av_http_request *request);
    /*
     * Headers are there, the body is not: will it be needed? Without a yes the body is read to its end and dropped, so
     * that strangers cannot fill memory. NULL: never needed.
     */
    bool (*wants_body)(void *ctx, const av_http_request *request);
    void *ctx;
} av_http_site;

/* gateway is borrowed and outlives the server. */
av_errc av_http_server_new(av_gateway *gateway, av_http_server **ret, av_error *err);
/* All connections must be closed (av_gateway_close). */
void av_http_server_destroy(av_http_server **self);
/* Open a TLS door that shows site; the limits are those of the settings. port is before the offset. */
av_errc av_http_server_open(av_http_server *self, uint64_t port, const av_http_site *site, av_error *err);

/* ---- a request ---- */

const char *av_http_request_method(const av_http_request *self); /* GET, HEAD or POST: others never get here */
const char *av_http_request_path(const av_http_request *self);   /* canonical: path.h */
/* NULL when there is none. Names in any letter case. */
const char *av_http_request_header(const av_http_request *self, const char *name);
/* A value of the query, decoded, onto out. false: a malformed escape, or out is full. Nothing when there is none. */
bool av_http_request_argument(const av_http_request *self, const char *name, av_buf *out);
av_span av_http_request_body(const av_http_request *self);
const char *av_http_request_peer(const av_http_request *self);      /* address of the client */
const uint8_t *av_http_request_trace(const av_http_request *self);  /* 16 bytes, made for this request */
const char *av_http_request_trace_hex(const av_http_request *self); /* 32 digits */
/* For the access log: who asked, and for what. Copied. */
void av_http_request_set_user(av_http_request *self, const char *user);
void av_http_request_set_function(av_http_request *self, const char *function);

/*
 * The client went away before the answer: fn is called once, and the request must not be touched after it returned.
 * fn NULL: nobody wants to know any more.
 */
void av_http_request_on_gone(av_http_request *self, void (*fn)(void *ctx, av_http_request *request), void *ctx);
/* fn is called when the request ends in whatever way, after its last byte was sent. For what is counted by request. */
void av_http_request_on_end(av_http_request *self, void (*fn)(void *ctx), void *ctx);

typedef struct av_http_header {
    const char *name, *value;
} av_http_header;

/*
 * The one answer. body is taken (malloc'd memory; emptied by the call); headers end with name NULL or are NULL. The
 * request must not be touched afterwards.
 */
void av_http_request_answer(
    av_http_request *self, unsigned status, const char *content_type, const av_http_header *headers, av_buf *body);
/* A plain text answer: the sentence and a line end. */
void av_http_request_answer_text(
    av_http_request *self, unsigned status, const av_http_header *headers, const char *sentence);

#endif
