/*
 * instances.c - the instances assigned to this host: what is wanted of each, and who waits for it
 *
 * A supervisor keeps the process; this file turns "wanted" (stopped, running, asleep) into its start and stop, remembers it
 * in the state file, and answers those who asked once the instance has come to rest. Callers who wake a sleeping instance at
 * the same time share one start.
 */
#include "actors/host/host_priv.h"

#include <pthread.h>

#include "base/log.h"

#define BACKOFF_MIN_MS    250
#define BACKOFF_MAX_MS    60000
#define BACKOFF_RESET_MS  60000
/* A caller was told "asleep" while the process runs: it has not said hello to the broker yet. Answering at once would send
   the caller straight back to the broker, in a circle as fast as the machine can. */
#define WAKE_PAUSE_MS     50
#define WAKE_PATIENCE     4     /* failures in a row that a caller who wakes an instance waits through */
#define SHUTDOWN_GRACE_MS 15000 /* an actor has 20 s to stop (actors/bus/actor.h) */

enum waiting { WAIT_START, WAIT_STOP, WAIT_WAKE, WAIT_PAUSE };

struct waiter {
    av_host_instance *instance;
    enum waiting kind;
    av_loop_timer *pause; /* WAIT_PAUSE */
    av_host_answer_fn *done;
    void *ctx;
    struct waiter *next;
};

struct av_host_instance {
    av_host *host;
    char id[AV_HOST_INSTANCE_MAX + 1];
    char *base_dir;
    Archivolt__StartMode mode;
    bool sleep_allowed;
    av_wanted wanted;
    bool queued; /* shall start as soon as fewer are starting */
    av_supervisor *supervisor;
    unsigned seen_restarts;
    struct waiter *waiters;
    bool removing, delete_files, remove_busy;
    av_host_answer_fn *removed;
    void *removed_ctx;
};

struct removal {
    av_host_instance *instance;
    av_loop *loop;
    av_errc rc;
    av_error err;
};

static void start_queued(av_host *host);
static void begin_removal(av_host_instance *self);

/* ---- state and answers ---- */

static Archivolt__InstanceState
state_of(const av_host_instance *self)
{
    switch (av_supervisor_get_state(self->supervisor)) {
    case AV_SUPERVISOR_STARTING:
        return ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_STARTING;
    case AV_SUPERVISOR_UP:
        return ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_RUNNING;
    case AV_SUPERVISOR_STOPPING:
        return ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_STOPPING;
    case AV_SUPERVISOR_BACKOFF:
        return ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_FAILED;
    case AV_SUPERVISOR_DOWN:
        break;
    }
    if (self->queued)
        return ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_STARTING;
    return self->wanted == AV_WANTED_ASLEEP ? ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_ASLEEP
                                            : ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_STOPPED;
}

void
av_host_instance_describe(const av_host_instance *self, Archivolt__HostInstance *ret)
{
    archivolt__host_instance__init(ret);
    ret->instance_id = (char *)(uintptr_t)self->id;
    ret->state = state_of(self);
    ret->pid = (uint32_t)av_supervisor_pid(self->supervisor);
    ret->has_pid = ret->pid != 0;
    ret->error = (char *)(uintptr_t)av_supervisor_error(self->supervisor);
    ret->restarts = av_supervisor_restarts(self->supervisor);
    ret->has_restarts = true;
}

static void
answer(av_host_instance *self, av_host_answer_fn *done, void *ctx)
{
    Archivolt__HostInstance reply;

    av_host_instance_describe(self, &reply);
    done(ctx, &reply, NULL);
}

static void
answer_error(av_host_answer_fn *done, void *ctx, av_errc code, const char *id, const char *why)
{
    av_error err;

    (void)av_error_set(&err, code, "instance %s %s", id, why);
    done(ctx, NULL, &err);
}

static struct waiter *
wait_for(av_host_instance *self, enum waiting kind, av_host_answer_fn *done, void *ctx)
{
    struct waiter *w = av_xcalloc(1, sizeof *w);

    *w = (struct waiter){ .instance = self, .kind = kind, .done = done, .ctx = ctx, .next = self->waiters };
    self->waiters = w;
    return w;
}

static bool
is_settled(const av_host_instance *self, enum waiting kind)
{
    av_supervisor_state state = av_supervisor_get_state(self->supervisor);

    if (kind == WAIT_PAUSE)
        return false; /* its timer answers */
    if (kind == WAIT_WAKE && state == AV_SUPERVISOR_BACKOFF)
        return av_supervisor_failures(self->supervisor) > WAKE_PATIENCE;
    if (kind == WAIT_STOP)
        return state != AV_SUPERVISOR_STOPPING;
    return state == AV_SUPERVISOR_UP || state == AV_SUPERVISOR_BACKOFF ||
           (state == AV_SUPERVISOR_DOWN && !self->queued);
}

static void
answer_waiter(av_host_instance *self, const struct waiter *w)
{
    const char *trouble = av_supervisor_error(self->supervisor);

    if (w->kind != WAIT_WAKE || av_supervisor_get_state(self->supervisor) == AV_SUPERVISOR_UP)
        answer(self, w->done, w->ctx);
    else
        answer_error(w->done, w->ctx, AV_ERR_UNAVAILABLE, self->id, trouble == NULL ? "was stopped" : trouble);
}

/* Answers may lead to new calls, which add waiters: those are not looked at in this round. */
static void
answer_settled(av_host_instance *self)
{
    struct waiter *ready = NULL, **at = &self->waiters;

    while (*at != NULL) {
        struct waiter *w = *at;

        if (!is_settled(self, w->kind)) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        w->next = ready;
        ready = w;
    }
    while (ready != NULL) {
        struct waiter *w = ready;

        ready = w->next;
        answer_waiter(self, w);
        free(w);
    }
}

/* ---- the process ---- */

static av_errc
on_launch(void *ctx, av_launched *ret, av_error *err)
{
    av_host_instance *self = ctx;

    return av_host_launch_instance(self->host, self->id, self->base_dir, self->sleep_allowed, ret, err);
}

static av_supervisor_verdict
on_exit_status(void *ctx, int status)
{
    av_host_instance *self = ctx;

    if (status != AV_EXIT_ASLEEP || !self->sleep_allowed)
        return AV_SUPERVISOR_RESTART;
    self->wanted = AV_WANTED_ASLEEP;
    AV_LOG(AV_LOG_INFO, "instance.asleep", AV_STR("instance", self->id));
    av_host_save_quietly(self->host);
    return AV_SUPERVISOR_STAY_DOWN;
}

static void
on_change(void *ctx)
{
    av_host_instance *self = ctx;
    av_host *host = self->host;
    unsigned restarts = av_supervisor_restarts(self->supervisor);

    if (restarts > self->seen_restarts)
        host->restarts += restarts - self->seen_restarts;
    self->seen_restarts = restarts;
    answer_settled(self);
    start_queued(host);
    if (self->removing)
        begin_removal(self); /* self may be gone now */
    av_host_check_stopped(host);
}

static av_host_instance *
new_instance(av_host *host, const char *id, const char *base_dir)
{
    av_host_instance *self = av_xcalloc(1, sizeof *self);
    AV_CLEANUP(av_free) char *lock = av_xasprintf("%s/instance.lock", base_dir);
    AV_CLEANUP(av_free) char *name = av_xasprintf("instance/%s", id);
    av_supervisor_config config = { .loop = host->loop,
        .name = name,
        .lock_path = lock,
        .start_timeout_ms = (uint32_t)(host->settings.start_timeout_s * 1000),
        .backoff_min_ms = BACKOFF_MIN_MS,
        .backoff_max_ms = BACKOFF_MAX_MS,
        .backoff_reset_ms = BACKOFF_RESET_MS,
        .launch = on_launch,
        .on_exit = on_exit_status,
        .on_change = on_change,
        .ctx = self };

    self->host = host;
    (void)snprintf(self->id, sizeof self->id, "%s", id);
    self->base_dir = av_xstrdup(base_dir);
    self->supervisor = av_supervisor_new(&config);
    (void)av_map_put_str(host->instances, id, self);
    return self;
}

void
av_host_instance_free(void *instance)
{
    av_host_instance *self = instance;

    while (self->waiters != NULL) { /* their requests were failed by the bus when it ended */
        struct waiter *w = self->waiters;

        self->waiters = w->next;
        av_loop_remove_timer(&w->pause);
        free(w);
    }
    av_supervisor_destroy(&self->supervisor);
    free(self->base_dir);
    free(self);
}

/* ---- starting many ---- */

static uint64_t
count_starting(av_host *host)
{
    uint64_t n = 0;
    size_t at = 0;
    av_span key;
    void *value;

    while (av_map_next(host->instances, &at, &key, &value))
        n += av_supervisor_get_state(((av_host_instance *)value)->supervisor) == AV_SUPERVISOR_STARTING;
    return n;
}

static void
start_queued(av_host *host)
{
    uint64_t starting = count_starting(host);
    size_t at = 0;
    av_span key;
    void *value;

    while (starting < host->settings.starts_at_once && av_map_next(host->instances, &at, &key, &value)) {
        av_host_instance *self = value;

        if (!self->queued)
            continue;
        self->queued = false;
        av_supervisor_start(self->supervisor); /* comes back here by on_change, which starts the next */
        return;
    }
}

static void
start_now_or_queue(av_host_instance *self)
{
    if (self->host->stopping)
        return;
    if (av_supervisor_get_state(self->supervisor) != AV_SUPERVISOR_DOWN) {
        av_supervisor_start(self->supervisor);
        return;
    }
    self->queued = true;
    start_queued(self->host);
}

/* A start mode speaks for the time after the machine has booted; within a boot what was wanted last goes on. */
static bool
shall_start(const av_host_instance *self)
{
    if (self->mode == ARCHIVOLT__START_MODE__START_MODE_DISABLED || self->wanted == AV_WANTED_ASLEEP)
        return false;
    if (self->host->same_boot)
        return self->wanted == AV_WANTED_RUNNING;
    return self->mode == ARCHIVOLT__START_MODE__START_MODE_AUTOMATIC;
}

void
av_host_instances_begin(av_host *self)
{
    size_t at = 0;
    av_span key;
    void *value;

    while (av_map_next(self->instances, &at, &key, &value)) {
        av_host_instance *one = value;
        bool adopted = av_supervisor_adopt(one->supervisor);

        if (adopted && one->wanted != AV_WANTED_RUNNING)
            av_supervisor_stop(one->supervisor, (uint32_t)(self->settings.stop_timeout_s * 1000));
        if (adopted)
            continue;
        one->queued = shall_start(one);
        if (one->queued)
            one->wanted = AV_WANTED_RUNNING;
        else if (one->wanted == AV_WANTED_RUNNING)
            one->wanted = AV_WANTED_STOPPED;
    }
    av_host_save_quietly(self);
    start_queued(self);
}

void
av_host_instances_stop_all(av_host *self)
{
    size_t at = 0;
    av_span key;
    void *value;

    /* "wanted" stays as it was: the next host starts them again. */
    while (av_map_next(self->instances, &at, &key, &value)) {
        ((av_host_instance *)value)->queued = false;
        av_supervisor_stop(((av_host_instance *)value)->supervisor, SHUTDOWN_GRACE_MS);
        answer_settled(value);
    }
}

bool
av_host_instance_is_down(const av_host_instance *self)
{
    return av_supervisor_get_state(self->supervisor) == AV_SUPERVISOR_DOWN && !self->remove_busy;
}

/* ---- assignment ---- */

av_host_instance *
av_host_instance_find(av_host *self, const char *id)
{
    return av_map_get_str(self->instances, id);
}

av_errc
av_host_instance_get(av_host *self, const char *id, av_host_instance **ret, av_error *err)
{
    av_host_instance *found = av_host_instance_find(self, id);

    if (found == NULL)
        return av_error_set(err, AV_ERR_NOT_FOUND, "instance %.63s is not assigned to this host", id);
    if (found->removing)
        return av_error_set(err, AV_ERR_BUSY, "instance %.63s is being removed", id);
    *ret = found;
    return AV_OK;
}

void
av_host_instance_restore(av_host *self, const av_state_instance *state)
{
    av_host_instance *one = new_instance(self, state->id, state->base_dir);

    one->mode = state->mode;
    one->sleep_allowed = state->sleep_allowed;
    one->wanted = state->wanted;
}

void
av_host_instance_write(const av_host_instance *self, av_buf *out)
{
    av_state_instance line = {
        .mode = self->mode, .sleep_allowed = self->sleep_allowed, .wanted = self->wanted, .base_dir = self->base_dir
    };

    memcpy(line.id, self->id, sizeof line.id);
    av_state_write_instance(out, &line);
}

/* One that is assigned already: the same folder, or a refusal. */
static av_errc
prepare_again(av_host_instance *self, const char *base_dir, av_error *err)
{
    if (self->removing)
        return av_error_set(err, AV_ERR_BUSY, "instance %s is being removed", self->id);
    if (strcmp(self->base_dir, base_dir) != 0)
        return av_error_set(
            err, AV_ERR_EXISTS, "instance %s is assigned already, with base directory %s", self->id, self->base_dir);
    return AV_OK;
}

av_errc
av_host_instance_prepare(av_host *self, const char *id, const char *base_dir, Archivolt__StartMode mode,
    bool sleep_allowed, uint8_t ret_key[AV_KEY_SIZE], const char **ret_base_dir, av_error *err)
{
    AV_CLEANUP(av_free)
    char *dir = base_dir != NULL ? av_xstrdup(base_dir) : av_xasprintf("%s/%s", self->instances_dir, id);
    AV_CLEANUP(av_assets_wipe) av_assets assets = { 0 };
    av_host_instance *one = av_host_instance_find(self, id);
    av_errc rc;

    if (!av_instance_id_valid(av_span_str(id)))
        return av_error_set(err, AV_ERR_INVALID, "\"%.80s\" is not an instance id", id);
    if (!av_base_dir_valid(av_span_str(dir)))
        return av_error_set(err, AV_ERR_INVALID, "\"%.200s\" is not an absolute path of a folder", dir);
    rc = one == NULL ? AV_OK : prepare_again(one, dir, err);
    if (rc == AV_OK)
        rc = av_assets_make_dir(dir, id, err);
    if (rc == AV_OK)
        rc = av_assets_get(self, id, true, &assets, err);
    if (rc != AV_OK)
        return rc;
    if (one == NULL) {
        one = new_instance(self, id, dir);
        one->wanted = AV_WANTED_STOPPED;
    }
    one->mode = mode;
    one->sleep_allowed = sleep_allowed;
    rc = av_host_save(self, err);
    if (rc != AV_OK)
        return rc; /* still assigned in memory; the caller repeats the same call */
    memcpy(ret_key, assets.keys.public_key, AV_KEY_SIZE);
    *ret_base_dir = one->base_dir;
    return AV_OK;
}

av_errc
av_host_instance_configure(
    av_host_instance *self, const Archivolt__StartMode *mode, const bool *sleep_allowed, av_error *err)
{
    if (mode != NULL)
        self->mode = *mode;
    if (sleep_allowed != NULL)
        self->sleep_allowed = *sleep_allowed;
    return av_host_save(self->host, err);
}

/* ---- what is asked of them ---- */

/* Written before it is done: a host that is killed in between does what was asked. */
static bool
set_wanted(av_host_instance *self, av_wanted wanted, av_host_answer_fn *done, void *ctx)
{
    av_wanted before = self->wanted;
    av_error err = { 0 };

    if (wanted == before)
        return true;
    self->wanted = wanted;
    if (av_host_save(self->host, &err) == AV_OK)
        return true;
    self->wanted = before;
    done(ctx, NULL, &err);
    return false;
}

void
av_host_instance_start(av_host_instance *self, av_host_answer_fn *done, void *ctx)
{
    if (self->mode == ARCHIVOLT__START_MODE__START_MODE_DISABLED) {
        answer_error(
            done, ctx, AV_ERR_INVALID, self->id, "is disabled: set its start mode to automatic or manual first");
        return;
    }
    if (!set_wanted(self, AV_WANTED_RUNNING, done, ctx))
        return;
    (void)wait_for(self, WAIT_START, done, ctx);
    start_now_or_queue(self);
    answer_settled(self); /* it may run already */
}

static void
stop_for(av_host_instance *self, av_wanted wanted, av_host_answer_fn *done, void *ctx)
{
    if (!set_wanted(self, wanted, done, ctx))
        return;
    self->queued = false;
    (void)wait_for(self, WAIT_STOP, done, ctx);
    av_supervisor_stop(self->supervisor, (uint32_t)(self->host->settings.stop_timeout_s * 1000));
    answer_settled(self);
}

void
av_host_instance_stop(av_host_instance *self, av_host_answer_fn *done, void *ctx)
{
    stop_for(self, AV_WANTED_STOPPED, done, ctx);
}

void
av_host_instance_restart(av_host_instance *self, av_host_answer_fn *done, void *ctx)
{
    if (self->mode != ARCHIVOLT__START_MODE__START_MODE_DISABLED) /* else the start refuses, and it goes on as it was */
        av_supervisor_stop(self->supervisor, (uint32_t)(self->host->settings.stop_timeout_s * 1000));
    av_host_instance_start(self, done, ctx);
}

void
av_host_instance_sleep(av_host_instance *self, av_host_answer_fn *done, void *ctx)
{
    if (!self->sleep_allowed)
        answer_error(done, ctx, AV_ERR_INVALID, self->id, "may not sleep: its configuration does not allow it");
    else if (self->wanted == AV_WANTED_STOPPED)
        answer_error(done, ctx, AV_ERR_INVALID, self->id, "is stopped, not running");
    else
        stop_for(self, AV_WANTED_ASLEEP, done, ctx);
}

static void
on_pause_over(void *ctx)
{
    struct waiter *w = ctx, **at = &w->instance->waiters;

    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    answer(w->instance, w->done, w->ctx);
    free(w);
}

void
av_host_instance_wake(av_host_instance *self, av_host_answer_fn *done, void *ctx)
{
    if (self->host->stopping) { /* BUSY is tried again: the next host does it */
        answer_error(done, ctx, AV_ERR_BUSY, self->id, "cannot be started now: its host is ending");
        return;
    }
    if (self->mode == ARCHIVOLT__START_MODE__START_MODE_DISABLED) {
        answer_error(done, ctx, AV_ERR_UNAVAILABLE, self->id, "is disabled");
        return;
    }
    if (self->wanted == AV_WANTED_STOPPED) {
        answer_error(done, ctx, AV_ERR_UNAVAILABLE, self->id, "is stopped: an administrator must start it");
        return;
    }
    if (av_supervisor_get_state(self->supervisor) == AV_SUPERVISOR_UP) {
        struct waiter *w = wait_for(self, WAIT_PAUSE, done, ctx);

        w->pause = av_loop_add_timer(self->host->loop, WAKE_PAUSE_MS, 0, on_pause_over, w);
        return;
    }
    if (!set_wanted(self, AV_WANTED_RUNNING, done, ctx))
        return;
    (void)wait_for(self, WAIT_WAKE, done, ctx);
    if (av_supervisor_get_state(self->supervisor) !=
        AV_SUPERVISOR_BACKOFF) /* its delay is not shortened by strangers */
        start_now_or_queue(self);
    answer_settled(self);
}

/* ---- removal ---- */

static void
on_removed(void *ctx)
{
    struct removal *job = ctx;
    av_host_instance *self = job->instance;
    av_host *host = self->host;
    av_host_answer_fn *done = self->removed;
    void *done_ctx = self->removed_ctx;
    AV_CLEANUP(av_free) char *group = av_xasprintf("instance_%s", self->id);
    Archivolt__HostInstance reply;

    self->remove_busy = false;
    if (job->rc != AV_OK) {
        self->removing = false;
        done(done_ctx, NULL, &job->err);
    } else {
        av_assets_forget(host, self->id, self->delete_files);
        if (host->settings.cgroup_dir[0] != '\0')
            av_limits_cgroup_remove(host->settings.cgroup_dir, group);
        (void)av_map_remove_str(host->instances, self->id);
        job->rc = av_host_save(host, &job->err);
        av_host_instance_describe(self, &reply);
        done(done_ctx, job->rc == AV_OK ? &reply : NULL, job->rc == AV_OK ? NULL : &job->err);
        av_host_instance_free(self);
    }
    free(job);
    av_host_check_stopped(host);
}

/* A big archive has many files: not on the bus thread. */
static void *
remove_files(void *ctx)
{
    struct removal *job = ctx;
    av_host_instance *self = job->instance;

    if (self->delete_files)
        job->rc = av_assets_remove_dir(self->base_dir, self->id, &job->err);
    else
        av_assets_remove_empty_dir(self->base_dir);
    av_loop_post(job->loop, on_removed, job);
    return NULL;
}

static void
begin_removal(av_host_instance *self)
{
    struct removal *job;
    pthread_t thread;

    if (self->remove_busy || av_supervisor_get_state(self->supervisor) != AV_SUPERVISOR_DOWN)
        return;
    job = av_xcalloc(1, sizeof *job);
    *job = (struct removal){ .instance = self, .loop = self->host->loop };
    self->remove_busy = true;
    if (pthread_create(&thread, NULL, remove_files, job) != 0) {
        job->rc = av_error_set(&job->err, AV_ERR_NOMEM, "no thread to remove the files of instance %s", self->id);
        on_removed(job);
        return;
    }
    (void)pthread_detach(thread);
}

void
av_host_instance_remove(av_host_instance *self, bool delete_files, av_host_answer_fn *done, void *ctx)
{
    if (!set_wanted(self, AV_WANTED_STOPPED, done, ctx))
        return;
    self->removing = true;
    self->delete_files = delete_files;
    self->removed = done;
    self->removed_ctx = ctx;
    self->queued = false;
    av_host_workers_drop(self->host, self->id);
    if (av_supervisor_get_state(self->supervisor) == AV_SUPERVISOR_DOWN)
        begin_removal(self);
    else
        av_supervisor_stop(self->supervisor, (uint32_t)(self->host->settings.stop_timeout_s * 1000));
}
