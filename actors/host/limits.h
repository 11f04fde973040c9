/*
 * limits.h - what a child of the host may use: memory, descriptors, and who dies first when the machine is full
 *
 * Memory: a cgroup (v2) of its own where the host may make one (setting cgroup_dir), else RLIMIT_DATA. With a
 * sanitizer in the build no memory limit is set unless asked for: its shadow memory would count.
 */
#ifndef AV_ACTORS_HOST_LIMITS_H
#define AV_ACTORS_HOST_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Default of the memory settings, in MB, as text for a settings table. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define AV_LIMITS_MEMORY_MB "0"
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define AV_LIMITS_MEMORY_MB "0"
#endif
#endif
#ifndef AV_LIMITS_MEMORY_MB
#define AV_LIMITS_MEMORY_MB "4096"
#endif

typedef struct av_limits {
    uint64_t files;        /* RLIMIT_NOFILE; 0: as the host's */
    uint64_t memory_bytes; /* 0: none */
    int oom_score_adj;     /* -1000 to 1000: higher dies first */
    int cgroup_fd;         /* cgroup.procs of the child's own group; -1: RLIMIT_DATA is used */
} av_limits;

/* In the child between fork and exec: async-signal-safe. false: a limit could not be set (errno says why). */
bool av_limits_apply(const av_limits *self);

/*
 * Make (or find) the group <cgroup_dir>/<name> with this memory.max and open its cgroup.procs; the caller closes
 * ret_fd. Fails when cgroup_dir is not a cgroup v2 folder the host may write to.
 */
av_errc av_limits_cgroup(const char *cgroup_dir, const char *name, uint64_t memory_bytes, int *ret_fd, av_error *err);
/* Remove an empty group; trouble is ignored: an empty group costs nothing. */
void av_limits_cgroup_remove(const char *cgroup_dir, const char *name);

#endif
