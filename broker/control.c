/*
 * control.c - messages to the broker itself: hello, status, and the requests of archivolt.Broker and archivolt.Actor
 *
 * A request has one answer, given before this returns: the broker keeps nothing about it, but for the rest of a long
 * reply (outbox.c). Who may call what is in the method table.
 */
#include "actors/bus/envelope.h"
#include "base/clock.h"
#include "base/log.h"
#include "broker/router_priv.h"
#include "proto/options.pb-c.h"
#include "proto/table.h"

#define REPLY_MAX (8U * 1024 * 1024)

struct request {
    av_peer *from;
    uint64_t correlation, credit;
    const ProtobufCMessage *body;
    av_buf *reply; /* packed */
};

/* ---- methods: fill request->reply or err ---- */

static av_errc
put_reply(const struct request *request, const ProtobufCMessage *reply, av_error *err)
{
    uint8_t *at = av_buf_reserve(request->reply, protobuf_c_message_get_packed_size(reply));

    if (at == NULL)
        return av_error_set(err, AV_ERR_LIMIT, "the reply is larger than %u bytes: ask with a prefix", REPLY_MAX);
    request->reply->n += protobuf_c_message_pack(reply, at);
    return AV_OK;
}

static av_errc
on_update_registry(av_router *self, const struct request *request, av_error *err)
{
    const Archivolt__UpdateRegistryRequest *body = (const void *)request->body;
    Archivolt__UpdateRegistryReply reply = ARCHIVOLT__UPDATE_REGISTRY_REPLY__INIT;
    av_errc rc =
        av_registry_update(self->registry, body->entries, body->n_entries, av_connect_entry_changed, self, err);

    if (rc != AV_OK)
        return rc;
    self->counters.registry_updates++;
    reply.serial = av_registry_serial(self->registry);
    AV_LOG(AV_LOG_INFO, "broker.registry", AV_U64("entries", body->n_entries), AV_U64("serial", reply.serial));
    return put_reply(request, &reply.base, err);
}

static av_errc
on_lookup(av_router *self, const struct request *request, av_error *err)
{
    const Archivolt__LookupRequest *body = (const void *)request->body;
    const av_registry_entry *entry = av_registry_by_name(self->registry, av_span_str(body->name));
    Archivolt__SignedEntry sealed = ARCHIVOLT__SIGNED_ENTRY__INIT;
    Archivolt__LookupReply reply = ARCHIVOLT__LOOKUP_REPLY__INIT;

    if (entry == NULL)
        return av_error_set(err, AV_ERR_NOT_FOUND, "no actor of that name is registered");
    sealed.entry.data = (uint8_t *)(uintptr_t)entry->entry.p;
    sealed.entry.len = entry->entry.n;
    sealed.signature.data = (uint8_t *)(uintptr_t)entry->signature.p;
    sealed.signature.len = entry->signature.n;
    reply.entry = &sealed;
    reply.connected = av_peers_by_name(self->peers, av_span_str(body->name)) != NULL;
    return put_reply(request, &reply.base, err);
}

static av_errc
on_snapshot(av_router *self, const struct request *request, av_error *err)
{
    const Archivolt__SnapshotRequest *body = (const void *)request->body;

    if (!av_topics_snapshot(self->topics, av_span_str(body->prefix), request->reply))
        return av_error_set(err, AV_ERR_LIMIT, "the reply is larger than %u bytes: ask with a prefix", REPLY_MAX);
    return AV_OK;
}

static av_errc
put_peer(const struct request *request, const av_peer *peer, av_error *err)
{
    Archivolt__PeersReply reply = ARCHIVOLT__PEERS_REPLY__INIT;
    Archivolt__Peer row = ARCHIVOLT__PEER__INIT;
    Archivolt__Peer *rows[] = { &row };

    row.name = (char *)(uintptr_t)peer->stamp;
    row.messages_in = peer->messages_in;
    row.messages_out = peer->messages_out;
    row.bytes_in = peer->bytes_in;
    row.bytes_out = peer->bytes_out;
    row.refused = peer->refused;
    row.connected_unix_ms = peer->connected_unix_ms;
    reply.n_peers = 1;
    reply.peers = rows;
    return put_reply(request, &reply.base, err); /* concatenated, the lists join; `dropped` of the last one counts */
}

static av_errc
on_peers(av_router *self, const struct request *request, av_error *err)
{
    const Archivolt__PeersRequest *body = (const void *)request->body;
    Archivolt__PeersReply last = ARCHIVOLT__PEERS_REPLY__INIT;
    size_t at = 0, prefix = body->prefix == NULL ? 0 : strlen(body->prefix);
    av_peer *peer;
    av_errc rc = AV_OK;

    while (rc == AV_OK && av_peers_next(self->peers, &at, &peer))
        if (peer->gone_ms == 0 && !peer->revoked && strncmp(peer->stamp, prefix == 0 ? "" : body->prefix, prefix) == 0)
            rc = put_peer(request, peer, err);
    if (rc != AV_OK)
        return rc;
    last.dropped = self->counters.revoked + self->counters.undeliverable + self->counters.malformed;
    return put_reply(request, &last.base, err);
}

static av_errc
on_ping(av_router *self, const struct request *request, av_error *err)
{
    Archivolt__PingReply reply = ARCHIVOLT__PING_REPLY__INIT;

    reply.actor = self->name;
    reply.version = (char *)(uintptr_t)AV_VERSION;
    reply.uptime_ms = (uint64_t)(av_clock_mono_ms() - self->started_ms);
    return put_reply(request, &reply.base, err);
}

static av_errc
on_get_status(av_router *self, const struct request *request, av_error *err)
{
    Archivolt__Status status = ARCHIVOLT__STATUS__INIT;
    av_buf scratch;
    av_errc rc;

    av_buf_init(&scratch, AV_FRAMES_BLOB_MAX);
    av_topics_own_status(self, &status, &scratch);
    rc = put_reply(request, &status.base, err);
    av_buf_release(&scratch);
    return rc;
}

static const struct method {
    const char *name;
    av_errc (*run)(av_router *self, const struct request *request, av_error *err);
} methods[] = {
    { "archivolt.Broker.UpdateRegistry", on_update_registry },
    { "archivolt.Broker.Lookup", on_lookup },
    { "archivolt.Broker.Snapshot", on_snapshot },
    { "archivolt.Broker.Peers", on_peers },
    { "archivolt.Actor.Ping", on_ping },
    { "archivolt.Actor.GetStatus", on_get_status },
};

/* ---- answers ---- */

static void
send_packed(av_router *self, av_peer *to, const Archivolt__Envelope *envelope, av_span blob)
{
    av_buf packed;

    av_buf_init(&packed, AV_FRAMES_ENVELOPE_MAX);
    if (!av_envelope_pack(envelope, &packed) ||
        av_forward_send_bytes(self, to, av_buf_span(&packed), blob) != AV_SEND_OK)
        self->counters.undeliverable++;
    av_buf_release(&packed);
}

static void
send_error(av_router *self, av_peer *to, uint64_t correlation, const av_error *err)
{
    Archivolt__Envelope envelope;
    Archivolt__Error error;

    to->refused++;
    av_envelope_init(&envelope, ARCHIVOLT__KIND__KIND_ERROR, correlation);
    av_envelope_set_error(&envelope, &error, err, self->name);
    send_packed(self, to, &envelope, av_span_str(""));
}

static av_errc
send_reply(av_router *self, const struct request *request, av_error *err)
{
    Archivolt__Envelope envelope;

    if (request->reply->n > AV_FRAMES_BLOB_MAX) {
        if (!av_outbox_add(self, request->from, request->correlation, request->credit, request->reply))
            return av_error_set(err, AV_ERR_BUSY, "too many long replies are under way");
        return AV_OK;
    }
    av_envelope_init(&envelope, ARCHIVOLT__KIND__KIND_REPLY, request->correlation);
    send_packed(self, request->from, &envelope, av_buf_span(request->reply));
    return AV_OK;
}

/* ---- kinds of messages ---- */

static av_errc
find_method(
    const av_peer *from, const char *name, const struct method **ret, const av_method_info **ret_info, av_error *err)
{
    const av_method_info *info = av_proto_method(name);

    for (size_t i = 0; info != NULL && i < AV_COUNT(methods); i++) {
        if (strcmp(methods[i].name, name) != 0)
            continue;
        if ((info->callers & AV_CALLER_BIT(ARCHIVOLT__CALLER__CALLER_ANY)) == 0 &&
            (from->caller < 0 || (info->callers & AV_CALLER_BIT(from->caller)) == 0))
            return av_error_set(err, AV_ERR_DENIED, "%s may not be called by %s", name, from->stamp);
        *ret = &methods[i];
        *ret_info = info;
        return AV_OK;
    }
    return av_error_set(err, AV_ERR_UNSUPPORTED, "the broker has no such method");
}

static av_errc
run_request(av_router *self, struct request *request, const char *name, av_span blob, av_error *err)
{
    const struct method *method = NULL;
    const av_method_info *info = NULL;
    ProtobufCMessage *body;
    av_errc rc = find_method(request->from, name, &method, &info, err);

    if (rc != AV_OK)
        return rc;
    assert(method != NULL && info != NULL);
    body = protobuf_c_message_unpack(info->input, NULL, blob.n, blob.p);
    if (body == NULL)
        return av_error_set(err, AV_ERR_SYNTAX, "%s: not a %s", name, info->input->name);
    request->body = body;
    rc = method->run(self, request, err);
    protobuf_c_message_free_unpacked(body, NULL);
    return rc == AV_OK ? send_reply(self, request, err) : rc;
}

static void
on_request(av_router *self, av_peer *from, const Archivolt__Envelope *envelope, av_span blob)
{
    struct request request = { .from = from, .correlation = envelope->correlation };
    av_error err;
    av_buf reply;

    av_buf_init(&reply, REPLY_MAX);
    request.reply = &reply;
    request.credit = envelope->has_credit ? envelope->credit : 0;
    if (run_request(self, &request, envelope->method, blob, &err) != AV_OK) {
        AV_LOG(AV_LOG_INFO, "broker.refused", AV_STR("peer", from->stamp), AV_STR("method", envelope->method),
            AV_ERRF(&err));
        send_error(self, from, request.correlation, &err);
    }
    av_buf_release(&reply);
}

static void
on_hello(av_router *self, av_peer *from, const Archivolt__Envelope *hello)
{
    Archivolt__HelloReply reply = ARCHIVOLT__HELLO_REPLY__INIT;
    Archivolt__Envelope envelope;
    av_buf packed;
    uint8_t *at;

    av_peers_hello(self->peers, from);
    reply.you = from->stamp;
    reply.node = self->node;
    reply.version = (char *)(uintptr_t)AV_VERSION;
    av_envelope_init(&envelope, ARCHIVOLT__KIND__KIND_HELLO, hello->correlation);
    envelope.has_correlation = hello->has_correlation;
    av_buf_init(&packed, AV_FRAMES_BLOB_MAX);
    at = av_buf_reserve(&packed, archivolt__hello_reply__get_packed_size(&reply));
    if (at != NULL) {
        packed.n += archivolt__hello_reply__pack(&reply, at);
        send_packed(self, from, &envelope, av_buf_span(&packed));
    }
    av_buf_release(&packed);
}

void
av_control_take(av_router *self, av_peer *from, av_span bytes, av_span blob)
{
    AV_CLEANUP(av_envelope_free) Archivolt__Envelope *envelope = NULL;
    av_error err;
    av_errc rc = av_envelope_open(bytes, &envelope, &err);

    if (envelope == NULL) {
        self->counters.malformed++;
        return;
    }
    if (rc != AV_OK) {
        self->counters.malformed++;
        if (envelope->kind == ARCHIVOLT__KIND__KIND_REQUEST || envelope->kind == ARCHIVOLT__KIND__KIND_HELLO)
            send_error(self, from, envelope->correlation, &err);
        return;
    }
    switch (envelope->kind) {
    case ARCHIVOLT__KIND__KIND_REQUEST:
        on_request(self, from, envelope, blob);
        return;
    case ARCHIVOLT__KIND__KIND_HELLO:
        on_hello(self, from, envelope);
        return;
    case ARCHIVOLT__KIND__KIND_STATUS:
        av_topics_take(self, from, envelope->topic, blob);
        return;
    case ARCHIVOLT__KIND__KIND_CREDIT:
        av_outbox_credit(self, from, envelope->correlation, envelope->credit);
        return;
    case ARCHIVOLT__KIND__KIND_CANCEL:
        av_outbox_cancel(self, from, envelope->correlation);
        return;
    default: /* the broker asks nobody: an answer to it is a mistake */
        self->counters.undeliverable++;
        return;
    }
}
