/*
 * peer.c - see peer.h; socket options and their reasons: docs/bus.md, "Sockets"
 *
 * ZMQ_FD is edge triggered: it must be followed by a look at ZMQ_EVENTS after every send and every receive. So nothing
 * is done when it fires; all work is done in the loop's prepare hook, which runs before each wait.
 */
#include "actors/bus/peer.h"

#include <errno.h>

#include "actors/bus/names.h"
#include "actors/bus/retry.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"

#define FRAMES           3
#define BLOB_MAX         65536U
#define BATCH            100   /* messages taken before others get their turn */
#define FRAME_MAX        98304 /* ZMQ_MAXMSGSIZE: what an unadmitted or broken peer can make us hold */
#define RECONNECT_MS     250
#define RECONNECT_MAX_MS 2000 /* one broker a node: no herd that a longer pause would tame */
#define REFUSED_FIRST_MS 1000
#define REFUSED_MAX_MS   300000
#define MONITOR_ENDPOINT "inproc://monitor"

enum { TO, ENVELOPE, BLOB };

struct queued {
    zmq_msg_t frame[FRAMES];
    size_t bytes;
    av_peer_order order;
    struct queued *next;
};

struct av_peer {
    av_peer_config config;
    char *endpoint;
    void *zmq, *dealer, *monitor;
    av_loop_fd *dealer_fd, *monitor_fd;
    av_loop_timer *again; /* a new socket after a refused key */
    av_retry refused_retry;
    bool up, ready, refused, working;
    bool events_wait; /* the monitor's descriptor fired; nothing but read_events touches that socket */
    bool sent;        /* since the last empty receive: ZMQ_EVENTS must be looked at before waiting */
    struct queued *first, **last;
    size_t queued_bytes;
    char trouble[160];
    av_peer_counters counters;
};

static av_errc open_sockets(av_peer *self, av_error *err);

/* ---- the queue ---- */

static void
frames_close(zmq_msg_t *frame)
{
    for (int i = 0; i < FRAMES; i++)
        (void)zmq_msg_close(&frame[i]);
}

static void
queued_free(struct queued *q)
{
    frames_close(q->frame);
    free(q);
}

static void
queue_push(av_peer *self, zmq_msg_t *frame, size_t bytes, av_peer_order order)
{
    struct queued *q = av_xcalloc(1, sizeof *q);

    for (int i = 0; i < FRAMES; i++) {
        (void)zmq_msg_init(&q->frame[i]);
        (void)zmq_msg_move(&q->frame[i], &frame[i]);
    }
    q->bytes = bytes;
    q->order = order;
    *self->last = q;
    self->last = &q->next;
    self->queued_bytes += bytes;
}

/* Take out the entries that do not outlive the connection, or all. */
static void
queue_drop(av_peer *self, bool all)
{
    struct queued **at = &self->first;

    while (*at != NULL) {
        struct queued *q = *at;

        if (!all && q->order == AV_PEER_KEEP) {
            at = &q->next;
            continue;
        }
        *at = q->next;
        self->queued_bytes -= q->bytes;
        queued_free(q);
    }
    self->last = at;
}

/* ---- sending ---- */

/* Reads the I/O thread's commands and says what the socket would do now. */
static bool
can(const av_peer *self, int what)
{
    int events = 0;
    size_t n = sizeof events;

    return self->dealer != NULL && zmq_getsockopt(self->dealer, ZMQ_EVENTS, &events, &n) == 0 && (events & what) != 0;
}

typedef enum sent { SENT, SENT_FULL, SENT_LOST } sent;

static sent
socket_send(av_peer *self, zmq_msg_t *frame)
{
    self->sent = true;
    for (int i = 0; i < FRAMES; i++) {
        int rc;

        do
            rc = zmq_msg_send(&frame[i], self->dealer, ZMQ_DONTWAIT | (i + 1 < FRAMES ? ZMQ_SNDMORE : 0));
        while (rc < 0 && errno == EINTR);
        /* Commands of the I/O thread may have stood unread: a new pipe, or room. */
        if (rc < 0 && i == 0 && can(self, ZMQ_POLLOUT))
            rc = zmq_msg_send(&frame[i], self->dealer, ZMQ_DONTWAIT | ZMQ_SNDMORE);
        if (rc >= 0)
            continue;
        if (i == 0)
            return SENT_FULL;
        /*
         * The pipe went away within the message: libzmq rolled it back and drops its other parts. The loss is that of
         * the connection, and is healed as such.
         */
        for (i++; i < FRAMES; i++)
            (void)zmq_msg_send(&frame[i], self->dealer, ZMQ_DONTWAIT | (i + 1 < FRAMES ? ZMQ_SNDMORE : 0));
        return SENT_LOST;
    }
    return SENT;
}

static void
flush(av_peer *self)
{
    while (self->first != NULL && self->up && self->ready) {
        struct queued *q = self->first;

        if (socket_send(self, q->frame) == SENT_FULL)
            return;
        self->first = q->next;
        if (self->first == NULL)
            self->last = &self->first;
        self->queued_bytes -= q->bytes;
        self->counters.bytes_out += q->bytes;
        queued_free(q);
    }
}

static bool
may_go(const av_peer *self, av_peer_order order)
{
    return self->up && (self->ready || order == AV_PEER_FIRST);
}

static void
make_frames(zmq_msg_t *frame, const char *to, const Archivolt__Envelope *env, zmq_msg_t *blob)
{
    size_t to_n = strlen(to), env_n = archivolt__envelope__get_packed_size(env);
    int rc;

    rc = zmq_msg_init_size(&frame[TO], to_n);
    assert(rc == 0);
    memcpy(zmq_msg_data(&frame[TO]), to, to_n);
    rc = zmq_msg_init_size(&frame[ENVELOPE], env_n);
    assert(rc == 0);
    (void)archivolt__envelope__pack(env, zmq_msg_data(&frame[ENVELOPE]));
    (void)zmq_msg_init(&frame[BLOB]);
    if (blob != NULL)
        (void)zmq_msg_move(&frame[BLOB], blob);
}

bool
av_peer_send(av_peer *self, const char *to, const Archivolt__Envelope *env, zmq_msg_t *blob, av_peer_order order)
{
    size_t ceiling = order == AV_PEER_KEEP ? 2U * AV_PEER_QUEUE_MAX : AV_PEER_QUEUE_MAX, bytes;
    zmq_msg_t frame[FRAMES];
    bool go = may_go(self, order), went;

    if ((!go && order != AV_PEER_KEEP) || self->queued_bytes > ceiling) {
        if (go)
            self->counters.refused_full++;
        if (blob != NULL)
            (void)zmq_msg_close(blob), (void)zmq_msg_init(blob);
        return false;
    }
    make_frames(frame, to, env, blob);
    bytes = zmq_msg_size(&frame[TO]) + zmq_msg_size(&frame[ENVELOPE]) + zmq_msg_size(&frame[BLOB]);
    assert(zmq_msg_size(&frame[ENVELOPE]) <= AV_ENVELOPE_FRAME_MAX && zmq_msg_size(&frame[BLOB]) <= BLOB_MAX);
    if (!self->working) /* a send from outside may swallow ZMQ_FD's edge: look again before waiting */
        av_loop_again(self->config.loop);
    went = go && (self->first == NULL || order == AV_PEER_FIRST) && socket_send(self, frame) != SENT_FULL;
    if (went)
        self->counters.bytes_out += bytes;
    else if (order != AV_PEER_FIRST) /* what is kept must not go out before hello: hello never waits behind it */
        queue_push(self, frame, bytes, order);
    frames_close(frame);
    return went || order != AV_PEER_FIRST;
}

/* ---- receiving ---- */

/* One whole message; false: none there. A message that has not three frames comes as malformed. */
static bool
socket_receive(av_peer *self, zmq_msg_t *frame, bool *ret_malformed)
{
    zmq_msg_t rest;
    int n = 0;

    for (int more = 1; more != 0; n++) {
        zmq_msg_t *at = n < FRAMES ? &frame[n] : &rest;
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
    *ret_malformed = n != FRAMES;
    return true;
}

static void
deliver(av_peer *self, zmq_msg_t *frame)
{
    AV_CLEANUP(av_envelope_free) Archivolt__Envelope *env = NULL;
    av_span from = av_span_of(zmq_msg_data(&frame[TO]), zmq_msg_size(&frame[TO]));
    av_span blob = av_span_of(zmq_msg_data(&frame[BLOB]), zmq_msg_size(&frame[BLOB]));
    char sender[AV_SENDER_MAX];
    av_error err;
    av_errc rc;

    self->counters.bytes_in += from.n + zmq_msg_size(&frame[ENVELOPE]) + blob.n;
    if (from.n >= sizeof sender || (!av_sender_valid(from) && !av_sender_is_broker(from))) {
        self->counters.malformed++;
        return;
    }
    memcpy(sender, from.p, from.n);
    sender[from.n] = '\0';
    rc = av_envelope_open(av_span_of(zmq_msg_data(&frame[ENVELOPE]), zmq_msg_size(&frame[ENVELOPE])), &env, &err);
    if (rc == AV_OK && blob.n > BLOB_MAX)
        rc = av_error_set(&err, AV_ERR_LIMIT, "blob: %zu bytes, %u is the most", blob.n, BLOB_MAX);
    if (rc != AV_OK)
        self->counters.malformed++;
    self->config.on_message(self->config.ctx, sender, env, blob, rc == AV_OK ? NULL : &err);
}

/* true: something came. */
static bool
receive_batch(av_peer *self)
{
    for (int i = 0; i < BATCH && self->dealer != NULL; i++) {
        zmq_msg_t frame[FRAMES];
        bool malformed = false, there;

        for (int k = 0; k < FRAMES; k++)
            (void)zmq_msg_init(&frame[k]);
        there = socket_receive(self, frame, &malformed);
        if (there && malformed)
            self->counters.malformed++;
        else if (there)
            deliver(self, frame);
        frames_close(frame);
        if (!there) {
            self->sent = false;
            return i > 0;
        }
    }
    self->sent = true; /* the batch was full: there may be more */
    return true;
}

/* ---- the connection ---- */

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

static void
close_sockets(av_peer *self, int linger_ms)
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

static void
went_down(av_peer *self, av_errc code, const char *why)
{
    bool was_up = self->up;
    av_error err;

    self->up = self->ready = false;
    queue_drop(self, false);
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
    if (open_sockets(self, &err) != AV_OK) {
        AV_LOG(AV_LOG_ERROR, "bus.socket", AV_ERRF(&err));
        self->again = av_loop_add_timer(self->config.loop, REFUSED_MAX_MS, 0, on_again, self);
    }
}

/* The broker knows the key not, or not any more: this socket will never be connected again. */
static void
was_refused(av_peer *self)
{
    uint32_t pause = av_retry_next(&self->refused_retry, av_random_u64());

    AV_LOG(AV_LOG_WARN, "bus.refused", AV_STR("actor_key", self->config.keys->name), AV_STR("broker", self->endpoint),
        AV_U64("again_ms", pause));
    close_sockets(self, 0);
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

static bool
read_events(av_peer *self)
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

static void
on_prepare(void *ctx)
{
    av_peer *self = ctx;
    bool nested = self->working, any;

    self->working = true;
    any = read_events(self);
    flush(self);
    any = receive_batch(self) || any;
    self->config.on_batch(self->config.ctx);
    flush(self);
    self->working = nested;
    if (any)
        av_loop_worked(self->config.loop);
    if (self->sent && can(self, ZMQ_POLLIN))
        av_loop_again(self->config.loop);
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

static av_errc
open_sockets(av_peer *self, av_error *err)
{
    int events = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                 ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL;

    self->dealer = zmq_socket(self->zmq, ZMQ_DEALER);
    self->monitor = zmq_socket(self->zmq, ZMQ_PAIR);
    if (self->dealer == NULL || self->monitor == NULL || !set_options(self) ||
        zmq_socket_monitor(self->dealer, MONITOR_ENDPOINT, events) != 0 ||
        zmq_connect(self->monitor, MONITOR_ENDPOINT) != 0 || zmq_connect(self->dealer, self->endpoint) != 0) {
        (void)av_error_set(err, AV_ERR_INVALID, "bus socket to \"%s\": %s", self->endpoint, zmq_strerror(errno));
        close_sockets(self, 0);
        return err->code;
    }
    self->dealer_fd = watch(self, self->dealer, on_dealer_fd);
    self->monitor_fd = watch(self, self->monitor, on_monitor_fd);
    self->events_wait = self->sent = true;
    av_loop_again(self->config.loop);
    return AV_OK;
}

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
    self->refused_retry = (av_retry){ .first_ms = REFUSED_FIRST_MS, .max_ms = REFUSED_MAX_MS };
    (void)snprintf(self->trouble, sizeof self->trouble, "no broker answers at %s", self->endpoint);
    self->zmq = zmq_ctx_new();
    assert(self->zmq != NULL);
    (void)zmq_ctx_set(self->zmq, ZMQ_IO_THREADS, 1);
    (void)zmq_ctx_set(self->zmq, ZMQ_MAX_SOCKETS, 16);
    rc = open_sockets(self, err);
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
        flush(self);
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
    close_sockets(p, (int)AV_MAX(until_ms - av_clock_mono_ms(), 0));
    queue_drop(p, true);
    (void)zmq_ctx_term(p->zmq);
    free(p->endpoint);
    free(p);
    *self = NULL;
}

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
