/*
 * test_routing.c - names, exact connections, stamping, and every answer of the real broker to what it cannot deliver
 */
#include "tests/broker/rig.h"

static rig r;
static av_keypair management, gateway, demo, idle, host, worker;
static client c_management, c_gateway, c_demo;
static message got;

static void
expect(client *at, const char *from, int kind, uint64_t correlation, const char *blob)
{
    if (!AV_CHECK(client_receive(at, 3000, &got)))
        return;
    AV_CHECK_STR(got.from, from);
    AV_CHECK_INT(got.envelope->kind, kind);
    AV_CHECK_INT(got.envelope->correlation, correlation);
    AV_CHECK_MEM(got.blob, got.blob_n, blob, strlen(blob));
    message_release(&got);
}

static void
expect_error(client *at, int code, bool from_caller, uint64_t correlation, const char *actor)
{
    if (!AV_CHECK(client_receive(at, 3000, &got)))
        return;
    AV_CHECK_STR(got.from, "broker@n1");
    if (AV_CHECK(got.envelope->kind == ARCHIVOLT__KIND__KIND_ERROR)) {
        AV_CHECK_INT(got.envelope->error->code, code);
        AV_CHECK_INT(got.envelope->has_from_caller && got.envelope->from_caller, from_caller);
        AV_CHECK_INT(got.envelope->correlation, correlation);
        if (actor == NULL)
            AV_CHECK(got.envelope->error->actor == NULL);
        else
            AV_CHECK_STR(got.envelope->error->actor, actor);
    }
    message_release(&got);
}

static void
test_stamp_and_answer(void)
{
    client_say(&c_gateway, "instance/demo", ARCHIVOLT__KIND__KIND_REQUEST, 5, false, av_span_str("question"));
    expect(&c_demo, c_gateway.you, ARCHIVOLT__KIND__KIND_REQUEST, 5, "question");
    client_say(&c_demo, c_gateway.you, ARCHIVOLT__KIND__KIND_REPLY, 5, false, av_span_str("answer"));
    expect(&c_gateway, c_demo.you, ARCHIVOLT__KIND__KIND_REPLY, 5, "answer");
    /* All kinds pass unread. */
    client_say(&c_gateway, c_demo.you, ARCHIVOLT__KIND__KIND_CHUNK, 6, true, av_span_str("bytes"));
    expect(&c_demo, c_gateway.you, ARCHIVOLT__KIND__KIND_CHUNK, 6, "bytes");
}

/* Any of the endpoints of the node's roles is the same ROUTER. */
static void
test_other_endpoints(void)
{
    client other = { .of = &r, .keys = worker };

    for (unsigned port = 8472; port <= 8473; port++) {
        other.socket = rig_socket(&r, &worker, ZMQ_DEALER, port);
        AV_CHECK(client_hello(&other, 5000));
        client_say(&other, "instance/demo", ARCHIVOLT__KIND__KIND_REQUEST, port, false, av_span_str("x"));
        expect(&c_demo, other.you, ARCHIVOLT__KIND__KIND_REQUEST, port, "x");
        client_close(&other);
    }
}

/* A name goes to the connection that said hello last; answers to the exact one. */
static void
test_latest_hello(void)
{
    client second;

    client_join(&r, &demo, &second);
    AV_CHECK(strcmp(second.you, c_demo.you) != 0);
    client_say(&c_gateway, "instance/demo", ARCHIVOLT__KIND__KIND_REQUEST, 1, false, av_span_str("to the second"));
    expect(&second, c_gateway.you, ARCHIVOLT__KIND__KIND_REQUEST, 1, "to the second");
    client_say(&c_gateway, c_demo.you, ARCHIVOLT__KIND__KIND_REQUEST, 2, false, av_span_str("to the first"));
    expect(&c_demo, c_gateway.you, ARCHIVOLT__KIND__KIND_REQUEST, 2, "to the first");
    AV_CHECK(client_hello(&c_demo, 3000));
    client_say(&c_gateway, "instance/demo", ARCHIVOLT__KIND__KIND_REQUEST, 3, false, av_span_str("to the first again"));
    expect(&c_demo, c_gateway.you, ARCHIVOLT__KIND__KIND_REQUEST, 3, "to the first again");
    /* The first goes; the name falls to the one that is left, the old connection is nobody. */
    AV_CHECK(client_hello(&second, 3000));
    client_close(&second);
    sleep_ms(300);
    client_say(&c_gateway, "instance/demo", ARCHIVOLT__KIND__KIND_REQUEST, 4, false, av_span_str("left"));
    expect(&c_demo, c_gateway.you, ARCHIVOLT__KIND__KIND_REQUEST, 4, "left");
    client_say(&c_gateway, second.you, ARCHIVOLT__KIND__KIND_REQUEST, 5, false, av_span_str(""));
    expect_error(&c_gateway, AV_ERR_UNAVAILABLE, false, 5, NULL);
}

static void
test_not_there(void)
{
    char other[300];

    client_say(&c_gateway, "instance/nobody", ARCHIVOLT__KIND__KIND_REQUEST, 10, false, av_span_str(""));
    expect_error(&c_gateway, AV_ERR_NO_ACTOR, false, 10, NULL);
    client_say(&c_gateway, "instance/idle", ARCHIVOLT__KIND__KIND_REQUEST, 11, false, av_span_str(""));
    expect_error(&c_gateway, AV_ERR_ASLEEP, false, 11, "host/n1");
    client_say(&c_gateway, "host/n1", ARCHIVOLT__KIND__KIND_REQUEST, 12, false, av_span_str(""));
    expect_error(&c_gateway, AV_ERR_UNAVAILABLE, false, 12, NULL);
    /* A connection of somebody else, a number that is not one. */
    (void)snprintf(other, sizeof other, "management%s", strchr(c_demo.you, '#'));
    client_say(&c_gateway, other, ARCHIVOLT__KIND__KIND_REQUEST, 13, false, av_span_str(""));
    expect_error(&c_gateway, AV_ERR_UNAVAILABLE, false, 13, NULL);
    /* Chunk of the caller, chunk of the callee, reply: who it is about. */
    client_say(&c_gateway, "instance/idle#00000001", ARCHIVOLT__KIND__KIND_CHUNK, 14, true, av_span_str("x"));
    expect_error(&c_gateway, AV_ERR_UNAVAILABLE, false, 14, NULL);
    client_say(&c_gateway, "instance/idle#00000001", ARCHIVOLT__KIND__KIND_CHUNK, 15, false, av_span_str("x"));
    expect_error(&c_gateway, AV_ERR_UNAVAILABLE, true, 15, "instance/idle#00000001");
    client_say(&c_gateway, "instance/idle#00000001", ARCHIVOLT__KIND__KIND_REPLY, 16, false, av_span_str("x"));
    expect_error(&c_gateway, AV_ERR_UNAVAILABLE, true, 16, "instance/idle#00000001");
    /* Never an answer to an answer. */
    client_say(&c_gateway, "instance/idle", ARCHIVOLT__KIND__KIND_ERROR, 17, false, av_span_str(""));
    client_say(&c_gateway, "instance/idle", ARCHIVOLT__KIND__KIND_CANCEL, 18, false, av_span_str(""));
    client_say(&c_gateway, "instance/idle", ARCHIVOLT__KIND__KIND_CREDIT, 19, true, av_span_str(""));
    client_say(&c_gateway, "instance/nobody", ARCHIVOLT__KIND__KIND_REQUEST, 20, false, av_span_str(""));
    expect_error(&c_gateway, AV_ERR_NO_ACTOR, false, 20, NULL);
}

static void
test_sizes_and_versions(void)
{
    static uint8_t large[65537 + 100];
    Archivolt__Envelope envelope;

    memset(large, 'x', sizeof large);
    client_say(&c_gateway, "instance/demo", ARCHIVOLT__KIND__KIND_REQUEST, 30, false, av_span_of(large, 65537));
    expect_error(&c_gateway, AV_ERR_LIMIT, false, 30, NULL);
    client_say(&c_gateway, "instance/demo", ARCHIVOLT__KIND__KIND_REQUEST, 31, false, av_span_of(large, 65536));
    if (AV_CHECK(client_receive(&c_demo, 3000, &got)))
        AV_CHECK_INT(got.blob_n, 65536);
    message_release(&got);
    av_envelope_init(&envelope, ARCHIVOLT__KIND__KIND_REQUEST, 32);
    envelope.has_time_left_ms = true;
    envelope.time_left_ms = 1000;
    envelope.method = (char *)(uintptr_t) "archivolt.Actor.Ping";
    envelope.version = 2;
    client_send(&c_gateway, "broker", &envelope, av_span_str(""));
    expect_error(&c_gateway, AV_ERR_VERSION, false, 32, "broker@n1");
    client_send(&c_gateway, "instance/nobody", &envelope, av_span_str(""));
    expect_error(&c_gateway, AV_ERR_VERSION, false, 32, NULL);
    /* Not the broker's business when it can be delivered: receivers judge versions themselves. */
    client_send(&c_gateway, "instance/demo", &envelope, av_span_str(""));
    AV_CHECK(!client_receive(&c_demo, 1000, &got));
    message_release(&got);
}

static void
send_frames(client *self, const char *const *frames, size_t n)
{
    for (size_t i = 0; i < n; i++)
        AV_CHECK(zmq_send(self->socket, frames[i], strlen(frames[i]), i + 1 < n ? ZMQ_SNDMORE : 0) >= 0);
}

/* Wrong numbers of frames, addresses that are none: dropped, and the connection goes on. */
static void
test_malformed(void)
{
    static const struct {
        const char *frames[6];
        size_t n;
    } rows[] = {
        { { "" }, 1 },
        { { "instance/demo" }, 1 },
        { { "instance/demo", "x" }, 2 },
        { { "instance/demo", "x", "y", "z" }, 4 },
        { { "a", "b", "c", "d", "e", "f" }, 6 },
        { { "", "x", "y" }, 3 },
        { { "instance/demo", "", "y" }, 3 },
        { { "instance/demo#", "x", "y" }, 3 },
        { { "instance/demo#0000000", "x", "y" }, 3 },
        { { "instance/demo#0000000G", "x", "y" }, 3 },
        { { "#00000001", "x", "y" }, 3 },
        { { "instance/nobody", "\xff\xff\xff", "y" }, 3 },
        { { "broker", "\xff\xff\xff", "y" }, 3 },
        { { "broker", "x", "y" }, 3 },
    };

    for (size_t i = 0; i < AV_COUNT(rows); i++)
        send_frames(&c_gateway, rows[i].frames, rows[i].n);
    client_say(&c_gateway, "instance/nobody", ARCHIVOLT__KIND__KIND_REQUEST, 40, false, av_span_str(""));
    expect_error(&c_gateway, AV_ERR_NO_ACTOR, false, 40, NULL);
}

static void
test_broker_methods(void)
{
    Archivolt__Empty empty = ARCHIVOLT__EMPTY__INIT;
    Archivolt__LookupRequest lookup = ARCHIVOLT__LOOKUP_REQUEST__INIT;
    Archivolt__PeersRequest peers = ARCHIVOLT__PEERS_REQUEST__INIT;
    Archivolt__UpdateRegistryRequest update = ARCHIVOLT__UPDATE_REGISTRY_REQUEST__INIT;
    Archivolt__LookupReply *found;
    Archivolt__PeersReply *list;
    Archivolt__RegistryEntry *entry = NULL;
    av_error err;

    AV_CHECK_INT(client_call(&c_demo, "archivolt.Actor.Ping", &empty.base, &got, &err), AV_OK);
    AV_CHECK_INT(client_call(&c_demo, "archivolt.Actor.GetStatus", &empty.base, &got, &err), AV_ERR_DENIED);
    AV_CHECK_INT(client_call(&c_management, "archivolt.Actor.GetStatus", &empty.base, &got, &err), AV_OK);
    AV_CHECK_INT(client_call(&c_gateway, "archivolt.Broker.UpdateRegistry", &update.base, &got, &err), AV_ERR_DENIED);
    AV_CHECK_INT(client_call(&c_gateway, "archivolt.Broker.Peers", &peers.base, &got, &err), AV_ERR_DENIED);
    AV_CHECK_INT(client_call(&c_demo, "archivolt.Broker.None", &empty.base, &got, &err), AV_ERR_UNSUPPORTED);
    AV_CHECK_INT(client_call(&c_demo, "archivolt.Broker.Lookup", &empty.base, &got, &err), AV_ERR_SYNTAX);
    lookup.name = (char *)(uintptr_t) "instance/nobody";
    AV_CHECK_INT(client_call(&c_demo, "archivolt.Broker.Lookup", &lookup.base, &got, &err), AV_ERR_NOT_FOUND);
    lookup.name = (char *)(uintptr_t) "gateway@n1";
    AV_CHECK_INT(client_call(&c_demo, "archivolt.Broker.Lookup", &lookup.base, &got, &err), AV_OK);
    found = archivolt__lookup_reply__unpack(NULL, got.blob_n, got.blob);
    if (AV_CHECK(found != NULL)) {
        AV_CHECK(found->connected);
        AV_CHECK_RC(av_registry_entry_open(found->entry, r.sign_public, &entry, &err), AV_OK, &err);
        AV_CHECK_MEM(entry->public_key.data, entry->public_key.len, gateway.public_key, (size_t)AV_KEY_SIZE);
        archivolt__registry_entry__free_unpacked(entry, NULL);
        archivolt__lookup_reply__free_unpacked(found, NULL);
    }
    peers.prefix = (char *)(uintptr_t) "gateway@";
    AV_CHECK_INT(client_call(&c_management, "archivolt.Broker.Peers", &peers.base, &got, &err), AV_OK);
    list = archivolt__peers_reply__unpack(NULL, got.blob_n, got.blob);
    if (AV_CHECK(list != NULL) && AV_CHECK(list->n_peers == 1)) {
        AV_CHECK_STR(list->peers[0]->name, c_gateway.you);
        AV_CHECK(list->peers[0]->messages_in > 10 && list->peers[0]->refused > 5 && list->dropped > 5);
    }
    archivolt__peers_reply__free_unpacked(list, NULL);
}

int
main(void)
{
    rig_init(&r);
    management = rig_actor(&r, "management");
    gateway = rig_actor(&r, "gateway@n1");
    demo = rig_actor(&r, "instance/demo");
    idle = rig_actor(&r, "instance/idle");
    host = rig_actor(&r, "host/n1");
    worker = rig_actor(&r, "worker/n1/00112233445566778899aabbccddeeff");
    rig_start(&r, true);
    client_join(&r, &management, &c_management);
    client_join(&r, &gateway, &c_gateway);
    client_join(&r, &demo, &c_demo);
    AV_RUN(test_stamp_and_answer);
    AV_RUN(test_other_endpoints);
    AV_RUN(test_latest_hello);
    AV_RUN(test_not_there);
    AV_RUN(test_sizes_and_versions);
    AV_RUN(test_malformed);
    AV_RUN(test_broker_methods);
    client_close(&c_management);
    client_close(&c_gateway);
    client_close(&c_demo);
    rig_release(&r);
    return av_check_done();
}
