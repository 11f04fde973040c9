/*
 * index_merge.c - runs become fewer: merges by size, purge, and the check of all of it
 *
 * Sizes are counted in steps of eight. The last runs of a list that are no larger than a step become one when there are
 * eight of them and the one is above the step: so a document is written again once a step, and there are at most seven runs
 * a step. Runs of the lowest step become one whatever it is.
 */
#include "base/encode.h"
#include "storage/index/index_priv.h"

/* Documents at which a run is above that step. */
static uint64_t
end_of_step(unsigned step, uint32_t least)
{
    uint64_t end = least;

    for (unsigned i = 0; i <= step; i++)
        end *= INDEX_FAN_IN;
    return end;
}

size_t
index_due(const av_index_view *view, size_t from, size_t to, uint32_t least)
{
    for (unsigned step = 0; end_of_step(step, least) <= (uint64_t)UINT32_MAX * INDEX_FAN_IN; step++) {
        uint64_t end = end_of_step(step, least), sum = 0;
        size_t count = 0;

        while (from + count < to && view->owners[to - 1 - count]->facts.count < end)
            sum += view->owners[to - 1 - count++]->facts.count;
        if (count >= INDEX_FAN_IN && (step == 0 || sum >= end))
            return count;
    }
    return 0;
}

/* --- many runs read at once ---------------------------------------------------------------------------------------- */

typedef struct scan {
    size_t n;
    av_run **runs;
    index_place *places;
    const roaring_bitmap_t *keep;
    bool (*cancel)(void *ctx);
    void *cancel_ctx;
} scan;

static void
scan_release(scan *self)
{
    for (size_t i = 0; i < self->n; i++)
        av_run_destroy(&self->runs[i]);
    free(self->runs);
    free(self->places);
    *self = (scan){ 0 };
}

static av_errc
scan_init(scan *self, const av_index_view *view, size_t at, size_t count, av_error *err)
{
    av_errc rc = AV_OK;

    self->runs = av_xcalloc(count + 1, sizeof *self->runs);
    self->places = av_xcalloc(count + 1, sizeof *self->places);
    while (rc == AV_OK && self->n < count) {
        rc = index_run_scan(view->owners[at + self->n], &self->places[self->n], &self->runs[self->n], err);
        if (rc == AV_OK)
            self->n++;
    }
    return rc;
}

static av_errc
write_scan(void *ctx, const av_run_sink *sink, av_error *err)
{
    scan *self = ctx;

    return av_runs_merge(self->runs, self->n, self->keep, sink, self->cancel, self->cancel_ctx, err);
}

/* [at, at + count) of the runs on disk become one. */
static av_errc
rewrite(av_index *self, size_t at, size_t count, scan *with, av_error *err)
{
    av_errc rc = scan_init(with, self->view, at, count, err);

    if (rc == AV_OK)
        rc = index_switch(self, at, count, write_scan, with, err);
    if (rc == AV_ERR_CORRUPT)
        index_mark_failed(self, err);
    return rc;
}

av_errc
av_index_merge(av_index *self, bool (*cancel)(void *ctx), void *cancel_ctx, bool *ret_more, av_error *err)
{
    AV_CLEANUP(scan_release) scan with = { .cancel = cancel, .cancel_ctx = cancel_ctx };
    av_errc rc = index_heal(self, err);
    size_t due;

    *ret_more = false;
    if (rc != AV_OK)
        return rc;
    index_sweep(self);
    due = index_due(self->view, 0, self->view->disk, INDEX_DISK_TIER);
    if (due == 0)
        return AV_OK;
    rc = rewrite(self, self->view->disk - due, due, &with, err);
    if (rc == AV_OK)
        index_sweep(self);
    *ret_more = rc == AV_OK && index_due(self->view, 0, self->view->disk, INDEX_DISK_TIER) > 0;
    return rc;
}

/* --- purge --------------------------------------------------------------------------------------------------------- */

/* Documents of a run that stay; *ret_any: one goes that has not gone before (those have neither size nor bits). */
static av_errc
find_gone(const av_run *run, bool (*is_gone)(void *ctx, uint64_t lsn), void *ctx, roaring_bitmap_t *keep, bool *ret_any,
    av_error *err)
{
    static const av_column columns[] = { AV_COLUMN_LSN, AV_COLUMN_SIZE, AV_COLUMN_BITS };
    av_buf b[AV_COUNT(columns)] = { { 0 } };
    uint32_t count = av_run_count(run);
    const uint64_t *values[AV_COUNT(columns)];
    av_errc rc = AV_OK;

    *ret_any = false;
    for (size_t c = 0; rc == AV_OK && c < AV_COUNT(columns); c++) {
        av_buf_init(&b[c], INDEX_COLUMN_MAX);
        rc = av_run_column(run, columns[c], &b[c], err);
        values[c] = (const uint64_t *)(const void *)b[c].p;
        if (rc == AV_OK && b[c].n != count * sizeof *values[c])
            rc = av_error_set(err, AV_ERR_CORRUPT, "a column has another length than its run");
    }
    for (uint32_t i = 0; rc == AV_OK && i < count; i++) {
        if (!is_gone(ctx, values[0][i]))
            roaring_bitmap_add(keep, i);
        else if (values[1][i] != 0 || values[2][i] != 0)
            *ret_any = true;
    }
    for (size_t c = 0; c < AV_COUNT(columns); c++)
        av_buf_release(&b[c]);
    return rc;
}

av_errc
av_index_purge(av_index *self, bool (*is_gone)(void *ctx, uint64_t lsn), void *ctx, av_error *err)
{
    av_errc rc = av_index_flush(self, err);

    for (size_t i = 0; rc == AV_OK && i < self->view->disk; i++) {
        roaring_bitmap_t *keep = roaring_bitmap_create();
        AV_CLEANUP(scan_release) scan with = { .keep = keep };
        bool any = false;

        rc = find_gone(self->view->owners[i]->run, is_gone, ctx, keep, &any, err);
        if (rc == AV_OK && any)
            rc = rewrite(self, i, 1, &with, err);
        roaring_bitmap_free(keep);
    }
    if (rc == AV_ERR_CORRUPT)
        index_mark_failed(self, err);
    index_sweep(self);
    return rc;
}

/* --- verify -------------------------------------------------------------------------------------------------------- */

enum { KINDS = sizeof AV_RUN_KINDS - 1 };

/* A hash for each kind of rows: within a kind rows come in order. */
typedef struct hashes {
    av_sha256_stream *kinds[KINDS];
} hashes;

static void
hashes_release(hashes *self)
{
    for (unsigned k = 0; k < KINDS; k++)
        av_sha256_stream_destroy(&self->kinds[k]);
}

static void
hashes_finish(hashes *self, uint8_t ret[AV_SHA256_SIZE])
{
    uint8_t all[KINDS * AV_SHA256_SIZE];

    for (unsigned k = 0; k < KINDS; k++)
        av_sha256_stream_finish(&self->kinds[k], all + (size_t)k * AV_SHA256_SIZE);
    av_sha256(av_span_of(all, sizeof all), ret);
}

static void
hash_span(av_sha256_stream *hash, av_span s)
{
    uint8_t length[8];

    for (unsigned i = 0; i < sizeof length; i++)
        length[i] = (uint8_t)((uint64_t)s.n >> 8 * i);
    av_sha256_stream_update(hash, av_span_of(length, sizeof length));
    av_sha256_stream_update(hash, s);
}

static av_errc
hash_row(void *ctx, av_span key, av_span value, av_error *err)
{
    hashes *self = ctx;
    const char *kind = key.n == 0 ? NULL : memchr(AV_RUN_KINDS, key.p[0], KINDS);

    if (kind == NULL)
        return av_error_set(err, AV_ERR_INTERNAL, "no key of a run");
    hash_span(self->kinds[kind - AV_RUN_KINDS], key);
    hash_span(self->kinds[kind - AV_RUN_KINDS], value);
    return AV_OK;
}

static av_errc
check_runs(const scan *with, const av_index_view *view, av_error *err)
{
    av_errc rc = AV_OK;

    for (size_t i = 0; rc == AV_OK && i < with->n; i++) {
        if (with->cancel != NULL && with->cancel(with->cancel_ctx))
            return av_error_set(err, AV_ERR_CANCELLED, "cancelled");
        rc = av_run_check(with->runs[i], err);
        if (rc != AV_OK)
            (void)av_error_prefix(err, "run %u", view->owners[i]->facts.number);
    }
    return rc;
}

/* Hashed is what one run of all documents would be: so it does not matter how they are spread over runs. */
av_errc
av_index_verify(av_index *self, bool (*cancel)(void *ctx), void *cancel_ctx, uint8_t ret_digest[32], av_error *err)
{
    AV_CLEANUP(index_view_drop) av_index_view *view = index_view_hold(self);
    AV_CLEANUP(hashes_release) hashes hash = { { NULL } };
    AV_CLEANUP(scan_release) scan with = { .cancel = cancel, .cancel_ctx = cancel_ctx };
    av_run_sink sink = { .ctx = &hash, .put = hash_row };
    av_errc rc = scan_init(&with, view, 0, view->disk, err);

    for (unsigned k = 0; k < KINDS; k++)
        hash.kinds[k] = av_sha256_stream_new();
    if (rc == AV_OK)
        rc = check_runs(&with, view, err);
    if (rc == AV_OK && with.n > 0)
        rc = write_scan(&with, &sink, err);
    if (rc == AV_ERR_CORRUPT)
        index_mark_failed(self, err);
    if (rc == AV_OK)
        hashes_finish(&hash, ret_digest);
    return rc;
}
