/*
 * main.c - bench-store: the archive's engine alone, and the raw limits of the same job; one JSON object a line
 *
 * tools/bench/store.py runs it, one measurement a process, and makes the table.
 */
#include <stdio.h>

#include "base/log.h"
#include "base/secret.h"
#include "tools/bench/store/bench.h"

static const char usage[] =
    "usage: bench-store import PACK DIR [COPIES]     whole pack; DIR is made\n"
    "       bench-store append PACK DIR COUNT        durable, one by one\n"
    "       bench-store generated DIR SEED COUNT     made-up mail\n"
    "       bench-store endure DIR SEED COUNT MB     large and tiny mail in MB of memory (0: any)\n"
    "       bench-store loop PACK DIR                digest, zstd, AES, CRC, append, sync\n"
    "       bench-store zstd PACK                    zstd alone\n"
    "       bench-store show SEED COUNT              made-up mail, to be looked at\n"
    "       bench-store maildir DIR SEED COUNT       made-up mail as a Maildir; DIR is made\n"
    "       bench-store tiny FILE COUNT              an mbox of very small messages\n";

static uint64_t
number(const char *text)
{
    uint64_t value;

    if (!av_span_u64(av_span_str(text), UINT32_MAX, &value))
        bench_fail("%s is no number", text);
    return value;
}

static void
show(uint64_t seed, uint64_t count)
{
    bench_mail *mail = bench_mail_generated(seed, count);
    uint32_t mailbox;
    av_span message;

    while (bench_mail_next(mail, &message, &mailbox))
        (void)fwrite(message.p, 1, message.n, stdout);
    bench_mail_close(&mail);
}

int
main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    av_secret_init();
    av_log_init("bench", AV_LOG_ERROR, false);
    if (strcmp(what, "import") == 0 && (argc == 4 || argc == 5))
        bench_import(argv[2], argv[3], argc == 5 ? (unsigned)number(argv[4]) : 1);
    else if (strcmp(what, "append") == 0 && argc == 5)
        bench_append(argv[2], argv[3], (unsigned)number(argv[4]));
    else if (strcmp(what, "generated") == 0 && argc == 5)
        bench_generated(argv[2], number(argv[3]), number(argv[4]));
    else if (strcmp(what, "endure") == 0 && argc == 6)
        bench_endure(argv[2], number(argv[3]), number(argv[4]), number(argv[5]));
    else if (strcmp(what, "loop") == 0 && argc == 4)
        bench_loop(argv[2], argv[3]);
    else if (strcmp(what, "zstd") == 0 && argc == 3)
        bench_zstd(argv[2]);
    else if (strcmp(what, "show") == 0 && argc == 4)
        show(number(argv[2]), number(argv[3]));
    else if (strcmp(what, "maildir") == 0 && argc == 5)
        bench_write_maildir(argv[2], number(argv[3]), number(argv[4]));
    else if (strcmp(what, "tiny") == 0 && argc == 4)
        bench_write_tiny(argv[2], number(argv[3]));
    else {
        (void)fputs(usage, stderr);
        return 2;
    }
    return 0;
}
