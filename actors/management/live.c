/*
 * live.c - what the hosts say of their instances now
 */
#include "actors/management/management_priv.h"

#include "base/log.h"
#include "base/map.h"

#define ASK_MS 2000

struct asked {
    av_live *owner;
    char node[64];
    av_call *call;
    Archivolt__ListHostInstancesReply *reply; /* NULL: no answer */
};

struct av_live {
    av_live_fn *done;
    void *ctx;
    struct asked *hosts;
    size_t count, open;
    av_map *by_id; /* borrowed rows of the replies */
};

void
av_host_actor(const char *node, char *ret)
{
    (void)snprintf(ret, AV_ACTOR_NAME_MAX + 1, "host/%s", node);
}

static void
finish(av_live *self)
{
    self->done(self->ctx, self);
    for (size_t i = 0; i < self->count; i++)
        if (self->hosts[i].reply != NULL)
            archivolt__list_host_instances_reply__free_unpacked(self->hosts[i].reply, NULL);
    av_map_destroy(&self->by_id, NULL);
    free(self->hosts);
    free(self);
}

static void
on_reply(void *ctx, av_call *call AV_UNUSED, const ProtobufCMessage *reply, const av_error *err)
{
    struct asked *host = ctx;
    av_live *self = host->owner;

    host->call = NULL;
    if (err != NULL) {
        AV_LOG(AV_LOG_WARN, "host.no_answer", AV_STR("node", host->node), AV_ERRF(err));
    } else {
        host->reply = (void *)av_message_clone(reply);
        for (size_t i = 0; i < host->reply->n_instances; i++)
            (void)av_map_put_str(self->by_id, host->reply->instances[i]->instance_id, host->reply->instances[i]);
    }
    if (--self->open == 0)
        finish(self);
}

void
av_live_ask(av_management *self, const char *const *nodes, size_t count, av_live_fn *done, void *ctx)
{
    av_live *live = av_xcalloc(1, sizeof *live);
    Archivolt__Empty body = ARCHIVOLT__EMPTY__INIT;

    *live = (av_live){ .done = done, .ctx = ctx, .count = count, .open = count };
    live->hosts = av_xcalloc(count, sizeof *live->hosts);
    live->by_id = av_map_new();
    for (size_t i = 0; i < count; i++) {
        char actor[AV_ACTOR_NAME_MAX + 1];
        av_call_spec spec = { .to = actor,
            .method = "archivolt.Host.ListInstances",
            .body = &body.base,
            .timeout_ms = ASK_MS,
            .done = on_reply,
            .ctx = &live->hosts[i] };

        av_host_actor(nodes[i], actor);
        live->hosts[i].owner = live;
        (void)snprintf(live->hosts[i].node, sizeof live->hosts[i].node, "%s", nodes[i]);
        live->hosts[i].call = av_bus_call(self->bus, &spec);
    }
    if (count == 0)
        finish(live);
}

const Archivolt__HostInstance *
av_live_find(const av_live *self, const char *instance_id)
{
    return av_map_get_str(self->by_id, instance_id);
}

bool
av_live_answered(const av_live *self, const char *node)
{
    for (size_t i = 0; i < self->count; i++)
        if (strcmp(self->hosts[i].node, node) == 0)
            return self->hosts[i].reply != NULL;
    return false;
}

Archivolt__InstanceState
av_live_state(const av_live *self, const av_instance *instance)
{
    const Archivolt__HostInstance *row = av_live_find(self, instance->config->instance_id);

    if (instance->stage == AV_STAGE_CREATING)
        return ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_STARTING;
    if (instance->stage != AV_STAGE_READY)
        return ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_STOPPING;
    if (row != NULL)
        return row->state;
    if (av_live_answered(self, instance->config->instance_host))
        return ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_FAILED; /* the host has lost it */
    return ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_UNREACHABLE;
}

const char **
av_live_nodes_of(av_instance *const *instances, size_t count, size_t *ret_count)
{
    av_map *seen = av_map_new();
    const char **nodes = av_xcalloc(count, sizeof *nodes);
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        char *node = instances[i]->config->instance_host;

        if (av_map_get_str(seen, node) != NULL)
            continue;
        (void)av_map_put_str(seen, node, node);
        nodes[n++] = node;
    }
    av_map_destroy(&seen, NULL);
    *ret_count = n;
    return nodes;
}
