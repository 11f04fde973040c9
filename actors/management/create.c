/*
 * create.c - CreateInstance: each step may be done again, so a restart goes on where it was
 *
 *   record "creating" on disk -> Host.PrepareInstance (keys and folder; the same call gives the same key) -> registry
 *   entry signed -> broker has it on disk -> Host.StartInstance when automatic -> record "ready" and the answer, in
 *   one group
 *
 * The recovery key pair is made here, each time the host is asked anew; the host gets the public half, the caller the
 * private one in the answer, and nothing on disk knows it. A creation that goes on after a restart has nobody to tell:
 * Stores.RenewRecoveryKey gives that instance another one.
 *
 * A refusal on the way takes back what was made (remove.c, stage "undoing"). A start that fails is no refusal: the
 * instance stands, GetInstances shows why it does not run.
 */
#include "actors/management/management_priv.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "storage/keys/key_text.h"

#define INFO_MS     3000
#define PREPARE_MS  20000
#define START_MS    90000
#define PATIENCE_MS 3600000

struct creation {
    av_management *m;
    av_task *task;                     /* NULL: nobody waits */
    Archivolt__InstanceConfig *config; /* until it is the record's */
    av_instance *instance;
    av_key recovery;
    bool has_recovery; /* the instance's keyring will be, or was, made for it */
    size_t open;       /* hosts asked for their free space */
    uint64_t best_free;
    char best_host[64];
};

/* Of the request, while somebody waits for it; else each call gets a new one. */
static av_span
trace_of(const struct creation *c)
{
    return c->task == NULL ? av_span_of(NULL, 0) : av_request_trace_id(av_task_request(c->task));
}

struct asked {
    struct creation *owner;
};

static void
creation_free(struct creation *c)
{
    if (c->config != NULL)
        archivolt__instance_config__free_unpacked(c->config, NULL);
    if (c->instance != NULL)
        c->instance->busy = false;
    av_key_wipe(&c->recovery);
    free(c);
}

static void
fail(struct creation *c, const av_error *err)
{
    if (c->task != NULL)
        av_task_fail(&c->task, err);
    creation_free(c);
}

/* ---- taking back ---- */

static void
on_undone(void *ctx AV_UNUSED, const av_error *err)
{
    if (err != NULL)
        AV_LOG(AV_LOG_WARN, "instance.not_undone", AV_ERRF(err));
}

static void
undo(struct creation *c, const av_error *why)
{
    av_instance *instance = c->instance;
    av_management *m = c->m;
    av_error err;

    AV_LOG(AV_LOG_ERROR, "instance.not_created", AV_STR("instance", instance->config->instance_id), AV_ERRF(why));
    instance->stage = AV_STAGE_UNDOING;
    if (av_instances_save(m->instances, instance, &err) != AV_OK)
        AV_LOG(AV_LOG_ERROR, "instance.not_saved", AV_ERRF(&err));
    fail(c, why);
    av_remove_instance(m, instance, true, on_undone, NULL);
}

/* ---- the steps, last first ---- */

static void
finish(struct creation *c)
{
    Archivolt__CreateInstanceReply reply = ARCHIVOLT__CREATE_INSTANCE_REPLY__INIT;
    char key[AV_KEY_TEXT], id[AV_KEY_ID_TEXT];
    av_instance *i = c->instance;
    av_error err = { 0 };

    reply.config = i->config;
    i->stage = AV_STAGE_READY;
    av_meta_begin(c->m->db);
    av_instances_put(c->m->instances, i);
    av_tasks_record(c->m->tasks, av_span_of(i->task_key, i->task_key_n),
        av_span_of(i->task_digest, sizeof i->task_digest), &reply.base);
    if (av_meta_commit(c->m->db, true, &err) != AV_OK) {
        i->stage = AV_STAGE_CREATING; /* as on disk: the next start goes on */
        fail(c, &err);
        return;
    }
    if (c->has_recovery) { /* behind what is recorded */
        av_key_format(&c->recovery, key);
        av_key_id(&c->recovery, id);
        reply.recovery_key = key;
        reply.recovery_key_id = id;
    }
    AV_LOG(AV_LOG_INFO, "instance.created", AV_STR("instance", i->config->instance_id),
        AV_STR("host", i->config->instance_host));
    if (c->task != NULL)
        av_task_reply(&c->task, &reply.base);
    av_secret_wipe(key, sizeof key);
    creation_free(c);
}

static void
on_started(void *ctx, av_call *call AV_UNUSED, const ProtobufCMessage *reply AV_UNUSED, const av_error *err)
{
    struct creation *c = ctx;

    if (c->m->stopping) {
        creation_free(c);
        return;
    }
    if (err != NULL)
        AV_LOG(AV_LOG_WARN, "instance.not_started", AV_STR("instance", c->instance->config->instance_id), AV_ERRF(err));
    finish(c);
}

static void
start(struct creation *c)
{
    Archivolt__InstanceIdRequest body = ARCHIVOLT__INSTANCE_ID_REQUEST__INIT;
    char actor[AV_ACTOR_NAME_MAX + 1];
    av_call_spec spec = { .to = actor,
        .method = "archivolt.Host.StartInstance",
        .body = &body.base,
        .timeout_ms = START_MS,
        .trace = trace_of(c),
        .done = on_started,
        .ctx = c };

    if (c->instance->config->start_mode != ARCHIVOLT__START_MODE__START_MODE_AUTOMATIC) {
        finish(c);
        return;
    }
    av_host_actor(c->instance->config->instance_host, actor);
    body.instance_id = c->instance->config->instance_id;
    (void)av_bus_call(c->m->bus, &spec);
}

static void
on_held(void *ctx, const av_error *err)
{
    struct creation *c = ctx;

    if (err != NULL)
        undo(c, err);
    else
        start(c);
}

/* One that a restart found is not given up for a host that is not back yet. */
static bool
is_patient(const struct creation *c, const av_error *err)
{
    bool silent = err->code == AV_ERR_UNAVAILABLE || err->code == AV_ERR_TIMEOUT || err->code == AV_ERR_NO_ACTOR;

    return c->task == NULL && silent && av_clock_wall_ms() - c->instance->created_ms < PATIENCE_MS;
}

static void
on_prepared(void *ctx, av_call *call AV_UNUSED, const ProtobufCMessage *message, const av_error *err)
{
    struct creation *c = ctx;
    const Archivolt__PrepareInstanceReply *reply = (const void *)message;
    Archivolt__InstanceConfig *config = c->instance->config;
    char host[AV_ACTOR_NAME_MAX + 1], name[AV_ACTOR_NAME_MAX + 1];
    uint64_t serial = 0;
    av_error failure = { 0 };

    if (c->m->stopping || (err != NULL && is_patient(c, err))) {
        creation_free(c);
        return;
    }
    if (err != NULL) {
        undo(c, err);
        return;
    }
    av_host_actor(config->instance_host, host);
    (void)snprintf(name, sizeof name, "instance/%s", config->instance_id);
    av_set_string(&config->base_directory, reply->base_directory);
    c->has_recovery = !reply->has_has_keyring || !reply->has_keyring;
    if (reply->public_key.len != AV_KEY_SIZE)
        (void)av_error_set(&failure, AV_ERR_SYNTAX, "%s gave a key of %zu bytes", host, reply->public_key.len);
    else if (av_instances_save(c->m->instances, c->instance, &failure) == AV_OK)
        (void)av_registrar_register(
            c->m->registrar, name, config->instance_host, host, reply->public_key.data, &serial, &failure);
    if (failure.code != AV_OK)
        undo(c, &failure);
    else
        av_registrar_when_held(c->m->registrar, serial, on_held, c);
}

static void
prepare(struct creation *c)
{
    Archivolt__PrepareInstanceRequest body = ARCHIVOLT__PREPARE_INSTANCE_REQUEST__INIT;
    const Archivolt__InstanceConfig *config = c->instance->config;
    char actor[AV_ACTOR_NAME_MAX + 1];
    uint8_t recovery[32];
    av_call_spec spec = { .to = actor,
        .method = "archivolt.Host.PrepareInstance",
        .body = &body.base,
        .timeout_ms = PREPARE_MS,
        .trace = trace_of(c),
        .done = on_prepared,
        .ctx = c };

    c->instance->busy = true;
    av_host_actor(config->instance_host, actor);
    body.instance_id = config->instance_id;
    body.base_directory = config->base_directory;
    body.has_start_mode = body.has_sleep_allowed = true;
    body.start_mode = config->start_mode;
    body.sleep_allowed = config->sleep_allowed;
    av_key_generate(AV_KEY_RECOVERY, &c->recovery);
    av_key_recovery_public(&c->recovery, recovery);
    body.has_recovery_public = true;
    body.recovery_public = (ProtobufCBinaryData){ sizeof recovery, recovery };
    (void)av_bus_call(c->m->bus, &spec);
}

static void
add_record(struct creation *c)
{
    av_error err = { 0 };

    /* Again: another request may have taken the name while the hosts were asked. */
    if (av_instances_names_free(c->m->instances, c->config, NULL, &err) != AV_OK ||
        av_instances_add_take(
            c->m->instances, &c->config, av_task_key(c->task), av_task_digest(c->task), &c->instance, &err) != AV_OK) {
        fail(c, &err);
        return;
    }
    prepare(c);
}

/* ---- which host ---- */

static void
on_info(void *ctx, av_call *call AV_UNUSED, const ProtobufCMessage *message, const av_error *err)
{
    struct asked *asked = ctx;
    struct creation *c = asked->owner;
    const Archivolt__HostInfo *info = (const void *)message;
    av_error none;

    free(asked);
    if (err == NULL && (c->best_host[0] == '\0' || info->free_bytes > c->best_free)) {
        c->best_free = info->free_bytes;
        (void)snprintf(c->best_host, sizeof c->best_host, "%s", info->node);
    }
    if (--c->open > 0)
        return;
    if (c->best_host[0] == '\0') {
        (void)av_error_set(&none, AV_ERR_UNAVAILABLE, "no instance host answers");
        fail(c, &none);
        return;
    }
    av_set_string(&c->config->instance_host, c->best_host);
    add_record(c);
}

static void
ask_info(struct creation *c, const char *node)
{
    Archivolt__Empty body = ARCHIVOLT__EMPTY__INIT;
    struct asked *asked = av_xcalloc(1, sizeof *asked);
    char actor[AV_ACTOR_NAME_MAX + 1];
    av_call_spec spec = { .to = actor,
        .method = "archivolt.Host.GetInfo",
        .body = &body.base,
        .timeout_ms = INFO_MS,
        .trace = trace_of(c),
        .done = on_info,
        .ctx = asked };

    asked->owner = c;
    av_host_actor(node, actor);
    c->open++;
    (void)av_bus_call(c->m->bus, &spec);
}

/* The host that was named, the only one, or else the one with the most free space. */
static void
choose_host(struct creation *c)
{
    const av_nodes *nodes = c->m->nodes;
    const av_node_record *only = NULL;
    size_t hosts = 0;
    av_error err;

    if (c->config->instance_host != NULL) {
        only = av_nodes_find(nodes, c->config->instance_host);
        if (only == NULL || (only->roles & AV_ROLE_HOST) == 0) {
            (void)av_error_set(&err, AV_ERR_NOT_FOUND, "there is no instance host \"%.63s\"", c->config->instance_host);
            fail(c, &err);
        } else {
            add_record(c);
        }
        return;
    }
    for (size_t i = 0; i < av_nodes_count(nodes); i++)
        if ((av_nodes_at(nodes, i)->roles & AV_ROLE_HOST) != 0) {
            only = av_nodes_at(nodes, i);
            hosts++;
        }
    if (hosts == 0) {
        (void)av_error_set(&err, AV_ERR_NOT_FOUND, "there is no instance host yet");
        fail(c, &err);
    } else if (hosts == 1) {
        av_set_string(&c->config->instance_host, only->name);
        add_record(c);
    } else {
        for (size_t i = 0; i < av_nodes_count(nodes); i++)
            if ((av_nodes_at(nodes, i)->roles & AV_ROLE_HOST) != 0)
                ask_info(c, av_nodes_at(nodes, i)->name);
    }
}

void
av_create_serve(av_management *self, av_request *request, const ProtobufCMessage *body)
{
    const Archivolt__CreateInstanceRequest *ask = (const void *)body;
    av_task *task = av_tasks_begin(self->tasks, request, body);
    struct creation *c;
    av_error err = { 0 };

    if (task == NULL)
        return;
    c = av_xcalloc(1, sizeof *c);
    c->m = self;
    c->task = task;
    if (av_instance_config_normalise(ask->config, &c->config, &err) != AV_OK ||
        av_instances_names_free(self->instances, c->config, NULL, &err) != AV_OK) {
        /* A restart lay between: the caller repeats what is being finished already. */
        const av_instance *same = c->config == NULL ? NULL : av_instances_find(self->instances, c->config->instance_id);

        if (same != NULL && same->stage == AV_STAGE_CREATING && same->task_key_n > 0 &&
            av_span_eq(av_task_key(task), av_span_of(same->task_key, same->task_key_n)))
            (void)av_error_set(&err, AV_ERR_BUSY, "instance %s is being created", same->config->instance_id);
        fail(c, &err);
        return;
    }
    choose_host(c);
}

static void
resume(av_management *self, av_instance *instance)
{
    struct creation *c = av_xcalloc(1, sizeof *c);

    AV_LOG(AV_LOG_INFO, "instance.creation_goes_on", AV_STR("instance", instance->config->instance_id));
    c->m = self;
    c->instance = instance;
    prepare(c);
}

void
av_create_retry(av_management *self)
{
    size_t count = 0;
    AV_CLEANUP(av_free) av_instance **list = av_instances_list(self->instances, &count);

    for (size_t i = 0; i < count; i++)
        if (!list[i]->busy && list[i]->stage == AV_STAGE_CREATING)
            resume(self, list[i]);
}
