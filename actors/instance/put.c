/*
 * put.c - the upstream of a worker into an intake: what the writer does next, and how it ends
 *
 * Bytes that arrive are gathered while the writer works on the batch before: the stream's window bounds both. Acknowledged
 * is what a commit has made durable; a group that waits for more input is committed after 50 ms. A stream that breaks keeps
 * its whole items and drops the last part; the worker goes on behind them (BeginRun).
 *
 * The end of a run and BeginRun say where the run stands, so nothing of a closed stream may follow them: `closed` is set
 * before either is submitted, the writer is one thread, so a slice that is running ends before they look and the slices
 * behind it are dropped. No item of a dropped slice was acknowledged.
 */
#include "actors/instance/put_priv.h"
#include "base/clock.h"
#include "base/log.h"

#define FLUSH_MS 50

/* ---- letting go ---- */

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

/* ---- what there is to do next ---- */

static void
on_flush(void *ctx)
{
    av_put *self = ctx;

    self->timer = NULL;
    if (!self->busy && self->ctl != NULL)
        submit(self, PUT_FLUSH);
}

/* What there is to do next, when the writer is not at it already. */
void
av_put_advance(av_put *self)
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

/* ---- what the writer handed back ---- */

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
    av_put_close_intake(self);
    put_free(self);
}

void
av_put_done(av_job *job)
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
    av_put_advance(self);
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
