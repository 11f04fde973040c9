/*
 * rounds.c - round trips of 200 bytes: DEALER to ROUTER directly, DEALER to DEALER through the broker, and by the bus
 * library
 *
 * All over CURVE, caller and callee in processes of their own. Both raw ways carry the same Envelope and blob; the
 * callee sends back what it got, to the first frame it got.
 */
#include <zmq.h>

#include "actors/bus/bus.h"
#include "actors/bus/envelope.h"
#include "base/clock.h"
#include "proto/status.pb-c.h"
#include "tools/bench/bus/bench.h"

enum { BLOB = 200, SINGLE = 5000, MANY = 60000, IN_FLIGHT = 64, FRAMES = 3 };

struct side {
    const bench_node *node;
    bool direct;
};

static void
send_bytes(void *socket, const void *p, size_t n, bool more)
{
    if (zmq_send(socket, p, n, more ? ZMQ_SNDMORE : 0) < 0)
        bench_fail("send");
}

static void
echo(void *socket)
{
    zmq_msg_t frames[FRAMES];

    for (;;) {
        for (size_t i = 0; i < FRAMES; i++) {
            (void)zmq_msg_init(&frames[i]);
            if (zmq_msg_recv(&frames[i], socket, 0) < 0)
                bench_fail("receive");
        }
        for (size_t i = 0; i < FRAMES; i++)
            if (zmq_msg_send(&frames[i], socket, i + 1 < FRAMES ? ZMQ_SNDMORE : 0) < 0)
                bench_fail("send");
    }
}

/* Join the bus: hello, and its answer away. */
static void
hello(void *socket)
{
    Archivolt__Envelope envelope;
    av_buf packed;
    zmq_msg_t frame;

    av_envelope_init(&envelope, ARCHIVOLT__KIND__KIND_HELLO, 0);
    av_buf_init(&packed, 1024);
    (void)av_envelope_pack(&envelope, &packed);
    send_bytes(socket, "broker", 6, true);
    send_bytes(socket, packed.p, packed.n, true);
    send_bytes(socket, "", 0, false);
    av_buf_release(&packed);
    for (size_t i = 0; i < FRAMES; i++) {
        (void)zmq_msg_init(&frame);
        (void)zmq_msg_recv(&frame, socket, 0);
        (void)zmq_msg_close(&frame);
    }
}

static void
run_echo(void *ctx)
{
    const struct side *side = ctx;
    void *context = zmq_ctx_new(), *socket;
    char endpoint[64];

    if (side->direct) {
        bench_node_endpoint(side->node, 8499, endpoint);
        socket = bench_server(context, endpoint, &side->node->broker);
    } else {
        bench_node_endpoint(side->node, 8472, endpoint);
        socket = bench_client(context, endpoint, &side->node->callee, side->node->broker.public_key);
        hello(socket);
    }
    (void)zmq_setsockopt(socket, ZMQ_RCVTIMEO, &(int){ -1 }, sizeof(int));
    echo(socket);
}

static void
ask(void *socket, bool direct, av_span envelope)
{
    static const uint8_t blob[BLOB];

    if (!direct)
        send_bytes(socket, "instance/demo", 13, true);
    send_bytes(socket, envelope.p, envelope.n, true);
    send_bytes(socket, blob, sizeof blob, false);
}

static void
take_answer(void *socket)
{
    zmq_msg_t frame;
    int more = 1;

    while (more) {
        (void)zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, socket, 0) < 0)
            bench_fail("receive");
        more = zmq_msg_more(&frame);
        (void)zmq_msg_close(&frame);
    }
}

static void
measure(void *socket, bool direct, av_span envelope, bench_rounds *ret)
{
    double *us = av_xcalloc(SINGLE, sizeof *us);
    int64_t from;

    for (unsigned i = 0; i < 500; i++) {
        ask(socket, direct, envelope);
        take_answer(socket);
    }
    for (unsigned i = 0; i < SINGLE; i++) {
        from = av_clock_mono_us();
        ask(socket, direct, envelope);
        take_answer(socket);
        us[i] = (double)(av_clock_mono_us() - from);
    }
    ret->p50_us = bench_quantile(us, SINGLE, 0.5);
    ret->p99_us = bench_quantile(us, SINGLE, 0.99);
    free(us);
    from = av_clock_mono_us();
    for (unsigned i = 0; i < MANY + IN_FLIGHT; i++) {
        if (i >= IN_FLIGHT)
            take_answer(socket);
        if (i < MANY)
            ask(socket, direct, envelope);
    }
    ret->per_s = MANY * 1e6 / (double)(av_clock_mono_us() - from);
}

static void
run(const bench_node *node, bool direct, bench_rounds *ret)
{
    struct side side = { node, direct };
    pid_t pid = bench_child(run_echo, &side);
    void *context = zmq_ctx_new(), *socket;
    char endpoint[64];
    av_buf envelope;

    (void)zmq_poll(NULL, 0, 300);
    bench_node_endpoint(node, direct ? 8499 : 8471, endpoint);
    socket = bench_client(context, endpoint, &node->caller, node->broker.public_key);
    if (!direct)
        hello(socket);
    av_buf_init(&envelope, 1024);
    bench_envelope(&envelope);
    measure(socket, direct, av_buf_span(&envelope), ret);
    av_buf_release(&envelope);
    (void)zmq_close(socket);
    (void)zmq_ctx_term(context);
    bench_child_end(pid);
}

void
bench_rounds_broker(const bench_node *node, bench_rounds *ret)
{
    run(node, false, ret);
}

void
bench_rounds_direct(const bench_node *node, bench_rounds *ret)
{
    run(node, true, ret);
}

/* ---- by the bus library ---- */

static void
on_ping(void *ctx, av_request *request, const ProtobufCMessage *body)
{
    Archivolt__PingReply reply = ARCHIVOLT__PING_REPLY__INIT;

    (void)ctx;
    (void)body;
    reply.actor = (char *)(uintptr_t) "instance/demo";
    reply.version = (char *)(uintptr_t)AV_VERSION;
    av_request_reply(request, &reply.base);
}

static const av_handler handlers[] = { { "archivolt.Actor.Ping", on_ping } };

static av_bus *
open_bus(const bench_node *node, const av_keypair *keys, unsigned port, bool serve)
{
    av_bus_config config = { .node = BENCH_NODE, .keys = keys };
    char endpoint[64];
    av_bus *bus = NULL;
    av_error err;

    bench_node_endpoint(node, port, endpoint);
    config.endpoint = endpoint;
    memcpy(config.broker_key, node->broker.public_key, AV_KEY_SIZE);
    memcpy(config.registry_key, node->sign_public, AV_SIGN_PUBLIC);
    if (av_loop_new(&config.loop, &err) != AV_OK || av_bus_open(&config, &bus, &err) != AV_OK)
        bench_fail(err.msg);
    if (serve)
        av_bus_serve(bus, handlers, AV_COUNT(handlers), NULL);
    if (av_bus_wait_ready(bus, 10000, &err) != AV_OK)
        bench_fail(err.msg);
    return bus;
}

static void
run_callee(void *ctx)
{
    av_bus *bus = open_bus(ctx, &((const bench_node *)ctx)->callee, 8472, true);

    av_loop_run(av_bus_loop(bus));
}

void
bench_rounds_library(const bench_node *node, bench_rounds *ret)
{
    pid_t pid = bench_child(run_callee, (void *)(uintptr_t)node);
    av_bus *bus = open_bus(node, &node->caller, 8471, false);
    av_loop *loop = av_bus_loop(bus);
    Archivolt__Empty empty = ARCHIVOLT__EMPTY__INIT;
    av_call_spec spec = { .to = "instance/demo", .method = "archivolt.Actor.Ping", .body = &empty.base };
    double *us = av_xcalloc(SINGLE, sizeof *us);
    av_error err;

    if (av_bus_call_wait(bus, &spec, NULL, &err) != AV_OK) /* tried again until the callee is there */
        bench_fail(err.msg);
    for (unsigned i = 0; i < SINGLE; i++) {
        int64_t from = av_clock_mono_us();

        if (av_bus_call_wait(bus, &spec, NULL, &err) != AV_OK)
            bench_fail(err.msg);
        us[i] = (double)(av_clock_mono_us() - from);
    }
    *ret = (bench_rounds){ bench_quantile(us, SINGLE, 0.5), bench_quantile(us, SINGLE, 0.99), 0 };
    free(us);
    av_bus_destroy(&bus);
    av_loop_destroy(&loop);
    bench_child_end(pid);
}
