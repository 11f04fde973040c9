/*
 * verb_call.c - archivolt call FUNCTION k=v: any method, by the contract's table alone
 *
 * Arguments: call_args.c; what is told of methods: call_help.c.
 */
#include "tools/cli/call_priv.h"

#include "actors/bus/rows.h"
#include "proto/archive.pb-c.h"
#include "proto/value.h"

#define ROW_MAX 65536

/* ---- whom to ask ---- */

/* Which actor answers methods of the service, when that is one; else NULL. Owned by the caller. */
static char *
actor_of_service(const cli *self, const char *service)
{
    if (strcmp(service, "Management") == 0)
        return av_xstrdup("management");
    if (strcmp(service, "Broker") == 0)
        return av_xstrdup("broker");
    if (strcmp(service, "Host") == 0)
        return av_xasprintf("host/%s", self->node.node);
    return NULL;
}

/* The instance named in the request: its id instead of an alias, in the request too. */
static int
route(cli *self, const av_method_info *m, ProtobufCMessage *body, char **ret_actor)
{
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field_by_name(m->input, m->route_by);
    void *at = (void *)(uintptr_t)av_value_at(body, field, 0);
    char *name, *id = NULL;
    int status;

    memcpy(&name, at, sizeof name);
    status = cli_resolve(self, name, &id);
    if (status != 0)
        return status;
    free(name);
    memcpy(at, &id, sizeof id);
    *ret_actor = av_xasprintf("instance/%s", id);
    return 0;
}

/* --to ACTOR; an instance may be named by its alias. */
static int
resolve_to(cli *self, const char *to, char **ret_actor)
{
    AV_CLEANUP(av_free) char *id = NULL;
    int status;

    if (strncmp(to, "instance/", 9) != 0) {
        *ret_actor = av_xstrdup(to);
        return 0;
    }
    status = cli_resolve(self, to + 9, &id);
    if (status == 0)
        *ret_actor = av_xasprintf("instance/%s", id);
    return status;
}

/* In this order: --to, the service's one actor, the instance in the request, the instance of the login. */
static int
find_actor(
    cli *self, const av_method_info *m, const char *to, const char *session_actor, ProtobufCMessage *body, char **ret)
{
    char *named = NULL;
    int status = 0;

    if (m->route_by != NULL)
        status = route(self, m, body, &named);
    if (status == 0 && to != NULL) {
        av_free(&named);
        named = NULL;
        status = resolve_to(self, to, &named);
    }
    if (status != 0)
        return status;
    if (named == NULL)
        named = actor_of_service(self, m->service);
    if (named == NULL && session_actor != NULL)
        named = av_xstrdup(session_actor);
    if (named == NULL && strcmp(m->service, "Intake") == 0)
        return cli_usage("call", "%s is for workers; say --to instance/ID to try it all the same", m->method);
    if (named == NULL)
        return cli_usage("call",
            "%s is answered by several actors: say --to management, --to host/%s, --to gateway@%s or --to instance/ID",
            m->name + strlen("archivolt."), self->node.node, self->node.node);
    *ret = named;
    return 0;
}

/* ---- the answer ---- */

static bool
is_search(const av_method_info *m)
{
    return strcmp(m->name, "archivolt.Archive.Search") == 0;
}

/* Takes the reference. */
static void
print_value(const cli *self, json_t *value)
{
    if (self->json) {
        cli_print_json(self, value);
        return;
    }
    (void)json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(AV_JSON_DIGITS));
    (void)putchar('\n');
    json_decref(value);
}

static int
print_result(const cli *self, const av_method_info *m, const ProtobufCMessage *reply)
{
    print_value(self, m->result != NULL ? av_json_from_field(reply, m->result) : av_json_from_message(reply));
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

/* ---- streams of rows ---- */

typedef struct gathered {
    av_rows_reader *reader;
    json_t *rows;
    av_error err; /* first trouble with a row */
} gathered;

static uint64_t
on_row(void *ctx, const ProtobufCMessage *row, av_error *err)
{
    gathered *self = ctx;

    (void)err;
    json_array_append_new(self->rows, av_json_from_message(row));
    return 0; /* no raw bytes behind rows of this kind */
}

static void
on_data(void *ctx, av_stream *stream, av_span bytes)
{
    gathered *self = ctx;
    av_error err;

    if (self->err.code == AV_OK && av_rows_reader_feed(self->reader, bytes, &err) != AV_OK)
        self->err = err;
    av_stream_consumed(stream, bytes.n);
}

/* The reply as an object, with the stream's rows under "rows". */
static int
call_for_rows(cli *self, av_call_spec *spec)
{
    static const av_rows_events row_events = { .on_row = on_row };
    static const av_stream_events stream_events = { .on_data = on_data };
    gathered state = { .rows = json_array() };
    ProtobufCMessage *reply = NULL;
    int status = CLI_OK;
    json_t *value;
    av_error err;

    state.reader = av_rows_reader_new(&archivolt__search_row__descriptor, ROW_MAX, &row_events, &state);
    spec->downstream = &stream_events;
    spec->ctx = &state;
    if (av_bus_call_wait(self->bus, spec, &reply, &err) != AV_OK)
        status = cli_fail(self, &err);
    else if (state.err.code != AV_OK || av_rows_reader_finish(state.reader, &state.err) != AV_OK)
        status = cli_fail(self, &state.err);
    if (status == CLI_OK) {
        value = av_json_from_message(reply);
        json_object_set(value, "rows", state.rows);
        print_value(self, value);
    }
    protobuf_c_message_free_unpacked(reply, NULL);
    av_rows_reader_destroy(&state.reader);
    json_decref(state.rows);
    return status;
}

/* Streams of bytes are another verb's business, or nobody's at a shell. */
static int
check_streams(const av_method_info *m)
{
    if (m->stream_in)
        return cli_usage("call", "%s takes a stream, which only a worker sends", m->method);
    if (strcmp(m->name, "archivolt.Archive.GetMessage") == 0)
        return cli_usage("call", "%s answers with the bytes of a message: use `archivolt get`", m->method);
    if (m->stream_out && !is_search(m))
        return cli_usage("call",
            "%s answers with a stream of bytes that is not shown here: use `archivolt search` and `archivolt get`",
            m->method);
    return 0;
}

/* ---- the verb ---- */

static int
invoke(cli *self, const av_method_info *m, const char *to, const char *as, ProtobufCMessage *body)
{
    AV_CLEANUP(av_free) char *actor = NULL;
    AV_CLEANUP(av_free) char *session_actor = NULL;
    AV_CLEANUP(av_buf_release_secret) av_buf session = { 0 };
    av_call_spec spec = { .method = m->name, .body = body, .timeout_ms = (uint32_t)self->timeout_ms };
    ProtobufCMessage *reply = NULL;
    int status = cli_connect(self);

    av_buf_init(&session, 4096);
    if (status == 0 && as != NULL)
        status = cli_login(self, as, &session, &session_actor);
    if (status == 0)
        status = find_actor(self, m, to, session_actor, body, &actor);
    if (status != 0)
        return status;
    spec.to = actor;
    spec.session = av_buf_span(&session);
    if (is_search(m))
        return call_for_rows(self, &spec);
    status = cli_call(self, actor, m->name, body, av_buf_span(&session), &reply);
    if (status == 0)
        status = m->long_running ? finish_operation(self, actor, reply) : print_result(self, m, reply);
    protobuf_c_message_free_unpacked(reply, NULL);
    return status;
}

/* call F --help: the function's own help, wherever --help stands. */
static bool
describe_asked(int argc, char **argv)
{
    const av_method_info *m = NULL;
    bool help = false;

    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        help = help || strcmp(argv[i], "--help") == 0;
        if (m == NULL)
            m = av_proto_method_by_any_name(argv[i]);
    }
    if (help && m != NULL)
        cli_call_describe(m);
    return help && m != NULL;
}

int
verb_call(cli *self, int argc, char **argv)
{
    const char *to = NULL, *as = NULL;
    bool list = false;
    const cli_option options[] = { { "--as", &as, NULL, NULL, "INSTANCE/USER",
                                       "log in and call as this user (ARCHIVOLT_PASSWORD)" },
        { "--to", &to, NULL, NULL, "ACTOR", "the actor to ask, where the method does not say" },
        { "--list", NULL, NULL, &list, NULL, "list the methods and who may call them" },
        { NULL, NULL, NULL, NULL, NULL, NULL } };
    const av_method_info *m;
    ProtobufCMessage *body = NULL;
    int status;

    if (describe_asked(argc, argv))
        return CLI_OK;
    if (cli_options(self, options, &argc, argv, &status) != 0)
        return status;
    if (list)
        return cli_call_list(self);
    if (argc < 2)
        return cli_usage("call", "which function?");
    m = cli_call_find(self, argv[1], &status);
    if (m == NULL)
        return status;
    status = check_streams(m);
    if (status == 0 && as == NULL && m->callers == AV_CALLER_BIT(ARCHIVOLT__CALLER__CALLER_SESSION))
        status = cli_usage("call", "%s needs a user's login: say --as INSTANCE/USER", m->method);
    if (status == 0)
        status = cli_call_body(self, m, argc - 2, argv + 2, &body);
    if (status == 0)
        status = invoke(self, m, to, as, body);
    protobuf_c_message_free_unpacked(body, NULL);
    return status;
}
