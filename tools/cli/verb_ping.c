/*
 * verb_ping.c - archivolt ping [ACTOR]...: round trips through the broker
 */
#include "tools/cli/cli.h"

#include "base/clock.h"

static int
ping(cli *self, const char *actor, json_t *rows)
{
    Archivolt__Empty empty = ARCHIVOLT__EMPTY__INIT;
    ProtobufCMessage *reply = NULL;
    int64_t start = av_clock_mono_us();
    av_error err;
    av_errc rc = cli_try(self, actor, "archivolt.Actor.Ping", &empty.base, av_span_of(NULL, 0),
        (uint32_t)self->timeout_ms, &reply, &err);
    int64_t us = av_clock_mono_us() - start;

    if (rc != AV_OK) {
        json_array_append_new(rows, json_pack("{s:o,s:s,s:o}", "actor", av_json_text(actor), "state", av_errc_word(rc),
                                        "detail", av_json_text(err.msg)));
        return CLI_UNREACHABLE;
    }
    json_array_append_new(rows, json_pack("{s:s,s:s,s:s,s:I}", "actor", actor, "state", "ok", "version",
                                    ((Archivolt__PingReply *)reply)->version, "microseconds", (json_int_t)us));
    protobuf_c_message_free_unpacked(reply, NULL);
    return 0;
}

int
verb_ping(cli *self, int argc, char **argv)
{
    static const cli_column columns[] = { { "actor", "ACTOR" }, { "state", "STATE" }, { "version", "VERSION" },
        { "microseconds", "MICROSECONDS" }, { "detail", "DETAIL" } };
    int status, worst = 0;
    json_t *rows;

    if (cli_options(self, NULL, &argc, argv, &status) != 0)
        return status;
    status = cli_connect(self);
    if (status != 0)
        return status;
    rows = json_array();
    if (argc == 1)
        worst = ping(self, "management", rows);
    for (int i = 1; i < argc; i++)
        if (ping(self, argv[i], rows) != 0)
            worst = CLI_UNREACHABLE;
    if (self->json)
        cli_print_json(self, rows);
    else {
        cli_print_table(columns, AV_COUNT(columns), rows);
        json_decref(rows);
    }
    return worst;
}
