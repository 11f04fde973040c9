/*
 * test_admission.c - who may connect, and what becomes of a connected peer whose key is revoked; persistence over
 * restarts
 */
#include "tests/broker/rig.h"

static rig r;
static av_keypair management, gateway, demo, other_node, stranger;
static client c_management, c_gateway, c_demo;
static message got;
static av_error err;

/* ZAP 300: the same socket is admitted by itself once there is a registry. */
static void
test_never_paired(void)
{
    (void)snprintf(r.set, sizeof r.set, "handshake_ms=400");
    rig_start(&r, false);
    client_open(&r, &management, &c_management);
    AV_CHECK(!client_hello(&c_management, 700));
    rig_write(&r, "broker/registry.bin", r.registry.p, r.registry.n);
    AV_CHECK(client_receive(&c_management, 8000, &got)); /* the hello from before */
    message_release(&got);
    AV_CHECK(client_hello(&c_management, 5000));
    client_close(&c_management);
    AV_CHECK_INT(rig_kill(&r, SIGTERM), 0);
    r.set[0] = '\0';
}

/* A node without registry.pub starts too, and takes the key over when pairing writes it. */
static void
test_pairing_brings_the_key(void)
{
    char path[256], hex[80];

    (void)snprintf(path, sizeof path, "%s/registry.pub", r.dir);
    AV_CHECK(unlink(path) == 0);
    (void)snprintf(path, sizeof path, "%s/broker/registry.bin", r.dir);
    AV_CHECK(unlink(path) == 0);
    (void)snprintf(r.set, sizeof r.set, "handshake_ms=400");
    rig_start(&r, false);
    client_open(&r, &management, &c_management);
    AV_CHECK(!client_hello(&c_management, 500));
    rig_write(&r, "broker/registry.bin", r.registry.p, r.registry.n);
    av_hex_encode(av_span_of(r.sign_public, AV_SIGN_PUBLIC), hex);
    rig_write(&r, "registry.pub", hex, strlen(hex));
    sleep_ms(1500);
    AV_CHECK(client_hello(&c_management, 8000));
    client_close(&c_management);
    AV_CHECK_INT(rig_kill(&r, SIGTERM), 0);
    r.set[0] = '\0';
}

static void
test_known_and_unknown(void)
{
    client c;

    rig_start(&r, true);
    client_join(&r, &management, &c_management);
    client_join(&r, &gateway, &c_gateway);
    client_join(&r, &demo, &c_demo);
    client_open(&r, &stranger, &c);
    AV_CHECK(!client_hello(&c, 500));
    client_close(&c);
    client_open(&r, &other_node, &c); /* registered, but for another node's broker */
    AV_CHECK(!client_hello(&c, 500));
    client_close(&c);
}

/* Messages of a revoked key are dropped at once, its connection is cut and does not come back. */
static void
test_revoked_while_connected(void)
{
    uint64_t serial = 0;

    client_say(&c_demo, "gateway@n1", ARCHIVOLT__KIND__KIND_REQUEST, 1, false, av_span_str("before"));
    AV_CHECK(client_receive(&c_gateway, 3000, &got));
    message_release(&got);
    AV_CHECK_INT(
        client_update(&c_management, rig_entry(&r, &demo, ++r.serial, true, RIG_NODE, NULL), &serial, &err), AV_OK);
    AV_CHECK_INT(serial, r.serial);
    for (unsigned i = 0; i < 20; i++)
        client_say(&c_demo, "gateway@n1", ARCHIVOLT__KIND__KIND_REQUEST, 2, false, av_span_str("after"));
    AV_CHECK(!client_receive(&c_gateway, 700, &got));
    AV_CHECK(!client_hello(&c_demo, 300));
    client_say(&c_gateway, "instance/demo", ARCHIVOLT__KIND__KIND_REQUEST, 3, false, av_span_str(""));
    if (AV_CHECK(client_receive(&c_gateway, 3000, &got)))
        AV_CHECK_INT(got.envelope->error->code, AV_ERR_NO_ACTOR);
    message_release(&got);
    client_close(&c_demo);
    client_open(&r, &demo, &c_demo);
    AV_CHECK(!client_hello(&c_demo, 500));
    client_close(&c_demo);
}

static void
test_no_way_back(void)
{
    Archivolt__SignedEntry *entry;
    uint64_t serial = 0;

    AV_CHECK_INT(
        client_update(&c_management, rig_entry(&r, &demo, r.serial - 1, false, RIG_NODE, NULL), &serial, &err), AV_OK);
    AV_CHECK_INT(serial, r.serial);
    client_open(&r, &demo, &c_demo);
    AV_CHECK(!client_hello(&c_demo, 500));
    client_close(&c_demo);
    entry = rig_entry(&r, &stranger, r.serial + 1, false, RIG_NODE, NULL);
    entry->signature.data[0] ^= 1;
    AV_CHECK(client_update(&c_management, entry, NULL, &err) != AV_OK);
    client_open(&r, &stranger, &c_demo);
    AV_CHECK(!client_hello(&c_demo, 500));
    client_close(&c_demo);
}

/* SIGKILL right after the acknowledgement: the next broker holds the entry. */
static void
test_restart(void)
{
    av_keypair fresh;
    client c;

    av_keypair_generate("instance/fresh", &fresh);
    AV_CHECK_INT(
        client_update(&c_management, rig_entry(&r, &fresh, ++r.serial, false, RIG_NODE, NULL), NULL, &err), AV_OK);
    AV_CHECK_INT(rig_kill(&r, SIGKILL), 1000 + SIGKILL);
    if (!AV_CHECK(rig_try_start(&r))) /* on the same ports */
        return;
    AV_CHECK(client_hello(&c_gateway, 8000)); /* the old sockets find it by themselves */
    client_join(&r, &fresh, &c);
    client_say(&c, "gateway@n1", ARCHIVOLT__KIND__KIND_REQUEST, 9, false, av_span_str("new life"));
    if (AV_CHECK(client_receive(&c_gateway, 3000, &got)))
        AV_CHECK_STR(got.from, c.you);
    message_release(&got);
    client_close(&c);
    client_open(&r, &demo, &c_demo); /* still revoked */
    AV_CHECK(!client_hello(&c_demo, 500));
    client_close(&c_demo);
}

/* One key, many connections, one after the other: nothing is left of those that went. */
static void
test_churn(void)
{
    Archivolt__PeersRequest request = ARCHIVOLT__PEERS_REQUEST__INIT;
    Archivolt__PeersReply *reply;
    client c;

    AV_CHECK(client_hello(&c_management, 8000));
    for (unsigned i = 0; i < 50; i++) {
        client_join(&r, &gateway, &c);
        client_close(&c);
    }
    sleep_ms(500);
    AV_CHECK_INT(client_call(&c_management, "archivolt.Broker.Peers", &request.base, &got, &err), AV_OK);
    reply = archivolt__peers_reply__unpack(NULL, got.blob_n, got.blob);
    if (AV_CHECK(reply != NULL))
        AV_CHECK_INT(reply->n_peers, 2);
    archivolt__peers_reply__free_unpacked(reply, NULL);
}

static void
test_bad_start(void)
{
    rig second = r;

    /* The ports are taken: it says so and ends. */
    AV_CHECK(!rig_try_start(&second));
    AV_CHECK_INT(rig_kill(&r, SIGTERM), 0);
    rig_write(&r, "broker/registry.bin",
        "\x0a\x05"
        "hello",
        7);
    AV_CHECK(!rig_try_start(&r));
}

int
main(void)
{
    rig_init(&r);
    management = rig_actor(&r, "management");
    gateway = rig_actor(&r, "gateway@n1");
    demo = rig_actor(&r, "instance/demo");
    av_keypair_generate("instance/elsewhere", &other_node);
    {
        Archivolt__SignedEntry *entry = rig_entry(&r, &other_node, ++r.serial, false, "n2", NULL);

        rig_append(&r.registry, entry);
        archivolt__signed_entry__free_unpacked(entry, NULL);
    }
    av_keypair_generate("instance/stranger", &stranger);
    AV_RUN(test_never_paired);
    AV_RUN(test_pairing_brings_the_key);
    AV_RUN(test_known_and_unknown);
    AV_RUN(test_revoked_while_connected);
    AV_RUN(test_no_way_back);
    AV_RUN(test_restart);
    AV_RUN(test_churn);
    AV_RUN(test_bad_start);
    client_close(&c_management);
    client_close(&c_gateway);
    rig_release(&r);
    return av_check_done();
}
