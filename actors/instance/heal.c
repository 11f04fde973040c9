/*
 * heal.c - see heal.h
 */
#include "actors/instance/heal.h"

#include "actors/instance/freeze.h"
#include "actors/instance/trouble.h"
#include "base/clock.h"
#include "base/log.h"

#define TRY_MS     5000
#define TRY_MAX_MS 300000 /* a disk that fails a write is left alone for longer each time */
#define PROBLEM    480

struct av_heal {
    av_instance *in;
    av_job job; /* on the writer: try the disks */
    bool at_work;
    size_t count;        /* of what takes no writes */
    bool accounts, full; /* among them; as the last try saw it */
    bool well;           /* the last try succeeded */
    int64_t started_mono_ms, next_mono_ms;
    unsigned failures; /* tries that failed in a row, and not for space */
    char problem[PROBLEM];
    char what[300]; /* this and what follows: the step's */
    av_errc rc;
    av_error err;
};

static uint64_t
wanted_bytes(const av_instance *in)
{
    return in->settings.heal_free_mb << 20;
}

av_errc
av_heal_explain(const av_instance *in, av_error *err)
{
    return av_trouble_explain(in->archive, wanted_bytes(in), err);
}

/* ---- trying: writer ---- */

/* The instance's own disk, too: all its databases are opened again. */
static av_step
on_step(av_job *job)
{
    av_heal *self = AV_CONTAINER(job, av_heal, job);
    uint64_t wanted = wanted_bytes(self->in);
    size_t n = 0;
    av_trouble *list = av_troubles_find(self->in->archive, &n);

    (void)snprintf(self->what, sizeof self->what, "%s", n > 0 ? list[0].what : "nothing");
    self->rc = av_trouble_try_disk(self->in->archive->dir, wanted, &self->err);
    for (size_t i = 0; self->rc == AV_OK && i < n; i++)
        if (strcmp(list[i].dir, self->in->archive->dir) != 0)
            self->rc = av_trouble_try_disk(list[i].dir, wanted, &self->err);
    av_troubles_free(list, n);
    return AV_STEP_DONE;
}

static int64_t
pause_ms(const av_heal *self)
{
    return AV_MIN((int64_t)TRY_MS << AV_MIN(self->failures, 8U), (int64_t)TRY_MAX_MS);
}

static void
on_done(av_job *job)
{
    av_heal *self = AV_CONTAINER(job, av_heal, job);

    self->at_work = false;
    if (job->dropped || self->count == 0)
        return;
    self->well = self->rc == AV_OK;
    self->full = self->rc == AV_ERR_NOSPACE;
    self->failures = self->well || self->full ? 0 : self->failures + 1;
    self->next_mono_ms = av_clock_mono_ms() + pause_ms(self);
    if (self->well)
        (void)snprintf(self->problem, sizeof self->problem,
            "%.150s takes no changes since a write failed; the disk takes writes again, and the instance starts again "
            "by "
            "itself in a moment",
            self->what);
    else
        (void)snprintf(self->problem, sizeof self->problem,
            "%.150s takes no changes since a write failed; the instance starts again by itself when the disk takes "
            "writes: %.180s",
            self->what, self->err.msg);
}

/* ---- watching ---- */

static void
notice(av_heal *self, const av_trouble *list, size_t n)
{
    self->accounts = false;
    for (size_t i = 0; i < n; i++)
        self->accounts = self->accounts || list[i].accounts;
    if (n == self->count)
        return;
    for (size_t i = 0; i < n; i++)
        AV_LOG(AV_LOG_ERROR, "database.failed", AV_STR("what", list[i].what), AV_STR("dir", list[i].dir));
    if (n == 0)
        AV_LOG(AV_LOG_INFO, "database.closed", AV_STR("detail", "what took no writes is closed"));
    if (self->count == 0) {
        self->well = self->full = false;
        self->failures = 0;
        self->next_mono_ms = 0;
        (void)snprintf(
            self->problem, sizeof self->problem, "%.150s takes no changes since a write failed", list[0].what);
    }
    self->count = n;
}

static bool
may_go(const av_heal *self, int64_t now_mono_ms)
{
    return self->well && !self->at_work && !av_freeze_is_on(self->in->freeze) &&
           now_mono_ms - self->started_mono_ms >= (int64_t)self->in->settings.heal_pause_s * 1000;
}

void
av_heal_tick(av_heal *self, int64_t now_mono_ms)
{
    size_t n = 0;
    av_trouble *list = av_troubles_find(self->in->archive, &n);

    notice(self, list, n);
    av_troubles_free(list, n);
    if (n == 0)
        return;
    if (may_go(self, now_mono_ms)) {
        AV_LOG(AV_LOG_INFO, "instance.heals", AV_STR("what", self->what));
        av_actor_stop(self->in->actor, AV_EXIT_HEAL);
    } else if (!self->at_work && now_mono_ms >= self->next_mono_ms) {
        self->at_work = true;
        av_pool_submit(self->in->writer, &self->job);
    }
}

const char *
av_heal_problem(const av_heal *self)
{
    return self->count > 0 ? self->problem : NULL;
}

size_t
av_heal_count(const av_heal *self)
{
    return self->count;
}

bool
av_heal_refuses(const av_heal *self, av_request *request, av_heal_need need)
{
    if (self->count == 0 || (need == AV_HEAL_ACCOUNTS && !self->accounts))
        return false;
    av_request_failf(
        request, self->full && need != AV_HEAL_WORKER ? AV_ERR_NOSPACE : AV_ERR_UNAVAILABLE, "%s", self->problem);
    return true;
}

av_heal *
av_heal_new(av_instance *in)
{
    av_heal *self = av_xcalloc(1, sizeof *self);

    self->in = in;
    self->started_mono_ms = av_clock_mono_ms();
    self->job.step = on_step;
    self->job.done = on_done;
    self->job.lane = av_lane_of(av_span_str("heal"));
    return self;
}

void
av_heal_destroy(av_heal **self)
{
    free(*self);
    *self = NULL;
}
