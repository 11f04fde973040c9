/*
 * mailbox_rows.c - see mailbox_rows.h
 */
#include "actors/instance/mailbox_rows.h"

#include "storage/index/sort_key.h"

#define CANCEL_EVERY 256U

struct av_mailbox_rows {
    av_mailbox_scan *scan;
    av_uses uses;
    av_content content; /* of messages without a row */
    av_summarizer summarizer;
    bool made_summarizer;
    av_buf row, subject;
    av_summary summary;
    uint32_t summary_uid; /* of whom summary is; 0: of nobody */
    uint32_t walked;
};

av_mailbox_rows *
av_mailbox_rows_new(av_mailbox_scan *scan)
{
    av_mailbox_rows *self = av_xcalloc(1, sizeof *self);

    self->scan = scan;
    av_uses_init(&self->uses, scan->archive);
    av_content_init(&self->content, &self->uses);
    av_buf_init(&self->row, AV_SUMMARY_ROW_MAX);
    av_buf_init(&self->subject, AV_SORT_KEY_MAX);
    return self;
}

void
av_mailbox_rows_destroy(av_mailbox_rows **self)
{
    if (*self == NULL)
        return;
    if ((*self)->made_summarizer)
        av_summarizer_release(&(*self)->summarizer);
    av_content_release(&(*self)->content);
    av_uses_release(&(*self)->uses);
    av_buf_release(&(*self)->row);
    av_buf_release(&(*self)->subject);
    free(*self);
    *self = NULL;
}

/* ---- the walk ---- */

static bool
is_cancelled(av_mailbox_rows *self)
{
    const av_mailbox_scan_wish *wish = &self->scan->wish;

    return self->walked++ % CANCEL_EVERY == 0 && wish->cancel != NULL && wish->cancel(wish->cancel_ctx);
}

/* Number of the run with this document; *run is where the one before was, and documents come mostly in order. */
static bool
find_run(const av_index_view *index, uint32_t doc, size_t *run)
{
    const av_index_run *runs;
    size_t n = av_index_runs(index, &runs);

    if (*run >= n || runs[*run].first > doc)
        *run = 0;
    while (*run < n && doc - runs[*run].first >= av_run_count(runs[*run].run))
        (*run)++;
    return *run < n;
}

static av_errc
walk_store(av_mailbox_rows *self, const av_reach_store *store, roaring_bitmap_t *left,
    av_errc (*fn)(void *ctx, av_mailbox_rows *rows, const av_mailbox_row *row, av_error *err), void *ctx, av_error *err)
{
    const av_index_run *runs;
    const uint64_t *lsns;
    size_t run = 0;
    av_errc rc = AV_OK;

    (void)av_index_runs(store->index, &runs);
    for (size_t i = 0; rc == AV_OK && i < store->place_n; i++) {
        const av_doc_place *place = &store->places[i];
        av_mailbox_row row = {
            .uid = place->uid, .store = store->no, .received_unix_s = place->received_unix_s, .size = place->crlf_size
        };

        if (!roaring_bitmap_remove_checked(left, place->uid))
            continue;
        if (is_cancelled(self))
            return av_error_set(err, AV_ERR_CANCELLED, "the search was cancelled");
        if (!find_run(store->index, place->doc, &run))
            return av_error_set(err, AV_ERR_INTERNAL, "document %u is in no run", place->doc);
        lsns = av_index_numbers(store->index, run, AV_COLUMN_LSN, err);
        if (lsns == NULL)
            return err->code;
        row.indexed = true;
        row.index = store->index;
        row.run = run;
        row.doc = place->doc - runs[run].first;
        row.lsn = lsns[row.doc];
        rc = fn(ctx, self, &row, err);
    }
    return rc;
}

static av_errc
walk_others(av_mailbox_rows *self, const roaring_bitmap_t *left,
    av_errc (*fn)(void *ctx, av_mailbox_rows *rows, const av_mailbox_row *row, av_error *err), void *ctx, av_error *err)
{
    const av_mailbox *mailbox = &self->scan->reach.mailboxes[0];
    roaring_uint32_iterator_t it;
    av_placement p;
    av_errc rc = AV_OK;

    for (roaring_init_iterator(left, &it); rc == AV_OK && it.has_value; (void)roaring_advance_uint32_iterator(&it)) {
        av_mailbox_row row = { .uid = it.current_value };

        if (is_cancelled(self))
            return av_error_set(err, AV_ERR_CANCELLED, "the search was cancelled");
        rc = av_catalog_placement(self->scan->reach.look.catalog, mailbox->guid, row.uid, &p, err);
        if (rc != AV_OK)
            break;
        row.store = p.store;
        row.lsn = p.content_lsn;
        row.received_unix_s = p.received_at_ms / 1000;
        row.size = p.crlf_size;
        rc = fn(ctx, self, &row, err);
    }
    return rc;
}

av_errc
av_mailbox_rows_each(av_mailbox_rows *self,
    av_errc (*fn)(void *ctx, av_mailbox_rows *rows, const av_mailbox_row *row, av_error *err), void *ctx, av_error *err)
{
    const av_reach *reach = &self->scan->reach;
    roaring_bitmap_t *left = roaring_bitmap_copy(self->scan->matched);
    av_errc rc = AV_OK;

    for (size_t i = 0; rc == AV_OK && i < reach->store_count; i++)
        if (reach->stores[i].index != NULL)
            rc = walk_store(self, &reach->stores[i], left, fn, ctx, err);
    if (rc == AV_OK)
        rc = walk_others(self, left, fn, ctx, err);
    roaring_bitmap_free(left);
    return rc;
}

/* ---- of one message ---- */

/* From the message itself. */
static av_errc
make_row(av_mailbox_rows *self, const av_mailbox_row *row, av_error *err)
{
    bool has_date;
    int64_t date;
    av_errc rc = av_content_load(&self->content, row->store, row->lsn, err);
    uint64_t size = self->content.bytes.n;

    if (rc != AV_OK)
        return rc;
    if (!self->made_summarizer)
        av_summarizer_init(&self->summarizer);
    self->made_summarizer = true;
    av_buf_clear(&self->row);
    return av_summarizer_row(&self->summarizer, av_buf_span(&self->content.bytes),
        self->content.whole ? size : size + 1, row->size, &self->row, &has_date, &date, err);
}

const av_summary *
av_mailbox_rows_summary(av_mailbox_rows *self, const av_mailbox_row *row)
{
    av_error ignored;

    if (self->summary_uid == row->uid)
        return &self->summary;
    self->summary_uid = row->uid;
    memset(&self->summary, 0, sizeof self->summary);
    if (av_uses_attributes(&self->uses, row->store, row->lsn, &self->row, &ignored) == AV_OK && self->row.n > 0 &&
        av_summary_row_decode(av_buf_span(&self->row), &self->summary, &ignored) == AV_OK && self->summary.has_ids)
        return &self->summary;
    if (make_row(self, row, &ignored) != AV_OK ||
        av_summary_row_decode(av_buf_span(&self->row), &self->summary, &ignored) != AV_OK)
        memset(&self->summary, 0, sizeof self->summary);
    av_content_drop(&self->content);
    return &self->summary;
}

av_errc
av_mailbox_rows_date(av_mailbox_rows *self, const av_mailbox_row *row, int64_t *ret_unix_s, av_error *err)
{
    *ret_unix_s = row->received_unix_s;
    if (row->indexed) {
        const uint64_t *dates = av_index_numbers(row->index, row->run, AV_COLUMN_DATE, err);

        if (dates == NULL)
            return err->code;
        if ((int64_t)dates[row->doc] != INT64_MIN)
            *ret_unix_s = (int64_t)dates[row->doc];
    } else if (av_mailbox_rows_summary(self, row)->has_date) {
        *ret_unix_s = self->summary.date_unix_s;
    }
    return AV_OK;
}

av_errc
av_mailbox_rows_subject(av_mailbox_rows *self, const av_mailbox_row *row, av_span *ret, av_error *err)
{
    if (row->indexed)
        return av_index_string(row->index, row->run, AV_STRING_SUBJECT, row->doc, ret, err) ? AV_OK : err->code;
    av_sort_subject(av_mailbox_rows_summary(self, row)->subject, &self->subject);
    *ret = av_buf_span(&self->subject);
    return AV_OK;
}
