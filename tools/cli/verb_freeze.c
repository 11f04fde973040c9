/*
 * verb_freeze.c - archivolt freeze INSTANCE, archivolt thaw INSTANCE: around a snapshot of the machine or its disks
 */
#include "proto/stores.pb-c.h"
#include "tools/cli/cli.h"

static int
begin(cli *self, const char *instance, char **ret_id, char **ret_actor)
{
    int status = cli_connect(self);

    if (status == 0)
        status = cli_resolve(self, instance, ret_id);
    if (status == 0)
        *ret_actor = av_xasprintf("instance/%s", *ret_id);
    return status;
}

int
verb_freeze(cli *self, int argc, char **argv)
{
    uint64_t seconds = 0;
    const cli_option options[] = { { "--seconds", NULL, &seconds, NULL, "N",
                                       "thaws by itself after this time (60; setting freeze_seconds)" },
        { NULL, NULL, NULL, NULL, NULL, NULL } };
    Archivolt__FreezeRequest request = ARCHIVOLT__FREEZE_REQUEST__INIT;
    AV_CLEANUP(av_free) char *id = NULL;
    AV_CLEANUP(av_free) char *actor = NULL;
    ProtobufCMessage *reply = NULL;
    int status;

    if (cli_options(self, options, &argc, argv, &status) != 0)
        return status;
    if (argc != 2)
        return cli_usage("freeze", "an instance is needed");
    status = begin(self, argv[1], &id, &actor);
    if (status != 0)
        return status;
    request.instance_id = id;
    request.has_seconds = seconds != 0;
    request.seconds = (uint32_t)seconds;
    status = cli_call(self, actor, "archivolt.Stores.Freeze", &request.base, av_span_of(NULL, 0), &reply);
    if (status == 0 && self->json)
        cli_print_json(self, av_json_from_message(reply));
    else if (status == 0)
        printf("Instance %s is frozen; it thaws by itself after %u s.\n", id,
            ((const Archivolt__FreezeReply *)reply)->seconds);
    protobuf_c_message_free_unpacked(reply, NULL);
    return status;
}

int
verb_thaw(cli *self, int argc, char **argv)
{
    const cli_option options[] = { { NULL, NULL, NULL, NULL, NULL, NULL } };
    Archivolt__InstanceRequest request = ARCHIVOLT__INSTANCE_REQUEST__INIT;
    AV_CLEANUP(av_free) char *id = NULL;
    AV_CLEANUP(av_free) char *actor = NULL;
    ProtobufCMessage *reply = NULL;
    const Archivolt__ThawReply *thawed;
    int status;

    if (cli_options(self, options, &argc, argv, &status) != 0)
        return status;
    if (argc != 2)
        return cli_usage("thaw", "an instance is needed");
    status = begin(self, argv[1], &id, &actor);
    if (status != 0)
        return status;
    request.instance_id = id;
    status = cli_call(self, actor, "archivolt.Stores.Thaw", &request.base, av_span_of(NULL, 0), &reply);
    if (status != 0)
        return status;
    thawed = (const Archivolt__ThawReply *)reply;
    if (self->json)
        cli_print_json(self, av_json_from_message(reply));
    else if (thawed->was_frozen)
        printf("Instance %s goes on after %.1f s.\n", id, (double)thawed->frozen_ms / 1000.0);
    else
        fprintf(
            stderr, "archivolt: instance %s had thawed by itself: what was copied since is no consistent state\n", id);
    status = thawed->was_frozen ? CLI_OK : CLI_INCOMPLETE;
    protobuf_c_message_free_unpacked(reply, NULL);
    return status;
}
