/*
 * write.c - made-up mail as files, for programs that read a Maildir or an mbox
 */
#include <stdio.h>
#include <time.h>

#include "base/file.h"
#include "tools/bench/store/bench.h"

static void
write_file(const char *path, av_span bytes)
{
    FILE *f = fopen(path, "wb");

    if (f == NULL || fwrite(bytes.p, 1, bytes.n, f) != bytes.n || fclose(f) != 0)
        bench_fail("%s cannot be written", path);
}

void
bench_write_maildir(const char *dir, uint64_t seed, uint64_t count)
{
    static const char *const parts[] = { "cur", "new", "tmp" };
    bench_mail *mail = bench_mail_generated(seed, count);
    uint64_t number = 0, bytes = 0;
    uint32_t mailbox;
    av_span message;
    av_error err;

    for (size_t i = 0; i < AV_COUNT(parts); i++) {
        AV_CLEANUP(av_free) char *path = av_xasprintf("%s/%s", dir, parts[i]);

        if (av_dir_make(path, &err) != AV_OK)
            bench_fail("%s", err.msg);
    }
    for (; bench_mail_next(mail, &message, &mailbox); number++, bytes += message.n) {
        AV_CLEANUP(av_free)
        char *path = av_xasprintf(
            "%s/cur/%llu.M%llu.bench:2,S", dir, 1000000000ULL + (unsigned long long)number, (unsigned long long)number);

        write_file(path, message);
    }
    bench_mail_close(&mail);
    printf("{\"messages\": %llu, \"raw_bytes\": %llu}\n", (unsigned long long)number, (unsigned long long)bytes);
}

void
bench_write_tiny(const char *path, uint64_t count)
{
    FILE *f = fopen(path, "wb");

    if (f == NULL)
        bench_fail("%s cannot be written", path);
    for (uint64_t i = 0; i < count; i++) {
        time_t at = 1420070400 + (time_t)i * 60;
        struct tm t;
        char date[64];

        if (gmtime_r(&at, &t) == NULL || strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", &t) == 0)
            bench_fail("no such date");
        (void)fprintf(f,
            "From user@example.com Thu Jan  1 00:00:00 2015\nFrom: user%llu@example.com\nTo: all@example.org\n"
            "Subject: number %llu\nDate: %s\nMessage-ID: <%llu@example.com>\n\nThis is number %llu.\n\n",
            (unsigned long long)(i % 1000), (unsigned long long)i, date, (unsigned long long)i, (unsigned long long)i);
    }
    if (fclose(f) != 0)
        bench_fail("%s cannot be written", path);
    printf("{\"messages\": %llu}\n", (unsigned long long)count);
}
