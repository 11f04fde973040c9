/*
 * test_compact_damage.c - compacted containers that are damaged are told; no failing call, no power cut loses a record
 */
#include <errno.h>

#include "tests/storage/container/compact_help.h"
#include "tests/storage/fault_ops.h"
#include "tests/storage/power_ops.h"

/* ---- damage ---- */

/* A log of which so many percent of one container were dropped; files as they stand after it. */
typedef struct compacted {
    test_log log;
    av_container_files *files;
    av_compaction_result result;
} compacted;

static compacted
compacted_new(uint64_t seed, size_t records, uint32_t max_bytes, uint32_t container, unsigned percent)
{
    compacted self = { .log = some_log(seed, 3, records, max_bytes) };
    av_error err;

    self.files = log_files(&self.log, 0);
    choose(&self.log, container, percent);
    AV_CHECK_RC(compact(&self.log, self.files, container, &self.result, &err), AV_OK, &err);
    AV_CHECK(self.result.dropped > 3);
    return self;
}

static void
compacted_end(compacted *self)
{
    av_container_files_destroy(&self->files);
    log_remove(&self->log);
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
    compacted c = compacted_new(5, 5, 60, 2, 60);
    AV_CLEANUP(av_free) char *path = av_container_path(c.log.dir, 2, 1);
    av_error err;

    AV_CHECK_RC(av_container_compact_finish(c.files, 2, &err), AV_OK, &err);
    AV_CHECK_RC(log_scan_all(&c.log, &err), AV_OK, &err);
    for (uint64_t at = 0; at < c.result.bytes_after; at++) {
        av_check_row = (long)at;
        log_flip(path, at, (uint8_t)(1U << at % 8));
        AV_CHECK(log_scan_all(&c.log, &err) != AV_OK);
        check_reads_are_right_or_fail(&c.log);
        log_flip(path, at, (uint8_t)(1U << at % 8));
    }
    for (uint64_t size = c.result.bytes_after - 1; size > 0; size--) {
        av_check_row = (long)size;
        AV_CHECK_INT(truncate(path, (off_t)size), 0);
        AV_CHECK(log_scan_all(&c.log, &err) != AV_OK);
        check_reads_are_right_or_fail(&c.log);
    }
    av_check_row = -1;
    compacted_end(&c);
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
        AV_CHECK_RC(log_scan_all(&log, &err), AV_ERR_CORRUPT, &err);
        h.salt[i] ^= 1;
    }
    av_record_header_encode(&h, log.uuid, bytes);
    AV_CHECK_RC(av_file_write_at(fd, bytes, sizeof bytes, at, &err), AV_OK, &err);
    AV_CHECK_RC(log_scan_all(&log, &err), AV_OK, &err);
    av_file_close(&fd);
    av_container_files_destroy(&files);
    log_remove(&log);
}

/* Map and trailer say nothing that the records do not: without them every record is found all the same. */
static void
test_damaged_map(void)
{
    compacted c = compacted_new(5, 9, 600, 1, 50);
    AV_CLEANUP(av_free) char *path = av_container_path(c.log.dir, 1, 1);
    AV_CLEANUP(av_free) char *older = av_container_path(c.log.dir, 1, 0);
    av_error err;

    av_container_files_destroy(&c.files);
    for (uint64_t back = 1; back <= AV_DROP_MAP_TRAILER + AV_RECORD_HEADER + AV_DROP_MAP_ENTRY; back++) {
        av_check_row = (long)back;
        log_flip(path, c.result.bytes_after - back, 1);
        c.files = log_files(&c.log, 0);
        log_check_reads(&c.log, c.files);
        AV_CHECK_RC(av_container_files_clean(c.files, &err), AV_OK, &err);
        AV_CHECK(av_file_exists(older)); /* for the one who recovers */
        av_container_files_destroy(&c.files);
        AV_CHECK_RC(log_scan_all(&c.log, &err), AV_ERR_CORRUPT, &err);
        log_flip(path, c.result.bytes_after - back, 1);
    }
    av_check_row = -1;
    compacted_end(&c);
}

/* The last container was lost: what is left would pass for a log that ends there. */
static void
test_compacted_is_never_last(void)
{
    compacted c = compacted_new(5, 5, 60, 2, 60);
    AV_CLEANUP(av_free) char *last = av_container_path(c.log.dir, 3, 0);
    av_error err;

    AV_CHECK_INT(unlink(last), 0);
    AV_CHECK_RC(log_scan_all(&c.log, &err), AV_ERR_CORRUPT, &err);
    compacted_end(&c);
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
        log_flip(path, at, 1);
        AV_CHECK_RC(compact(&log, files, 1, &result, &err), AV_ERR_CORRUPT, &err);
        AV_CHECK(!av_file_exists(made));
        log_flip(path, at, 1);
    }
    av_container_files_destroy(&files);
    log_remove(&log);
}

/* ---- failures ---- */

/* A log half of whose first container shall go; wanted: which of its records. */
static test_log
log_with_wishes(uint64_t seed, bool wanted[1000])
{
    test_log log = some_log(seed, 3, 5, 3000);

    choose(&log, 1, 50);
    AV_CHECK(log.n <= 1000);
    for (size_t k = 0; k < log.n && k < 1000; k++)
        wanted[k] = log.records[k].dropped;
    return log;
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
        bool wanted[1000] = { 0 }, ok, hit;
        test_log log = log_with_wishes(7, wanted);
        av_error err;

        av_check_row = i;
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
        bool wanted[1000] = { 0 };
        test_log log = log_with_wishes(seed + round, wanted);
        av_error err;

        av_check_row = (long)round;
        power_ops_begin(seed + round);
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

int
main(void)
{
    av_secret_init();
    av_log_init("test", AV_LOG_ERROR, false);
    AV_RUN(test_every_flipped_byte);
    AV_RUN(test_dropped_by_a_stranger);
    AV_RUN(test_damaged_map);
    AV_RUN(test_compacted_is_never_last);
    AV_RUN(test_damaged_source);
    AV_RUN(test_failing_calls);
    AV_RUN(test_power_cuts);
    return av_check_done();
}
