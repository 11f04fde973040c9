/*
 * main.c - bench-search: the full-text index alone, from the bytes of messages to answers; one JSON object a line
 *
 * tools/bench/search.py runs it, one measurement a process, and makes the table.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/secret.h"
#include "tools/bench/search/search.h"

static const char usage[] =
    "usage: bench-search index MAIL DIR               all messages in bulk, then the merges that are due\n"
    "       bench-search archive MAIL DIR             into an archive, from there into its index\n"
    "       bench-search single MAIL DIR COUNT        COUNT more into the index in DIR, one at a time\n"
    "       bench-search verify DIR                   read and check all of it\n"
    "       bench-search texts MAIL FILE              what the index sees of each message\n"
    "       bench-search draw MAIL DIR FILE EACH      EACH queries of every class, drawn from the messages\n"
    "       bench-search ask DIR FILE warm|cold MOST  at most MOST of each class\n"
    "MAIL: a pack, or generated:SEED:COUNT\n";

static uint32_t
number(const char *text)
{
    uint64_t value;

    if (!av_span_u64(av_span_str(text), UINT32_MAX, &value))
        bench_fail("%s is no number", text);
    return (uint32_t)value;
}

int
main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    av_secret_init();
    av_log_init("bench", AV_LOG_ERROR, false);
    if (strcmp(what, "index") == 0 && argc == 4)
        search_index(argv[2], argv[3]);
    else if (strcmp(what, "archive") == 0 && argc == 4)
        search_archive(argv[2], argv[3]);
    else if (strcmp(what, "single") == 0 && argc == 5)
        search_single(argv[2], argv[3], number(argv[4]));
    else if (strcmp(what, "verify") == 0 && argc == 3)
        search_verify(argv[2]);
    else if (strcmp(what, "texts") == 0 && argc == 4)
        search_texts(argv[2], argv[3]);
    else if (strcmp(what, "draw") == 0 && argc == 6)
        search_draw(argv[2], argv[3], argv[4], number(argv[5]));
    else if (strcmp(what, "ask") == 0 && argc == 6)
        search_ask(argv[2], argv[3], strcmp(argv[4], "cold") == 0, number(argv[5]));
    else {
        (void)fputs(usage, stderr);
        return 2;
    }
    return 0;
}
