/*
 * fault_ops.c - see fault_ops.h
 */
#include "tests/storage/fault_ops.h"

#include <errno.h>
#include <pthread.h>

#include "base/file.h"

#define SECTOR 512

static struct {
    fault_plan plan;
    long calls;
    const char *what;
    bool hit;
} state;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static const av_file_ops *behind;
static av_file_ops ops;

static bool
fails(const char *what)
{
    const fault_plan *p = &state.plan;
    bool now;

    if (p->only != NULL && strcmp(p->only, what) != 0)
        return false;
    (void)pthread_mutex_lock(&mutex);
    now = state.calls == p->fail_at || (p->stay && state.hit);
    state.calls++;
    if (now && !state.hit) {
        state.hit = true;
        state.what = what;
    }
    (void)pthread_mutex_unlock(&mutex);
    if (now)
        errno = p->error;
    return now;
}

static int
f_open(const char *path, int flags, mode_t mode)
{
    return fails("open") ? -1 : behind->open(path, flags, mode);
}

static ssize_t
f_pread(int fd, void *p, size_t n, off_t at)
{
    return state.plan.reads && fails("pread") ? -1 : behind->pread(fd, p, n, at);
}

/* Half of what was to be written; but what lies in one sector and was there before is written whole or not at all. */
static void
write_half(int fd, const void *p, size_t n, off_t at)
{
    struct stat st;

    if (fstat(fd, &st) == 0 && at + (off_t)n <= st.st_size && at / SECTOR == (at + (off_t)n - 1) / SECTOR)
        return;
    (void)behind->pwrite(fd, p, n / 2, at);
}

static ssize_t
f_pwrite(int fd, const void *p, size_t n, off_t at)
{
    if (!fails("pwrite"))
        return behind->pwrite(fd, p, n, at);
    if (state.plan.half && n > 1)
        write_half(fd, p, n, at);
    errno = state.plan.error;
    return -1;
}

static int
f_fdatasync(int fd)
{
    return fails("fdatasync") ? -1 : behind->fdatasync(fd);
}

static int
f_fsync(int fd)
{
    return fails("fsync") ? -1 : behind->fsync(fd);
}

static int
f_ftruncate(int fd, off_t n)
{
    return fails("ftruncate") ? -1 : behind->ftruncate(fd, n);
}

static int
f_rename(const char *from, const char *to)
{
    return fails("rename") ? -1 : behind->rename(from, to);
}

static int
f_unlink(const char *path)
{
    return fails("unlink") ? -1 : behind->unlink(path);
}

static int
f_link(const char *from, const char *to)
{
    return fails("link") ? -1 : behind->link(from, to);
}

static int
f_mkdir(const char *path, mode_t mode)
{
    return fails("mkdir") ? -1 : behind->mkdir(path, mode);
}

static int
f_rmdir(const char *path)
{
    return fails("rmdir") ? -1 : behind->rmdir(path);
}

void
fault_ops_begin(const fault_plan *plan)
{
    state = (__typeof__(state)){ .plan = *plan, .what = "" };
    behind = av_file_ops_get();
    ops = (av_file_ops){ f_open, behind->close, f_pread, f_pwrite, f_fdatasync, f_fsync, f_ftruncate, f_rename,
        f_unlink, f_link, f_mkdir, f_rmdir };
    av_file_ops_set(&ops);
}

bool
fault_ops_end(void)
{
    av_file_ops_set(behind);
    return state.hit;
}

long
fault_ops_calls(void)
{
    return state.calls;
}

const char *
fault_ops_what(void)
{
    return state.what;
}
