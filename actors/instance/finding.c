/*
 * finding.c - Archive.Search: the indexes asked on a reader, candidates looked at by all readers, rows streamed, total,
 * coverage and facets as the reply
 *
 *   handler -> turn -> prepare (reader) -> AV_READERS parts (readers) -> finish (reader) -> rows (feed) -> reply
 *
 * What a search holds is bounded: the set of candidates by the turns (searches_at_once), the found rows, which stay until
 * the caller has read them, by what a session may have waiting. Between the steps the bus thread holds the feed; a caller
 * that went away is noticed at each of them, one whose time is over, too.
 */
#include "actors/instance/finding_priv.h"
#include "base/clock.h"

#define LIMIT_DEFAULT   50U
#define LIMIT_MAX       100000U
#define OFFSET_MAX      100000U
#define TIME_DEFAULT_MS 60000U

/* ---- rows ---- */

static av_errc
make(void *ctx, av_buf *out, bool *more, av_error *err)
{
    finding *f = ctx;
    const av_hits *hits = &f->parts[0].scan.hits;
    size_t n;
    av_errc rc;

    for (;;) {
        n = AV_MIN(f->row.n, out->max - out->n);
        (void)av_buf_append(out, f->row.p, n);
        av_buf_consume(&f->row, n);
        if (f->row.n > 0 || f->at >= hits->n)
            break;
        rc = av_finding_pack_row(f, &hits->heap[f->at++], err);
        if (rc == AV_ERR_NOT_FOUND) /* left its mailboxes since it was found */
            continue;
        if (rc != AV_OK)
            return rc;
    }
    *more = f->row.n > 0;
    return AV_OK;
}

static const ProtobufCMessage *
reply(void *ctx)
{
    return &((finding *)ctx)->reply->base;
}

static void
release(void *ctx)
{
    finding *f = ctx;
    size_t i;

    for (i = 0; i < AV_READERS; i++)
        av_scan_part_release(&f->parts[i].scan);
    av_content_release(&f->content);
    av_document_destroy(&f->document);
    av_snippets_destroy(&f->snippets);
    av_uses_release(&f->uses);
    av_scan_release(&f->scan);
    protobuf_c_message_free_unpacked(&f->reply->base, NULL);
    av_buf_release(&f->row);
    av_buf_release(&f->explain);
    av_buf_release(&f->after_text);
    av_turn_leave(&f->turn);
    free(f->user);
    free(f);
}

static const av_feed_ops ops = { make, reply, release };

/* ---- the search ---- */

/* Any thread. */
static bool
is_over(void *ctx)
{
    const finding *f = ctx;

    return av_feed_is_gone(f->feed) || av_clock_mono_ms() > f->until_mono_ms;
}

static void
give_up(finding *f)
{
    if (f->dropped)
        (void)av_error_set(&f->err, AV_ERR_UNAVAILABLE, "the instance is stopping");
    else if (av_feed_is_gone(f->feed))
        (void)av_error_set(&f->err, AV_ERR_CANCELLED, "the caller has gone");
    else if (f->rc == AV_OK || f->rc == AV_ERR_CANCELLED)
        (void)av_error_set(&f->err, AV_ERR_TIMEOUT,
            "the search took longer than its time limit: ask for less, or give it more time (time_limit_ms)");
    av_feed_fail(f->feed, &f->err);
}

static av_step
on_finish_step(av_job *job)
{
    finding *f = AV_CONTAINER(job, finding, job);
    av_scan_part *all = &f->parts[0].scan;

    for (size_t i = 1; i < AV_READERS; i++)
        av_scan_part_merge(all, &f->parts[i].scan);
    f->rc = av_scan_finish(&f->scan, all, &f->err);
    if (f->rc == AV_OK && f->body->facets)
        f->rc = av_finding_count(f, &f->err);
    f->at = f->offset;
    return AV_STEP_DONE;
}

static void
on_finish_done(av_job *job)
{
    finding *f = AV_CONTAINER(job, finding, job);
    av_scan_part *all = &f->parts[0].scan;

    f->dropped = job->dropped;
    if (f->dropped || f->rc != AV_OK || av_feed_is_gone(f->feed)) {
        give_up(f);
        return;
    }
    f->reply->total = all->total;
    f->reply->coverage = av_scan_coverage(&f->scan, all);
    f->reply->has_truncated = f->reply->has_unindexed = 1;
    f->reply->truncated = all->truncated;
    f->reply->unindexed = f->scan.unindexed;
    if (f->body->explain) {
        (void)av_buf_putc(&f->explain, '\0');
        f->reply->explain = av_xstrdup((const char *)f->explain.p);
    }
    atomic_fetch_add(&f->in->unreadable, all->unreadable);
    av_turn_pass(&f->turn);
    av_feed_run(f->feed); /* may end it */
}

static av_step
on_part_step(av_job *job)
{
    finding_part *p = AV_CONTAINER(job, finding_part, job);

    if (p->scan.scan == NULL)
        av_scan_part_init(&p->scan, &p->owner->scan);
    return !is_over(p->owner) && av_scan_part_step(&p->scan) ? AV_STEP_AGAIN : AV_STEP_DONE;
}

static void
on_part_done(av_job *job)
{
    finding_part *p = AV_CONTAINER(job, finding_part, job);
    finding *f = p->owner;

    f->dropped = f->dropped || job->dropped;
    if (--f->running > 0)
        return;
    if (f->dropped || is_over(f)) {
        give_up(f);
        return;
    }
    f->job.step = on_finish_step;
    f->job.done = on_finish_done;
    av_pool_submit(f->in->readers, &f->job);
}

static av_order
order_of(const Archivolt__SearchRequest *body)
{
    static const av_order orders[] = {
        [ARCHIVOLT__SEARCH_ORDER__SEARCH_ORDER_NEWEST] = AV_ORDER_NEWEST,
        [ARCHIVOLT__SEARCH_ORDER__SEARCH_ORDER_OLDEST] = AV_ORDER_OLDEST,
        [ARCHIVOLT__SEARCH_ORDER__SEARCH_ORDER_LARGEST] = AV_ORDER_LARGEST,
        [ARCHIVOLT__SEARCH_ORDER__SEARCH_ORDER_SMALLEST] = AV_ORDER_SMALLEST,
        [ARCHIVOLT__SEARCH_ORDER__SEARCH_ORDER_FROM] = AV_ORDER_FROM,
        [ARCHIVOLT__SEARCH_ORDER__SEARCH_ORDER_SUBJECT] = AV_ORDER_SUBJECT,
    };

    return body->has_order && (size_t)body->order < AV_COUNT(orders) ? orders[body->order] : AV_ORDER_NEWEST;
}

static av_step
on_prepare_step(av_job *job)
{
    finding *f = AV_CONTAINER(job, finding, job);
    av_scan_wish wish = { .query = av_span_str(f->body->query),
        .order = order_of(f->body),
        .wanted = f->offset + f->limit,
        .facets = f->body->facets,
        .unindexed_max = f->in->settings.search_unindexed,
        .cancel = is_over,
        .cancel_ctx = f,
        .explain = f->body->explain ? &f->explain : NULL };

    if (is_over(f))
        return AV_STEP_DONE;
    if (f->body->after != NULL) {
        f->rc = av_hit_of_cursor(wish.order, av_span_str(f->body->after), &f->after_text, &f->after, &f->err);
        wish.after = &f->after;
    }
    if (f->rc == AV_OK)
        f->rc = av_scan_init(&f->scan, f->in->archive, f->user, &wish, &f->err);
    if (f->rc == AV_OK && f->body->snippets)
        f->snippets = av_snippets_new(f->scan.query);
    return AV_STEP_DONE;
}

static void
on_prepare_done(av_job *job)
{
    finding *f = AV_CONTAINER(job, finding, job);
    size_t i;

    f->dropped = job->dropped;
    if (f->dropped || f->rc != AV_OK || is_over(f)) {
        give_up(f);
        return;
    }
    if (f->scan.behind)
        av_indexer_wake(f->in->indexer);
    f->running = AV_READERS;
    for (i = 0; i < AV_READERS; i++) {
        f->parts[i].owner = f;
        f->parts[i].job.step = on_part_step;
        f->parts[i].job.done = on_part_done;
        f->parts[i].job.lane = f->job.lane;
    }
    for (i = 0; i < AV_READERS; i++)
        av_pool_submit(f->in->readers, &f->parts[i].job);
}

static void
on_turn(av_turn *turn)
{
    finding *f = AV_CONTAINER(turn, finding, turn);

    av_feed_hold(f->feed);
    av_pool_submit(f->in->readers, &f->job);
}

static finding *
finding_new(av_instance *in, av_request *request, const Archivolt__SearchRequest *body)
{
    finding *f = av_xcalloc(1, sizeof *f);
    uint32_t time_limit = body->has_time_limit_ms ? body->time_limit_ms : TIME_DEFAULT_MS;

    f->in = in;
    f->body = body;
    f->user = av_xstrdup(((const av_session *)av_request_session(request))->user);
    f->limit = body->has_limit ? body->limit : LIMIT_DEFAULT;
    f->offset = body->has_offset ? body->offset : 0;
    f->until_mono_ms = av_clock_mono_ms() + time_limit;
    f->reply = av_reply_new(&archivolt__search_reply__descriptor);
    av_buf_init(&f->row, 65536);
    av_buf_init(&f->after_text, 1024);
    av_buf_init(&f->explain, 32768);
    av_uses_init(&f->uses, in->archive);
    av_content_init_search(&f->content, &f->uses);
    f->job.step = on_prepare_step;
    f->job.done = on_prepare_done;
    f->feed = av_feed_new(in, request, &ops, f);
    f->job.lane = av_feed_lane(f->feed);
    f->turn.start = on_turn;
    return f;
}

static void
on_search(void *self, av_request *request, const ProtobufCMessage *message)
{
    const Archivolt__SearchRequest *body = (const Archivolt__SearchRequest *)message;
    av_instance *in = self;
    av_error err;
    finding *f;

    if (!av_instance_admit(in, request, in->readers))
        return;
    if ((body->has_limit && body->limit > LIMIT_MAX) || (body->has_offset && body->offset > OFFSET_MAX)) {
        av_request_failf(
            request, AV_ERR_LIMIT, "a search gives at most %u rows, behind at most %u others", LIMIT_MAX, OFFSET_MAX);
        return;
    }
    if (av_turns_admit(in->searches, av_instance_lane(request), "searches", &err) != AV_OK) {
        av_request_fail(request, &err);
        return;
    }
    f = finding_new(in, request, body);
    av_feed_wait(f->feed);
    av_turns_enter(in->searches, &f->turn, f->job.lane);
}

void
av_finding_serve(av_instance *self)
{
    static const av_handler handlers[] = { { "archivolt.Archive.Search", on_search } };

    av_bus_serve(self->bus, handlers, AV_COUNT(handlers), self);
    av_mailbox_search_serve(self);
}
