/*
 * test_compact.c - compacted containers: what stays reads as before, what went is gone and its bytes are given back
 */
#include "tests/storage/container/compact_help.h"

static size_t
dropped_records(const test_log *log)
{
    size_t n = 0;

    for (size_t i = 0; i < log->n; i++)
        n += log->records[i].dropped;
    return n;
}

static void
test_drop_random_sets(void)
{
    static const struct {
        uint32_t max_bytes;
        unsigned percent;
    } cases[] = { { 100, 30 }, { 3000, 50 }, { 3000, 100 }, { 400000, 40 }, { 60, 5 } };
    av_error err;

    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        test_log log = some_log(i, 5, 9, cases[i].max_bytes);
        av_container_files *files = log_files(&log, 2);

        av_check_row = (long)i;
        log_check_reads(&log, files); /* files of the old generation stand open */
        for (unsigned pass = 1; pass <= 3; pass++) {
            av_compaction_result result = { 0 };
            size_t before = dropped_records(&log);

            for (uint32_t c = 1; c <= 2; c++)
                choose(&log, c, cases[i].percent);
            for (uint32_t c = 1; c <= 2; c++) {
                AV_CHECK_RC(compact(&log, files, c, &result, &err), AV_OK, &err);
                before += result.dropped;
                AV_CHECK(result.generation <= pass);
                AV_CHECK_INT(result.generation, av_container_files_generation(files, c));
                AV_CHECK(result.dropped > 0 || result.bytes_before == result.bytes_after);
            }
            AV_CHECK_INT(before, dropped_records(&log));
            check_log(&log, files);
            AV_CHECK_RC(av_container_compact_finish(files, 1, &err), AV_OK, &err);
            AV_CHECK_RC(av_container_compact_finish(files, 2, &err), AV_OK, &err);
            check_log(&log, files);
        }
        av_check_row = -1;
        av_container_files_destroy(&files);
        log_remove(&log);
    }
}

static void
test_gives_bytes_back(void)
{
    test_log log = log_new(3);
    av_compaction_result result = { 0 };
    av_container_files *files;
    uint64_t bytes = 0;
    av_error err;

    for (int i = 0; i < 100; i++) {
        (void)log_put(&log, AV_RECORD_PART, AV_RECORD_ONE_PIECE, 10000);
        log.records[log.n - 1].dropped = i % 10 != 0;
    }
    (void)log_commit(&log);
    log_begin_container(&log);
    log_group(&log, 1, 10);
    files = log_files(&log, 0);
    AV_CHECK_RC(compact(&log, files, 1, &result, &err), AV_OK, &err);
    AV_CHECK_INT(result.dropped, 90);
    AV_CHECK_INT(result.dropped_bytes, 90 * 10036);
    AV_CHECK_INT(result.bytes_before, 128 + 100 * 10036 + 100);
    /* ten runs of nine, the map, the trailer */
    AV_CHECK_INT(result.bytes_after, 128 + 10 * 10036 + 100 + 10 * (36 + 8 + 9 * 32) + 36 + 10 * 8 + 16);
    AV_CHECK_RC(av_container_files_bytes(files, &bytes, &err), AV_OK, &err);
    AV_CHECK_INT(bytes, result.bytes_after + log.at);
    AV_CHECK_RC(compact(&log, files, 1, &result, &err), AV_OK, &err); /* nothing to do: nothing is written */
    AV_CHECK_INT(result.generation, 1);
    AV_CHECK_INT(result.dropped, 0);
    check_log(&log, files);
    av_container_files_destroy(&files);
    log_remove(&log);
}

static bool
keep_nothing(void *ctx, uint64_t lsn, uint8_t kind)
{
    (void)ctx;
    (void)lsn;
    (void)kind;
    return false;
}

/* More in one run than one dropped record names. */
static void
test_long_run(void)
{
    test_log log = log_new(3);
    av_compaction job;
    av_compaction_result result = { 0 };
    av_container_files *files;
    av_scan *scan = NULL;
    av_record_header h;
    av_span body;
    bool end = false;
    av_error err;

    for (uint32_t i = 0; i < AV_DROPPED_COUNT_MAX + 5; i++)
        (void)log_put(&log, AV_RECORD_PART, AV_RECORD_ONE_PIECE, 20);
    (void)log_commit(&log);
    log_begin_container(&log);
    log_group(&log, 1, 10);
    files = log_files(&log, 0);
    job = (av_compaction){ .files = files, .log_key = log.key, .container = 1, .keep = keep_nothing };
    AV_CHECK_RC(av_container_compact(&job, &result, &err), AV_OK, &err);
    AV_CHECK_RC(av_scan_new(files, log.key, &scan, &err), AV_OK, &err);
    AV_CHECK_RC(av_scan_next(scan, &h, &body, &end, &err), AV_OK, &err);
    AV_CHECK(h.kind == AV_RECORD_DROPPED && h.length == AV_DROPPED_BODY_MAX);
    AV_CHECK_RC(av_scan_next(scan, &h, &body, &end, &err), AV_OK, &err);
    AV_CHECK(h.kind == AV_RECORD_DROPPED && h.length == AV_DROPPED_CLEAR + 5 * 32);
    AV_CHECK_RC(av_scan_next(scan, &h, &body, &end, &err), AV_OK, &err);
    AV_CHECK(h.kind == AV_RECORD_COMMIT);
    av_scan_destroy(&scan);
    av_container_files_destroy(&files);
    log_remove(&log);
}

static bool
stop_half_way(void *ctx, uint64_t done, uint64_t total)
{
    (void)ctx;
    AV_CHECK(done <= total);
    return done < total / 3;
}

static void
test_refused(void)
{
    test_log log = some_log(4, 3, 9, 300000);
    av_container_files *files = log_files(&log, 0);
    av_compaction job = {
        .files = files, .log_key = log.key, .container = 1, .ctx = &log, .keep = keep, .progress = stop_half_way
    };
    av_compaction_result result = { 0 };
    AV_CLEANUP(av_free) char *path = av_container_path(log.dir, 1, 1);
    AV_CLEANUP(av_free) char *temp = av_xasprintf("%s.new", path);
    av_error err;

    choose(&log, 1, 50);
    AV_CHECK_RC(av_container_compact(&job, &result, &err), AV_ERR_CANCELLED, &err);
    AV_CHECK(!av_file_exists(path) && !av_file_exists(temp));
    for (size_t i = 0; i < log.n; i++)
        log.records[i].dropped = false;
    check_log(&log, files);
    AV_CHECK_RC(compact(&log, files, 3, &result, &err), AV_ERR_BUSY, &err);
    AV_CHECK_RC(compact(&log, files, 4, &result, &err), AV_ERR_NOT_FOUND, &err);
    av_container_files_destroy(&files);
    log_remove(&log);
}

typedef struct nested {
    test_log *log;
    av_container_files *files;
    av_errc rc;
    unsigned calls;
} nested;

static bool
compact_again(void *ctx, AV_UNUSED uint64_t lsn, AV_UNUSED uint8_t kind)
{
    nested *self = ctx;
    av_compaction_result result = { 0 };
    av_error err;

    if (self->calls++ == 0)
        self->rc = compact(self->log, self->files, 1, &result, &err);
    return false;
}

/* Two at once would write into one file, and the one that gave it its name would let go of the one before. */
static void
test_one_at_a_time(void)
{
    test_log log = some_log(9, 4, 6, 3000);
    av_container_files *files = log_files(&log, 2);
    nested self = { .log = &log, .files = files };
    av_compaction job = { .files = files, .log_key = log.key, .container = 1, .ctx = &self, .keep = compact_again };
    av_compaction_result result = { 0 };
    av_error err;

    choose(&log, 1, 100);
    AV_CHECK_RC(av_container_compact(&job, &result, &err), AV_OK, &err);
    AV_CHECK_INT(self.rc, AV_ERR_BUSY);
    check_log(&log, files);
    AV_CHECK_RC(compact(&log, files, 1, &result, &err), AV_OK, &err);
    av_container_files_destroy(&files);
    log_remove(&log);
}

int
main(void)
{
    av_secret_init();
    av_log_init("test", AV_LOG_ERROR, false);
    AV_RUN(test_drop_random_sets);
    AV_RUN(test_gives_bytes_back);
    AV_RUN(test_long_run);
    AV_RUN(test_refused);
    AV_RUN(test_one_at_a_time);
    return av_check_done();
}
