/*
 * listener.h - one listening socket: accepts, counts, hands over to the connections
 */
#ifndef AV_GATEWAY_LISTENER_H
#define AV_GATEWAY_LISTENER_H

#include "gateway/conn_priv.h"

typedef struct av_listener av_listener;

/* Bind address:port and listen. address is numeric; "::" takes IPv4 as well. AV_ERR_IO names address and port. */
av_errc av_listener_new(
    av_conns *conns, const char *address, unsigned port, const av_door *door, av_listener **ret, av_error *err);
/* Stops listening. Connections that came through it must be gone. */
void av_listener_destroy(av_listener **self);
/* No new connections; those there stay. */
void av_listener_stop(av_listener *self);

#endif
