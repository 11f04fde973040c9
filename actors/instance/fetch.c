/*
 * fetch.c - Archive.Fetch: rows of a mailbox in UID order, packed into pieces of 64 KB
 */
#include "actors/instance/fetch_row.h"
#include "actors/instance/folders.h"
#include "actors/instance/instance_priv.h"

#define RANGES_MAX 100000

typedef struct fetch {
    av_instance *in;
    char *user;
    const Archivolt__FetchRequest *body; /* lives until the request is answered */
    av_fetch_plan plan;
    Archivolt__UidRange *ranges; /* sorted, apart from each other */
    size_t range_count, range;
    av_look look;
    uint8_t guid[AV_GUID_SIZE];
    bool opened, in_row;
    av_catalog_iter *it;
    av_fetch_row row;
    size_t packed_at, piece, held_at; /* what of the row has been given out */
    Archivolt__FetchReply reply;
} fetch;

static int
by_first(const void *a, const void *b)
{
    uint32_t x = ((const Archivolt__UidRange *)a)->first, y = ((const Archivolt__UidRange *)b)->first;

    return x < y ? -1 : x > y;
}

/* Sort and join: rows come in UID order, each message once. */
static av_errc
take_ranges(fetch *f, av_error *err)
{
    size_t i, n = 0, count = f->body->n_uids;

    if (count > RANGES_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "at most %d ranges of UIDs can be fetched at once", RANGES_MAX);
    f->ranges = av_xcalloc(count == 0 ? 1 : count, sizeof *f->ranges);
    for (i = 0; i < count; i++) {
        f->ranges[i] = *f->body->uids[i];
        if (f->ranges[i].first > f->ranges[i].last)
            return av_error_set(err, AV_ERR_INVALID, "a range of UIDs begins behind its end");
    }
    qsort(f->ranges, count, sizeof *f->ranges, by_first);
    for (i = 0; i < count; i++) {
        if (n > 0 && f->ranges[i].first <= f->ranges[n - 1].last)
            f->ranges[n - 1].last = AV_MAX(f->ranges[n - 1].last, f->ranges[i].last);
        else
            f->ranges[n++] = f->ranges[i];
    }
    f->range_count = n;
    return AV_OK;
}

static av_errc
open_fetch(fetch *f, av_error *err)
{
    av_mailbox mailbox;
    av_errc rc = av_look_init(&f->look, f->in->archive, f->user, err);

    if (rc == AV_OK)
        rc = av_look_mailbox(&f->look, av_span_of(f->body->mailbox.data, f->body->mailbox.len), &mailbox, err);
    if (rc == AV_OK)
        rc = take_ranges(f, err);
    if (rc != AV_OK)
        return rc;
    memcpy(f->guid, mailbox.guid, sizeof f->guid);
    av_fetch_row_init(&f->row, f->in->archive, f->look.catalog, &f->plan);
    f->opened = true;
    return AV_OK;
}

/* The next placement wanted; false at the end. */
static av_errc
next_placement(fetch *f, av_placement *ret, bool *ret_found, av_error *err)
{
    av_errc rc;

    *ret_found = false;
    while (f->range < f->range_count) {
        if (f->it == NULL)
            f->it =
                av_catalog_placements(f->look.catalog, f->guid, f->ranges[f->range].first, f->ranges[f->range].last);
        if (av_catalog_next_placement(f->it, ret)) {
            *ret_found = true;
            return AV_OK;
        }
        rc = av_catalog_iter_error(f->it, err);
        av_catalog_iter_destroy(&f->it);
        if (rc != AV_OK)
            return rc;
        f->range++;
    }
    return AV_OK;
}

static size_t
copy_some(av_buf *out, const av_buf *from, size_t at, size_t end)
{
    size_t n = AV_MIN(end - at, out->max - out->n);

    (void)av_buf_append(out, from->p + at, n);
    return at + n;
}

/* Give out what is left of the row. in_row ends with its last byte. */
static av_errc
drain(fetch *f, av_buf *out, av_error *err)
{
    av_fetch_row *row = &f->row;
    av_fetch_piece *piece;
    av_errc rc;

    f->packed_at = copy_some(out, &row->packed, f->packed_at, row->packed.n);
    while (f->packed_at == row->packed.n && f->piece < row->count) {
        piece = &row->pieces[f->piece];
        if (f->held_at < piece->n)
            f->held_at = copy_some(out, &row->held, piece->at + f->held_at, piece->at + piece->n) - piece->at;
        if (f->held_at < piece->n)
            return AV_OK;
        if (piece->range != NULL) {
            rc = av_view_range_read(piece->range, f->in->archive->store, out, err);
            if (rc != AV_OK || piece->range->left > 0)
                return rc;
            av_view_range_destroy(&piece->range);
        }
        f->piece++;
        f->held_at = 0;
    }
    f->in_row = f->packed_at < row->packed.n || f->piece < row->count;
    return AV_OK;
}

static av_errc
start_row(fetch *f, const av_placement *placement, av_error *err)
{
    av_errc rc = av_fetch_row_make(&f->row, placement, err);

    f->in_row = true;
    f->packed_at = f->piece = f->held_at = 0;
    f->reply.rows++;
    if (f->row.unreadable)
        atomic_fetch_add(&f->in->unreadable, 1);
    return rc;
}

static av_errc
make(void *ctx, av_buf *out, bool *more, av_error *err)
{
    fetch *f = ctx;
    av_placement placement;
    bool found = true;
    av_errc rc = f->opened ? AV_OK : open_fetch(f, err);

    /* Two bytes are the least a range in the CRLF view needs. */
    while (rc == AV_OK && out->max - out->n >= 2) {
        if (!f->in_row) {
            rc = next_placement(f, &placement, &found, err);
            if (rc != AV_OK || !found)
                break;
            rc = start_row(f, &placement, err);
        }
        if (rc == AV_OK)
            rc = drain(f, out, err);
    }
    *more = found;
    return rc;
}

static const ProtobufCMessage *
reply(void *ctx)
{
    return &((fetch *)ctx)->reply.base;
}

static void
release(void *ctx)
{
    fetch *f = ctx;

    if (f->opened)
        av_fetch_row_release(&f->row);
    av_catalog_iter_destroy(&f->it);
    av_look_release(&f->look);
    free(f->ranges);
    free(f->user);
    free(f);
}

static const av_feed_ops ops = { make, reply, release };

static void
on_fetch(void *self, av_request *request, const ProtobufCMessage *body)
{
    av_instance *in = self;
    av_error err;
    fetch *f;

    if (!av_instance_admit(in, request, in->readers))
        return;
    f = av_xcalloc(1, sizeof *f);
    f->in = in;
    f->body = (const Archivolt__FetchRequest *)body;
    archivolt__fetch_reply__init(&f->reply);
    if (av_fetch_plan_make(f->body, &f->plan, &err) != AV_OK) {
        av_request_fail(request, &err);
        release(f);
        return;
    }
    f->user = av_xstrdup(((const av_session *)av_request_session(request))->user);
    av_feed_run(av_feed_new(in, request, &ops, f));
}

void
av_fetch_serve(av_instance *self)
{
    static const av_handler handlers[] = { { "archivolt.Archive.Fetch", on_fetch } };

    av_bus_serve(self->bus, handlers, AV_COUNT(handlers), self);
}
