/*
 * verb_backup.c - archivolt backup: of an instance by its own actor, of the management database, and is a backup whole?
 */
#include "base/clock.h"
#include "proto/stores.pb-c.h"
#include "tools/cli/backup.h"

typedef struct backup_options {
    bool views, with_index, management;
    cli_seal seal;
} backup_options;

static int
backup_instance(cli *self, const char *instance, const char *folder, const backup_options *o)
{
    Archivolt__BackupRequest request = ARCHIVOLT__BACKUP_REQUEST__INIT;
    AV_CLEANUP(av_free) char *id = NULL;
    AV_CLEANUP(av_free) char *actor = NULL;
    ProtobufCMessage *reply = NULL, *result = NULL;
    const Archivolt__BackupResult *done;
    char copied[32], all[32];
    int status = cli_connect(self);

    if (status == 0)
        status = cli_resolve(self, instance, &id);
    if (status != 0)
        return status;
    actor = av_xasprintf("instance/%s", id);
    request.instance_id = id;
    request.folder = (char *)(uintptr_t)folder;
    request.has_include_views = request.has_include_index = 1;
    request.include_views = o->views;
    request.include_index = o->with_index;
    status = cli_call(self, actor, "archivolt.Stores.Backup", &request.base, av_span_of(NULL, 0), &reply);
    if (status == 0)
        status = cli_finish_operation(self, actor, (const Archivolt__Operation *)reply,
            "cancelled; the backup before stands, and the next one goes on where this one stopped", &result);
    protobuf_c_message_free_unpacked(reply, NULL);
    if (status != 0)
        return status;
    done = (const Archivolt__BackupResult *)result;
    if (done == NULL)
        return cli_failf(self, AV_ERR_INTERNAL, "the instance gave no account of the backup");
    if (self->json)
        cli_print_json(self, av_json_from_message(result));
    else
        printf("Backup %llu of %s in %s: %llu files, %s; %s copied. Mail waited %llu ms.\n",
            (unsigned long long)done->number, id, folder, (unsigned long long)done->files, cli_bytes(done->bytes, all),
            cli_bytes(done->copied_bytes, copied), (unsigned long long)done->frozen_ms);
    protobuf_c_message_free_unpacked(result, NULL);
    return CLI_OK;
}

static int
verify(cli *self, const char *folder)
{
    const av_care_watch watch = cli_watch(self);
    av_backup_verify_result r = { 0 };
    char bytes[32], date[32];
    av_error err;
    av_errc rc = av_backup_verify(folder, &watch, &r, &err);

    cli_progress_end(self);
    if (rc != AV_OK)
        return cli_fail(self, &err);
    if (self->json)
        cli_print_json(self,
            json_pack("{s:s,s:I,s:s,s:I,s:I,s:I,s:I,s:I}", "instanceID", r.instance_id, "number", (json_int_t)r.number,
                "date", av_clock_format(r.time_ms, date), "files", (json_int_t)r.files, "bytes", (json_int_t)r.bytes,
                "stores", (json_int_t)r.stores, "groups", (json_int_t)r.groups, "faults", (json_int_t)r.faults));
    else
        printf("Backup %llu of %s, %s: %llu files, %s, %llu stores: %s\n", (unsigned long long)r.number, r.instance_id,
            av_clock_format(r.time_ms, date), (unsigned long long)r.files, cli_bytes(r.bytes, bytes),
            (unsigned long long)r.stores, r.faults == 0 ? "no fault." : "damaged.");
    return r.faults == 0 ? CLI_OK : CLI_INCOMPLETE;
}

int
verb_backup(cli *self, int argc, char **argv)
{
    backup_options o = { 0 };
    const cli_option options[] = { { "--views", NULL, NULL, &o.views, NULL,
                                       "also what can be made again: restored, the instance is ready sooner" },
        { "--index", NULL, NULL, &o.with_index, NULL, "also the search index" },
        { "--management", NULL, NULL, &o.management, NULL, "the management database and this node's keys" },
        { "--passphrase-file", &o.seal.passphrase_file, NULL, NULL, "FILE",
            "--management: sealed under this passphrase (env ARCHIVOLT_PASSPHRASE)" },
        { "--recovery-key-file", &o.seal.recovery_key_file, NULL, NULL, "FILE",
            "--management: sealed to this recovery key" },
        { NULL, NULL, NULL, NULL, NULL, NULL } };
    AV_CLEANUP(av_free) char *folder = NULL;
    int status, wanted;

    if (cli_options(self, options, &argc, argv, &status) != 0)
        return status;
    wanted = o.management ? 2 : 3;
    if (argc != wanted)
        return cli_usage("backup", "INSTANCE DIR, verify DIR, or --management DIR");
    folder = cli_absolute(self, argv[wanted - 1], &status);
    if (folder == NULL)
        return status;
    if (o.management)
        return cli_backup_management(self, folder, &o.seal);
    if (strcmp(argv[1], "verify") == 0)
        return verify(self, folder);
    return backup_instance(self, argv[1], folder, &o);
}
