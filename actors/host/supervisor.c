/*
 * supervisor.c - see supervisor.h
 */
#include "actors/host/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actors/host/lock.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

struct av_supervisor {
    av_supervisor_config config;
    char *name, *lock_path;
    av_supervisor_state state;
    pid_t pid;
    int pidfd, ready_fd;
    bool adopted;     /* not our child: its exit status is nobody's */
    bool start_again; /* asked for while STOPPING */
    bool up_once;     /* this process has been UP */
    int64_t up_since_ms;
    unsigned restarts, failures;
    bool timed_out; /* ended by us because it was not ready in time */
    bool has_error;
    av_error error;
    av_loop_fd *pid_watch, *ready_watch;
    av_loop_timer *timer; /* start time-out, kill, or back-off, by state */
};

static void attempt(av_supervisor *self);

static void
notify(av_supervisor *self)
{
    self->config.on_change(self->config.ctx); /* self may be gone now */
}

static void
drop_ready(av_supervisor *self)
{
    av_loop_remove_fd(&self->ready_watch);
    av_fd_close(&self->ready_fd);
}

static void
drop_process(av_supervisor *self)
{
    drop_ready(self);
    av_loop_remove_fd(&self->pid_watch);
    av_fd_close(&self->pidfd);
    av_loop_remove_timer(&self->timer);
    self->pid = 0;
}

static void
send_signal(av_supervisor *self, int signal_number)
{
    if (self->pidfd >= 0 && syscall(SYS_pidfd_send_signal, self->pidfd, signal_number, NULL, 0U) != 0 && errno != ESRCH)
        AV_LOG(AV_LOG_WARN, "process.signal_failed", AV_STR("process", self->name), AV_I64("errno", errno));
}

static void
on_backoff_over(void *ctx)
{
    av_supervisor *self = ctx;

    self->timer = NULL;
    self->restarts++;
    attempt(self);
}

static void
back_off(av_supervisor *self)
{
    uint64_t delay = self->config.backoff_min_ms;

    for (unsigned i = 0; i < self->failures && delay < self->config.backoff_max_ms; i++)
        delay *= 2;
    delay = AV_MIN(delay, (uint64_t)self->config.backoff_max_ms);
    delay += av_random_u64() % (delay / 10 + 1); /* many instances that fell together do not come back together */
    self->failures++;
    self->state = AV_SUPERVISOR_BACKOFF;
    self->timer = av_loop_add_timer(self->config.loop, delay, 0, on_backoff_over, self);
    AV_LOG(AV_LOG_WARN, "process.backoff", AV_STR("process", self->name), AV_STR("detail", self->error.msg),
        AV_U64("failures", self->failures), AV_U64("delay_ms", delay));
    notify(self);
}

static void
on_ready(void *ctx, int fd, unsigned events AV_UNUSED)
{
    av_supervisor *self = ctx;
    char bytes[16];
    ssize_t n = read(fd, bytes, sizeof bytes);

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    drop_ready(self);
    if (n <= 0 || self->state != AV_SUPERVISOR_STARTING)
        return; /* closed without a word: the process ends, or the start time-out comes */
    av_loop_remove_timer(&self->timer);
    self->state = AV_SUPERVISOR_UP;
    self->up_once = true;
    self->up_since_ms = av_clock_mono_ms();
    AV_LOG(AV_LOG_INFO, "process.ready", AV_STR("process", self->name), AV_I64("pid", self->pid));
    notify(self);
}

static void
on_start_timeout(void *ctx)
{
    av_supervisor *self = ctx;

    self->timer = NULL;
    self->timed_out = self->has_error = true;
    (void)av_error_set(&self->error, AV_ERR_TIMEOUT, "it was not ready after %u s and was ended",
        (self->config.start_timeout_ms + 999) / 1000);
    send_signal(self, SIGKILL);
}

static void
on_kill_time(void *ctx)
{
    av_supervisor *self = ctx;

    self->timer = NULL;
    AV_LOG(AV_LOG_WARN, "process.killed", AV_STR("process", self->name), AV_I64("pid", self->pid));
    send_signal(self, SIGKILL);
}

/* Reap it and put its end into words. Returns the exit status, -1 when there is none to be known. */
static int
reap(av_supervisor *self, av_error *ret)
{
    siginfo_t info = { 0 };

    if (self->adopted) {
        (void)av_error_set(ret, AV_ERR_UNAVAILABLE, "the process ended (how is not known: an earlier host started it)");
        return -1;
    }
    if (waitid((idtype_t)P_PIDFD, (id_t)self->pidfd, &info, WEXITED) != 0) {
        (void)av_error_errno(ret, "wait for the process");
        return -1;
    }
    if (info.si_code == CLD_EXITED) {
        (void)av_error_set(ret, AV_ERR_UNAVAILABLE, "the process ended with status %d", info.si_status);
        return info.si_status;
    }
    (void)av_error_set(ret, AV_ERR_UNAVAILABLE, "the process was ended by signal %d (%s)", info.si_status,
        sigabbrev_np(info.si_status) == NULL ? "?" : sigabbrev_np(info.si_status));
    return -1;
}

/* One that served for long begins anew; one that served for a while is no crash loop and comes back within a second. */
static void
forgive(av_supervisor *self)
{
    int64_t life = self->up_once ? av_clock_mono_ms() - self->up_since_ms : 0;

    if (life >= self->config.backoff_reset_ms)
        self->failures = 0;
    else if (life >= self->config.backoff_reset_ms / 12)
        self->failures = AV_MIN(self->failures, 1U);
}

static void
on_process_end(void *ctx, int fd AV_UNUSED, unsigned events AV_UNUSED)
{
    av_supervisor *self = ctx;
    av_error how = { 0 };
    int status = reap(self, &how);
    bool asked = self->state == AV_SUPERVISOR_STOPPING;

    AV_LOG(AV_LOG_INFO, "process.ended", AV_STR("process", self->name), AV_I64("pid", self->pid),
        AV_I64("status", status), AV_STR("detail", how.msg));
    drop_process(self);
    forgive(self);
    if (asked) {
        self->state = AV_SUPERVISOR_DOWN;
        if (self->start_again)
            attempt(self);
        else
            notify(self);
        return;
    }
    if (self->config.on_exit(self->config.ctx, status) == AV_SUPERVISOR_STAY_DOWN) {
        self->state = AV_SUPERVISOR_DOWN;
        notify(self);
        return;
    }
    if (!self->timed_out) /* then the error says so already */
        self->error = how;
    self->has_error = true;
    back_off(self);
}

static void
watch(av_supervisor *self, pid_t pid, int pidfd, bool adopted)
{
    self->pid = pid;
    self->pidfd = pidfd;
    self->adopted = adopted;
    self->up_once = adopted;
    self->up_since_ms = av_clock_mono_ms();
    self->pid_watch = av_loop_add_fd(self->config.loop, pidfd, AV_LOOP_READ, on_process_end, self);
}

/* AV_OK and *ret whether there was one to take over. A lock whose holder is not known is BUSY. */
static av_errc
try_adopt(av_supervisor *self, bool *ret, av_error *err)
{
    av_lock_state lock = AV_LOCK_FREE;
    pid_t pid = 0;
    int pidfd = -1;
    av_errc rc = av_lock_adopt(self->lock_path, &lock, &pid, &pidfd, err);

    if (rc != AV_OK)
        return rc;
    if (lock == AV_LOCK_NAMELESS)
        return av_error_set(err, AV_ERR_BUSY, "%s is held by a process that has not given its number", self->lock_path);
    *ret = lock == AV_LOCK_HELD;
    if (!*ret)
        return AV_OK;
    watch(self, pid, pidfd, true);
    self->state = AV_SUPERVISOR_UP;
    AV_LOG(AV_LOG_INFO, "process.adopted", AV_STR("process", self->name), AV_I64("pid", pid));
    return AV_OK;
}

static av_errc
launch(av_supervisor *self, av_error *err)
{
    av_launched launched = { .pidfd = -1, .ready_fd = -1 };
    av_errc rc = self->config.launch(self->config.ctx, &launched, err);

    if (rc != AV_OK)
        return rc;
    watch(self, launched.pid, launched.pidfd, false);
    AV_LOG(AV_LOG_INFO, "process.started", AV_STR("process", self->name), AV_I64("pid", launched.pid));
    if (launched.ready_fd < 0) {
        self->state = AV_SUPERVISOR_UP;
        self->up_once = true;
        return AV_OK;
    }
    self->state = AV_SUPERVISOR_STARTING;
    self->ready_fd = launched.ready_fd;
    self->ready_watch = av_loop_add_fd(self->config.loop, launched.ready_fd, AV_LOOP_READ, on_ready, self);
    self->timer = av_loop_add_timer(self->config.loop, self->config.start_timeout_ms, 0, on_start_timeout, self);
    return AV_OK;
}

static void
attempt(av_supervisor *self)
{
    bool adopted = false;
    av_error err = { 0 };
    av_errc rc = try_adopt(self, &adopted, &err);

    self->start_again = false;
    if (rc == AV_OK && !adopted)
        rc = launch(self, &err);
    self->timed_out = false;
    if (rc != AV_OK) {
        self->has_error = true;
        self->error = err;
        back_off(self);
        return;
    }
    notify(self);
}

av_supervisor *
av_supervisor_new(const av_supervisor_config *config)
{
    av_supervisor *self = av_xcalloc(1, sizeof *self);

    assert(config->launch != NULL && config->on_exit != NULL && config->on_change != NULL);
    self->config = *config;
    self->name = av_xstrdup(config->name);
    self->lock_path = av_xstrdup(config->lock_path);
    self->pidfd = self->ready_fd = -1;
    return self;
}

void
av_supervisor_destroy(av_supervisor **self)
{
    av_supervisor *s = *self;

    if (s == NULL)
        return;
    drop_process(s);
    free(s->name);
    free(s->lock_path);
    free(s);
    *self = NULL;
}

bool
av_supervisor_adopt(av_supervisor *self)
{
    bool adopted = false;
    av_error err = { 0 };

    assert(self->state == AV_SUPERVISOR_DOWN);
    if (try_adopt(self, &adopted, &err) != AV_OK)
        AV_LOG(AV_LOG_WARN, "process.not_adopted", AV_STR("process", self->name), AV_ERRF(&err));
    return adopted;
}

void
av_supervisor_start(av_supervisor *self)
{
    switch (self->state) {
    case AV_SUPERVISOR_STARTING:
    case AV_SUPERVISOR_UP:
        return;
    case AV_SUPERVISOR_STOPPING:
        self->start_again = true;
        self->restarts = self->failures = 0;
        return;
    case AV_SUPERVISOR_DOWN:
    case AV_SUPERVISOR_BACKOFF:
        av_loop_remove_timer(&self->timer);
        self->restarts = self->failures = 0;
        self->has_error = false;
        attempt(self);
        return;
    }
}

void
av_supervisor_stop(av_supervisor *self, uint32_t grace_ms)
{
    switch (self->state) {
    case AV_SUPERVISOR_DOWN:
        return;
    case AV_SUPERVISOR_STOPPING:
        self->start_again = false;
        return;
    case AV_SUPERVISOR_BACKOFF:
        av_loop_remove_timer(&self->timer);
        self->state = AV_SUPERVISOR_DOWN;
        notify(self);
        return;
    case AV_SUPERVISOR_STARTING:
    case AV_SUPERVISOR_UP:
        drop_ready(self);
        av_loop_remove_timer(&self->timer);
        self->state = AV_SUPERVISOR_STOPPING;
        self->has_error = false;
        self->timer = av_loop_add_timer(self->config.loop, grace_ms, 0, on_kill_time, self);
        send_signal(self, SIGTERM);
        notify(self);
        return;
    }
}

av_supervisor_state
av_supervisor_get_state(const av_supervisor *self)
{
    return self->state;
}

pid_t
av_supervisor_pid(const av_supervisor *self)
{
    return self->pid;
}

unsigned
av_supervisor_restarts(const av_supervisor *self)
{
    return self->restarts;
}

unsigned
av_supervisor_failures(const av_supervisor *self)
{
    return self->failures;
}

const char *
av_supervisor_error(const av_supervisor *self)
{
    bool recovered =
        self->state == AV_SUPERVISOR_UP && av_clock_mono_ms() - self->up_since_ms >= self->config.backoff_reset_ms;

    return self->has_error && !recovered ? self->error.msg : NULL;
}
