/*
 * peer.c - the sockets of the peer (peer.h): options, opening and closing, receiving, the loop's hook
 *
 * Options and their reasons: docs/bus.md, "Sockets". Sending: peer_send.c. The monitor's events: peer_monitor.c.
 *
 * ZMQ_FD is edge triggered: it must be followed by a look at ZMQ_EVENTS after every send and every receive. So nothing
 * is done when it fires; all work is done in the loop's prepare hook, which runs before each wait.
 */
#include <errno.h>

#include "actors/bus/names.h"
#include "actors/bus/peer_priv.h"
#include "base/clock.h"

#define BATCH            100   /* messages taken before others get their turn */
#define FRAME_MAX        98304 /* ZMQ_MAXMSGSIZE: what an unadmitted or broken peer can make us hold */
#define RECONNECT_MS     250
#define RECONNECT_MAX_MS 2000 /* one broker a node: no herd that a longer pause would tame */
#define MONITOR_ENDPOINT "inproc://monitor"

/* ---- receiving ---- */

bool
av_peer_can(const av_peer *self, int what)
{
    int events = 0;
    size_t n = sizeof events;

    return self->dealer != NULL && zmq_getsockopt(self->dealer, ZMQ_EVENTS, &events, &n) == 0 && (events & what) != 0;
}

/* One whole message; false: none there. A message that has not three frames comes as malformed. */
static bool
socket_receive(av_peer *self, zmq_msg_t *frame, bool *ret_malformed)
{
    zmq_msg_t rest;
    int n = 0;

    for (int more = 1; more != 0; n++) {
        zmq_msg_t *at = n < AV_PEER_FRAMES ? &frame[n] : &rest;
        int rc;

        if (at == &rest)
            (void)zmq_msg_init(&rest);
        do
            rc = zmq_msg_recv(at, self->dealer, ZMQ_DONTWAIT);
        while (rc < 0 && errno == EINTR);
        if (rc < 0)
            return false; /* only before the first frame: messages arrive whole */
        more = zmq_msg_more(at);
        if (at == &rest)
            (void)zmq_msg_close(&rest);
    }
    *ret_malformed = n != AV_PEER_FRAMES;
    return true;
}

static void
deliver(av_peer *self, zmq_msg_t *frame)
{
    AV_CLEANUP(av_envelope_free) Archivolt__Envelope *env = NULL;
    av_span from = av_span_of(zmq_msg_data(&frame[AV_FRAME_TO]), zmq_msg_size(&frame[AV_FRAME_TO]));
    av_span blob = av_span_of(zmq_msg_data(&frame[AV_FRAME_BLOB]), zmq_msg_size(&frame[AV_FRAME_BLOB]));
    char sender[AV_SENDER_MAX];
    av_error err;
    av_errc rc;

    self->counters.bytes_in += from.n + zmq_msg_size(&frame[AV_FRAME_ENVELOPE]) + blob.n;
    if (from.n >= sizeof sender || (!av_sender_valid(from) && !av_sender_is_broker(from))) {
        self->counters.malformed++;
        return;
    }
    memcpy(sender, from.p, from.n);
    sender[from.n] = '\0';
    rc = av_envelope_open(
        av_span_of(zmq_msg_data(&frame[AV_FRAME_ENVELOPE]), zmq_msg_size(&frame[AV_FRAME_ENVELOPE])), &env, &err);
    if (rc == AV_OK && blob.n > AV_PEER_BLOB_MAX)
        rc = av_error_set(&err, AV_ERR_LIMIT, "blob: %zu bytes, %u is the most", blob.n, AV_PEER_BLOB_MAX);
    if (rc != AV_OK)
        self->counters.malformed++;
    self->config.on_message(self->config.ctx, sender, env, blob, rc == AV_OK ? NULL : &err);
}

/* true: something came. */
static bool
receive_batch(av_peer *self)
{
    for (int i = 0; i < BATCH && self->dealer != NULL; i++) {
        zmq_msg_t frame[AV_PEER_FRAMES];
        bool malformed = false, there;

        for (int k = 0; k < AV_PEER_FRAMES; k++)
            (void)zmq_msg_init(&frame[k]);
        there = socket_receive(self, frame, &malformed);
        if (there && malformed)
            self->counters.malformed++;
        else if (there)
            deliver(self, frame);
        av_peer_frames_close(frame);
        if (!there) {
            self->sent = false;
            return i > 0;
        }
    }
    self->sent = true; /* the batch was full: there may be more */
    return true;
}

static void
on_prepare(void *ctx)
{
    av_peer *self = ctx;
    bool nested = self->working, any;

    self->working = true;
    any = av_peer_read_events(self);
    av_peer_flush(self);
    any = receive_batch(self) || any;
    self->config.on_batch(self->config.ctx);
    av_peer_flush(self);
    self->working = nested;
    if (any)
        av_loop_worked(self->config.loop);
    if (self->sent && av_peer_can(self, ZMQ_POLLIN))
        av_loop_again(self->config.loop);
}

/* ---- the sockets ---- */

/* Ends the wait; see the head of this file. */
static void
on_dealer_fd(void *ctx, int fd, unsigned events)
{
    (void)ctx;
    (void)fd;
    (void)events;
}

static void
on_monitor_fd(void *ctx, int fd, unsigned events)
{
    av_peer *self = ctx;

    (void)fd;
    (void)events;
    self->events_wait = true;
}

void
av_peer_close_sockets(av_peer *self, int linger_ms)
{
    av_loop_remove_fd(&self->dealer_fd);
    av_loop_remove_fd(&self->monitor_fd);
    if (self->dealer != NULL) {
        (void)zmq_socket_monitor(self->dealer, NULL, 0);
        (void)zmq_setsockopt(self->dealer, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
        (void)zmq_close(self->dealer);
    }
    if (self->monitor != NULL)
        (void)zmq_close(self->monitor);
    self->dealer = self->monitor = NULL;
}

static bool
set_int(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

static bool
set_options(av_peer *self)
{
    int64_t max_frame = FRAME_MAX;
    void *s = self->dealer;

    return set_int(s, ZMQ_LINGER, 0) && set_int(s, ZMQ_IMMEDIATE, 1) && set_int(s, ZMQ_SNDHWM, 1000) &&
           set_int(s, ZMQ_RCVHWM, 1000) && set_int(s, ZMQ_RECONNECT_IVL, RECONNECT_MS) &&
           set_int(s, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS) && set_int(s, ZMQ_HANDSHAKE_IVL, 5000) &&
           set_int(s, ZMQ_HEARTBEAT_IVL, 10000) && set_int(s, ZMQ_HEARTBEAT_TIMEOUT, 15000) &&
           set_int(s, ZMQ_HEARTBEAT_TTL, 30000) && set_int(s, ZMQ_IPV6, 1) &&
           zmq_setsockopt(s, ZMQ_MAXMSGSIZE, &max_frame, sizeof max_frame) == 0 &&
           zmq_setsockopt(s, ZMQ_CURVE_SERVERKEY, self->config.broker_key, AV_KEY_SIZE) == 0 &&
           zmq_setsockopt(s, ZMQ_CURVE_PUBLICKEY, self->config.keys->public_key, AV_KEY_SIZE) == 0 &&
           zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, self->config.keys->secret_key, AV_KEY_SIZE) == 0;
}

static av_loop_fd *
watch(av_peer *self, void *socket, av_loop_fd_fn *fn)
{
    int fd = -1;
    size_t n = sizeof fd;

    (void)zmq_getsockopt(socket, ZMQ_FD, &fd, &n);
    return av_loop_add_fd(self->config.loop, fd, AV_LOOP_READ, fn, self);
}

av_errc
av_peer_open_sockets(av_peer *self, av_error *err)
{
    int events = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                 ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL;

    self->dealer = zmq_socket(self->zmq, ZMQ_DEALER);
    self->monitor = zmq_socket(self->zmq, ZMQ_PAIR);
    if (self->dealer == NULL || self->monitor == NULL || !set_options(self) ||
        zmq_socket_monitor(self->dealer, MONITOR_ENDPOINT, events) != 0 ||
        zmq_connect(self->monitor, MONITOR_ENDPOINT) != 0 || zmq_connect(self->dealer, self->endpoint) != 0) {
        (void)av_error_set(err, AV_ERR_INVALID, "bus socket to \"%s\": %s", self->endpoint, zmq_strerror(errno));
        av_peer_close_sockets(self, 0);
        return err->code;
    }
    self->dealer_fd = watch(self, self->dealer, on_dealer_fd);
    self->monitor_fd = watch(self, self->monitor, on_monitor_fd);
    self->events_wait = self->sent = true;
    av_loop_again(self->config.loop);
    return AV_OK;
}

/* ---- opening and closing ---- */

av_errc
av_peer_open(const av_peer_config *config, av_peer **ret, av_error *err)
{
    av_peer *self;
    av_errc rc;

    if (zmq_has("curve") != 1)
        return av_error_set(err, AV_ERR_UNSUPPORTED, "this libzmq was built without CURVE");
    self = av_xcalloc(1, sizeof *self);
    self->config = *config;
    self->endpoint = av_xstrdup(config->endpoint);
    self->last = &self->first;
    self->refused_retry = (av_retry){ .first_ms = AV_PEER_REFUSED_FIRST_MS, .max_ms = AV_PEER_REFUSED_MAX_MS };
    (void)snprintf(self->trouble, sizeof self->trouble, "no broker answers at %s", self->endpoint);
    self->zmq = zmq_ctx_new();
    assert(self->zmq != NULL);
    (void)zmq_ctx_set(self->zmq, ZMQ_IO_THREADS, 1);
    (void)zmq_ctx_set(self->zmq, ZMQ_MAX_SOCKETS, 16);
    rc = av_peer_open_sockets(self, err);
    if (rc != AV_OK) {
        (void)zmq_ctx_term(self->zmq);
        free(self->endpoint);
        free(self);
        return rc;
    }
    av_loop_add_prepare(config->loop, on_prepare, self);
    *ret = self;
    return AV_OK;
}

/* Until the queue is empty, the connection gone or the time over. */
static void
drain(av_peer *self, int64_t until_ms)
{
    while (self->up && self->ready && self->first != NULL) {
        zmq_pollitem_t item = { .socket = self->dealer, .events = ZMQ_POLLOUT };
        int64_t left = until_ms - av_clock_mono_ms();

        if (left <= 0 || zmq_poll(&item, 1, (long)left) <= 0)
            return;
        av_peer_flush(self);
    }
}

void
av_peer_destroy(av_peer **self, int linger_ms)
{
    av_peer *p = *self;
    int64_t until_ms = av_clock_mono_ms() + linger_ms;

    if (p == NULL)
        return;
    assert(!p->working);
    drain(p, until_ms);
    av_loop_remove_prepare(p->config.loop, on_prepare, p);
    av_loop_remove_timer(&p->again);
    av_peer_close_sockets(p, (int)AV_MAX(until_ms - av_clock_mono_ms(), 0));
    av_peer_queue_drop(p, true);
    (void)zmq_ctx_term(p->zmq);
    free(p->endpoint);
    free(p);
    *self = NULL;
}

/* ---- what others ask ---- */

bool
av_peer_is_up(const av_peer *self)
{
    return self->up;
}

void
av_peer_set_ready(av_peer *self)
{
    self->ready = self->up;
    av_retry_reset(&self->refused_retry);
}

bool
av_peer_is_clear(const av_peer *self)
{
    return self->ready && self->first == NULL;
}

const char *
av_peer_trouble(const av_peer *self)
{
    return self->trouble[0] == '\0' ? "the broker has not answered hello" : self->trouble;
}

bool
av_peer_is_refused(const av_peer *self)
{
    return self->refused;
}

const av_peer_counters *
av_peer_get_counters(const av_peer *self)
{
    return &self->counters;
}
