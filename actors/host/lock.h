/*
 * lock.h - who runs in this folder: lock files by which a restarted host finds what it had started
 *
 * A lock is flock(LOCK_EX) on a file that holds "<pid>\n". It lives as long as any descriptor of that opening: it
 * ends with the process, however that ends. Nothing here blocks.
 */
#ifndef AV_ACTORS_HOST_LOCK_H
#define AV_ACTORS_HOST_LOCK_H

#include <sys/types.h>

#include "base/error.h"

typedef enum av_lock_state {
    AV_LOCK_FREE,    /* nobody holds it, or there is no such file */
    AV_LOCK_HELD,    /* held by ret_pid */
    AV_LOCK_NAMELESS /* held, but the file names no process yet */
} av_lock_state;

av_errc av_lock_probe(const char *path, av_lock_state *ret, pid_t *ret_pid, av_error *err);

/*
 * Find the holder and take a pidfd of it. AV_LOCK_HELD sets ret_pid and ret_pidfd (the caller closes it): the lock was
 * still held after the pidfd was there, so it cannot be another process that got the same number.
 */
av_errc av_lock_adopt(const char *path, av_lock_state *ret, pid_t *ret_pid, int *ret_pidfd, av_error *err);

/* Make the file, take the lock, give the descriptor (to be inherited by a child). AV_ERR_BUSY when somebody holds
   it. */
av_errc av_lock_take(const char *path, int *ret_fd, av_error *err);

#endif
