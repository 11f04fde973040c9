/*
 * mailbox_search.c - Archive.SearchMailbox: a search within one mailbox, as a set of UIDs, sorted, or as threads
 *
 *   handler -> prepare (reader) -> AV_READERS parts (readers), when much is left open -> finish (reader) -> reply
 *
 * A caller that went away is noticed at each step, one whose time is over, too. What an answer holds is bounded by the
 * mailbox: some bytes for each message (mailbox_sort.h, mailbox_thread.h).
 */
#include "actors/instance/folders.h"
#include "actors/instance/instance_priv.h"
#include "actors/instance/mailbox_answer.h"
#include "base/clock.h"

#define TIME_DEFAULT_MS 600000U
#define INLINE_MAX      32U /* places looked at without another thread's help */

typedef struct search search;
typedef struct search_part {
    av_job job;
    search *owner;
    av_mailbox_scan_part scan;
} search_part;

struct search {
    av_job job;
    av_instance *in;
    av_request *request;
    const Archivolt__SearchMailboxRequest *body; /* lives until the request is answered */
    char *user;
    av_uid_set among;
    av_mailbox_scan scan;
    search_part parts[AV_READERS];
    unsigned running;
    int64_t until_mono_ms;
    atomic_bool gone;
    bool dropped, answered;
    Archivolt__SearchMailboxReply *reply;
    av_errc rc;
    av_error err;
};

static void
search_free(search *s)
{
    for (size_t i = 0; i < AV_READERS; i++)
        av_mailbox_scan_part_end(&s->parts[i].scan);
    av_mailbox_scan_release(&s->scan);
    av_uid_set_release(&s->among);
    protobuf_c_message_free_unpacked(&s->reply->base, NULL);
    free(s->user);
    free(s);
}

/* Any thread. */
static bool
is_over(void *ctx)
{
    const search *s = ctx;

    return atomic_load(&s->gone) || av_clock_mono_ms() > s->until_mono_ms;
}

static void
finish(search *s)
{
    av_instance_touch(s->in);
    s->in->answered++;
    atomic_fetch_add(&s->in->unreadable, s->scan.unreadable);
    if (s->dropped)
        av_request_failf(s->request, AV_ERR_UNAVAILABLE, "the instance is stopping");
    else if (atomic_load(&s->gone))
        av_request_failf(s->request, AV_ERR_CANCELLED, "the caller has gone");
    else if ((s->rc == AV_OK && !s->answered) || s->rc == AV_ERR_CANCELLED)
        av_request_failf(s->request, AV_ERR_TIMEOUT, "the search took longer than its time limit: ask for less");
    else if (s->rc != AV_OK)
        av_request_fail(s->request, &s->err);
    else
        av_request_reply(s->request, &s->reply->base);
    search_free(s);
}

static void
answer(search *s)
{
    s->rc = av_mailbox_answer(&s->scan, s->body, s->reply, &s->err);
    s->answered = s->rc == AV_OK;
}

static av_step
on_finish_step(av_job *job)
{
    search *s = AV_CONTAINER(job, search, job);

    for (size_t i = 0; i < AV_READERS; i++)
        av_mailbox_scan_part_end(&s->parts[i].scan);
    if (!is_over(s))
        answer(s);
    return AV_STEP_DONE;
}

static void
on_finish_done(av_job *job)
{
    search *s = AV_CONTAINER(job, search, job);

    s->dropped = job->dropped;
    finish(s);
}

static av_step
on_part_step(av_job *job)
{
    search_part *p = AV_CONTAINER(job, search_part, job);

    if (p->scan.scan == NULL)
        av_mailbox_scan_part_init(&p->scan, &p->owner->scan);
    return !is_over(p->owner) && av_mailbox_scan_part_step(&p->scan) ? AV_STEP_AGAIN : AV_STEP_DONE;
}

static void
on_part_done(av_job *job)
{
    search_part *p = AV_CONTAINER(job, search_part, job);
    search *s = p->owner;

    s->dropped = s->dropped || job->dropped;
    if (--s->running > 0)
        return;
    if (s->dropped || is_over(s)) {
        finish(s);
        return;
    }
    s->job.step = on_finish_step;
    s->job.done = on_finish_done;
    av_pool_submit(s->in->readers, &s->job);
}

static av_step
on_prepare_step(av_job *job)
{
    search *s = AV_CONTAINER(job, search, job);
    av_mailbox_scan_wish wish = { .mailbox = av_span_of(s->body->mailbox.data, s->body->mailbox.len),
        .tree = av_span_of(s->body->tree.data, s->body->tree.len),
        .among = &s->among,
        .cancel = is_over,
        .cancel_ctx = s };

    if (is_over(s))
        return AV_STEP_DONE;
    s->rc = av_uid_set_init(&s->among, s->body->uids, s->body->n_uids, &s->err);
    if (s->rc == AV_OK)
        s->rc = av_mailbox_scan_init(&s->scan, s->in->archive, s->user, &wish, &s->err);
    if (s->rc != AV_OK || s->scan.uid_count > INLINE_MAX)
        return AV_STEP_DONE;
    av_mailbox_scan_part_init(&s->parts[0].scan, &s->scan);
    while (!is_over(s) && av_mailbox_scan_part_step(&s->parts[0].scan))
        continue;
    av_mailbox_scan_part_end(&s->parts[0].scan);
    if (!is_over(s))
        answer(s);
    return AV_STEP_DONE;
}

static void
on_prepare_done(av_job *job)
{
    search *s = AV_CONTAINER(job, search, job);

    s->dropped = job->dropped;
    if (s->scan.behind)
        av_indexer_wake(s->in->indexer);
    if (s->dropped || s->rc != AV_OK || s->answered || is_over(s)) {
        finish(s);
        return;
    }
    s->running = AV_READERS;
    for (size_t i = 0; i < AV_READERS; i++) {
        s->parts[i].owner = s;
        s->parts[i].job.step = on_part_step;
        s->parts[i].job.done = on_part_done;
        s->parts[i].job.lane = s->job.lane;
    }
    for (size_t i = 0; i < AV_READERS; i++)
        av_pool_submit(s->in->readers, &s->parts[i].job);
}

static void
on_gone(void *ctx, AV_UNUSED av_request *request)
{
    atomic_store(&((search *)ctx)->gone, true);
}

static void
on_search(void *self, av_request *request, const ProtobufCMessage *body)
{
    av_instance *in = self;
    search *s;

    if (!av_instance_admit(in, request, in->readers))
        return;
    s = av_xcalloc(1, sizeof *s);
    s->in = in;
    s->request = request;
    s->body = (const Archivolt__SearchMailboxRequest *)body;
    s->user = av_xstrdup(((const av_session *)av_request_session(request))->user);
    s->reply = av_reply_new(&archivolt__search_mailbox_reply__descriptor);
    s->until_mono_ms = av_clock_mono_ms() + (s->body->has_time_limit_ms ? s->body->time_limit_ms : TIME_DEFAULT_MS);
    s->job.step = on_prepare_step;
    s->job.done = on_prepare_done;
    s->job.lane = av_instance_lane(request);
    av_request_on_gone(request, on_gone, s);
    av_pool_submit(in->readers, &s->job);
}

void
av_mailbox_search_serve(av_instance *self)
{
    static const av_handler handlers[] = { { "archivolt.Archive.SearchMailbox", on_search } };

    av_bus_serve(self->bus, handlers, AV_COUNT(handlers), self);
}
