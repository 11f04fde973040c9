/*
 * feed.c - a streamed answer
 *
 * A feed is in one place at a time: held by its owner, in its owner's queue, running, or dead. A running one has a piece
 * that leaves and, beside it, one that a reader makes: so the disk, the cipher and the socket are busy together. While a
 * reader has it nobody else releases it; a caller that goes away only leaves a mark, and where nobody would look at the
 * mark a post to the loop does.
 */
#include "actors/instance/feed.h"

#include "actors/instance/instance_priv.h"

typedef enum place { HELD, QUEUED, RUNNING, DEAD } place;

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
    av_buf out;  /* leaves; from `sent` on still here */
    size_t sent;
    av_buf next; /* is made, or was: waits for out to have left */
    bool making, made;
    bool inside; /* go_on is on the stack: a pool that stops calls on_done from within */
    bool more;   /* behind next */
    av_errc rc;
    av_error err;
    av_feed *after, *before;
};

static void
unlink_feed(av_feed *self)
{
    if (self->before != NULL)
        self->before->after = self->after;
    else
        self->in->feeds = self->after;
    if (self->after != NULL)
        self->after->before = self->before;
    self->in->feed_n--;
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
    av_buf_release(&self->next);
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
ask(av_feed *self)
{
    self->making = true;
    av_pool_submit(self->in->readers, &self->job);
}

/* As much of the piece that leaves as there is room for. */
static void
send_some(av_feed *self)
{
    size_t room, n;

    while (self->sent < self->out.n && (room = av_stream_room(self->stream)) > 0) {
        n = AV_MIN(room, self->out.n - self->sent);
        av_stream_write(self->stream, av_span_of(self->out.p + self->sent, n));
        self->sent += n;
    }
}

/* The piece that was made leaves now, and the one behind it is made meanwhile. */
static void
turn_over(av_feed *self)
{
    av_buf left = self->out;

    self->out = self->next;
    self->next = left;
    self->sent = 0;
    self->made = false;
    if (!self->more)
        return;
    self->next.max = self->in->feed_n < AV_FEED_MANY ? AV_FEED_LARGE : AV_FEED_PIECE;
    if (self->next.cap > self->next.max + 1) { /* large ones are given back */
        av_buf_release(&self->next);
        av_buf_init(&self->next, AV_FEED_PIECE);
    }
    ask(self);
}

static void
go_on(av_feed *self)
{
    self->inside = true;
    send_some(self);
    if (self->sent == self->out.n && self->made) {
        turn_over(self);
        send_some(self);
    }
    self->inside = false;
    if (self->made && self->rc != AV_OK)
        finish(self, &self->err);
    else if (self->sent == self->out.n && !self->made && !self->making)
        finish(self, NULL);
}

static av_step
on_step(av_job *job)
{
    av_feed *self = AV_CONTAINER(job, av_feed, job);

    av_buf_clear(&self->next);
    self->more = false;
    self->rc = atomic_load(&self->gone) ? AV_OK : self->ops->make(self->ctx, &self->next, &self->more, &self->err);
    return AV_STEP_DONE;
}

static void
on_done(av_job *job)
{
    av_feed *self = AV_CONTAINER(job, av_feed, job);

    self->making = false;
    self->made = true;
    if (job->dropped)
        self->rc = av_error_set(&self->err, AV_ERR_UNAVAILABLE, "the instance is stopping");
    if (self->inside)
        return;
    if (atomic_load(&self->gone)) {
        finish_gone(self);
    } else if (self->rc != AV_OK) {
        finish(self, &self->err);
    } else {
        go_on(self);
    }
}

/* The caller went away while no reader had the feed: nobody else will look, unless its turn has come. */
static void
on_abandoned(void *ctx)
{
    av_feed *self = ctx;

    self->posted = false;
    if (self->place == DEAD)
        free(self);
    else if (self->place != HELD && !self->making)
        finish_gone(self);
}

static void
abandon(av_feed *self)
{
    if (atomic_exchange(&self->gone, true) || self->place == HELD || self->place == DEAD || self->making)
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

    if (self->place == RUNNING && !atomic_load(&self->gone))
        go_on(self);
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
    av_buf_init(&self->next, AV_FEED_PIECE);
    self->after = in->feeds;
    if (self->after != NULL)
        self->after->before = self;
    in->feeds = self;
    in->feed_n++;
    av_request_on_gone(request, on_gone, self);
    self->stream = av_request_downstream(request, &events, self);
    assert(self->stream != NULL);
    return self;
}

void
av_feed_run(av_feed *self)
{
    assert(self->place == HELD);
    self->place = RUNNING;
    ask(self);
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
        next = feed->after;
        (void)av_error_set(&err, AV_ERR_UNAVAILABLE, "the instance is stopping");
        finish(feed, &err);
    }
}
