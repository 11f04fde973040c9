/*
 * requests.c - archivolt.Host: bus requests into calls of instances.c and workers.c, their outcomes into answers
 */
#include "actors/host/host_priv.h"

#include <sys/statvfs.h>

#include "actors/bus/names.h"
#include "base/encode.h"

static void
on_answer(void *ctx, const Archivolt__HostInstance *reply, const av_error *err)
{
    av_request *request = ctx;

    if (err != NULL)
        av_request_fail(request, err);
    else
        av_request_reply(request, &reply->base);
}

static void
on_removed(void *ctx, const Archivolt__HostInstance *reply AV_UNUSED, const av_error *err)
{
    Archivolt__Empty empty = ARCHIVOLT__EMPTY__INIT;
    av_request *request = ctx;

    if (err != NULL)
        av_request_fail(request, err);
    else
        av_request_reply(request, &empty.base);
}

static void
on_done(void *ctx, const av_error *err)
{
    on_removed(ctx, NULL, err);
}

static void
on_prepare(void *owner, av_request *request, const ProtobufCMessage *body)
{
    const Archivolt__PrepareInstanceRequest *ask = (const void *)body;
    Archivolt__PrepareInstanceReply reply = ARCHIVOLT__PREPARE_INSTANCE_REPLY__INIT;
    uint8_t key[AV_KEY_SIZE];
    const char *base_dir = NULL;
    bool has_keyring = false;
    av_error err = { 0 };

    if (ask->has_recovery_public && ask->recovery_public.len != AV_KEY_SIZE) {
        av_request_failf(request, AV_ERR_INVALID, "the public half of a recovery key has %d bytes", AV_KEY_SIZE);
        return;
    }
    if (av_host_instance_prepare(owner, ask->instance_id, ask->base_directory,
            ask->has_start_mode ? ask->start_mode : ARCHIVOLT__START_MODE__START_MODE_AUTOMATIC,
            !ask->has_sleep_allowed || ask->sleep_allowed, ask->has_recovery_public ? ask->recovery_public.data : NULL,
            key, &base_dir, &has_keyring, &err) != AV_OK) {
        av_request_fail(request, &err);
        return;
    }
    reply.public_key = (ProtobufCBinaryData){ sizeof key, key };
    reply.base_directory = (char *)(uintptr_t)base_dir;
    reply.has_has_keyring = true;
    reply.has_keyring = has_keyring;
    av_request_reply(request, &reply.base);
}

/* The instance a request is about; NULL after the request was failed. */
static av_host_instance *
instance_of(av_host *self, av_request *request, const char *id)
{
    av_host_instance *found = NULL;
    av_error err = { 0 };

    if (av_host_instance_get(self, id, &found, &err) != AV_OK)
        av_request_fail(request, &err);
    return found;
}

static void
on_configure(void *owner, av_request *request, const ProtobufCMessage *body)
{
    const Archivolt__ConfigureInstanceRequest *ask = (const void *)body;
    av_host_instance *one = instance_of(owner, request, ask->instance_id);
    bool sleep_allowed = ask->sleep_allowed;
    Archivolt__HostInstance reply;
    av_error err = { 0 };

    if (one == NULL)
        return;
    if (av_host_instance_configure(one, ask->has_start_mode ? &ask->start_mode : NULL,
            ask->has_sleep_allowed ? &sleep_allowed : NULL, &err) != AV_OK) {
        av_request_fail(request, &err);
        return;
    }
    av_host_instance_describe(one, &reply);
    av_request_reply(request, &reply.base);
}

static void
on_remove(void *owner, av_request *request, const ProtobufCMessage *body)
{
    const Archivolt__RemoveInstanceRequest *ask = (const void *)body;
    av_host_instance *one = av_host_instance_find(owner, ask->instance_id); /* also one that is half deleted */

    if (one == NULL)
        av_request_failf(request, AV_ERR_NOT_FOUND, "instance %.63s is not assigned to this host", ask->instance_id);
    else
        av_host_instance_remove(one, ask->delete_files, on_removed, request);
}

/* The methods that take an instance id alone and answer with its state. */
#define INSTANCE_HANDLER(name, call)                                                                                   \
    static void name(void *owner, av_request *request, const ProtobufCMessage *body)                                   \
    {                                                                                                                  \
        av_host_instance *one =                                                                                        \
            instance_of(owner, request, ((const Archivolt__InstanceIdRequest *)(const void *)body)->instance_id);      \
                                                                                                                       \
        if (one != NULL)                                                                                               \
            call(one, on_answer, request);                                                                             \
    }

INSTANCE_HANDLER(on_start, av_host_instance_start)
INSTANCE_HANDLER(on_stop, av_host_instance_stop)
INSTANCE_HANDLER(on_restart, av_host_instance_restart)
INSTANCE_HANDLER(on_sleep, av_host_instance_sleep)
INSTANCE_HANDLER(on_wake, av_host_instance_wake)

static void
on_list(void *owner, av_request *request, const ProtobufCMessage *body AV_UNUSED)
{
    av_host *self = owner;
    Archivolt__ListHostInstancesReply reply = ARCHIVOLT__LIST_HOST_INSTANCES_REPLY__INIT;
    size_t count = av_map_count(self->instances), at = 0;
    AV_CLEANUP(av_free) Archivolt__HostInstance *rows = av_xcalloc(count, sizeof *rows);
    AV_CLEANUP(av_free) Archivolt__HostInstance **pointers = av_xcalloc(count, sizeof *pointers);
    av_span key;
    void *value;

    while (av_map_next(self->instances, &at, &key, &value)) {
        pointers[reply.n_instances] = &rows[reply.n_instances];
        av_host_instance_describe(value, &rows[reply.n_instances++]);
    }
    reply.instances = pointers;
    av_request_reply(request, &reply.base);
}

/* "instance/demo#0000002a" may speak of instance demo alone. Fails the request when it does not. */
static bool
run_of(av_request *request, const Archivolt__StartWorkerRequest *ask, char run[AV_HOST_RUN_HEX + 1])
{
    AV_CLEANUP(av_free) char *own = av_xasprintf("instance/%s", ask->instance_id);

    if (!av_span_eq_str(av_sender_name(av_span_str(av_request_from(request))), own)) {
        av_request_failf(request, AV_ERR_DENIED,
            "a run of instance %s can be started and stopped by that instance alone", ask->instance_id);
        return false;
    }
    if (ask->run.len != AV_HOST_RUN_HEX / 2) {
        av_request_failf(request, AV_ERR_INVALID, "a run id has %d bytes, not %zu", AV_HOST_RUN_HEX / 2, ask->run.len);
        return false;
    }
    av_hex_encode(av_span_of(ask->run.data, ask->run.len), run);
    return true;
}

static void
on_start_worker(void *owner, av_request *request, const ProtobufCMessage *body)
{
    const Archivolt__StartWorkerRequest *ask = (const void *)body;
    char run[AV_HOST_RUN_HEX + 1];

    if (run_of(request, ask, run) && instance_of(owner, request, ask->instance_id) != NULL)
        av_host_worker_start(owner, ask->instance_id, run, on_done, request);
}

static void
on_stop_worker(void *owner, av_request *request, const ProtobufCMessage *body)
{
    const Archivolt__StartWorkerRequest *ask = (const void *)body;
    char run[AV_HOST_RUN_HEX + 1];

    if (run_of(request, ask, run))
        av_host_worker_stop(owner, ask->instance_id, run, on_done, request);
}

static void
on_get_info(void *owner, av_request *request, const ProtobufCMessage *body AV_UNUSED)
{
    av_host *self = owner;
    Archivolt__HostInfo reply = ARCHIVOLT__HOST_INFO__INIT;
    struct statvfs fs = { 0 };

    reply.node = self->node->node;
    reply.version = (char *)(uintptr_t)AV_VERSION;
    reply.operating_system = self->machine.operating_system;
    reply.memory_bytes = self->machine.memory_bytes;
    reply.n_processors = self->machine.processor_count;
    reply.processors = self->machine.processors;
    reply.base_directory = self->instances_dir;
    if (statvfs(self->instances_dir, &fs) == 0)
        reply.free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    av_request_reply(request, &reply.base);
}

static void
on_restore_files(void *owner, av_request *request, const ProtobufCMessage *body)
{
    av_host_restore_serve(owner, request, body);
}

static const av_handler handlers[] = {
    { "archivolt.Host.PrepareInstance", on_prepare },
    { "archivolt.Host.ConfigureInstance", on_configure },
    { "archivolt.Host.RemoveInstance", on_remove },
    { "archivolt.Host.StartInstance", on_start },
    { "archivolt.Host.StopInstance", on_stop },
    { "archivolt.Host.RestartInstance", on_restart },
    { "archivolt.Host.SleepInstance", on_sleep },
    { "archivolt.Host.Wake", on_wake },
    { "archivolt.Host.ListInstances", on_list },
    { "archivolt.Host.RestoreFiles", on_restore_files },
    { "archivolt.Host.StartWorker", on_start_worker },
    { "archivolt.Host.StopWorker", on_stop_worker },
    { "archivolt.Host.GetInfo", on_get_info },
};

void
av_host_serve(av_host *self)
{
    av_bus_serve(self->bus, handlers, AV_COUNT(handlers), self);
}
