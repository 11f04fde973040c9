/*
 * run.c - see run.h
 *
 * Takes:  answers of Intake.BeginRun, Put, Progress, Fail      Sends: items in order, each once per connection
 * Owns:   source, feed, stream
 * Limits: a break without progress is tried again TRIES times with a growing pause; then the host decides
 */
#include "actors/worker/run.h"

#include "actors/worker/count.h"
#include "actors/worker/feed.h"
#include "actors/worker/source.h"
#include "base/encode.h"
#include "base/log.h"
#include "base/secret.h"
#include "proto/worker.pb-c.h"

#define TRIES        40
#define PAUSE_MIN_MS 200
#define PAUSE_MAX_MS 5000
#define CALL_MS      30000
#define STREAM_IDLE_MS                                                                                                 \
    120000 /* the instance may be busy committing; without any progress for this long the stream is broken */
#define PROGRESS_MS 1000
#define PUMP_BYTES  (2U * 1024 * 1024) /* sent before other events get their turn */

struct av_run {
    av_actor *actor;
    char instance[96]; /* instance/<id> */
    uint8_t id[16];
    uint8_t trace[16]; /* of all calls of this process */
    char trace_hex[33];
    Archivolt__RunSpec *spec;
    av_feed *feed;
    av_count *count;
    uint64_t expected; /* items in the source; 0: not known */
    av_call *put;
    bool counted, upstream_ended, pumping, stopped;
    uint64_t acked, acked_at_break;
    unsigned tries;
    av_loop_timer *retry, *progress;
};

static void begin(void *ctx);

av_run *
av_run_new(void)
{
    return av_xcalloc(1, sizeof(av_run));
}

static void
release_attempt(av_run *self)
{
    av_call_cancel(&self->put);
    av_loop_remove_timer(&self->progress);
    av_feed_destroy(&self->feed);
    if (self->spec != NULL)
        archivolt__run_spec__free_unpacked(self->spec, NULL);
    self->spec = NULL;
    self->upstream_ended = false;
}

void
av_run_destroy(av_run **self)
{
    if (*self == NULL)
        return;
    av_count_destroy(&(*self)->count);
    av_feed_destroy(&(*self)->feed);
    if ((*self)->spec != NULL)
        archivolt__run_spec__free_unpacked((*self)->spec, NULL);
    free(*self);
    *self = NULL;
}

uint64_t
av_run_items(const av_run *self)
{
    return self->acked;
}

static void
end_process(av_run *self, int status)
{
    release_attempt(self);
    av_count_destroy(&self->count);
    self->stopped = true;
    av_actor_stop(self->actor, status);
}

static ProtobufCBinaryData
id_of(av_run *self)
{
    return (ProtobufCBinaryData){ .len = sizeof self->id, .data = self->id };
}

/* Worth another try, from where the instance says? Anything else will not get better by itself. */
static bool
is_passing(av_errc code)
{
    switch (code) {
    case AV_ERR_UNAVAILABLE:
    case AV_ERR_TIMEOUT:
    case AV_ERR_BUSY:
    case AV_ERR_ASLEEP:
    case AV_ERR_IO:
    case AV_ERR_NO_ACTOR:
    case AV_ERR_INTERNAL:
        return true;
    default:
        return false;
    }
}

static void
try_again(av_run *self, const av_error *err)
{
    uint64_t pause;

    if (self->acked > self->acked_at_break)
        self->tries = 0;
    self->acked_at_break = self->acked;
    release_attempt(self);
    AV_LOG(AV_LOG_WARN, "run.broken", AV_STR("trace", self->trace_hex), AV_U64("try", self->tries),
        AV_U64("durable", self->acked), AV_ERRF(err));
    if (++self->tries > TRIES) {
        end_process(self, 1);
        return;
    }
    pause = AV_MIN((uint64_t)PAUSE_MIN_MS << AV_MIN(self->tries, 6U), (uint64_t)PAUSE_MAX_MS);
    self->retry = av_loop_add_timer(av_actor_loop(self->actor), pause, 0, begin, self);
}

static void
fail_call_done(void *ctx, av_call *call, const ProtobufCMessage *reply, const av_error *err)
{
    av_run *self = ctx;

    (void)call;
    (void)reply;
    if (err != NULL && is_passing(err->code)) {
        try_again(self, err);
        return;
    }
    end_process(self, 3);
}

/* The source cannot be read: the instance is told, so that the run ends with the reason. */
static void
fail_run(av_run *self, const av_error *err)
{
    Archivolt__FailRunRequest request = ARCHIVOLT__FAIL_RUN_REQUEST__INIT;
    av_call_spec spec = { .to = self->instance,
        .method = "archivolt.Intake.Fail",
        .body = &request.base,
        .timeout_ms = CALL_MS,
        .trace = av_span_of(self->trace, sizeof self->trace),
        .done = fail_call_done,
        .ctx = self };

    AV_LOG(AV_LOG_ERROR, "run.source_failed", AV_STR("trace", self->trace_hex), AV_ERRF(err));
    av_call_cancel(&self->put);
    request.run = id_of(self);
    request.code = (uint32_t)err->code;
    request.message = (char *)err->msg;
    (void)av_bus_call(av_actor_bus(self->actor), &spec);
}

/* ---- handing over ---- */

static void
pump_again(void *ctx)
{
    av_run *self = ctx;
    av_stream *stream = self->put == NULL ? NULL : av_call_upstream(self->put);
    size_t sent = 0;
    av_error err;

    self->pumping = false;
    if (stream == NULL || self->upstream_ended)
        return;
    while (sent < PUMP_BYTES) {
        size_t room = av_stream_room(stream), n;
        av_span ready;
        av_errc rc;

        if (room == 0)
            return; /* on_room goes on */
        rc = av_feed_ready(self->feed, &ready, &err);
        if (rc == AV_ERR_IO) {
            try_again(self, &err);
            return;
        }
        if (rc != AV_OK) {
            fail_run(self, &err);
            return;
        }
        if (ready.n == 0) {
            self->upstream_ended = true;
            av_stream_end(stream);
            return;
        }
        n = AV_MIN(room, ready.n);
        av_stream_write(stream, av_span_slice(ready, 0, n));
        av_feed_take(self->feed, n);
        sent += n;
    }
    self->pumping = true;
    av_loop_post(av_actor_loop(self->actor), pump_again, self);
}

static void
on_room(void *ctx, av_stream *stream)
{
    av_run *self = ctx;

    (void)stream;
    if (!self->pumping)
        pump_again(self);
}

static void
on_item(void *ctx, av_stream *stream, uint64_t item)
{
    av_run *self = ctx;

    (void)stream;
    self->acked = item;
}

static void
put_done(void *ctx, av_call *call, const ProtobufCMessage *reply, const av_error *err)
{
    av_run *self = ctx;

    (void)call;
    self->put = NULL;
    if (err == NULL) {
        const Archivolt__RunAccount *account = (const Archivolt__RunAccount *)reply;

        AV_LOG(AV_LOG_INFO, "run.ended", AV_STR("trace", self->trace_hex), AV_U64("offered", account->offered),
            AV_U64("stored", account->stored), AV_U64("duplicate", account->duplicate),
            AV_U64("refused", account->refused));
        end_process(self, 0);
    } else if (is_passing(err->code)) {
        try_again(self, err);
    } else {
        AV_LOG(AV_LOG_ERROR, "run.failed", AV_STR("trace", self->trace_hex), AV_ERRF(err));
        end_process(self, err->code == AV_ERR_CANCELLED ? 0 : 3);
    }
}

static void
progress_done(void *ctx, av_call *call, const ProtobufCMessage *reply, const av_error *err)
{
    (void)ctx;
    (void)call;
    (void)reply;
    (void)err; /* the next one follows in a second */
}

static void
send_progress(void *ctx)
{
    av_run *self = ctx;
    Archivolt__RunProgressRequest request = ARCHIVOLT__RUN_PROGRESS_REQUEST__INIT;
    av_call_spec spec = { .to = self->instance,
        .method = "archivolt.Intake.Progress",
        .body = &request.base,
        .timeout_ms = CALL_MS,
        .trace = av_span_of(self->trace, sizeof self->trace),
        .no_retry = true,
        .done = progress_done,
        .ctx = self };

    if (self->feed == NULL)
        return;
    request.run = id_of(self);
    request.has_expected_items = self->expected > 0;
    request.expected_items = self->expected;
    request.text = (char *)av_feed_path(self->feed);
    (void)av_bus_call(av_actor_bus(self->actor), &spec);
}

static void
on_counted(void *ctx, uint64_t items)
{
    av_run *self = ctx;

    if (self->stopped)
        return;
    self->expected = items;
    send_progress(self);
}

static void
put(av_run *self)
{
    static const av_stream_events events = { .on_room = on_room, .on_item = on_item };
    Archivolt__IntakeRequest request = ARCHIVOLT__INTAKE_REQUEST__INIT;
    av_call_spec spec = { .to = self->instance,
        .method = "archivolt.Intake.Put",
        .body = &request.base,
        .timeout_ms = STREAM_IDLE_MS,
        .trace = av_span_of(self->trace, sizeof self->trace),
        .done = put_done,
        .upstream = &events,
        .ctx = self };

    request.run = id_of(self);
    request.first_item = self->spec->last_item + 1;
    self->put = av_bus_call(av_actor_bus(self->actor), &spec);
    self->progress = av_loop_add_timer(av_actor_loop(self->actor), PROGRESS_MS, PROGRESS_MS, send_progress, self);
}

/* ---- beginning ---- */

static av_errc
open_source(const Archivolt__RunSpec *spec, av_source **ret, av_error *err)
{
    av_source_options options = { .kind = (av_source_kind)(spec->source - ARCHIVOLT__SOURCE_KIND__SOURCE_KIND_AUTO),
        .mbox = (av_mbox_kind)(spec->mbox - ARCHIVOLT__MBOX_KIND__MBOX_KIND_AUTO),
        .max_message_bytes = spec->max_message_bytes };

    return av_source_open(&options, (const char *const *)spec->paths, spec->n_paths, ret, err);
}

_Static_assert(
    ARCHIVOLT__SOURCE_KIND__SOURCE_KIND_MBOX - ARCHIVOLT__SOURCE_KIND__SOURCE_KIND_AUTO == (int)AV_SOURCE_MBOX,
    "the kinds of the contract and of source.h stand in one order");
_Static_assert(ARCHIVOLT__MBOX_KIND__MBOX_KIND_MBOXCL2 - ARCHIVOLT__MBOX_KIND__MBOX_KIND_AUTO == (int)AV_MBOX_CL2,
    "the kinds of the contract and of source.h stand in one order");

static void
start_count(av_run *self)
{
    av_source *again = NULL;
    av_error err;

    if (self->counted || open_source(self->spec, &again, &err) != AV_OK)
        return;
    self->counted = true;
    self->count = av_count_start(av_actor_loop(self->actor), &again, on_counted, self);
}

/* The reply lives as long as its callback; the spec as long as the attempt. */
static Archivolt__RunSpec *
copy_spec(const Archivolt__RunSpec *reply)
{
    size_t n = archivolt__run_spec__get_packed_size(reply);
    AV_CLEANUP(av_free) uint8_t *bytes = av_xalloc(n);
    Archivolt__RunSpec *copy;

    (void)archivolt__run_spec__pack(reply, bytes);
    copy = archivolt__run_spec__unpack(NULL, n, bytes);
    assert(copy != NULL);
    return copy;
}

static void
begin_done(void *ctx, av_call *call, const ProtobufCMessage *reply, const av_error *err)
{
    av_run *self = ctx;
    av_source *source = NULL;
    av_error trouble;

    (void)call;
    if (err != NULL && is_passing(err->code)) {
        try_again(self, err);
        return;
    }
    if (err != NULL) {
        AV_LOG(AV_LOG_ERROR, "run.refused", AV_STR("trace", self->trace_hex), AV_ERRF(err));
        end_process(self, err->code == AV_ERR_CANCELLED ? 0 : 3);
        return;
    }
    self->spec = copy_spec((const Archivolt__RunSpec *)reply);
    if (open_source(self->spec, &source, &trouble) != AV_OK ||
        av_source_skip(source, self->spec->last_item, &trouble) != AV_OK) {
        av_source_destroy(&source);
        fail_run(self, &trouble);
        return;
    }
    self->acked = self->acked_at_break = AV_MAX(self->acked, self->spec->last_item);
    self->feed = av_feed_new(&source, self->spec->last_item + 1);
    AV_LOG(AV_LOG_INFO, "run.begun", AV_STR("trace", self->trace_hex), AV_U64("behind", self->spec->last_item),
        AV_STR("archive", self->spec->archive));
    start_count(self);
    put(self);
}

static void
begin(void *ctx)
{
    av_run *self = ctx;
    Archivolt__BeginRunRequest request = ARCHIVOLT__BEGIN_RUN_REQUEST__INIT;
    av_call_spec spec = { .to = self->instance,
        .method = "archivolt.Intake.BeginRun",
        .body = &request.base,
        .timeout_ms = CALL_MS,
        .trace = av_span_of(self->trace, sizeof self->trace),
        .done = begin_done,
        .ctx = self };

    self->retry = NULL;
    request.run = id_of(self);
    (void)av_bus_call(av_actor_bus(self->actor), &spec);
}

void
av_run_start(av_run *self, av_actor *actor, const char *instance, const char *run_hex)
{
    self->actor = actor;
    (void)snprintf(self->instance, sizeof self->instance, "instance/%s", instance);
    av_random_bytes(self->trace, sizeof self->trace);
    av_hex_encode(av_span_of(self->trace, sizeof self->trace), self->trace_hex);
    if (!av_hex_decode(av_span_str(run_hex), self->id, sizeof self->id)) {
        AV_LOG(AV_LOG_ERROR, "run.bad_name", AV_STR("run", run_hex));
        end_process(self, 3);
        return;
    }
    begin(self);
}

void
av_run_stop(av_run *self)
{
    av_loop_remove_timer(&self->retry);
    release_attempt(self);
    av_count_destroy(&self->count);
    self->stopped = true;
}
