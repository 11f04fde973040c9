/*
 * verb_watch.c - archivolt watch [TOPIC]: status topics live, from the broker's XPUB
 *
 * Subscribe first, then ask for the snapshot, then drop what is older than it: no change is missed or shown twice.
 */
#include "tools/cli/cli.h"

#include <errno.h>
#include <zmq.h>

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

static void *
subscribe(cli *self, void *context, const char *prefix)
{
    void *socket = zmq_socket(context, ZMQ_SUB);
    AV_CLEANUP(av_free)
    char *endpoint =
        av_xasprintf("tcp://%s:%u", self->node.bus_address, av_node_port(&self->node, self->node.port_status));
    int zero = 0;

    if (socket == NULL)
        return NULL;
    (void)zmq_setsockopt(socket, ZMQ_LINGER, &zero, sizeof zero);
    (void)zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, self->node.broker_key, AV_KEY_SIZE);
    (void)zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, self->keys.public_key, AV_KEY_SIZE);
    (void)zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, self->keys.secret_key, AV_KEY_SIZE);
    if (zmq_setsockopt(socket, ZMQ_SUBSCRIBE, prefix, strlen(prefix)) != 0 || zmq_connect(socket, endpoint) != 0) {
        (void)zmq_close(socket);
        return NULL;
    }
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
take(cli *self, void *socket, av_map *topics)
{
    zmq_msg_t frames[3];
    size_t n = 0;
    Archivolt__Envelope *envelope = NULL;
    av_error err;
    int more = 1;

    while (more != 0 && n < AV_COUNT(frames)) {
        (void)zmq_msg_init(&frames[n]);
        if (zmq_msg_recv(&frames[n], socket, ZMQ_DONTWAIT) < 0) {
            (void)zmq_msg_close(&frames[n]);
            break;
        }
        more = zmq_msg_more(&frames[n++]);
    }
    if (n == 3 &&
        av_envelope_open(av_span_of(zmq_msg_data(&frames[1]), zmq_msg_size(&frames[1])), &envelope, &err) == AV_OK &&
        envelope->topic != NULL && is_new(topics, envelope->topic, envelope->sequence))
        show(self, envelope->topic, av_span_of(zmq_msg_data(&frames[2]), zmq_msg_size(&frames[2])));
    av_envelope_free(&envelope);
    while (n > 0)
        (void)zmq_msg_close(&frames[--n]);
}

int
verb_watch(cli *self, int argc, char **argv)
{
    const char *prefix = "status/";
    av_map *topics;
    void *context, *socket;
    int status;

    if (cli_options(self, NULL, &argc, argv, &status) != 0)
        return status;
    if (argc == 2)
        prefix = argv[1];
    status = cli_connect(self);
    if (status != 0)
        return status;
    context = zmq_ctx_new();
    socket = subscribe(self, context, prefix);
    if (socket == NULL)
        return cli_failf(self, AV_ERR_IO, "cannot subscribe: %s", zmq_strerror(errno));
    topics = av_map_new();
    cli_catch_interrupt();
    status = snapshot(self, topics, prefix);
    while (status == 0 && !cli_interrupted()) {
        zmq_pollitem_t item = { .socket = socket, .events = ZMQ_POLLIN };

        if (zmq_poll(&item, 1, 500) > 0)
            take(self, socket, topics);
        av_loop_turn(self->loop, 0); /* heartbeats and reconnects of our own connection */
    }
    av_map_destroy(&topics, free);
    (void)zmq_close(socket);
    (void)zmq_ctx_term(context);
    return status;
}
