/*
 * verb_instance.c - archivolt instance create|list|show|paths|start|stop|restart|sleep|delete
 */
#include "tools/cli/cli.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/secret.h"
#include "proto/management.pb-c.h"
#include "proto/stores.pb-c.h"
#include "storage/keys/key_text.h"

#define SHEET_MAX 16384

typedef struct instance_options {
    const char *alias, *display_name, *start_mode, *base_directory, *host, *recovery_sheet;
    bool keep_files, yes;
} instance_options;

/* Before the instance is made: what cannot be written later must not cost the key. */
static int
open_sheet(cli *self, const char *path, int *ret, av_error *err)
{
    if (path != NULL && av_file_open(path, O_WRONLY | O_CREAT | O_EXCL, 0600, ret, err) != AV_OK)
        return cli_failf(self, err->code, "the recovery sheet: %s", err->msg);
    return 0;
}

static av_errc
write_sheet(int fd, const Archivolt__CreateInstanceReply *reply, av_error *err)
{
    AV_CLEANUP(av_buf_release_secret) av_buf text = { 0 };
    AV_CLEANUP(av_key_wipe) av_key key = { 0 };
    const Archivolt__InstanceConfig *config = reply->config;
    char date[32];
    av_errc rc = av_key_parse(av_span_str(reply->recovery_key), &key, err);

    if (rc != AV_OK)
        return rc;
    av_buf_init(&text, SHEET_MAX);
    (void)av_clock_format(av_clock_wall_ms(), date);
    date[strlen("2026-11-22")] = '\0';
    if (!av_key_recovery_sheet(
            &key, config->display_name != NULL ? config->display_name : config->instance_id, date, &text))
        return av_error_set(err, AV_ERR_LIMIT, "the sheet has over %d bytes", SHEET_MAX);
    rc = av_file_write_at(fd, text.p, text.n, 0, err);
    return rc == AV_OK ? av_file_datasync(fd, err) : rc;
}

/* What the caller sees of a new instance; the recovery key is in it this once. A sheet that fails leaves it here. */
static int
tell_created(cli *self, const Archivolt__CreateInstanceReply *reply, const char *sheet, int fd)
{
    const char *id = reply->config->instance_id;
    av_error err = { AV_OK, "" };
    bool kept = false;
    json_t *value;

    if (reply->recovery_key != NULL && sheet != NULL)
        kept = write_sheet(fd, reply, &err) == AV_OK;
    else if (sheet != NULL)
        (void)av_file_ops_get()->unlink(sheet); /* nothing to write: leave no empty file that looks like a sheet */
    if (self->json) {
        value = av_json_from_field(&reply->base, "config");
        json_object_set_new(value, "recoveryKeyID", av_json_text(reply->recovery_key_id));
        if (!kept)
            json_object_set_new(value, "recoveryKey", av_json_text(reply->recovery_key));
        cli_print_json(self, value);
    } else {
        printf("Instance %s is created.\n", id);
        if (reply->recovery_key == NULL)
            printf("Its recovery key is the one it was first made with.\n");
        else if (kept)
            printf("Its recovery key %s is in %s, readable by you alone: print it, lock it away, delete the file.\n",
                reply->recovery_key_id, sheet);
        else
            printf("\nIts recovery key %s, shown this once and kept nowhere:\n\n  %s\n\n"
                   "Write it down and lock it away: it opens the archive when this machine is lost.\n",
                reply->recovery_key_id, reply->recovery_key);
    }
    if (err.code != AV_OK)
        return cli_failf(self, err.code, "the instance is made, but the recovery sheet is not: %s", err.msg);
    return CLI_OK;
}

static int
create(cli *self, const char *id, const instance_options *o)
{
    AV_CLEANUP(av_file_close) int sheet = -1;
    av_error err;
    Archivolt__InstanceConfig config = ARCHIVOLT__INSTANCE_CONFIG__INIT;
    Archivolt__CreateInstanceRequest request = ARCHIVOLT__CREATE_INSTANCE_REQUEST__INIT;
    ProtobufCMessage *reply = NULL;
    int mode = ARCHIVOLT__START_MODE__START_MODE_AUTOMATIC, status;

    if (o->start_mode != NULL && !av_proto_enum_value(&archivolt__start_mode__descriptor, o->start_mode, &mode))
        return cli_usage("instance", "--start-mode is automatic, manual or disabled");
    config.instance_id = (char *)id;
    config.alias = (char *)o->alias;
    config.display_name = (char *)o->display_name;
    config.base_directory = (char *)o->base_directory;
    config.instance_host = (char *)o->host;
    config.has_start_mode = 1;
    config.start_mode = (Archivolt__StartMode)mode;
    request.config = &config;
    status = open_sheet(self, o->recovery_sheet, &sheet, &err);
    if (status != 0)
        return status;
    status =
        cli_call(self, "management", "archivolt.Management.CreateInstance", &request.base, av_span_of(NULL, 0), &reply);
    if (status != 0) {
        if (o->recovery_sheet != NULL)
            (void)av_file_ops_get()->unlink(o->recovery_sheet);
        return status;
    }
    status = tell_created(self, (const Archivolt__CreateInstanceReply *)reply, o->recovery_sheet, sheet);
    protobuf_c_message_free_unpacked(reply, NULL);
    return status;
}

void
cli_forget_dead_pids(json_t *instances)
{
    static const char *const without[] = { "stopped", "asleep", "failed" };
    size_t i;
    json_t *row;

    json_array_foreach(instances, i, row)
    {
        const char *status = json_string_value(json_object_get(row, "status"));

        for (size_t k = 0; k < AV_COUNT(without); k++)
            if (status != NULL && strcmp(status, without[k]) == 0)
                json_object_set_new(row, "processID", json_null());
    }
}

static int
list(cli *self, const char *filter)
{
    static const cli_column columns[] = { { "instanceID", "INSTANCE" }, { "alias", "ALIAS" }, { "displayName", "NAME" },
        { "instanceHost", "HOST" }, { "startMode", "START" }, { "status", "STATUS" }, { "processID", "PID" },
        { "startStopError", "ERROR" } };
    Archivolt__InstanceFilterRequest request = ARCHIVOLT__INSTANCE_FILTER_REQUEST__INIT;
    ProtobufCMessage *reply = NULL;
    json_t *rows;
    int status;

    request.instance_filter = (char *)filter;
    status =
        cli_call(self, "management", "archivolt.Management.GetInstances", &request.base, av_span_of(NULL, 0), &reply);
    if (status != 0)
        return status;
    rows = av_json_from_field(reply, "instances");
    cli_forget_dead_pids(rows);
    protobuf_c_message_free_unpacked(reply, NULL);
    if (self->json) {
        cli_print_json(self, rows);
        return CLI_OK;
    }
    cli_print_table(columns, AV_COUNT(columns), rows);
    json_decref(rows);
    return CLI_OK;
}

static int
show(cli *self, const char *id)
{
    Archivolt__GetInstanceConfigurationRequest request = ARCHIVOLT__GET_INSTANCE_CONFIGURATION_REQUEST__INIT;
    ProtobufCMessage *reply = NULL;
    int status;

    request.instance_id = (char *)id;
    status = cli_call(self, "management", "archivolt.Management.GetInstanceConfiguration", &request.base,
        av_span_of(NULL, 0), &reply);
    if (status != 0)
        return status;
    cli_print_json(self, av_json_from_field(reply, "config"));
    protobuf_c_message_free_unpacked(reply, NULL);
    return CLI_OK;
}

/* start, stop ...: a long operation of the Management Server. */
static int
operate(cli *self, const char *method, const ProtobufCMessage *request)
{
    ProtobufCMessage *reply = NULL;
    Archivolt__Operation *op = NULL;
    int status = cli_call(self, "management", method, request, av_span_of(NULL, 0), &reply);

    if (status == 0)
        status = cli_wait_operation(self, "management", ((Archivolt__Operation *)reply)->id, &op);
    protobuf_c_message_free_unpacked(reply, NULL);
    if (status != 0)
        return status;
    if (op->state == ARCHIVOLT__OPERATION_STATE__OPERATION_STATE_SUCCEEDED) {
        if (self->json)
            cli_print_json(self, json_pack("{s:s}", "state", "succeeded"));
        else
            printf("Done.\n");
    } else {
        if (!self->json && op->log != NULL)
            (void)fputs(op->log, stderr);
        status = cli_failf(self, op->has_error_code ? (av_errc)op->error_code : AV_ERR_CANCELLED, "%s",
            op->error_message != NULL ? op->error_message : "cancelled");
    }
    archivolt__operation__free_unpacked(op, NULL);
    return status;
}

static int
operate_on(cli *self, const char *method, const char *filter)
{
    Archivolt__InstanceFilterRequest request = ARCHIVOLT__INSTANCE_FILTER_REQUEST__INIT;

    request.instance_filter = (char *)filter;
    return operate(self, method, &request.base);
}

static int delete (cli *self, const char *filter, const instance_options *o)
{
    Archivolt__DeleteInstancesRequest request = ARCHIVOLT__DELETE_INSTANCES_REQUEST__INIT;

    if (!o->yes)
        return cli_usage("instance",
            "deleting \"%s\" removes all its mail: say --yes (or keep the files with --keep-files --yes)", filter);
    request.instance_filter = (char *)filter;
    request.has_keep_files = 1;
    request.keep_files = o->keep_files;
    return operate(self, "archivolt.Management.DeleteInstances", &request.base);
}

/* Every place a backup must hold, and those that can be made again. */
static int
paths(cli *self, const char *name)
{
    static const cli_column columns[] = { { "kind", "KIND" }, { "store", "STORE" }, { "needed", "NEEDED" },
        { "path", "PATH" } };
    Archivolt__InstanceRequest request = ARCHIVOLT__INSTANCE_REQUEST__INIT;
    AV_CLEANUP(av_free) char *id = NULL;
    AV_CLEANUP(av_free) char *actor = NULL;
    ProtobufCMessage *reply = NULL;
    json_t *rows;
    int status = cli_resolve(self, name, &id);

    if (status != 0)
        return status;
    actor = av_xasprintf("instance/%s", id);
    request.instance_id = id;
    status = cli_call(self, actor, "archivolt.Stores.GetPaths", &request.base, av_span_of(NULL, 0), &reply);
    if (status != 0)
        return status;
    rows = av_json_from_field(reply, "paths");
    protobuf_c_message_free_unpacked(reply, NULL);
    if (self->json) {
        cli_print_json(self, rows);
        return CLI_OK;
    }
    cli_print_table(columns, AV_COUNT(columns), rows);
    json_decref(rows);
    return CLI_OK;
}

int
verb_instance(cli *self, int argc, char **argv)
{
    instance_options o = { 0 };
    const cli_option options[] = { { "--alias", &o.alias, NULL, NULL, "NAME", "create: second name for logins" },
        { "--display-name", &o.display_name, NULL, NULL, "TEXT", "create: name shown to people" },
        { "--start-mode", &o.start_mode, NULL, NULL, "MODE", "create: automatic, manual or disabled" },
        { "--base-directory", &o.base_directory, NULL, NULL, "DIR", "create: folder of all its data" },
        { "--host", &o.host, NULL, NULL, "NODE", "create: the node it runs on" },
        { "--recovery-sheet", &o.recovery_sheet, NULL, NULL, "FILE",
            "create: write the recovery key to this new file, to be printed, instead of showing it" },
        { "--keep-files", NULL, NULL, &o.keep_files, NULL, "delete: leave the mail on disk" },
        { "--yes", NULL, NULL, &o.yes, NULL, "delete: really" }, { NULL, NULL, NULL, NULL, NULL, NULL } };
    static const struct {
        const char *word, *method;
    } operations[] = { { "start", "archivolt.Management.StartInstances" },
        { "stop", "archivolt.Management.StopInstances" }, { "restart", "archivolt.Management.RestartInstances" },
        { "sleep", "archivolt.Management.SleepInstances" } };
    const char *what, *which;
    int status;

    if (cli_options(self, options, &argc, argv, &status) != 0)
        return status;
    if (argc > 3)
        return cli_usage("instance", "\"%s\" is one argument too many", argv[3]);
    if (argc < 2 || (argc < 3 && strcmp(argv[1], "list") != 0))
        return cli_usage(
            "instance", "create ID, list [FILTER], show ID, paths ID, start|stop|restart|sleep|delete FILTER");
    what = argv[1];
    which = argc == 3 ? argv[2] : "*";
    status = cli_connect(self);
    if (status != 0)
        return status;
    if (strcmp(what, "create") == 0)
        return create(self, which, &o);
    if (strcmp(what, "list") == 0)
        return list(self, which);
    if (strcmp(what, "show") == 0)
        return show(self, which);
    if (strcmp(what, "paths") == 0)
        return paths(self, which);
    if (strcmp(what, "delete") == 0)
        return delete (self, which, &o);
    for (size_t i = 0; i < AV_COUNT(operations); i++)
        if (strcmp(what, operations[i].word) == 0)
            return operate_on(self, operations[i].method, which);
    return cli_usage(
        "instance", "\"%s\" is not one of create, list, show, paths, start, stop, restart, sleep, delete", what);
}
