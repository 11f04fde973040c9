/*
 * verb_call.c - archivolt call FUNCTION k=v: any method, by the contract's table alone
 */
#include "tools/cli/cli.h"

#include "proto/value.h"

static int
list_methods(const cli *self)
{
    static const cli_column columns[] = { { "method", "METHOD" }, { "api", "API NAME" }, { "help", "HELP" } };
    json_t *rows = json_array();

    for (size_t i = 0; i < av_proto_method_count; i++) {
        const av_method_info *m = &av_proto_methods[i];

        if ((m->callers & (AV_CALLER_BIT(ARCHIVOLT__CALLER__CALLER_OPERATOR) |
                              AV_CALLER_BIT(ARCHIVOLT__CALLER__CALLER_ANY))) != 0)
            json_array_append_new(rows,
                json_pack("{s:s,s:s?,s:s}", "method", m->name + strlen("archivolt."), "api", m->api, "help", m->help));
    }
    if (self->json)
        cli_print_json(self, rows);
    else {
        cli_print_table(columns, AV_COUNT(columns), rows);
        json_decref(rows);
    }
    return CLI_OK;
}

static void
describe(const av_method_info *m)
{
    const av_message_info *in = av_proto_message(m->input);

    printf("%s\n%s\n\nArguments:\n", m->name + strlen("archivolt."), m->help);
    for (unsigned i = 0; i < in->descriptor->n_fields; i++)
        if ((in->fields[i].flags & AV_FIELD_JSON_OMIT) == 0)
            printf("  %s=%-10s %s%s\n", in->fields[i].json_key, av_form_type_word(&in->descriptor->fields[i]),
                in->descriptor->fields[i].label == PROTOBUF_C_LABEL_REQUIRED ? "(needed) " : "", in->fields[i].help);
    if (in->descriptor->n_fields == 0)
        printf("  none\n");
}

/* Which actor answers the method: by its service, and by the field it is routed by. Owned by the caller, or NULL. */
static char *
actor_for(const cli *self, const av_method_info *m, const ProtobufCMessage *body)
{
    const ProtobufCFieldDescriptor *field;
    const char *id = NULL;

    if (strcmp(m->service, "Management") == 0)
        return av_xstrdup("management");
    if (strcmp(m->service, "Broker") == 0)
        return av_xstrdup("broker");
    if (strcmp(m->service, "Host") == 0)
        return av_xasprintf("host/%s", self->node.node);
    if (m->route_by == NULL)
        return NULL;
    field = protobuf_c_message_descriptor_get_field_by_name(m->input, m->route_by);
    memcpy(&id, av_value_at(body, field, 0), sizeof id);
    return av_xasprintf("instance/%s", id);
}

static int
print_result(const cli *self, const av_method_info *m, const ProtobufCMessage *reply)
{
    json_t *value = m->result != NULL ? av_json_from_field(reply, m->result) : av_json_from_message(reply);

    if (self->json)
        cli_print_json(self, value);
    else {
        (void)json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(AV_JSON_DIGITS));
        (void)putchar('\n');
        json_decref(value);
    }
    return CLI_OK;
}

static int
finish_operation(cli *self, const char *actor, const ProtobufCMessage *reply)
{
    Archivolt__Operation *op = NULL;
    const av_message_info *type;
    ProtobufCMessage *result = NULL;
    json_t *value = json_null();
    int status = cli_wait_operation(self, actor, ((const Archivolt__Operation *)reply)->id, &op);

    if (status != 0)
        return status;
    if (op->state != ARCHIVOLT__OPERATION_STATE__OPERATION_STATE_SUCCEEDED) {
        status = cli_failf(self, op->has_error_code ? (av_errc)op->error_code : AV_ERR_CANCELLED, "%s",
            op->error_message != NULL ? op->error_message : "the operation was cancelled");
        archivolt__operation__free_unpacked(op, NULL);
        return status;
    }
    type = op->result_type == NULL ? NULL : av_proto_message_by_name(op->result_type);
    if (type != NULL)
        result = protobuf_c_message_unpack(type->descriptor, NULL, op->result.len, op->result.data);
    if (result != NULL)
        value = av_json_from_message(result);
    if (!self->json && op->log != NULL)
        (void)fputs(op->log, stderr);
    cli_print_json(self, value);
    if (result != NULL)
        protobuf_c_message_free_unpacked(result, NULL);
    archivolt__operation__free_unpacked(op, NULL);
    return CLI_OK;
}

static int
invoke(cli *self, const av_method_info *m, const char *to, int argc, char **argv)
{
    av_form_field fields[64];
    ProtobufCMessage *body = NULL, *reply = NULL;
    AV_CLEANUP(av_free) char *actor = NULL;
    av_error err;
    int status;

    if ((size_t)argc > AV_COUNT(fields))
        return cli_usage("call", "more than %zu arguments", AV_COUNT(fields));
    for (int i = 0; i < argc; i++) {
        const char *eq = strchr(argv[i], '=');

        if (eq == NULL)
            return cli_usage("call", "\"%s\" is not KEY=VALUE", argv[i]);
        fields[i] = (av_form_field){ av_span_of(argv[i], (size_t)(eq - argv[i])), av_span_str(eq + 1) };
    }
    if (av_form_to_message(fields, (size_t)argc, m->input, &body, &err) != AV_OK)
        return cli_fail(self, &err);
    status = cli_connect(self);
    actor = to != NULL ? av_xstrdup(to) : status == 0 ? actor_for(self, m, body) : NULL;
    if (status == 0 && actor == NULL)
        status = cli_usage("call", "%s is answered by many actors: say --to ACTOR", m->method);
    if (status == 0)
        status = cli_call(self, actor, m->name, body, av_span_of(NULL, 0), &reply);
    if (status == 0)
        status = m->long_running ? finish_operation(self, actor, reply) : print_result(self, m, reply);
    protobuf_c_message_free_unpacked(body, NULL);
    protobuf_c_message_free_unpacked(reply, NULL);
    return status;
}

int
verb_call(cli *self, int argc, char **argv)
{
    const char *to = NULL;
    bool list = false;
    const cli_option options[] = { { "--to", &to, NULL, NULL, "ACTOR",
                                       "the actor to ask, where the method does not say" },
        { "--list", NULL, NULL, &list, NULL, "list the methods" }, { NULL, NULL, NULL, NULL, NULL, NULL } };
    const av_method_info *m;
    int status;

    if (argc == 3 && strcmp(argv[2], "--help") == 0 && (m = av_proto_method_by_any_name(argv[1])) != NULL) {
        describe(m);
        return CLI_OK;
    }
    if (cli_options(self, options, &argc, argv, &status) != 0)
        return status;
    if (list)
        return list_methods(self);
    if (argc < 2)
        return cli_usage("call", "which function?");
    m = av_proto_method_by_any_name(argv[1]);
    if (m == NULL)
        return cli_failf(
            self, AV_ERR_NOT_FOUND, "there is no function %s; `archivolt call --list` shows them", argv[1]);
    return invoke(self, m, to, argc - 2, argv + 2);
}
