/*
 * limits.c - see limits.h
 */
#include "actors/host/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <linux/magic.h>
#include <unistd.h>

#include "base/file.h"
#include "base/util.h"

static bool
set_rlimit(__rlimit_resource_t what, uint64_t value)
{
    struct rlimit now, want;

    if (getrlimit(what, &now) != 0)
        return false;
    want.rlim_cur = want.rlim_max = AV_MIN((rlim_t)value, now.rlim_max);
    return setrlimit(what, &want) == 0;
}

/* A host without the right to lower the score is left with its own: not worth refusing to start an instance. */
static void
set_oom_score(int score)
{
    char text[8];
    size_t at = sizeof text;
    unsigned n = (unsigned)(score < 0 ? -score : score);
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    do {
        text[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0 && at > 1);
    if (score < 0)
        text[--at] = '-';
    if (write(fd, text + at, sizeof text - at) < 0)
        errno = 0;
    (void)close(fd);
}

bool
av_limits_apply(const av_limits *self)
{
    if (self->files > 0 && !set_rlimit(RLIMIT_NOFILE, self->files))
        return false;
    if (!set_rlimit(RLIMIT_CORE, 0)) /* no secrets in core files */
        return false;
    if (self->cgroup_fd >= 0) {
        if (write(self->cgroup_fd, "0", 1) != 1) /* 0: the writer itself */
            return false;
    } else if (self->memory_bytes > 0 && !set_rlimit(RLIMIT_DATA, self->memory_bytes)) {
        return false;
    }
    set_oom_score(self->oom_score_adj);
    return true;
}

static av_errc
write_control(const char *group, const char *file, const char *value, av_error *err)
{
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/%s", group, file);
    AV_CLEANUP(av_fd_close) int fd = -1;
    av_errc rc = av_file_open(path, O_WRONLY, 0, &fd, err);

    if (rc != AV_OK)
        return rc;
    return av_file_write_at(fd, value, strlen(value), 0, err);
}

av_errc
av_limits_cgroup(const char *cgroup_dir, const char *name, uint64_t memory_bytes, int *ret_fd, av_error *err)
{
    AV_CLEANUP(av_free) char *group = av_xasprintf("%s/%s", cgroup_dir, name);
    AV_CLEANUP(av_free) char *procs = av_xasprintf("%s/cgroup.procs", group);
    struct statfs fs;
    char text[24];
    av_errc rc;

    if (statfs(cgroup_dir, &fs) != 0)
        return av_error_errno(err, "cgroup_dir %s", cgroup_dir);
    if (fs.f_type != CGROUP2_SUPER_MAGIC)
        return av_error_set(err, AV_ERR_INVALID, "cgroup_dir %s is not a cgroup v2 folder", cgroup_dir);
    if (mkdir(group, 0755) != 0 && errno != EEXIST)
        return av_error_errno(err, "make cgroup %s", group);
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)memory_bytes);
    rc = write_control(group, "memory.max", memory_bytes == 0 ? "max" : text, err);
    if (rc != AV_OK)
        return rc;
    return av_file_open(procs, O_WRONLY, 0, ret_fd, err);
}

void
av_limits_cgroup_remove(const char *cgroup_dir, const char *name)
{
    AV_CLEANUP(av_free) char *group = av_xasprintf("%s/%s", cgroup_dir, name);

    if (rmdir(group) != 0)
        errno = 0;
}
