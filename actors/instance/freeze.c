/*
 * freeze.c - Freeze and Thaw
 */
#include "actors/instance/freeze.h"

#include "base/clock.h"
#include "base/log.h"
#include "proto/stores.pb-c.h"

#define SECONDS_MOST 3600U

struct av_freeze {
    av_instance *in;
    av_job job;          /* on the writer: settle, then stand still */
    av_request *request; /* Freeze, while the job works */
    uint32_t seconds;
    bool on; /* from the request on */
    bool frozen;
    int64_t frozen_mono_ms, frozen_wall_ms;
    av_loop_timer *timer;
    av_errc rc;
    av_error err;
};

bool
av_freeze_is_on(const av_freeze *self)
{
    return self != NULL && self->on;
}

/* Writer: the open group and what the databases hold in memory goes to disk. */
static av_step
on_step(av_job *job)
{
    av_freeze *self = AV_CONTAINER(job, av_freeze, job);
    av_archive *archive = self->in->archive;
    const av_open_store *current = NULL;

    self->rc = av_group_commit(self->in->group, &self->err);
    if (self->rc == AV_OK)
        self->rc = av_archive_catch_up(archive, &self->err);
    if (self->rc == AV_OK)
        self->rc = av_catalog_trim(archive->catalog, &self->err);
    if (self->rc == AV_OK && av_stores_current(archive->stores, &current, &self->err) == AV_OK)
        self->rc = av_store_view_trim(current->view, &self->err);
    if (self->rc == AV_OK) { /* before any other step */
        av_pool_pause(self->in->writer, true);
        av_indexer_pause(self->in->indexer, true);
    }
    return AV_STEP_DONE;
}

static uint64_t
frozen_ms(const av_freeze *self)
{
    return (uint64_t)(av_clock_mono_ms() - self->frozen_mono_ms);
}

static void
go_on(av_freeze *self, const char *by)
{
    av_loop_remove_timer(&self->timer);
    if (self->frozen)
        AV_LOG(AV_LOG_INFO, "backup.thawed", AV_STR("by", by), AV_U64("frozen_ms", frozen_ms(self)));
    self->on = self->frozen = false;
    av_pool_pause(self->in->writer, false);
    av_indexer_pause(self->in->indexer, false);
}

static void
on_time(void *ctx)
{
    av_freeze *self = ctx;

    self->timer = NULL;
    AV_LOG(AV_LOG_WARN, "backup.too_long", AV_U64("seconds", self->seconds));
    go_on(self, "time");
}

static void
on_done(av_job *job)
{
    Archivolt__FreezeReply reply = ARCHIVOLT__FREEZE_REPLY__INIT;
    av_freeze *self = AV_CONTAINER(job, av_freeze, job);
    av_request *request = AV_TAKE(self->request);
    AV_CLEANUP(av_free) char *when = NULL;

    if (job->dropped)
        self->rc = av_error_set(&self->err, AV_ERR_UNAVAILABLE, "the instance is stopping");
    if (self->rc != AV_OK) {
        self->on = false;
        AV_LOG(AV_LOG_ERROR, "backup.not_frozen", AV_ERRF(&self->err));
        av_request_fail(request, &self->err);
        return;
    }
    self->frozen = true;
    self->frozen_mono_ms = av_clock_mono_ms();
    self->frozen_wall_ms = av_clock_wall_ms();
    self->timer = av_loop_add_timer(self->in->loop, (uint64_t)self->seconds * 1000, 0, on_time, self);
    AV_LOG(AV_LOG_INFO, "backup.frozen", AV_U64("seconds", self->seconds));
    when = av_reply_date(self->frozen_wall_ms);
    reply.seconds = self->seconds;
    reply.frozen = when;
    av_request_reply(request, &reply.base);
}

static void
on_freeze(void *ctx, av_request *request, const ProtobufCMessage *message)
{
    const Archivolt__FreezeRequest *body = (const void *)message;
    av_freeze *self = ctx;
    uint32_t seconds = body->has_seconds ? body->seconds : (uint32_t)self->in->settings.freeze_seconds;

    if (seconds == 0 || seconds > SECONDS_MOST) {
        av_request_failf(request, AV_ERR_INVALID, "seconds: 1 to %u", SECONDS_MOST);
        return;
    }
    if (self->on) {
        av_request_failf(request, AV_ERR_BUSY, "the instance is frozen already: thaw it first");
        return;
    }
    if (!av_instance_admit(self->in, request, self->in->writer))
        return;
    AV_LOG(AV_LOG_INFO, "backup.began");
    self->on = true;
    self->seconds = seconds;
    self->request = request;
    self->job.step = on_step;
    self->job.done = on_done;
    self->job.lane = av_lane_of(av_span_str("freeze"));
    av_pool_submit(self->in->writer, &self->job);
}

static void
on_thaw(void *ctx, av_request *request, AV_UNUSED const ProtobufCMessage *message)
{
    Archivolt__ThawReply reply = ARCHIVOLT__THAW_REPLY__INIT;
    av_freeze *self = ctx;

    av_instance_touch(self->in);
    if (self->on && !self->frozen) {
        av_request_failf(request, AV_ERR_BUSY, "the instance is about to be frozen: try again");
        return;
    }
    reply.was_frozen = self->frozen;
    reply.frozen_ms = self->frozen ? frozen_ms(self) : 0;
    if (self->frozen)
        go_on(self, "request");
    AV_LOG(AV_LOG_INFO, "backup.ended", AV_STR("state", reply.was_frozen ? "consistent" : "thawed before"));
    av_request_reply(request, &reply.base);
}

av_freeze *
av_freeze_new(av_instance *in)
{
    static const av_handler handlers[] = { { "archivolt.Stores.Freeze", on_freeze },
        { "archivolt.Stores.Thaw", on_thaw } };
    av_freeze *self = av_xcalloc(1, sizeof *self);

    self->in = in;
    av_bus_serve(in->bus, handlers, AV_COUNT(handlers), self);
    return self;
}

void
av_freeze_stop(av_freeze *self)
{
    if (self != NULL && self->frozen)
        go_on(self, "stop");
}

void
av_freeze_destroy(av_freeze **self)
{
    if (*self == NULL)
        return;
    free(*self);
    *self = NULL;
}
