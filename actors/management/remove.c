/*
 * remove.c - deleting an instance, and taking back one whose creation failed
 *
 *   record "deleting" or "undoing" on disk -> Host.RemoveInstance -> key revoked, broker has it -> record gone, names
 *   kept
 *
 * Each step may be done again. A deletion that has begun is never taken back: only while the host says that it has
 * deleted nothing (AV_ERR_CONFLICT) is the instance what it was before.
 */
#include "actors/management/management_priv.h"

#include "base/log.h"

#define REMOVE_MS 120000

struct removal {
    av_management *m;
    av_instance *instance;
    av_removed_fn *done;
    void *ctx;
};

static void
finish(struct removal *r, const av_error *err)
{
    if (r->instance != NULL)
        r->instance->busy = false;
    r->done(r->ctx, err);
    free(r);
}

static void
on_revoked(void *ctx, const av_error *held_err)
{
    struct removal *r = ctx;
    int64_t reuse_ms = r->instance->stage == AV_STAGE_UNDOING ? 0 : (int64_t)r->m->settings.name_reuse_days * 86400000;
    av_error err = { 0 };

    if (held_err != NULL) {
        finish(r, held_err);
        return;
    }
    AV_LOG(AV_LOG_INFO, "instance.deleted", AV_STR("instance", r->instance->config->instance_id));
    if (av_instances_remove(r->m->instances, r->instance, reuse_ms, &err) != AV_OK) {
        finish(r, &err);
        return;
    }
    r->instance = NULL;
    finish(r, NULL);
}

static void
revoke(struct removal *r)
{
    char name[AV_ACTOR_NAME_MAX + 1];
    uint64_t serial = 0;
    av_error err = { 0 };

    (void)snprintf(name, sizeof name, "instance/%s", r->instance->config->instance_id);
    switch (av_registrar_revoke(r->m->registrar, name, &serial, &err)) {
    case AV_OK:
        av_registrar_when_held(r->m->registrar, serial, on_revoked, r);
        return;
    case AV_ERR_NOT_FOUND:
        on_revoked(r, NULL);
        return;
    default:
        finish(r, &err);
        return;
    }
}

/* The host refused before anything was deleted: as it was before, unless it was never whole. */
static void
give_up(struct removal *r, const av_error *why)
{
    av_error err;

    if (r->instance->stage == AV_STAGE_DELETING) {
        r->instance->stage = AV_STAGE_READY;
        if (av_instances_save(r->m->instances, r->instance, &err) != AV_OK)
            AV_LOG(AV_LOG_ERROR, "instance.not_saved", AV_ERRF(&err));
    }
    finish(r, why);
}

static void
on_host_done(void *ctx, av_call *call AV_UNUSED, const ProtobufCMessage *reply AV_UNUSED, const av_error *err)
{
    struct removal *r = ctx;
    av_error later;

    if (r->m->stopping) {
        finish(r, err);
        return;
    }
    if (err == NULL || err->code == AV_ERR_NOT_FOUND) {
        revoke(r);
        return;
    }
    switch (err->code) {
    case AV_ERR_UNAVAILABLE:
    case AV_ERR_TIMEOUT:
    case AV_ERR_BUSY:
    case AV_ERR_NO_ACTOR:
    case AV_ERR_CANCELLED:
        (void)av_error_set(&later, AV_ERR_UNAVAILABLE,
            "host %s does not answer; it is deleted as soon as the host does", r->instance->config->instance_host);
        finish(r, &later);
        return;
    case AV_ERR_CONFLICT: /* said by the host only while all its files are there */
        give_up(r, err);
        return;
    default: /* files may be gone: it stays "deleting" and is tried again */
        finish(r, err);
        return;
    }
}

void
av_remove_instance(av_management *self, av_instance *instance, bool keep_files, av_removed_fn *done, void *ctx)
{
    struct removal *r = av_xcalloc(1, sizeof *r);
    Archivolt__RemoveInstanceRequest body = ARCHIVOLT__REMOVE_INSTANCE_REQUEST__INIT;
    char actor[AV_ACTOR_NAME_MAX + 1];
    av_call_spec spec = { .to = actor,
        .method = "archivolt.Host.RemoveInstance",
        .body = &body.base,
        .timeout_ms = REMOVE_MS,
        .done = on_host_done,
        .ctx = r };
    av_error err = { 0 };

    *r = (struct removal){ .m = self, .instance = instance, .done = done, .ctx = ctx };
    instance->busy = true;
    if (instance->stage == AV_STAGE_READY) {
        instance->stage = AV_STAGE_DELETING;
        instance->keep_files = keep_files;
        if (av_instances_save(self->instances, instance, &err) != AV_OK) {
            instance->stage = AV_STAGE_READY;
            finish(r, &err);
            return;
        }
    }
    av_host_actor(instance->config->instance_host, actor);
    body.instance_id = instance->config->instance_id;
    /* What is taken back was never used: the host removes its folder when that is empty. */
    body.delete_files = instance->stage == AV_STAGE_DELETING && !instance->keep_files;
    (void)av_bus_call(self->bus, &spec);
}

static void
on_retried(void *ctx AV_UNUSED, const av_error *err)
{
    if (err != NULL)
        AV_LOG(AV_LOG_WARN, "instance.not_deleted", AV_ERRF(err));
}

void
av_remove_retry(av_management *self)
{
    size_t count = 0;
    AV_CLEANUP(av_free) av_instance **list = av_instances_list(self->instances, &count);

    for (size_t i = 0; i < count; i++)
        if (!list[i]->busy && (list[i]->stage == AV_STAGE_DELETING || list[i]->stage == AV_STAGE_UNDOING))
            av_remove_instance(self, list[i], list[i]->keep_files, on_retried, NULL);
}
