/*
 * actor.c - see actor.h
 */
#include "actors/bus/actor.h"

#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "actors/bus/args.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/machine.h"
#include "base/notify.h"
#include "base/secret.h"

#define STATUS_EVERY_MS 5000
#define STOP_WITHIN_MS  20000
#define EXIT_CONFIG     78 /* EX_CONFIG of sysexits.h */
#define EXIT_USAGE      2

struct av_actor {
    const av_actor_config *config;
    av_actor_args args;
    av_node node;
    av_keypair keys;
    av_loop *loop;
    av_bus *bus;
    Archivolt__ActorState state;
    char detail[480];
    int64_t ready_ms; /* 0: not yet */
    bool met_bus;     /* on_ready was called */
    bool stopping;
    int exit_status;
};

/* ---- status ---- */

static uint64_t
uptime_ms(const av_actor *self)
{
    return self->ready_ms == 0 ? 0 : (uint64_t)(av_clock_mono_ms() - self->ready_ms);
}

static void
fill_status(av_actor *self, Archivolt__Status *status, av_buf *scratch)
{
    archivolt__status__init(status);
    status->actor = self->keys.name;
    status->node = self->node.node;
    status->state = self->state;
    status->pid = (uint32_t)getpid();
    status->uptime_ms = uptime_ms(self);
    status->version = (char *)AV_VERSION;
    status->detail = self->detail[0] == '\0' ? NULL : self->detail;
    status->has_memory_bytes = true;
    status->memory_bytes = av_machine_own_memory_bytes();
    if (self->config->on_status != NULL)
        self->config->on_status(self->config->self, status, scratch);
}

static void
publish(void *ctx)
{
    av_actor *self = ctx;
    AV_CLEANUP(av_buf_release) av_buf scratch = { 0 };
    Archivolt__Status status;

    av_buf_init(&scratch, AV_BUS_BLOB_MAX);
    if (self->bus == NULL || !av_bus_is_ready(self->bus))
        return;
    fill_status(self, &status, &scratch);
    av_bus_publish(self->bus, &status.base);
}

static void
on_ping(void *ctx, av_request *request, const ProtobufCMessage *body)
{
    av_actor *self = ctx;
    Archivolt__PingReply reply = ARCHIVOLT__PING_REPLY__INIT;

    (void)body;
    reply.actor = self->keys.name;
    reply.version = (char *)AV_VERSION;
    reply.uptime_ms = uptime_ms(self);
    av_request_reply(request, &reply.base);
}

static void
on_get_status(void *ctx, av_request *request, const ProtobufCMessage *body)
{
    av_actor *self = ctx;
    AV_CLEANUP(av_buf_release) av_buf scratch = { 0 };
    Archivolt__Status status;

    (void)body;
    av_buf_init(&scratch, AV_BUS_BLOB_MAX);
    fill_status(self, &status, &scratch);
    av_request_reply(request, &status.base);
}

static const av_handler handlers[] = {
    { "archivolt.Actor.Ping", on_ping },
    { "archivolt.Actor.GetStatus", on_get_status },
};

/* ---- state ---- */

static void
tell_ready(av_actor *self)
{
    static const char word[] = "ready\n";
    ssize_t n;

    self->ready_ms = av_clock_mono_ms();
    AV_LOG(AV_LOG_INFO, "actor.ready", AV_STR("version", AV_VERSION));
    av_notify("READY=1");
    if (self->args.ready_fd < 0)
        return;
    n = write(self->args.ready_fd, word, sizeof word - 1); /* who asked may be gone by now */
    (void)n;
    av_fd_close(&self->args.ready_fd);
}

void
av_actor_set_state(av_actor *self, Archivolt__ActorState state, const char *detail)
{
    (void)snprintf(self->detail, sizeof self->detail, "%s", detail == NULL ? "" : detail);
    self->state = state;
    if (state == ARCHIVOLT__ACTOR_STATE__ACTOR_STATE_READY && self->ready_ms == 0)
        tell_ready(self);
    publish(self);
}

static void
on_bus_ready(void *ctx, const char *name_and_connection)
{
    av_actor *self = ctx;

    (void)name_and_connection;
    if (!self->met_bus) {
        self->met_bus = true;
        if (self->config->on_ready != NULL)
            self->config->on_ready(self->config->self, self);
        else
            av_actor_set_state(self, ARCHIVOLT__ACTOR_STATE__ACTOR_STATE_READY, NULL);
    } else if (self->config->on_reconnect != NULL) {
        self->config->on_reconnect(self->config->self, self);
    }
    publish(self);
}

/* ---- stopping ---- */

void
av_actor_stopped(av_actor *self)
{
    av_loop_stop(self->loop);
}

static void
on_stop_late(void *ctx)
{
    av_actor *self = ctx;

    AV_LOG(AV_LOG_WARN, "actor.stop_late", AV_U64("after_ms", STOP_WITHIN_MS));
    av_loop_stop(self->loop);
}

void
av_actor_stop(av_actor *self, int exit_status)
{
    if (self->stopping)
        return;
    self->stopping = true;
    self->exit_status = exit_status;
    AV_LOG(AV_LOG_INFO, "actor.stopping");
    av_notify("STOPPING=1");
    av_actor_set_state(self, ARCHIVOLT__ACTOR_STATE__ACTOR_STATE_STOPPING, NULL);
    (void)av_loop_add_timer(self->loop, STOP_WITHIN_MS, 0, on_stop_late, self);
    if (self->config->on_stop != NULL)
        self->config->on_stop(self->config->self, self);
    else
        av_actor_stopped(self);
}

static void
on_stop_signal(void *ctx)
{
    av_actor_stop(ctx, 0);
}

static void
on_reload_signal(void *ctx)
{
    av_actor *self = ctx;

    if (self->config->on_reload != NULL)
        self->config->on_reload(self->config->self, self);
}

static void
on_child_signal(void *ctx)
{
    av_actor *self = ctx;

    self->config->on_child(self->config->self, self);
}

/* ---- starting ---- */

/* Secrets pass through this process: nothing of it for others, not even its core. Nor does it gain rights by exec. */
static void
harden(void)
{
    struct rlimit none = { 0, 0 };

    (void)umask(077);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); /* fails on no kernel we run on (3.5 and later) */
    /* malloc_trim gives back the end of the main arena only: in others an idle process would keep its peak. */
    (void)mallopt(M_ARENA_MAX, 1);
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)signal(SIGPIPE, SIG_IGN);
#ifndef __SANITIZE_ADDRESS__ /* its leak check traces the process */
    (void)prctl(PR_SET_DUMPABLE, 0);
#endif
    av_secret_init();
}

static const av_setting no_settings[] = { { .key = NULL } };

static const av_setting *
program_settings(const av_actor_config *config)
{
    return config->settings == NULL ? no_settings : config->settings;
}

static bool
has_setting(const av_setting *table, av_span key)
{
    for (; table->key != NULL; table++)
        if (av_span_eq_str(key, table->key))
            return true;
    return false;
}

static av_errc
load_settings(av_actor *self, av_error *err)
{
    const av_setting *table = program_settings(self->config);
    AV_CLEANUP(av_free) char *path = av_node_path(&self->node, "%s.conf", self->config->program);
    av_errc rc;

    av_settings_defaults(table, self->config->settings_into);
    rc = av_settings_load(table, self->config->settings_into, path, err);
    if (rc != AV_OK && rc != AV_ERR_NOT_FOUND)
        return rc;
    for (size_t i = 0; i < self->args.set_n; i++) {
        av_span pair = av_span_str(self->args.set[i]), key, value;
        bool own;

        av_actor_args_split(pair, &key, &value);
        own = has_setting(table, key);
        rc = av_settings_set(own ? table : av_node_settings, own ? self->config->settings_into : (void *)&self->node,
            key, value, "--set", err);
        if (rc != AV_OK)
            return rc;
    }
    return AV_OK;
}

static av_errc
load_keys(av_actor *self, av_error *err)
{
    AV_CLEANUP(av_free) char *name = NULL;
    AV_CLEANUP(av_free) char *path = NULL;
    av_errc rc;

    if (self->args.name != NULL)
        name = av_xstrdup(self->args.name);
    else if (self->config->name != NULL)
        name = av_xasprintf(self->config->name, self->node.node);
    if (self->args.keys_fd >= 0) {
        rc = av_keypair_read_fd(self->args.keys_fd, &self->keys, err);
        av_fd_close(&self->args.keys_fd);
    } else {
        if (name == NULL)
            return av_error_set(err, AV_ERR_INVALID, "--name or --keys-fd is needed");
        if (!av_actor_name_valid(av_span_str(name)))
            return av_error_set(err, AV_ERR_INVALID, "\"%s\" is not the name of an actor", name);
        path = av_node_key_path(&self->node, name);
        rc = av_keypair_load(path, &self->keys, err);
    }
    if (rc != AV_OK)
        return rc;
    if (name != NULL && strcmp(name, self->keys.name) != 0)
        return av_error_set(err, AV_ERR_INVALID, "the key given belongs to %s, not to %s", self->keys.name, name);
    return AV_OK;
}

static av_errc
load(av_actor *self, av_error *err)
{
    av_log_level level = AV_LOG_INFO;
    av_errc rc = av_node_load(self->args.data, &self->node, err);

    if (rc == AV_OK)
        rc = load_settings(self, err);
    if (rc == AV_OK)
        rc = load_keys(self, err);
    if (rc != AV_OK)
        return rc;
    if (!av_log_level_parse(self->node.log_level, &level))
        return av_error_set(err, AV_ERR_INVALID, "log_level must be debug, info, warn or error");
    av_log_init(self->keys.name, level, self->node.log_json);
    return AV_OK;
}

static av_errc
open_bus(av_actor *self, av_error *err)
{
    AV_CLEANUP(av_free) char *endpoint = av_node_bus_endpoint(&self->node, self->keys.name);
    AV_CLEANUP(av_free) char *local_dir = av_node_path(&self->node, "run");
    av_bus_config config = { .loop = self->loop,
        .endpoint = endpoint,
        .node = self->node.node,
        .keys = &self->keys,
        .receive_budget_bytes = self->config->receive_budget_bytes,
        .local_dir = self->node.local_streams ? local_dir : NULL,
        .on_ready = on_bus_ready,
        .ctx = self };
    av_errc rc;

    memcpy(config.broker_key, self->node.broker_key, sizeof config.broker_key);
    memcpy(config.registry_key, self->node.registry_key, sizeof config.registry_key);
    rc = av_bus_open(&config, &self->bus, err);
    if (rc == AV_OK)
        av_bus_serve(self->bus, handlers, AV_COUNT(handlers), self);
    return rc;
}

/* From the loop to the last byte. */
static av_errc
serve(av_actor *self, av_error *err)
{
    av_errc rc = av_loop_new(&self->loop, err);

    if (rc == AV_OK)
        rc = av_loop_add_signals(self->loop, on_stop_signal, on_reload_signal,
            self->config->on_child == NULL ? NULL : on_child_signal, self, err);
    if (rc ==
        AV_OK) /* the bus exists already, so that on_start may add handlers; nothing is sent before the loop runs */
        rc = open_bus(self, err);
    if (rc == AV_OK && self->config->on_start != NULL)
        rc = self->config->on_start(self->config->self, self, err);
    if (rc == AV_OK) {
        (void)av_loop_add_timer(self->loop, STATUS_EVERY_MS, STATUS_EVERY_MS, publish, self);
        av_loop_run(self->loop);
        self->state = ARCHIVOLT__ACTOR_STATE__ACTOR_STATE_STOPPED;
        publish(self);
    }
    av_bus_destroy(&self->bus);
    if (rc == AV_OK && self->config->on_end != NULL)
        self->config->on_end(self->config->self);
    av_loop_destroy(&self->loop);
    return rc;
}

static void
help(const av_actor_config *config)
{
    printf(
        "Usage: %s --data DIR [--name NAME] [--keys-fd N] [--ready-fd N] [--set KEY=VALUE] [--arg KEY=VALUE]\n\n%s\n",
        config->program, config->help);
    if (config->settings != NULL) {
        printf("\nSettings (DIR/%s.conf or --set):\n", config->program);
        av_settings_help(config->settings, stdout);
    }
    printf("\nSettings of the node (DIR/node.conf or --set):\n");
    av_settings_help(av_node_settings, stdout);
}

static void
release(av_actor *self)
{
    av_keypair_wipe(&self->keys);
    if (self->node.node != NULL && self->config->settings != NULL)
        av_settings_release(self->config->settings, self->config->settings_into);
    av_node_release(&self->node);
    av_actor_args_release(&self->args);
}

int
av_actor_main(const av_actor_config *config, int argc, char **argv)
{
    av_actor self = { .config = config, .state = ARCHIVOLT__ACTOR_STATE__ACTOR_STATE_STARTING };
    av_error err = { 0 };
    av_errc rc;

    harden();
    if (av_actor_args_parse(argc, argv, &self.args, &err) != AV_OK) {
        (void)fprintf(stderr, "%s: %s\nTry \"%s --help\".\n", config->program, err.msg, config->program);
        av_actor_args_release(&self.args);
        return EXIT_USAGE;
    }
    if (self.args.help || self.args.version) {
        if (self.args.help)
            help(config);
        else
            printf("%s %s\n", config->program, AV_VERSION);
        av_actor_args_release(&self.args);
        return 0;
    }
    av_log_init(config->program, AV_LOG_INFO, false);
    rc = load(&self, &err);
    if (rc != AV_OK) {
        AV_LOG(AV_LOG_ERROR, "actor.settings", AV_ERRF(&err));
        release(&self);
        return EXIT_CONFIG;
    }
    rc = serve(&self, &err);
    if (rc != AV_OK)
        AV_LOG(AV_LOG_ERROR, "actor.start", AV_ERRF(&err));
    release(&self);
    return rc != AV_OK ? 1 : self.exit_status;
}

av_bus *
av_actor_bus(av_actor *self)
{
    return self->bus;
}

av_loop *
av_actor_loop(av_actor *self)
{
    return self->loop;
}

const av_node *
av_actor_node(const av_actor *self)
{
    return &self->node;
}

const char *
av_actor_name(const av_actor *self)
{
    return self->keys.name;
}

const char *
av_actor_arg(const av_actor *self, const char *key)
{
    return av_actor_args_get(&self->args, key);
}
