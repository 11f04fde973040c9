/*
 * main.c - archivolt-gateway: HTTPS and mail protocols outwards, bus messages inwards
 */
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

#include "actors/bus/actor.h"
#include "base/log.h"
#include "gateway/api/api.h"
#include "gateway/gateway.h"
#include "gateway/http/health.h"

#define FILES_PER_CONNECTION 3 /* the client's socket and a socket pair (gateway/http/bridge.c) */
#define FILES_BESIDE         64

typedef struct program {
    av_gateway_settings settings;
    av_gateway *gateway;
    av_http_server *http;
    av_http_site health;
    av_api *api;
} program;

/* As many files as the system lets us have; fewer than the limits need is said, not hidden. */
static void
raise_file_limit(const av_gateway_settings *settings)
{
    uint64_t want = settings->max_connections * FILES_PER_CONNECTION + FILES_BESIDE;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    if (limit.rlim_cur < want) {
        limit.rlim_cur = AV_MIN((rlim_t)want, limit.rlim_max);
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur < want)
        AV_LOG(AV_LOG_WARN, "gateway.few_files", AV_U64("allowed", limit.rlim_cur), AV_U64("wanted", want),
            AV_STR("detail", "max_connections cannot be reached; raise the limit on open files (LimitNOFILE)"));
}

static av_errc
open_doors(program *self, av_error *err)
{
    const av_node *node = av_gateway_node(self->gateway);
    av_errc rc = av_http_server_new(self->gateway, &self->http, err);

    if (rc != AV_OK)
        return rc;
    rc = av_api_new(self->gateway, self->http, &self->api, err);
    if (rc != AV_OK)
        return rc;
    self->health = av_http_health_site_template;
    self->health.ctx = self->gateway;
    return av_http_server_open(self->http, node->port_https, &self->health, err);
}

/* Ready when bus and all doors are open; whether management answers is /readyz's to say. */
static void
on_ready(void *ctx, av_actor *actor)
{
    program *self = ctx;
    const av_gateway_config config = {
        .loop = av_actor_loop(actor),
        .bus = av_actor_bus(actor),
        .node = av_actor_node(actor),
        .name = av_actor_name(actor),
        .settings = &self->settings,
    };
    av_error err;

    if (av_gateway_new(&config, &self->gateway, &err) != AV_OK || open_doors(self, &err) != AV_OK) {
        AV_LOG(AV_LOG_ERROR, "gateway.start_failed", AV_ERRF(&err));
        av_actor_stop(actor, 1);
        return;
    }
    av_gateway_watch_management(self->gateway);
    av_actor_set_state(actor, ARCHIVOLT__ACTOR_STATE__ACTOR_STATE_READY, NULL);
}

static void
on_reload(void *ctx, av_actor *actor AV_UNUSED)
{
    program *self = ctx;
    av_error err;

    if (self->gateway == NULL)
        return;
    if (av_gateway_reload(self->gateway, &err) == AV_OK)
        AV_LOG(AV_LOG_INFO, "gateway.certificate_loaded");
    else
        AV_LOG(AV_LOG_ERROR, "gateway.certificate_kept", AV_ERRF(&err));
}

static void
on_stop(void *ctx, av_actor *actor)
{
    program *self = ctx;

    if (self->gateway != NULL)
        av_gateway_close(self->gateway);
    av_actor_stopped(actor);
}

/* The bus is gone: nothing calls back any more. */
static void
on_end(void *ctx)
{
    program *self = ctx;

    if (self->gateway != NULL)
        av_gateway_close(self->gateway);
    av_http_server_destroy(&self->http);
    av_api_destroy(&self->api);
    av_gateway_destroy(&self->gateway);
    av_settings_release(av_gateway_setting_rows, &self->settings);
}

int
main(int argc, char **argv)
{
    program self = { .gateway = NULL };
    const av_actor_config config = {
        .program = "archivolt-gateway",
        .help =
            "The client access of a node: Management API over HTTPS, IMAP. It holds no customer data; it translates "
            "what clients say into messages for the actors of the system.",
        .name = "gateway@%s",
        .settings = av_gateway_setting_rows,
        .settings_into = &self.settings,
        .on_ready = on_ready,
        .on_reload = on_reload,
        .on_stop = on_stop,
        .on_end = on_end,
        .self = &self,
    };

    return av_actor_main(&config, argc, argv);
}
