/*
 * verb_stores.c - archivolt stores list|create|attach|detach|...: the archive stores of an instance
 *
 * Each word is a row: a function of the contract and what of it stands where on the command line. A store is named by its
 * number or its name.
 */
#include "tools/cli/stores.h"

#include "base/file.h"
#include "base/secret.h"

#define FIELDS_MAX 16
#define KEY_MAX    4096

typedef struct stores_options {
    const char *instance, *path, *database, *content, *index, *state, *key_file, *messages, *size, *period;
    bool on, off, indexes, deleted;
    cli_store_index search;
} stores_options;

/* What stands behind the word. */
typedef enum args_kind {
    ARGS_NONE,
    ARGS_STORE,
    ARGS_STORE_MAYBE,
    ARGS_NAME,
    ARGS_STORE_NAME,
    ARGS_STORE_STATE,
    ARGS_STORE_STORE
} args_kind;

enum { TAKES_PATHS = 1, TAKES_STATE = 2, TAKES_KEY = 4, TAKES_INDEXES = 8, TAKES_RECOVERY = 16 };

typedef struct stores_word {
    const char *word, *function;
    args_kind args;
    unsigned takes;
    const char *usage, *done; /* said when it is done; NULL: the result is shown */
    const char *without;      /* function when the store is left out */
} stores_word;

static const stores_word words[] = {
    { "list", "GetStores", ARGS_NONE, 0, "list", NULL, NULL },
    { "create", "CreateStore", ARGS_NAME, TAKES_PATHS | TAKES_STATE, "create NAME", NULL, NULL },
    { "attach", "AttachStore", ARGS_NAME, TAKES_PATHS | TAKES_STATE, "attach NAME --path DIR", NULL, NULL },
    { "detach", "DetachStore", ARGS_STORE, 0, "detach STORE", "Detached; its files are left where they are.", NULL },
    { "rename", "RenameStore", ARGS_STORE_NAME, 0, "rename STORE NAME", "Renamed.", NULL },
    { "set-path", "SetStorePath", ARGS_STORE, TAKES_PATHS, "set-path STORE --path DIR", "Changed; no file was moved.",
        NULL },
    { "set-state", "SetStoreRequestedState", ARGS_STORE_STATE, 0,
        "set-state STORE current|normal|writeProtected|disabled", "Changed.", NULL },
    { "unlock", "UnlockStore", ARGS_STORE, TAKES_KEY, "unlock STORE --key-file FILE", "Unlocked.", NULL },
    { "propose", "ProposeStorePath", ARGS_NAME, 0, "propose NAME", NULL, NULL },
    { "retry", "RetryOpenStores", ARGS_NONE, 0, "retry", "Tried again.", NULL },
    { "verify", "VerifyStore", ARGS_STORE_MAYBE, TAKES_INDEXES, "verify [STORE]", "Verified: no faults.",
        "VerifyStores" },
    { "recover", "RecoverStore", ARGS_STORE, TAKES_RECOVERY, "recover STORE", "Recovered.", NULL },
    { "recreate-recovery-records", "RecreateRecoveryRecords", ARGS_STORE, 0, "recreate-recovery-records STORE", "Done.",
        NULL },
    { "merge", "MergeStore", ARGS_STORE_STORE, 0, "merge STORE SOURCE", "Merged; the source is detached.", NULL },
    { "compact", "CompactStore", ARGS_STORE, 0, "compact STORE", "Done.", NULL },
    { "repair", "RepairStoreDatabase", ARGS_STORE, 0, "repair STORE", "Done.", NULL },
    { "upgrade", "UpgradeStore", ARGS_STORE_MAYBE, 0, "upgrade [STORE]", "Done.", "UpgradeStores" },
    { "maintain", "MaintainFileSystemDatabases", ARGS_NONE, 0, "maintain", "Done.", NULL },
    { "refresh-statistics", "RefreshAllStoreStatistics", ARGS_NONE, 0, "refresh-statistics", "Done.", NULL },
};

static const stores_word *
find_word(const char *word)
{
    for (size_t i = 0; i < AV_COUNT(words); i++)
        if (strcmp(words[i].word, word) == 0)
            return &words[i];
    return NULL;
}

static int
usage(void)
{
    char text[1024] = "";
    size_t n = 0;

    for (size_t i = 0; i < AV_COUNT(words); i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s, ", words[i].usage);
    return cli_usage("stores", "%sauto-create, index", text);
}

/* ---- which store ---- */

static json_t *
find_store(const json_t *stores, const char *given)
{
    size_t i;
    json_t *row;

    json_array_foreach(stores, i, row)
    {
        char number[24];

        (void)snprintf(number, sizeof number, "%lld", (long long)json_integer_value(json_object_get(row, "id")));
        if (strcmp(number, given) == 0)
            return row;
    }
    json_array_foreach(
        stores, i, row) if (strcmp(json_string_value(json_object_get(row, "name")), given) == 0) return row;
    return NULL;
}

int
cli_store_resolve(cli *self, const char *instance, const char *given, char ret[24])
{
    const av_form_field fields[] = { cli_field("instanceID", instance) };
    ProtobufCMessage *reply = NULL;
    json_t *stores, *row;
    int status = cli_call_api(self, instance, "GetStores", fields, AV_COUNT(fields), &reply);

    if (status != 0)
        return status;
    stores = av_json_from_field(reply, "stores");
    protobuf_c_message_free_unpacked(reply, NULL);
    row = find_store(stores, given);
    if (row != NULL)
        (void)snprintf(ret, 24, "%lld", (long long)json_integer_value(json_object_get(row, "id")));
    json_decref(stores);
    return row != NULL ? 0
                       : cli_failf(self, AV_ERR_NOT_FOUND, "instance %s has no archive store \"%s\"", instance, given);
}

/* ---- the answer ---- */

static int
print_stores(cli *self, json_t *stores)
{
    static const cli_column columns[] = { { "id", "ID" }, { "name", "NAME" }, { "requestedState", "STATE" },
        { "statisticsCount", "MESSAGES" }, { "statisticsSize", "BYTES" }, { "storedSize", "STORED" },
        { "contentPath", "CONTENT" }, { "error", "ERROR" } };

    if (self->json) {
        cli_print_json(self, stores);
        return CLI_OK;
    }
    cli_print_table(columns, AV_COUNT(columns), stores);
    json_decref(stores);
    return CLI_OK;
}

/* A result in one line: the number of a new store, a path, an object. */
static int
print_result(cli *self, const av_method_info *m, const ProtobufCMessage *reply, const char *done)
{
    json_t *value = m->result != NULL && protobuf_c_message_descriptor_get_field_by_name(reply->descriptor, m->result)
                        ? av_json_from_field(reply, m->result)
                        : av_json_from_message(reply);
    json_int_t problems = 0;

    if (strcmp(m->method, "GetStores") == 0)
        return print_stores(self, value);
    problems = json_integer_value(json_object_get(value, "problems"));
    if (self->json) {
        cli_print_json(self, value);
        return problems > 0 ? CLI_INCOMPLETE : CLI_OK;
    }
    if (problems > 0)
        printf("%lld problems.\n", (long long)problems);
    else if (done != NULL)
        printf("%s\n", done);
    else if (json_is_string(value))
        printf("%s\n", json_string_value(value));
    else if (json_is_integer(value))
        printf("Archive store %lld.\n", (long long)json_integer_value(value));
    json_decref(value);
    return problems > 0 ? CLI_INCOMPLETE : CLI_OK;
}

int
cli_store_finish(
    cli *self, const av_method_info *m, const char *instance, const ProtobufCMessage *reply, const char *done)
{
    AV_CLEANUP(av_free) char *actor = av_xasprintf("instance/%s", instance);
    Archivolt__Operation *op = NULL;
    const av_message_info *type;
    ProtobufCMessage *result = NULL;
    int status;

    if (!m->long_running)
        return print_result(self, m, reply, done);
    status = cli_wait_operation(self, actor, ((const Archivolt__Operation *)reply)->id, &op);
    if (status != 0)
        return status;
    if (!self->json && op->log != NULL)
        cli_put_lines(stderr, op->log);
    type = op->result_type == NULL ? NULL : av_proto_message_by_name(op->result_type);
    if (type != NULL)
        result = protobuf_c_message_unpack(type->descriptor, NULL, op->result.len, op->result.data);
    if (op->state != ARCHIVOLT__OPERATION_STATE__OPERATION_STATE_SUCCEEDED)
        status = cli_failf(self, op->has_error_code ? (av_errc)op->error_code : AV_ERR_CANCELLED, "%s",
            op->error_message != NULL ? op->error_message : "cancelled; what was done stays");
    else if (result != NULL)
        status = print_result(self, m, result, done);
    else if (self->json)
        cli_print_json(self, json_object());
    else if (done != NULL)
        printf("%s\n", done);
    if (result != NULL)
        protobuf_c_message_free_unpacked(result, NULL);
    archivolt__operation__free_unpacked(op, NULL);
    return status;
}

/* ---- a word ---- */

static void
add(av_form_field *fields, size_t *n, const char *key, const char *value)
{
    assert(*n < FIELDS_MAX);
    if (value != NULL)
        fields[(*n)++] = cli_field(key, value);
}

/* Keys come from a file or standard input: other users of the machine see the arguments of a program. */
static int
read_key(cli *self, const char *path, av_buf *ret)
{
    av_error err;
    char *end;

    av_buf_init(ret, KEY_MAX);
    if (path == NULL)
        return cli_usage(
            "stores", "unlock: --key-file FILE holds the recovery key or instance key; - is standard input");
    if (av_file_read_all(strcmp(path, "-") == 0 ? "/dev/stdin" : path, ret, &err) != AV_OK)
        return cli_fail(self, &err);
    end = strpbrk((char *)(uintptr_t)av_buf_cstr(ret), "\r\n");
    if (end != NULL)
        ret->n = (size_t)(end - (char *)ret->p);
    return 0;
}

static int
run(cli *self, const stores_word *w, const stores_options *o, const char *store, const char *second)
{
    AV_CLEANUP(av_buf_release_secret) av_buf key = { 0 };
    const char *function = store == NULL && w->without != NULL ? w->without : w->function;
    const av_method_info *m = av_proto_method_by_api(function);
    av_form_field fields[FIELDS_MAX];
    char id[24] = "", source[24] = "";
    ProtobufCMessage *reply = NULL;
    size_t n = 0;
    int status = 0;

    assert(m != NULL);
    add(fields, &n, "instanceID", o->instance);
    if (w->args == ARGS_NAME)
        add(fields, &n, "name", store);
    else if (store != NULL)
        status = cli_store_resolve(self, o->instance, store, id);
    if (status == 0 && w->args == ARGS_STORE_STORE)
        status = cli_store_resolve(self, o->instance, second, source);
    if (status == 0 && ((w->takes & TAKES_KEY) != 0 || ((w->takes & TAKES_RECOVERY) != 0 && o->key_file != NULL)))
        status = read_key(self, o->key_file, &key);
    if (status != 0)
        return status;
    add(fields, &n, "id", id[0] == '\0' ? NULL : id);
    if (w->args == ARGS_STORE_STORE)
        add(fields, &n, "sourceId", source);
    else
        add(fields, &n, w->args == ARGS_STORE_STATE ? "requestedState" : "name", second);
    add(fields, &n, (w->takes & TAKES_KEY) != 0 ? "passphrase" : "encryptionKey",
        key.n == 0 ? NULL : av_buf_cstr(&key));
    if ((w->takes & TAKES_RECOVERY) != 0 && o->deleted)
        add(fields, &n, "recoverDeletedMessages", "true");
    if ((w->takes & TAKES_PATHS) != 0) {
        add(fields, &n, "path", o->path);
        add(fields, &n, "databasePath", o->database);
        add(fields, &n, "contentPath", o->content);
        add(fields, &n, "indexPath", o->index);
    }
    if ((w->takes & TAKES_STATE) != 0)
        add(fields, &n, "requestedState", o->state);
    if ((w->takes & TAKES_INDEXES) != 0 && o->indexes)
        add(fields, &n, "includeIndexes", "true");
    status = cli_call_api(self, o->instance, function, fields, n, &reply);
    if (status == 0)
        status = cli_store_finish(self, m, o->instance, reply, w->done);
    protobuf_c_message_free_unpacked(reply, NULL);
    return status;
}

/* ---- auto-create ---- */

static void
set_text(json_t *config, const char *key, const char *value)
{
    if (value != NULL)
        json_object_set_new(config, key, av_json_text(value));
}

static int
set_number(json_t *config, const char *key, const char *option, const char *value)
{
    uint64_t number;

    if (value == NULL)
        return 0;
    if (!av_span_u64(av_span_str(value), INT64_MAX, &number))
        return cli_usage("stores", "%s: \"%s\" is not a whole number", option, value);
    json_object_set_new(config, key, json_integer((json_int_t)number));
    return 0;
}

static int
auto_create(cli *self, const stores_options *o)
{
    av_form_field fields[2] = { cli_field("instanceID", o->instance) };
    bool change = o->on || o->off || o->messages || o->size || o->period || o->content || o->database || o->index;
    ProtobufCMessage *reply = NULL;
    AV_CLEANUP(av_free) char *text = NULL;
    json_t *config;
    int status = cli_call_api(self, o->instance, "GetStoreAutoCreateConfiguration", fields, 1, &reply);

    if (status != 0)
        return status;
    config = av_json_from_field(reply, "config");
    protobuf_c_message_free_unpacked(reply, NULL);
    if (!change) {
        cli_print_json(self, config);
        return CLI_OK;
    }
    if (o->on || o->off)
        json_object_set_new(config, "enabled", json_boolean(o->on));
    set_text(config, "period", o->period);
    set_text(config, "contentDirectory", o->content);
    set_text(config, "databaseDirectory", o->database);
    set_text(config, "indexDirectory", o->index);
    status = set_number(config, "messages", "--messages", o->messages);
    if (status == 0)
        status = set_number(config, "sizeBytes", "--size", o->size);
    text = json_dumps(config, JSON_COMPACT);
    json_decref(config);
    reply = NULL;
    fields[1] = cli_field("config", text);
    if (status == 0)
        status = cli_call_api(self, o->instance, "SetStoreAutoCreateConfiguration", fields, 2, &reply);
    protobuf_c_message_free_unpacked(reply, NULL);
    if (status == 0 && self->json)
        cli_print_json(self, json_object());
    else if (status == 0)
        printf("Changed.\n");
    return status;
}

/* ---- the verb ---- */

static void
arguments_of(const stores_word *w, int *ret_least, int *ret_most)
{
    *ret_least = *ret_most = 0;
    switch (w->args) {
    case ARGS_NONE:
        return;
    case ARGS_STORE:
    case ARGS_NAME:
        *ret_least = *ret_most = 1;
        return;
    case ARGS_STORE_MAYBE:
        *ret_most = 1;
        return;
    case ARGS_STORE_NAME:
    case ARGS_STORE_STATE:
    case ARGS_STORE_STORE:
        *ret_least = *ret_most = 2;
        return;
    }
}

/* 0, or told what is wrong with them. w: NULL is auto-create. */
static int
check_arguments(const stores_word *w, int argc, char **argv)
{
    const char *usage_of = w == NULL ? "auto-create" : w->usage;
    int least = 0, most = 0;

    if (w != NULL)
        arguments_of(w, &least, &most);
    if (argc - 2 > most)
        return cli_usage("stores", "\"%s\" is one argument too many (the instance is said with --instance): stores %s",
            argv[2 + most], usage_of);
    if (argc - 2 < least)
        return cli_usage("stores", "an argument is missing: stores %s", usage_of);
    return 0;
}

int
verb_stores(cli *self, int argc, char **argv)
{
    stores_options o = { 0 };
    const cli_option options[] = { { "--instance", &o.instance, NULL, NULL, "ID", "the instance" },
        { "--path", &o.path, NULL, NULL, "DIR",
            "create, attach, set-path: folder of the store; ~/NAME: in the base directory" },
        { "--database-path", &o.database, NULL, NULL, "DIR", "the same, and auto-create: folder of databases" },
        { "--content-path", &o.content, NULL, NULL, "DIR", "the same, and auto-create: folder of containers" },
        { "--index-path", &o.index, NULL, NULL, "DIR", "the same, and auto-create: folder of search indexes" },
        { "--state", &o.state, NULL, NULL, "STATE",
            "create (current), attach (normal): current, normal, writeProtected or disabled" },
        { "--key-file", &o.key_file, NULL, NULL, "FILE",
            "unlock, recover: holds the recovery key or instance key; - is standard input" },
        { "--on", NULL, NULL, &o.on, NULL, "auto-create: begin new stores" },
        { "--off", NULL, NULL, &o.off, NULL, "auto-create: do not" },
        { "--messages", &o.messages, NULL, NULL, "N", "auto-create: after N messages; 0: not by number" },
        { "--size", &o.size, NULL, NULL, "BYTES",
            "auto-create: when the containers have so many bytes; 0: not by size" },
        { "--period", &o.period, NULL, NULL, "WORD", "auto-create: never, month, quarter or year" },
        { "--deleted", NULL, NULL, &o.deleted, NULL, "recover: bring deleted messages back, too" },
        { "--include-indexes", NULL, NULL, &o.indexes, NULL, "verify: the search indexes, too" },
        { "--extensions", &o.search.extensions, NULL, NULL, "LIST",
            "index set: file extensions whose text is indexed; default: all that can be read" },
        { "--pdf-files", &o.search.pdf_files, NULL, NULL, "yes|no", "index set: also files inside PDF files" },
        { "--headers", &o.search.headers, NULL, NULL, "LIST",
            "index set: header fields whose words are indexed; default: List-Id Reply-To Sender" },
        { "--all", NULL, NULL, &o.search.all, NULL, "index rebuild: every store" },
        { NULL, NULL, NULL, NULL, NULL, NULL } };
    const stores_word *w;
    AV_CLEANUP(av_free) char *id = NULL;
    bool is_auto, is_index;
    int status;

    if (cli_options(self, options, &argc, argv, &status) != 0)
        return status;
    if (argc < 2)
        return usage();
    is_auto = strcmp(argv[1], "auto-create") == 0;
    is_index = strcmp(argv[1], "index") == 0;
    w = find_word(argv[1]);
    if (!is_auto && !is_index && w == NULL)
        return cli_usage("stores", "there is no \"%s\"", argv[1]);
    status = is_index ? 0 : check_arguments(w, argc, argv);
    if (status != 0)
        return status;
    if (o.instance == NULL)
        return cli_usage("stores", "--instance is needed");
    status = cli_connect(self);
    if (status == 0)
        status = cli_resolve(self, o.instance, &id);
    if (status != 0)
        return status;
    o.instance = o.search.instance = id;
    if (is_index)
        return cli_stores_index(self, &o.search, argc - 2, argv + 2);
    if (is_auto)
        return auto_create(self, &o);
    return run(self, w, &o, argc > 2 ? argv[2] : NULL, argc > 3 ? argv[3] : NULL);
}
