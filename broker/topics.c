/*
 * topics.c - status topics: the last value of each actor, the XPUB, and who may subscribe
 *
 * An actor publishes on status/<own name> and nowhere else. Published messages are [topic][Envelope][blob];
 * `sequence` is the broker's own number, rising across its restarts, so that a subscriber can put a snapshot and what
 * followed in order.
 */
#include <unistd.h>

#include "actors/bus/envelope.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/machine.h"
#include "broker/router_priv.h"

#define VALUE_MAX        (16 * 1024) /* of a packed Status; usual are 200 bytes to 2 KB */
#define TOPIC_PREFIX     "status/"
#define SUBSCRIPTION_MAX 256 /* bytes of a topic in a subscription */

struct topic {
    uint64_t sequence;
    int64_t at_unix_ms;
    size_t n;
    uint8_t value[];
};

struct av_topics {
    av_map *by_topic; /* "status/<name>" -> struct topic, owned; no more than the registry has names */
    uint64_t sequence;
};

av_topics *
av_topics_new(void)
{
    av_topics *self = av_xcalloc(1, sizeof *self);

    self->by_topic = av_map_new();
    self->sequence = (uint64_t)av_clock_wall_ms() * 1000; /* above all of an earlier run at up to a million a second */
    return self;
}

void
av_topics_destroy(av_topics **self)
{
    if (*self == NULL)
        return;
    av_map_destroy(&(*self)->by_topic, free);
    free(*self);
    *self = NULL;
}

static void
publish(av_router *router, const char *topic, const struct topic *value)
{
    Archivolt__Envelope envelope;
    av_buf packed;

    if (router->xpub == NULL)
        return;
    av_envelope_init(&envelope, ARCHIVOLT__KIND__KIND_STATUS, 0);
    envelope.has_correlation = false;
    envelope.topic = (char *)(uintptr_t)topic;
    envelope.has_sequence = true;
    envelope.sequence = value->sequence;
    av_buf_init(&packed, AV_FRAMES_ENVELOPE_MAX);
    router->idle[AV_ROUTER_WAIT_STATUS] = false;
    /* A subscriber that does not keep up loses values (XPUB drops at its high water mark); the next one comes soon. */
    if (av_envelope_pack(&envelope, &packed) &&
        zmq_send(router->xpub, topic, strlen(topic), ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0 &&
        zmq_send(router->xpub, packed.p, packed.n, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0)
        (void)zmq_send(router->xpub, value->value, value->n, ZMQ_DONTWAIT);
    av_buf_release(&packed);
}

static void
keep_and_publish(av_router *router, const char *topic, av_span value)
{
    struct topic *kept = av_xalloc(sizeof *kept + value.n);

    kept->sequence = ++router->topics->sequence;
    kept->at_unix_ms = av_clock_wall_ms();
    kept->n = value.n;
    if (value.n > 0)
        memcpy(kept->value, value.p, value.n);
    free(av_map_put_str(router->topics->by_topic, topic, kept));
    publish(router, topic, kept);
}

void
av_topics_take(av_router *router, const av_peer *peer, const char *topic, av_span value)
{
    size_t prefix = strlen(TOPIC_PREFIX);

    if (topic == NULL || value.n > VALUE_MAX || strncmp(topic, TOPIC_PREFIX, prefix) != 0 ||
        !av_span_eq_str(av_peer_name(peer), topic + prefix)) {
        router->counters.status_refused++;
        return;
    }
    router->counters.status_taken++;
    keep_and_publish(router, topic, value);
}

void
av_topics_forget(av_topics *self, const char *actor)
{
    char topic[sizeof TOPIC_PREFIX + AV_ACTOR_NAME_MAX];

    (void)snprintf(topic, sizeof topic, TOPIC_PREFIX "%s", actor);
    free(av_map_remove_str(self->by_topic, topic));
}

/* ---- the broker's own ---- */

void
av_topics_own_status(av_router *router, Archivolt__Status *status, av_buf *scratch)
{
    static const char *const words[] = { "connections", "registry_serial", "registry_entries", "held_bytes" };
    const uint64_t values[] = { av_peers_count(router->peers), av_registry_serial(router->registry),
        av_registry_count(router->registry), av_flow_bytes(router->total) };
    size_t count = AV_COUNT(words) + av_counter_count, text_n = 24;
    Archivolt__KeyValue *rows;
    Archivolt__KeyValue **pointers;
    char *text;

    av_buf_clear(scratch);
    rows = (void *)av_buf_reserve(scratch, count * (sizeof *rows + sizeof(Archivolt__KeyValue *) + text_n));
    assert(rows != NULL);
    pointers = (void *)(rows + count);
    text = (char *)(pointers + count);
    for (size_t i = 0; i < count; i++, text += text_n) {
        bool named = i < AV_COUNT(words);
        uint64_t value = named ? values[i] : av_counters_get(&router->counters, i - AV_COUNT(words));

        archivolt__key_value__init(&rows[i]);
        (void)snprintf(text, text_n, "%llu", (unsigned long long)value);
        rows[i].key = (char *)(uintptr_t)(named ? words[i] : av_counter_rows[i - AV_COUNT(words)].name);
        rows[i].value = text;
        pointers[i] = &rows[i];
    }
    status->actor = router->name;
    status->node = router->node;
    status->state = router->state;
    status->pid = (uint32_t)getpid();
    status->uptime_ms = (uint64_t)(av_clock_mono_ms() - router->started_ms);
    status->version = (char *)(uintptr_t)AV_VERSION;
    if (!av_registry_paired(router->registry))
        status->detail = (char *)(uintptr_t) "no registry yet: this node was never paired";
    status->has_memory_bytes = true;
    status->memory_bytes = av_machine_own_memory_bytes();
    status->n_counters = count;
    status->counters = pointers;
}

void
av_topics_publish_own(av_router *router)
{
    Archivolt__Status status = ARCHIVOLT__STATUS__INIT;
    char topic[sizeof TOPIC_PREFIX + AV_ACTOR_NAME_MAX];
    av_buf scratch, packed;
    uint8_t *at;
    size_t n;

    av_buf_init(&scratch, VALUE_MAX);
    av_buf_init(&packed, VALUE_MAX);
    av_topics_own_status(router, &status, &scratch);
    n = archivolt__status__get_packed_size(&status);
    at = av_buf_reserve(&packed, n);
    if (at != NULL) {
        packed.n += archivolt__status__pack(&status, at);
        (void)snprintf(topic, sizeof topic, TOPIC_PREFIX "%s", router->name);
        keep_and_publish(router, topic, av_buf_span(&packed));
    }
    av_buf_release(&packed);
    av_buf_release(&scratch);
}

/* ---- snapshot ---- */

/* One repeated field of a SnapshotReply: rows are packed one after the other, never all at once in memory. */
static bool
put_row(const char *name, const struct topic *topic, av_buf *out)
{
    Archivolt__SnapshotReply reply = ARCHIVOLT__SNAPSHOT_REPLY__INIT;
    Archivolt__TopicValue row = ARCHIVOLT__TOPIC_VALUE__INIT;
    Archivolt__TopicValue *rows[] = { &row };
    uint8_t *at;

    row.topic = (char *)(uintptr_t)name;
    row.sequence = topic->sequence;
    row.at_unix_ms = topic->at_unix_ms;
    row.value.data = (uint8_t *)(uintptr_t)topic->value;
    row.value.len = topic->n;
    reply.n_topics = 1;
    reply.topics = rows;
    at = av_buf_reserve(out, archivolt__snapshot_reply__get_packed_size(&reply));
    if (at == NULL)
        return false;
    out->n += archivolt__snapshot_reply__pack(&reply, at);
    return true;
}

bool
av_topics_snapshot(const av_topics *self, av_span prefix, av_buf *out)
{
    char name[sizeof TOPIC_PREFIX + AV_ACTOR_NAME_MAX];
    av_span key;
    void *value;
    size_t at = 0;

    while (av_map_next(self->by_topic, &at, &key, &value)) {
        if (key.n < prefix.n || !av_span_eq(av_span_slice(key, 0, prefix.n), prefix))
            continue;
        assert(key.n < sizeof name);
        memcpy(name, key.p, key.n);
        name[key.n] = '\0';
        if (!put_row(name, value, out))
            return false;
    }
    return true;
}

/* ---- subscriptions ---- */

/*
 * ZMQ_XPUB_MANUAL: a subscription is in force only once it is set here, right after it was read. What is refused is
 * therefore just left out; the subscriber hears nothing.
 */
bool
av_topics_subscription(av_router *router)
{
    const av_registry_entry *entry = NULL;
    uint8_t key[AV_KEY_SIZE];
    zmq_msg_t frame;
    av_span topic;
    uint8_t verb;
    int fd;

    (void)zmq_msg_init(&frame);
    if (zmq_msg_recv(&frame, router->xpub, ZMQ_DONTWAIT) < 0) {
        (void)zmq_msg_close(&frame);
        return false;
    }
    topic = av_span_of(zmq_msg_data(&frame), zmq_msg_size(&frame));
    if (av_span_get_u8(&topic, &verb) && verb == 0) {
        (void)zmq_setsockopt(router->xpub, ZMQ_UNSUBSCRIBE, topic.p, topic.n);
    } else if (av_zap_user_key(&frame, key)) {
        fd = zmq_msg_get(&frame, ZMQ_SRCFD);
        if (fd >= 0)
            av_peers_fd_seen(router->peers, fd, key, NULL);
        entry = av_registry_by_key(router->registry, key);
    }
    if (entry != NULL && !entry->revoked && verb == 1 && topic.n <= SUBSCRIPTION_MAX &&
        av_zap_may_subscribe(av_span_str(entry->name))) {
        (void)zmq_setsockopt(router->xpub, ZMQ_SUBSCRIBE, topic.p, topic.n);
        router->counters.subscriptions++;
        AV_LOG(AV_LOG_DEBUG, "broker.subscribed", AV_STR("peer", entry->name), AV_SPAN("topic", topic));
    } else if (verb != 0) {
        router->counters.subscriptions_refused++;
    }
    (void)zmq_msg_close(&frame);
    return true;
}
