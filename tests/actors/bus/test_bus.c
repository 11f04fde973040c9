/*
 * test_bus.c - calls and requests over real CURVE sockets and the real broker
 */
#include "tests/actors/bus/house.h"

static house h;
static av_keypair k_management, k_host, k_gateway, k_cli, k_instance, k_stranger;

static void
set_up(void)
{
    house_init(&h);
    k_management = rig_actor(&h.rig, "management");
    k_host = rig_actor(&h.rig, "host/n1");
    k_gateway = rig_actor(&h.rig, "gateway@n1");
    k_cli = rig_actor(&h.rig, "cli/op");
    k_instance = rig_actor(&h.rig, "instance/demo");
    av_keypair_generate("cli/stranger", &k_stranger);
    rig_start(&h.rig, true);
}

static void
test_ping(void)
{
    Archivolt__Empty body = ARCHIVOLT__EMPTY__INIT;
    av_call_spec spec = { .to = "host/n1", .method = "archivolt.Actor.Ping", .body = &body.base };
    ProtobufCMessage *reply = NULL;
    callee host;
    av_bus *cli;
    av_error err;

    callee_open(&host, &h, &k_host);
    cli = house_bus(&h, &k_cli);
    AV_CHECK_RC(av_bus_call_wait(cli, &spec, &reply, &err), AV_OK, &err);
    if (reply != NULL) {
        AV_CHECK_STR(((Archivolt__PingReply *)reply)->actor, "host/n1");
        protobuf_c_message_free_unpacked(reply, NULL);
    }
    AV_CHECK_INT(host.pings, 1);
    AV_CHECK_INT(av_bus_get_counters(cli).calls, 1);
    AV_CHECK_INT(av_bus_get_counters(host.bus).replies, 1);
    av_bus_destroy(&cli);
    av_bus_destroy(&host.bus);
}

static void
expect_error(av_bus *bus, const char *to, const char *method, const ProtobufCMessage *body, av_errc want)
{
    av_call_spec spec = { .to = to, .method = method, .body = body, .timeout_ms = 600 };
    av_error err = { 0 };

    AV_CHECK_RC(av_bus_call_wait(bus, &spec, NULL, &err), want, &err);
    AV_CHECK(err.msg[0] != '\0');
}

static void
test_refusals(void)
{
    Archivolt__Empty empty = ARCHIVOLT__EMPTY__INIT;
    Archivolt__InstanceIdRequest id = ARCHIVOLT__INSTANCE_ID_REQUEST__INIT;
    char long_id[2000];
    callee host;
    av_bus *cli, *management;

    callee_open(&host, &h, &k_host);
    cli = house_bus(&h, &k_cli);
    management = house_bus(&h, &k_management);
    id.instance_id = (char *)(uintptr_t) "demo";
    expect_error(cli, "host/nowhere", "archivolt.Actor.Ping", &empty.base, AV_ERR_NO_ACTOR);
    expect_error(cli, "no such name", "archivolt.Actor.Ping", &empty.base, AV_ERR_NO_ACTOR);
    expect_error(cli, "host/n1", "archivolt.Operations.List", &empty.base, AV_ERR_UNSUPPORTED);
    expect_error(cli, "host/n1", "archivolt.Host.StartInstance", &id.base, AV_ERR_DENIED);
    expect_error(cli, "gateway@n1", "archivolt.Actor.Ping", &empty.base, AV_ERR_UNAVAILABLE);
    memset(long_id, 'a', sizeof long_id - 1);
    long_id[sizeof long_id - 1] = '\0';
    id.instance_id = long_id;
    expect_error(management, "host/n1", "archivolt.Host.StartInstance", &id.base, AV_ERR_LIMIT);
    id.instance_id = (char *)(uintptr_t) "\xff";
    expect_error(management, "host/n1", "archivolt.Host.StartInstance", &id.base, AV_ERR_INVALID);
    AV_CHECK_INT(host.starts, 0);
    av_bus_destroy(&management);
    av_bus_destroy(&cli);
    av_bus_destroy(&host.bus);
}

static void
test_deadline_and_cancel(void)
{
    outcome late = { 0 }, never = { 0 }, other = { 0 };
    av_call *call;
    callee host;
    av_bus *cli;

    callee_open(&host, &h, &k_host);
    host.hold = true;
    cli = house_bus(&h, &k_cli);
    (void)house_ping(cli, "host/n1", 300, &late);
    AV_CHECK(house_until(&h, &late.done, 3000));
    AV_CHECK_RC(late.err.code, AV_ERR_TIMEOUT, &late.err);
    house_turn(&h, 100);
    AV_CHECK_INT(host.gone, 1);

    call = house_ping(cli, "host/n1", 5000, &never);
    house_turn(&h, 200);
    AV_CHECK_INT(host.held_n, 2);
    av_call_cancel(&call);
    AV_CHECK(call == NULL);
    house_turn(&h, 200);
    AV_CHECK_INT(host.gone, 2);
    AV_CHECK_INT(never.count, 0);
    host.hold = false;
    callee_answer_held(&host); /* both answers are dropped */
    (void)house_ping(cli, "host/n1", 5000, &other);
    AV_CHECK(house_until(&h, &other.done, 3000));
    AV_CHECK_RC(other.err.code, AV_OK, &other.err);
    AV_CHECK_INT(late.count, 1);
    outcome_release(&other);
    av_bus_destroy(&cli);
    av_bus_destroy(&host.bus);
}

/* The same key: in work it is not run again, answered it gets the same answer, with another body it is a conflict. */
static void
test_idempotency(void)
{
    outcome first = { 0 }, again = { 0 }, third = { 0 }, conflict = { 0 };
    uint8_t key[16];
    callee host;
    av_bus *management;

    av_random_bytes(key, sizeof key);
    callee_open(&host, &h, &k_host);
    host.hold = true;
    management = house_bus(&h, &k_management);
    (void)house_start_instance(management, key, "demo", 5000, &first);
    house_turn(&h, 100);
    (void)house_start_instance(management, key, "demo", 5000, &again);
    house_turn(&h, 100);
    AV_CHECK_INT(host.starts, 1);
    AV_CHECK_INT(host.held_n, 1);
    (void)house_start_instance(management, key, "other", 5000, &conflict);
    AV_CHECK(house_until(&h, &conflict.done, 3000));
    AV_CHECK_RC(conflict.err.code, AV_ERR_CONFLICT, &conflict.err);
    callee_answer_held(&host);
    AV_CHECK(house_until(&h, &again.done, 3000));
    AV_CHECK_RC(again.err.code, AV_OK, &again.err);
    host.hold = false;
    (void)house_start_instance(management, key, "demo", 5000, &third);
    AV_CHECK(house_until(&h, &third.done, 3000));
    AV_CHECK_RC(third.err.code, AV_OK, &third.err);
    AV_CHECK_INT(host.starts, 1);
    /*
     * The first caller's own request was taken over by the second; it asks again within seconds and gets the same
     * answer.
     */
    AV_CHECK(house_until(&h, &first.done, 6000));
    AV_CHECK_RC(first.err.code, AV_OK, &first.err);
    AV_CHECK_INT(host.starts, 1);
    (void)house_start_instance(management, key, "third", 5000, &conflict);
    conflict.done = false;
    AV_CHECK(house_until(&h, &conflict.done, 3000));
    AV_CHECK_RC(conflict.err.code, AV_ERR_CONFLICT, &conflict.err);
    outcome_release(&first);
    outcome_release(&again);
    outcome_release(&third);
    av_bus_destroy(&management);
    av_bus_destroy(&host.bus);
}

/* Unavailable is tried again until somebody is there. */
static void
test_waits_for_the_callee(void)
{
    outcome out = { 0 }, strict = { 0 };
    Archivolt__Empty body = ARCHIVOLT__EMPTY__INIT;
    av_call_spec spec = { .to = "host/n1",
        .method = "archivolt.Actor.Ping",
        .body = &body.base,
        .no_retry = true,
        .done = outcome_done,
        .ctx = &strict };
    callee host;
    av_bus *cli = house_bus(&h, &k_cli);

    (void)house_ping(cli, "host/n1", 10000, &out);
    (void)av_bus_call(cli, &spec);
    AV_CHECK(house_until(&h, &strict.done, 3000));
    AV_CHECK_RC(strict.err.code, AV_ERR_UNAVAILABLE, &strict.err);
    AV_CHECK(!out.done);
    callee_open(&host, &h, &k_host);
    AV_CHECK(house_until(&h, &out.done, 5000));
    AV_CHECK_RC(out.err.code, AV_OK, &out.err);
    AV_CHECK(av_bus_get_counters(cli).retries > 0);
    outcome_release(&out);
    av_bus_destroy(&cli);
    av_bus_destroy(&host.bus);
}

/* Asleep: the host is asked once for all callers, and the calls are sent again when it says so. */
static void
test_wake(void)
{
    outcome out[3] = { { 0 } };
    callee host, instance;
    av_bus *cli = house_bus(&h, &k_cli);

    callee_open(&host, &h, &k_host);
    host.hold = true;
    for (size_t i = 0; i < AV_COUNT(out); i++)
        (void)house_ping(cli, "instance/demo", 10000, &out[i]);
    house_turn(&h, 300);
    AV_CHECK_INT(host.starts, 1);
    callee_open(&instance, &h, &k_instance);
    callee_answer_held(&host);
    for (size_t i = 0; i < AV_COUNT(out); i++) {
        AV_CHECK(house_until(&h, &out[i].done, 5000));
        AV_CHECK_RC(out[i].err.code, AV_OK, &out[i].err);
        outcome_release(&out[i]);
    }
    AV_CHECK_INT(instance.pings, 3);
    av_bus_destroy(&cli);
    av_bus_destroy(&instance.bus);
    av_bus_destroy(&host.bus);
}

static void
on_lookup(void *ctx, const uint8_t *public_key, const av_error *err)
{
    outcome *out = ctx;

    out->done = true;
    out->count++;
    out->err = err == NULL ? (av_error){ 0 } : *err;
    if (err == NULL)
        AV_CHECK_MEM(public_key, AV_KEY_SIZE, k_instance.public_key, AV_KEY_SIZE);
}

static void
test_lookup(void)
{
    av_bus *cli = house_bus(&h, &k_cli);
    outcome out = { 0 };

    for (int i = 0; i < 2; i++) { /* the second is remembered */
        out.done = false;
        av_bus_lookup(cli, "instance/demo", on_lookup, &out);
        AV_CHECK(!out.done);
        AV_CHECK(house_until(&h, &out.done, 3000));
        AV_CHECK_RC(out.err.code, AV_OK, &out.err);
    }
    AV_CHECK_INT(av_bus_get_counters(cli).calls, 1);
    out.done = false;
    av_bus_lookup(cli, "instance/none", on_lookup, &out);
    AV_CHECK(house_until(&h, &out.done, 3000));
    AV_CHECK(out.err.code != AV_OK);
    av_bus_destroy(&cli);
}

static void
test_refused_key(void)
{
    char endpoint[64];
    av_bus_config config = house_config(&h, &k_stranger, endpoint);
    outcome out = { 0 };
    av_bus *bus;
    av_error err;

    AV_CHECK_RC(av_bus_open(&config, &bus, &err), AV_OK, &err);
    AV_CHECK_RC(av_bus_wait_ready(bus, 5000, &err), AV_ERR_DENIED, &err);
    (void)house_ping(bus, "host/n1", 300, &out); /* waits for a connection, until its deadline */
    AV_CHECK(house_until(&h, &out.done, 3000));
    AV_CHECK_RC(out.err.code, AV_ERR_UNAVAILABLE, &out.err);
    AV_CHECK(strstr(out.err.msg, "key") != NULL);
    av_bus_destroy(&bus);
}

static void
test_destroy_ends_calls(void)
{
    outcome out = { 0 };
    callee host;
    av_bus *cli = house_bus(&h, &k_cli);

    callee_open(&host, &h, &k_host);
    host.hold = true;
    (void)house_ping(cli, "host/n1", 5000, &out);
    house_turn(&h, 200);
    AV_CHECK_INT(host.held_n, 1);
    av_bus_destroy(&cli);
    AV_CHECK_INT(out.count, 1);
    AV_CHECK_RC(out.err.code, AV_ERR_CANCELLED, &out.err);
    house_turn(&h, 200);
    AV_CHECK_INT(host.gone, 1);
    av_bus_destroy(&host.bus);
}

/* Five thousand calls, 64 at a time: none lost, none twice. */
static void
test_many(void)
{
    enum { IN_FLIGHT = 64, ROUNDS = 40 };
    static outcome out[IN_FLIGHT];
    callee host;
    av_bus *cli = house_bus(&h, &k_cli);

    callee_open(&host, &h, &k_host);
    for (int round = 0; round < ROUNDS; round++) {
        memset(out, 0, sizeof out);
        for (size_t i = 0; i < IN_FLIGHT; i++)
            (void)house_ping(cli, "host/n1", 10000, &out[i]);
        for (size_t i = 0; i < IN_FLIGHT; i++) {
            AV_CHECK(house_until(&h, &out[i].done, 10000));
            AV_CHECK(out[i].count == 1 && out[i].err.code == AV_OK);
            outcome_release(&out[i]);
        }
    }
    AV_CHECK_INT(host.pings, IN_FLIGHT * ROUNDS);
    av_bus_destroy(&cli);
    av_bus_destroy(&host.bus);
}

int
main(void)
{
    set_up();
    AV_RUN(test_ping);
    AV_RUN(test_refusals);
    AV_RUN(test_deadline_and_cancel);
    AV_RUN(test_idempotency);
    AV_RUN(test_waits_for_the_callee);
    AV_RUN(test_wake);
    AV_RUN(test_lookup);
    AV_RUN(test_refused_key);
    AV_RUN(test_destroy_ends_calls);
    AV_RUN(test_many);
    house_release(&h);
    return av_check_done();
}
