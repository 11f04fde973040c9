/*
 * sockets.c - the broker's sockets: options, keys, order of binding
 *
 * The ZAP handler is bound before anything else: while nobody answers ZAP, libzmq admits every key. The values come
 * from measurements (docs/performance.md): sizes bound what a stranger can make us hold, heartbeats what a dead peer
 * can.
 */
#include <errno.h>
#include <unistd.h>

#include "broker/router_priv.h"

#define MAX_MESSAGE      (96 * 1024) /* decisions.md 17; libzmq cuts off who sends a longer frame */
#define HANDSHAKE_MS     5000
#define HEARTBEAT_MS     10000
#define HEARTBEAT_WAIT   15000
#define HEARTBEAT_TTL    30000
#define BACKLOG          1024
#define SEND_MESSAGES    1000 /* must exceed a connection's credits in chunks; bytes are bounded by flow.h */
#define RECEIVE_MESSAGES 128  /* waiting for this loop, for each peer: TCP pushes back behind them */
#define MONITOR          "inproc://broker.monitor"

static unsigned
default_io_threads(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    return cores < 4 ? 1 : (unsigned)AV_MIN(cores / 2, 4);
}

static bool
set_int(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

static bool
secure(void *socket, const av_router_config *config, const char *domain)
{
    uint32_t handshake_ms = config->handshake_ms == 0 ? HANDSHAKE_MS : config->handshake_ms;

    return set_int(socket, ZMQ_CURVE_SERVER, 1) &&
           zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, config->keys->secret_key, AV_KEY_SIZE) == 0 &&
           zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, domain, strlen(domain)) == 0 && set_int(socket, ZMQ_LINGER, 0) &&
           zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &(int64_t){ MAX_MESSAGE }, sizeof(int64_t)) == 0 &&
           set_int(socket, ZMQ_HANDSHAKE_IVL, (int)handshake_ms) && set_int(socket, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS) &&
           set_int(socket, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_WAIT) &&
           set_int(socket, ZMQ_HEARTBEAT_TTL, HEARTBEAT_TTL) && set_int(socket, ZMQ_BACKLOG, BACKLOG) &&
           set_int(socket, ZMQ_SNDHWM, SEND_MESSAGES) && set_int(socket, ZMQ_RCVHWM, RECEIVE_MESSAGES);
}

/* bind; ret is the endpoint with the real port. */
static av_errc
bind_to(void *socket, const char *endpoint, char **ret, av_error *err)
{
    char bound[256];
    size_t n = sizeof bound;

    if (zmq_bind(socket, endpoint) != 0)
        return av_error_set(err, AV_ERR_IO, "cannot listen on %s: %s", endpoint, zmq_strerror(errno));
    if (zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, bound, &n) != 0)
        return av_error_set(err, AV_ERR_IO, "%s: %s", endpoint, zmq_strerror(errno));
    *ret = av_xstrdup(bound);
    return AV_OK;
}

static av_errc
open_zap(av_router *self, av_error *err)
{
    self->zap = zmq_socket(self->context, ZMQ_REP);
    if (self->zap == NULL || !set_int(self->zap, ZMQ_LINGER, 0) || zmq_bind(self->zap, "inproc://zeromq.zap.01") != 0)
        return av_error_set(err, AV_ERR_IO, "ZAP handler: %s", zmq_strerror(errno));
    return AV_OK;
}

/* Events of the ROUTER's connections. The queue between is bounded: when we are late the I/O thread waits for us. */
static av_errc
open_monitor(av_router *self, av_error *err)
{
    int events = ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL;

    if (zmq_socket_monitor(self->socket, MONITOR, events) == 0)
        self->monitor = zmq_socket(self->context, ZMQ_PAIR);
    if (self->monitor == NULL || !set_int(self->monitor, ZMQ_LINGER, 0) || zmq_connect(self->monitor, MONITOR) != 0)
        return av_error_set(err, AV_ERR_IO, "socket monitor: %s", zmq_strerror(errno));
    return AV_OK;
}

static av_errc
open_router(av_router *self, const av_router_config *config, av_error *err)
{
    av_errc rc = AV_OK;
    bool any = false;

    self->socket = zmq_socket(self->context, ZMQ_ROUTER);
    if (self->socket == NULL || !secure(self->socket, config, "bus") ||
        !set_int(self->socket, ZMQ_ROUTER_MANDATORY, 1) || !set_int(self->socket, ZMQ_ROUTER_HANDOVER, 0))
        return av_error_set(err, AV_ERR_IO, "ROUTER: %s", zmq_strerror(errno));
    rc = open_monitor(self, err);
    for (size_t i = 0; rc == AV_OK && i < AV_ROUTER_ENDPOINTS; i++) {
        if (config->endpoints[i] == NULL)
            continue;
        any = true;
        rc = bind_to(self->socket, config->endpoints[i], &self->endpoints[i], err);
    }
    if (rc == AV_OK && !any)
        return av_error_set(err, AV_ERR_INVALID, "no endpoint: the node has no role");
    return rc;
}

static av_errc
open_xpub(av_router *self, const av_router_config *config, av_error *err)
{
    self->xpub = zmq_socket(self->context, ZMQ_XPUB);
    if (self->xpub == NULL || !secure(self->xpub, config, "status") || !set_int(self->xpub, ZMQ_XPUB_VERBOSE, 1) ||
        !set_int(self->xpub, ZMQ_XPUB_MANUAL, 1))
        return av_error_set(err, AV_ERR_IO, "XPUB: %s", zmq_strerror(errno));
    return bind_to(self->xpub, config->status_endpoint, &self->status_endpoint, err);
}

/* What the loop waits for. */
static av_errc
find_fds(av_router *self, av_error *err)
{
    void *const sockets[AV_ROUTER_WAITS] = { [AV_ROUTER_WAIT_BUS] = self->socket,
        [AV_ROUTER_WAIT_ZAP] = self->zap,
        [AV_ROUTER_WAIT_MONITOR] = self->monitor,
        [AV_ROUTER_WAIT_STATUS] = self->xpub };

    for (size_t i = 0; i < AV_ROUTER_WAITS; i++) {
        size_t n = sizeof self->zmq_fds[i];

        self->zmq_fds[i] = -1;
        self->idle[i] = sockets[i] == NULL;
        if (sockets[i] != NULL && zmq_getsockopt(sockets[i], ZMQ_FD, &self->zmq_fds[i], &n) != 0)
            return av_error_set(err, AV_ERR_IO, "ZMQ_FD: %s", zmq_strerror(errno));
    }
    return AV_OK;
}

av_errc
av_sockets_open(av_router *self, const av_router_config *config, av_error *err)
{
    av_errc rc;

    if (zmq_has("curve") != 1)
        return av_error_set(err, AV_ERR_UNSUPPORTED, "this libzmq has no CURVE: install one built with libsodium");
    self->context = zmq_ctx_new();
    if (self->context == NULL)
        return av_error_set(err, AV_ERR_IO, "libzmq: %s", zmq_strerror(errno));
    (void)zmq_ctx_set(
        self->context, ZMQ_IO_THREADS, (int)(config->io_threads == 0 ? default_io_threads() : config->io_threads));
    rc = open_zap(self, err);
    if (rc == AV_OK)
        rc = open_router(self, config, err);
    if (rc == AV_OK && config->status_endpoint != NULL)
        rc = open_xpub(self, config, err);
    return rc == AV_OK ? find_fds(self, err) : rc;
}

void
av_sockets_close(av_router *self)
{
    void **sockets[] = { &self->xpub, &self->socket, &self->monitor, &self->zap };

    if (self->context == NULL)
        return;
    /* First of all: frees an I/O thread that waits to hand us an event while we wait for it to end. */
    (void)zmq_ctx_shutdown(self->context);
    for (size_t i = 0; i < AV_COUNT(sockets); i++)
        if (*sockets[i] != NULL)
            (void)zmq_close(*sockets[i]);
    while (zmq_ctx_term(self->context) != 0 && errno == EINTR)
        ;
    for (size_t i = 0; i < AV_ROUTER_ENDPOINTS; i++)
        free(self->endpoints[i]);
    free(self->status_endpoint);
}
