/*
 * admit.c - admission: is a request known, may it run, and if so its handler is started, once
 *
 * A request that comes again is known by its connection and correlation while it is in work, and by the sender's name
 * and the idempotency key also when it comes over a new connection (then the answer goes there) or after it was
 * answered (then the same answer is given again, from replay.c).
 */
#include "actors/bus/body.h"
#include "actors/bus/bus_priv.h"
#include "actors/bus/rights.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"

/* ---- keys of the two maps ---- */

typedef struct map_key {
    uint8_t bytes[AV_SENDER_MAX + 16];
    size_t n;
} map_key;

static map_key
key_of(av_span name, const void *more, size_t more_n)
{
    map_key k;

    memcpy(k.bytes, more, more_n);
    memcpy(k.bytes + more_n, name.p, name.n);
    k.n = more_n + name.n;
    return k;
}

static map_key
connection_key(const char *from, uint64_t correlation)
{
    return key_of(av_span_str(from), &correlation, sizeof correlation);
}

static map_key
idempotency_key(const char *from, const uint8_t *key)
{
    return key_of(av_sender_name(av_span_str(from)), key, AV_ENVELOPE_KEY_SIZE);
}

av_request *
av_request_find(const av_bus *bus, const char *from, uint64_t correlation)
{
    map_key k = connection_key(from, correlation);

    return av_map_get(bus->requests, av_span_of(k.bytes, k.n));
}

static void
map_add(av_request *self)
{
    map_key k = connection_key(self->from, self->correlation);

    (void)av_map_put(self->bus->requests, av_span_of(k.bytes, k.n), self);
    if (!self->has_key)
        return;
    k = idempotency_key(self->from, self->key);
    (void)av_map_put(self->bus->by_key, av_span_of(k.bytes, k.n), self);
}

void
av_request_map_remove(av_request *self)
{
    map_key k = connection_key(self->from, self->correlation);

    (void)av_map_remove(self->bus->requests, av_span_of(k.bytes, k.n));
    if (!self->has_key)
        return;
    k = idempotency_key(self->from, self->key);
    (void)av_map_remove(self->bus->by_key, av_span_of(k.bytes, k.n));
}

/* ---- admission ---- */

static void
hash_body(const av_method_info *method, av_span body, uint8_t ret[AV_SHA256_SIZE])
{
    av_sha256_stream *s = av_sha256_stream_new();

    av_sha256_stream_update(s, av_span_of(method->name, strlen(method->name) + 1));
    av_sha256_stream_update(s, body);
    av_sha256_stream_finish(&s, ret);
}

/* The same request over a new connection: it goes on, and is answered there. */
static void
join(av_request *self, const char *from, const Archivolt__Envelope *env)
{
    av_request_map_remove(self);
    (void)snprintf(self->from, sizeof self->from, "%s", from);
    self->correlation = env->correlation;
    map_add(self);
    self->gone = false;
    self->deadline_ms = av_clock_mono_ms() + env->time_left_ms;
    av_request_arm(self);
}

/* What a key that was seen before asks for. true: the request is dealt with (or refused: err is set then). */
static bool
known_by_key(
    av_bus *bus, const char *from, const Archivolt__Envelope *env, const uint8_t hash[AV_SHA256_SIZE], av_error *err)
{
    av_span name = av_sender_name(av_span_str(from)), reply;
    map_key k = idempotency_key(from, env->idempotency_key.data);
    av_request *same = av_map_get(bus->by_key, av_span_of(k.bytes, k.n));

    if (same != NULL) {
        if (memcmp(same->body_hash, hash, AV_SHA256_SIZE) != 0)
            (void)av_error_set(err, AV_ERR_CONFLICT, "the idempotency key is in use for another request");
        else if (av_request_has_stream(same))
            (void)av_error_set(err, AV_ERR_BUSY, "the same request is still in work");
        else
            join(same, from, env);
        return true;
    }
    switch (av_replay_find(bus->replay, name, env->idempotency_key.data, hash, av_clock_mono_ms(), &reply)) {
    case AV_REPLAY_SAME:
        av_bus_send_reply(bus, from, env->correlation, reply, NULL, false);
        return true;
    case AV_REPLAY_OTHER:
        (void)av_error_set(err, AV_ERR_CONFLICT, "the idempotency key was used for another request");
        return true;
    case AV_REPLAY_NONE:
        break;
    }
    return false;
}

static av_errc
check_envelope(const av_bus *bus, const Archivolt__Envelope *env, const av_method_info *method, av_error *err)
{
    if (method == NULL || av_map_get_str(bus->handlers, env->method) == NULL)
        return av_error_set(err, AV_ERR_UNSUPPORTED, "%s does not know the method %.80s", bus->keys.name, env->method);
    if (method->changes_state && !env->has_idempotency_key)
        return av_error_set(err, AV_ERR_INVALID, "%s changes state and needs an idempotency key", method->method);
    return AV_OK;
}

static av_errc
check_rights(av_bus *bus, const char *from, const Archivolt__Envelope *env, const av_method_info *method,
    av_rights *ret, av_error *err)
{
    av_rights_ask ask = { .method = method,
        .from = from,
        .session = av_span_of(env->session.data, env->has_session ? env->session.len : 0),
        .registry_key = bus->config.registry_key,
        .now_unix_ms = av_clock_wall_ms(),
        .session_check = bus->session_check,
        .session_ctx = bus->session_ctx };

    return av_rights_check(&ask, ret, err);
}

static void
init_streams(av_request *self)
{
    self->up.magic = self->down.magic = AV_STREAM_MAGIC;
    self->up.request = self->down.request = self;
    av_link_init(&self->up.dirty);
    av_link_init(&self->up.in);
    av_link_init(&self->down.dirty);
    av_link_init(&self->down.in);
}

static av_request *
make(av_bus *bus, const char *from, const Archivolt__Envelope *env, const av_method_info *method,
    const av_rights *rights)
{
    av_request *self = av_xcalloc(1, sizeof *self);

    self->magic = AV_REQUEST_MAGIC;
    self->bus = bus;
    (void)snprintf(self->from, sizeof self->from, "%s", from);
    self->correlation = env->correlation;
    self->method = method;
    self->caller = rights->caller;
    self->ticket = rights->ticket;
    self->session = rights->session;
    self->has_key = env->has_idempotency_key;
    if (self->has_key)
        memcpy(self->key, env->idempotency_key.data, sizeof self->key);
    if (env->has_trace)
        memcpy(self->trace, env->trace.data, sizeof self->trace);
    else
        av_random_bytes(self->trace, sizeof self->trace);
    av_hex_encode(av_span_of(self->trace, sizeof self->trace), self->trace_hex);
    self->timeout_ms = env->time_left_ms;
    self->began_ms = av_clock_mono_ms();
    self->deadline_ms = self->began_ms + env->time_left_ms;
    self->first_credit = env->has_credit ? env->credit : 0;
    init_streams(self);
    if (env->has_ticket)
        memcpy(self->offer, env->ticket.data, sizeof self->offer);
    self->has_offer = env->has_ticket;
    av_link_init(&self->link);
    return self;
}

static void
run(av_request *self)
{
    const struct served *served = av_map_get_str(self->bus->handlers, self->method->name);

    map_add(self);
    av_link_add(&self->bus->request_list, &self->link);
    self->bus->request_n++;
    av_request_arm(self);
    served->handler->run(served->owner, self, self->body);
}

/* Everything up to the handler. false: err is the answer. */
static bool
admit(av_bus *bus, const char *from, const Archivolt__Envelope *env, av_span blob, av_error *err)
{
    const av_method_info *method = av_proto_method(env->method);
    ProtobufCMessage *body = NULL;
    uint8_t hash[AV_SHA256_SIZE] = { 0 };
    av_rights rights = { 0 };
    av_request *request;

    if (check_envelope(bus, env, method, err) != AV_OK || check_rights(bus, from, env, method, &rights, err) != AV_OK)
        return false;
    if (env->has_idempotency_key) {
        hash_body(method, blob, hash);
        err->code = AV_OK;
        if (known_by_key(bus, from, env, hash, err))
            goto done;
    }
    if (bus->request_n >= bus->config.max_requests) {
        (void)av_error_set(err, AV_ERR_BUSY, "%s has %zu requests in work", bus->keys.name, bus->request_n);
        goto done;
    }
    if (av_body_open(method->input, blob, true, &body, err) != AV_OK)
        goto done;
    request = make(bus, from, env, method, &rights);
    request->body = body;
    memcpy(request->body_hash, hash, sizeof hash);
    run(request);
    return true;
done:
    if (rights.ticket != NULL)
        archivolt__admin_ticket__free_unpacked(rights.ticket, NULL);
    return err->code == AV_OK;
}

static void
log_refused(const Archivolt__Envelope *env, const char *from, const av_error *err)
{
    char trace[2 * AV_ENVELOPE_TRACE_SIZE + 1] = "";

    if (env->has_trace)
        av_hex_encode(av_span_of(env->trace.data, env->trace.len), trace);
    AV_LOG(AV_LOG_DEBUG, "bus.request_refused", AV_STR("method", env->method), AV_STR("from", from),
        AV_STR("trace", trace), AV_ERRF(err));
}

void
av_requests_on_request(
    av_bus *self, const char *from, const Archivolt__Envelope *env, av_span blob, const av_error *bad)
{
    av_error err;

    self->counters.requests++;
    if (bad != NULL) {
        if (env->has_correlation)
            av_bus_send_error(self, from, env->correlation, bad);
        return;
    }
    if (av_request_find(self, from, env->correlation) != NULL) /* doubled on its way, or sent again: it is in work */
        return;
    if (admit(self, from, env, blob, &err))
        return;
    log_refused(env, from, &err);
    av_bus_send_error(self, from, env->correlation, &err);
}
