/*
 * health.c - see health.h
 */
#include "gateway/http/health.h"

static const av_http_header no_store[] = { { "Cache-Control", "no-store" }, { NULL, NULL } };

bool
av_http_health_answer(const av_gateway *gateway, av_http_request *request)
{
    const char *path = av_http_request_path(request);

    if (strcmp(path, "/healthz") == 0) {
        av_http_request_answer_text(request, 200, no_store, "ok");
        return true;
    }
    if (strcmp(path, "/readyz") != 0)
        return false;
    if (av_gateway_is_ready(gateway))
        av_http_request_answer_text(request, 200, no_store, "ready");
    else if (!av_gateway_is_connected(gateway))
        av_http_request_answer_text(request, 503, no_store, "not ready: no connection to the broker");
    else
        av_http_request_answer_text(request, 503, no_store, "not ready: management does not answer");
    return true;
}

static void
handle(void *ctx, av_http_request *request)
{
    if (!av_http_health_answer(ctx, request))
        av_http_request_answer_text(request, 404, NULL, "There is nothing at this address.");
}

const av_http_site av_http_health_site_template = { .name = "https", .handle = handle };
