/*
 * test_compact.c - compacted containers: what stays reads as before, what went is gone, no failing call loses either
 */
#include <errno.h>

#include "tests/storage/container/log_help.h"
#include "tests/storage/fault_ops.h"
#include "tests/storage/power_ops.h"

/* Drops what the log's model says is dropped. */
static bool
keep(void *ctx, uint64_t lsn, uint8_t kind)
{
    const test_log *log = ctx;

    for (size_t i = 0; i < log->n; i++)
        if (log->records[i].lsn == lsn) {
            AV_CHECK_INT(log->records[i].kind, kind);
            AV_CHECK(kind != AV_RECORD_COMMIT && kind != AV_RECORD_EVENTS);
            return !log->records[i].dropped;
        }
    AV_CHECK(false); /* asked for what was never written */
    return true;
}

static void
choose(test_log *log, uint32_t container, unsigned percent)
{
    for (size_t i = 0; i < log->n; i++) {
        log_record *r = &log->records[i];

        if (av_lsn_container(r->lsn) == container && r->kind != AV_RECORD_COMMIT && r->kind != AV_RECORD_EVENTS &&
            log_roll_dice(log, 100) < percent)
            r->dropped = true;
    }
}

static size_t
dropped_records(const test_log *log)
{
    size_t n = 0;

    for (size_t i = 0; i < log->n; i++)
        n += log->records[i].dropped;
    return n;
}

static av_errc
compact(test_log *log, av_container_files *files, uint32_t container, av_compaction_result *ret, av_error *err)
{
    av_compaction job = { .files = files, .log_key = log->key, .container = container, .ctx = log, .keep = keep };

    return av_container_compact(&job, ret, err);
}

static test_log
some_log(uint64_t seed, size_t groups, size_t records, uint32_t max_bytes)
{
    test_log log = log_new(seed);

    for (int c = 0; c < 3; c++) {
        for (size_t g = 0; g < groups; g++)
            log_group(&log, 1 + log_roll_dice(&log, records), max_bytes);
        if (c < 2)
            log_begin_container(&log);
    }
    return log;
}

/* All there is to see of a log, from the cache of files and as opened anew. */
static void
check_log(const test_log *log, av_container_files *files)
{
    av_container_files *fresh = log_files(log, 0);

    for (int i = 0; i < 2; i++) {
        av_container_files *f = i == 0 ? files : fresh;
        size_t commits = 0;

        log_check_scan(log, f, 0);
        log_check_reads(log, f);
        for (size_t k = 0; k < log->n; k++)
            if (log->records[k].kind == AV_RECORD_COMMIT && commits++ % 3 == 0)
                log_check_scan(log, f, k + 1);
    }
    av_container_files_destroy(&fresh);
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

static void
flip(const char *path, uint64_t at, uint8_t bits)
{
    uint8_t byte = 0;
    int fd = -1;
    av_error err;

    AV_CHECK_RC(av_file_open(path, O_RDWR, 0, &fd, &err), AV_OK, &err);
    AV_CHECK_RC(av_file_read_at(fd, &byte, 1, at, &err), AV_OK, &err);
    byte ^= bits;
    AV_CHECK_RC(av_file_write_at(fd, &byte, 1, at, &err), AV_OK, &err);
    av_file_close(&fd);
}

static av_errc
scan_all(const test_log *log, av_error *err)
{
    av_container_files *files = log_files(log, 0);
    av_scan *scan = NULL;
    bool end = false;
    av_errc rc = av_scan_new(files, log->key, &scan, err);

    while (rc == AV_OK && !end) {
        av_record_header h;
        av_span body;

        rc = av_scan_next(scan, &h, &body, &end, err);
    }
    av_scan_destroy(&scan);
    av_container_files_destroy(&files);
    return rc;
}

/* Reads may fail or say that nothing is there, but never give other bytes. */
static void
check_reads_are_right_or_fail(const test_log *log)
{
    av_container_files *files = log_files(log, 0);
    static uint8_t bytes[65536];

    for (size_t i = 0; i < log->n; i++) {
        const log_record *r = &log->records[i];
        av_record_header h;
        size_t got = 0;
        av_error err;

        if (av_container_files_record(files, r->lsn, &h, bytes, sizeof bytes, &got, &err) != AV_OK)
            continue;
        AV_CHECK(!r->dropped);
        AV_CHECK_INT(got, r->n);
        if (h.body_crc == av_crc32c(0, av_span_of(bytes + AV_RECORD_HEADER, got - AV_RECORD_HEADER)))
            AV_CHECK_MEM(bytes, got, r->bytes, r->n);
    }
    av_container_files_destroy(&files);
}

/* Every byte of a compacted container counts: framing, dropped records, map and trailer too. */
static void
test_every_flipped_byte(void)
{
    test_log log = some_log(5, 3, 5, 60);
    av_container_files *files = log_files(&log, 0);
    av_compaction_result result = { 0 };
    AV_CLEANUP(av_free) char *path = av_container_path(log.dir, 2, 1);
    av_error err;

    choose(&log, 2, 60);
    AV_CHECK_RC(compact(&log, files, 2, &result, &err), AV_OK, &err);
    AV_CHECK_RC(av_container_compact_finish(files, 2, &err), AV_OK, &err);
    AV_CHECK(result.dropped > 3);
    AV_CHECK_RC(scan_all(&log, &err), AV_OK, &err);
    for (uint64_t at = 0; at < result.bytes_after; at++) {
        av_check_row = (long)at;
        flip(path, at, (uint8_t)(1U << at % 8));
        AV_CHECK(scan_all(&log, &err) != AV_OK);
        check_reads_are_right_or_fail(&log);
        flip(path, at, (uint8_t)(1U << at % 8));
    }
    for (uint64_t size = result.bytes_after - 1; size > 0; size--) {
        av_check_row = (long)size;
        AV_CHECK_INT(truncate(path, (off_t)size), 0);
        AV_CHECK(scan_all(&log, &err) != AV_OK);
        check_reads_are_right_or_fail(&log);
    }
    av_check_row = -1;
    av_container_files_destroy(&files);
    log_remove(&log);
}

/* Records taken out with a sound chain, framing and map, but without the key: any byte of the MAC tells. */
static void
test_dropped_by_a_stranger(void)
{
    test_log log = some_log(5, 3, 9, 600);
    av_container_files *files = log_files(&log, 0);
    av_compaction_result result = { 0 };
    AV_CLEANUP(av_free) char *path = av_container_path(log.dir, 1, 1);
    uint8_t bytes[AV_RECORD_HEADER];
    uint64_t at = AV_CONTAINER_HEADER, lsn = av_lsn(1, at);
    av_record_header h;
    int fd = -1;
    av_error err;

    choose(&log, 1, 50);
    log.records[0].dropped = log.records[0].kind != AV_RECORD_EVENTS;
    AV_CHECK_RC(compact(&log, files, 1, &result, &err), AV_OK, &err);
    AV_CHECK_RC(av_file_open(path, O_RDWR, 0, &fd, &err), AV_OK, &err);
    for (;;) { /* nothing was moved before the first one */
        AV_CHECK_RC(av_file_read_at(fd, bytes, sizeof bytes, at, &err), AV_OK, &err);
        if (av_record_header_decode(bytes, log.uuid, lsn, &h, &err) != AV_OK || h.kind == AV_RECORD_DROPPED)
            break;
        at += AV_RECORD_HEADER + h.length;
        lsn = av_lsn(1, at);
    }
    AV_CHECK_INT(h.kind, AV_RECORD_DROPPED);
    for (size_t i = 0; i < sizeof h.salt; i++) {
        h.salt[i] ^= 1;
        av_record_header_encode(&h, log.uuid, bytes);
        AV_CHECK_RC(av_file_write_at(fd, bytes, sizeof bytes, at, &err), AV_OK, &err);
        AV_CHECK_RC(scan_all(&log, &err), AV_ERR_CORRUPT, &err);
        h.salt[i] ^= 1;
    }
    av_record_header_encode(&h, log.uuid, bytes);
    AV_CHECK_RC(av_file_write_at(fd, bytes, sizeof bytes, at, &err), AV_OK, &err);
    AV_CHECK_RC(scan_all(&log, &err), AV_OK, &err);
    av_file_close(&fd);
    av_container_files_destroy(&files);
    log_remove(&log);
}

/* Map and trailer say nothing that the records do not: without them every record is found all the same. */
static void
test_damaged_map(void)
{
    test_log log = some_log(5, 3, 9, 600);
    av_container_files *files = log_files(&log, 0);
    av_compaction_result result = { 0 };
    AV_CLEANUP(av_free) char *path = av_container_path(log.dir, 1, 1);
    AV_CLEANUP(av_free) char *older = av_container_path(log.dir, 1, 0);
    av_error err;

    choose(&log, 1, 50);
    AV_CHECK_RC(compact(&log, files, 1, &result, &err), AV_OK, &err);
    AV_CHECK(result.dropped > 3);
    av_container_files_destroy(&files);
    for (uint64_t back = 1; back <= AV_DROP_MAP_TRAILER + AV_RECORD_HEADER + AV_DROP_MAP_ENTRY; back++) {
        av_check_row = (long)back;
        flip(path, result.bytes_after - back, 1);
        files = log_files(&log, 0);
        log_check_reads(&log, files);
        AV_CHECK_RC(av_container_files_clean(files, &err), AV_OK, &err);
        AV_CHECK(av_file_exists(older)); /* for the one who recovers */
        av_container_files_destroy(&files);
        AV_CHECK_RC(scan_all(&log, &err), AV_ERR_CORRUPT, &err);
        flip(path, result.bytes_after - back, 1);
    }
    av_check_row = -1;
    log_remove(&log);
}

/* The last container was lost: what is left would pass for a log that ends there. */
static void
test_compacted_is_never_last(void)
{
    test_log log = some_log(5, 3, 5, 60);
    av_container_files *files = log_files(&log, 0);
    av_compaction_result result = { 0 };
    AV_CLEANUP(av_free) char *last = av_container_path(log.dir, 3, 0);
    av_error err;

    choose(&log, 2, 60);
    AV_CHECK_RC(compact(&log, files, 2, &result, &err), AV_OK, &err);
    AV_CHECK_INT(unlink(last), 0);
    AV_CHECK_RC(scan_all(&log, &err), AV_ERR_CORRUPT, &err);
    av_container_files_destroy(&files);
    log_remove(&log);
}

/* The container that is compacted is damaged: nothing is made of it. */
static void
test_damaged_source(void)
{
    test_log log = some_log(6, 3, 5, 60);
    av_container_files *files = log_files(&log, 0);
    AV_CLEANUP(av_free) char *path = av_container_path(log.dir, 1, 0);
    AV_CLEANUP(av_free) char *made = av_container_path(log.dir, 1, 1);
    av_error err;

    choose(&log, 1, 50);
    for (uint64_t at = AV_CONTAINER_HEADER; at < av_lsn_offset(log.chain.commit_lsn); at += 7) {
        av_compaction_result result = { 0 };

        if (at >= 400)
            break;
        flip(path, at, 1);
        AV_CHECK_RC(compact(&log, files, 1, &result, &err), AV_ERR_CORRUPT, &err);
        AV_CHECK(!av_file_exists(made));
        flip(path, at, 1);
    }
    av_container_files_destroy(&files);
    log_remove(&log);
}

/* As a store opens: what is stale goes, and then the log is whole, in the one generation or the other. */
static void
check_after_failure(test_log *log, const bool *wanted)
{
    av_container_files *files = log_files(log, 0);
    av_container_list list = { 0 };
    av_error err;

    AV_CHECK_RC(av_container_files_clean(files, &err), AV_OK, &err);
    AV_CHECK_RC(av_container_list_read(av_container_files_place(files), &list, &err), AV_OK, &err);
    AV_CHECK_INT(list.stale_count, 0);
    AV_CHECK_INT(list.highest, 3);
    AV_CHECK_INT(list.missing, 0);
    av_container_list_release(&list);
    for (size_t i = 0; i < log->n; i++)
        log->records[i].dropped =
            wanted[i] && av_container_files_generation(files, av_lsn_container(log->records[i].lsn));
    check_log(log, files);
    av_container_files_destroy(&files);
}

static bool
session(test_log *log, av_error *err)
{
    av_container_files *files = NULL;
    av_compaction_result result = { 0 };
    bool ok = av_container_files_new(log->dir, log->uuid, 0, &files, err) == AV_OK &&
              compact(log, files, 1, &result, err) == AV_OK && av_container_compact_finish(files, 1, err) == AV_OK;

    av_container_files_destroy(&files);
    return ok;
}

static void
run_faults(int error, bool stay, bool half, bool reads)
{
    long i = 0;

    for (; i < 300; i++) {
        test_log log = some_log(7, 3, 5, 3000);
        bool wanted[1000] = { 0 }, ok, hit;
        av_error err;

        av_check_row = i;
        choose(&log, 1, 50);
        for (size_t k = 0; k < log.n; k++)
            wanted[k] = log.records[k].dropped;
        fault_ops_begin(&(fault_plan){ .fail_at = i, .error = error, .stay = stay, .half = half, .reads = reads });
        ok = session(&log, &err);
        hit = fault_ops_end();
        AV_CHECK(hit || ok);
        check_after_failure(&log, wanted);
        log_remove(&log);
        if (!hit)
            break;
    }
    av_check_row = -1;
    printf("    %ld calls\n", i);
    AV_CHECK(i > 5 && i < 300);
}

static void
test_failing_calls(void)
{
    run_faults(EIO, false, false, true);
    run_faults(EIO, true, true, false);
    run_faults(ENOSPC, false, true, false);
}

/* The power goes at each call in turn: the container is the old one or the new one, whole. */
static void
test_power_cuts(void)
{
    const char *seed_text = getenv("ARCHIVOLT_SEED"), *rounds_text = getenv("AV_ROUNDS");
    uint64_t seed = seed_text != NULL ? strtoull(seed_text, NULL, 10) : 1;
    uint64_t rounds = rounds_text != NULL ? strtoull(rounds_text, NULL, 10) : 60;

    for (uint64_t round = 0; round < rounds; round++) {
        test_log log = some_log(seed + round, 3, 5, 3000);
        bool wanted[1000] = { 0 };
        av_error err;

        av_check_row = (long)round;
        power_ops_begin(seed + round);
        choose(&log, 1, 50);
        for (size_t k = 0; k < log.n; k++)
            wanted[k] = log.records[k].dropped;
        power_ops_on((long)power_ops_roll(14));
        (void)session(&log, &err);
        (void)power_ops_off();
        power_ops_show();
        check_after_failure(&log, wanted);
        for (size_t k = 0; k < log.n; k++) /* and once more, to the end */
            log.records[k].dropped = wanted[k];
        AV_CHECK(session(&log, &err));
        check_after_failure(&log, wanted);
        log_remove(&log);
    }
    av_check_row = -1;
    printf("    %llu rounds, seed %llu\n", (unsigned long long)rounds, (unsigned long long)seed);
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
    AV_RUN(test_every_flipped_byte);
    AV_RUN(test_dropped_by_a_stranger);
    AV_RUN(test_damaged_map);
    AV_RUN(test_compacted_is_never_last);
    AV_RUN(test_damaged_source);
    AV_RUN(test_failing_calls);
    AV_RUN(test_power_cuts);
    return av_check_done();
}
