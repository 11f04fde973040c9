/*
 * bench-postings - what the parts of the full-text index cost, over a pack of messages (tools/bench/store.py, write_pack)
 *
 *   bench-postings build PACK [DOCUMENTS]    text, words, inversion and encoding; bytes by kind of row, plain and with zstd
 *   bench-postings merge PACK [DOCUMENTS]    runs of DOCUMENTS (default 1,000) become one
 *   bench-postings query PACK [DOCUMENTS]             what answers of a run cost: words, phrases
 *
 * CPU seconds of one thread; runs are in memory, so the database below is not in these figures.
 */
#include <inttypes.h>
#include <stdio.h>

#include "tools/bench/postings/bench.h"

static const struct command {
    const char *name;
    int (*run)(const bench_mail *mail, uint32_t documents);
} commands[] = {
    { "build", bench_build },
    { "merge", bench_merge },
    { "query", bench_query },
};

int
main(int argc, char **argv)
{
    AV_CLEANUP(bench_mail_release) bench_mail mail = { 0 };
    size_t i;

    for (i = 0; argc >= 3 && i < AV_COUNT(commands); i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            bench_mail_load(&mail, argv[2]);
            return commands[i].run(&mail, argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 0);
        }
    }
    (void)fprintf(stderr, "bench-postings build|merge|query PACK [DOCUMENTS]\n");
    return 2;
}
