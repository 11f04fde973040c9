/*
 * verb_restore.c - archivolt restore: a host makes the folder of an instance out of a backup, management the instance
 * over it
 */
#include "proto/host.pb-c.h"
#include "proto/management.pb-c.h"
#include "tools/cli/backup.h"

typedef struct restore_options {
    const char *as, *host, *base_directory, *key_file, *keyring;
    bool management;
    cli_seal seal;
} restore_options;

/* ---- where ---- */

/* What management knows of an instance of this id. *ret stays NULL: there is none. */
static int
find_instance(cli *self, const char *id, Archivolt__GetInstanceConfigurationReply **ret)
{
    Archivolt__GetInstanceConfigurationRequest request = ARCHIVOLT__GET_INSTANCE_CONFIGURATION_REQUEST__INIT;
    ProtobufCMessage *reply = NULL;
    av_error err;
    av_errc rc;

    request.instance_id = (char *)(uintptr_t)id;
    rc = cli_try(self, "management", "archivolt.Management.GetInstanceConfiguration", &request.base,
        av_span_of(NULL, 0), (uint32_t)self->timeout_ms, &reply, &err);
    *ret = (Archivolt__GetInstanceConfigurationReply *)reply;
    return rc == AV_OK || rc == AV_ERR_NOT_FOUND ? 0 : cli_fail(self, &err);
}

/* The host that was named, or the only one. ret: free. */
static int
choose_host(cli *self, const char *named, char **ret)
{
    Archivolt__ServerNameFilterRequest request = ARCHIVOLT__SERVER_NAME_FILTER_REQUEST__INIT;
    const Archivolt__GetInstanceHostsReply *hosts;
    ProtobufCMessage *reply = NULL;
    int status;

    request.server_name_filter = (char *)(uintptr_t)named;
    status = cli_call(
        self, "management", "archivolt.Management.GetInstanceHosts", &request.base, av_span_of(NULL, 0), &reply);
    if (status != 0)
        return status;
    hosts = (const Archivolt__GetInstanceHostsReply *)reply;
    if (hosts->n_hosts == 1)
        *ret = av_xstrdup(hosts->hosts[0]->server_name);
    else if (named != NULL || hosts->n_hosts == 0)
        status = cli_failf(self, AV_ERR_NOT_FOUND, "there is no instance host \"%s\"", named == NULL ? "" : named);
    else
        status = cli_usage("restore", "--host is needed: there are %zu instance hosts", hosts->n_hosts);
    protobuf_c_message_free_unpacked(reply, NULL);
    return status;
}

/* ---- the steps ---- */

/* Start or stop, and wait until it is done. */
static int
operate(cli *self, const char *method, const char *id)
{
    Archivolt__InstanceFilterRequest request = ARCHIVOLT__INSTANCE_FILTER_REQUEST__INIT;
    ProtobufCMessage *reply = NULL, *result = NULL;
    int status;

    request.instance_filter = (char *)(uintptr_t)id;
    status = cli_call(self, "management", method, &request.base, av_span_of(NULL, 0), &reply);
    if (status == 0)
        status = cli_finish_operation(self, "management", (const Archivolt__Operation *)reply, "cancelled", &result);
    protobuf_c_message_free_unpacked(reply, NULL);
    if (result != NULL)
        protobuf_c_message_free_unpacked(result, NULL);
    return status;
}

/* One that works keeps its files; one that fails again and again for want of them is stopped first. */
static int
stop_failed(cli *self, const char *id)
{
    Archivolt__InstanceFilterRequest request = ARCHIVOLT__INSTANCE_FILTER_REQUEST__INIT;
    const Archivolt__GetInstancesReply *rows;
    Archivolt__InstanceState state = ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_UNREACHABLE;
    ProtobufCMessage *reply = NULL;
    int status;

    request.instance_filter = (char *)(uintptr_t)id;
    status =
        cli_call(self, "management", "archivolt.Management.GetInstances", &request.base, av_span_of(NULL, 0), &reply);
    if (status != 0)
        return status;
    rows = (const Archivolt__GetInstancesReply *)reply;
    if (rows->n_instances == 1)
        state = rows->instances[0]->status;
    protobuf_c_message_free_unpacked(reply, NULL);
    if (state == ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_STOPPED)
        return 0;
    if (state == ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_FAILED)
        return operate(self, "archivolt.Management.StopInstances", id);
    return cli_failf(self, AV_ERR_EXISTS, "instance %s is there and is not stopped: restore under another id", id);
}

static int
restore_files(cli *self, const char *host, const char *id, const char *folder, const restore_options *o,
    Archivolt__RestoreFilesResult **ret)
{
    Archivolt__RestoreFilesRequest request = ARCHIVOLT__RESTORE_FILES_REQUEST__INIT;
    AV_CLEANUP(av_free) char *actor = av_xasprintf("host/%s", host);
    AV_CLEANUP(av_buf_release_secret) av_buf key = { 0 };
    ProtobufCMessage *reply = NULL, *result = NULL;
    int status = o->key_file == NULL ? 0 : cli_read_key(self, o->key_file, &key);

    if (status != 0)
        return status;
    request.instance_id = (char *)(uintptr_t)id;
    request.folder = (char *)(uintptr_t)folder;
    request.base_directory = (char *)(uintptr_t)o->base_directory;
    request.keyring = (char *)(uintptr_t)o->keyring;
    request.key = o->key_file == NULL ? NULL : (char *)(uintptr_t)av_buf_cstr(&key);
    status = cli_call(self, actor, "archivolt.Host.RestoreFiles", &request.base, av_span_of(NULL, 0), &reply);
    if (status == 0)
        status = cli_finish_operation(
            self, actor, (const Archivolt__Operation *)reply, "cancelled; what was copied is removed", &result);
    protobuf_c_message_free_unpacked(reply, NULL);
    if (status == 0 && result == NULL)
        status = cli_failf(self, AV_ERR_INTERNAL, "the host gave no account of the restore");
    *ret = (Archivolt__RestoreFilesResult *)result;
    return status;
}

static int
create(cli *self, const char *id, const char *host, const char *base_directory)
{
    Archivolt__InstanceConfig config = ARCHIVOLT__INSTANCE_CONFIG__INIT;
    Archivolt__CreateInstanceRequest request = ARCHIVOLT__CREATE_INSTANCE_REQUEST__INIT;
    ProtobufCMessage *reply = NULL;
    int status;

    config.instance_id = (char *)(uintptr_t)id;
    config.instance_host = (char *)(uintptr_t)host;
    config.base_directory = (char *)(uintptr_t)base_directory;
    config.has_start_mode = 1;
    config.start_mode = ARCHIVOLT__START_MODE__START_MODE_AUTOMATIC;
    request.config = &config;
    status =
        cli_call(self, "management", "archivolt.Management.CreateInstance", &request.base, av_span_of(NULL, 0), &reply);
    protobuf_c_message_free_unpacked(reply, NULL);
    return status;
}

static int
tell(cli *self, const char *id, const char *host, const Archivolt__RestoreFilesResult *done)
{
    char bytes[32];

    if (self->json)
        cli_print_json(self, json_pack("{s:s,s:s,s:s,s:I}", "instanceID", id, "instanceHost", host, "baseDirectory",
                                 done->base_directory, "bytes", (json_int_t)done->bytes));
    else
        printf("Instance %s is restored on %s, in %s (%s).\n", id, host, done->base_directory,
            cli_bytes(done->bytes, bytes));
    return CLI_OK;
}

/* Over an instance that management knows (its host has lost its files), or as a new one. */
static int
restore(cli *self, const char *folder, const restore_options *o)
{
    Archivolt__GetInstanceConfigurationReply *known = NULL;
    Archivolt__RestoreFilesResult *done = NULL;
    AV_CLEANUP(av_free) char *host = NULL;
    int status = cli_connect(self);

    if (status == 0)
        status = find_instance(self, o->as, &known);
    if (status == 0 && known == NULL)
        status = choose_host(self, o->host, &host);
    else if (status == 0 && (o->host != NULL || o->base_directory != NULL))
        status = cli_failf(self, AV_ERR_EXISTS,
            "instance %s is there: its files go back where they were, without --host and --base-directory", o->as);
    else if (status == 0) {
        host = av_xstrdup(known->config->instance_host);
        status = stop_failed(self, o->as);
    }
    if (status == 0)
        status = restore_files(self, host, o->as, folder, o, &done);
    if (status == 0)
        status = known == NULL ? create(self, o->as, host, done->base_directory)
                               : operate(self, "archivolt.Management.StartInstances", o->as);
    if (status == 0)
        status = tell(self, o->as, host, done);
    archivolt__restore_files_result__free_unpacked(done, NULL);
    archivolt__get_instance_configuration_reply__free_unpacked(known, NULL);
    return status;
}

int
verb_restore(cli *self, int argc, char **argv)
{
    restore_options o = { 0 };
    const cli_option options[] = { { "--as", &o.as, NULL, NULL, "ID", "id of the restored instance" },
        { "--host", &o.host, NULL, NULL, "NODE", "the node it runs on, which has the backup's folder" },
        { "--base-directory", &o.base_directory, NULL, NULL, "DIR", "folder of all its data" },
        { "--recovery-key-file", &o.key_file, NULL, NULL, "FILE",
            "the recovery key, its sheet, or the instance key, for a host that has neither; - is standard input" },
        { "--keyring", &o.keyring, NULL, NULL, "DIR",
            "a newer keyring, or the folder of a newer backup: what was erased since stays erased" },
        { "--management", NULL, NULL, &o.management, NULL,
            "the management database and its node's keys into a new data folder (--data)" },
        { "--passphrase-file", &o.seal.passphrase_file, NULL, NULL, "FILE",
            "--management: holds its passphrase (env ARCHIVOLT_PASSPHRASE)" },
        { NULL, NULL, NULL, NULL, NULL, NULL } };
    AV_CLEANUP(av_free) char *folder = NULL;
    AV_CLEANUP(av_free) char *keyring = NULL;
    int status;

    if (cli_options(self, options, &argc, argv, &status) != 0)
        return status;
    if (argc != 2 || (!o.management && o.as == NULL))
        return cli_usage("restore", "DIR --as ID, or --management DIR");
    folder = cli_absolute(self, argv[1], &status);
    if (folder == NULL)
        return status;
    if (o.management) {
        o.seal.recovery_key_file = o.key_file;
        return cli_restore_management(self, folder, &o.seal);
    }
    if (o.keyring != NULL) {
        keyring = cli_absolute(self, o.keyring, &status);
        if (keyring == NULL)
            return status;
        o.keyring = keyring;
    }
    return restore(self, folder, &o);
}
