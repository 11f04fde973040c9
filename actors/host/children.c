/*
 * children.c - command lines and descriptors of instances and workers (spawn.h says what they are)
 */
#include "actors/host/host_priv.h"

#include <unistd.h>

#include "actors/bus/names.h"
#include "actors/host/lock.h"
#include "actors/host/log_file.h"
#include "base/encode.h"
#include "base/file.h"
#include "base/log.h"
#include "base/secret.h"

#define ARGS_MAX 24
#define CHILD_NONE                                                                                                     \
    ((child){ .ready_read = -1, .spawn = { .log_fd = -1, .lock_fd = -1, .limits = { .cgroup_fd = -1 } } })

typedef struct child {
    av_spawn spawn;
    char *strings[ARGS_MAX];
    size_t string_count;
    const char *argv[ARGS_MAX];
    size_t argc;
    char *program;
    int ready_read;
    char group[AV_ACTOR_NAME_MAX + 8]; /* cgroup and log name */
} child;

static void
add(child *self, const char *word)
{
    assert(self->argc + 1 < ARGS_MAX);
    self->argv[self->argc++] = word;
}

__attribute__((format(printf, 2, 3))) static void
addf(child *self, const char *fmt, ...)
{
    va_list ap;
    char *text = NULL;

    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) < 0)
        abort();
    va_end(ap);
    assert(self->string_count < ARGS_MAX);
    self->strings[self->string_count++] = text;
    add(self, text);
}

static void
keep(child *self, int fd)
{
    assert(self->spawn.keep_count < AV_SPAWN_KEEP_MAX);
    self->spawn.keep[self->spawn.keep_count++] = fd;
}

/* The child has its own copies by now, or there is none. */
static void
child_release(child *self)
{
    for (size_t i = 0; i < self->spawn.keep_count; i++)
        av_fd_close(&self->spawn.keep[i]);
    av_fd_close(&self->spawn.log_fd);
    av_fd_close(&self->spawn.lock_fd);
    av_fd_close(&self->spawn.limits.cgroup_fd);
    av_fd_close(&self->ready_read);
    for (size_t i = 0; i < self->string_count; i++)
        free(self->strings[i]);
    free(self->program);
}

static av_errc
add_pipe(child *self, const char *option, av_span bytes, av_error *err)
{
    int fd = -1;
    av_errc rc = av_spawn_pipe_with(bytes, &fd, err);

    if (rc != AV_OK)
        return rc;
    keep(self, fd);
    addf(self, "%s%d", option, fd);
    return AV_OK;
}

static av_errc
add_keys(child *self, const av_keypair *keys, av_error *err)
{
    AV_CLEANUP(av_buf_release_secret) av_buf text = { 0 };
    char public_text[AV_KEY_Z85_MAX], secret_text[AV_KEY_Z85_MAX];

    av_buf_init(&text, 1024);
    av_key_to_z85(keys->public_key, public_text);
    av_key_to_z85(keys->secret_key, secret_text);
    (void)av_buf_printf(&text, "name = %s\npublic = %s\nsecret = %s\n", keys->name, public_text, secret_text);
    av_secret_wipe(secret_text, sizeof secret_text);
    add(self, "--keys-fd");
    return add_pipe(self, "", av_buf_span(&text), err);
}

static av_errc
add_ready(child *self, av_error *err)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0)
        return av_error_errno(err, "pipe");
    self->ready_read = fds[0];
    keep(self, fds[1]);
    add(self, "--ready-fd");
    addf(self, "%d", fds[1]);
    return AV_OK;
}

/* A log that cannot be opened is no reason not to start: the child then writes to the host's. */
static void
open_log(const av_host *host, child *self)
{
    AV_CLEANUP(av_free) char *path = av_node_path(host->node, "logs/%s.log", self->group);
    av_error err;

    if (host->settings.log_files && av_log_file_open(path, &self->spawn.log_fd, &err) != AV_OK)
        AV_LOG(AV_LOG_WARN, "process.no_log", AV_STR("process", self->group), AV_ERRF(&err));
}

static void
set_limits(const av_host *host, child *self, uint64_t memory_mb, uint64_t files, int oom_score_adj)
{
    av_error err;

    self->spawn.limits =
        (av_limits){ .files = files, .memory_bytes = memory_mb << 20, .oom_score_adj = oom_score_adj, .cgroup_fd = -1 };
    if (host->settings.cgroup_dir[0] != '\0' && av_limits_cgroup(host->settings.cgroup_dir, self->group,
                                                    memory_mb << 20, &self->spawn.limits.cgroup_fd, &err) != AV_OK)
        AV_LOG(AV_LOG_WARN, "process.no_cgroup", AV_STR("process", self->group), AV_ERRF(&err));
}

/* What every child has: program, data folder, name, keys, ready, log. */
static av_errc
child_init(const av_host *host, child *self, const char *program, const av_keypair *keys, av_error *err)
{
    av_errc rc;

    self->program = av_xasprintf("%s/%s", host->programs_dir, program);
    self->spawn.program = self->program;
    av_actor_name_file(keys->name, self->group);
    add(self, program);
    add(self, "--data");
    add(self, host->node->data_dir);
    add(self, "--name");
    add(self, keys->name);
    rc = add_keys(self, keys, err);
    if (rc == AV_OK)
        rc = add_ready(self, err);
    if (rc == AV_OK)
        open_log(host, self);
    return rc;
}

static av_errc
child_run(child *self, av_launched *ret, av_error *err)
{
    av_errc rc;

    self->argv[self->argc] = NULL;
    self->spawn.argv = self->argv;
    rc = av_spawn_run(&self->spawn, &ret->pid, &ret->pidfd, err);
    if (rc != AV_OK)
        return rc;
    ret->ready_fd = self->ready_read;
    self->ready_read = -1;
    return AV_OK;
}

av_errc
av_host_launch_instance(
    av_host *self, const char *id, const char *base_dir, bool sleep_allowed, av_launched *ret, av_error *err)
{
    AV_CLEANUP(av_assets_wipe) av_assets assets = { 0 };
    AV_CLEANUP(child_release) child one = CHILD_NONE;
    char recovery[2 * AV_KEY_SIZE + 1];
    av_errc rc;

    rc = av_assets_get(self, id, false, &assets, err);
    if (rc == AV_OK)
        rc = child_init(self, &one, "archivolt-instance", &assets.keys, err);
    if (rc != AV_OK)
        return rc;
    set_limits(self, &one, self->settings.instance_memory_mb, self->settings.instance_files, 300);
    add(&one, "--arg");
    addf(&one, "dir=%s", base_dir);
    add(&one, "--arg");
    rc = add_pipe(&one, "instance_key_fd=", av_span_of(assets.instance_key, sizeof assets.instance_key), err);
    if (rc != AV_OK)
        return rc;
    add(&one, "--arg");
    av_hex_encode(av_span_of(assets.recovery_public, sizeof assets.recovery_public), recovery);
    addf(&one, "recovery_public=%s", recovery);
    add(&one, "--arg");
    addf(&one, "sleep_after_s=%llu", sleep_allowed ? (unsigned long long)self->settings.sleep_after_s : 0ULL);
    return child_run(&one, ret, err);
}

av_errc
av_host_launch_worker(
    av_host *self, const av_keypair *keys, const char *instance, const char *lock_path, av_launched *ret, av_error *err)
{
    AV_CLEANUP(child_release) child one = CHILD_NONE;
    av_errc rc;

    rc = child_init(self, &one, "archivolt-worker", keys, err);
    if (rc != AV_OK)
        return rc;
    /* A worker dies before an instance when memory is short: it is started again and loses nothing. */
    set_limits(self, &one, self->settings.worker_memory_mb, self->settings.worker_files, 600);
    add(&one, "--arg");
    addf(&one, "instance=%s", instance);
    rc = av_lock_take(lock_path, &one.spawn.lock_fd, err);
    if (rc == AV_OK)
        rc = child_run(&one, ret, err);
    return rc;
}
