/*
 * test_topics.c - status: publishing on one's own topic, who may subscribe, last values, snapshots larger than a blob
 */
#include "tests/broker/rig.h"

static rig r;
static av_keypair management, gateway, demo, monitor, stranger;
static client c_management, c_demo;
static message got;
static av_error err;

static void
publish(client *self, const char *topic, const char *value)
{
    Archivolt__Envelope envelope;

    av_envelope_init(&envelope, ARCHIVOLT__KIND__KIND_STATUS, 0);
    envelope.topic = (char *)(uintptr_t)topic;
    envelope.has_sequence = true;
    envelope.sequence = 1;
    client_send(self, "broker", &envelope, av_span_str(value));
}

static void *
subscribe(const av_keypair *keys, const char *topic)
{
    void *sub = rig_socket(&r, keys, ZMQ_SUB, 8475);

    AV_CHECK(zmq_setsockopt(sub, ZMQ_SUBSCRIBE, topic, strlen(topic)) == 0);
    return sub;
}

/* One published value, or an empty topic when none came; ret_sequence of its Envelope. */
static bool
next_value(
    void *sub, int timeout_ms, char *topic, size_t topic_max, char *value, size_t value_max, uint64_t *ret_sequence)
{
    uint8_t bytes[20000];
    Archivolt__Envelope *envelope;
    int n;

    (void)zmq_setsockopt(sub, ZMQ_RCVTIMEO, &timeout_ms, sizeof timeout_ms);
    n = zmq_recv(sub, topic, topic_max - 1, 0);
    if (n < 0)
        return false;
    topic[n] = '\0';
    n = zmq_recv(sub, bytes, sizeof bytes, 0);
    envelope = archivolt__envelope__unpack(NULL, (size_t)n, bytes);
    AV_CHECK(envelope != NULL && envelope->kind == ARCHIVOLT__KIND__KIND_STATUS);
    if (envelope != NULL)
        *ret_sequence = envelope->sequence;
    archivolt__envelope__free_unpacked(envelope, NULL);
    n = zmq_recv(sub, value, value_max - 1, 0);
    value[n < 0 ? 0 : n] = '\0';
    return true;
}

static void
test_publish_and_subscribe(void)
{
    char topic[300], value[4000];
    uint64_t sequence = 0, before = 0;
    void *sub = subscribe(&monitor, "status/instance/");

    sleep_ms(500);
    for (unsigned i = 0; i < 3; i++) {
        publish(&c_demo, "status/instance/demo", "fine");
        if (!AV_CHECK(next_value(sub, 3000, topic, sizeof topic, value, sizeof value, &sequence)))
            break;
        AV_CHECK_STR(topic, "status/instance/demo");
        AV_CHECK_STR(value, "fine");
        AV_CHECK(sequence > before);
        before = sequence;
    }
    /* Somebody else's topic, no topic of status: not published. */
    publish(&c_demo, "status/instance/other", "forged");
    publish(&c_demo, "status/management", "forged");
    publish(&c_demo, "instance/demo", "forged");
    AV_CHECK(!next_value(sub, 500, topic, sizeof topic, value, sizeof value, &sequence));
    (void)zmq_close(sub);
}

static void
test_who_may_subscribe(void)
{
    char topic[300], value[4000];
    uint64_t sequence;
    void *as_gateway = subscribe(&gateway, ""), *as_demo = subscribe(&demo, ""),
         *as_stranger = subscribe(&stranger, "");

    sleep_ms(700);
    publish(&c_demo, "status/instance/demo", "fine");
    AV_CHECK(next_value(as_gateway, 3000, topic, sizeof topic, value, sizeof value, &sequence));
    AV_CHECK(!next_value(as_demo, 300, topic, sizeof topic, value, sizeof value, &sequence));
    AV_CHECK(!next_value(as_stranger, 300, topic, sizeof topic, value, sizeof value, &sequence));
    (void)zmq_close(as_gateway);
    (void)zmq_close(as_demo);
    (void)zmq_close(as_stranger);
}

static void
test_own_status(void)
{
    char topic[300], value[8000];
    uint64_t sequence;
    void *sub = subscribe(&monitor, "status/broker@n1");

    AV_CHECK(next_value(sub, 5000, topic, sizeof topic, value, sizeof value, &sequence));
    AV_CHECK_STR(topic, "status/broker@n1");
    (void)zmq_close(sub);
}

/* A subscriber whose key is revoked hears nothing more. */
static void
test_revoked_subscriber(void)
{
    char topic[300], value[4000];
    uint64_t sequence;
    void *sub = subscribe(&monitor, "status/instance/");

    sleep_ms(500);
    publish(&c_demo, "status/instance/demo", "one");
    AV_CHECK(next_value(sub, 3000, topic, sizeof topic, value, sizeof value, &sequence));
    AV_CHECK_INT(
        client_update(&c_management, rig_entry(&r, &monitor, ++r.serial, true, RIG_NODE, NULL), NULL, &err), AV_OK);
    sleep_ms(200);
    publish(&c_demo, "status/instance/demo", "two");
    AV_CHECK(!next_value(sub, 800, topic, sizeof topic, value, sizeof value, &sequence));
    (void)zmq_close(sub);
}

static Archivolt__SnapshotReply *
small_snapshot(const char *prefix)
{
    Archivolt__SnapshotRequest request = ARCHIVOLT__SNAPSHOT_REQUEST__INIT;

    request.prefix = (char *)(uintptr_t)prefix;
    AV_CHECK_INT(client_call(&c_management, "archivolt.Broker.Snapshot", &request.base, &got, &err), AV_OK);
    return archivolt__snapshot_reply__unpack(NULL, got.blob_n, got.blob);
}

static void
test_snapshot(void)
{
    Archivolt__SnapshotRequest request = ARCHIVOLT__SNAPSHOT_REQUEST__INIT;
    Archivolt__SnapshotReply *reply;

    publish(&c_demo, "status/instance/demo", "last");
    sleep_ms(200);
    reply = small_snapshot("status/instance/");
    if (AV_CHECK(reply != NULL && reply->n_topics == 1)) {
        AV_CHECK_STR(reply->topics[0]->topic, "status/instance/demo");
        AV_CHECK_MEM(reply->topics[0]->value.data, reply->topics[0]->value.len, "last", (size_t)4);
    }
    archivolt__snapshot_reply__free_unpacked(reply, NULL);
    AV_CHECK_INT(client_call(&c_demo, "archivolt.Broker.Snapshot", &request.base, &got, &err), AV_ERR_DENIED);
}

/* Ask for all of it with this first credit; collects chunks, gives credit back, and checks the end. */
static void
collect_long_reply(uint64_t credit)
{
    Archivolt__Envelope envelope;
    Archivolt__SnapshotReply *reply = NULL;
    uint8_t digest[AV_SHA256_SIZE];
    av_buf all;
    bool ended = false;

    av_buf_init(&all, 1 << 22);
    av_envelope_init(&envelope, ARCHIVOLT__KIND__KIND_REQUEST, 500);
    envelope.method = (char *)(uintptr_t) "archivolt.Broker.Snapshot";
    envelope.has_time_left_ms = true;
    envelope.time_left_ms = 5000;
    envelope.has_credit = true;
    envelope.credit = credit;
    client_send(&c_management, "broker", &envelope, av_span_str(""));
    while (!ended && AV_CHECK(client_receive(&c_management, 3000, &got))) {
        AV_CHECK_INT(got.envelope->correlation, 500);
        if (got.envelope->kind == ARCHIVOLT__KIND__KIND_CHUNK) {
            AV_CHECK_INT(got.envelope->offset, all.n);
            (void)av_buf_append(&all, got.blob, got.blob_n);
            AV_CHECK(all.n <= credit);
            credit += got.blob_n;
            av_envelope_init(&envelope, ARCHIVOLT__KIND__KIND_CREDIT, 500);
            envelope.has_from_caller = true;
            envelope.from_caller = true;
            envelope.has_credit = true;
            envelope.credit = credit;
            client_send(&c_management, "broker", &envelope, av_span_str(""));
        } else if (AV_CHECK(got.envelope->kind == ARCHIVOLT__KIND__KIND_REPLY && got.envelope->end != NULL)) {
            AV_CHECK(got.envelope->body_in_stream);
            AV_CHECK_INT(got.envelope->end->bytes, all.n);
            av_sha256(av_buf_span(&all), digest);
            AV_CHECK_MEM(got.envelope->end->sha256.data, got.envelope->end->sha256.len, digest, sizeof digest);
            ended = true;
        } else {
            ended = true;
        }
        message_release(&got);
    }
    reply = archivolt__snapshot_reply__unpack(NULL, all.n, all.p);
    if (AV_CHECK(reply != NULL))
        AV_CHECK(reply->n_topics >= 21);
    archivolt__snapshot_reply__free_unpacked(reply, NULL);
    av_buf_release(&all);
}

static void
test_long_snapshot(const av_keypair *many, unsigned count)
{
    char topic[300], *value = malloc(16001);
    client c;

    memset(value, 'v', 16000);
    value[16000] = '\0';
    for (unsigned i = 0; i < count; i++) {
        client_join(&r, &many[i], &c);
        (void)snprintf(topic, sizeof topic, "status/%.200s", many[i].name);
        publish(&c, topic, value);
        AV_CHECK(client_hello(&c, 3000)); /* the status was taken before */
        client_close(&c);
    }
    free(value);
    collect_long_reply(1 << 20);
    collect_long_reply(100000);
}

int
main(void)
{
    av_keypair many[20];

    rig_init(&r);
    (void)snprintf(r.set, sizeof r.set, "status_interval_ms=300");
    management = rig_actor(&r, "management");
    gateway = rig_actor(&r, "gateway@n1");
    demo = rig_actor(&r, "instance/demo");
    monitor = rig_actor(&r, "monitor/m");
    av_keypair_generate("monitor/stranger", &stranger);
    for (unsigned i = 0; i < AV_COUNT(many); i++) {
        char name[32];

        (void)snprintf(name, sizeof name, "instance/many%u", i);
        many[i] = rig_actor(&r, name);
    }
    rig_start(&r, true);
    client_join(&r, &management, &c_management);
    client_join(&r, &demo, &c_demo);
    AV_RUN(test_publish_and_subscribe);
    AV_RUN(test_who_may_subscribe);
    AV_RUN(test_own_status);
    AV_RUN(test_revoked_subscriber);
    AV_RUN(test_snapshot);
    printf("- test_long_snapshot\n");
    test_long_snapshot(many, AV_COUNT(many));
    client_close(&c_management);
    client_close(&c_demo);
    rig_release(&r);
    return av_check_done();
}
