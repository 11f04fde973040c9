/*
 * request.c - the answering side: admit, run once, answer once
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
#include "base/unicode.h"

#define REPLY_MAX (64U * 1024 * 1024) /* what a handler may give as one message; callers take less */

static void retire(av_request *self);
static void on_timer(void *ctx);

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

static av_request *
find(const av_bus *bus, const char *from, uint64_t correlation)
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

static void
map_remove(av_request *self)
{
    map_key k = connection_key(self->from, self->correlation);

    (void)av_map_remove(self->bus->requests, av_span_of(k.bytes, k.n));
    if (!self->has_key)
        return;
    k = idempotency_key(self->from, self->key);
    (void)av_map_remove(self->bus->by_key, av_span_of(k.bytes, k.n));
}

/* ---- answers ---- */

/* Error texts quote what peers sent: only UTF-8 goes on the wire. */
static void
make_utf8(char *text)
{
    if (av_utf8_valid(av_span_str(text)))
        return;
    for (; *text != '\0'; text++)
        if ((unsigned char)*text >= 0x80)
            *text = '?';
}

static void
send_error(av_bus *bus, const char *to, uint64_t correlation, const av_error *err)
{
    Archivolt__Envelope env;
    Archivolt__Error error;
    av_error copy = *err;

    make_utf8(copy.msg);
    av_envelope_init(&env, ARCHIVOLT__KIND__KIND_ERROR, correlation);
    av_envelope_set_error(&env, &error, &copy, bus->keys.name);
    bus->counters.errors++;
    (void)av_bus_send(bus, to, &env, av_span_of(NULL, 0), AV_PEER_KEEP);
}

static void
send_reply(
    av_bus *bus, const char *to, uint64_t correlation, av_span body, const Archivolt__StreamEnd *end, bool in_stream)
{
    Archivolt__Envelope env;

    av_envelope_init(&env, ARCHIVOLT__KIND__KIND_REPLY, correlation);
    env.end = (Archivolt__StreamEnd *)end;
    env.has_body_in_stream = env.body_in_stream = in_stream;
    bus->counters.replies++;
    (void)av_bus_send(bus, to, &env, body, AV_PEER_KEEP);
}

/* ---- life ---- */

static void
arm(av_request *self)
{
    int64_t left = self->deadline_ms - av_clock_mono_ms();

    av_loop_remove_timer(&self->timer);
    self->timer = av_loop_add_timer(self->bus->config.loop, (uint64_t)AV_MAX(left, 0), 0, on_timer, self);
}

static bool
has_stream(const av_request *self)
{
    return self->method->stream_in || self->method->stream_out || self->reply_body.n > 0;
}

/* Nobody waits for the answer any more; the handler is told, and still has to answer. */
static void
set_gone(av_request *self, const av_error *err)
{
    if (self->gone)
        return;
    self->gone = true;
    av_loop_remove_timer(&self->timer);
    if (self->answered) { /* was still sending a long reply */
        retire(self);
        return;
    }
    av_stream_break(&self->up, err);
    av_stream_break(&self->down, err);
    if (self->on_gone != NULL && !self->answered) {
        void (*fn)(void *, av_request *) = self->on_gone;

        self->on_gone = NULL;
        fn(self->on_gone_ctx, self);
    }
}

static void
on_timer(void *ctx)
{
    av_request *self = ctx;
    av_error err;

    self->timer = NULL;
    if (av_clock_mono_ms() < self->deadline_ms) {
        arm(self);
        return;
    }
    (void)av_error_set(&err, AV_ERR_TIMEOUT, "the caller's deadline has passed");
    av_bus_enter(self->bus);
    set_gone(self, &err);
    av_bus_leave(self->bus);
}

static void
retire(av_request *self)
{
    av_loop_remove_timer(&self->timer);
    map_remove(self);
    av_link_remove(&self->link);
    av_link_add(&self->bus->retired_requests, &self->link);
    self->bus->request_n--;
    self->gone = true;
    av_stream_release(&self->up);
    av_stream_release(&self->down);
    av_loop_again(self->bus->config.loop);
}

void
av_request_progress(av_request *self)
{
    if (has_stream(self))
        self->deadline_ms = av_clock_mono_ms() + self->timeout_ms;
}

void
av_request_stream_failed(av_request *self, const av_error *err)
{
    if (self->gone)
        return;
    send_error(self->bus, self->from, self->correlation, err);
    set_gone(self, err);
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
    map_remove(self);
    (void)snprintf(self->from, sizeof self->from, "%s", from);
    self->correlation = env->correlation;
    map_add(self);
    self->gone = false;
    self->deadline_ms = av_clock_mono_ms() + env->time_left_ms;
    arm(self);
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
        else if (has_stream(same))
            (void)av_error_set(err, AV_ERR_BUSY, "the same request is still in work");
        else
            join(same, from, env);
        return true;
    }
    switch (av_replay_find(bus->replay, name, env->idempotency_key.data, hash, av_clock_mono_ms(), &reply)) {
    case AV_REPLAY_SAME:
        send_reply(bus, from, env->correlation, reply, NULL, false);
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
    self->deadline_ms = av_clock_mono_ms() + env->time_left_ms;
    self->first_credit = env->has_credit ? env->credit : 0;
    init_streams(self);
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
    arm(self);
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

void
av_requests_on_request(
    av_bus *self, const char *from, const Archivolt__Envelope *env, av_span blob, const av_error *bad)
{
    av_error err;

    self->counters.requests++;
    if (bad != NULL) {
        if (env->has_correlation)
            send_error(self, from, env->correlation, bad);
        return;
    }
    if (find(self, from, env->correlation) != NULL) /* doubled on its way, or sent again: it is in work */
        return;
    if (admit(self, from, env, blob, &err))
        return;
    AV_LOG(AV_LOG_DEBUG, "bus.request_refused", AV_STR("method", env->method), AV_STR("from", from), AV_ERRF(&err));
    send_error(self, from, env->correlation, &err);
}

/* ---- what else arrives ---- */

static void
on_undeliverable(av_bus *bus, const Archivolt__Envelope *env)
{
    const char *to = env->error->actor;
    av_request *request = to == NULL || strlen(to) >= AV_SENDER_MAX ? NULL : find(bus, to, env->correlation);
    av_error err;

    if (request == NULL)
        return;
    av_envelope_get_error(env, &err);
    set_gone(request, &err);
}

void
av_requests_on_message(av_bus *self, const char *from, const Archivolt__Envelope *env, av_span blob)
{
    av_request *request;
    av_error err;

    if (env->kind == ARCHIVOLT__KIND__KIND_ERROR) {
        if (av_sender_is_broker(av_span_str(from)))
            on_undeliverable(self, env);
        return;
    }
    request = find(self, from, env->correlation);
    if (request == NULL)
        return;
    switch (env->kind) {
    case ARCHIVOLT__KIND__KIND_CHUNK:
        av_stream_on_chunk(&request->up, env, blob);
        break;
    case ARCHIVOLT__KIND__KIND_CREDIT:
        av_stream_on_credit(&request->down, env);
        break;
    case ARCHIVOLT__KIND__KIND_CANCEL:
        (void)av_error_set(&err, AV_ERR_CANCELLED, "the caller has cancelled");
        set_gone(request, &err);
        break;
    default:
        break;
    }
}

void
av_requests_on_down(av_bus *self, const av_error *why)
{
    for (av_link *l = self->request_list.next; l != &self->request_list;) {
        av_request *request = AV_CONTAINER(l, av_request, link);

        if (request->gone || !has_stream(request)) {
            l = l->next;
            continue;
        }
        set_gone(request, why);
        l = self->request_list.next; /* a handler may have answered others; those gone are passed over */
    }
}

void
av_requests_end_all(av_bus *self)
{
    av_error err;

    (void)av_error_set(&err, AV_ERR_UNAVAILABLE, "%s is stopping", self->keys.name);
    while (!av_link_empty(&self->request_list)) {
        av_request *request = AV_CONTAINER(self->request_list.next, av_request, link);

        if (!request->gone && !request->answered)
            send_error(self, request->from, request->correlation, &err);
        set_gone(request, &err);
        if (self->request_list.next == &request->link) /* the handler did not answer: it cannot any more */
            retire(request);
    }
}

void
av_requests_sweep(av_bus *self)
{
    while (!av_link_empty(&self->retired_requests)) {
        av_request *request = AV_CONTAINER(self->retired_requests.next, av_request, link);

        av_link_remove(&request->link);
        protobuf_c_message_free_unpacked(request->body, NULL);
        if (request->ticket != NULL)
            archivolt__admin_ticket__free_unpacked(request->ticket, NULL);
        av_buf_release(&request->reply_body);
        request->magic = 0;
        free(request);
    }
}

/* ---- the handler's side ---- */

/* Chunks of a long reply, as far as the caller's credit reaches; behind the last one the reply itself. */
void
av_request_pump(av_request *self)
{
    Archivolt__StreamEnd end = ARCHIVOLT__STREAM_END__INIT;
    uint8_t sha256[AV_SHA256_SIZE];

    while (self->reply_at < self->reply_body.n) {
        size_t n = AV_MIN(av_stream_room(&self->down), self->reply_body.n - self->reply_at);

        if (n == 0)
            return;
        av_stream_write(&self->down, av_span_of(self->reply_body.p + self->reply_at, n));
        self->reply_at += n;
    }
    (void)av_stream_flush(&self->down);
    av_stream_sum(&self->down, &end, sha256);
    send_reply(self->bus, self->from, self->correlation, av_span_of(NULL, 0), &end, true);
    retire(self);
}

static void
on_pump_room(void *ctx, av_stream *stream)
{
    (void)stream;
    av_request_pump(ctx);
}

static const av_stream_events pump_events = { .on_room = on_pump_room };

static void
reply_in_chunks(av_request *self, av_buf *packed)
{
    self->reply_body = *packed;
    *packed = (av_buf){ 0 };
    av_stream_open_out(&self->down, self->bus, &pump_events, self, self->first_credit);
    self->deadline_ms = av_clock_mono_ms() + self->timeout_ms;
    arm(self);
    av_request_pump(self);
}

/* The reply that stands behind a downstream says what was sent. */
static void
reply_behind_stream(av_request *self, av_span packed)
{
    Archivolt__StreamEnd end = ARCHIVOLT__STREAM_END__INIT;
    uint8_t sha256[AV_SHA256_SIZE];

    (void)av_stream_flush(&self->down);
    av_stream_sum(&self->down, &end, sha256);
    send_reply(self->bus, self->from, self->correlation, packed, &end, false);
}

static void
remember(av_request *self, av_span packed)
{
    if (self->has_key && !self->method->stream_in && !self->method->stream_out && packed.n <= AV_BUS_BLOB_MAX)
        av_replay_put(self->bus->replay, av_sender_name(av_span_str(self->from)), self->key, self->body_hash,
            av_clock_mono_ms(), packed);
}

void
av_request_reply(av_request *self, const ProtobufCMessage *reply)
{
    AV_CLEANUP(av_buf_release) av_buf packed = { 0 };
    uint8_t *at;

    assert(self->magic == AV_REQUEST_MAGIC && !self->answered && reply->descriptor == self->method->output);
    av_buf_init(&packed, REPLY_MAX);
    at = av_buf_reserve(&packed, protobuf_c_message_get_packed_size(reply) + 1);
    if (at == NULL || (self->method->stream_out && protobuf_c_message_get_packed_size(reply) > AV_BUS_BLOB_MAX)) {
        av_request_failf(self, AV_ERR_LIMIT, "the reply of %s is too long", self->method->method);
        return;
    }
    packed.n = protobuf_c_message_pack(reply, at);
    self->answered = true;
    remember(self, av_buf_span(&packed));
    if (self->gone) {
        retire(self);
        return;
    }
    if (packed.n > AV_BUS_BLOB_MAX) {
        reply_in_chunks(self, &packed);
        return;
    }
    if (self->down.used)
        reply_behind_stream(self, av_buf_span(&packed));
    else
        send_reply(self->bus, self->from, self->correlation, av_buf_span(&packed), NULL, false);
    retire(self);
}

void
av_request_fail(av_request *self, const av_error *err)
{
    assert(self->magic == AV_REQUEST_MAGIC && !self->answered && err->code != AV_OK);
    self->answered = true;
    if (!self->gone)
        send_error(self->bus, self->from, self->correlation, err);
    retire(self);
}

void
av_request_failf(av_request *self, av_errc code, const char *fmt, ...)
{
    av_error err = { .code = code };
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(err.msg, sizeof err.msg, fmt, ap);
    va_end(ap);
    av_request_fail(self, &err);
}

av_stream *
av_request_upstream(av_request *self, const av_stream_events *events, void *ctx)
{
    assert(self->magic == AV_REQUEST_MAGIC && !self->up.used);
    if (!self->method->stream_in)
        return NULL;
    (void)av_stream_open_in(&self->up, self->bus, events, ctx, true);
    av_stream_send_credit(&self->up, NULL);
    return &self->up;
}

av_stream *
av_request_downstream(av_request *self, const av_stream_events *events, void *ctx)
{
    assert(self->magic == AV_REQUEST_MAGIC && !self->down.used);
    if (!self->method->stream_out)
        return NULL;
    av_stream_open_out(&self->down, self->bus, events, ctx, self->first_credit);
    return &self->down;
}

void
av_request_on_gone(av_request *self, void (*fn)(void *ctx, av_request *request), void *ctx)
{
    self->on_gone = fn;
    self->on_gone_ctx = ctx;
}

const av_method_info *
av_request_method(const av_request *self)
{
    return self->method;
}

const char *
av_request_from(const av_request *self)
{
    return self->from;
}

Archivolt__Caller
av_request_caller(const av_request *self)
{
    return self->caller;
}

const char *
av_request_admin(const av_request *self)
{
    return self->ticket == NULL ? NULL : self->ticket->user_name;
}

void *
av_request_session(const av_request *self)
{
    return self->session;
}

av_span
av_request_idempotency_key(const av_request *self)
{
    return av_span_of(self->key, self->has_key ? sizeof self->key : 0);
}

const char *
av_request_trace(const av_request *self)
{
    return self->trace_hex;
}

int64_t
av_request_deadline_mono_ms(const av_request *self)
{
    return self->deadline_ms;
}

av_bus *
av_request_bus(const av_request *self)
{
    return self->bus;
}
