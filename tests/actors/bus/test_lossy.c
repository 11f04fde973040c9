/*
 * test_lossy.c - a stand-in for the broker that drops, doubles, delays and blows up messages
 *
 * Each call still has exactly one outcome, what changes state is never done twice, and a stream that ends well holds
 * exactly the bytes that were sent. Which message suffers what follows from a seed that is printed; AV_SEED=N repeats a
 * run.
 */
#include "tests/actors/bus/house.h"

#define CALLS       50
#define LATER_MAX   64
#define STREAM_SIZE 700000U

typedef struct held {
    zmq_msg_t frame[3];
    char to[AV_ACTOR_NAME_MAX + 16];
    unsigned turns;
} held;

static struct {
    void *zmq, *router;
    char endpoint[64];
    av_keypair keys;
    const char *next_name; /* of the connection that says hello next */
    char names[4][AV_ACTOR_NAME_MAX + 16];
    zmq_msg_t ids[4];
    size_t n;
    uint64_t random;
    bool lossy;
    held later[LATER_MAX];
    size_t later_n;
    unsigned dropped, doubled, delayed, oversized;
} net;

static av_loop *loop;

static unsigned
chance(unsigned of)
{
    net.random ^= net.random << 13;
    net.random ^= net.random >> 7;
    net.random ^= net.random << 17;
    return (unsigned)(net.random % of);
}

static void
net_open(void)
{
    const char *given = getenv("AV_SEED");
    int one = 1, zero = 0;
    size_t n = sizeof net.endpoint;

    net.random = given != NULL ? strtoull(given, NULL, 10) : (av_random_u64() >> 16) | 1;
    printf("  AV_SEED=%llu\n", (unsigned long long)net.random);
    av_keypair_generate("broker@n1", &net.keys);
    net.zmq = zmq_ctx_new();
    net.router = zmq_socket(net.zmq, ZMQ_ROUTER);
    (void)zmq_setsockopt(net.router, ZMQ_LINGER, &zero, sizeof zero);
    (void)zmq_setsockopt(net.router, ZMQ_CURVE_SERVER, &one, sizeof one);
    (void)zmq_setsockopt(net.router, ZMQ_CURVE_SECRETKEY, net.keys.secret_key, AV_KEY_SIZE);
    AV_CHECK(zmq_bind(net.router, "tcp://127.0.0.1:*") == 0);
    AV_CHECK(zmq_getsockopt(net.router, ZMQ_LAST_ENDPOINT, net.endpoint, &n) == 0);
}

static int
name_of(zmq_msg_t *id)
{
    for (size_t i = 0; i < net.n; i++)
        if (zmq_msg_size(id) == zmq_msg_size(&net.ids[i]) &&
            memcmp(zmq_msg_data(id), zmq_msg_data(&net.ids[i]), zmq_msg_size(id)) == 0)
            return (int)i;
    return -1;
}

static void
send_to(size_t who, const void *from, size_t from_n, zmq_msg_t *env, zmq_msg_t *blob)
{
    zmq_msg_t copy;

    (void)zmq_send(net.router, zmq_msg_data(&net.ids[who]), zmq_msg_size(&net.ids[who]), ZMQ_SNDMORE);
    (void)zmq_send(net.router, from, from_n, ZMQ_SNDMORE);
    (void)zmq_msg_init(&copy);
    (void)zmq_msg_copy(&copy, env);
    (void)zmq_msg_send(&copy, net.router, ZMQ_SNDMORE);
    (void)zmq_msg_init(&copy);
    (void)zmq_msg_copy(&copy, blob);
    (void)zmq_msg_send(&copy, net.router, 0);
}

static void
say_hello(zmq_msg_t *id, zmq_msg_t *env)
{
    Archivolt__HelloReply hello = ARCHIVOLT__HELLO_REPLY__INIT;
    uint8_t packed[400];
    zmq_msg_t blob;
    int who = name_of(id);
    size_t n;

    if (who < 0) {
        who = (int)net.n++;
        (void)snprintf(net.names[who], sizeof net.names[who], "%s#%08x", net.next_name, who + 1);
        (void)zmq_msg_init(&net.ids[who]);
        (void)zmq_msg_copy(&net.ids[who], id);
    }
    hello.you = net.names[who];
    hello.node = hello.version = (char *)(uintptr_t) "n1";
    n = archivolt__hello_reply__pack(&hello, packed);
    (void)zmq_msg_init_size(&blob, n);
    memcpy(zmq_msg_data(&blob), packed, n);
    send_to((size_t)who, "broker@n1", 9, env, &blob);
    (void)zmq_msg_close(&blob);
}

/* The connection a name (with or without "#...") stands for. */
static int
find_name(const char *to, size_t n)
{
    for (size_t i = 0; i < net.n; i++)
        if (strlen(net.names[i]) >= n && memcmp(net.names[i], to, n) == 0)
            return (int)i;
    return -1;
}

static void
forward(int from, zmq_msg_t *to, zmq_msg_t *env, zmq_msg_t *blob)
{
    int who = find_name(zmq_msg_data(to), zmq_msg_size(to));
    const char *sender = net.names[from];
    unsigned fate = net.lossy ? chance(100) : 100;

    if (who < 0 || fate < 4) {
        net.dropped++;
        return;
    }
    if (fate >= 8 && fate < 12 && net.later_n < LATER_MAX) {
        held *h = &net.later[net.later_n++];

        net.delayed++;
        h->turns = 1 + chance(60);
        (void)snprintf(h->to, sizeof h->to, "%s", sender);
        for (int i = 0; i < 3; i++)
            (void)zmq_msg_init(&h->frame[i]);
        (void)zmq_msg_copy(&h->frame[0], &net.ids[who]);
        (void)zmq_msg_copy(&h->frame[1], env);
        (void)zmq_msg_copy(&h->frame[2], blob);
        return;
    }
    if (fate == 12) {
        zmq_msg_t huge;

        net.oversized++;
        (void)zmq_msg_init_size(&huge, 70000);
        memset(zmq_msg_data(&huge), 'x', 70000);
        send_to((size_t)who, sender, strlen(sender), env, &huge);
        (void)zmq_msg_close(&huge);
        return;
    }
    send_to((size_t)who, sender, strlen(sender), env, blob);
    if (fate >= 4 && fate < 8) {
        net.doubled++;
        send_to((size_t)who, sender, strlen(sender), env, blob);
    }
}

static void
release_later(void)
{
    for (size_t i = 0; i < net.later_n;) {
        held *h = &net.later[i];

        if (--h->turns > 0) {
            i++;
            continue;
        }
        send_to((size_t)name_of(&h->frame[0]), h->to, strlen(h->to), &h->frame[1], &h->frame[2]);
        for (int k = 0; k < 3; k++)
            (void)zmq_msg_close(&h->frame[k]);
        *h = net.later[--net.later_n];
    }
}

static void
net_turn(void)
{
    for (int i = 0; i < 100; i++) {
        zmq_msg_t frame[4];
        bool there = true;

        for (int k = 0; k < 4; k++)
            (void)zmq_msg_init(&frame[k]);
        for (int k = 0; k < 4 && there; k++)
            there = zmq_msg_recv(&frame[k], net.router, ZMQ_DONTWAIT) >= 0;
        if (there && zmq_msg_size(&frame[1]) == 6 && memcmp(zmq_msg_data(&frame[1]), "broker", 6) == 0)
            say_hello(&frame[0], &frame[2]); /* nothing else is asked of the broker here */
        else if (there && name_of(&frame[0]) >= 0)
            forward(name_of(&frame[0]), &frame[1], &frame[2], &frame[3]);
        for (int k = 0; k < 4; k++)
            (void)zmq_msg_close(&frame[k]);
        if (!there)
            break;
    }
    release_later();
}

static void
turn(void)
{
    net_turn();
    av_loop_turn(loop, 1);
}

static av_bus *
open_bus(const av_keypair *keys)
{
    av_bus_config config = { .loop = loop, .endpoint = net.endpoint, .node = "n1", .keys = keys };
    av_bus *bus = NULL;
    av_error err;

    memcpy(config.broker_key, net.keys.public_key, AV_KEY_SIZE);
    net.next_name = keys->name;
    AV_CHECK_RC(av_bus_open(&config, &bus, &err), AV_OK, &err);
    for (int i = 0; i < 5000 && !av_bus_is_ready(bus); i++)
        turn();
    AV_CHECK(av_bus_is_ready(bus));
    return bus;
}

static callee host;
static av_bus *management;

static void
test_calls(void)
{
    static outcome pings[CALLS], starts[CALLS];
    unsigned ok = 0;
    bool done = false;

    net.lossy = true;
    for (size_t i = 0; i < CALLS; i++) {
        (void)house_ping(management, "host/n1", 15000, &pings[i]);
        (void)house_start_instance(management, NULL, "demo", 15000, &starts[i]);
        turn();
    }
    while (!done) {
        turn();
        done = true;
        for (size_t i = 0; i < CALLS; i++)
            done = done && pings[i].done && starts[i].done;
    }
    for (int i = 0; i < 100; i++) /* what was delayed comes after all */
        turn();
    net.lossy = false;
    for (size_t i = 0; i < CALLS; i++) {
        av_errc codes[2] = { pings[i].err.code, starts[i].err.code };

        AV_CHECK(pings[i].count == 1 && starts[i].count == 1);
        for (int k = 0; k < 2; k++) {
            ok += codes[k] == AV_OK;
            AV_CHECK(codes[k] == AV_OK || codes[k] == AV_ERR_LIMIT || codes[k] == AV_ERR_TIMEOUT);
        }
        outcome_release(&pings[i]);
        outcome_release(&starts[i]);
    }
    AV_CHECK(host.starts <= CALLS); /* never one twice */
    AV_CHECK(ok >= 2 * CALLS * 8 / 10);
    printf("  %u of %d calls went well, %u started; dropped %u, doubled %u, delayed %u, oversized %u\n", ok, 2 * CALLS,
        host.starts, net.dropped, net.doubled, net.delayed, net.oversized);
}

/* ---- streams ---- */

static struct {
    uint64_t written, taken;
    bool bad, ended;
    av_request *request;
} s;

static void
on_data(void *ctx, av_stream *stream, av_span bytes)
{
    (void)ctx;
    for (size_t i = 0; i < bytes.n; i++)
        s.bad = s.bad || bytes.p[i] != (uint8_t)((s.taken + i) * 13 >> 3);
    s.taken += bytes.n;
    av_stream_consumed(stream, bytes.n);
}

static void
on_put_end(void *ctx, av_stream *stream)
{
    Archivolt__RunAccount reply = ARCHIVOLT__RUN_ACCOUNT__INIT;

    (void)ctx;
    (void)stream;
    s.ended = true;
    av_request_reply(AV_TAKE(s.request), &reply.base);
}

static void
on_put_gone(void *ctx, av_request *request)
{
    (void)ctx;
    s.request = NULL;
    av_request_failf(request, AV_ERR_CANCELLED, "gone");
}

static void
serve_put(void *owner, av_request *request, const ProtobufCMessage *body)
{
    static const av_stream_events events = { .on_data = on_data, .on_end = on_put_end };

    (void)owner;
    (void)body;
    s.request = request;
    s.taken = 0;
    av_request_on_gone(request, on_put_gone, NULL);
    (void)av_request_upstream(request, &events, NULL);
}

static void
on_room(void *ctx, av_stream *stream)
{
    uint8_t block[5000];
    size_t room;

    (void)ctx;
    while (s.written < STREAM_SIZE && (room = av_stream_room(stream)) > 0) {
        size_t n = (size_t)AV_MIN(STREAM_SIZE - s.written, AV_MIN(room, sizeof block));

        for (size_t i = 0; i < n; i++)
            block[i] = (uint8_t)((s.written + i) * 13 >> 3);
        av_stream_write(stream, av_span_of(block, n));
        s.written += n;
    }
    if (s.written == STREAM_SIZE)
        av_stream_end(stream);
}

static void
test_streams(void)
{
    static const av_handler put[] = { { "archivolt.Intake.Put", serve_put } };
    static const av_stream_events events = { .on_room = on_room };
    Archivolt__IntakeRequest body = ARCHIVOLT__INTAKE_REQUEST__INIT;
    av_keypair k_worker, k_instance;
    av_bus *worker, *instance;
    uint8_t run[16] = { 0 };
    unsigned ok = 0;

    av_keypair_generate(HOUSE_WORKER, &k_worker);
    av_keypair_generate("instance/demo", &k_instance);
    worker = open_bus(&k_worker);
    instance = open_bus(&k_instance);
    av_bus_serve(instance, put, 1, NULL);
    body.run = (ProtobufCBinaryData){ sizeof run, run };
    for (int round = 0; round < 8; round++) {
        outcome out = { 0 };
        av_call_spec spec = { .to = "instance/demo",
            .method = "archivolt.Intake.Put",
            .body = &body.base,
            .timeout_ms = 700,
            .done = outcome_done,
            .upstream = &events,
            .ctx = &out };

        memset(&s, 0, sizeof s);
        net.lossy = round > 0;
        (void)av_bus_call(worker, &spec);
        for (int i = 0; i < 20000 && !out.done; i++)
            turn();
        AV_CHECK_INT(out.count, 1);
        AV_CHECK(!s.bad);
        if (out.err.code == AV_OK) {
            ok++;
            AV_CHECK(s.ended && s.taken == STREAM_SIZE);
        }
        AV_CHECK(round > 0 || out.err.code == AV_OK);
        outcome_release(&out);
        for (int i = 0; i < 100; i++)
            turn();
    }
    net.lossy = false;
    printf("  %u of 8 streams went well\n", ok);
    for (int i = 0; i < 1200 && s.request != NULL; i++) /* the callee's own deadline ends the last one */
        turn();
    AV_CHECK(s.request == NULL);
    av_bus_destroy(&worker);
    av_bus_destroy(&instance);
}

int
main(void)
{
    av_keypair k_host, k_management;
    av_error err;

    av_secret_init();
    av_log_init("test", AV_LOG_ERROR, false);
    net_open();
    AV_CHECK_RC(av_loop_new(&loop, &err), AV_OK, &err);
    av_keypair_generate("host/n1", &k_host);
    av_keypair_generate("management", &k_management);
    host.bus = open_bus(&k_host);
    av_bus_serve(host.bus, callee_handlers, AV_COUNT(callee_handlers), &host);
    management = open_bus(&k_management);
    AV_RUN(test_calls);
    AV_RUN(test_streams);
    av_bus_destroy(&management);
    av_bus_destroy(&host.bus);
    av_loop_destroy(&loop);
    for (size_t i = 0; i < net.later_n; i++)
        for (int k = 0; k < 3; k++)
            (void)zmq_msg_close(&net.later[i].frame[k]);
    for (size_t i = 0; i < net.n; i++)
        (void)zmq_msg_close(&net.ids[i]);
    (void)zmq_close(net.router);
    (void)zmq_ctx_term(net.zmq);
    return av_check_done();
}
