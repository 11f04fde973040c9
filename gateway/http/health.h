/*
 * health.h - /healthz and /readyz, on every HTTP door and without a login
 */
#ifndef AV_GATEWAY_HTTP_HEALTH_H
#define AV_GATEWAY_HTTP_HEALTH_H

#include "gateway/http/server.h"

/*
 * Answers when the path is one of the two: healthz 200 while the process turns its loop; readyz 200 when bus and
 * management answer, else 503. false: another path, nothing was answered.
 */
bool av_http_health_answer(const av_gateway *gateway, av_http_request *request);
/* A site that has nothing else; ctx of the site is the gateway. */
extern const av_http_site av_http_health_site_template;

#endif
