/*
 * verb_stores_index.c - archivolt stores index show|set|rebuild: the search indexes of an instance
 */
#include "tools/cli/stores.h"

#define USAGE                                                                                                          \
    "index [show] | index set [--extensions LIST] [--headers LIST] [--pdf-files yes|no] | index rebuild [STORE | "     \
    "--all]"

/* A function with instanceID alone, or with one field more. ret may be NULL. */
static int
ask(cli *self, const char *instance, const char *function, const char *key, const char *value, ProtobufCMessage **ret)
{
    const av_form_field fields[] = { cli_field("instanceID", instance), cli_field(key, value) };
    ProtobufCMessage *reply = NULL;
    int status = cli_call_api(self, instance, function, fields, key == NULL ? 1 : 2, &reply);

    if (ret != NULL)
        *ret = reply;
    else
        protobuf_c_message_free_unpacked(reply, NULL);
    return status;
}

static int
get(cli *self, const char *instance, const char *function, const char *field, json_t **ret)
{
    ProtobufCMessage *reply = NULL;
    int status = ask(self, instance, function, NULL, NULL, &reply);

    if (status == 0)
        *ret = av_json_from_field(reply, field);
    protobuf_c_message_free_unpacked(reply, NULL);
    return status;
}

/* ---- show ---- */

static void
print_config(const json_t *config)
{
    const char *extensions = json_string_value(json_object_get(config, "attachmentExtensions"));
    const char *headers = json_string_value(json_object_get(config, "headerFields"));

    printf("Attachments: ");
    cli_put_text(stdout, extensions != NULL ? extensions : "all that can be read");
    printf("\nFiles inside PDF files: %s\nHeader fields: ",
        json_is_true(json_object_get(config, "includeAttachmentsOfPDFs")) ? "yes" : "no");
    cli_put_text(stdout, headers != NULL ? headers : "List-Id Reply-To Sender");
    printf("\n");
}

/* Coverage in per cent, never rounded up to a whole that it is not. */
static void
add_percent(json_t *row)
{
    const json_t *coverage = json_object_get(row, "indexCoverage");
    char text[16];
    double percent = json_number_value(coverage) * 100.0;

    if (!json_is_number(coverage))
        return;
    (void)snprintf(text, sizeof text, "%.2f %%", percent >= 100.0 ? 100.0 : AV_MIN(percent, 99.99));
    json_object_set_new(row, "covered", json_string(text));
}

static int
show(cli *self, const char *instance)
{
    static const cli_column columns[] = { { "id", "ID" }, { "name", "NAME" }, { "statisticsCount", "MESSAGES" },
        { "covered", "INDEXED" }, { "indexSize", "BYTES" }, { "indexUnreadAttachments", "UNREAD" },
        { "searchIndexesNeedRebuild", "REBUILD" }, { "indexProblem", "PROBLEM" } };
    json_t *config = NULL, *stores = NULL, *row;
    size_t i;
    int status = get(self, instance, "GetIndexConfiguration", "config", &config);

    if (status == 0)
        status = get(self, instance, "GetStores", "stores", &stores);
    if (status == 0 && self->json) {
        cli_print_json(self, json_pack("{s:O,s:O}", "config", config, "stores", stores));
    } else if (status == 0) {
        print_config(config);
        json_array_foreach(stores, i, row) add_percent(row);
        cli_print_table(columns, AV_COUNT(columns), stores);
    }
    json_decref(config);
    json_decref(stores);
    return status;
}

/* ---- set ---- */

static void
set_list(json_t *config, const char *key, const char *value)
{
    if (value != NULL)
        json_object_set_new(config, key, strcmp(value, "default") == 0 ? json_null() : av_json_text(value));
}

static int
set(cli *self, const cli_store_index *o)
{
    AV_CLEANUP(av_free) char *text = NULL;
    json_t *config = NULL;
    int status;

    if (o->extensions == NULL && o->headers == NULL && o->pdf_files == NULL)
        return cli_usage("stores", "index set: say what: --extensions, --headers, --pdf-files");
    if (o->pdf_files != NULL && strcmp(o->pdf_files, "yes") != 0 && strcmp(o->pdf_files, "no") != 0)
        return cli_usage("stores", "--pdf-files takes yes or no");
    status = get(self, o->instance, "GetIndexConfiguration", "config", &config);
    if (status != 0)
        return status;
    set_list(config, "attachmentExtensions", o->extensions);
    set_list(config, "headerFields", o->headers);
    if (o->pdf_files != NULL)
        json_object_set_new(config, "includeAttachmentsOfPDFs", json_boolean(strcmp(o->pdf_files, "yes") == 0));
    text = json_dumps(config, JSON_COMPACT);
    json_decref(config);
    status = ask(self, o->instance, "SetIndexConfiguration", "config", text, NULL);
    if (status == 0 && self->json)
        cli_print_json(self, json_object());
    else if (status == 0)
        printf("Changed. Indexes made with something else wait for: archivolt stores index rebuild\n");
    return status;
}

/* ---- rebuild ---- */

static int
rebuild(cli *self, const cli_store_index *o, const char *store)
{
    const char *function = store == NULL ? "RebuildSelectedStoreIndexes" : "RebuildStoreIndex";
    ProtobufCMessage *reply = NULL;
    char id[24] = "";
    int status = 0;

    if (store != NULL && o->all)
        return cli_usage("stores", "index rebuild: one store, or --all");
    if (store != NULL)
        status = cli_store_resolve(self, o->instance, store, id);
    if (status == 0 && o->all)
        status = ask(self, o->instance, "SelectAllStoreIndexesForRebuild", NULL, NULL, NULL);
    if (status == 0)
        status = ask(self, o->instance, function, store == NULL ? NULL : "id", id, &reply);
    if (status == 0)
        status = cli_store_finish(self, av_proto_method_by_api(function), o->instance, reply, "Done.");
    protobuf_c_message_free_unpacked(reply, NULL);
    return status;
}

int
cli_stores_index(cli *self, const cli_store_index *o, int count, char **words)
{
    if (count == 0 || (count == 1 && strcmp(words[0], "show") == 0))
        return show(self, o->instance);
    if (count == 1 && strcmp(words[0], "set") == 0)
        return set(self, o);
    if (count <= 2 && strcmp(words[0], "rebuild") == 0)
        return rebuild(self, o, count == 2 ? words[1] : NULL);
    return cli_usage("stores", USAGE);
}
