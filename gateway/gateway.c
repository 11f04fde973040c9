/*
 * gateway.c - see gateway.h: the doors, the certificate, and whether management is there
 */
#include "gateway/gateway.h"

#include <signal.h>

#include "base/clock.h"
#include "base/log.h"
#include "gateway/conn_priv.h"
#include "gateway/listener.h"
#include "proto/status.pb-c.h"

#define MAX_DOORS         16
#define PING_LOOK_MS      250 /* while management is silent, it is asked this often */
#define PING_EVERY_MS     3000
#define PING_TIMEOUT_MS   2500
#define PING_FRESH_FOR_MS 10000

struct av_gateway {
    av_gateway_config config;
    av_tls *tls;
    av_conns conns;
    av_listener *doors[MAX_DOORS];
    size_t door_count;
    av_loop_timer *ping_timer, *certificate_timer;
    av_call *ping;
    int64_t management_seen_ms; /* 0: never */
    bool open;
};

static char *
tls_path(const av_node *node, const char *setting, const char *fallback)
{
    return setting != NULL && setting[0] != '\0' ? av_xstrdup(setting) : av_node_path(node, "tls/%s", fallback);
}

av_errc
av_gateway_new(const av_gateway_config *config, av_gateway **ret, av_error *err)
{
    AV_CLEANUP(av_free) char *certificate = tls_path(config->node, config->settings->tls_certificate, "cert.pem");
    AV_CLEANUP(av_free) char *key = tls_path(config->node, config->settings->tls_key, "key.pem");
    AV_CLEANUP(av_gateway_destroy) av_gateway *self = av_xcalloc(1, sizeof *self);
    av_errc rc;

    (void)signal(
        SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL; a client that has gone is an error, not our end */
    self->config = *config;
    rc = av_tls_new(certificate, key, &self->tls, err);
    if (rc != AV_OK)
        return rc;
    av_conns_init(&self->conns, config->loop, config->settings, self->tls);
    self->open = true;
    *ret = AV_TAKE(self);
    return AV_OK;
}

void
av_gateway_close(av_gateway *self)
{
    if (!self->open)
        return;
    self->open = false;
    if (self->ping_timer != NULL)
        av_loop_remove_timer(&self->ping_timer);
    if (self->certificate_timer != NULL)
        av_loop_remove_timer(&self->certificate_timer);
    av_call_cancel(&self->ping);
    for (size_t i = 0; i < self->door_count; i++)
        av_listener_stop(self->doors[i]);
    av_conns_release(&self->conns);
}

void
av_gateway_destroy(av_gateway **self)
{
    if (*self == NULL)
        return;
    av_gateway_close(*self);
    for (size_t i = 0; i < (*self)->door_count; i++)
        av_listener_destroy(&(*self)->doors[i]);
    av_tls_destroy(&(*self)->tls);
    free(*self);
    *self = NULL;
}

av_errc
av_gateway_open_door(av_gateway *self, const av_door *door, av_error *err)
{
    unsigned port = av_node_port(self->config.node, door->port);
    av_errc rc;

    assert(self->door_count < MAX_DOORS && door->accept != NULL);
    rc = av_listener_new(&self->conns, self->config.node->listen, port, door, &self->doors[self->door_count], err);
    if (rc == AV_OK)
        self->door_count++;
    return rc;
}

av_errc
av_gateway_reload(av_gateway *self, av_error *err)
{
    return av_tls_reload(self->tls, err);
}

static void
on_certificate_time(void *ctx)
{
    av_gateway *self = ctx;
    av_error err;

    if (!av_tls_has_changed(self->tls))
        return;
    if (av_tls_reload(self->tls, &err) == AV_OK)
        AV_LOG(AV_LOG_INFO, "gateway.certificate_loaded", AV_STR("why", "its files have changed"));
    else
        AV_LOG(AV_LOG_WARN, "gateway.certificate_kept", AV_ERRF(&err));
}

void
av_gateway_watch_certificate(av_gateway *self)
{
    uint64_t every_ms = self->config.settings->tls_watch_s * 1000;

    if (every_ms > 0 && self->certificate_timer == NULL)
        self->certificate_timer = av_loop_add_timer(self->config.loop, every_ms, every_ms, on_certificate_time, self);
}

av_errc
av_gateway_sign(const av_gateway *self, av_span bytes, av_buf *out, av_error *err)
{
    return av_tls_sign(self->tls, bytes, out, err);
}

/* ---- is management there? ---- */

static void
on_pong(void *ctx, av_call *call AV_UNUSED, const ProtobufCMessage *reply, const av_error *err)
{
    av_gateway *self = ctx;
    bool was_ready = av_gateway_is_ready(self);

    self->ping = NULL;
    if (reply != NULL)
        self->management_seen_ms = av_clock_mono_ms();
    if (reply != NULL && !was_ready)
        AV_LOG(AV_LOG_INFO, "gateway.management_answers");
    if (reply == NULL && !av_gateway_is_ready(self))
        AV_LOG(AV_LOG_DEBUG, "gateway.management_silent", AV_ERRF(err));
}

static void
on_ping_time(void *ctx)
{
    av_gateway *self = ctx;
    Archivolt__Empty body = ARCHIVOLT__EMPTY__INIT;
    av_call_spec spec = {
        .to = "management",
        .method = "archivolt.Actor.Ping",
        .body = &body.base,
        .timeout_ms = PING_TIMEOUT_MS,
        .done = on_pong,
        .ctx = self,
    };

    if (self->ping != NULL)
        return;
    if (av_gateway_is_ready(self) && av_clock_mono_ms() - self->management_seen_ms < PING_EVERY_MS)
        return;
    self->ping = av_bus_call(self->config.bus, &spec);
}

void
av_gateway_watch_management(av_gateway *self)
{
    if (self->ping_timer == NULL)
        self->ping_timer = av_loop_add_timer(self->config.loop, 0, PING_LOOK_MS, on_ping_time, self);
}

bool
av_gateway_is_connected(const av_gateway *self)
{
    return self->config.bus != NULL && av_bus_is_ready(self->config.bus);
}

bool
av_gateway_is_ready(const av_gateway *self)
{
    return av_gateway_is_connected(self) && self->management_seen_ms != 0 &&
           av_clock_mono_ms() - self->management_seen_ms < PING_FRESH_FOR_MS;
}

/* ---- what is shared ---- */

av_bus *
av_gateway_bus(const av_gateway *self)
{
    return self->config.bus;
}

av_loop *
av_gateway_loop(const av_gateway *self)
{
    return self->config.loop;
}

const av_node *
av_gateway_node(const av_gateway *self)
{
    return self->config.node;
}

const char *
av_gateway_name(const av_gateway *self)
{
    return self->config.name;
}

const av_gateway_settings *
av_gateway_get_settings(const av_gateway *self)
{
    return self->config.settings;
}

av_gateway_counters
av_gateway_get_counters(const av_gateway *self)
{
    return self->conns.counters;
}
