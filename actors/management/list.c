/*
 * list.c - GetInstances, configurations, names
 */
#include "actors/management/management_priv.h"

#include "actors/management/filter.h"

#define CONFIGURE_MS 10000

void
av_set_string(char **slot, const char *value)
{
    char *copy = value == NULL ? NULL : av_xstrdup(value);

    free(*slot);
    *slot = copy;
}

/* ---- GetInstances ---- */

struct listing {
    av_management *m;
    av_request *request;
    av_filter filter;
};

static void
fill_row(const av_live *live, const av_instance *instance, Archivolt__InstanceInfo *row)
{
    const Archivolt__InstanceConfig *c = instance->config;
    const Archivolt__HostInstance *host = av_live_find(live, c->instance_id);

    archivolt__instance_info__init(row);
    row->instance_id = c->instance_id;
    row->alias = c->alias;
    row->display_name = c->display_name;
    row->instance_host = c->instance_host;
    row->start_mode = c->start_mode;
    row->status = av_live_state(live, instance);
    if (host != NULL) {
        row->has_process_id = host->has_pid;
        row->process_id = host->pid;
        row->start_stop_error = host->error;
    } else if (instance->stage == AV_STAGE_READY && av_live_answered(live, c->instance_host)) {
        row->start_stop_error = (char *)(uintptr_t) "its host does not know it any more";
    }
}

static void
on_listed(void *ctx, const av_live *live)
{
    struct listing *l = ctx;
    Archivolt__GetInstancesReply reply = ARCHIVOLT__GET_INSTANCES_REPLY__INIT;
    size_t count = 0;
    AV_CLEANUP(av_free) av_instance **list = av_instances_list(l->m->instances, &count);
    AV_CLEANUP(av_free) Archivolt__InstanceInfo *rows = av_xcalloc(count, sizeof *rows);
    AV_CLEANUP(av_free) Archivolt__InstanceInfo **pointers = av_xcalloc(count, sizeof *pointers);

    for (size_t i = 0; i < count; i++) {
        const Archivolt__InstanceConfig *c = list[i]->config;

        if (list[i]->stage == AV_STAGE_UNDOING ||
            !av_filter_names(&l->filter, c->instance_id, c->alias, c->instance_host) ||
            !av_filter_wants_state(&l->filter, av_live_state(live, list[i])))
            continue;
        fill_row(live, list[i], &rows[reply.n_instances]);
        pointers[reply.n_instances] = &rows[reply.n_instances];
        reply.n_instances++;
    }
    reply.instances = pointers;
    av_request_reply(l->request, &reply.base);
    av_filter_release(&l->filter);
    free(l);
}

static void
on_get_instances(void *owner, av_request *request, const ProtobufCMessage *body)
{
    av_management *m = owner;
    const Archivolt__InstanceFilterRequest *ask = (const void *)body;
    struct listing *l = av_xcalloc(1, sizeof *l);
    size_t count = 0, named = 0, node_count = 0;
    AV_CLEANUP(av_free) av_instance **list = NULL;
    AV_CLEANUP(av_free) const char **nodes = NULL;
    av_error err = { 0 };

    if (av_filter_parse(av_span_str(ask->instance_filter), &l->filter, &err) != AV_OK) {
        av_request_fail(request, &err);
        free(l);
        return;
    }
    l->m = m;
    l->request = request;
    list = av_instances_list(m->instances, &count);
    for (size_t i = 0; i < count; i++) /* only the hosts of those named are asked */
        if (av_filter_names(
                &l->filter, list[i]->config->instance_id, list[i]->config->alias, list[i]->config->instance_host))
            list[named++] = list[i];
    nodes = av_live_nodes_of(list, named, &node_count);
    av_live_ask(m, nodes, node_count, on_listed, l);
}

/* ---- configurations ---- */

static av_instance *
find_or_fail(av_management *m, av_request *request, const char *name)
{
    av_instance *found = av_instances_find(m->instances, name);

    if (found == NULL)
        av_request_failf(request, AV_ERR_NOT_FOUND, "there is no instance \"%.63s\"", name);
    return found;
}

static void
on_get_configuration(void *owner, av_request *request, const ProtobufCMessage *body)
{
    const Archivolt__GetInstanceConfigurationRequest *ask = (const void *)body;
    const av_instance *found = find_or_fail(owner, request, ask->instance_id);
    Archivolt__GetInstanceConfigurationReply reply = ARCHIVOLT__GET_INSTANCE_CONFIGURATION_REPLY__INIT;

    if (found == NULL)
        return;
    reply.config = found->config;
    av_request_reply(request, &reply.base);
}

static void
on_resolve(void *owner, av_request *request, const ProtobufCMessage *body)
{
    const Archivolt__ResolveInstanceRequest *ask = (const void *)body;
    const av_instance *found = find_or_fail(owner, request, ask->name);
    Archivolt__ResolveInstanceReply reply = ARCHIVOLT__RESOLVE_INSTANCE_REPLY__INIT;

    if (found == NULL)
        return;
    reply.instance_id = found->config->instance_id;
    reply.has_imap_connection_log = true;
    reply.imap_connection_log = found->config->imap_server_connection_log_enabled;
    av_request_reply(request, &reply.base);
}

struct change {
    av_management *m;
    av_task *task;
    Archivolt__InstanceConfig *config;
};

static void
change_end(struct change *c, const av_error *err)
{
    av_instance *instance = av_instances_find(c->m->instances, c->config->instance_id);

    if (instance != NULL)
        instance->busy = false;
    if (err != NULL)
        av_task_fail(&c->task, err);
    archivolt__instance_config__free_unpacked(c->config, NULL);
    free(c);
}

static void
on_configured(void *ctx, av_call *call AV_UNUSED, const ProtobufCMessage *message AV_UNUSED, const av_error *call_err)
{
    struct change *c = ctx;
    av_management *m = c->m;
    av_instance *instance = av_instances_find(m->instances, c->config->instance_id);
    Archivolt__Empty empty = ARCHIVOLT__EMPTY__INIT;
    char id[AV_INSTANCE_ID_MAX + 1];
    av_error err = { 0 };

    if (call_err != NULL || instance == NULL) {
        if (call_err == NULL)
            (void)av_error_set(&err, AV_ERR_NOT_FOUND, "the instance was deleted meanwhile");
        change_end(c, call_err != NULL ? call_err : &err);
        return;
    }
    (void)snprintf(id, sizeof id, "%s", c->config->instance_id);
    instance->busy = false;
    av_meta_begin(m->db);
    av_instances_configure_take(m->instances, instance, &c->config, (int64_t)m->settings.name_reuse_days * 86400000);
    if (av_task_commit(&c->task, &empty.base, &err) != AV_OK)
        av_instances_reload(m->instances, id);
    free(c);
}

/* What cannot be changed must be left out or be as it is. */
static av_errc
check_fixed(const Archivolt__InstanceConfig *now, Archivolt__InstanceConfig *want, av_error *err)
{
    if (want->instance_host != NULL && strcmp(want->instance_host, now->instance_host) != 0)
        return av_error_set(
            err, AV_ERR_INVALID, "instanceHost cannot be changed here: the instance is on %s", now->instance_host);
    if (want->base_directory != NULL && now->base_directory != NULL &&
        strcmp(want->base_directory, now->base_directory) != 0)
        return av_error_set(
            err, AV_ERR_INVALID, "baseDirectory cannot be changed here: it is %.200s", now->base_directory);
    av_set_string(&want->instance_host, now->instance_host);
    av_set_string(&want->base_directory, now->base_directory);
    return AV_OK;
}

static av_errc
check_change(struct change *c, av_instance **ret, av_error *err)
{
    av_instance *instance = av_instances_find(c->m->instances, c->config->instance_id);

    if (instance == NULL || strcmp(instance->config->instance_id, c->config->instance_id) != 0)
        return av_error_set(err, AV_ERR_NOT_FOUND, "there is no instance \"%s\"", c->config->instance_id);
    if (instance->busy || instance->stage != AV_STAGE_READY)
        return av_error_set(err, AV_ERR_BUSY, "another operation is at work on instance %s", c->config->instance_id);
    *ret = instance;
    if (check_fixed(instance->config, c->config, err) != AV_OK)
        return err->code;
    return av_instances_names_free(c->m->instances, c->config, instance, err);
}

static void
on_set_configuration(void *owner, av_request *request, const ProtobufCMessage *body)
{
    av_management *m = owner;
    const Archivolt__SetInstanceConfigurationRequest *ask = (const void *)body;
    Archivolt__ConfigureInstanceRequest to_host = ARCHIVOLT__CONFIGURE_INSTANCE_REQUEST__INIT;
    av_task *task = av_tasks_begin(m->tasks, request, body);
    struct change *c;
    av_instance *instance = NULL;
    char actor[AV_ACTOR_NAME_MAX + 1];
    av_call_spec spec = { .to = actor,
        .method = "archivolt.Host.ConfigureInstance",
        .body = &to_host.base,
        .timeout_ms = CONFIGURE_MS,
        .done = on_configured };
    av_error err = { 0 };

    if (task == NULL)
        return;
    c = av_xcalloc(1, sizeof *c);
    *c = (struct change){ .m = m, .task = task };
    if (av_instance_config_normalise(ask->config, &c->config, &err) != AV_OK ||
        check_change(c, &instance, &err) != AV_OK) {
        av_task_fail(&task, &err);
        if (c->config != NULL)
            archivolt__instance_config__free_unpacked(c->config, NULL);
        free(c);
        return;
    }
    assert(instance != NULL);
    instance->busy = true;
    av_host_actor(instance->config->instance_host, actor);
    to_host.instance_id = c->config->instance_id;
    to_host.has_start_mode = to_host.has_sleep_allowed = true;
    to_host.start_mode = c->config->start_mode;
    to_host.sleep_allowed = c->config->sleep_allowed;
    spec.ctx = c;
    (void)av_bus_call(m->bus, &spec); /* the host first: repeating the whole request mends a failure behind it */
}

static void
on_create(void *owner, av_request *request, const ProtobufCMessage *body)
{
    av_create_serve(owner, request, body);
}

static const av_handler handlers[] = {
    { "archivolt.Management.GetInstances", on_get_instances },
    { "archivolt.Management.CreateInstance", on_create },
    { "archivolt.Management.GetInstanceConfiguration", on_get_configuration },
    { "archivolt.Management.SetInstanceConfiguration", on_set_configuration },
    { "archivolt.Management.ResolveInstance", on_resolve },
};

void
av_list_serve(av_management *self)
{
    av_bus_serve(self->bus, handlers, AV_COUNT(handlers), self);
}
