/*
 * feed.c - a streamed answer
 *
 * A feed is in one place at a time: held by its owner, in its owner's queue, in the readers' pool, or waiting for room.
 * Who has it releases it; a caller that goes away only leaves a mark, and where nobody would look at the mark a post to
 * the loop does.
 */
#include "actors/instance/feed.h"

#include "actors/instance/instance_priv.h"

typedef enum place { HELD, QUEUED, IN_POOL, WAITING, DEAD } place;

struct av_feed {
    av_job job;
    struct av_instance *in;
    av_request *request;
    av_stream *stream;
    const av_feed_ops *ops;
    void *ctx;
    place place;
    atomic_bool gone;
    bool posted; /* on_abandoned will come */
    av_buf out;
    size_t sent;
    bool more;
    av_errc rc;
    av_error err;
    av_feed *next, *prev;
};

static void
unlink_feed(av_feed *self)
{
    if (self->prev != NULL)
        self->prev->next = self->next;
    else
        self->in->feeds = self->next;
    if (self->next != NULL)
        self->next->prev = self->prev;
}

/* Answer and end. err NULL: the closing reply. */
static void
finish(av_feed *self, const av_error *err)
{
    av_request *request = AV_TAKE(self->request);

    if (err != NULL)
        av_request_fail(request, err);
    else
        av_request_reply(request, self->ops->reply(self->ctx));
    self->ops->release(self->ctx);
    self->ctx = NULL;
    av_buf_release(&self->out);
    unlink_feed(self);
    av_instance_touch(self->in);
    self->in->answered++;
    self->place = DEAD;
    if (!self->posted)
        free(self);
}

static void
finish_gone(av_feed *self)
{
    av_error err;

    (void)av_error_set(&err, AV_ERR_CANCELLED, "the caller has gone");
    finish(self, &err);
}

static void
send_more(av_feed *self)
{
    size_t room, n;

    while (self->sent < self->out.n && (room = av_stream_room(self->stream)) > 0) {
        n = AV_MIN(room, self->out.n - self->sent);
        av_stream_write(self->stream, av_span_of(self->out.p + self->sent, n));
        self->sent += n;
    }
    if (self->sent < self->out.n) {
        self->place = WAITING;
    } else if (self->more) {
        self->place = IN_POOL;
        av_pool_submit(self->in->readers, &self->job);
    } else {
        finish(self, NULL);
    }
}

static av_step
on_step(av_job *job)
{
    av_feed *self = AV_CONTAINER(job, av_feed, job);

    av_buf_clear(&self->out);
    self->sent = 0;
    self->more = false;
    self->rc = atomic_load(&self->gone) ? AV_OK : self->ops->make(self->ctx, &self->out, &self->more, &self->err);
    return AV_STEP_DONE;
}

static void
on_done(av_job *job)
{
    av_feed *self = AV_CONTAINER(job, av_feed, job);

    self->place = HELD;
    if (job->dropped) {
        (void)av_error_set(&self->err, AV_ERR_UNAVAILABLE, "the instance is stopping");
        finish(self, &self->err);
    } else if (atomic_load(&self->gone)) {
        finish_gone(self);
    } else if (self->rc != AV_OK) {
        finish(self, &self->err);
    } else {
        send_more(self);
    }
}

/* The caller went away while the feed waited, for room or for its turn: nobody else will look, unless the turn came. */
static void
on_abandoned(void *ctx)
{
    av_feed *self = ctx;

    self->posted = false;
    if (self->place == DEAD)
        free(self);
    else if (self->place == QUEUED || self->place == WAITING)
        finish_gone(self);
}

static void
abandon(av_feed *self)
{
    if (atomic_exchange(&self->gone, true) || (self->place != QUEUED && self->place != WAITING))
        return;
    self->posted = true;
    av_loop_post(self->in->loop, on_abandoned, self);
}

static void
on_gone(void *ctx, AV_UNUSED av_request *request)
{
    abandon(ctx);
}

static void
on_broken(void *ctx, AV_UNUSED av_stream *stream, AV_UNUSED const av_error *err)
{
    abandon(ctx);
}

static void
on_room(void *ctx, AV_UNUSED av_stream *stream)
{
    av_feed *self = ctx;

    if (self->place == WAITING && !atomic_load(&self->gone))
        send_more(self);
}

av_feed *
av_feed_new(struct av_instance *in, av_request *request, const av_feed_ops *ops, void *ctx)
{
    static const av_stream_events events = { .on_room = on_room, .on_broken = on_broken };
    av_feed *self = av_xcalloc(1, sizeof *self);

    self->in = in;
    self->request = request;
    self->ops = ops;
    self->ctx = ctx;
    self->job.step = on_step;
    self->job.done = on_done;
    self->job.lane = av_instance_lane(request);
    av_buf_init(&self->out, AV_FEED_PIECE);
    self->next = in->feeds;
    if (self->next != NULL)
        self->next->prev = self;
    in->feeds = self;
    av_request_on_gone(request, on_gone, self);
    self->stream = av_request_downstream(request, &events, self);
    assert(self->stream != NULL);
    return self;
}

void
av_feed_run(av_feed *self)
{
    assert(self->place == HELD);
    self->place = IN_POOL;
    av_pool_submit(self->in->readers, &self->job);
}

void
av_feed_wait(av_feed *self)
{
    assert(self->place == HELD);
    self->place = QUEUED;
}

void
av_feed_hold(av_feed *self)
{
    assert(self->place == QUEUED);
    self->place = HELD;
}

void
av_feed_fail(av_feed *self, const av_error *err)
{
    assert(self->place == HELD);
    finish(self, err);
}

bool
av_feed_is_gone(const av_feed *self)
{
    return atomic_load(&self->gone);
}

uint64_t
av_feed_lane(const av_feed *self)
{
    return self->job.lane;
}

void
av_feeds_stop(struct av_instance *in)
{
    av_feed *feed, *next;
    av_error err;

    for (feed = in->feeds; feed != NULL; feed = next) {
        next = feed->next;
        (void)av_error_set(&err, AV_ERR_UNAVAILABLE, "the instance is stopping");
        finish(feed, &err);
    }
}
