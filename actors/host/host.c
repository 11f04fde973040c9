/*
 * host.c - the host actor: settings, state file, start and stop (see host.h)
 */
#include "actors/host/host_priv.h"

#include <unistd.h>

#include "actors/host/log_file.h"
#include "base/file.h"
#include "base/log.h"

#define LOG_CHECK_MS 60000

#define U64(name, fallback, least, most, text)                                                                         \
    {                                                                                                                  \
#name, AV_SETTING_U64, offsetof(av_host_settings, name), fallback, least, most, text                           \
    }

const av_setting av_host_settings_table[] = {
    { "programs_dir", AV_SETTING_STRING, offsetof(av_host_settings, programs_dir), "", 0, 4096,
        "folder of archivolt-instance and archivolt-worker; empty: that of archivolt-host" },
    { "cgroup_dir", AV_SETTING_STRING, offsetof(av_host_settings, cgroup_dir), "", 0, 4096,
        "delegated cgroup v2 folder in which each instance and worker gets a group; empty: rlimits" },
    U64(start_timeout_s, "60", 1, 3600, "seconds an instance may take to become ready"),
    U64(stop_timeout_s, "30", 1, 3600, "seconds an instance may take to stop before it is killed"),
    U64(sleep_after_s, "0", 0, 86400 * 30, "an idle instance goes to sleep after so many seconds; 0: never by itself"),
    U64(instance_memory_mb, AV_LIMITS_MEMORY_MB, 0, 1048576, "memory of an instance in MB; 0: no limit"),
    U64(worker_memory_mb, AV_LIMITS_MEMORY_MB, 0, 1048576, "memory of a worker in MB; 0: no limit"),
    U64(instance_files, "1024", 64, 1048576, "open files of an instance"),
    U64(worker_files, "256", 32, 1048576, "open files of a worker"),
    U64(log_max_mb, "10", 1, 10240,
        "size in MB at which the log of an instance or worker is cut; one older part is kept"),
    U64(starts_at_once, "8", 1, 1000, "instances that are started at the same time"),
    U64(worker_restarts, "100", 0, 1000000, "crashes in a row after which a run's worker is given up"),
    { "log_files", AV_SETTING_BOOL, offsetof(av_host_settings, log_files), "yes", 0, 0,
        "instances and workers log to D/logs; no: to the host's standard error" },
    { 0 },
};

char *
av_host_path(const av_host *self, const char *fmt, ...)
{
    AV_CLEANUP(av_free) char *below = NULL;
    va_list ap;

    va_start(ap, fmt);
    if (vasprintf(&below, fmt, ap) < 0)
        abort();
    va_end(ap);
    return av_node_path(self->node, "host/%s", below);
}

/* ---- state file ---- */

av_errc
av_host_save(av_host *self, av_error *err)
{
    AV_CLEANUP(av_free) char *path = av_host_path(self, "state");
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    size_t at = 0;
    av_span key;
    void *value;

    av_buf_init(&text, AV_HOST_STATE_MAX);
    av_state_write_head(&text, self->boot);
    while (av_map_next(self->instances, &at, &key, &value))
        av_host_instance_write(value, &text);
    at = 0;
    while (av_map_next(self->workers, &at, &key, &value))
        av_host_worker_write(value, &text);
    if (text.full)
        return av_error_set(err, AV_ERR_LIMIT, "this host has more instances than its state file holds");
    return av_file_replace(path, av_buf_span(&text), 0600, err);
}

void
av_host_save_quietly(av_host *self)
{
    av_error err;

    if (av_host_save(self, &err) != AV_OK)
        AV_LOG(AV_LOG_ERROR, "host.state_not_saved", AV_ERRF(&err));
}

static av_errc
load_state(av_host *self, av_error *err)
{
    AV_CLEANUP(av_free) char *path = av_host_path(self, "state");
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    AV_CLEANUP(av_state_release) av_state state = { 0 };
    av_errc rc;

    av_buf_init(&text, AV_HOST_STATE_MAX);
    rc = av_file_read_all(path, &text, err);
    if (rc == AV_ERR_NOT_FOUND)
        return AV_OK; /* the first start */
    if (rc == AV_OK)
        rc = av_state_parse(av_buf_span(&text), &state, err);
    if (rc != AV_OK)
        return av_error_prefix(err, "%s", path);
    self->same_boot = strcmp(state.boot, self->boot) == 0;
    for (size_t i = 0; i < state.instance_count; i++)
        av_host_instance_restore(self, &state.instances[i]);
    for (size_t i = 0; i < state.worker_count; i++)
        av_host_worker_restore(self, &state.workers[i]);
    return AV_OK;
}

/* ---- logs of the children ---- */

static void
trim(const av_host *self, const char *actor_name)
{
    char file[AV_ACTOR_NAME_MAX + 8];
    AV_CLEANUP(av_free) char *path = NULL;
    av_error err;

    av_actor_name_file(actor_name, file);
    path = av_node_path(self->node, "logs/%s.log", file);
    if (av_log_file_trim(path, self->settings.log_max_mb << 20, &err) != AV_OK)
        AV_LOG(AV_LOG_WARN, "host.log_not_cut", AV_STR("path", path), AV_ERRF(&err));
}

static void
on_log_time(void *ctx)
{
    av_host *self = ctx;
    char name[AV_ACTOR_NAME_MAX + 1];
    size_t at = 0;
    av_span key;
    void *value;

    while (av_map_next(self->instances, &at, &key, &value)) {
        (void)snprintf(name, sizeof name, "instance/%.*s", (int)key.n, (const char *)key.p);
        trim(self, name);
    }
    at = 0;
    while (av_map_next(self->workers, &at, &key, &value)) {
        (void)snprintf(name, sizeof name, "worker/%s/%.*s", self->node->node, (int)key.n, (const char *)key.p);
        trim(self, name);
    }
}

/* ---- life ---- */

static av_errc
find_programs(av_host *self, av_error *err)
{
    char path[AV_HOST_PATH_MAX];
    ssize_t n;

    if (self->settings.programs_dir[0] != '\0') {
        self->programs_dir = av_xstrdup(self->settings.programs_dir);
        return AV_OK;
    }
    n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0)
        return av_error_errno(err, "find my own program");
    path[n] = '\0';
    *strrchr(path, '/') = '\0';
    self->programs_dir = av_xstrdup(path);
    return AV_OK;
}

static av_errc
make_dirs(av_host *self, av_error *err)
{
    AV_CLEANUP(av_free) char *keys = av_host_path(self, "keys");
    AV_CLEANUP(av_free) char *workers = av_host_path(self, "workers");
    AV_CLEANUP(av_free) char *logs = av_node_path(self->node, "logs");
    const char *const dirs[] = { keys, workers, logs, self->instances_dir };

    for (size_t i = 0; i < AV_COUNT(dirs); i++) {
        av_errc rc = av_dir_make(dirs[i], err);

        if (rc != AV_OK)
            return rc;
    }
    return AV_OK;
}

static void
on_end(void *ctx)
{
    av_host *self = ctx;

    av_loop_remove_timer(&self->log_timer);
    av_host_restores_free(self);
    av_operations_destroy(&self->operations);
    av_map_destroy(&self->workers, av_host_worker_free);
    av_map_destroy(&self->instances, av_host_instance_free);
    av_machine_release(&self->machine);
    free(self->instances_dir);
    free(self->programs_dir);
    self->instances_dir = self->programs_dir = NULL;
}

static av_errc
on_start(void *ctx, av_actor *actor, av_error *err)
{
    av_host *self = ctx;
    av_errc rc;

    self->actor = actor;
    self->loop = av_actor_loop(actor);
    self->node = av_actor_node(actor);
    self->instances = av_map_new();
    self->workers = av_map_new();
    self->instances_dir = self->node->instances_dir != NULL && self->node->instances_dir[0] != '\0'
                              ? av_xstrdup(self->node->instances_dir)
                              : av_node_path(self->node, "instances");
    av_state_boot(self->boot);
    av_machine_read(&self->machine);
    rc = find_programs(self, err);
    if (rc == AV_OK)
        rc = make_dirs(self, err);
    if (rc == AV_OK)
        rc = load_state(self, err);
    if (rc != AV_OK)
        on_end(self); /* is called only for an actor that has started */
    return rc;
}

static void
on_ready(void *ctx, av_actor *actor)
{
    av_host *self = ctx;

    self->bus = av_actor_bus(actor);
    av_host_serve(self);
    self->operations = av_operations_new(self->bus, NULL, NULL);
    self->log_timer = av_loop_add_timer(self->loop, LOG_CHECK_MS, LOG_CHECK_MS, on_log_time, self);
    av_host_instances_begin(self);
    av_host_workers_begin(self);
    self->same_boot = true; /* from here on the state file is of this boot */
    av_actor_set_state(actor, ARCHIVOLT__ACTOR_STATE__ACTOR_STATE_READY, NULL);
}

void
av_host_check_stopped(av_host *self)
{
    size_t at = 0;
    av_span key;
    void *value;

    if (!self->stopping)
        return;
    while (av_map_next(self->instances, &at, &key, &value))
        if (!av_host_instance_is_down(value))
            return;
    at = 0;
    while (av_map_next(self->workers, &at, &key, &value))
        if (!av_host_worker_is_down(value))
            return;
    av_actor_stopped(self->actor);
}

static void
on_stop(void *ctx, av_actor *actor AV_UNUSED)
{
    av_host *self = ctx;

    /* Workers first: an instance that goes while its worker writes would be taken for a broken one. */
    self->stopping = true;
    av_host_restores_stop(self);
    av_host_workers_stop_all(self);
    av_host_instances_stop_all(self);
    av_host_check_stopped(self);
}

static const char *const counter_names[AV_HOST_COUNTERS] = { "instances", "running", "asleep", "failed", "workers",
    "restarts" };

static void
on_status(void *ctx, Archivolt__Status *status, av_buf *scratch AV_UNUSED)
{
    av_host *self = ctx;
    uint64_t values[AV_HOST_COUNTERS] = { 0 };
    size_t at = 0;
    av_span key;
    void *value;

    while (av_map_next(self->instances, &at, &key, &value)) {
        Archivolt__HostInstance row;

        av_host_instance_describe(value, &row);
        values[1] += row.state == ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_RUNNING;
        values[2] += row.state == ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_ASLEEP;
        values[3] += row.state == ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_FAILED;
    }
    values[0] = av_map_count(self->instances);
    values[4] = av_map_count(self->workers);
    values[5] = self->restarts;
    for (size_t i = 0; i < AV_HOST_COUNTERS; i++) {
        (void)snprintf(self->counter_text[i], sizeof self->counter_text[i], "%llu", (unsigned long long)values[i]);
        archivolt__key_value__init(&self->counters[i]);
        self->counters[i].key = (char *)(uintptr_t)counter_names[i];
        self->counters[i].value = self->counter_text[i];
        self->counter_list[i] = &self->counters[i];
    }
    status->counters = self->counter_list;
    status->n_counters = AV_HOST_COUNTERS;
}

int
av_host_main(int argc, char **argv)
{
    av_host self = { 0 };
    av_actor_config config = { .program = "archivolt-host",
        .help = "Starts, stops, wakes and limits the instances and workers of one node.",
        .name = "host/%s",
        .settings = av_host_settings_table,
        .settings_into = &self.settings,
        .on_start = on_start,
        .on_ready = on_ready,
        .on_stop = on_stop,
        .on_end = on_end,
        .on_status = on_status,
        .self = &self };

    return av_actor_main(&config, argc, argv);
}
