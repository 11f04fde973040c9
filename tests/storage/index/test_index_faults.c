/*
 * test_index_faults.c - each call of an index's life fails in turn: no answer is wrong then or later, the next open works,
 * and what follows the log is the same index as without the failure
 *
 * One failure costs the index: a sync of RocksDB's MANIFEST that fails after its bytes got there. RocksDB then removes the tables
 * that the MANIFEST names by now, so it does not open again; the index says that it failed, and is made anew.
 *
 * Each eleventh call, from a random one; with AV_ROUNDS set each, with AV_CALL=n that one.
 */
#include <errno.h>
#include <sys/mman.h>

#include "tests/storage/fault_ops.h"
#include "tests/storage/index/index_help.h"

#define BEFORE 6  /* runs before the session */
#define AFTER  3  /* runs of the session: together enough for a merge */
#define STEP   20 /* documents of a run */
#define LAST   ((BEFORE + AFTER) * STEP)

static av_error err;
static uint8_t *right_digest; /* shared with the lanes */

static av_index *
open_index(const char *dir)
{
    av_index_config config = index_config(dir);
    av_index *index = NULL;

    AV_CHECK_RC(av_index_open(&config, &index, &err), AV_OK, &err);
    return index;
}

static void
add_runs(av_index *index, test_log *log, unsigned runs)
{
    for (unsigned i = 0; i < runs; i++) {
        log->count += STEP;
        AV_CHECK_RC(follow_all(index, log, STEP, false, &err), AV_OK, &err);
        AV_CHECK_RC(av_index_flush(index, &err), AV_OK, &err);
    }
}

static void
not_wrong(av_index *index, const test_log *log)
{
    AV_CHECK(ask_index(index, log) != WRONG);
}

/* The disk is well again: so is the index, at the latest when it was made anew. */
static void
live_on(av_index *index, test_log *log)
{
    av_index_state s;
    av_error mine;
    av_errc rc = AV_ERR_IO;

    for (int i = 0; i < 2 && rc != AV_OK; i++) {
        av_index_get_state(index, &s);
        if (s.failed)
            AV_CHECK_RC(av_index_rebuild(index, av_span_str(NULL), &mine), AV_OK, &mine);
        rc = follow_all(index, log, STEP, false, &mine);
        if (rc == AV_OK)
            rc = av_index_purge(index, log_is_gone, log, &mine);
        AV_CHECK(rc == AV_OK || rc == AV_ERR_CORRUPT);
    }
    AV_CHECK_RC(rc, AV_OK, &mine);
    av_index_get_state(index, &s);
    AV_CHECK_INT(s.flushed_lsn, lsn_of(LAST - 1));
    AV_CHECK_INT(ask_index(index, log), RIGHT);
}

/* May fail at any point and goes on. once: the disk is well again after the failure. */
static void
run_session(const char *dir, bool once, bool *ret_opened)
{
    av_index_config config = index_config(dir);
    test_log log = { .count = BEFORE * STEP };
    av_index *index = NULL;
    av_index_state s;
    av_error mine;
    bool more;
    av_errc rc = av_index_open(&config, &index, &mine);

    *ret_opened = rc == AV_OK;
    if (rc != AV_OK)
        return;
    not_wrong(index, &log);
    for (unsigned i = 0; i < AFTER; i++) {
        log.count += STEP;
        (void)follow_all(index, &log, STEP, i == 1, &mine);
        (void)av_index_flush(index, &mine);
        not_wrong(index, &log);
    }
    (void)av_index_merge(index, NULL, NULL, &more, &mine);
    not_wrong(index, &log);
    log.gone_from = 70;
    log.gone_n = 5;
    rc = av_index_purge(index, log_is_gone, &log, &mine);
    av_index_get_state(index, &s);
    AV_CHECK(!s.failed || strcmp(fault_ops_what(), "fdatasync") == 0 || strcmp(fault_ops_what(), "pread") == 0);
    if (rc != AV_OK && once)
        live_on(index, &log);
    (void)av_index_trim(index, &mine);
    av_index_close(&index);
}

static void
finish(const char *dir, uint8_t digest[32])
{
    test_log log = { .count = LAST, .gone_from = 70, .gone_n = 5 };
    av_index *index = open_index(dir);
    bool more = true;

    if (index == NULL)
        return;
    AV_CHECK_RC(follow_all(index, &log, 50, false, &err), AV_OK, &err);
    AV_CHECK_RC(av_index_purge(index, log_is_gone, &log, &err), AV_OK, &err);
    while (more)
        if (!AV_CHECK(av_index_merge(index, NULL, NULL, &more, &err) == AV_OK))
            break;
    AV_CHECK_INT(ask_index(index, &log), RIGHT);
    AV_CHECK_RC(av_index_verify(index, NULL, NULL, digest, &err), AV_OK, &err);
    av_index_close(&index);
}

static void
build(const char *dir)
{
    test_log log = { 0 };
    av_index *index = open_index(dir);

    add_runs(index, &log, BEFORE);
    av_index_close(&index);
}

static bool
find_right(void *ctx, long i)
{
    test_dir d = dir_new();
    AV_CLEANUP(av_free) char *dir = av_xasprintf("%s/index", d.path);
    bool opened;

    (void)ctx;
    (void)i;
    build(dir);
    run_session(dir, false, &opened);
    finish(dir, right_digest);
    dir_remove(&d);
    return true;
}

/* Has a purge come to its end? Those erased stand in one run. */
static bool
is_purged(av_index *index)
{
    av_index_view *view = av_index_snapshot(index);
    const av_index_run *runs;
    size_t n = av_index_runs(view, &runs);
    uint64_t found = 0;

    for (size_t i = 0; i < n && found == 0; i++)
        AV_CHECK_RC(av_run_frequency(runs[i].run, av_span_str("fonly70"), &found, &err), AV_OK, &err);
    av_index_view_release(&view);
    return found == 0;
}

struct faults {
    fault_plan plan;
    long first, step;
};

static bool
run_plan(void *ctx, long i)
{
    const struct faults *f = ctx;
    fault_plan plan = f->plan;
    unsigned long failed = av_check_failed;
    test_dir d = dir_new();
    AV_CLEANUP(av_free) char *dir = av_xasprintf("%s/index", d.path);
    test_log log = { .count = LAST, .gone_from = 70, .gone_n = 5 }, whole = { .count = LAST };
    uint8_t digest[32] = { 0 };
    av_index *index;
    av_index_state s = { 0 };
    bool hit, opened;

    plan.fail_at = f->first + i * f->step;
    build(dir);
    fault_ops_begin(&plan);
    run_session(dir, !plan.stay && !plan.reads, &opened);
    hit = fault_ops_end();
    index = open_index(dir);
    if (index != NULL) {
        av_index_get_state(index, &s);
        if (s.discarded[0] == '\0')
            AV_CHECK(s.documents >= BEFORE * STEP);
        else
            AV_CHECK_STR(fault_ops_what(), "fdatasync");
        AV_CHECK_INT(ask_index(index, is_purged(index) ? &log : &whole), RIGHT);
        av_index_close(&index);
    }
    finish(dir, digest);
    AV_CHECK_MEM(digest, sizeof digest, right_digest, 32);
    dir_remove(&d);
    if (av_check_failed != failed)
        printf("    call %ld: %s, errno %d, %s; %s\n", plan.fail_at, fault_ops_what(), plan.error,
            opened ? "opened" : "not opened", s.discarded);
    return hit;
}

static void
run_all(fault_plan plan)
{
    struct faults f = { .plan = plan, .step = getenv("AV_ROUNDS") != NULL ? 1 : 11 };
    long n;

    if (getenv("AV_CALL") != NULL) {
        f.first = strtol(getenv("AV_CALL"), NULL, 10);
        (void)in_lanes(run_plan, &f, 1);
        return;
    }
    f.first = (long)(av_random_u64() % (uint64_t)f.step);
    n = in_lanes(run_plan, &f, 4000);
    printf("    %ld calls failed, every %ld. from %ld\n", n, f.step, f.first);
    AV_CHECK(n * f.step > 50 && n < 4000);
}

static void
test_eio(void)
{
    run_all((fault_plan){ .error = EIO });
}

static void
test_reads(void)
{
    run_all((fault_plan){ .error = EIO, .reads = true, .only = "pread" });
}

static void
test_eio_stays(void)
{
    run_all((fault_plan){ .error = EIO, .stay = true, .half = true });
}

static void
test_enospc(void)
{
    run_all((fault_plan){ .error = ENOSPC, .half = true });
}

/* On a full disk an index is opened, searched and followed; when there is room again, all of it is written. */
static bool
live_on_full_disk(void *ctx, long i)
{
    test_dir d = dir_new();
    AV_CLEANUP(av_free) char *dir = av_xasprintf("%s/index", d.path);
    test_log log = { .count = BEFORE * STEP };
    av_index_state s;
    av_index *index;

    (void)ctx;
    build(dir);
    fault_ops_begin(&(fault_plan){ .fail_at = i, .error = ENOSPC, .stay = true, .only = "pwrite" });
    index = open_index(dir);
    if (index != NULL) {
        AV_CHECK_INT(ask_index(index, &log), RIGHT);
        log.count += STEP;
        AV_CHECK_RC(follow_all(index, &log, STEP, false, &err), AV_OK, &err);
        AV_CHECK_INT(ask_index(index, &log), RIGHT);
        AV_CHECK_RC(av_index_flush(index, &err), AV_ERR_NOSPACE, &err);
        AV_CHECK_INT(ask_index(index, &log), RIGHT);
    }
    AV_CHECK(fault_ops_end());
    if (index != NULL) {
        AV_CHECK_RC(av_index_flush(index, &err), AV_OK, &err);
        av_index_get_state(index, &s);
        AV_CHECK(s.flushed_lsn == s.lsn && s.documents == log.count && !s.failed);
        AV_CHECK_INT(ask_index(index, &log), RIGHT);
    }
    av_index_close(&index);
    dir_remove(&d);
    return true;
}

static void
test_full_disk(void)
{
    AV_CHECK_INT(in_lanes(live_on_full_disk, NULL, 8), 8);
}

int
main(void)
{
    av_secret_init();
    use_memory_folder();
    av_log_init("test", getenv("AV_LOUD") != NULL ? AV_LOG_WARN : AV_LOG_ERROR + 1, false);
    right_digest = mmap(NULL, 32, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    AV_CHECK(right_digest != MAP_FAILED);
    AV_CHECK_INT(in_lanes(find_right, NULL, 1), 1);
    AV_RUN(test_eio);
    AV_RUN(test_reads);
    AV_RUN(test_eio_stays);
    AV_RUN(test_enospc);
    AV_RUN(test_full_disk);
    return av_check_done();
}
