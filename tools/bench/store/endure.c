/*
 * endure.c - a message of 200 MB, one of 1,000 parts and millions of tiny ones, in a bounded memory
 *
 * Everything put in is checked by counters, by random reads against the bytes made again, and by verify; then once more
 * after the views have been lost and made from the log. A line of JSON a phase; the peak is that of the phase. A folder
 * that has an archive of the same seed and count is only checked.
 */
#include "tools/bench/store/bench.h"

#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/resource.h>

#include "base/file.h"
#include "tools/bench/store/text.h"

#define MAILBOXES   300U /* of the tiny ones; one more for the large */
#define LARGE_LINES (200000000U / 78)
#define LINE        78U  /* 76 characters of base64 and CRLF */
#define LINES       800U /* at a time */
#define PARTS       1000U
#define READS       20000U
#define MESSAGE_MAX (16U * 1024 * 1024)

typedef struct endure {
    const char *dir;
    uint64_t seed, count;
    uint64_t bytes; /* of all messages so far */
    bench_words *words;
    bench_archive *archive;
    av_buf message, head; /* head: of the large message */
    bench_random random;
} endure;

/* --- mail -------------------------------------------------------------------------------------------------------- */

/* Some 200 to 400 bytes; no two are the same. */
static void
make_tiny(endure *self, uint64_t number, av_buf *out)
{
    bench_random r = { bench_random_mix(self->seed, number) };
    unsigned second = (unsigned)(number % 86400);

    av_buf_clear(out);
    (void)av_buf_printf(out,
        "From: <user%u@example.org>\r\nTo: <user%u@example.com>\r\nSubject: ", bench_random_below(&r, 5000),
        (unsigned)(number % MAILBOXES));
    bench_words_line(self->words, bench_random_next(&r), 2 + bench_random_below(&r, 4), out);
    (void)av_buf_printf(out, "\r\nDate: Tue, 03 Mar 2026 %02u:%02u:%02u +0000\r\nMessage-ID: <%llu.", second / 3600,
        second / 60 % 60, second % 60, (unsigned long long)number);
    bench_token(&r, 12, out);
    (void)av_buf_puts(out, "@example.org>\r\n\r\n");
    bench_words_line(self->words, bench_random_next(&r), 4 + bench_random_below(&r, 24), out);
    (void)av_buf_puts(out, "\r\n");
}

static void
make_parts(endure *self, av_buf *out)
{
    av_buf_clear(out);
    (void)av_buf_puts(out, "From: <parts@example.org>\r\nSubject: a thousand parts\r\nMIME-Version: 1.0\r\n"
                           "Content-Type: multipart/mixed; boundary=\"=_b\"\r\n\r\n");
    for (unsigned i = 0; i < PARTS; i++) {
        (void)av_buf_printf(out, "--=_b\r\nContent-Type: text/plain; name=\"%u.txt\"\r\n\r\n", i);
        bench_words_text(self->words, self->seed + i, i % 7, 200, "", out);
    }
    (void)av_buf_puts(out, "--=_b--\r\n");
    if (out->full)
        bench_fail("a thousand parts are larger than %u bytes", MESSAGE_MAX);
}

/* The large message: its head, then lines of base64 of what nobody can compress. */
static av_span
large_piece(void *ctx, uint64_t offset)
{
    endure *self = ctx;
    uint64_t left;

    if (offset == 0)
        return av_buf_span(&self->head);
    left = LARGE_LINES - (offset - self->head.n) / LINE;
    av_buf_clear(&self->message);
    for (unsigned i = 0; i < AV_MIN(left, (uint64_t)LINES); i++) {
        bench_token(&self->random, LINE - 2, &self->message);
        for (uint8_t *p = self->message.p + self->message.n - (LINE - 2); p < self->message.p + self->message.n; p++)
            *p = *p == '-' ? '+' : *p == '_' ? '/' : *p;
        (void)av_buf_puts(&self->message, "\r\n");
    }
    return av_buf_span(&self->message);
}

/* --- phases ------------------------------------------------------------------------------------------------------ */

static void
report(const endure *self, const char *what, const bench_lap *lap, uint64_t messages, uint64_t bytes)
{
    static const char *const folders[] = { "content", "database", "catalog", "keys" };
    char path[PATH_MAX], name[32];

    bench_json_begin(what);
    bench_json_number("messages", (double)messages);
    bench_json_number("raw_bytes", (double)bytes);
    bench_json_number("seconds", lap->wall_s);
    bench_json_number("cpu_seconds", lap->cpu_s);
    bench_json_number("messages_per_s", (double)messages / lap->wall_s);
    bench_json_number("peak_mb", bench_peak_mb());
    bench_json_number("anonymous_mb", bench_anonymous_mb());
    for (size_t i = 0; i < AV_COUNT(folders); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", self->dir, folders[i]);
        (void)snprintf(name, sizeof name, "%s_bytes", folders[i]);
        bench_json_number(name, (double)bench_folder_bytes(path));
    }
    bench_json_end();
    bench_peak_reset();
}

static uint64_t
make_large_head(endure *self)
{
    av_buf_clear(&self->head);
    (void)av_buf_puts(&self->head,
        "From: <large@example.org>\r\nSubject: 200 MB\r\nMIME-Version: 1.0\r\n"
        "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n");
    return self->head.n + (uint64_t)LARGE_LINES * LINE;
}

static void
put_large(endure *self)
{
    uint64_t size = make_large_head(self);
    bench_lap lap = { 0 };

    bench_lap_start(&lap);
    (void)bench_archive_put_streamed(self->archive, size, large_piece, self, MAILBOXES);
    bench_archive_commit(self->archive);
    bench_lap_stop(&lap);
    self->bytes += size;
    report(self, "200 MB", &lap, 1, size);
}

static void
put_parts(endure *self)
{
    bench_lap lap = { 0 };

    make_parts(self, &self->message);
    bench_lap_start(&lap);
    (void)bench_archive_put(self->archive, av_buf_span(&self->message), MAILBOXES);
    bench_archive_commit(self->archive);
    bench_lap_stop(&lap);
    self->bytes += self->message.n;
    report(self, "1,000 parts", &lap, 1, self->message.n);
}

static void
put_tiny(endure *self)
{
    bench_lap lap = { 0 };
    uint64_t before = self->bytes, told = 0;

    for (uint64_t i = 0; i < self->count; i++) {
        make_tiny(self, i, &self->message);
        self->bytes += self->message.n;
        bench_lap_start(&lap);
        (void)bench_archive_put(self->archive, av_buf_span(&self->message), (uint32_t)(i % MAILBOXES));
        if ((i + 1) % BENCH_GROUP == 0 || i + 1 == self->count)
            bench_archive_commit(self->archive);
        bench_lap_stop(&lap);
        if ((i + 1) % 500000 != 0 && i + 1 != self->count)
            continue;
        report(self, "tiny", &lap, i + 1 - told, self->bytes - before);
        told = i + 1;
        before = self->bytes;
        lap = (bench_lap){ 0 };
    }
}

/* What an earlier run has put in. */
static void
count_bytes(endure *self)
{
    self->bytes = make_large_head(self);
    make_parts(self, &self->message);
    self->bytes += self->message.n;
    for (uint64_t i = 0; i < self->count; i++) {
        make_tiny(self, i, &self->message);
        self->bytes += self->message.n;
    }
}

/* Counters, random reads and the two large ones; with whole also verify. */
static void
check(endure *self, bool whole)
{
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    uint64_t messages = self->count + 2;
    bench_lap lap = { 0 };
    uint32_t boxes = (uint32_t)AV_MIN(self->count, (uint64_t)MAILBOXES);

    av_buf_init(&out, MESSAGE_MAX);
    bench_lap_start(&lap);
    bench_archive_check_counters(self->archive, messages, self->bytes, boxes + 1);
    for (unsigned i = 0; i < READS && self->count > 0; i++) {
        uint64_t number = bench_random_next(&self->random) % self->count;

        make_tiny(self, number, &self->message);
        bench_archive_read(self->archive,
            bench_archive_find(self->archive, (uint32_t)(number % MAILBOXES), (uint32_t)(number / MAILBOXES) + 1),
            &out);
        if (!av_span_eq(av_buf_span(&out), av_buf_span(&self->message)))
            bench_fail("message %llu came out changed", (unsigned long long)number);
    }
    make_parts(self, &self->message);
    bench_archive_read(self->archive, bench_archive_find(self->archive, MAILBOXES, 2), &out);
    if (!av_span_eq(av_buf_span(&out), av_buf_span(&self->message)))
        bench_fail("the message of 1,000 parts came out changed");
    bench_archive_check_streamed(self->archive, bench_archive_find(self->archive, MAILBOXES, 1));
    bench_lap_stop(&lap);
    report(self, "counters and reads", &lap, READS, 0);
    if (!whole)
        return;
    lap = (bench_lap){ 0 };
    bench_lap_start(&lap);
    bench_archive_verify(self->archive, self->dir, messages);
    bench_lap_stop(&lap);
    report(self, "verify", &lap, messages, self->bytes);
}

static void
open_again(endure *self, const char *what)
{
    bench_lap lap = { 0 };

    bench_lap_start(&lap);
    self->archive = bench_archive_open(self->dir);
    bench_lap_stop(&lap);
    report(self, what, &lap, self->count + 2, self->bytes);
}

static void
lose_views(const endure *self)
{
    static const char *const folders[] = { "database", "catalog" };
    char path[PATH_MAX];
    av_error err;

    for (size_t i = 0; i < AV_COUNT(folders); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", self->dir, folders[i]);
        bench_check(av_dir_remove(path, self->dir, &err), "removing a view", &err);
    }
}

static void
limit_memory(uint64_t limit_mb)
{
    struct rlimit limit = { .rlim_cur = limit_mb << 20, .rlim_max = limit_mb << 20 };

    (void)mallopt(M_ARENA_MAX, 1); /* as the instance does */
    if (limit_mb > 0 && setrlimit(RLIMIT_DATA, &limit) != 0)
        bench_fail("the memory cannot be limited to %llu MB", (unsigned long long)limit_mb);
}

void
bench_endure(const char *dir, uint64_t seed, uint64_t count, uint64_t limit_mb)
{
    endure self = { .dir = dir, .seed = seed, .count = count, .words = bench_words_new(), .random = { seed } };

    limit_memory(limit_mb);
    av_buf_init(&self.message, MESSAGE_MAX);
    av_buf_init(&self.head, 4096);
    if (av_file_exists(dir)) {
        count_bytes(&self);
    } else {
        self.archive = bench_archive_open(dir);
        put_large(&self);
        put_parts(&self);
        put_tiny(&self);
        bench_archive_close(&self.archive);
    }
    open_again(&self, "open");
    check(&self, true);
    bench_archive_close(&self.archive);
    lose_views(&self);
    open_again(&self, "views made anew");
    check(&self, false);
    bench_archive_close(&self.archive);
    bench_words_destroy(&self.words);
    av_buf_release(&self.message);
    av_buf_release(&self.head);
}
