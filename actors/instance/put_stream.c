/*
 * put_stream.c - Intake.Put on the bus: a worker's request and its stream begin a put, feed it and break it off
 */
#include "actors/instance/put_priv.h"

#include "actors/instance/heal.h"

#define INBOX_MAX (256U * 1024 * 1024) /* never met: the window is smaller */

/* ---- the stream ---- */

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
    av_put_advance(self);
}

static void
on_end(void *ctx, AV_UNUSED av_stream *stream)
{
    av_put *self = ctx;

    self->ended = true;
    av_put_advance(self);
}

/* ---- the worker went away ---- */

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

/* ---- the request ---- */

static void
on_put(void *self, av_request *request, const ProtobufCMessage *message)
{
    static const av_stream_events events = { .on_data = on_data, .on_end = on_end, .on_broken = on_broken };
    const Archivolt__IntakeRequest *body = (const Archivolt__IntakeRequest *)message;
    av_runs *runs = self;
    av_run_ctl *ctl;
    av_put *put;

    if (!av_instance_admit(runs->in, request, runs->in->writer) ||
        av_heal_refuses(runs->in->heal, request, AV_HEAL_WORKER))
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
    put->job.step = av_put_step;
    put->job.done = av_put_done;
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
av_put_serve(av_runs *runs)
{
    static const av_handler handlers[] = { { "archivolt.Intake.Put", on_put } };

    av_bus_serve(runs->in->bus, handlers, AV_COUNT(handlers), runs);
}
