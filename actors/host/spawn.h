/*
 * spawn.h - start one program as a child of the host
 *
 * What the host's children are started with (archivolt-instance, archivolt-worker):
 *
 *   archivolt-instance --data D --name instance/<id>         --keys-fd N --ready-fd N
 *                      --arg dir=<base directory> --arg instance_key_fd=N --arg sleep_after_s=N (0: never sleeps)
 *   archivolt-worker   --data D --name worker/<node>/<run>   --keys-fd N --ready-fd N
 *                      --arg instance=<id>
 *
 *   --keys-fd       pipe with the text of the CURVE key file (actors/bus/keys.h), then its end
 *   instance_key_fd pipe with the 32 raw bytes of the key that opens the instance's keyring, then its end
 *   --ready-fd      the child writes "ready" there once it serves, and closes it
 *
 * An instance takes flock(LOCK_EX) on <base directory>/instance.lock and writes "<pid>\n" into it before it touches
 * anything else: by that a restarted host finds it again. A worker holds its lock (D/host/workers/<run>.lock) through a
 * descriptor it inherits and need not know of.
 *
 * Exit status of an instance: 0 stopped in order after SIGTERM; AV_EXIT_ASLEEP it was idle and went to sleep by its
 * own word (only with sleep_after_s above 0); 74 a database of it took no writes and its disk takes some again;
 * anything else is a crash. Of a worker: 0 the run has ended,
 * AV_EXIT_RUN_FAILED it has failed for good; anything else is a crash.
 *
 * The child runs in a session of its own (a terminal's Ctrl-C reaches only the host), with standard input from
 * /dev/null, without new privileges, without core files and without any descriptor that is not named here.
 */
#ifndef AV_ACTORS_HOST_SPAWN_H
#define AV_ACTORS_HOST_SPAWN_H

#include <sys/types.h>

#include "actors/host/limits.h"
#include "base/error.h"
#include "base/span.h"

enum { AV_EXIT_RUN_FAILED = 3, AV_EXIT_ASLEEP = 75 };

#define AV_SPAWN_KEEP_MAX 8

typedef struct av_spawn {
    const char *program;         /* path */
    const char *const *argv;     /* argv[0] included, ends with NULL */
    int keep[AV_SPAWN_KEEP_MAX]; /* descriptors the child inherits under the same numbers */
    size_t keep_count;
    int log_fd;  /* its standard output and error; -1: the host's own */
    int lock_fd; /* kept as well, and the child's pid is written into it; -1: none */
    av_limits limits;
} av_spawn;

/*
 * Fork and execute. ret_pidfd: a descriptor that becomes readable when the child has ended; the caller closes it and
 * reaps the child by waitid(P_PIDFD). Blocks until the program is loaded (well below 10 ms), so that a missing
 * program is an error here: AV_ERR_IO, or AV_ERR_NOT_FOUND.
 */
av_errc av_spawn_run(const av_spawn *self, pid_t *ret_pid, int *ret_pidfd, av_error *err);

/* A pipe that already holds these bytes (at most 4096) and ends behind them; ret_fd is its reading end. */
av_errc av_spawn_pipe_with(av_span bytes, int *ret_fd, av_error *err);

#endif
