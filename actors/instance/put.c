/*
 * put.c - Intake.Put: the upstream of a worker into an intake on the writer thread
 *
 * Bytes that arrive are gathered while the writer works on the batch before: the stream's window bounds both. Acknowledged
 * is what a commit has made durable; a group that waits for more input is committed after 50 ms. A stream that breaks keeps
 * its whole items and drops the last part; the worker goes on behind them (BeginRun).
 *
 * The end of a run and BeginRun say where the run stands, so nothing of a closed stream may follow them: `closed` is set
 * before either is submitted, the writer is one thread, so a slice that is running ends before they look and the slices
 * behind it are dropped. No item of a dropped slice was acknowledged.
 */
#include "actors/instance/runs_priv.h"
#include "base/clock.h"
#include "base/log.h"

#define SLICE     (256U * 1024) /* fed in one step: others take turns on the writer */
#define FLUSH_MS  50
#define INBOX_MAX (256U * 1024 * 1024) /* never met: the window is smaller */

typedef enum put_op { PUT_FEED, PUT_FLUSH, PUT_FINISH, PUT_CLOSE } put_op;

struct av_put {
    av_job job;
    av_runs *runs;
    av_run_ctl *ctl;     /* NULL: closed */
    av_request *request; /* NULL: answered */
    av_stream *stream;
    av_buf inbox, batch; /* batch is the writer's while busy */
    size_t fed;
    put_op op;
    bool busy, ended, lost, posted, dead;
    atomic_bool closed; /* by the bus thread: what is not yet fed is dropped */
    av_loop_timer *timer;
    uint64_t first_item, acked;
    /* The writer's, copied out before a step hands back. */
    av_intake *intake;
    av_intake_config config;
    char *top_folder, *folder;
    av_account seen, durable, counted;
    av_errc rc;
    av_error err;
    av_put *next, *prev;
};

static void advance(av_put *self);

static void
put_free(av_put *self)
{
    assert(self->intake == NULL && self->request == NULL);
    av_loop_remove_timer(&self->timer);
    if (self->prev != NULL)
        self->prev->next = self->next;
    else
        self->runs->puts = self->next;
    if (self->next != NULL)
        self->next->prev = self->prev;
    av_buf_release(&self->inbox);
    av_buf_release(&self->batch);
    free(self->top_folder);
    free(self->folder);
    self->dead = true;
    if (!self->posted)
        free(self);
}

/* ---- writer ---- */

static av_errc
open_intake(av_put *self)
{
    av_errc rc = av_intake_new(&self->config, &self->intake, &self->err);

    if (rc != AV_OK)
        return rc;
    self->counted = *av_intake_durable(self->intake);
    if (self->first_item != self->counted.last_item + 1)
        return av_error_set(&self->err, AV_ERR_BUSY, "item %llu was offered where item %llu is due",
            (unsigned long long)self->first_item, (unsigned long long)self->counted.last_item + 1);
    return AV_OK;
}

static av_step
feed_slice(av_put *self)
{
    size_t n = AV_MIN((size_t)SLICE, self->batch.n - self->fed);

    self->rc = av_intake_feed(self->intake, av_span_of(self->batch.p + self->fed, n), &self->err);
    self->fed += n;
    return self->rc == AV_OK && self->fed < self->batch.n ? AV_STEP_AGAIN : AV_STEP_DONE;
}

/* The process's counters of messages checked and archived. */
static void
count(av_put *self)
{
    av_instance *in = self->runs->in;

    if (self->durable.last_item <= self->counted.last_item)
        return;
    atomic_fetch_add(&in->archived, self->durable.stored - self->counted.stored);
    atomic_fetch_add(&in->checked, self->durable.last_item - self->counted.last_item);
    self->counted = self->durable;
}

/* Whole items stay: they are committed before the intake is let go. */
static void
close_intake(av_put *self)
{
    av_error err;

    (void)av_group_commit(self->runs->in->group, &err);
    if (self->intake != NULL)
        self->durable = *av_intake_durable(self->intake);
    count(self);
    av_intake_destroy(&self->intake);
}

static av_step
on_step(av_job *job)
{
    av_put *self = AV_CONTAINER(job, av_put, job);
    av_step step = AV_STEP_DONE;

    self->rc = AV_OK;
    if (self->op == PUT_CLOSE) {
        close_intake(self);
        return AV_STEP_DONE;
    }
    if (self->op == PUT_FEED && atomic_load(&self->closed))
        return AV_STEP_DONE;
    if (self->intake == NULL)
        self->rc = open_intake(self);
    if (self->rc == AV_OK) {
        if (self->op == PUT_FEED)
            step = feed_slice(self);
        else if (self->op == PUT_FLUSH)
            self->rc = av_group_commit(self->runs->in->group, &self->err);
        else
            self->rc = av_intake_end(self->intake, AV_RUN_FINISHED, &self->err);
    }
    if (step == AV_STEP_DONE && self->intake != NULL) {
        self->seen = *av_intake_seen(self->intake);
        self->durable = *av_intake_durable(self->intake);
        count(self);
    }
    return step;
}

/* ---- bus thread ---- */

static void
submit(av_put *self, put_op op)
{
    self->busy = true;
    self->op = op;
    av_loop_remove_timer(&self->timer);
    av_pool_submit(self->runs->in->writer, &self->job);
}

/* Fail the request and let the run go; the writer still has to close the intake. */
static void
detach(av_put *self, const av_error *err)
{
    atomic_store(&self->closed, true);
    if (self->ctl != NULL) {
        self->ctl->heard_mono_ms = av_clock_mono_ms(); /* a worker has some time to come back */
        self->ctl->put = NULL;
    }
    self->ctl = NULL;
    self->stream = NULL;
    if (self->request != NULL)
        av_request_fail(AV_TAKE(self->request), err);
    av_loop_remove_timer(&self->timer);
}

void
av_put_close(av_put *self, const av_error *err)
{
    if (self->ctl == NULL)
        return;
    detach(self, err);
    if (!self->busy)
        submit(self, PUT_CLOSE);
}

/* Trouble that another try does not heal ends the run. A worker that is told busy begins anew, one told cancelled ends. */
static bool
is_final(av_errc rc)
{
    return rc != AV_ERR_BUSY && rc != AV_ERR_CANCELLED && rc != AV_ERR_UNAVAILABLE;
}

static void
on_failed(av_put *self)
{
    av_run_ctl *ctl = self->ctl;
    av_error err = self->err;

    AV_LOG(AV_LOG_ERROR, "run.intake_failed", AV_STR("run", ctl->hex), AV_U64("last_item", self->durable.last_item),
        AV_ERRF(&err));
    av_run_ctl_progress(ctl, &self->durable, NULL);
    av_put_close(self, &err);
    if (is_final(err.code))
        av_run_ctl_end(ctl, AV_RUN_FAILED, &err);
}

static void
on_finished(av_put *self)
{
    Archivolt__RunAccount reply = ARCHIVOLT__RUN_ACCOUNT__INIT;
    av_run_ctl *ctl = self->ctl;
    av_error none = { AV_OK, "" };

    reply.offered = self->durable.last_item;
    reply.stored = self->durable.stored;
    reply.duplicate = self->durable.duplicate;
    reply.refused = self->durable.refused;
    av_run_ctl_progress(ctl, &self->durable, NULL);
    av_request_reply(AV_TAKE(self->request), &reply.base);
    av_put_close(self, &none);
    av_run_ctl_end(ctl, AV_RUN_FINISHED, NULL);
}

/* The worker went away while the writer finished its run: nobody hears the answer, but the run has ended. */
static void
end_unheard(av_put *self)
{
    av_run_ctl *ctl = av_map_get(self->runs->active, av_span_of(self->config.run, sizeof self->config.run));

    if (ctl != NULL)
        av_run_ctl_end(ctl, AV_RUN_FINISHED, NULL);
}

/* The pool was stopped: this thread is the only one left. */
static void
on_dropped(av_put *self)
{
    av_error err;

    (void)av_error_set(&err, AV_ERR_UNAVAILABLE, "the instance is stopping");
    detach(self, &err);
    close_intake(self);
    put_free(self);
}

static void
on_done(av_job *job)
{
    av_put *self = AV_CONTAINER(job, av_put, job);

    self->busy = false;
    av_instance_touch(self->runs->in);
    if (job->dropped) {
        on_dropped(self);
        return;
    }
    if (self->op == PUT_CLOSE) {
        put_free(self);
        return;
    }
    if (self->ctl == NULL) { /* closed in the meantime */
        if (self->op == PUT_FINISH && self->rc == AV_OK)
            end_unheard(self);
        submit(self, PUT_CLOSE);
        return;
    }
    if (self->durable.last_item > self->acked) {
        self->acked = self->durable.last_item;
        av_stream_ack_item(self->stream, self->acked);
        av_run_ctl_progress(self->ctl, &self->durable, NULL);
    }
    if (self->rc != AV_OK) {
        on_failed(self);
        return;
    }
    if (self->op == PUT_FINISH) {
        on_finished(self);
        return;
    }
    if (self->op == PUT_FEED) {
        av_stream_consumed(self->stream, self->batch.n);
        av_buf_clear(&self->batch);
        self->fed = 0;
    }
    advance(self);
}

static void
on_flush(void *ctx)
{
    av_put *self = ctx;

    self->timer = NULL;
    if (!self->busy && self->ctl != NULL)
        submit(self, PUT_FLUSH);
}

/* What there is to do next, when the writer is not at it already. */
static void
advance(av_put *self)
{
    av_buf t;

    if (self->busy || self->ctl == NULL)
        return;
    if (self->inbox.n > 0) {
        t = self->batch;
        self->batch = self->inbox;
        self->inbox = t;
        submit(self, PUT_FEED);
    } else if (self->ended) {
        submit(self, PUT_FINISH);
    } else if (self->seen.last_item != self->durable.last_item && self->timer == NULL) {
        self->timer = av_loop_add_timer(self->runs->in->loop, FLUSH_MS, 0, on_flush, self);
    }
}

static void
on_data(void *ctx, AV_UNUSED av_stream *stream, av_span bytes)
{
    av_put *self = ctx;
    av_error err;

    if (self->ctl == NULL)
        return;
    if (!av_buf_append_span(&self->inbox, bytes)) {
        (void)av_error_set(&err, AV_ERR_LIMIT, "more bytes came than were granted");
        av_put_close(self, &err);
        return;
    }
    advance(self);
}

static void
on_end(void *ctx, AV_UNUSED av_stream *stream)
{
    av_put *self = ctx;

    self->ended = true;
    advance(self);
}

/* Answered from the loop: the bus is in the middle of this request. */
static void
on_lost(void *ctx)
{
    av_put *self = ctx;
    av_error err;

    self->posted = false;
    if (self->dead) {
        free(self);
        return;
    }
    (void)av_error_set(&err, AV_ERR_CANCELLED, "the worker's stream broke");
    av_put_close(self, &err);
}

static void
lose(av_put *self)
{
    if (self->lost)
        return;
    self->lost = true;
    self->posted = true;
    av_loop_post(self->runs->in->loop, on_lost, self);
}

static void
on_broken(void *ctx, AV_UNUSED av_stream *stream, AV_UNUSED const av_error *err)
{
    lose(ctx);
}

static void
on_gone(void *ctx, AV_UNUSED av_request *request)
{
    lose(ctx);
}

static void
on_put(void *self, av_request *request, const ProtobufCMessage *message)
{
    static const av_stream_events events = { .on_data = on_data, .on_end = on_end, .on_broken = on_broken };
    const Archivolt__IntakeRequest *body = (const Archivolt__IntakeRequest *)message;
    av_runs *runs = self;
    av_run_ctl *ctl;
    av_put *put;

    if (!av_instance_admit(runs->in, request, runs->in->writer))
        return;
    ctl = av_runs_of_worker(runs, request, &body->run);
    if (ctl == NULL)
        return;
    if (ctl->put != NULL) {
        av_request_failf(request, AV_ERR_BUSY, "the run has a stream already: begin the run anew");
        return;
    }
    put = av_xcalloc(1, sizeof *put);
    put->runs = runs;
    put->ctl = ctl;
    put->request = request;
    put->first_item = body->first_item;
    put->acked = body->first_item == 0 ? 0 : body->first_item - 1;
    put->job.step = on_step;
    put->job.done = on_done;
    put->job.lane = ctl->lane;
    av_buf_init(&put->inbox, INBOX_MAX);
    av_buf_init(&put->batch, INBOX_MAX);
    put->top_folder = av_xstrdup(ctl->row->top_folder);
    put->folder = ctl->row->folder == NULL ? NULL : av_xstrdup(ctl->row->folder);
    put->config = (av_intake_config){ runs->in->archive, runs->in->group, { 0 }, put->top_folder, put->folder };
    memcpy(put->config.run, ctl->row->run, sizeof put->config.run);
    put->next = runs->puts;
    if (put->next != NULL)
        put->next->prev = put;
    runs->puts = put;
    ctl->put = put;
    av_request_on_gone(request, on_gone, put);
    put->stream = av_request_upstream(request, &events, put);
}

void
av_puts_stop(av_runs *runs)
{
    av_put *put, *next;

    for (put = runs->puts; put != NULL; put = next) {
        next = put->next;
        on_dropped(put);
    }
}

void
av_put_serve(av_runs *runs)
{
    static const av_handler handlers[] = { { "archivolt.Intake.Put", on_put } };

    av_bus_serve(runs->in->bus, handlers, AV_COUNT(handlers), runs);
}
