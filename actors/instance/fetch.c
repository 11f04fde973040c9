/*
 * fetch.c - Archive.Fetch: rows of a mailbox in UID order, packed into pieces of 64 KB
 */
#include "actors/instance/fetch_row.h"
#include "actors/instance/folders.h"
#include "actors/instance/instance_priv.h"
#include "actors/instance/uid_set.h"

typedef struct fetch {
    av_instance *in;
    char *user;
    const Archivolt__FetchRequest *body; /* lives until the request is answered */
    av_fetch_plan plan;
    av_uid_set uids;
    size_t range; /* of uids */
    av_look look;
    uint8_t guid[AV_GUID_SIZE];
    uint64_t row_number, page_from, page_to; /* of the last row looked at; of those wanted */
    bool opened, in_row;
    av_catalog_iter *it, *runs; /* placements; with CHANGEDSINCE where to look for them */
    av_fetch_row row;
    size_t packed_at, piece, held_at; /* what of the row has been given out */
    Archivolt__FetchReply reply;
} fetch;

/* The next UIDs to walk over; false at the end. With CHANGEDSINCE those in whose neighbourhood something has changed. */
static av_errc
next_range(fetch *f, av_uid_run *ret, bool *ret_found, av_error *err)
{
    av_errc rc = AV_OK;

    for (; rc == AV_OK && f->range < f->uids.n; f->range++) {
        const uint32_t first = f->uids.ranges[f->range].first, last = f->uids.ranges[f->range].last;

        *ret = (av_uid_run){ first, last };
        *ret_found = true;
        if (!f->body->has_changed_since || f->body->changed_since == 0) {
            f->range++;
            return AV_OK;
        }
        if (f->runs == NULL)
            f->runs = av_catalog_uid_runs(f->look.catalog, f->guid, first, f->body->changed_since);
        if (av_catalog_next_uid_run(f->runs, ret) && ret->first <= last) {
            ret->last = AV_MIN(ret->last, last);
            return AV_OK;
        }
        rc = av_catalog_iter_error(f->runs, err);
        av_catalog_iter_destroy(&f->runs);
    }
    *ret_found = false;
    return rc;
}

/* The next placement of the set that has changed as is wanted; false at the end. */
static av_errc
next_of_set(fetch *f, av_placement *ret, bool *ret_found, av_error *err)
{
    av_uid_run range;
    av_errc rc;

    for (;;) {
        if (f->it == NULL) {
            rc = next_range(f, &range, ret_found, err);
            if (rc != AV_OK || !*ret_found)
                return rc;
            f->it = av_catalog_placements(f->look.catalog, f->guid, range.first, range.last);
        }
        while (av_catalog_next_placement(f->it, ret)) {
            *ret_found = true;
            if (!f->body->has_changed_since || ret->modseq > f->body->changed_since)
                return AV_OK;
        }
        rc = av_catalog_iter_error(f->it, err);
        av_catalog_iter_destroy(&f->it);
        if (rc != AV_OK)
            return rc;
    }
}

static av_errc
count_rows(fetch *f, uint64_t *ret, av_error *err)
{
    av_placement ignored;
    bool found = true;
    av_errc rc = AV_OK;

    for (*ret = 0; rc == AV_OK && found; *ret += found)
        rc = next_of_set(f, &ignored, &found, err);
    f->range = 0; /* and from the start again */
    return rc;
}

/* Which rows the page is, counted from the start. */
static av_errc
find_page(fetch *f, av_error *err)
{
    const Archivolt__FetchRequest *body = f->body;
    uint64_t total = 0;
    av_errc rc = AV_OK;

    f->page_from = body->has_page_first ? body->page_first : 1;
    f->page_to = body->has_page_first && body->has_page_last ? body->page_last : UINT64_MAX;
    if (!body->has_page_first || !body->has_page_from_end || !body->page_from_end)
        return AV_OK;
    rc = count_rows(f, &total, err);
    f->page_from = total < body->page_last ? 1 : total - body->page_last + 1;
    f->page_to = total < body->page_first ? 0 : total - body->page_first + 1;
    return rc;
}

static av_errc
open_fetch(fetch *f, av_error *err)
{
    av_mailbox mailbox;
    av_errc rc = av_look_init(&f->look, f->in->archive, f->user, err);

    if (rc == AV_OK)
        rc = av_look_mailbox(&f->look, av_span_of(f->body->mailbox.data, f->body->mailbox.len), &mailbox, err);
    if (rc == AV_OK)
        rc = av_uid_set_init(&f->uids, f->body->uids, f->body->n_uids, err);
    if (rc != AV_OK)
        return rc;
    memcpy(f->guid, mailbox.guid, sizeof f->guid);
    av_fetch_row_init(&f->row, f->in->archive, f->look.catalog, &f->plan);
    f->opened = true;
    return find_page(f, err);
}

/* The next placement wanted; false at the end. */
static av_errc
next_placement(fetch *f, av_placement *ret, bool *ret_found, av_error *err)
{
    av_errc rc;

    *ret_found = false;
    while (f->row_number < f->page_to) {
        rc = next_of_set(f, ret, ret_found, err);
        if (rc != AV_OK || !*ret_found || ++f->row_number >= f->page_from)
            return rc;
        *ret_found = false;
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
            rc = av_view_range_read(piece->range, &row->uses, out, err);
            if (rc != AV_OK || piece->range->left > 0)
                return rc;
            av_view_range_destroy(&piece->range);
        }
        if (piece->decoded != NULL) {
            rc = av_decoded_range_read(piece->decoded, &row->uses, out, err);
            if (rc != AV_OK || piece->decoded->left > 0)
                return rc;
            av_decoded_range_destroy(&piece->decoded);
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
    av_catalog_iter_destroy(&f->runs);
    av_look_release(&f->look);
    av_uid_set_release(&f->uids);
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
