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
#include "gateway/http/mail_setup.h"
#include "gateway/imap/imap.h"

#define FILES_PER_CONNECTION 3 /* the client's socket and a socket pair (gateway/http/bridge.c) */
#define FILES_BESIDE         64
#define COUNTERS             5

typedef struct program {
    av_gateway_settings settings;
    av_gateway *gateway;
    av_http_server *http;
    av_http_site https;
    av_api *api;
    av_imap *imap;
    /* what on_status hands out, good until the next one */
    Archivolt__KeyValue counters[COUNTERS], *counter_list[COUNTERS];
    char values[COUNTERS][24];
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
    self->https = av_http_mail_setup_site_template;
    self->https.ctx = self->gateway;
    rc = av_http_server_open(self->http, node->port_https, &self->https, err);
    return rc != AV_OK ? rc : av_imap_open(self->gateway, &self->imap, err);
}

/* Protocols end before what they stand on. */
static void
end_all(program *self)
{
    if (self->gateway != NULL)
        av_gateway_close(self->gateway);
    av_http_server_destroy(&self->http);
    av_api_destroy(&self->api);
    av_imap_destroy(&self->imap);
    av_gateway_destroy(&self->gateway);
}

/* The doors are open before the broker is reached: /healthz says "alive" then, /readyz "not ready". */
static av_errc
on_start(void *ctx, av_actor *actor, av_error *err)
{
    program *self = ctx;
    const av_gateway_config config = {
        .loop = av_actor_loop(actor),
        .bus = av_actor_bus(actor),
        .node = av_actor_node(actor),
        .name = av_actor_name(actor),
        .settings = &self->settings,
    };
    av_errc rc;

    raise_file_limit(&self->settings);
    rc = av_gateway_new(&config, &self->gateway, err);
    if (rc == AV_OK)
        rc = open_doors(self, err);
    if (rc != AV_OK)
        end_all(self);
    return rc;
}

static void
on_ready(void *ctx, av_actor *actor)
{
    program *self = ctx;

    av_gateway_watch_management(self->gateway);
    av_gateway_watch_certificate(self->gateway);
    av_actor_set_state(actor, ARCHIVOLT__ACTOR_STATE__ACTOR_STATE_READY, NULL);
}

static void
on_reload(void *ctx, av_actor *actor AV_UNUSED)
{
    program *self = ctx;
    av_error err;

    if (av_gateway_reload(self->gateway, &err) == AV_OK)
        AV_LOG(AV_LOG_INFO, "gateway.certificate_loaded");
    else
        AV_LOG(AV_LOG_ERROR, "gateway.certificate_kept", AV_ERRF(&err));
}

static void
on_stop(void *ctx, av_actor *actor)
{
    program *self = ctx;

    av_gateway_close(self->gateway);
    av_actor_stopped(actor);
}

/* The bus is gone: nothing calls back any more. */
static void
on_end(void *ctx)
{
    end_all(ctx);
}

static void
on_status(void *ctx, Archivolt__Status *status, av_buf *scratch AV_UNUSED)
{
    program *self = ctx;
    const av_gateway_counters c = av_gateway_get_counters(self->gateway);
    const struct {
        const char *key;
        uint64_t value;
    } rows[COUNTERS] = {
        { "connections_open", c.open },
        { "connections_accepted", c.accepted },
        { "connections_refused", c.refused },
        { "connections_timed_out", c.timeouts },
        { "handshakes_failed", c.handshakes_failed },
    };

    for (size_t i = 0; i < COUNTERS; i++) {
        archivolt__key_value__init(&self->counters[i]);
        (void)snprintf(self->values[i], sizeof self->values[i], "%llu", (unsigned long long)rows[i].value);
        self->counters[i].key = (char *)(uintptr_t)rows[i].key;
        self->counters[i].value = self->values[i];
        self->counter_list[i] = &self->counters[i];
    }
    status->counters = self->counter_list;
    status->n_counters = COUNTERS;
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
        .on_start = on_start,
        .on_ready = on_ready,
        .on_reload = on_reload,
        .on_stop = on_stop,
        .on_end = on_end,
        .on_status = on_status,
        .self = &self,
    };

    return av_actor_main(&config, argc, argv);
}
