/*
 * supervisor.h - one process that shall run: started, watched, restarted with back-off, stopped, found again
 *
 *            start                 ready                    ends by itself
 *   DOWN ------------> STARTING -----------> UP ----------------------------------> BACKOFF
 *    ^  ^                 | ends, or no ready in time          (verdict: restart)   |  |  ^
 *    |  |                 +-------------------------------------------------------->+  |  |
 *    |  +-- verdict: stay down --(any)          stop                                |  |  |
 *    +------------- STOPPING <---------------- STARTING, UP      BACKOFF --stop--> DOWN|  |
 *                                                                    delay over: STARTING-+
 *
 * Before each start the lock file is looked at: a process that already runs there (of a host that was killed) is
 * taken over instead of starting a second one. Processes outlive their supervisor: av_supervisor_destroy leaves them
 * alone.
 *
 * Delays: backoff_min_ms, doubled each time up to backoff_max_ms; back to the start after backoff_reset_ms of life,
 * to the second after a twelfth of it. Belongs to the loop's thread. Nothing blocks but launch().
 */
#ifndef AV_ACTORS_HOST_SUPERVISOR_H
#define AV_ACTORS_HOST_SUPERVISOR_H

#include <sys/types.h>

#include "actors/bus/loop.h"
#include "base/error.h"

typedef enum av_supervisor_state {
    AV_SUPERVISOR_DOWN,
    AV_SUPERVISOR_STARTING,
    AV_SUPERVISOR_UP,
    AV_SUPERVISOR_STOPPING,
    AV_SUPERVISOR_BACKOFF
} av_supervisor_state;

typedef enum av_supervisor_verdict { AV_SUPERVISOR_RESTART, AV_SUPERVISOR_STAY_DOWN } av_supervisor_verdict;

/* What launch() hands over; all descriptors become the supervisor's. */
typedef struct av_launched {
    pid_t pid;
    int pidfd;
    int ready_fd; /* becomes readable with bytes when the process serves; -1: it counts as ready at once */
} av_launched;

typedef struct av_supervisor av_supervisor;

typedef struct av_supervisor_config {
    av_loop *loop;
    const char *name;      /* for the log; copied */
    const char *lock_path; /* lock of the running process; copied */
    uint32_t start_timeout_ms, backoff_min_ms, backoff_max_ms, backoff_reset_ms;
    av_errc (*launch)(void *ctx, av_launched *ret, av_error *err);
    /* It ended without having been asked to. exit_status: -1 when it was killed, or its status is unknown (adopted). */
    av_supervisor_verdict (*on_exit)(void *ctx, int exit_status);
    /* After each change of state, as the last thing done: may start, stop and destroy the supervisor. */
    void (*on_change)(void *ctx);
    void *ctx;
} av_supervisor_config;

av_supervisor *av_supervisor_new(const av_supervisor_config *config);
void av_supervisor_destroy(av_supervisor **self);

/* Take over a process that holds the lock. false: there is none (state stays DOWN). on_change is not called. */
bool av_supervisor_adopt(av_supervisor *self);
/* DOWN, BACKOFF: at once. STOPPING: as soon as the process is gone. STARTING, UP: nothing. Clears the error. */
void av_supervisor_start(av_supervisor *self);
/* TERM now, KILL after grace_ms. BACKOFF: DOWN. STOPPING: a start that was asked for meanwhile is taken back. */
void av_supervisor_stop(av_supervisor *self, uint32_t grace_ms);

av_supervisor_state av_supervisor_get_state(const av_supervisor *self);
pid_t av_supervisor_pid(const av_supervisor *self);         /* 0: no process */
unsigned av_supervisor_restarts(const av_supervisor *self); /* since the last av_supervisor_start that did something */
unsigned av_supervisor_failures(const av_supervisor *self); /* in a row */
/* Why it last ended or did not start; stays until it has lived for backoff_reset_ms, so that a crash loop is seen
   at any moment. NULL: no trouble. */
const char *av_supervisor_error(const av_supervisor *self);

#endif
