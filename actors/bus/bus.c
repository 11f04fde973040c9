/*
 * bus.c - opens and closes the bus, says hello, sorts what arrives, publishes
 */
#include "actors/bus/bus_priv.h"
#include "actors/bus/lookup.h"
#include "base/clock.h"
#include "base/log.h"

#define HELLO_AGAIN_MS 2000
#define LINGER_MS      1000
#define REPLAY_COUNT   1024
#define REPLAY_BYTES   (1024U * 1024)
#define REPLAY_AGE_MS  INT64_C(86400000) /* decisions.md 20 */

/* ---- lists ---- */

void
av_link_init(av_link *head)
{
    head->prev = head->next = head;
}

void
av_link_add(av_link *head, av_link *link)
{
    assert(link->next == link);
    link->prev = head->prev;
    link->next = head;
    head->prev->next = link;
    head->prev = link;
}

void
av_link_remove(av_link *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    av_link_init(link);
}

bool
av_link_empty(const av_link *head)
{
    return head->next == head;
}

av_link *
av_link_pop(av_link *head)
{
    av_link *first = head->next;

    if (first == head)
        return NULL;
    av_link_remove(first);
    return first;
}

/* ---- sending ---- */

bool
av_bus_send(av_bus *self, const char *to, const Archivolt__Envelope *env, av_span blob, av_peer_order order)
{
    zmq_msg_t msg;
    int rc = zmq_msg_init_size(&msg, blob.n);
    bool ok;

    assert(rc == 0);
    (void)rc;
    if (blob.n > 0)
        memcpy(zmq_msg_data(&msg), blob.p, blob.n);
    ok = av_peer_send(self->peer, to, env, &msg, order);
    (void)zmq_msg_close(&msg);
    self->blocked = self->blocked || !av_peer_is_clear(self->peer);
    return ok;
}

bool
av_bus_name_is(const char *sender, const char *name)
{
    return av_span_eq(av_sender_name(av_span_str(sender)), av_sender_name(av_span_str(name)));
}

void
av_bus_publish(av_bus *self, const ProtobufCMessage *status)
{
    AV_CLEANUP(av_buf_release) av_buf packed = { 0 };
    Archivolt__Envelope env;
    char topic[AV_ACTOR_NAME_MAX + 8];
    uint8_t *at;

    if (!self->ready)
        return;
    av_buf_init(&packed, AV_BUS_BLOB_MAX);
    at = av_buf_reserve(&packed, protobuf_c_message_get_packed_size(status) + 1);
    if (at == NULL)
        return;
    packed.n = protobuf_c_message_pack(status, at);
    (void)snprintf(topic, sizeof topic, "status/%s", self->keys.name);
    av_envelope_init(&env, ARCHIVOLT__KIND__KIND_STATUS, 0);
    env.topic = topic;
    env.has_sequence = true;
    env.sequence = self->sequence = AV_MAX(self->sequence + 1, (uint64_t)av_clock_wall_ms());
    (void)av_bus_send(self, "broker", &env, av_buf_span(&packed), AV_PEER_NEXT);
}

/* ---- hello ---- */

static void
say_hello(void *ctx)
{
    av_bus *self = ctx;
    Archivolt__Envelope env;

    av_envelope_init(&env, ARCHIVOLT__KIND__KIND_HELLO, 0);
    (void)av_bus_send(self, "broker", &env, av_span_of(NULL, 0), AV_PEER_FIRST);
}

static void
on_up(void *ctx)
{
    av_bus *self = ctx;

    av_loop_remove_timer(&self->hello_timer);
    self->hello_timer = av_loop_add_timer(self->config.loop, HELLO_AGAIN_MS, HELLO_AGAIN_MS, say_hello, self);
    say_hello(self);
}

static void
on_hello(av_bus *self, av_span blob)
{
    Archivolt__HelloReply *hello =
        archivolt__hello_reply__unpack(NULL, blob.n, blob.n == 0 ? (const uint8_t *)"" : blob.p);
    bool ok = hello != NULL && av_sender_valid(av_span_str(hello->you)) && strlen(hello->you) < sizeof self->you &&
              av_bus_name_is(hello->you, self->keys.name);

    if (ok && !self->ready && av_peer_is_up(self->peer)) {
        (void)snprintf(self->you, sizeof self->you, "%s", hello->you);
        av_loop_remove_timer(&self->hello_timer);
        self->ready = true;
        av_peer_set_ready(self->peer);
        AV_LOG(AV_LOG_INFO, "bus.ready", AV_STR("you", self->you), AV_STR("broker_version", hello->version));
        av_calls_on_ready(self);
        if (self->config.on_ready != NULL)
            self->config.on_ready(self->config.ctx, self->you);
    }
    if (!ok)
        AV_LOG(AV_LOG_ERROR, "bus.hello_refused", AV_STR("why", "the broker knows this key under another name"));
    if (hello != NULL)
        archivolt__hello_reply__free_unpacked(hello, NULL);
}

static void
on_down(void *ctx, const av_error *why)
{
    av_bus *self = ctx;
    bool was_ready = self->ready;

    av_loop_remove_timer(&self->hello_timer);
    self->ready = false;
    self->blocked = true;
    if (!was_ready)
        return;
    self->counters.reconnects++;
    AV_LOG(AV_LOG_WARN, "bus.down", AV_ERRF(why));
    av_bus_enter(self);
    av_calls_on_down(self, why);
    av_requests_on_down(self, why);
    av_bus_leave(self);
}

/* ---- what arrives ---- */

static void
sort_message(av_bus *self, const char *from, const Archivolt__Envelope *env, av_span blob)
{
    switch (env->kind) {
    case ARCHIVOLT__KIND__KIND_REQUEST:
        av_requests_on_request(self, from, env, blob, NULL);
        break;
    case ARCHIVOLT__KIND__KIND_REPLY:
        av_calls_on_message(self, from, env, blob);
        break;
    case ARCHIVOLT__KIND__KIND_ERROR:
    case ARCHIVOLT__KIND__KIND_CHUNK:
    case ARCHIVOLT__KIND__KIND_CREDIT:
        if (env->from_caller)
            av_requests_on_message(self, from, env, blob);
        else
            av_calls_on_message(self, from, env, blob);
        break;
    case ARCHIVOLT__KIND__KIND_CANCEL:
        av_requests_on_message(self, from, env, blob);
        break;
    case ARCHIVOLT__KIND__KIND_HELLO:
        if (av_sender_is_broker(av_span_str(from)))
            on_hello(self, blob);
        break;
    default:
        break;
    }
}

static void
on_message(void *ctx, const char *from, const Archivolt__Envelope *env, av_span blob, const av_error *bad)
{
    av_bus *self = ctx;

    av_bus_enter(self);
    if (bad == NULL)
        sort_message(self, from, env, blob);
    else if (env != NULL && env->kind == ARCHIVOLT__KIND__KIND_REQUEST)
        av_requests_on_request(self, from, env, blob, bad);
    else
        AV_LOG(AV_LOG_DEBUG, "bus.malformed", AV_STR("from", from), AV_ERRF(bad));
    av_bus_leave(self);
}

static void
on_batch(void *ctx)
{
    av_bus *self = ctx;

    if (self->busy == 0) {
        av_calls_sweep(self);
        av_requests_sweep(self);
        av_carrier_sweep(self->carrier);
    }
    av_bus_enter(self);
    av_streams_on_batch(self);
    av_bus_leave(self);
}

/* ---- open and close ---- */

static void
take_config(av_bus *self, const av_bus_config *config)
{
    self->config = *config;
    self->config.endpoint = NULL; /* the peer has its copy */
    self->node = av_xstrdup(config->node);
    self->config.node = self->node;
    self->keys = *config->keys;
    self->config.keys = &self->keys;
    if (self->config.receive_budget_bytes == 0)
        self->config.receive_budget_bytes = AV_BUS_BUDGET;
    if (self->config.max_reply_bytes == 0)
        self->config.max_reply_bytes = AV_BUS_MAX_REPLY;
    if (self->config.max_requests == 0)
        self->config.max_requests = AV_BUS_MAX_REQUESTS;
}

static void
free_parts(av_bus *self)
{
    av_carrier_destroy(&self->carrier);
    av_lookups_destroy(&self->lookups);
    av_replay_destroy(&self->replay);
    av_map_destroy(&self->handlers, free);
    av_map_destroy(&self->by_key, NULL);
    av_map_destroy(&self->requests, NULL);
    av_map_destroy(&self->calls, NULL);
    av_keypair_wipe(&self->keys);
    free(self->node);
    free(self);
}

av_errc
av_bus_open(const av_bus_config *config, av_bus **ret, av_error *err)
{
    av_bus *self = av_xcalloc(1, sizeof *self);
    av_peer_config peer = { .loop = config->loop,
        .endpoint = config->endpoint,
        .on_message = on_message,
        .on_up = on_up,
        .on_down = on_down,
        .on_batch = on_batch,
        .ctx = self };
    av_errc rc;

    take_config(self, config);
    av_link_init(&self->call_list);
    av_link_init(&self->retired_calls);
    av_link_init(&self->request_list);
    av_link_init(&self->retired_requests);
    av_link_init(&self->dirty);
    av_link_init(&self->incoming);
    av_link_init(&self->outgoing);
    self->calls = av_map_new();
    self->requests = av_map_new();
    self->by_key = av_map_new();
    self->handlers = av_map_new();
    self->replay = av_replay_new(REPLAY_COUNT, REPLAY_BYTES, REPLAY_AGE_MS);
    self->lookups = av_lookups_new(self);
    if (config->local_dir != NULL)
        self->carrier = av_carrier_new(self, config->local_dir);
    self->config.local_dir = NULL;
    peer.keys = &self->keys;
    peer.broker_key = self->config.broker_key;
    rc = av_peer_open(&peer, &self->peer, err);
    if (rc != AV_OK) {
        free_parts(self);
        return rc;
    }
    *ret = self;
    return AV_OK;
}

void
av_bus_destroy(av_bus **self)
{
    av_bus *bus = *self;

    if (bus == NULL)
        return;
    assert(bus->busy == 0); /* not from within a callback of the bus */
    av_bus_enter(bus);
    av_lookups_end_all(bus->lookups);
    av_calls_end_all(bus);
    av_requests_end_all(bus);
    av_bus_leave(bus);
    av_loop_remove_timer(&bus->hello_timer);
    av_peer_destroy(&bus->peer, LINGER_MS);
    av_calls_sweep(bus);
    av_requests_sweep(bus);
    free_parts(bus);
    *self = NULL;
}

bool
av_bus_is_ready(const av_bus *self)
{
    return self->ready;
}

av_loop *
av_bus_loop(const av_bus *self)
{
    return self->config.loop;
}

const av_keypair *
av_bus_keys(const av_bus *self)
{
    return &self->keys;
}

void
av_bus_serve(av_bus *self, const av_handler *handlers, size_t count, void *owner)
{
    for (size_t i = 0; i < count; i++) {
        struct served *served = av_xcalloc(1, sizeof *served);

        assert(av_proto_method(handlers[i].method) != NULL);
        *served = (struct served){ &handlers[i], owner };
        free(av_map_put_str(self->handlers, handlers[i].method, served));
    }
}

void
av_bus_set_session_check(av_bus *self, av_session_check_fn *check, void *ctx)
{
    self->session_check = check;
    self->session_ctx = ctx;
}

av_bus_counters
av_bus_get_counters(const av_bus *self)
{
    av_bus_counters counters = self->counters;

    counters.bytes_in = av_peer_get_counters(self->peer)->bytes_in;
    counters.bytes_out = av_peer_get_counters(self->peer)->bytes_out;
    return counters;
}
