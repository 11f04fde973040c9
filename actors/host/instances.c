/*
 * instances.c - the instances assigned to this host and their processes
 *
 * A supervisor keeps each process. Here: records and state file lines, which ones start with the host, and that not all
 * start at the same time. What is asked of them is in instance_asks.c, who waits in instance_answers.c.
 */
#include "actors/host/instances_priv.h"

#include "base/file.h"
#include "base/log.h"

#define BACKOFF_MIN_MS    250
#define BACKOFF_MAX_MS    60000
#define BACKOFF_RESET_MS  60000
#define SHUTDOWN_GRACE_MS 15000 /* an actor has 20 s to stop (actors/bus/actor.h) */

static void start_queued(av_host *host);

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
    av_host_answer_settled(self);
    start_queued(host);
    if (self->removing)
        av_host_begin_removal(self); /* self may be gone now */
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

    av_host_waiters_free(self);
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

void
av_host_start_or_queue(av_host_instance *self)
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
    if (self->mode == ARCHIVOLT__START_MODE__START_MODE_DISABLED || self->wanted == AV_WANTED_ASLEEP ||
        self->wanted == AV_WANTED_DELETING)
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
        av_host_answer_settled(value);
    }
}

bool
av_host_instance_is_down(const av_host_instance *self)
{
    return av_supervisor_get_state(self->supervisor) == AV_SUPERVISOR_DOWN && !self->remove_busy;
}

const char *
av_host_instance_base_dir(const av_host_instance *self)
{
    return self->base_dir;
}

/* ---- assignment ---- */

av_errc
av_host_instance_place(av_host *self, const char *id, const char *base_dir, av_error *err)
{
    if (!av_instance_id_valid(av_span_str(id)))
        return av_error_set(err, AV_ERR_INVALID, "\"%.80s\" is not an instance id", id);
    if (!av_base_dir_valid(av_span_str(base_dir)))
        return av_error_set(err, AV_ERR_INVALID, "\"%.200s\" is not an absolute path of a folder", base_dir);
    return av_host_check_base_dir(self, id, base_dir, err);
}

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
    if (found->wanted == AV_WANTED_DELETING)
        return av_error_set(err, AV_ERR_UNAVAILABLE,
            "the deletion of instance %.63s was interrupted: it can only be deleted again", id);
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
    av_errc rc = av_host_instance_get(self->host, self->id, &self, err);

    if (rc != AV_OK)
        return rc;
    if (strcmp(self->base_dir, base_dir) != 0)
        return av_error_set(
            err, AV_ERR_EXISTS, "instance %s is assigned already, with base directory %s", self->id, self->base_dir);
    return AV_OK;
}

av_errc
av_host_instance_prepare(av_host *self, const char *id, const char *base_dir, Archivolt__StartMode mode,
    bool sleep_allowed, const uint8_t *recovery_public, uint8_t ret_key[AV_KEY_SIZE], const char **ret_base_dir,
    bool *ret_has_keyring, av_error *err)
{
    AV_CLEANUP(av_free)
    char *dir = base_dir != NULL ? av_xstrdup(base_dir) : av_xasprintf("%s/%s", self->instances_dir, id);
    AV_CLEANUP(av_free) char *keyring = av_xasprintf("%s/keyring/keyring.avk", dir);
    AV_CLEANUP(av_assets_wipe) av_assets assets = { 0 };
    av_host_instance *one = av_host_instance_find(self, id);
    av_errc rc;

    rc = one == NULL ? av_host_instance_place(self, id, dir, err) : prepare_again(one, dir, err);
    if (rc == AV_OK)
        rc = av_assets_make_dir(dir, id, err);
    if (rc == AV_OK)
        rc = av_assets_get(self, id, true, &assets, err);
    *ret_has_keyring = av_file_exists(keyring);
    if (rc == AV_OK && recovery_public != NULL && !*ret_has_keyring)
        rc = av_assets_set_recovery(self, id, recovery_public, err);
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
