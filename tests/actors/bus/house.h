/*
 * house.h - buses of several actors on one loop, over the real broker (tests/broker/rig.h)
 *
 * Header only, for the tests of this folder. A test program that is started with --callee is a callee in a process of
 * its own (house_callee_main), for what needs killing and freezing.
 */
#ifndef AV_TESTS_BUS_HOUSE_H
#define AV_TESTS_BUS_HOUSE_H

#include "actors/bus/bus.h"
#include "proto/archive.pb-c.h"
#include "proto/host.pb-c.h"
#include "proto/management.pb-c.h"
#include "proto/status.pb-c.h"
#include "proto/worker.pb-c.h"
#include "tests/broker/rig.h"

#define HOUSE_WORKER "worker/n1/00112233445566778899aabbccddeeff"

typedef struct house {
    rig rig;
    av_loop *loop;
    const char *local_dir; /* NULL: streams go through the broker */
} house;

AV_UNUSED static void
house_init(house *self)
{
    av_error err;

    rig_init(&self->rig);
    AV_CHECK_RC(av_loop_new(&self->loop, &err), AV_OK, &err);
}

AV_UNUSED static void
house_release(house *self)
{
    av_loop_destroy(&self->loop);
    rig_release(&self->rig);
}

AV_UNUSED static av_bus_config
house_config(house *self, const av_keypair *keys, char endpoint[64])
{
    av_bus_config config = { .loop = self->loop, .endpoint = endpoint, .node = RIG_NODE, .keys = keys };

    config.local_dir = self->local_dir;
    (void)snprintf(endpoint, 64, "tcp://127.0.0.1:%u", 8471 + self->rig.offset);
    memcpy(config.broker_key, self->rig.broker.public_key, AV_KEY_SIZE);
    memcpy(config.registry_key, self->rig.sign_public, AV_SIGN_PUBLIC);
    return config;
}

/* A bus that is ready. */
AV_UNUSED static av_bus *
house_bus(house *self, const av_keypair *keys)
{
    char endpoint[64];
    av_bus_config config = house_config(self, keys, endpoint);
    av_bus *bus = NULL;
    av_error err;

    AV_CHECK_RC(av_bus_open(&config, &bus, &err), AV_OK, &err);
    AV_CHECK_RC(av_bus_wait_ready(bus, 10000, &err), AV_OK, &err);
    return bus;
}

AV_UNUSED static void
house_turn(house *self, unsigned ms)
{
    int64_t until = av_clock_mono_ms() + ms;

    while (av_clock_mono_ms() < until)
        av_loop_turn(self->loop, 10);
}

/* Turns the loop until *flag, at most ms. */
AV_UNUSED static bool
house_until(house *self, const bool *flag, unsigned ms)
{
    int64_t until = av_clock_mono_ms() + ms;

    while (!*flag && av_clock_mono_ms() < until)
        av_loop_turn(self->loop, 20);
    return *flag;
}

/* ---- a call that remembers its outcome ---- */

typedef struct outcome {
    bool done;
    unsigned count; /* must stay 1 */
    ProtobufCMessage *reply;
    av_error err;
} outcome;

AV_UNUSED static void
outcome_done(void *ctx, av_call *call, const ProtobufCMessage *reply, const av_error *err)
{
    outcome *self = ctx;

    (void)call;
    self->done = true;
    self->count++;
    self->err = err == NULL ? (av_error){ 0 } : *err;
    if (reply != NULL && self->reply == NULL) {
        size_t n = protobuf_c_message_get_packed_size(reply);
        uint8_t *packed = av_xalloc(n + 1);

        n = protobuf_c_message_pack(reply, packed);
        self->reply = protobuf_c_message_unpack(reply->descriptor, NULL, n, packed);
        free(packed);
    }
}

AV_UNUSED static void
outcome_release(outcome *self)
{
    if (self->reply != NULL)
        protobuf_c_message_free_unpacked(self->reply, NULL);
    memset(self, 0, sizeof *self);
}

AV_UNUSED static av_call *
house_ping(av_bus *bus, const char *to, uint32_t timeout_ms, outcome *out)
{
    Archivolt__Empty body = ARCHIVOLT__EMPTY__INIT;
    av_call_spec spec = { .to = to,
        .method = "archivolt.Actor.Ping",
        .body = &body.base,
        .timeout_ms = timeout_ms,
        .done = outcome_done,
        .ctx = out };

    return av_bus_call(bus, &spec);
}

/* ---- a callee ---- */

typedef struct callee {
    av_bus *bus;
    unsigned pings, starts;
    bool hold; /* keep requests instead of answering */
    av_request *held[64];
    size_t held_n;
    unsigned gone;
} callee;

AV_UNUSED static void
callee_gone(void *ctx, av_request *request)
{
    callee *self = ctx;

    (void)request;
    self->gone++;
}

AV_UNUSED static void
callee_answer(callee *self, av_request *request)
{
    if (strcmp(av_request_method(request)->method, "Ping") == 0) {
        Archivolt__PingReply reply = ARCHIVOLT__PING_REPLY__INIT;

        reply.actor = (char *)(uintptr_t)av_bus_keys(self->bus)->name;
        reply.version = (char *)(uintptr_t) "test";
        reply.uptime_ms = self->pings;
        av_request_reply(request, &reply.base);
    } else {
        Archivolt__HostInstance reply = ARCHIVOLT__HOST_INSTANCE__INIT;

        reply.instance_id = (char *)(uintptr_t) "demo";
        reply.state = ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_RUNNING;
        reply.has_restarts = true;
        reply.restarts = self->starts; /* tells a second run from a repeated answer */
        av_request_reply(request, &reply.base);
    }
}

AV_UNUSED static void
callee_answer_held(callee *self)
{
    for (size_t i = 0; i < self->held_n; i++)
        callee_answer(self, self->held[i]);
    self->held_n = 0;
}

AV_UNUSED static void
callee_take(callee *self, av_request *request)
{
    if (!self->hold || self->held_n == AV_COUNT(self->held)) {
        callee_answer(self, request);
        return;
    }
    self->held[self->held_n++] = request;
    av_request_on_gone(request, callee_gone, self);
}

AV_UNUSED static void
callee_ping(void *ctx, av_request *request, const ProtobufCMessage *body)
{
    callee *self = ctx;

    (void)body;
    self->pings++;
    callee_take(self, request);
}

AV_UNUSED static void
callee_start(void *ctx, av_request *request, const ProtobufCMessage *body)
{
    callee *self = ctx;

    (void)body;
    self->starts++;
    callee_take(self, request);
}

static const av_handler callee_handlers[] = {
    { "archivolt.Actor.Ping", callee_ping },
    { "archivolt.Host.StartInstance", callee_start },
    { "archivolt.Host.Wake", callee_start },
};

AV_UNUSED static void
callee_open(callee *self, house *at, const av_keypair *keys)
{
    memset(self, 0, sizeof *self);
    self->bus = house_bus(at, keys);
    av_bus_serve(self->bus, callee_handlers, AV_COUNT(callee_handlers), self);
}

AV_UNUSED static av_call *
house_start_instance(av_bus *bus, const uint8_t *key, const char *id, uint32_t timeout_ms, outcome *out)
{
    Archivolt__InstanceIdRequest body = ARCHIVOLT__INSTANCE_ID_REQUEST__INIT;
    av_call_spec spec = { .to = "host/n1",
        .method = "archivolt.Host.StartInstance",
        .body = &body.base,
        .timeout_ms = timeout_ms,
        .idempotency_key = key,
        .done = outcome_done,
        .ctx = out };

    body.instance_id = (char *)(uintptr_t)id;
    return av_bus_call(bus, &spec);
}

/* ---- a callee in a process of its own: PROGRAM --callee KEYFILE ENDPOINT BROKER_KEY_HEX ---- */

AV_UNUSED static int
house_callee_main(char **argv)
{
    av_bus_config config = { .endpoint = argv[3], .node = RIG_NODE };
    callee self = { 0 };
    av_keypair keys;
    av_loop *loop;
    av_error err;

    av_secret_init();
    av_log_init("callee", AV_LOG_ERROR, false);
    if (av_keypair_load(argv[2], &keys, &err) != AV_OK || av_loop_new(&loop, &err) != AV_OK)
        return 1;
    config.loop = loop;
    config.keys = &keys;
    if (!av_hex_decode(av_span_str(argv[4]), config.broker_key, AV_KEY_SIZE) ||
        av_bus_open(&config, &self.bus, &err) != AV_OK)
        return 1;
    av_bus_serve(self.bus, callee_handlers, AV_COUNT(callee_handlers), &self);
    for (;;)
        av_loop_turn(loop, 1000);
}

AV_UNUSED static pid_t
house_spawn_callee(house *self, const av_keypair *keys)
{
    char key_path[300], endpoint[64], hex[80];
    av_error err;
    pid_t pid;

    (void)snprintf(key_path, sizeof key_path, "%s/keys/callee.key", self->rig.dir);
    (void)snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%u", 8471 + self->rig.offset);
    av_hex_encode(av_span_of(self->rig.broker.public_key, AV_KEY_SIZE), hex);
    AV_CHECK_RC(av_keypair_save(keys, key_path, &err), AV_OK, &err);
    pid = fork();
    if (pid == 0) {
        (void)execl("/proc/self/exe", "callee", "--callee", key_path, endpoint, hex, (char *)NULL);
        _exit(127);
    }
    return pid;
}

#endif
