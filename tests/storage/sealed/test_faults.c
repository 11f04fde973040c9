/*
 * test_faults.c - each call of a sealed database's life fails in turn: what was synced is there, the database opens
 * again by itself, and nothing it gives is wrong. Each third call, from a random one; with AV_ROUNDS set each.
 */
#include <errno.h>

#include "storage/sealed/sealed_priv.h"
#include "tests/storage/fault_ops.h"
#include "tests/storage/sealed/help.h"

#define GROUPS 12

static av_error err;

/* Groups with sync until one fails; a table in the middle, a checkpoint at the end. Returns the last acknowledged one. */
static long
run_session(const char *dir, const char *copy, long first)
{
    av_meta *meta = NULL;
    av_error mine = { 0 };
    long acked = first;

    if (sealed_open(dir, &meta, &mine) != AV_OK) {
        AV_CHECK(mine.msg[0] != '\0');
        return acked;
    }
    for (long g = first + 1; g <= first + GROUPS; g++) {
        if (put_group(meta, (uint64_t)g, true, &mine) != AV_OK)
            break;
        acked = g;
        if (g == first + GROUPS / 2)
            (void)av_meta_trim(meta, &mine);
    }
    (void)av_meta_checkpoint(meta, copy, &mine);
    AV_CHECK(read_state(meta) != STATE_WRONG);
    av_meta_close(&meta);
    return acked;
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
    AV_CLEANUP(av_free) char *db = av_xasprintf("%s/db", d.path), *copy = av_xasprintf("%s/copy", d.path);
    AV_CLEANUP(av_free) char *before = av_xasprintf("%s/before", d.path);
    av_meta *meta = NULL;
    long acked = run_session(db, before, 0), state;
    bool hit;

    plan.fail_at = f->first + i * f->step;
    AV_CHECK_INT(acked, GROUPS);
    fault_ops_begin(&plan);
    acked = run_session(db, copy, GROUPS);
    hit = fault_ops_end();
    AV_CHECK_RC(sealed_open(db, &meta, &err), AV_OK, &err);
    if (meta != NULL) {
        state = read_state(meta);
        if (!AV_CHECK(state >= acked && state <= acked + 1)) /* the one that failed may have got there */
            printf("    %ld groups, %ld acknowledged\n", state, acked);
        AV_CHECK_RC(put_group(meta, (uint64_t)state + 1, true, &err), AV_OK, &err);
        AV_CHECK_INT(read_state(meta), state + 1);
        av_meta_close(&meta);
    }
    dir_remove(&d);
    if (av_check_failed != failed)
        printf("    call %ld: %s, errno %d\n", plan.fail_at, fault_ops_what(), plan.error);
    return hit;
}

static void
run_all(fault_plan plan)
{
    struct faults f = { .plan = plan, .step = getenv("AV_ROUNDS") != NULL ? 1 : 3 };
    long n;

    f.first = (long)(av_random_u64() % (uint64_t)f.step);
    n = in_lanes(run_plan, &f, 1000);
    printf("    %ld calls failed, every %ld. from %ld\n", n, f.step, f.first);
    AV_CHECK(n * f.step > 50 && n < 1000);
}

static void
test_eio(void)
{
    run_all((fault_plan){ .error = EIO, .reads = true });
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

static void
test_enospc_stays(void)
{
    run_all((fault_plan){ .error = ENOSPC, .stay = true });
}

/* A failed sync is final: the next one of the same file fails without asking the disk. */
static void
test_failed_sync(void)
{
    test_dir d = dir_new();
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/f", d.path);
    sealed_base *base = NULL;
    sealed_file *file = NULL;

    AV_CHECK_RC(sealed_base_new(sealed_key, &base, &err), AV_OK, &err);
    AV_CHECK_RC(sealed_file_create(base, path, false, &file, &err), AV_OK, &err);
    AV_CHECK_RC(sealed_file_append(file, "one", 3, &err), AV_OK, &err);
    fault_ops_begin(&(fault_plan){ .fail_at = 0, .error = EIO, .only = "fdatasync" });
    AV_CHECK_RC(sealed_file_sync(file, &err), AV_ERR_IO, &err);
    AV_CHECK_RC(sealed_file_sync(file, &err), AV_ERR_IO, &err);
    AV_CHECK_RC(sealed_file_append(file, "two", 3, &err), AV_ERR_IO, &err);
    AV_CHECK(fault_ops_end());
    AV_CHECK_INT(fault_ops_calls(), 1);
    AV_CHECK_RC(sealed_file_sync(file, &err), AV_ERR_IO, &err); /* though the disk is well again */
    AV_CHECK_INT(sealed_file_size(file), 3);
    sealed_file_close(&file);
    sealed_base_destroy(&base);
    dir_remove(&d);
}

/* The same through RocksDB: after a failed sync no commit is acknowledged until the database is opened anew. */
static void
test_failed_sync_of_database(void)
{
    test_dir d = dir_new();
    av_meta *meta = NULL;

    AV_CHECK_RC(sealed_open(d.path, &meta, &err), AV_OK, &err);
    AV_CHECK_RC(put_group(meta, 1, true, &err), AV_OK, &err);
    fault_ops_begin(&(fault_plan){ .fail_at = 0, .error = EIO, .only = "fdatasync" });
    AV_CHECK_RC(put_group(meta, 2, true, &err), AV_ERR_IO, &err);
    AV_CHECK(fault_ops_end());
    AV_CHECK(put_group(meta, 2, true, &err) != AV_OK);
    AV_CHECK(put_group(meta, 2, false, &err) != AV_OK);
    AV_CHECK_INT(read_state(meta), 1);
    av_meta_close(&meta);
    AV_CHECK_RC(sealed_open(d.path, &meta, &err), AV_OK, &err);
    AV_CHECK(read_state(meta) == 1 || read_state(meta) == 2);
    AV_CHECK_RC(put_group(meta, 3, true, &err), AV_OK, &err);
    av_meta_close(&meta);
    dir_remove(&d);
}

int
main(void)
{
    av_secret_init();
    use_memory_folder();
    av_log_init("test", getenv("AV_LOUD") != NULL ? AV_LOG_WARN : AV_LOG_ERROR + 1, false);
    AV_RUN(test_eio);
    AV_RUN(test_eio_stays);
    AV_RUN(test_enospc);
    AV_RUN(test_enospc_stays);
    AV_RUN(test_failed_sync);
    AV_RUN(test_failed_sync_of_database);
    return av_check_done();
}
