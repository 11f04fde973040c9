/*
 * verb_watch.c - archivolt watch [TOPIC]: status topics live, from the broker's XPUB
 *
 * Subscribe first, then ask for the snapshot, then drop what is older than it: no change is missed or shown twice.
 */
#include "tools/cli/cli.h"

#include <czmq.h>

#include "actors/bus/envelope.h"
#include "base/clock.h"
#include "base/map.h"
#include "proto/broker.pb-c.h"

typedef struct seen {
    uint64_t sequence;
} seen;

static void
show(const cli *self, const char *topic, av_span value)
{
    Archivolt__Status *s = archivolt__status__unpack(NULL, value.n, value.p);
    char now[32];

    if (s == NULL)
        return;
    if (self->json)
        cli_print_json(self, json_pack("{s:s,s:o}", "topic", topic, "status", av_json_from_message(&s->base)));
    else {
        printf("%s  %-32s %-9s pid %-7u %6.1f MB", av_clock_format(av_clock_wall_ms(), now), s->actor,
            av_proto_enum_word(&archivolt__actor_state__descriptor, (int)s->state), s->pid,
            (double)s->memory_bytes / 1048576.0);
        for (size_t i = 0; i < s->n_counters; i++)
            printf("  %s=%s", s->counters[i]->key, s->counters[i]->value);
        printf("%s%s\n", s->detail != NULL ? "  " : "", s->detail != NULL ? s->detail : "");
    }
    (void)fflush(stdout);
    archivolt__status__free_unpacked(s, NULL);
}

/* false: this sequence of the topic was shown already. */
static bool
is_new(av_map *topics, const char *topic, uint64_t sequence)
{
    seen *last = av_map_get_str(topics, topic);

    if (last == NULL) {
        last = av_xcalloc(1, sizeof *last);
        (void)av_map_put_str(topics, topic, last);
    } else if (sequence <= last->sequence) {
        return false;
    }
    last->sequence = sequence;
    return true;
}

/* A SUB socket with our certificate. czmq is enough here: this is no hot path. */
static zsock_t *
subscribe(cli *self, const char *prefix)
{
    AV_CLEANUP(av_free)
    char *endpoint =
        av_xasprintf("tcp://%s:%u", self->node.bus_address, av_node_port(&self->node, self->node.port_status));
    zsock_t *socket = zsock_new(ZMQ_SUB);
    zcert_t *own = zcert_new_from(self->keys.public_key, self->keys.secret_key);

    if (socket != NULL && own != NULL) {
        zcert_apply(own, socket);
        zsock_set_curve_serverkey_bin(socket, self->node.broker_key);
        zsock_set_linger(socket, 0);
        zsock_set_subscribe(socket, prefix);
        if (zsock_connect(socket, "%s", endpoint) != 0)
            zsock_destroy(&socket);
    }
    zcert_destroy(&own);
    return socket;
}

static int
snapshot(cli *self, av_map *topics, const char *prefix)
{
    Archivolt__SnapshotRequest request = ARCHIVOLT__SNAPSHOT_REQUEST__INIT;
    ProtobufCMessage *message = NULL;
    const Archivolt__SnapshotReply *reply;
    int status;

    request.prefix = (char *)prefix;
    status = cli_call(self, "broker", "archivolt.Broker.Snapshot", &request.base, av_span_of(NULL, 0), &message);
    if (status != 0)
        return status;
    reply = (const Archivolt__SnapshotReply *)message;
    for (size_t i = 0; i < reply->n_topics; i++) {
        const Archivolt__TopicValue *t = reply->topics[i];

        if (is_new(topics, t->topic, t->sequence))
            show(self, t->topic, av_span_of(t->value.data, t->value.len));
    }
    protobuf_c_message_free_unpacked(message, NULL);
    return 0;
}

/* One published value: [topic][Envelope][packed Status]. */
static void
take(cli *self, zmsg_t *message, av_map *topics)
{
    zframe_t *topic = zmsg_first(message), *header = zmsg_next(message), *value = zmsg_next(message);
    Archivolt__Envelope *envelope = NULL;
    av_error err;

    if (topic != NULL && header != NULL && value != NULL &&
        av_envelope_open(av_span_of(zframe_data(header), zframe_size(header)), &envelope, &err) == AV_OK &&
        envelope->topic != NULL && is_new(topics, envelope->topic, envelope->sequence))
        show(self, envelope->topic, av_span_of(zframe_data(value), zframe_size(value)));
    av_envelope_free(&envelope);
}

int
verb_watch(cli *self, int argc, char **argv)
{
    const char *prefix = "status/";
    av_map *topics;
    zsock_t *socket;
    zpoller_t *poller;
    int status;

    if (cli_options(self, NULL, &argc, argv, &status) != 0)
        return status;
    if (argc == 2)
        prefix = argv[1];
    status = cli_connect(self);
    if (status != 0)
        return status;
    (void)zsys_init();
    zsys_handler_set(NULL); /* signals are ours */
    socket = subscribe(self, prefix);
    poller = socket == NULL ? NULL : zpoller_new(socket, NULL);
    if (poller == NULL) {
        zsock_destroy(&socket);
        return cli_failf(self, AV_ERR_IO, "cannot subscribe: %s", zmq_strerror(zmq_errno()));
    }
    topics = av_map_new();
    cli_catch_interrupt();
    status = snapshot(self, topics, prefix);
    while (status == 0 && !cli_interrupted()) {
        if (zpoller_wait(poller, 500) != NULL) {
            zmsg_t *message = zmsg_recv(socket);

            if (message != NULL)
                take(self, message, topics);
            zmsg_destroy(&message);
        }
        av_loop_turn(self->loop, 0); /* heartbeats and reconnects of our own connection */
    }
    av_map_destroy(&topics, free);
    zpoller_destroy(&poller);
    zsock_destroy(&socket);
    zsys_shutdown();
    return status;
}
