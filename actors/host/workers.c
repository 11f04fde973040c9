/*
 * workers.c - the workers of the runs on this node
 *
 * A run's worker has a key pair of its own, registered with management before it is spawned, kept in D/host/workers
 * so that a restarted worker or host goes on with it, and revoked when the run has ended. The lock file
 * D/host/workers/<run>.lock is held through a descriptor the worker inherits: while it is held, no second worker is
 * started for the run.
 */
#include "actors/host/host_priv.h"

#include "actors/bus/carrier.h"
#include "base/file.h"
#include "base/log.h"
#include "proto/management.pb-c.h"

#define BACKOFF_MIN_MS   250
#define BACKOFF_MAX_MS   30000
#define BACKOFF_RESET_MS 60000
#define START_TIMEOUT_MS 60000
#define STOP_GRACE_MS    10000
#define REGISTER_MS      20000

/* Life of a record: registering, then supervised, then ending (its key is being revoked), then gone. */
struct av_host_worker {
    av_host *host;
    char run[AV_HOST_RUN_HEX + 1];
    char instance[AV_HOST_INSTANCE_MAX + 1];
    char name[AV_ACTOR_NAME_MAX + 1];
    av_keypair keys;
    char *lock_path, *key_path;
    av_supervisor *supervisor;
    av_call *registering, *revoking;
    bool ending;
    av_host_done_fn *started, *stopped; /* who waits; NULL: nobody */
    void *started_ctx, *stopped_ctx;
};

static void end_worker(av_host_worker *self);
static void register_key(av_host_worker *self);

static void
tell_started(av_host_worker *self, const av_error *err)
{
    av_host_done_fn *fn = self->started;

    self->started = NULL;
    if (fn != NULL)
        fn(self->started_ctx, err);
}

static void
tell_stopped(av_host_worker *self)
{
    av_host_done_fn *fn = self->stopped;

    self->stopped = NULL;
    if (fn != NULL)
        fn(self->stopped_ctx, NULL);
}

/* Whoever waits for its start is told that it will not come. */
static void
cancel_start(av_host_worker *self)
{
    av_error err;

    av_call_cancel(&self->registering);
    (void)av_error_set(&err, AV_ERR_CANCELLED, "the worker of run %s was stopped before it had started", self->run);
    tell_started(self, &err);
}

static av_errc
on_launch(void *ctx, av_launched *ret, av_error *err)
{
    av_host_worker *self = ctx;

    return av_host_launch_worker(self->host, &self->keys, self->instance, self->lock_path, ret, err);
}

static av_supervisor_verdict
on_exit_status(void *ctx, int status)
{
    av_host_worker *self = ctx;

    if (status == 0 || status == AV_EXIT_RUN_FAILED) {
        self->ending = true;
        return AV_SUPERVISOR_STAY_DOWN;
    }
    if (av_supervisor_failures(self->supervisor) >= self->host->settings.worker_restarts) {
        AV_LOG(AV_LOG_ERROR, "worker.given_up", AV_STR("run", self->run), AV_STR("instance", self->instance),
            AV_U64("failures", av_supervisor_failures(self->supervisor)));
        self->ending = true;
        return AV_SUPERVISOR_STAY_DOWN;
    }
    self->host->restarts++;
    return AV_SUPERVISOR_RESTART;
}

static void
on_change(void *ctx)
{
    av_host_worker *self = ctx;
    av_host *host = self->host;

    if (self->started != NULL) {
        const char *trouble = av_supervisor_error(self->supervisor);
        av_error err;

        if (av_supervisor_get_state(self->supervisor) != AV_SUPERVISOR_BACKOFF)
            tell_started(self, NULL);
        else {
            (void)av_error_set(
                &err, AV_ERR_UNAVAILABLE, "the worker could not be started: %s", trouble == NULL ? "?" : trouble);
            self->ending = true; /* the caller was told that there is none */
            tell_started(self, &err);
        }
    }
    if (self->ending)
        end_worker(self); /* self may be gone now */
    av_host_check_stopped(host);
}

static av_host_worker *
new_worker(av_host *host, const char *instance, const char *run)
{
    av_host_worker *self = av_xcalloc(1, sizeof *self);
    av_supervisor_config config = { .loop = host->loop,
        .start_timeout_ms = START_TIMEOUT_MS,
        .backoff_min_ms = BACKOFF_MIN_MS,
        .backoff_max_ms = BACKOFF_MAX_MS,
        .backoff_reset_ms = BACKOFF_RESET_MS,
        .launch = on_launch,
        .on_exit = on_exit_status,
        .on_change = on_change,
        .ctx = self };

    self->host = host;
    (void)snprintf(self->run, sizeof self->run, "%s", run);
    (void)snprintf(self->instance, sizeof self->instance, "%s", instance);
    (void)snprintf(self->name, sizeof self->name, "worker/%s/%s", host->node->node, run);
    self->lock_path = av_host_path(host, "workers/%s.lock", run);
    self->key_path = av_host_path(host, "workers/%s.key", run);
    config.name = self->name;
    config.lock_path = self->lock_path;
    self->supervisor = av_supervisor_new(&config);
    (void)av_map_put_str(host->workers, self->run, self);
    return self;
}

void
av_host_worker_free(void *worker)
{
    av_host_worker *self = worker;

    av_call_cancel(&self->registering);
    av_call_cancel(&self->revoking);
    av_supervisor_destroy(&self->supervisor);
    av_keypair_wipe(&self->keys);
    free(self->lock_path);
    free(self->key_path);
    free(self);
}

/* The record and its files go; the key is revoked before, or management prunes it (it is a worker's of this node). */
static void
forget(av_host_worker *self)
{
    av_host *host = self->host;
    AV_CLEANUP(av_free) char *group = av_xasprintf("worker_%s_%s", host->node->node, self->run);
    AV_CLEANUP(av_free) char *dir = av_node_path(host->node, "run");
    AV_CLEANUP(av_free) char *socket = av_carrier_path(dir, self->name);

    (void)av_file_ops_get()->unlink(socket); /* a worker that was killed leaves it */
    (void)av_file_ops_get()->unlink(self->key_path);
    (void)av_file_ops_get()->unlink(self->lock_path);
    if (host->settings.cgroup_dir[0] != '\0')
        av_limits_cgroup_remove(host->settings.cgroup_dir, group);
    (void)av_map_remove_str(host->workers, self->run);
    tell_stopped(self);
    av_host_worker_free(self);
    av_host_save_quietly(host);
    av_host_check_stopped(host);
}

static void
on_revoked(void *ctx, av_call *call AV_UNUSED, const ProtobufCMessage *reply AV_UNUSED, const av_error *err)
{
    av_host_worker *self = ctx;

    self->revoking = NULL;
    if (self->host->stopping)
        return; /* stays in the state file: the next host ends it */
    if (err != NULL && err->code != AV_ERR_NOT_FOUND)
        AV_LOG(AV_LOG_WARN, "worker.key_not_revoked", AV_STR("worker", self->name), AV_ERRF(err));
    forget(self);
}

/* Its process is down or is brought down; then the key is revoked; then it is forgotten. */
static void
end_worker(av_host_worker *self)
{
    Archivolt__RevokeActorRequest body = ARCHIVOLT__REVOKE_ACTOR_REQUEST__INIT;
    av_call_spec spec = { .to = "management",
        .method = "archivolt.Management.RevokeActor",
        .body = &body.base,
        .timeout_ms = REGISTER_MS,
        .done = on_revoked,
        .ctx = self };

    self->ending = true;
    if (av_supervisor_get_state(self->supervisor) == AV_SUPERVISOR_STOPPING)
        return;
    if (av_supervisor_get_state(self->supervisor) != AV_SUPERVISOR_DOWN) {
        av_supervisor_stop(self->supervisor, STOP_GRACE_MS); /* on_change comes back here */
        return;
    }
    if (self->revoking != NULL)
        return;
    body.name = self->name;
    self->revoking = av_bus_call(self->host->bus, &spec);
}

static void
on_registered(void *ctx, av_call *call AV_UNUSED, const ProtobufCMessage *reply AV_UNUSED, const av_error *err)
{
    av_host_worker *self = ctx;
    av_error failure;

    self->registering = NULL;
    if (self->host->stopping)
        return;
    if (err != NULL && self->started == NULL) { /* a run of an earlier host: it is not given up for that */
        AV_LOG(AV_LOG_WARN, "worker.not_registered", AV_STR("worker", self->name), AV_ERRF(err));
        register_key(self);
        return;
    }
    if (err != NULL) {
        failure = *err;
        (void)av_error_prefix(&failure, "register the worker's key");
        tell_started(self, &failure);
        forget(self);
        return;
    }
    av_supervisor_start(self->supervisor);
}

static void
register_key(av_host_worker *self)
{
    Archivolt__RegisterActorRequest body = ARCHIVOLT__REGISTER_ACTOR_REQUEST__INIT;
    av_call_spec spec = { .to = "management",
        .method = "archivolt.Management.RegisterActor",
        .body = &body.base,
        .timeout_ms = REGISTER_MS,
        .done = on_registered,
        .ctx = self };

    body.name = self->name;
    body.public_key = (ProtobufCBinaryData){ AV_KEY_SIZE, self->keys.public_key };
    self->registering = av_bus_call(self->host->bus, &spec);
}

static av_errc
get_keys(av_host_worker *self, av_error *err)
{
    av_errc rc = av_keypair_load(self->key_path, &self->keys, err);

    if (rc != AV_ERR_NOT_FOUND)
        return rc;
    av_keypair_generate(self->name, &self->keys);
    return av_keypair_save(&self->keys, self->key_path, err);
}

static void
refuse(av_host_done_fn *done, void *ctx, av_errc code, const char *why, const char *run)
{
    av_error err;

    (void)av_error_set(&err, code, "run %s %s", run, why);
    done(ctx, &err);
}

void
av_host_worker_start(av_host *self, const char *instance, const char *run, av_host_done_fn *done, void *ctx)
{
    av_host_worker *one = av_map_get_str(self->workers, run);
    av_error err = { 0 };
    av_errc rc;

    if (one != NULL && strcmp(one->instance, instance) != 0) {
        refuse(done, ctx, AV_ERR_DENIED, "belongs to another instance", run);
        return;
    }
    if (one != NULL && (one->ending || one->started != NULL)) {
        refuse(done, ctx, AV_ERR_BUSY, one->ending ? "is ending" : "is being started", run);
        return;
    }
    if (one != NULL) { /* asked again: it runs, or comes back by itself */
        done(ctx, NULL);
        return;
    }
    one = new_worker(self, instance, run);
    rc = get_keys(one, &err);
    if (rc == AV_OK)
        rc = av_host_save(self, &err);
    if (rc != AV_OK) {
        forget(one);
        done(ctx, &err);
        return;
    }
    one->started = done;
    one->started_ctx = ctx;
    register_key(one);
}

void
av_host_worker_stop(av_host *self, const char *instance, const char *run, av_host_done_fn *done, void *ctx)
{
    av_host_worker *one = av_map_get_str(self->workers, run);

    if (one == NULL) { /* it ended by itself */
        done(ctx, NULL);
        return;
    }
    if (strcmp(one->instance, instance) != 0) {
        refuse(done, ctx, AV_ERR_DENIED, "belongs to another instance", run);
        return;
    }
    if (one->stopped != NULL) {
        refuse(done, ctx, AV_ERR_BUSY, "is being stopped", run);
        return;
    }
    one->stopped = done;
    one->stopped_ctx = ctx;
    cancel_start(one);
    end_worker(one);
}

void
av_host_worker_restore(av_host *self, const av_state_worker *state)
{
    (void)new_worker(self, state->instance, state->run);
}

void
av_host_workers_begin(av_host *self)
{
    size_t at = 0;
    av_span key;
    void *value;

    while (av_map_next(self->workers, &at, &key, &value)) {
        av_host_worker *one = value;
        av_error err;

        if (get_keys(one, &err) != AV_OK) {
            AV_LOG(AV_LOG_ERROR, "worker.no_key", AV_STR("worker", one->name), AV_ERRF(&err));
            end_worker(one);
            continue;
        }
        if (!av_supervisor_adopt(one->supervisor))
            register_key(one); /* it may never have been: the call is repeatable */
    }
}

void
av_host_workers_stop_all(av_host *self)
{
    size_t at = 0;
    av_span key;
    void *value;

    while (av_map_next(self->workers, &at, &key, &value)) {
        av_host_worker *one = value;

        cancel_start(one);
        av_supervisor_stop(
            one->supervisor, STOP_GRACE_MS); /* stays in the state file: the next host goes on with the run */
    }
}

void
av_host_workers_drop(av_host *self, const char *instance)
{
    size_t at = 0;
    av_span key;
    void *value;

    while (av_map_next(self->workers, &at, &key, &value)) {
        av_host_worker *one = value;

        if (strcmp(one->instance, instance) == 0 && !one->ending) {
            cancel_start(one);
            end_worker(one); /* never frees it at once: its key is revoked by a call */
        }
    }
}

void
av_host_worker_write(const av_host_worker *self, av_buf *out)
{
    av_state_worker line;

    memcpy(line.run, self->run, sizeof line.run);
    memcpy(line.instance, self->instance, sizeof line.instance);
    av_state_write_worker(out, &line);
}

bool
av_host_worker_is_down(const av_host_worker *self)
{
    return av_supervisor_get_state(self->supervisor) == AV_SUPERVISOR_DOWN;
}
