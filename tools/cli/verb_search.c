/*
 * verb_search.c - archivolt search --as INSTANCE/USER QUERY
 */
#include "tools/cli/cli.h"

#include "actors/bus/rows.h"
#include "base/clock.h"
#include "proto/archive.pb-c.h"

#define ROW_MAX 65536

typedef struct search {
    av_rows_reader *reader;
    json_t *rows;
    av_error err; /* first trouble with a row */
} search;

static uint64_t
on_row(void *ctx, const ProtobufCMessage *message, av_error *err)
{
    search *self = ctx;
    const Archivolt__SearchRow *row = (const Archivolt__SearchRow *)message;
    char date[32];

    (void)err;
    json_array_append_new(self->rows,
        json_pack("{s:o,s:o,s:s,s:o,s:o,s:o,s:I}", "id", av_json_text(row->id), "sha256", av_json_text(row->sha256),
            "date", av_clock_format(row->date_unix_s * 1000, date), "from", av_json_text(row->from), "subject",
            av_json_text(row->subject), "folder", av_json_text(row->folder), "size", (json_int_t)row->size));
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

static int
print(cli *self, json_t *rows, const Archivolt__SearchReply *reply)
{
    static const cli_column columns[] = { { "date", "DATE" }, { "from", "FROM" }, { "subject", "SUBJECT" },
        { "folder", "FOLDER" }, { "id", "ID" } };

    if (self->json) {
        cli_print_json(self, json_pack("{s:I,s:f,s:I,s:O}", "total", (json_int_t)reply->total, "coverage",
                                 reply->coverage, "truncated", (json_int_t)reply->truncated, "messages", rows));
        return reply->coverage < 1.0 ? CLI_INCOMPLETE : CLI_OK;
    }
    cli_print_table(columns, AV_COUNT(columns), rows);
    printf("%llu found, %zu shown\n", (unsigned long long)reply->total, json_array_size(rows));
    if (reply->truncated > 0)
        fprintf(stderr, "archivolt: note: %llu messages are so large that only their beginning was searched\n",
            (unsigned long long)reply->truncated);
    if (reply->coverage < 1.0) {
        fprintf(stderr, "archivolt: only %.2f %% of the messages could be searched\n", reply->coverage * 100.0);
        return CLI_INCOMPLETE;
    }
    return CLI_OK;
}

static int
run(cli *self, const char *actor, av_span session, const Archivolt__SearchRequest *request)
{
    static const av_rows_events row_events = { .on_row = on_row };
    static const av_stream_events stream_events = { .on_data = on_data };
    search state = { .rows = json_array() };
    av_call_spec spec = { .to = actor,
        .method = "archivolt.Archive.Search",
        .body = &request->base,
        .session = session,
        .timeout_ms = (uint32_t)self->timeout_ms,
        .downstream = &stream_events,
        .ctx = &state };
    ProtobufCMessage *reply = NULL;
    av_error err;
    int status;

    state.reader = av_rows_reader_new(&archivolt__search_row__descriptor, ROW_MAX, &row_events, &state);
    if (av_bus_call_wait(self->bus, &spec, &reply, &err) != AV_OK)
        status = cli_fail(self, &err);
    else if (state.err.code != AV_OK || av_rows_reader_finish(state.reader, &state.err) != AV_OK)
        status = cli_fail(self, &state.err);
    else
        status = print(self, state.rows, (const Archivolt__SearchReply *)reply);
    protobuf_c_message_free_unpacked(reply, NULL);
    av_rows_reader_destroy(&state.reader);
    json_decref(state.rows);
    return status;
}

int
verb_search(cli *self, int argc, char **argv)
{
    const char *as = NULL;
    uint64_t limit = 50, offset = 0;
    const cli_option options[] = { { "--as", &as, NULL, NULL, "INSTANCE/USER", "whose archives" },
        { "--limit", NULL, &limit, NULL, "N", "rows shown, newest first (50)" },
        { "--offset", NULL, &offset, NULL, "N", "rows left out at the beginning" },
        { NULL, NULL, NULL, NULL, NULL, NULL } };
    Archivolt__SearchRequest request = ARCHIVOLT__SEARCH_REQUEST__INIT;
    AV_CLEANUP(av_free) char *actor = NULL;
    AV_CLEANUP(av_buf_release_secret) av_buf session = { 0 };
    int status;

    av_buf_init(&session, 4096);
    if (!self->timeout_given)
        self->timeout_ms = 300000; /* a scan of a large archive may take a while */
    if (cli_options(self, options, &argc, argv, &status) != 0)
        return status;
    if (as == NULL || argc != 2)
        return cli_usage("search", "--as INSTANCE/USER and one query are needed (quote it for the shell)");
    status = cli_connect(self);
    if (status == 0)
        status = cli_login(self, as, &session, &actor);
    if (status != 0)
        return status;
    request.query = argv[1];
    request.has_limit = request.has_offset = 1;
    request.limit = (uint32_t)limit;
    request.offset = (uint32_t)offset;
    return run(self, actor, av_buf_span(&session), &request);
}
