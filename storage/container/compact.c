/*
 * compact.c - see compact.h
 *
 * One scan of the old file feeds the new one through its tap: what stays goes through byte for byte, what goes leaves
 * its digest in the run that is pending. The scan has checked everything when it ends; a second one checks what was
 * written.
 */
#include "storage/container/compact.h"

#include "base/file.h"
#include "storage/container/dropped.h"
#include "storage/container/scan.h"
#include "storage/store/store.h"

#define OUT_BYTES      (256U * 1024)
#define PROGRESS_BYTES (1024U * 1024)

typedef struct compactor {
    const av_compaction *job;
    uint32_t generation; /* the new one */
    char *path;          /* of what is being made */
    int fd;
    av_buf out;       /* not written yet */
    uint64_t written; /* bytes in the file */
    bool keeps;       /* the record that comes stays */
    /* the run of dropped records that is pending; count 0: none */
    uint64_t run_lsn, run_group;
    uint32_t run_covered, run_count;
    av_buf run_digests;
    av_buf map;
    uint64_t progress_done, progress_total, progress_told;
    av_compaction_result result;
} compactor;

static void
compactor_release(compactor *self)
{
    av_file_close(&self->fd);
    if (self->path != NULL)
        (void)av_file_ops_get()->unlink(self->path);
    free(self->path);
    av_buf_release(&self->out);
    av_buf_release(&self->run_digests);
    av_buf_release(&self->map);
}

static av_errc
flush(compactor *self, av_error *err)
{
    av_errc rc = av_file_write_at(self->fd, self->out.p, self->out.n, self->written, err);

    if (rc != AV_OK)
        return av_error_prefix(err, "%s", self->path);
    self->written += self->out.n;
    av_buf_clear(&self->out);
    if (self->written > UINT32_MAX)
        return av_error_set(
            err, AV_ERR_LIMIT, "container %08u.avc would be larger than any may be", self->job->container);
    return AV_OK;
}

static av_errc
emit(compactor *self, av_span bytes, av_error *err)
{
    while (bytes.n > 0) {
        size_t n = AV_MIN(bytes.n, OUT_BYTES - self->out.n);

        (void)av_buf_append(&self->out, bytes.p, n);
        bytes = av_span_skip(bytes, n);
        if (self->out.n == OUT_BYTES) {
            av_errc rc = flush(self, err);

            if (rc != AV_OK)
                return rc;
        }
    }
    return AV_OK;
}

static av_errc
emit_record(compactor *self, av_record_header *header, av_span body, av_error *err)
{
    uint8_t bytes[AV_RECORD_HEADER];
    av_errc rc;

    header->length = (uint32_t)body.n;
    header->body_crc = av_crc32c(0, body);
    av_record_header_encode(header, av_container_files_uuid(self->job->files), bytes);
    rc = emit(self, av_span_of(bytes, sizeof bytes), err);
    return rc == AV_OK ? emit(self, body, err) : rc;
}

/* --- what goes --------------------------------------------------------------------------------------------------- */

/* The pending run becomes one dropped record. */
static av_errc
end_run(compactor *self, av_error *err)
{
    av_record_header header = { .kind = AV_RECORD_DROPPED, .lsn = self->run_lsn, .group = self->run_group };
    av_drop drop = { .offset = av_lsn_offset(self->run_lsn), .place = (uint32_t)(self->written + self->out.n) };
    uint8_t entry[AV_DROP_MAP_ENTRY];
    av_errc rc;

    if (self->run_count == 0)
        return AV_OK;
    av_drop_encode(&drop, entry);
    if (!av_buf_append(&self->map, entry, sizeof entry))
        return av_error_set(err, AV_ERR_LIMIT, "the map of %08u.avc would be too large", self->job->container);
    av_dropped_encode(self->run_covered, self->run_count, self->run_digests.p);
    av_seal_dropped(self->job->log_key, av_container_files_uuid(self->job->files), header.lsn, header.group,
        av_buf_span(&self->run_digests), header.salt);
    rc = emit_record(self, &header, av_buf_span(&self->run_digests), err);
    self->run_count = 0;
    return rc;
}

static av_errc
drop(compactor *self, const av_record_header *h, uint32_t covered, uint32_t count, av_span digests, av_error *err)
{
    static const uint8_t clear[AV_DROPPED_CLEAR];

    if (self->run_count > 0 && (self->run_group != h->group || self->run_count + count > AV_DROPPED_COUNT_MAX)) {
        av_errc rc = end_run(self, err);

        if (rc != AV_OK)
            return rc;
    }
    if (self->run_count == 0) {
        self->run_lsn = h->lsn;
        self->run_group = h->group;
        self->run_covered = 0;
        av_buf_clear(&self->run_digests);
        (void)av_buf_append(&self->run_digests, clear, sizeof clear);
    }
    self->run_covered += covered;
    self->run_count += count;
    (void)av_buf_append_span(&self->run_digests, digests);
    return AV_OK;
}

/* --- what comes -------------------------------------------------------------------------------------------------- */

static bool
stays(const compactor *self, const av_record_header *h)
{
    switch (h->kind) {
    case AV_RECORD_MESSAGE:
    case AV_RECORD_PART:
    case AV_RECORD_SEGMENT:
    case AV_RECORD_DICTIONARY:
        return self->job->keep(self->job->ctx, h->lsn, h->kind);
    default:
        return h->kind != AV_RECORD_DROPPED;
    }
}

static av_errc
tell_progress(compactor *self, size_t n, av_error *err)
{
    self->progress_done += n;
    if (self->job->progress == NULL || self->progress_done - self->progress_told < PROGRESS_BYTES)
        return AV_OK;
    self->progress_told = self->progress_done;
    if (self->job->progress(self->job->ctx, self->progress_done, self->progress_total))
        return AV_OK;
    return av_error_set(err, AV_ERR_CANCELLED, "the compaction of %08u.avc was given up", self->job->container);
}

static av_errc
on_record(void *ctx, const av_record_header *h, const uint8_t bytes[AV_RECORD_HEADER], av_error *err)
{
    compactor *self = ctx;
    av_errc rc = AV_OK;

    self->keeps = stays(self, h);
    if (self->keeps)
        rc = end_run(self, err);
    if (rc == AV_OK && self->keeps)
        rc = emit(self, av_span_of(bytes, AV_RECORD_HEADER), err);
    return rc == AV_OK ? tell_progress(self, AV_RECORD_HEADER, err) : rc;
}

static av_errc
on_body(void *ctx, av_span bytes, av_error *err)
{
    compactor *self = ctx;
    av_errc rc = self->keeps ? emit(self, bytes, err) : AV_OK;

    return rc == AV_OK ? tell_progress(self, bytes.n, err) : rc;
}

static av_errc
on_checked_body(void *ctx, av_span bytes, av_error *err)
{
    return tell_progress(ctx, bytes.n, err);
}

/* After the scan has taken the record: what went is noted. */
static av_errc
note(compactor *self, av_scan *scan, const av_record_header *h, av_span body, av_error *err)
{
    uint32_t size = AV_RECORD_HEADER + h->length;
    av_dropped dropped;
    av_errc rc;

    if (self->keeps)
        return AV_OK;
    if (h->kind == AV_RECORD_DROPPED) {
        rc = av_dropped_decode(body, &dropped, err);
        return rc == AV_OK ? drop(self, h, dropped.covered, dropped.count, dropped.digests, err) : rc;
    }
    self->result.dropped++;
    self->result.dropped_bytes += size;
    return drop(self, h, size, 1, av_span_of(av_scan_record_digest(scan), AV_SHA256_SIZE), err);
}

static av_errc
copy_records(compactor *self, av_scan *scan, av_error *err)
{
    for (;;) {
        av_record_header header;
        av_span body;
        bool end = false;
        av_errc rc = av_scan_next(scan, &header, &body, &end, err);

        if (rc != AV_OK)
            return rc;
        if (end)
            break;
        rc = note(self, scan, &header, body, err);
        if (rc != AV_OK)
            return rc;
    }
    if (av_scan_open_records(scan) > 0)
        return av_error_set(err, AV_ERR_CORRUPT, "%08u.avc ends inside a group", self->job->container);
    return AV_OK;
}

/* --- the new file ------------------------------------------------------------------------------------------------ */

static av_errc
begin_file(compactor *self, const av_container_header *old, av_error *err)
{
    AV_CLEANUP(av_free)
    char *path = av_container_path(av_container_files_dir(self->job->files), old->container, self->generation);
    av_container_header header = *old;
    uint8_t bytes[AV_CONTAINER_HEADER];
    av_errc rc;

    self->path = av_xasprintf("%s.new", path);
    header.generation = self->generation;
    rc = av_file_open(self->path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600, &self->fd, err);
    if (rc != AV_OK)
        return rc;
    av_container_header_encode(&header, bytes);
    return emit(self, av_span_of(bytes, sizeof bytes), err);
}

/* Map, trailer, and all of it on disk. */
static av_errc
end_file(compactor *self, uint64_t end_lsn, av_error *err)
{
    av_record_header header = { .kind = AV_RECORD_MAP, .lsn = end_lsn };
    uint8_t trailer[AV_DROP_MAP_TRAILER];
    uint64_t place = self->written + self->out.n;
    av_errc rc = emit_record(self, &header, av_buf_span(&self->map), err);

    av_drop_trailer_encode((uint32_t)place, trailer);
    if (rc == AV_OK)
        rc = emit(self, av_span_of(trailer, sizeof trailer), err);
    if (rc == AV_OK)
        rc = flush(self, err);
    if (rc == AV_OK)
        rc = av_file_datasync(self->fd, err);
    av_file_close(&self->fd);
    self->result.bytes_after = self->written;
    self->progress_total = self->result.bytes_before + self->written; /* known better now */
    return rc;
}

/* What was written, record by record: it must lead to the same end of the chain. */
static av_errc
check_file(compactor *self, const av_scan *old, av_error *err)
{
    AV_CLEANUP(av_place_destroy) av_place *local = av_place_folder_new(av_container_files_dir(self->job->files));
    AV_CLEANUP(av_scan_destroy) av_scan *scan = NULL;
    av_place_file *file = NULL;
    av_record_header header;
    av_span body;
    bool end = false;
    av_errc rc = av_place_open(local, strrchr(self->path, '/') + 1, true, &file, err);

    if (rc == AV_OK)
        rc = av_scan_new_one(file, self->job->container, self->generation, av_container_files_uuid(self->job->files),
            self->job->log_key, &scan, err);
    if (rc == AV_OK)
        av_scan_set_tap(scan, &(av_scan_tap){ .ctx = self, .body = on_checked_body });
    while (rc == AV_OK && !end)
        rc = av_scan_next(scan, &header, &body, &end, err);
    if (rc == AV_OK && (av_scan_place(scan) != av_scan_place(old) ||
                           memcmp(av_scan_chain(scan)->digest, av_scan_chain(old)->digest, AV_SHA256_SIZE) != 0))
        rc = av_error_set(err, AV_ERR_CORRUPT, "the chain of groups ends elsewhere");
    return rc == AV_OK ? AV_OK : av_error_prefix(err, "what was written does not check");
}

static av_errc
put_file(compactor *self, av_error *err)
{
    char name[AV_CONTAINER_NAME];
    av_errc rc;

    av_container_name(self->job->container, self->generation, name);
    rc = av_place_put(av_container_files_place(self->job->files), name, self->path, err);
    if (rc != AV_OK)
        return rc;
    av_container_files_replace(self->job->files, self->job->container, self->generation);
    self->result.generation = self->generation;
    free(AV_TAKE(self->path)); /* it has another name now */
    return AV_OK;
}

static av_errc
run(compactor *self, av_scan *scan, const av_container_header *old, av_error *err)
{
    av_errc rc;

    av_scan_set_tap(scan, &(av_scan_tap){ .ctx = self, .record = on_record, .body = on_body });
    rc = begin_file(self, old, err);
    if (rc == AV_OK)
        rc = copy_records(self, scan, err);
    if (rc != AV_OK || self->result.dropped == 0)
        return rc;
    rc = end_file(self, av_scan_place(scan), err);
    if (rc == AV_OK)
        rc = check_file(self, scan, err);
    return rc == AV_OK ? put_file(self, err) : rc;
}

static av_errc
compact(const av_compaction *job, av_compaction_result *ret, av_error *err)
{
    AV_CLEANUP(compactor_release) compactor self = { .job = job, .fd = -1 };
    AV_CLEANUP(av_scan_destroy) av_scan *scan = NULL;
    av_container_header header;
    av_place_file *file = NULL;
    av_errc rc;

    if (job->container == av_container_files_highest(job->files))
        return av_error_set(err, AV_ERR_BUSY, "container %08u.avc is being written", job->container);
    av_buf_init(&self.out, OUT_BYTES);
    av_buf_init(&self.run_digests, AV_DROPPED_BODY_MAX);
    av_buf_init(&self.map, AV_RECORD_BODY_MAX);
    rc = av_container_files_open(job->files, job->container, true, &file, &header, err);
    if (rc != AV_OK)
        return rc;
    rc = av_place_size(file, &self.result.bytes_before, err);
    if (rc != AV_OK) {
        av_place_close(&file);
        return rc;
    }
    self.generation = header.generation + 1;
    self.result.generation = header.generation;
    self.result.bytes_after = self.result.bytes_before;
    self.progress_total = 2 * self.result.bytes_before;
    rc = av_scan_new_one(
        file, job->container, header.generation, av_container_files_uuid(job->files), job->log_key, &scan, err);
    if (rc == AV_OK)
        rc = run(&self, scan, &header, err);
    if (rc == AV_OK)
        *ret = self.result;
    return rc;
}

av_errc
av_container_compact(const av_compaction *job, av_compaction_result *ret, av_error *err)
{
    av_errc rc;

    if (!av_container_files_begin_compaction(job->files))
        return av_error_set(err, AV_ERR_BUSY, "a container of this store is being compacted already");
    rc = compact(job, ret, err);
    av_container_files_end_compaction(job->files);
    return rc;
}

av_errc
av_container_compact_finish(av_container_files *files, uint32_t container, av_error *err)
{
    AV_CLEANUP(av_container_list_release) av_container_list list = { 0 };
    uint32_t counts = av_container_files_generation(files, container);
    av_errc rc = av_container_list_read(av_container_files_place(files), &list, err);

    for (size_t i = 0; rc == AV_OK && i < list.stale_count; i++) {
        uint32_t number, generation;

        if (av_container_name_parse(list.stale[i], &number, &generation) && number == container && generation < counts)
            rc = av_place_remove(av_container_files_place(files), list.stale[i], err);
    }
    return rc;
}
