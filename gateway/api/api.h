/*
 * api.h - the Management API: HTTPS in, bus calls out, by the method table
 *
 * Paths (POST, in the spellings path.c allows): /api/invoke/<Function>, /api/get-metadata (GET too), /api/get-status,
 * /api/cancel-async; also /healthz and /readyz. Every /api path wants the login of a system administrator. No function
 * is known here by name: what exists, its arguments, where it goes and what its result is comes from proto/table.h.
 */
#ifndef AV_GATEWAY_API_API_H
#define AV_GATEWAY_API_API_H

#include "gateway/http/server.h"

typedef struct av_api av_api;

/* server is borrowed. Opens the door of node->port_api. */
av_errc av_api_new(av_gateway *gateway, av_http_server *server, av_api **ret, av_error *err);
/* Connections and bus must be gone. */
void av_api_destroy(av_api **self);

#endif
