/*
 * test_file.c - durable writes through the seam: short counts, failures, whole replacements
 */
#include "base/file.h"

#include <errno.h>
#include <unistd.h>

#include "tests/check.h"

static char folder[64];
static av_file_ops faulty;
static int fsync_calls;

static ssize_t
one_byte_pwrite(int fd, const void *p, size_t n, off_t at)
{
    static unsigned calls;

    if (++calls % 3 == 0) {
        errno = EINTR;
        return -1;
    }
    return pwrite(fd, p, n > 1 ? 1 : n, at);
}

static ssize_t
full_pwrite(int fd, const void *p, size_t n, off_t at)
{
    (void)fd;
    (void)p;
    (void)n;
    (void)at;
    errno = ENOSPC;
    return -1;
}

static int
failing_fdatasync(int fd)
{
    (void)fd;
    fsync_calls++;
    errno = EIO;
    return -1;
}

static char *
path_of(const char *name)
{
    return av_xasprintf("%s/%s", folder, name);
}

static void
check_contents(const char *path, const char *want)
{
    av_buf b;
    av_error err;

    av_buf_init(&b, 1000);
    AV_CHECK_RC(av_file_read_all(path, &b, &err), AV_OK, &err);
    AV_CHECK_STR(av_buf_cstr(&b), want);
    av_buf_release(&b);
}

static void
test_replace(void)
{
    AV_CLEANUP(av_free) char *path = path_of("a");
    av_error err;

    AV_CHECK_RC(av_file_replace(path, av_span_str("old"), 0600, &err), AV_OK, &err);
    faulty = *av_file_ops_get();
    faulty.pwrite = one_byte_pwrite;
    av_file_ops_set(&faulty);
    AV_CHECK_RC(av_file_replace(path, av_span_str("newer"), 0600, &err), AV_OK, &err);
    check_contents(path, "newer");
    faulty.pwrite = full_pwrite;
    AV_CHECK_RC(av_file_replace(path, av_span_str("never"), 0600, &err), AV_ERR_NOSPACE, &err);
    av_file_ops_set(NULL);
    check_contents(path, "newer");
}

/* A failed fsync is final: one try, and the old contents stand. */
static void
test_failed_sync(void)
{
    AV_CLEANUP(av_free) char *path = path_of("b");
    AV_CLEANUP(av_free) char *beside = path_of("b.new");
    av_error err;

    AV_CHECK_RC(av_file_replace(path, av_span_str("old"), 0600, &err), AV_OK, &err);
    faulty = *av_file_ops_get();
    faulty.fdatasync = failing_fdatasync;
    av_file_ops_set(&faulty);
    AV_CHECK_RC(av_file_replace(path, av_span_str("new"), 0600, &err), AV_ERR_IO, &err);
    av_file_ops_set(NULL);
    AV_CHECK_INT(fsync_calls, 1);
    check_contents(path, "old");
    AV_CHECK(!av_file_exists(beside));
}

static void
test_reads(void)
{
    AV_CLEANUP(av_free) char *path = path_of("c");
    AV_CLEANUP(av_free) char *missing = path_of("missing");
    char bytes[16];
    size_t got = 0;
    int fd = -1;
    av_error err;

    AV_CHECK_RC(av_file_replace(path, av_span_str("12345"), 0600, &err), AV_OK, &err);
    AV_CHECK_RC(av_file_open(path, O_RDONLY, 0, &fd, &err), AV_OK, &err);
    AV_CHECK_RC(av_file_read_at(fd, bytes, 2, 3, &err), AV_OK, &err);
    AV_CHECK_MEM(bytes, 2, "45", 2);
    AV_CHECK_RC(av_file_read_at(fd, bytes, 3, 3, &err), AV_ERR_CORRUPT, &err);
    AV_CHECK_RC(av_file_read_some(fd, bytes, 10, 1, &got, &err), AV_OK, &err);
    AV_CHECK_INT(got, 4);
    av_file_close(&fd);
    AV_CHECK_INT(fd, -1);
    AV_CHECK_RC(av_file_open(missing, O_RDONLY, 0, &fd, &err), AV_ERR_NOT_FOUND, &err);
}

static void
test_folders(void)
{
    AV_CLEANUP(av_free) char *deep = path_of("x/y/z");
    AV_CLEANUP(av_free) char *top = path_of("x");
    av_error err;

    AV_CHECK_RC(av_dir_make(deep, &err), AV_OK, &err);
    AV_CHECK_RC(av_dir_make(deep, &err), AV_OK, &err);
    AV_CHECK(av_file_exists(deep));
    AV_CHECK_RC(av_dir_remove(top, "/usr", &err), AV_ERR_INVALID, &err);
    AV_CHECK(av_file_exists(deep));
    AV_CHECK_RC(av_dir_remove(top, folder, &err), AV_OK, &err);
    AV_CHECK(!av_file_exists(top));
    AV_CHECK_RC(av_dir_remove(top, folder, &err), AV_OK, &err);
}

int
main(void)
{
    av_error err;

    (void)snprintf(folder, sizeof folder, "/tmp/av-file-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return 1;
    AV_RUN(test_replace);
    AV_RUN(test_failed_sync);
    AV_RUN(test_reads);
    AV_RUN(test_folders);
    (void)av_dir_remove(folder, "/tmp", &err);
    return av_check_done();
}
