/*
 * router.c - see router.h: open, one turn of the loop, close
 *
 * The loop waits for the sockets' ZMQ_FDs and then drains each in batches without waiting. These descriptors are edge
 * triggered: a message may be there though its descriptor is not readable, unless a receive found nothing and nothing
 * was done with the socket since (`idle`). zmq_poll would look at every socket twice a turn, some 20 system calls: a
 * tenth of a round trip. No send ever waits, so no peer can hold up another.
 */
#include "broker/router_priv.h"

#include <errno.h>
#include <poll.h>

#include "base/clock.h"
#include "base/log.h"

#define LANE_BYTES         (2U * 1024 * 1024) /* decisions.md 17 */
#define PEER_BYTES         (16U * 1024 * 1024)
#define TOTAL_BYTES        (64U * 1024 * 1024)
#define STATUS_INTERVAL_MS 5000
#define TICK_MS            1000
#define DENIED_LOG_MS      60000 /* strangers may fill one line a minute, not the disk */

/* Test builds of this folder bind several brokers in one process: all state hangs on self. */
av_errc
av_router_open(const av_router_config *config, av_router **ret, av_error *err)
{
    AV_CLEANUP(av_router_destroy) av_router *self = av_xcalloc(1, sizeof *self);
    av_errc rc;

    self->node = av_xstrdup(config->node);
    self->name = av_xasprintf("broker@%s", config->node);
    self->lane_bytes = config->lane_bytes == 0 ? LANE_BYTES : config->lane_bytes;
    self->peer_bytes = config->peer_bytes == 0 ? PEER_BYTES : config->peer_bytes;
    self->total_bytes = config->total_bytes == 0 ? TOTAL_BYTES : config->total_bytes;
    self->status_interval_ms = config->status_interval_ms == 0 ? STATUS_INTERVAL_MS : config->status_interval_ms;
    self->peers = av_peers_new();
    self->topics = av_topics_new();
    self->outbox = av_outbox_new();
    self->total = av_flow_new();
    self->started_ms = av_clock_mono_ms();
    self->state = ARCHIVOLT__ACTOR_STATE__ACTOR_STATE_READY;
    rc = av_registry_open(config->registry_path, config->registry_key, &self->registry, err);
    if (rc == AV_OK)
        rc = av_sockets_open(self, config, err);
    if (rc != AV_OK)
        return rc;
    *ret = AV_TAKE(self);
    return AV_OK;
}

void
av_router_destroy(av_router **self)
{
    if (*self == NULL)
        return;
    av_sockets_close(*self); /* first: frames under way hold counts and are freed by it */
    av_outbox_destroy(&(*self)->outbox);
    av_topics_destroy(&(*self)->topics);
    av_peers_destroy(&(*self)->peers);
    av_registry_destroy(&(*self)->registry);
    av_flow_unref(&(*self)->total);
    free((*self)->node);
    free((*self)->name);
    free(*self);
    *self = NULL;
}

const char *
av_router_endpoint(const av_router *self, unsigned i)
{
    return i < AV_ROUTER_ENDPOINTS ? self->endpoints[i] : NULL;
}

const char *
av_router_status_endpoint(const av_router *self)
{
    return self->status_endpoint;
}

av_errc
av_router_reload(av_router *self, av_error *err)
{
    av_errc rc = av_registry_reload(self->registry, av_connect_entry_changed, self, err);

    if (rc == AV_OK)
        AV_LOG(AV_LOG_INFO, "broker.registry", AV_U64("entries", av_registry_count(self->registry)),
            AV_U64("serial", av_registry_serial(self->registry)));
    return rc;
}

void
av_router_stopping(av_router *self)
{
    self->state = ARCHIVOLT__ACTOR_STATE__ACTOR_STATE_STOPPING;
    av_topics_publish_own(self);
}

static void
log_denied(av_router *self, int64_t now_ms)
{
    uint64_t denied = self->counters.denied + self->counters.handshakes_failed;

    if (denied == self->denied_logged || now_ms < self->next_denied_log_ms)
        return;
    AV_LOG(AV_LOG_WARN, "broker.denied", AV_U64("handshakes", denied - self->denied_logged));
    self->denied_logged = denied;
    self->next_denied_log_ms = now_ms + DENIED_LOG_MS;
}

static void
tick(av_router *self)
{
    int64_t now_ms = av_clock_mono_ms();
    av_error err;

    if (now_ms >= self->next_tick_ms) {
        self->next_tick_ms = now_ms + TICK_MS;
        av_peers_sweep(self->peers, now_ms);
        av_outbox_tick(self, now_ms);
        log_denied(self, now_ms);
        if (!av_registry_paired(self->registry)) {
            av_errc rc = av_router_reload(self, &err);

            if (rc != AV_OK && rc != AV_ERR_NOT_FOUND)
                AV_LOG(AV_LOG_ERROR, "broker.registry", AV_ERRF(&err));
        }
    }
    if (now_ms >= self->next_status_ms) {
        self->next_status_ms = now_ms + self->status_interval_ms;
        av_topics_publish_own(self);
    }
}

static int
wait_ms(const av_router *self, int timeout_ms)
{
    int64_t until = AV_MIN(self->next_tick_ms, self->next_status_ms) - av_clock_mono_ms();

    return (int)AV_MAX(0, AV_MIN(until, timeout_ms));
}

/* Up to a batch off one socket. true: it had no more. */
static bool
drain(av_router *self, bool (*one)(av_router *))
{
    for (unsigned i = 0; i < AV_ROUTER_BATCH; i++) {
        errno = EAGAIN;
        if (!one(self))
            return errno == EAGAIN; /* EINTR says nothing about what is there */
    }
    return false;
}

bool
av_router_turn(av_router *self, int extra_fd, int timeout_ms)
{
    static bool (*const handlers[AV_ROUTER_WAITS])(av_router *) = { [AV_ROUTER_WAIT_BUS] = av_forward_one,
        [AV_ROUTER_WAIT_ZAP] = av_zap_one,
        [AV_ROUTER_WAIT_MONITOR] = av_connect_monitor,
        [AV_ROUTER_WAIT_STATUS] = av_topics_subscription };
    struct pollfd fds[AV_ROUTER_WAITS + 1];
    bool all_idle = true;

    for (size_t i = 0; i < AV_ROUTER_WAITS; i++) {
        fds[i] = (struct pollfd){ .fd = self->zmq_fds[i], .events = POLLIN };
        all_idle = all_idle && self->idle[i];
    }
    fds[AV_ROUTER_WAITS] = (struct pollfd){ .fd = extra_fd, .events = POLLIN };
    if (poll(fds, AV_COUNT(fds), all_idle ? wait_ms(self, timeout_ms) : 0) < 0)
        return false; /* EINTR: the next turn sees it */
    for (size_t i = 0; i < AV_ROUTER_WAITS; i++) {
        if (fds[i].fd < 0 || (self->idle[i] && fds[i].revents == 0))
            continue;
        /* Handling may send on the socket, which clears idle; only the receive that finds nothing sets it. */
        self->idle[i] = drain(self, handlers[i]);
    }
    tick(self);
    return extra_fd >= 0 && fds[AV_ROUTER_WAITS].revents != 0;
}
