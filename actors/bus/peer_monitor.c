/*
 * peer_monitor.c - what libzmq's monitor says of the connection, and what follows from it
 *
 * up and down are told from here. libzmq connects again by itself, but never with a key that was refused: then the
 * sockets are closed, and opened again after a pause that grows.
 */
#include "actors/bus/peer_priv.h"
#include "base/log.h"
#include "base/secret.h"

static void
went_down(av_peer *self, av_errc code, const char *why)
{
    bool was_up = self->up;
    av_error err;

    self->up = self->ready = false;
    av_peer_queue_drop(self, false);
    (void)snprintf(self->trouble, sizeof self->trouble, "%s", why);
    (void)av_error_set(&err, code, "%s", why);
    if (was_up || code == AV_ERR_DENIED)
        self->config.on_down(self->config.ctx, &err);
}

static void
on_again(void *ctx)
{
    av_peer *self = ctx;
    av_error err;

    self->again = NULL;
    if (av_peer_open_sockets(self, &err) != AV_OK) {
        AV_LOG(AV_LOG_ERROR, "bus.socket", AV_ERRF(&err));
        self->again = av_loop_add_timer(self->config.loop, AV_PEER_REFUSED_MAX_MS, 0, on_again, self);
    }
}

/* The broker knows the key not, or not any more: this socket will never be connected again. */
static void
was_refused(av_peer *self)
{
    uint32_t pause = av_retry_next(&self->refused_retry, av_random_u64());

    AV_LOG(AV_LOG_WARN, "bus.refused", AV_STR("actor_key", self->config.keys->name), AV_STR("broker", self->endpoint),
        AV_U64("again_ms", pause));
    av_peer_close_sockets(self, 0);
    self->refused = true;
    self->again = av_loop_add_timer(self->config.loop, pause, 0, on_again, self);
    went_down(self, AV_ERR_DENIED, "the broker does not admit this actor's key");
}

static void
on_event(av_peer *self, unsigned event)
{
    switch (event) {
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        if (self->up) /* the event of the loss in between was not seen */
            went_down(self, AV_ERR_UNAVAILABLE, "the connection to the broker was lost");
        self->up = true;
        self->refused = false;
        self->trouble[0] = '\0';
        self->counters.connects++;
        self->config.on_up(self->config.ctx);
        break;
    case ZMQ_EVENT_DISCONNECTED:
        if (self->up)
            went_down(self, AV_ERR_UNAVAILABLE, "the connection to the broker was lost");
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        was_refused(self);
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        (void)snprintf(
            self->trouble, sizeof self->trouble, "the broker at %s breaks off the handshake", self->endpoint);
        break;
    default:
        break;
    }
}

bool
av_peer_read_events(av_peer *self)
{
    bool any = false;

    while (self->monitor != NULL && self->events_wait) {
        uint16_t event = 0;
        bool more;
        zmq_msg_t msg;

        (void)zmq_msg_init(&msg);
        if (zmq_msg_recv(&msg, self->monitor, ZMQ_DONTWAIT) < 0) {
            (void)zmq_msg_close(&msg);
            self->events_wait = false;
            return any;
        }
        any = true;
        if (zmq_msg_size(&msg) >= sizeof event)
            memcpy(&event, zmq_msg_data(&msg), sizeof event);
        more = zmq_msg_more(&msg) != 0;
        (void)zmq_msg_close(&msg);
        if (more && zmq_msg_init(&msg) == 0) { /* the address: always ours */
            (void)zmq_msg_recv(&msg, self->monitor, ZMQ_DONTWAIT);
            (void)zmq_msg_close(&msg);
        }
        on_event(self, event);
    }
    return any;
}
