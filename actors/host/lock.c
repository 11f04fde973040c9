/*
 * lock.c - see lock.h
 */
#include "actors/host/lock.h"

#include <errno.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"

static av_errc
read_pid(int fd, pid_t *ret, av_error *err)
{
    uint8_t text[24];
    uint64_t pid = 0;
    size_t n = 0;
    av_errc rc = av_file_read_some(fd, text, sizeof text, 0, &n, err);

    if (rc != AV_OK)
        return rc;
    /* Without its newline the number may still be half written. */
    if (n < 2 || text[n - 1] != '\n' || !av_span_u64(av_span_of(text, n - 1), 1 << 30, &pid))
        pid = 0;
    *ret = (pid_t)pid;
    return AV_OK;
}

av_errc
av_lock_probe(const char *path, av_lock_state *ret, pid_t *ret_pid, av_error *err)
{
    AV_CLEANUP(av_fd_close) int fd = -1;
    av_errc rc = av_file_open(path, O_RDONLY, 0, &fd, err);
    pid_t pid = 0;

    if (rc == AV_ERR_NOT_FOUND) {
        *ret = AV_LOCK_FREE;
        return AV_OK;
    }
    if (rc != AV_OK)
        return rc;
    if (flock(fd, LOCK_SH | LOCK_NB) == 0) {
        *ret = AV_LOCK_FREE;
        return AV_OK;
    }
    if (errno != EWOULDBLOCK)
        return av_error_errno(err, "lock %s", path);
    rc = read_pid(fd, &pid, err);
    if (rc != AV_OK)
        return rc;
    *ret = pid > 0 ? AV_LOCK_HELD : AV_LOCK_NAMELESS;
    *ret_pid = pid;
    return AV_OK;
}

static int
take_fd(int *fd)
{
    int taken = *fd;

    *fd = -1;
    return taken;
}

av_errc
av_lock_adopt(const char *path, av_lock_state *ret, pid_t *ret_pid, int *ret_pidfd, av_error *err)
{
    AV_CLEANUP(av_fd_close) int pidfd = -1;
    av_lock_state state = AV_LOCK_FREE;
    pid_t pid = 0, again = 0;
    av_errc rc = av_lock_probe(path, &state, &pid, err);

    if (rc != AV_OK)
        return rc;
    if (state == AV_LOCK_HELD) {
        pidfd = (int)syscall(SYS_pidfd_open, pid, 0U);
        if (pidfd < 0 && errno != ESRCH)
            return av_error_errno(err, "pidfd_open");
        rc = av_lock_probe(path, &state, &again, err);
        if (rc != AV_OK)
            return rc;
        if (state == AV_LOCK_HELD && (pidfd < 0 || again != pid))
            state = AV_LOCK_NAMELESS; /* changed hands meanwhile: ask again later */
    }
    *ret = state;
    if (state == AV_LOCK_HELD) {
        *ret_pid = pid;
        *ret_pidfd = take_fd(&pidfd);
    }
    return AV_OK;
}

av_errc
av_lock_take(const char *path, int *ret_fd, av_error *err)
{
    AV_CLEANUP(av_fd_close) int fd = -1;
    av_errc rc = av_file_open(path, O_RDWR | O_CREAT, 0600, &fd, err);

    if (rc != AV_OK)
        return rc;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            return av_error_set(err, AV_ERR_BUSY, "%s is held by another process", path);
        return av_error_errno(err, "lock %s", path);
    }
    if (ftruncate(fd, 0) != 0) /* the name of the last holder */
        return av_error_errno(err, "clear %s", path);
    *ret_fd = fd;
    fd = -1;
    return AV_OK;
}
