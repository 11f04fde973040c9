/*
 * environment.c - Ping, GetEnvironmentInfo, GetServiceStatus, GetInstanceHosts
 *
 * GetServiceStatus asks every server at the same time, each at most 2 s: a host for its machine, then all hosts for
 * their instances, a gateway by Actor.Ping. What does not answer is inactive and becomes a message.
 */
#include "actors/management/management_priv.h"

#include "actors/bus/names.h"
#include "base/clock.h"

#define ASK_MS       2000
#define MESSAGES_MAX 200
#define COPYRIGHT    "Copyright the Archivolt authors; Apache License 2.0"

static void
on_ping(void *owner AV_UNUSED, av_request *request, const ProtobufCMessage *body AV_UNUSED)
{
    Archivolt__Empty reply = ARCHIVOLT__EMPTY__INIT;

    av_request_reply(request, &reply.base);
}

static void
fill_machine(const av_machine *machine, Archivolt__SystemProperties *ret)
{
    archivolt__system_properties__init(ret);
    ret->n_processors = machine->processor_count;
    ret->processors = machine->processors;
    ret->total_physical_memory = machine->memory_bytes;
    ret->operating_system = machine->operating_system;
}

/* The administrator, or the actor that asks on its own account; without its connection. */
static void
name_of_asker(const av_request *request, char ret[AV_ACTOR_NAME_MAX + 1])
{
    const char *admin = av_request_admin(request);
    av_span name = admin != NULL ? av_span_str(admin) : av_sender_name(av_span_str(av_request_from(request)));

    (void)snprintf(ret, AV_ACTOR_NAME_MAX + 1, "%.*s", (int)AV_MIN(name.n, (size_t)AV_ACTOR_NAME_MAX), name.p);
}

/* Strings are borrowed from m and user. */
static void
fill_environment(
    const av_management *m, const char *user, Archivolt__SystemProperties *machine, Archivolt__EnvironmentInfo *ret)
{
    fill_machine(&m->machine, machine);
    archivolt__environment_info__init(ret);
    ret->version = (char *)(uintptr_t)AV_VERSION;
    ret->copyright = (char *)(uintptr_t)COPYRIGHT;
    ret->licensee_name = m->settings.licensee_name;
    ret->server_name = m->node->node;
    ret->user_name = (char *)(uintptr_t)user;
    ret->system_properties = machine;
}

static void
on_environment(void *owner, av_request *request, const ProtobufCMessage *body AV_UNUSED)
{
    Archivolt__SystemProperties machine;
    Archivolt__EnvironmentInfo reply;
    char user[AV_ACTOR_NAME_MAX + 1];

    name_of_asker(request, user);
    fill_environment(owner, user, &machine, &reply);
    av_request_reply(request, &reply.base);
}

/* The certificate of our own node; that of another is not known here. */
static Archivolt__ServerCertificate *
certificate_of(const av_management *m, const char *node, Archivolt__ServerCertificate *into)
{
    if (m->thumbprint[0] == '\0' || strcmp(node, m->node->node) != 0)
        return NULL;
    archivolt__server_certificate__init(into);
    into->thumbprint = (char *)(uintptr_t)m->thumbprint;
    return into;
}

/* ---- GetServiceStatus ---- */

struct server {
    struct survey *owner;
    const av_node_record *node;
    Archivolt__ServerType type;
    bool active;
    Archivolt__HostInfo *info; /* of a host that answered */
};

struct survey {
    av_management *m;
    av_request *request;
    struct server *servers;
    size_t count, open;
};

struct report {
    Archivolt__ServiceMessage rows[MESSAGES_MAX], *pointers[MESSAGES_MAX];
    char text[MESSAGES_MAX][400];
    size_t count;
};

__attribute__((format(printf, 5, 6))) static void
add_message(struct report *r, Archivolt__MessageType type, const char *tag, bool sub, const char *fmt, ...)
{
    va_list ap;

    if (r->count == MESSAGES_MAX)
        return;
    va_start(ap, fmt);
    (void)vsnprintf(r->text[r->count], sizeof r->text[0], fmt, ap);
    va_end(ap);
    archivolt__service_message__init(&r->rows[r->count]);
    r->rows[r->count].type = type;
    r->rows[r->count].text = r->text[r->count];
    r->rows[r->count].tag = (char *)(uintptr_t)tag;
    r->rows[r->count].is_sub_item = sub;
    r->pointers[r->count] = &r->rows[r->count];
    r->count++;
}

static void
report_servers(const struct survey *s, struct report *r)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct server *one = &s->servers[i];
        uint64_t low = s->m->settings.low_space_mb << 20;

        if (!one->active)
            add_message(r, ARCHIVOLT__MESSAGE_TYPE__MESSAGE_TYPE_ERROR, "serverInactive", false,
                "%s %s does not answer.",
                one->type == ARCHIVOLT__SERVER_TYPE__SERVER_TYPE_INSTANCE_HOST ? "Instance host"
                                                                               : "Client access server",
                one->node->name);
        else if (one->info != NULL && one->info->free_bytes < low)
            add_message(r, ARCHIVOLT__MESSAGE_TYPE__MESSAGE_TYPE_WARNING, "lowSpace", false,
                "Instance host %s has only %llu MB left in %s.", one->node->name,
                (unsigned long long)(one->info->free_bytes >> 20), one->info->base_directory);
    }
}

static void
report_instances(const struct survey *s, const av_live *live, struct report *r)
{
    size_t count = 0;
    AV_CLEANUP(av_free) av_instance **list = av_instances_list(s->m->instances, &count);
    size_t head = r->count, failed = 0;

    for (size_t i = 0; i < count; i++) {
        const Archivolt__HostInstance *row = av_live_find(live, list[i]->config->instance_id);

        if (av_live_state(live, list[i]) != ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_FAILED)
            continue;
        if (failed++ == 0)
            add_message(r, ARCHIVOLT__MESSAGE_TYPE__MESSAGE_TYPE_ERROR, "instancesFailed", false, "%s", "");
        add_message(r, ARCHIVOLT__MESSAGE_TYPE__MESSAGE_TYPE_ERROR, "instanceFailed", true, "%s: %s",
            list[i]->config->instance_id, row == NULL || row->error == NULL ? "its host does not know it" : row->error);
    }
    if (failed > 0 && head < MESSAGES_MAX)
        (void)snprintf(r->text[head], sizeof r->text[0], "%zu instances do not run although they should.", failed);
    for (size_t i = 0; i < count; i++)
        if (list[i]->stage != AV_STAGE_READY && av_clock_wall_ms() - list[i]->created_ms > 300000 &&
            list[i]->stage == AV_STAGE_CREATING)
            add_message(r, ARCHIVOLT__MESSAGE_TYPE__MESSAGE_TYPE_WARNING, "instanceUnfinished", false,
                "The creation of instance %s has not ended: its host has not answered.", list[i]->config->instance_id);
}

static uint32_t
port_of(const av_management *m, Archivolt__ServerType type)
{
    switch (type) {
    case ARCHIVOLT__SERVER_TYPE__SERVER_TYPE_MANAGEMENT_SERVER:
        return av_node_port(m->node, m->node->port_management);
    case ARCHIVOLT__SERVER_TYPE__SERVER_TYPE_INSTANCE_HOST:
        return av_node_port(m->node, m->node->port_host);
    default:
        return av_node_port(m->node, m->node->port_access);
    }
}

struct server_row {
    Archivolt__ServerInfo info;
    Archivolt__ServerCertificate certificate;
    Archivolt__SystemProperties machine;
};

static void
count_instances(const av_management *m, const av_live *live, const char *node, Archivolt__ServerInfo *row)
{
    size_t count = 0;
    AV_CLEANUP(av_free) av_instance **list = av_instances_list(m->instances, &count);

    row->has_number_of_instances = row->has_number_of_running_instances = true;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i]->config->instance_host, node) != 0)
            continue;
        row->number_of_instances++;
        row->number_of_running_instances +=
            av_live_state(live, list[i]) == ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_RUNNING;
    }
}

static void
fill_server(const struct survey *s, const av_live *live, const struct server *one, struct server_row *row)
{
    archivolt__server_info__init(&row->info);
    row->info.server_name = one->node->name;
    row->info.port = port_of(s->m, one->type);
    row->info.server_certificate = certificate_of(s->m, one->node->name, &row->certificate);
    row->info.server_type = one->type;
    row->info.active = one->active;
    if (one->info != NULL) {
        archivolt__system_properties__init(&row->machine);
        row->machine.n_processors = one->info->n_processors;
        row->machine.processors = one->info->processors;
        row->machine.total_physical_memory = one->info->memory_bytes;
        row->machine.operating_system = one->info->operating_system;
        row->info.system_properties = &row->machine;
    } else if (strcmp(one->node->name, s->m->node->node) == 0) {
        fill_machine(&s->m->machine, &row->machine);
        row->info.system_properties = &row->machine;
    }
    if (one->type == ARCHIVOLT__SERVER_TYPE__SERVER_TYPE_INSTANCE_HOST)
        count_instances(s->m, live, one->node->name, &row->info);
}

static void
on_live(void *ctx, const av_live *live)
{
    struct survey *s = ctx;
    Archivolt__ServiceStatus reply = ARCHIVOLT__SERVICE_STATUS__INIT;
    Archivolt__EnvironmentInfo environment;
    Archivolt__SystemProperties machine;
    char user[AV_ACTOR_NAME_MAX + 1];
    AV_CLEANUP(av_free) struct report *report = av_xcalloc(1, sizeof *report);
    AV_CLEANUP(av_free) struct server_row *rows = av_xcalloc(s->count, sizeof *rows);
    AV_CLEANUP(av_free) Archivolt__ServerInfo **pointers = av_xcalloc(s->count, sizeof *pointers);

    name_of_asker(s->request, user);
    fill_environment(s->m, user, &machine, &environment);
    reply.environment_info = &environment;
    for (size_t i = 0; i < s->count; i++) {
        fill_server(s, live, &s->servers[i], &rows[i]);
        pointers[i] = &rows[i].info;
    }
    report_servers(s, report);
    report_instances(s, live, report);
    reply.n_server_infos = s->count;
    reply.server_infos = pointers;
    reply.n_messages = report->count;
    reply.messages = report->pointers;
    av_request_reply(s->request, &reply.base);
    for (size_t i = 0; i < s->count; i++)
        if (s->servers[i].info != NULL)
            archivolt__host_info__free_unpacked(s->servers[i].info, NULL);
    free(s->servers);
    free(s);
}

static void
ask_instances(struct survey *s)
{
    AV_CLEANUP(av_free) const char **nodes = av_xcalloc(s->count, sizeof *nodes);
    size_t n = 0;

    for (size_t i = 0; i < s->count; i++)
        if (s->servers[i].info != NULL)
            nodes[n++] = s->servers[i].node->name;
    av_live_ask(s->m, nodes, n, on_live, s);
}

static void
on_server(void *ctx, av_call *call AV_UNUSED, const ProtobufCMessage *reply, const av_error *err)
{
    struct server *one = ctx;
    struct survey *s = one->owner;

    one->active = err == NULL;
    if (err == NULL && one->type == ARCHIVOLT__SERVER_TYPE__SERVER_TYPE_INSTANCE_HOST)
        one->info = (void *)av_message_clone(reply);
    if (--s->open == 0)
        ask_instances(s);
}

static void
ask_server(struct survey *s, struct server *one)
{
    Archivolt__Empty body = ARCHIVOLT__EMPTY__INIT;
    bool host = one->type == ARCHIVOLT__SERVER_TYPE__SERVER_TYPE_INSTANCE_HOST;
    char actor[AV_ACTOR_NAME_MAX + 1];
    av_call_spec spec = { .to = actor,
        .method = host ? "archivolt.Host.GetInfo" : "archivolt.Actor.Ping",
        .body = &body.base,
        .timeout_ms = ASK_MS,
        .done = on_server,
        .ctx = one };

    (void)snprintf(actor, sizeof actor, host ? "host/%s" : "gateway@%s", one->node->name);
    s->open++;
    (void)av_bus_call(s->m->bus, &spec);
}

static void
on_service_status(void *owner, av_request *request, const ProtobufCMessage *body AV_UNUSED)
{
    static const struct {
        unsigned role;
        Archivolt__ServerType type;
    } roles[] = {
        { AV_ROLE_MANAGEMENT, ARCHIVOLT__SERVER_TYPE__SERVER_TYPE_MANAGEMENT_SERVER },
        { AV_ROLE_HOST, ARCHIVOLT__SERVER_TYPE__SERVER_TYPE_INSTANCE_HOST },
        { AV_ROLE_ACCESS, ARCHIVOLT__SERVER_TYPE__SERVER_TYPE_CLIENT_ACCESS_SERVER },
    };
    av_management *m = owner;
    struct survey *s = av_xcalloc(1, sizeof *s);

    *s = (struct survey){ .m = m, .request = request };
    s->servers = av_xcalloc(av_nodes_count(m->nodes) * AV_COUNT(roles), sizeof *s->servers);
    for (size_t r = 0; r < AV_COUNT(roles); r++)
        for (size_t i = 0; i < av_nodes_count(m->nodes); i++)
            if ((av_nodes_at(m->nodes, i)->roles & roles[r].role) != 0)
                s->servers[s->count++] =
                    (struct server){ .owner = s, .node = av_nodes_at(m->nodes, i), .type = roles[r].type };
    for (size_t i = 0; i < s->count; i++) {
        if (s->servers[i].type == ARCHIVOLT__SERVER_TYPE__SERVER_TYPE_MANAGEMENT_SERVER)
            s->servers[i].active = true; /* it is answering */
        else
            ask_server(s, &s->servers[i]);
    }
    if (s->open == 0)
        ask_instances(s);
}

static void
on_instance_hosts(void *owner, av_request *request, const ProtobufCMessage *body)
{
    av_management *m = owner;
    const Archivolt__ServerNameFilterRequest *ask = (const void *)body;
    Archivolt__GetInstanceHostsReply reply = ARCHIVOLT__GET_INSTANCE_HOSTS_REPLY__INIT;
    size_t count = av_nodes_count(m->nodes);
    AV_CLEANUP(av_free) Archivolt__InstanceHostConfig *rows = av_xcalloc(count, sizeof *rows);
    AV_CLEANUP(av_free) Archivolt__InstanceHostConfig **pointers = av_xcalloc(count, sizeof *pointers);
    Archivolt__ServerCertificate certificate;
    AV_CLEANUP(av_free)
    char *own_dir = m->node->instances_dir != NULL && m->node->instances_dir[0] != '\0'
                        ? av_xstrdup(m->node->instances_dir)
                        : av_node_path(m->node, "instances");

    for (size_t i = 0; i < count; i++) {
        const av_node_record *node = av_nodes_at(m->nodes, i);
        Archivolt__InstanceHostConfig *row = &rows[reply.n_hosts];

        if ((node->roles & AV_ROLE_HOST) == 0 ||
            (ask->server_name_filter != NULL && strcmp(ask->server_name_filter, node->name) != 0))
            continue;
        archivolt__instance_host_config__init(row);
        row->server_name = node->name;
        row->port = port_of(m, ARCHIVOLT__SERVER_TYPE__SERVER_TYPE_INSTANCE_HOST);
        row->server_certificate = certificate_of(m, node->name, &certificate);
        row->base_directory = strcmp(node->name, m->node->node) == 0 ? own_dir : NULL;
        pointers[reply.n_hosts++] = row;
    }
    reply.hosts = pointers;
    av_request_reply(request, &reply.base);
}

static const av_handler handlers[] = {
    { "archivolt.Management.Ping", on_ping },
    { "archivolt.Management.GetEnvironmentInfo", on_environment },
    { "archivolt.Management.GetServiceStatus", on_service_status },
    { "archivolt.Management.GetInstanceHosts", on_instance_hosts },
};

void
av_environment_serve(av_management *self)
{
    av_bus_serve(self->bus, handlers, AV_COUNT(handlers), self);
}
