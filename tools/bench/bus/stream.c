/*
 * stream.c - 50 MB from one actor to another: by the bus library through the broker, and from DEALER to ROUTER directly
 */
#include <errno.h>
#include <signal.h>
#include <zmq.h>

#include "actors/bus/bus.h"
#include "base/clock.h"
#include "proto/worker.pb-c.h"
#include "tools/bench/bus/bench.h"

enum { CHUNK = 65536, WINDOW = 1048576 };
#define BYTES (UINT64_C(50) * 1000 * 1000)

static uint8_t source[CHUNK];

/* ---- by the bus library: Intake.Put, whose upstream is a run of bytes ---- */

static void
on_data(void *ctx, av_stream *stream, av_span bytes)
{
    *(uint64_t *)ctx += bytes.n;
    av_stream_consumed(stream, bytes.n);
}

struct put {
    uint64_t got;
    av_request *request;
};

static void
on_end(void *ctx, av_stream *stream)
{
    struct put *put = ctx;
    Archivolt__RunAccount reply = ARCHIVOLT__RUN_ACCOUNT__INIT;

    (void)stream;
    reply.offered = reply.stored = put->got;
    av_request_reply(put->request, &reply.base);
}

static void
on_put(void *ctx, av_request *request, const ProtobufCMessage *body)
{
    static const av_stream_events events = { .on_data = on_data, .on_end = on_end };
    struct put *put = ctx;

    (void)body;
    *put = (struct put){ .request = request };
    if (av_request_upstream(request, &events, put) == NULL)
        bench_fail("no upstream");
}

static const av_handler handlers[] = { { "archivolt.Intake.Put", on_put } };

static av_bus *
open_bus(const bench_node *node, const av_keypair *keys, bench_way way)
{
    AV_CLEANUP(av_free) char *run = av_xasprintf("%s/run", node->dir);
    av_bus_config config = { .node = BENCH_NODE, .keys = keys, .local_dir = way == BENCH_LOCAL ? run : NULL };
    char endpoint[64];
    av_bus *bus = NULL;
    av_error err;

    bench_node_endpoint(node, 8472, endpoint);
    config.endpoint = endpoint;
    memcpy(config.broker_key, node->broker.public_key, AV_KEY_SIZE);
    memcpy(config.registry_key, node->sign_public, AV_SIGN_PUBLIC);
    if (av_loop_new(&config.loop, &err) != AV_OK || av_bus_open(&config, &bus, &err) != AV_OK ||
        av_bus_wait_ready(bus, 10000, &err) != AV_OK)
        bench_fail(err.msg);
    return bus;
}

struct receiver {
    const bench_node *node;
    bench_way way;
};

static void
run_receiver(void *ctx)
{
    const struct receiver *self = ctx;
    av_bus *bus = open_bus(self->node, &self->node->callee, self->way);
    struct put put = { 0 };

    av_bus_serve(bus, handlers, AV_COUNT(handlers), &put);
    av_loop_run(av_bus_loop(bus));
}

struct transfer {
    uint64_t sent, ask_pause; /* at this many bytes the receiver is frozen */
    pid_t receiver;
    bool done, frozen, ended;
    av_loop *loop;
};

static void
thaw(void *ctx)
{
    (void)kill(((struct transfer *)ctx)->receiver, SIGCONT);
}

static void
on_room(void *ctx, av_stream *stream)
{
    struct transfer *self = ctx;
    size_t room;

    while (!self->ended && (room = av_stream_room(stream)) > 0) {
        size_t n = (size_t)AV_MIN(AV_MIN(BYTES - self->sent, CHUNK), room);

        av_stream_write(stream, av_span_of(source, n));
        self->sent += n;
        if (self->sent == BYTES) {
            av_stream_end(stream);
            self->ended = true;
        }
        if (self->ask_pause != 0 && !self->frozen && self->sent >= self->ask_pause) {
            self->frozen = true;
            (void)kill(self->receiver, SIGSTOP);
            (void)av_loop_add_timer(self->loop, 1000, 0, thaw, self);
        }
    }
}

static void
on_done(void *ctx, av_call *call, const ProtobufCMessage *reply, const av_error *err)
{
    const Archivolt__RunAccount *account = (const void *)reply;

    (void)call;
    if (err != NULL)
        bench_fail(err->msg);
    if (account->stored != BYTES)
        bench_fail("bytes are missing");
    ((struct transfer *)ctx)->done = true;
}

static double
transfer(av_bus *bus, pid_t receiver, bool frozen)
{
    static const uint8_t run[16] = { 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd,
        0xee, 0xff };
    static const av_stream_events events = { .on_room = on_room };
    struct transfer self = { .receiver = receiver, .loop = av_bus_loop(bus), .ask_pause = frozen ? BYTES / 4 : 0 };
    Archivolt__IntakeRequest body = ARCHIVOLT__INTAKE_REQUEST__INIT;
    av_call_spec spec = { .to = "instance/demo",
        .method = "archivolt.Intake.Put",
        .body = &body.base,
        .done = on_done,
        .upstream = &events,
        .ctx = &self };
    int64_t from = av_clock_mono_us();

    body.run.data = (uint8_t *)(uintptr_t)run;
    body.run.len = sizeof run;
    body.first_item = 1;
    (void)av_bus_call(bus, &spec);
    while (!self.done)
        av_loop_turn(self.loop, 1000);
    return (double)BYTES / (double)(av_clock_mono_us() - from);
}

void
bench_stream_library(const bench_node *node, bench_way way, bench_stream *ret)
{
    struct receiver receiver = { node, way };
    pid_t pid = bench_child(run_receiver, &receiver);
    av_bus *bus = open_bus(node, &node->caller, way);
    av_loop *loop = av_bus_loop(bus);
    double rates[5];

    (void)zmq_poll(NULL, 0, 500); /* the receiver joins */
    ret->broker_before_mb = bench_resident_mb(node->pid);
    bench_peak_reset(node->pid);
    for (size_t i = 0; i < AV_COUNT(rates); i++)
        rates[i] = transfer(bus, pid, way == BENCH_FROZEN);
    ret->broker_peak_mb = bench_peak_mb(node->pid);
    if (way == BENCH_LOCAL && av_bus_get_counters(bus).local_streams == 0)
        bench_fail("no local socket");
    ret->mb_per_s = bench_quantile(rates, AV_COUNT(rates), 0.5);
    av_bus_destroy(&bus);
    av_loop_destroy(&loop);
    bench_child_end(pid);
}

/* ---- direct ---- */

/* Takes chunks; each half window of them is answered with one small message: credit. */
static void
run_direct_receiver(void *ctx)
{
    const bench_node *node = ctx;
    void *socket;
    char endpoint[64];
    uint64_t got = 0, told = 0;

    bench_node_endpoint(node, 8498, endpoint);
    socket = bench_server(zmq_ctx_new(), endpoint, &node->broker);
    for (;;) {
        zmq_msg_t from, chunk;

        (void)zmq_msg_init(&from);
        (void)zmq_msg_init(&chunk);
        if (zmq_msg_recv(&from, socket, 0) < 0 || zmq_msg_recv(&chunk, socket, 0) < 0)
            bench_fail("receive");
        got += zmq_msg_size(&chunk);
        (void)zmq_msg_close(&chunk);
        if (got - told >= WINDOW / 2 || got % BYTES == 0) {
            told = got;
            (void)zmq_msg_send(&from, socket, ZMQ_SNDMORE);
            (void)zmq_send(socket, &told, sizeof told, 0);
        } else {
            (void)zmq_msg_close(&from);
        }
    }
}

static double
direct_transfer(void *socket, uint64_t base)
{
    uint64_t sent = 0, consumed = 0;
    int64_t from = av_clock_mono_us();

    while (consumed < BYTES) {
        while (sent < BYTES && sent - consumed + CHUNK <= WINDOW) {
            size_t n = (size_t)AV_MIN(BYTES - sent, CHUNK);

            if (zmq_send(socket, source, n, 0) < 0)
                bench_fail("send");
            sent += n;
        }
        if (zmq_recv(socket, &consumed, sizeof consumed, 0) != (int)sizeof consumed)
            bench_fail("receive");
        consumed -= base;
    }
    return (double)BYTES / (double)(av_clock_mono_us() - from);
}

double
bench_stream_direct(const bench_node *node)
{
    pid_t pid = bench_child(run_direct_receiver, (void *)(uintptr_t)node);
    void *context = zmq_ctx_new(), *socket;
    char endpoint[64];
    double rates[5];

    (void)zmq_poll(NULL, 0, 300);
    bench_node_endpoint(node, 8498, endpoint);
    socket = bench_client(context, endpoint, &node->caller, node->broker.public_key);
    for (size_t i = 0; i < AV_COUNT(rates); i++)
        rates[i] = direct_transfer(socket, i * BYTES);
    (void)zmq_close(socket);
    (void)zmq_ctx_term(context);
    bench_child_end(pid);
    return bench_quantile(rates, AV_COUNT(rates), 0.5);
}
