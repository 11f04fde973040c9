/*
 * compact.c - see compact.h
 */
#include "storage/care/compact.h"

#include "storage/container/compact.h"
#include "storage/container/scan.h"
#include "storage/meta/store_view_check.h"
#include "storage/store/inspect.h"

#define SEGMENTS_MAX (64U * 1024 * 1024) /* bytes of LSNs */

typedef struct compactor {
    const av_care_compaction *job;
    const av_care_watch *watch;
    av_container_files *files;
    av_buf segments;    /* uint64_t, ascending: named by contents that stay, of the containers to be written anew */
    uint32_t first;     /* the lowest of these */
    bool keep_segments; /* who names them is not known for sure */
    uint64_t known;     /* LSN up to which the snapshot reflects the log */
    uint64_t done, total, now; /* bytes: of containers done, of all, of the present one */
    bool cancelled;
    av_errc rc; /* what went wrong inside keep */
    av_error *err;
} compactor;

/* --- what stays -------------------------------------------------------------------------------------------------- */

/* The segments that a large content names: most contents are records of one piece and name none. */
static av_errc
take_segments(void *ctx, const av_content_row *row, av_error *err)
{
    compactor *self = ctx;
    uint8_t front[AV_RECORD_HEADER];
    av_record_header h;
    size_t n = 0;
    av_errc rc;

    if (row->erased || row->kind == AV_RECORD_DICTIONARY || row->size <= AV_SEGMENT_PLAIN)
        return AV_OK;
    rc = av_container_files_record(self->files, row->lsn, &h, front, sizeof front, &n, err);
    if (rc == AV_OK && !(h.flags & AV_RECORD_ONE_PIECE))
        rc = av_store_segments(self->job->store, row->lsn, row->kind, &self->segments, err);
    /* Erased since the snapshot: its segments may go or stay. */
    return rc == AV_ERR_NOT_FOUND || rc == AV_ERR_GONE ? AV_OK : rc;
}

static int
compare_lsns(const void *a, const void *b)
{
    uint64_t x, y;

    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

/*
 * What stands in the log behind the snapshot: a message that was arriving for long has its segments in older
 * containers, and a view may be behind its log. A log that cannot be read to its end (the writer's open group may lie there) names
 * nobody for sure: segments stay then.
 */
static av_errc
read_on(compactor *self, av_error *err)
{
    AV_CLEANUP(av_scan_destroy) av_scan *scan = NULL;
    const uint8_t *key = av_store_keys_log(av_store_keys_of(self->job->store));
    bool end = false;
    av_errc rc = av_scan_new(self->files, key, &scan, err);

    if (rc == AV_OK)
        rc = av_scan_from(scan, self->known, err);
    while (rc == AV_OK && !end) {
        av_record_header h;
        av_span body;

        rc = av_scan_next(scan, &h, &body, &end, err);
        if (rc == AV_OK && !end && (h.kind == AV_RECORD_MESSAGE || h.kind == AV_RECORD_PART) &&
            !(h.flags & AV_RECORD_ONE_PIECE)) {
            rc = av_store_segments(self->job->store, h.lsn, (av_record_kind)h.kind, &self->segments, err);
            if (rc == AV_ERR_NOT_FOUND || rc == AV_ERR_GONE) /* erased since */
                rc = AV_OK;
        }
    }
    self->keep_segments = rc == AV_ERR_CORRUPT;
    return rc == AV_ERR_CORRUPT ? AV_OK : rc;
}

/* A content stands behind its segments, so those of the first container to be compacted are named from there on. */
static av_errc
list_segments(compactor *self, av_error *err)
{
    av_errc rc = av_store_view_each_content(self->job->view, av_lsn(self->first, 0), take_segments, self, err);

    if (rc == AV_OK)
        rc = read_on(self, err);
    if (rc == AV_OK && self->segments.n > 0)
        qsort(self->segments.p, self->segments.n / sizeof(uint64_t), sizeof(uint64_t), compare_lsns);
    return rc;
}

static bool
is_named(const compactor *self, uint64_t lsn)
{
    return self->segments.n > 0 &&
           bsearch(&lsn, self->segments.p, self->segments.n / sizeof lsn, sizeof lsn, compare_lsns) != NULL;
}

static bool
keep(void *ctx, uint64_t lsn, uint8_t kind)
{
    compactor *self = ctx;
    bool needed = true;

    if (kind == AV_RECORD_SEGMENT)
        return self->keep_segments || lsn >= self->job->open_puts_lsn || is_named(self, lsn);
    if (self->rc == AV_OK)
        self->rc = av_store_view_is_needed(self->job->view, lsn, (av_record_kind)kind, &needed, self->err);
    return self->rc != AV_OK || needed;
}

static bool
on_progress(void *ctx, uint64_t done, uint64_t total)
{
    compactor *self = ctx;
    av_error ignored;
    uint64_t part = total == 0 ? 0 : (uint64_t)((double)self->now * (double)done / (double)total);

    if (self->rc != AV_OK)
        return false;
    self->cancelled = av_care_go_on(self->watch, self->done + part, self->total, &ignored) != AV_OK;
    return !self->cancelled;
}

/* --- one container ----------------------------------------------------------------------------------------------- */

static av_errc
compact_one(compactor *self, uint32_t container, av_care_compact_result *ret, av_error *err)
{
    const av_compaction job = {
        .files = self->files,
        .log_key = av_store_keys_log(av_store_keys_of(self->job->store)),
        .container = container,
        .ctx = self,
        .keep = keep,
        .progress = on_progress,
    };
    av_compaction_result result = { 0 };
    av_error inside;
    av_errc rc;

    self->err = &inside;
    self->rc = AV_OK;
    rc = av_container_compact(&job, &result, err);
    if (self->rc != AV_OK) {
        *err = inside;
        return self->rc;
    }
    if (rc == AV_ERR_CORRUPT) {
        av_care_say(self->watch, AV_LOG_ERROR, av_lsn(container, 0), "%08u.avc is damaged and stays as it is: %s",
            container, err->msg);
        return AV_OK;
    }
    if (rc != AV_OK)
        return rc;
    if (result.dropped > 0) {
        rc = av_container_compact_finish(self->files, container, err);
        ret->containers++;
        ret->records += result.dropped;
        ret->bytes_before += result.bytes_before;
        ret->bytes_after += result.bytes_after;
    }
    /* Told in any case: dead bytes that are not there any more are not looked for again. */
    if (rc == AV_OK && self->job->compacted != NULL)
        rc = self->job->compacted(self->job->ctx, container, err);
    return rc;
}

/* --- which ------------------------------------------------------------------------------------------------------- */

static av_errc
size_of(compactor *self, uint32_t container, uint64_t *ret, av_error *err)
{
    av_container_header header;
    av_place_file *file = NULL;
    av_errc rc = av_container_files_open(self->files, container, true, &file, &header, err);

    if (rc == AV_OK)
        rc = av_place_size(file, ret, err);
    av_place_close(&file);
    return rc;
}

/*
 * Does the snapshot know every group of the container? What a view that is behind does not know looks like what nobody
 * needs. The next container's header says where this one ended.
 */
static av_errc
is_known(compactor *self, uint32_t container, bool *ret, av_error *err)
{
    av_container_header next = { 0 };
    av_place_file *file = NULL;
    av_errc rc = av_container_files_open(self->files, container + 1, true, &file, &next, err);

    av_place_close(&file);
    *ret = rc == AV_OK && next.before.commit_lsn != 0 && next.before.commit_lsn <= self->known;
    return rc;
}

typedef struct choice {
    uint32_t container;
    uint64_t size;
} choice;

/* Sealed, and with enough that is dead. A damaged header is told when the container is to be compacted, or never. */
static av_errc
choose(compactor *self, uint32_t container, uint64_t dead, av_buf *ret, av_error *err)
{
    choice chosen = { .container = container };
    bool known = false;
    av_errc rc;

    if (container >= av_container_files_highest(self->files) || (dead == 0 && self->job->min_dead_percent > 0))
        return AV_OK;
    rc = is_known(self, container, &known, err);
    if (rc == AV_OK && !known)
        return AV_OK;
    if (rc == AV_OK)
        rc = size_of(self, container, &chosen.size, err);
    if (rc == AV_ERR_CORRUPT || rc == AV_ERR_NOT_FOUND || rc == AV_ERR_VERSION) {
        av_care_say(
            self->watch, AV_LOG_ERROR, av_lsn(container, 0), "%08u.avc cannot be compacted: %s", container, err->msg);
        return AV_OK;
    }
    if (rc != AV_OK || dead < chosen.size / 100 * self->job->min_dead_percent)
        return rc;
    if (!av_buf_append(ret, &chosen, sizeof chosen))
        return av_error_set(err, AV_ERR_LIMIT, "too many containers");
    self->total += chosen.size;
    return AV_OK;
}

static av_errc
choose_all(compactor *self, av_buf *ret, av_error *err)
{
    av_store_view_iter *iter = av_store_view_containers(self->job->view);
    av_container_bytes bytes;
    av_errc rc = AV_OK;

    while (rc == AV_OK && av_store_view_next_container(iter, &bytes))
        rc = choose(self, bytes.container, bytes.dead, ret, err);
    if (rc == AV_OK)
        rc = av_store_view_iter_error(iter, err);
    av_store_view_iter_destroy(&iter);
    return rc;
}

static av_errc
compact_chosen(compactor *self, av_span list, av_care_compact_result *ret, av_error *err)
{
    choice chosen;
    av_errc rc = AV_OK;

    if (list.n == 0)
        return AV_OK;
    memcpy(&chosen, list.p, sizeof chosen);
    self->first = chosen.container;
    rc = list_segments(self, err);
    while (rc == AV_OK && list.n > 0) {
        memcpy(&chosen, list.p, sizeof chosen);
        list = av_span_skip(list, sizeof chosen);
        self->now = chosen.size;
        rc = compact_one(self, chosen.container, ret, err);
        self->done += chosen.size;
        if (rc == AV_OK)
            rc = av_care_go_on(self->watch, self->done, self->total, err);
    }
    return rc;
}

av_errc
av_care_compact(const av_care_compaction *job, const av_care_watch *watch, av_care_compact_result *ret, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf chosen = { 0 };
    compactor self = { .job = job, .watch = watch, .files = av_store_files(job->store) };
    av_errc rc;

    *ret = (av_care_compact_result){ 0 };
    av_buf_init(&chosen, 16U << 20);
    av_buf_init(&self.segments, SEGMENTS_MAX);
    rc = av_store_view_lsn_of(job->view, &self.known, err);
    if (rc == AV_OK)
        rc = choose_all(&self, &chosen, err);
    if (rc == AV_OK)
        rc = compact_chosen(&self, av_buf_span(&chosen), ret, err);
    av_buf_release(&self.segments);
    return rc;
}
