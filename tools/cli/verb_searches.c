/*
 * verb_searches.c - archivolt searches --as INSTANCE/USER [list | delete NAME]: searches kept under a name
 */
#include "tools/cli/searches.h"

#include "base/unicode.h"

static const char *const order_names[] = { [ARCHIVOLT__SEARCH_ORDER__SEARCH_ORDER_NEWEST] = "newest",
    [ARCHIVOLT__SEARCH_ORDER__SEARCH_ORDER_OLDEST] = "oldest",
    [ARCHIVOLT__SEARCH_ORDER__SEARCH_ORDER_LARGEST] = "largest",
    [ARCHIVOLT__SEARCH_ORDER__SEARCH_ORDER_SMALLEST] = "smallest",
    [ARCHIVOLT__SEARCH_ORDER__SEARCH_ORDER_FROM] = "from",
    [ARCHIVOLT__SEARCH_ORDER__SEARCH_ORDER_SUBJECT] = "subject" };

bool
cli_search_order(const char *word, Archivolt__SearchOrder *ret)
{
    for (size_t i = 0; i < AV_COUNT(order_names); i++)
        if (order_names[i] != NULL && strcmp(order_names[i], word) == 0) {
            *ret = (Archivolt__SearchOrder)i;
            return true;
        }
    return false;
}

/* ---- one of them ---- */

static bool
is_same_name(const char *a, const char *b)
{
    AV_CLEANUP(av_buf_release) av_buf x = { 0 };
    AV_CLEANUP(av_buf_release) av_buf y = { 0 };

    av_buf_init(&x, 4096);
    av_buf_init(&y, 4096);
    return av_unicode_fold(av_span_str(a), &x) && av_unicode_fold(av_span_str(b), &y) &&
           av_span_eq(av_buf_span(&x), av_buf_span(&y));
}

static int
get_all(cli *self, const char *actor, av_span session, ProtobufCMessage **ret)
{
    Archivolt__Empty empty = ARCHIVOLT__EMPTY__INIT;

    return cli_call(self, actor, "archivolt.Archive.GetSavedSearches", &empty.base, session, ret);
}

int
cli_saved_search(cli *self, const char *actor, av_span session, const char *name, Archivolt__SavedSearch **ret)
{
    ProtobufCMessage *message = NULL;
    Archivolt__SavedSearchesReply *reply;
    int status = get_all(self, actor, session, &message);

    if (status != 0)
        return status;
    reply = (Archivolt__SavedSearchesReply *)message;
    for (size_t i = 0; i < reply->n_searches; i++)
        if (is_same_name(reply->searches[i]->name, name)) {
            *ret = reply->searches[i];
            reply->searches[i] = reply->searches[--reply->n_searches];
            break;
        }
    protobuf_c_message_free_unpacked(message, NULL);
    return *ret != NULL ? 0 : cli_failf(self, AV_ERR_NOT_FOUND, "there is no saved search \"%s\"", name);
}

int
cli_save_search(
    cli *self, const char *actor, av_span session, const char *name, const Archivolt__SearchRequest *request)
{
    Archivolt__SavedSearch search = ARCHIVOLT__SAVED_SEARCH__INIT;

    search.name = (char *)(uintptr_t)name;
    search.query = request->query;
    search.has_order = request->has_order;
    search.order = request->order;
    return cli_call(self, actor, "archivolt.Archive.SaveSearch", &search.base, session, NULL);
}

/* ---- the verb ---- */

static int
list(cli *self, const char *actor, av_span session)
{
    static const cli_column columns[] = { { "name", "NAME" }, { "sort", "SORT" }, { "query", "QUERY" } };
    ProtobufCMessage *message = NULL;
    const Archivolt__SavedSearchesReply *reply;
    json_t *rows = json_array();
    int status = get_all(self, actor, session, &message);

    reply = (const Archivolt__SavedSearchesReply *)message;
    for (size_t i = 0; status == 0 && i < reply->n_searches; i++) {
        const Archivolt__SavedSearch *s = reply->searches[i];
        bool named = s->has_order && (size_t)s->order < AV_COUNT(order_names) && order_names[s->order] != NULL;

        json_array_append_new(rows, json_pack("{s:o,s:s,s:o}", "name", av_json_text(s->name), "sort",
                                        named ? order_names[s->order] : "newest", "query", av_json_text(s->query)));
    }
    if (status == 0 && self->json)
        cli_print_json(self, json_incref(rows));
    else if (status == 0)
        cli_print_table(columns, AV_COUNT(columns), rows);
    json_decref(rows);
    protobuf_c_message_free_unpacked(message, NULL);
    return status;
}

static int delete (cli *self, const char *actor, av_span session, const char *name)
{
    Archivolt__SavedSearchRequest request = ARCHIVOLT__SAVED_SEARCH_REQUEST__INIT;
    int status;

    request.name = (char *)(uintptr_t)name;
    status = cli_call(self, actor, "archivolt.Archive.DeleteSavedSearch", &request.base, session, NULL);
    if (status == 0 && self->json)
        cli_print_json(self, json_object());
    else if (status == 0)
        printf("Deleted.\n");
    return status;
}

int
verb_searches(cli *self, int argc, char **argv)
{
    const char *as = NULL;
    const cli_option options[] = { { "--as", &as, NULL, NULL, "INSTANCE/USER", "whose searches" },
        { NULL, NULL, NULL, NULL, NULL, NULL } };
    AV_CLEANUP(av_free) char *actor = NULL;
    AV_CLEANUP(av_buf_release_secret) av_buf session = { 0 };
    bool is_list, is_delete;
    int status;

    av_buf_init(&session, 4096);
    if (cli_options(self, options, &argc, argv, &status) != 0)
        return status;
    is_list = argc == 1 || (argc == 2 && strcmp(argv[1], "list") == 0);
    is_delete = argc == 3 && strcmp(argv[1], "delete") == 0;
    if (as == NULL || (!is_list && !is_delete))
        return cli_usage("searches", "--as INSTANCE/USER is needed, then list or delete NAME");
    status = cli_connect(self);
    if (status == 0)
        status = cli_login(self, as, &session, &actor);
    if (status != 0)
        return status;
    return is_list ? list(self, actor, av_buf_span(&session)) : delete (self, actor, av_buf_span(&session), argv[2]);
}
