/*
 * verb_search.c - archivolt search --as INSTANCE/USER QUERY
 */
#include "actors/bus/rows.h"
#include "base/clock.h"
#include "tools/cli/searches.h"

#define ROW_MAX     65536
#define PAGE_OF_ALL 5000 /* rows of one request when all are wanted */

typedef struct search {
    cli *cli;
    av_rows_reader *reader;
    json_t *rows;   /* NULL: each is printed as it comes */
    char *cursor;   /* of the last row */
    uint64_t count; /* rows that came */
    av_error err;   /* first trouble with a row */
} search;

static json_t *
marks_of(const Archivolt__SearchRow *row)
{
    json_t *list = json_array();

    for (size_t i = 0; i < row->n_marks; i++)
        json_array_append_new(list, json_pack("[i,i]", (int)row->marks[i]->offset, (int)row->marks[i]->length));
    return list;
}

static uint64_t
on_row(void *ctx, const ProtobufCMessage *message, av_error *err)
{
    search *self = ctx;
    const Archivolt__SearchRow *row = (const Archivolt__SearchRow *)message;
    char date[32];
    json_t *shown =
        json_pack("{s:o,s:o,s:s,s:o,s:o,s:o,s:I}", "id", av_json_text(row->id), "sha256", av_json_text(row->sha256),
            "date", av_clock_format(row->date_unix_s * 1000, date), "from", av_json_text(row->from), "subject",
            av_json_text(row->subject), "folder", av_json_text(row->folder), "size", (json_int_t)row->size);

    (void)err;
    if (row->snippet != NULL) {
        json_object_set_new(shown, "snippet", av_json_text(row->snippet));
        json_object_set_new(shown, "marks", marks_of(row));
    }
    if (row->cursor != NULL) {
        json_object_set_new(shown, "cursor", av_json_text(row->cursor));
        free(self->cursor);
        self->cursor = av_xstrdup(row->cursor);
    }
    self->count++;
    if (self->rows != NULL) {
        json_array_append_new(self->rows, shown);
        return 0;
    }
    json_dumpf(shown, stdout, JSON_COMPACT);
    (void)putchar('\n');
    json_decref(shown);
    return 0;
}

static void
on_data(void *ctx, av_stream *stream, av_span bytes)
{
    search *self = ctx;
    av_error err;

    if (self->err.code == AV_OK && av_rows_reader_feed(self->reader, bytes, &err) != AV_OK)
        self->err = err;
    av_stream_consumed(stream, bytes.n);
}

/* Coverage is told by the exit status, too. */
static int
print_notes(const Archivolt__SearchReply *reply)
{
    if (reply->truncated > 0)
        fprintf(stderr, "archivolt: note: %llu messages are so large that only their beginning was searched\n",
            (unsigned long long)reply->truncated);
    if (reply->coverage >= 1.0)
        return CLI_OK;
    fprintf(stderr, "archivolt: only %.2f %% of the messages could be searched", reply->coverage * 100.0);
    if (reply->unindexed > 0)
        fprintf(stderr, "; the index is being made for %llu more", (unsigned long long)reply->unindexed);
    fprintf(stderr, "\n");
    return CLI_INCOMPLETE;
}

static const char *
facet_name(Archivolt__FacetKind kind)
{
    static const char *const names[] = { [ARCHIVOLT__FACET_KIND__FACET_KIND_SENDER] = "sender",
        [ARCHIVOLT__FACET_KIND__FACET_KIND_YEAR] = "year",
        [ARCHIVOLT__FACET_KIND__FACET_KIND_FOLDER] = "folder",
        [ARCHIVOLT__FACET_KIND__FACET_KIND_ATTACHMENT] = "attachment" };

    return (size_t)kind < AV_COUNT(names) && names[kind] != NULL ? names[kind] : "other";
}

static json_t *
facets_of(const Archivolt__SearchReply *reply)
{
    json_t *list = json_array();

    for (size_t i = 0; i < reply->n_facets; i++)
        json_array_append_new(
            list, json_pack("{s:s,s:o,s:I}", "facet", facet_name(reply->facets[i]->kind), "value",
                      av_json_text(reply->facets[i]->value), "count", (json_int_t)reply->facets[i]->count));
    return list;
}

static int
print(cli *self, json_t *rows, const Archivolt__SearchReply *reply)
{
    static const cli_column columns[] = { { "date", "DATE" }, { "from", "FROM" }, { "subject", "SUBJECT" },
        { "folder", "FOLDER" }, { "id", "ID" } };
    static const cli_column with_text[] = { { "date", "DATE" }, { "from", "FROM" }, { "subject", "SUBJECT" },
        { "snippet", "TEXT" }, { "id", "ID" } };
    static const cli_column facet_columns[] = { { "facet", "BY" }, { "value", "VALUE" }, { "count", "MESSAGES" } };
    json_t *facets = facets_of(reply);

    if (self->json) {
        cli_print_json(
            self, json_pack("{s:I,s:f,s:I,s:I,s:O,s:o,s:s?}", "total", (json_int_t)reply->total, "coverage",
                      reply->coverage, "truncated", (json_int_t)reply->truncated, "unindexed",
                      (json_int_t)reply->unindexed, "messages", rows, "facets", facets, "explain", reply->explain));
        return reply->coverage < 1.0 ? CLI_INCOMPLETE : CLI_OK;
    }
    if (json_object_get(json_array_get(rows, 0), "snippet") != NULL)
        cli_print_table(with_text, AV_COUNT(with_text), rows);
    else
        cli_print_table(columns, AV_COUNT(columns), rows);
    if (json_array_size(facets) > 0)
        cli_print_table(facet_columns, AV_COUNT(facet_columns), facets);
    json_decref(facets);
    if (reply->explain != NULL)
        printf("%s", reply->explain);
    printf("%llu found, %zu shown\n", (unsigned long long)reply->total, json_array_size(rows));
    return print_notes(reply);
}

/* One request. ret: the reply, the caller's to free; NULL after a failure, which was told. */
static int
ask(search *state, const char *actor, av_span session, const Archivolt__SearchRequest *request, ProtobufCMessage **ret)
{
    static const av_rows_events row_events = { .on_row = on_row };
    static const av_stream_events stream_events = { .on_data = on_data };
    av_call_spec spec = { .to = actor,
        .method = "archivolt.Archive.Search",
        .body = &request->base,
        .session = session,
        .timeout_ms = (uint32_t)state->cli->timeout_ms,
        .downstream = &stream_events,
        .ctx = state };
    av_error err;
    int status = CLI_OK;

    *ret = NULL;
    state->reader = av_rows_reader_new(&archivolt__search_row__descriptor, ROW_MAX, &row_events, state);
    if (av_bus_call_wait(state->cli->bus, &spec, ret, &err) != AV_OK)
        status = cli_fail(state->cli, &err);
    else if (state->err.code != AV_OK || av_rows_reader_finish(state->reader, &state->err) != AV_OK)
        status = cli_fail(state->cli, &state->err);
    av_rows_reader_destroy(&state->reader);
    return status;
}

static int
run(cli *self, const char *actor, av_span session, const Archivolt__SearchRequest *request)
{
    search state = { .cli = self, .rows = json_array() };
    ProtobufCMessage *reply = NULL;
    int status = ask(&state, actor, session, request, &reply);

    if (status == CLI_OK)
        status = print(self, state.rows, (const Archivolt__SearchReply *)reply);
    protobuf_c_message_free_unpacked(reply, NULL);
    json_decref(state.rows);
    free(state.cursor);
    return status;
}

/* Page by page behind the last row of the one before, a line of JSON each: nothing is held, however many they are. */
static int
run_all(cli *self, const char *actor, av_span session, Archivolt__SearchRequest *request)
{
    search state = { .cli = self };
    uint64_t before;
    int status;

    request->has_limit = 1;
    request->limit = PAGE_OF_ALL;
    do {
        ProtobufCMessage *reply = NULL;
        AV_CLEANUP(av_free) char *after = AV_TAKE(state.cursor);

        before = state.count;
        request->after = after;
        status = ask(&state, actor, session, request, &reply);
        if (status == CLI_OK && state.count - before < PAGE_OF_ALL)
            status = print_notes((const Archivolt__SearchReply *)reply);
        protobuf_c_message_free_unpacked(reply, NULL);
    } while (status == CLI_OK && state.count - before == PAGE_OF_ALL);
    request->after = NULL;
    free(state.cursor);
    return status;
}

/* What is to be searched for: argv's query, or the saved one, whose order holds unless another was asked for. */
static int
choose(cli *self, const char *actor, av_span session, const char *saved_name, const char *sort, const char *query,
    Archivolt__SearchRequest *request, Archivolt__SavedSearch **ret_saved)
{
    int status;

    request->query = (char *)(uintptr_t)query;
    request->has_order = sort != NULL;
    if (saved_name == NULL)
        return 0;
    status = cli_saved_search(self, actor, session, saved_name, ret_saved);
    if (status != 0)
        return status;
    request->query = (*ret_saved)->query;
    if (sort == NULL) {
        request->has_order = (*ret_saved)->has_order;
        request->order = (*ret_saved)->order;
    }
    return 0;
}

int
verb_search(cli *self, int argc, char **argv)
{
    const char *as = NULL, *sort = NULL, *after = NULL, *saved_name = NULL, *save = NULL;
    uint64_t limit = 50, offset = 0;
    bool facets = false, snippets = false, explain = false, all = false;
    const cli_option options[] = { { "--as", &as, NULL, NULL, "INSTANCE/USER", "whose archives" },
        { "--limit", NULL, &limit, NULL, "N", "rows shown (50)" },
        { "--offset", NULL, &offset, NULL, "N", "rows left out at the beginning" },
        { "--sort", &sort, NULL, NULL, "ORDER", "newest (default), oldest, largest, smallest, from, subject" },
        { "--after", &after, NULL, NULL, "CURSOR", "go on behind the row with this cursor (--json shows them)" },
        { "--all", NULL, NULL, &all, NULL, "every row, a line of JSON each as it comes; not with --limit, --offset" },
        { "--saved", &saved_name, NULL, NULL, "NAME", "the search kept under this name, in place of a query" },
        { "--save", &save, NULL, NULL, "NAME", "keep query and order under this name, and search" },
        { "--facets", NULL, NULL, &facets, NULL, "count by sender, year, folder, kind of attachment" },
        { "--snippets", NULL, NULL, &snippets, NULL, "show the text around what was found" },
        { "--explain", NULL, NULL, &explain, NULL, "tell how the search was answered" },
        { NULL, NULL, NULL, NULL, NULL, NULL } };
    Archivolt__SearchRequest request = ARCHIVOLT__SEARCH_REQUEST__INIT;
    Archivolt__SavedSearch *saved = NULL;
    AV_CLEANUP(av_free) char *actor = NULL;
    AV_CLEANUP(av_buf_release_secret) av_buf session = { 0 };
    int status;

    av_buf_init(&session, 4096);
    if (!self->timeout_given)
        self->timeout_ms = 300000; /* messages without an index are looked at one by one */
    if (cli_options(self, options, &argc, argv, &status) != 0)
        return status;
    if (as == NULL || argc != (saved_name == NULL ? 2 : 1))
        return cli_usage("search", "--as INSTANCE/USER and one query (quote it for the shell) or --saved are needed");
    if (sort != NULL && !cli_search_order(sort, &request.order))
        return cli_usage("search", "--sort takes newest, oldest, largest, smallest, from or subject");
    status = cli_connect(self);
    if (status == 0)
        status = cli_login(self, as, &session, &actor);
    if (status == 0)
        status =
            choose(self, actor, av_buf_span(&session), saved_name, sort, argc == 2 ? argv[1] : NULL, &request, &saved);
    if (status == 0 && save != NULL)
        status = cli_save_search(self, actor, av_buf_span(&session), save, &request);
    if (status != 0) {
        archivolt__saved_search__free_unpacked(saved, NULL);
        return status;
    }
    request.has_limit = request.has_offset = !all;
    request.limit = (uint32_t)limit;
    request.offset = (uint32_t)offset;
    request.after = (char *)(uintptr_t)after;
    request.has_facets = request.has_snippets = request.has_explain = 1;
    request.facets = facets;
    request.snippets = snippets;
    request.explain = explain;
    request.has_time_limit_ms = 1;
    request.time_limit_ms = (uint32_t)AV_MIN(self->timeout_ms, (uint64_t)UINT32_MAX);
    status =
        all ? run_all(self, actor, av_buf_span(&session), &request) : run(self, actor, av_buf_span(&session), &request);
    archivolt__saved_search__free_unpacked(saved, NULL);
    return status;
}
