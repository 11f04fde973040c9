/*
 * compact_help.h - logs built by hand (log_help.h) and records of theirs dropped by compaction
 */
#ifndef AV_TESTS_COMPACT_HELP_H
#define AV_TESTS_COMPACT_HELP_H

#include "tests/storage/container/log_help.h"

/* Drops what the log's model says is dropped. */
__attribute__((unused)) static bool
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

__attribute__((unused)) static void
choose(test_log *log, uint32_t container, unsigned percent)
{
    for (size_t i = 0; i < log->n; i++) {
        log_record *r = &log->records[i];

        if (av_lsn_container(r->lsn) == container && r->kind != AV_RECORD_COMMIT && r->kind != AV_RECORD_EVENTS &&
            log_roll_dice(log, 100) < percent)
            r->dropped = true;
    }
}

__attribute__((unused)) static av_errc
compact(test_log *log, av_container_files *files, uint32_t container, av_compaction_result *ret, av_error *err)
{
    av_compaction job = { .files = files, .log_key = log->key, .container = container, .ctx = log, .keep = keep };

    return av_container_compact(&job, ret, err);
}

__attribute__((unused)) static test_log
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
__attribute__((unused)) static void
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

#endif
