/*
 * test_failed.c - a database remembers that the disk failed a write: it takes no change more, is read as before, and is
 * whole when it is opened again
 */
#include <errno.h>

#include "storage/meta/meta.h"
#include "tests/storage/fault_ops.h"
#include "tests/storage/store/help.h"

static const uint8_t key[32] = { 7 };
static av_error err;

static av_errc
put_row(av_meta *meta, const char *name, bool sync)
{
    av_meta_begin(meta);
    av_meta_put(meta, av_span_str(name), av_span_str("v"));
    return av_meta_commit(meta, sync, &err);
}

static bool
has(av_meta *meta, const char *name)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };

    av_buf_init(&row, 16);
    return av_meta_get(av_meta_writer(meta), av_span_str(name), &row, &err) == AV_OK;
}

static av_meta *
open_again(const char *dir)
{
    static const av_meta_options options = { .key = key };
    av_meta *meta = NULL;

    AV_CHECK_RC(av_meta_open(dir, &options, &meta, &err), AV_OK, &err);
    if (meta == NULL)
        exit(1);
    AV_CHECK(!av_meta_is_failed(meta));
    return meta;
}

/* The disk is well again, the database is not. */
static void
check_refuses(av_meta *meta, av_errc want)
{
    AV_CHECK(av_meta_is_failed(meta));
    for (int i = 0; i < 3; i++) {
        AV_CHECK_RC(put_row(meta, "later", i == 1), want, &err);
        AV_CHECK(strstr(err.msg, "takes no changes") != NULL);
        AV_CHECK(!av_meta_in_group(meta));
    }
    AV_CHECK(has(meta, "before") && !has(meta, "later"));
}

static void
check_heals(const char *dir)
{
    av_meta *meta = open_again(dir);

    AV_CHECK(has(meta, "before") && !has(meta, "later"));
    AV_CHECK_RC(put_row(meta, "after", true), AV_OK, &err);
    AV_CHECK_RC(av_meta_trim(meta, &err), AV_OK, &err);
    AV_CHECK(!av_meta_is_failed(meta));
    av_meta_close(&meta);
    meta = open_again(dir);
    AV_CHECK(has(meta, "before") && has(meta, "after"));
    av_meta_close(&meta);
}

static void
fail_commit(int error, const char *call, bool half, av_errc want)
{
    test_dir d = dir_new();
    av_meta *meta = open_again(d.path);

    AV_CHECK_RC(put_row(meta, "before", true), AV_OK, &err);
    AV_CHECK(!av_meta_is_failed(meta));
    fault_ops_begin(&(fault_plan){ .error = error, .only = call, .half = half });
    AV_CHECK_RC(put_row(meta, "failed", true), want, &err);
    AV_CHECK(fault_ops_end());
    check_refuses(meta, want);
    av_meta_close(&meta);
    check_heals(d.path);
    dir_remove(&d);
}

static void
test_commit(void)
{
    fail_commit(ENOSPC, "pwrite", false, AV_ERR_NOSPACE);
    fail_commit(ENOSPC, "pwrite", true, AV_ERR_NOSPACE);
    fail_commit(EIO, "pwrite", false, AV_ERR_IO);
    fail_commit(EIO, "fdatasync", false, AV_ERR_IO);
}

/* A table that cannot be written. */
static void
test_trim(void)
{
    test_dir d = dir_new();
    av_meta *meta = open_again(d.path);

    AV_CHECK_RC(put_row(meta, "before", false), AV_OK, &err);
    fault_ops_begin(&(fault_plan){ .error = ENOSPC, .stay = true });
    AV_CHECK_RC(av_meta_trim(meta, &err), AV_ERR_NOSPACE, &err);
    AV_CHECK(fault_ops_end());
    check_refuses(meta, AV_ERR_NOSPACE);
    av_meta_close(&meta);
    check_heals(d.path);
    dir_remove(&d);
}

/* What is no fault of the disk of this database is not remembered: a copy that finds no room elsewhere. */
static void
test_copy_elsewhere(void)
{
    test_dir d = dir_new();
    AV_CLEANUP(av_free) char *db = av_xasprintf("%s/db", d.path), *copy = av_xasprintf("%s/copy", d.path);
    av_meta *meta = open_again(db);

    AV_CHECK_RC(put_row(meta, "before", true), AV_OK, &err);
    fault_ops_begin(&(fault_plan){ .error = ENOSPC, .only = "mkdir" });
    AV_CHECK(av_meta_checkpoint(meta, copy, &err) != AV_OK);
    AV_CHECK(fault_ops_end());
    AV_CHECK(!av_meta_is_failed(meta));
    AV_CHECK_RC(put_row(meta, "after", true), AV_OK, &err);
    av_meta_close(&meta);
    dir_remove(&d);
}

int
main(void)
{
    av_secret_init();
    av_log_init("test", AV_LOG_ERROR, false);
    AV_RUN(test_commit);
    AV_RUN(test_trim);
    AV_RUN(test_copy_elsewhere);
    return av_check_done();
}
