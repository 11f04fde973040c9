/*
 * verb_instance.c - archivolt instance create|list|show|start|stop|restart|sleep|delete
 */
#include "tools/cli/cli.h"

#include "proto/management.pb-c.h"

typedef struct instance_options {
    const char *alias, *display_name, *start_mode, *base_directory, *host;
    bool keep_files, yes;
} instance_options;

static int
create(cli *self, const char *id, const instance_options *o)
{
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
    status =
        cli_call(self, "management", "archivolt.Management.CreateInstance", &request.base, av_span_of(NULL, 0), &reply);
    if (status != 0)
        return status;
    if (self->json)
        cli_print_json(self, av_json_from_field(reply, "config"));
    else
        printf("Instance %s is created.\n", id);
    protobuf_c_message_free_unpacked(reply, NULL);
    return CLI_OK;
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

int
verb_instance(cli *self, int argc, char **argv)
{
    instance_options o = { 0 };
    const cli_option options[] = { { "--alias", &o.alias, NULL, NULL, "NAME", "create: second name for logins" },
        { "--display-name", &o.display_name, NULL, NULL, "TEXT", "create: name shown to people" },
        { "--start-mode", &o.start_mode, NULL, NULL, "MODE", "create: automatic, manual or disabled" },
        { "--base-directory", &o.base_directory, NULL, NULL, "DIR", "create: folder of all its data" },
        { "--host", &o.host, NULL, NULL, "NODE", "create: the node it runs on" },
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
    if (argc < 2 || argc > 3 || (argc < 3 && strcmp(argv[1], "list") != 0))
        return cli_usage("instance", "create ID, list [FILTER], show ID, start|stop|restart|sleep|delete FILTER");
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
    if (strcmp(what, "delete") == 0)
        return delete (self, which, &o);
    for (size_t i = 0; i < AV_COUNT(operations); i++)
        if (strcmp(what, operations[i].word) == 0)
            return operate_on(self, operations[i].method, which);
    return cli_usage("instance", "\"%s\" is not one of create, list, show, start, stop, restart, sleep, delete", what);
}
