/*
 * test_broken.c - the broker killed and started again, a frozen and a killed callee, a revoked key
 *
 * What is random follows from a seed that is printed; AV_SEED=N repeats a run.
 */
#include "tests/actors/bus/house.h"

#define ROUNDS 4

static house h;
static av_keypair k_management, k_host, k_gateway, k_cli;

static uint64_t
next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static uint64_t
seed(void)
{
    const char *given = getenv("AV_SEED");
    uint64_t value = given != NULL ? strtoull(given, NULL, 10) : (av_random_u64() >> 16) | 1;

    printf("  AV_SEED=%llu\n", (unsigned long long)value);
    return value;
}

/* Open calls are sent again over the new connection, and what changes state is done once. */
static void
test_broker_killed(void)
{
    enum { CALLS = 12 };
    static outcome pings[CALLS], starts[CALLS];
    uint64_t random = seed();
    av_bus *cli, *management;
    callee host;

    callee_open(&host, &h, &k_host);
    cli = house_bus(&h, &k_cli);
    management = house_bus(&h, &k_management);
    for (int round = 0; round < ROUNDS; round++) {
        unsigned starts_before = host.starts;
        av_error err;

        av_check_row = round;
        AV_CHECK_RC(av_bus_wait_ready(cli, 10000, &err), AV_OK, &err);
        AV_CHECK_RC(av_bus_wait_ready(management, 10000, &err), AV_OK, &err);
        AV_CHECK_RC(av_bus_wait_ready(host.bus, 10000, &err), AV_OK, &err);
        memset(pings, 0, sizeof pings);
        memset(starts, 0, sizeof starts);
        host.hold = round % 2 == 1; /* killed while the requests are in work */
        for (size_t i = 0; i < CALLS; i++) {
            (void)house_ping(cli, "host/n1", 20000, &pings[i]);
            (void)house_start_instance(management, NULL, "demo", 20000, &starts[i]);
        }
        for (uint64_t turns = next_random(&random) % 12; turns > 0; turns--)
            av_loop_turn(h.loop, 1);
        AV_CHECK_INT(rig_kill(&h.rig, SIGKILL), 1000 + SIGKILL);
        house_turn(&h, (unsigned)(next_random(&random) % 200));
        AV_CHECK(rig_try_start(&h.rig));
        if (host.hold) {
            house_turn(&h, 1500);
            callee_answer_held(&host);
            host.hold = false;
        }
        for (size_t i = 0; i < CALLS; i++) {
            AV_CHECK(house_until(&h, &pings[i].done, 20000));
            AV_CHECK(house_until(&h, &starts[i].done, 20000));
            AV_CHECK_RC(pings[i].err.code, AV_OK, &pings[i].err);
            AV_CHECK_RC(starts[i].err.code, AV_OK, &starts[i].err);
            AV_CHECK(pings[i].count == 1 && starts[i].count == 1);
            outcome_release(&pings[i]);
            outcome_release(&starts[i]);
        }
        AV_CHECK_INT(host.starts - starts_before, CALLS);
    }
    av_check_row = -1;
    AV_CHECK_INT(av_bus_get_counters(cli).reconnects, ROUNDS);
    av_bus_destroy(&management);
    av_bus_destroy(&cli);
    av_bus_destroy(&host.bus);
}

static bool
can_ping(av_bus *bus, unsigned ms)
{
    outcome out = { 0 };
    bool ok;

    (void)house_ping(bus, "host/n1", ms, &out);
    ok = house_until(&h, &out.done, ms + 2000) && out.err.code == AV_OK;
    outcome_release(&out);
    return ok;
}

/*
 * A callee that is frozen says nothing: the deadline answers. Thawed, it answers what still waits. Killed, its
 * successor does.
 */
static void
test_callee_frozen_and_killed(void)
{
    outcome late = { 0 }, patient = { 0 }, heir = { 0 };
    av_bus *cli = house_bus(&h, &k_cli);
    pid_t pid = house_spawn_callee(&h, &k_host);

    AV_CHECK(can_ping(cli, 5000));
    (void)kill(pid, SIGSTOP);
    (void)house_ping(cli, "host/n1", 500, &late);
    (void)house_ping(cli, "host/n1", 15000, &patient);
    AV_CHECK(house_until(&h, &late.done, 3000));
    AV_CHECK_RC(late.err.code, AV_ERR_TIMEOUT, &late.err);
    AV_CHECK(!patient.done);
    (void)kill(pid, SIGCONT);
    AV_CHECK(house_until(&h, &patient.done, 10000));
    AV_CHECK_RC(patient.err.code, AV_OK, &patient.err);

    (void)kill(pid, SIGSTOP);
    (void)house_ping(cli, "host/n1", 15000, &heir);
    house_turn(&h, 200);
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    pid = house_spawn_callee(&h, &k_host);
    AV_CHECK(house_until(&h, &heir.done, 15000));
    AV_CHECK_RC(heir.err.code, AV_OK, &heir.err);
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    outcome_release(&patient);
    outcome_release(&heir);
    av_bus_destroy(&cli);
}

/* A revoked key: connected or not, nobody hears it any more; a new key under the same name is heard. */
static void
test_revoked(void)
{
    Archivolt__UpdateRegistryRequest body = ARCHIVOLT__UPDATE_REGISTRY_REQUEST__INIT;
    Archivolt__SignedEntry *entries[2];
    av_call_spec spec = { .to = "broker", .method = "archivolt.Broker.UpdateRegistry", .body = &body.base };
    av_keypair fresh;
    av_bus *management = house_bus(&h, &k_management), *gateway = house_bus(&h, &k_gateway), *second;
    callee host;
    av_error err;

    callee_open(&host, &h, &k_host);
    AV_CHECK(can_ping(gateway, 3000));
    av_keypair_generate("gateway@n1", &fresh);
    entries[0] = rig_entry(&h.rig, &k_gateway, ++h.rig.serial, true, RIG_NODE, NULL);
    entries[1] = rig_entry(&h.rig, &fresh, ++h.rig.serial, false, RIG_NODE, NULL);
    body.entries = entries;
    body.n_entries = 2;
    AV_CHECK_RC(av_bus_call_wait(management, &spec, NULL, &err), AV_OK, &err);
    AV_CHECK(!can_ping(gateway, 1500));
    AV_CHECK_INT(host.pings, 1);
    AV_CHECK_RC(av_bus_wait_ready(gateway, 100, &err) == AV_OK ? AV_OK : AV_ERR_DENIED, AV_ERR_DENIED, &err);
    second = house_bus(&h, &fresh);
    AV_CHECK(can_ping(second, 3000));
    archivolt__signed_entry__free_unpacked(entries[0], NULL);
    archivolt__signed_entry__free_unpacked(entries[1], NULL);
    av_bus_destroy(&second);
    av_bus_destroy(&gateway);
    av_bus_destroy(&management);
    av_bus_destroy(&host.bus);
}

int
main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "--callee") == 0)
        return house_callee_main(argv);
    house_init(&h);
    k_management = rig_actor(&h.rig, "management");
    k_host = rig_actor(&h.rig, "host/n1");
    k_gateway = rig_actor(&h.rig, "gateway@n1");
    k_cli = rig_actor(&h.rig, "cli/op");
    rig_start(&h.rig, true);
    AV_RUN(test_broker_killed);
    AV_RUN(test_callee_frozen_and_killed);
    AV_RUN(test_revoked);
    house_release(&h);
    return av_check_done();
}
