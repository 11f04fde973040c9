/*
 * finding.c - Archive.Search: prepared on a reader, scanned by all readers, rows streamed, total and coverage as the reply
 *
 *   handler -> turn -> prepare (reader) -> AV_READERS parts (readers) -> rows (feed) -> reply
 *
 * What a search holds is bounded: the set of candidates by the turns (searches_at_once), the found rows, which stay until
 * the caller has read them, by what a session may have waiting. Between the steps the bus thread holds the feed; a caller
 * that went away is noticed at each of them.
 */
#include "actors/bus/rows.h"
#include "actors/instance/instance_priv.h"
#include "actors/instance/scan.h"

#define LIMIT_DEFAULT 50U
#define LIMIT_MAX     100000U
#define OFFSET_MAX    100000U

typedef struct finding finding;
typedef struct part {
    av_job job;
    finding *owner;
    av_scan_part scan;
} part;

typedef struct found { /* a row to give out */
    av_candidate place;
    int64_t date_unix_s;
} found;

struct finding {
    av_job job; /* prepare */
    av_turn turn;
    av_instance *in;
    av_feed *feed;
    const Archivolt__SearchRequest *body; /* lives until the request is answered */
    char *user;
    size_t limit, offset;
    av_scan scan;
    part parts[AV_READERS];
    unsigned running;
    bool dropped;
    av_errc rc;
    av_error err;
    found *found;
    size_t found_n, at; /* next row to give out */
    av_uses uses;
    Archivolt__SearchReply reply;
    av_buf row; /* packed, when it did not fit the last piece */
};

/* ---- rows ---- */

static av_errc
pack_row(finding *f, const found *hit, av_error *err)
{
    const av_candidate *c = &hit->place;
    const av_mailbox *mailbox = &f->scan.candidates.mailboxes[c->mailbox];
    AV_CLEANUP(av_buf_release) av_buf summary_row = { 0 };
    AV_CLEANUP(av_free) char *from = NULL;
    AV_CLEANUP(av_free) char *subject = NULL;
    AV_CLEANUP(av_free) char *folder = av_span_dup(av_span_of(mailbox->path, mailbox->path_n));
    Archivolt__SearchRow row = ARCHIVOLT__SEARCH_ROW__INIT;
    char id[AV_MESSAGE_ID_TEXT + 1], sha256[2 * AV_SHA256_SIZE + 1];
    av_summary summary = { 0 };
    av_placement placement;
    av_error ignored;
    av_errc rc = av_catalog_placement(f->scan.look.catalog, mailbox->guid, c->uid, &placement, err);

    if (rc != AV_OK)
        return rc;
    av_buf_init(&summary_row, AV_SUMMARY_ROW_MAX);
    if (av_uses_attributes(&f->uses, c->store, c->lsn, &summary_row, &ignored) == AV_OK)
        (void)av_summary_row_decode(av_buf_span(&summary_row), &summary, &ignored);
    av_message_id_format(placement.digest, id);
    av_hex_encode(av_span_of(placement.digest, sizeof placement.digest), sha256);
    from = av_span_dup(summary.from);
    subject = av_span_dup(summary.subject);
    row.id = id;
    row.sha256 = sha256;
    row.date_unix_s = hit->date_unix_s;
    row.from = from;
    row.subject = subject;
    row.folder = folder;
    row.size = placement.raw_size;
    row.has_has_attachment = 1;
    row.has_attachment = summary.has_attachment;
    av_buf_clear(&f->row);
    return av_rows_put(&f->row, &row.base) ? AV_OK : av_error_set(err, AV_ERR_INTERNAL, "a row is over 64 KB");
}

static av_errc
make(void *ctx, av_buf *out, bool *more, av_error *err)
{
    finding *f = ctx;
    size_t n;
    av_errc rc;

    for (;;) {
        n = AV_MIN(f->row.n, out->max - out->n);
        (void)av_buf_append(out, f->row.p, n);
        av_buf_consume(&f->row, n);
        if (f->row.n > 0 || f->at >= f->found_n)
            break;
        rc = pack_row(f, &f->found[f->at++], err);
        if (rc != AV_OK)
            return rc;
    }
    *more = f->row.n > 0;
    return AV_OK;
}

static const ProtobufCMessage *
reply(void *ctx)
{
    return &((finding *)ctx)->reply.base;
}

static void
release(void *ctx)
{
    finding *f = ctx;
    size_t i;

    for (i = 0; i < AV_READERS; i++)
        av_scan_part_release(&f->parts[i].scan);
    av_scan_release(&f->scan);
    av_uses_release(&f->uses);
    av_buf_release(&f->row);
    av_turn_leave(&f->turn);
    free(f->found);
    free(f->user);
    free(f);
}

static const av_feed_ops ops = { make, reply, release };

/* ---- the scan ---- */

static void
give_up(finding *f)
{
    if (f->dropped)
        (void)av_error_set(&f->err, AV_ERR_UNAVAILABLE, "the instance is stopping");
    else if (f->rc == AV_OK)
        (void)av_error_set(&f->err, AV_ERR_CANCELLED, "the caller has gone");
    av_feed_fail(f->feed, &f->err);
}

static av_step
on_part_step(av_job *job)
{
    part *p = AV_CONTAINER(job, part, job);

    if (p->scan.scan == NULL)
        av_scan_part_init(&p->scan, &p->owner->scan);
    return !av_feed_is_gone(p->owner->feed) && av_scan_part_step(&p->scan) ? AV_STEP_AGAIN : AV_STEP_DONE;
}

/* What is given out; the candidates it was found among are let go, however slowly the caller reads. */
static void
keep_found(finding *f)
{
    av_scan_part *all = &f->parts[0].scan;
    size_t i;

    f->found_n = all->n > f->offset ? all->n - f->offset : 0;
    f->found = av_xcalloc(AV_MAX(f->found_n, 1U), sizeof *f->found);
    for (i = 0; i < f->found_n; i++) {
        const av_hit *hit = &all->heap[f->offset + i];

        f->found[i] = (found){ f->scan.candidates.rows[hit->candidate], hit->date_unix_s };
    }
    for (i = 0; i < AV_READERS; i++)
        av_scan_part_release(&f->parts[i].scan);
    av_candidates_drop_rows(&f->scan.candidates);
}

static void
on_part_done(av_job *job)
{
    part *p = AV_CONTAINER(job, part, job);
    finding *f = p->owner;
    size_t i;

    f->dropped = f->dropped || job->dropped;
    if (--f->running > 0)
        return;
    if (f->dropped || av_feed_is_gone(f->feed)) {
        give_up(f);
        return;
    }
    for (i = 1; i < AV_READERS; i++)
        av_scan_part_merge(&f->parts[0].scan, &f->parts[i].scan);
    av_scan_part_sort(&f->parts[0].scan);
    f->reply.total = f->parts[0].scan.total;
    f->reply.coverage = av_scan_coverage(&f->scan, &f->parts[0].scan);
    f->reply.has_truncated = 1;
    f->reply.truncated = f->parts[0].scan.truncated;
    atomic_fetch_add(&f->in->unreadable, f->parts[0].scan.unreadable);
    keep_found(f);
    av_turn_pass(&f->turn);
    av_feed_run(f->feed); /* may end it */
}

static av_step
on_prepare_step(av_job *job)
{
    finding *f = AV_CONTAINER(job, finding, job);

    if (av_feed_is_gone(f->feed))
        return AV_STEP_DONE;
    f->rc = av_scan_init(&f->scan, f->in->archive, f->user, av_span_str(f->body->query), f->offset + f->limit, &f->err);
    return AV_STEP_DONE;
}

static void
on_prepare_done(av_job *job)
{
    finding *f = AV_CONTAINER(job, finding, job);
    size_t i;

    f->dropped = job->dropped;
    if (f->dropped || f->rc != AV_OK || av_feed_is_gone(f->feed)) {
        give_up(f);
        return;
    }
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
    f = av_xcalloc(1, sizeof *f);
    f->in = in;
    f->body = body;
    f->user = av_xstrdup(((const av_session *)av_request_session(request))->user);
    f->limit = body->has_limit ? body->limit : LIMIT_DEFAULT;
    f->offset = body->has_offset ? body->offset : 0;
    archivolt__search_reply__init(&f->reply);
    av_buf_init(&f->row, 65536);
    av_uses_init(&f->uses, in->archive);
    f->job.step = on_prepare_step;
    f->job.done = on_prepare_done;
    f->feed = av_feed_new(in, request, &ops, f);
    f->job.lane = av_feed_lane(f->feed);
    f->turn.start = on_turn;
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
