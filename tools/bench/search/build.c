/*
 * build.c - how fast an index is made, how large it is, what one more message costs
 *
 * Reading or making messages is taken off again: processor time of the thread that does it, and its wall time.
 */
#include "tools/bench/search/search.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/file.h"

#define MESSAGE_MAX (64U * 1024 * 1024)
#define STEP        1000U

static const uint8_t key[32] = { 1 }, uuid[16] = { 2 };

bench_mail *
search_mail_open(const char *mail)
{
    unsigned long long seed, count;

    if (sscanf(mail, "generated:%llu:%llu", &seed, &count) == 2) /* NOLINT(cert-err34-c): our own argument */
        return bench_mail_generated(seed, count);
    return bench_mail_pack(mail);
}

av_index *
search_index_open(const char *dir)
{
    av_index_config config = { .dir = dir, .key = key, .store_uuid = uuid };
    av_index *index = NULL;
    av_error err;

    bench_check(av_index_open(&config, &index, &err), "opening the index", &err);
    return index;
}

void
search_cool(const char *dir)
{
    DIR *d = opendir(dir);
    const struct dirent *entry;

    while (d != NULL && (entry = readdir(d)) != NULL) {
        AV_CLEANUP(av_free) char *path = av_xasprintf("%s/%s", dir, entry->d_name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
            continue;
        (void)fdatasync(fd);
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        (void)close(fd);
    }
    if (d != NULL)
        (void)closedir(d);
}

/* --- sources ----------------------------------------------------------------------------------------------------- */

typedef struct feed {
    bench_mail *mail;
    bench_archive *archive; /* NULL: from mail */
    uint64_t *lsns;         /* in the archive */
    size_t count, at;       /* messages: at most, so far */
    uint64_t first, raw_bytes;
    double wall_s, cpu_s; /* of making and reading messages */
} feed;

static double
clock_s(clockid_t id)
{
    struct timespec t = { 0 };

    (void)clock_gettime(id, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static av_errc
next_of_mail(void *ctx, uint64_t after_lsn, uint64_t *ret_lsn, uint64_t *ret_size, av_buf *out, av_error *err)
{
    feed *self = ctx;
    double wall = clock_s(CLOCK_MONOTONIC), cpu = clock_s(CLOCK_THREAD_CPUTIME_ID);
    uint32_t mailbox;
    av_span message;
    bool more = self->at < self->count && bench_mail_next(self->mail, &message, &mailbox);

    self->wall_s += clock_s(CLOCK_MONOTONIC) - wall;
    self->cpu_s += clock_s(CLOCK_THREAD_CPUTIME_ID) - cpu;
    if (!more)
        return av_error_set(err, AV_ERR_NOT_FOUND, "the end");
    *ret_lsn = AV_MAX(after_lsn, self->first) + 1;
    *ret_size = message.n;
    self->raw_bytes += message.n;
    self->at++;
    (void)av_buf_append_span(out, message);
    return AV_OK;
}

static av_errc
next_of_archive(void *ctx, uint64_t after_lsn, uint64_t *ret_lsn, uint64_t *ret_size, av_buf *out, av_error *err)
{
    feed *self = ctx;

    while (self->at < self->count && self->lsns[self->at] <= after_lsn)
        self->at++; /* a message that was in the archive already */
    if (self->at == self->count)
        return av_error_set(err, AV_ERR_NOT_FOUND, "the end");
    bench_archive_read(self->archive, self->lsns[self->at], out);
    *ret_lsn = self->lsns[self->at++];
    *ret_size = out->n;
    return AV_OK;
}

/* --- the pipeline ------------------------------------------------------------------------------------------------ */

static void
follow_all(av_index *index, const av_index_source *source)
{
    av_index_progress progress = { 0 };
    av_error err;

    while (!progress.at_end)
        bench_check(av_index_follow(index, source, STEP, true, &progress, &err), "indexing", &err);
    bench_check(av_index_flush(index, &err), "writing the index", &err);
}

static void
merge_all(av_index *index)
{
    bool more = true;
    av_error err;

    while (more)
        bench_check(av_index_merge(index, NULL, NULL, &more, &err), "merging", &err);
}

static void
say_rate(const char *prefix, uint64_t messages, uint64_t bytes, double cpu_s, double wall_s)
{
    const struct {
        const char *name;
        double value;
    } rows[] = {
        { "cpu_seconds", cpu_s },
        { "seconds", wall_s },
        { "messages_per_cpu_s", (double)messages / cpu_s },
        { "messages_per_s", (double)messages / wall_s },
        { "mb_per_cpu_s", (double)bytes / 1e6 / cpu_s },
    };

    for (size_t i = 0; i < AV_COUNT(rows); i++) {
        AV_CLEANUP(av_free) char *name = av_xasprintf("%s%s", prefix, rows[i].name);

        bench_json_number(name, rows[i].value);
    }
}

static void
say_state(av_index *index, uint64_t raw)
{
    av_index_state s;

    av_index_get_state(index, &s);
    bench_json_number("messages", (double)s.documents);
    bench_json_number("raw_bytes", (double)raw);
    bench_json_number("index_bytes", (double)s.disk_bytes);
    bench_json_number("index_ratio", (double)s.disk_bytes / (double)raw);
    bench_json_number("runs", s.runs);
    bench_json_number("truncated", (double)s.truncated);
    bench_json_number("unreadable", (double)s.unreadable);
}

void
search_index(const char *mail, const char *dir)
{
    feed from = { .mail = search_mail_open(mail), .count = SIZE_MAX };
    av_index_source source = { .ctx = &from, .next = next_of_mail };
    av_index *index = search_index_open(dir);
    uint64_t written = bench_written(), first_written;
    bench_lap lap = { 0 }, merges = { 0 };
    double peak;

    bench_peak_reset();
    bench_lap_start(&lap);
    follow_all(index, &source);
    bench_lap_stop(&lap);
    lap.cpu_s -= from.cpu_s;
    lap.wall_s -= from.wall_s;
    peak = bench_peak_mb();
    first_written = bench_written() - written;
    bench_json_begin("index");
    bench_json_number("peak_mb", peak);
    say_rate("", from.at, from.raw_bytes, lap.cpu_s, lap.wall_s);
    bench_json_number("written_first_ratio", (double)first_written / (double)from.raw_bytes);
    bench_peak_reset();
    bench_lap_start(&merges);
    merge_all(index);
    bench_lap_stop(&merges);
    bench_json_number("merge_cpu_seconds", merges.cpu_s);
    bench_json_number("merge_peak_mb", bench_peak_mb());
    say_rate("merged_", from.at, from.raw_bytes, lap.cpu_s + merges.cpu_s, lap.wall_s + merges.wall_s);
    bench_json_number("written_ratio", (double)(bench_written() - written) / (double)from.raw_bytes);
    say_state(index, from.raw_bytes);
    av_index_close(&index);
    bench_json_end();
    bench_mail_close(&from.mail);
}

/* All of mail into the archive. */
static void
fill_archive(feed *self, bench_lap *lap)
{
    uint32_t mailbox;
    av_span message;

    while (bench_mail_next(self->mail, &message, &mailbox)) {
        if (self->count % 4096 == 0)
            self->lsns = av_xrealloc(self->lsns, (self->count + 4096) * sizeof *self->lsns);
        bench_lap_start(lap);
        self->lsns[self->count++] = bench_archive_put(self->archive, message, mailbox);
        if (self->count % BENCH_GROUP == 0)
            bench_archive_commit(self->archive);
        bench_lap_stop(lap);
        self->raw_bytes += message.n;
    }
    bench_lap_start(lap);
    bench_archive_commit(self->archive);
    bench_lap_stop(lap);
}

void
search_archive(const char *mail, const char *dir)
{
    AV_CLEANUP(av_free) char *store = av_xasprintf("%s/archive", dir);
    AV_CLEANUP(av_free) char *words = av_xasprintf("%s/index", dir);
    feed from = { .mail = search_mail_open(mail) };
    av_index_source source = { .ctx = &from, .next = next_of_archive };
    bench_lap import = { 0 }, lap = { 0 };
    av_index *index;
    av_error err;

    bench_check(av_dir_make(store, &err), "making a folder", &err);
    from.archive = bench_archive_open(store);
    fill_archive(&from, &import);
    index = search_index_open(words);
    bench_lap_start(&lap);
    follow_all(index, &source);
    bench_lap_stop(&lap);
    bench_json_begin("archive");
    say_rate("import_", from.count, from.raw_bytes, import.cpu_s, import.wall_s);
    say_rate("index_", from.count, from.raw_bytes, lap.cpu_s, lap.wall_s);
    say_rate("", from.count, from.raw_bytes, import.cpu_s + lap.cpu_s, import.wall_s + lap.wall_s);
    say_state(index, from.raw_bytes);
    bench_json_end();
    av_index_close(&index);
    bench_archive_close(&from.archive);
    bench_mail_close(&from.mail);
    free(from.lsns);
}

void
search_single(const char *mail, const char *dir, size_t count)
{
    feed from = { .mail = search_mail_open(mail) };
    av_index_source source = { .ctx = &from, .next = next_of_mail };
    av_index *index = search_index_open(dir);
    double *ms = av_xcalloc(count, sizeof *ms);
    av_index_progress progress = { 0 };
    av_index_state s;
    av_error err;
    size_t n = 0;

    av_index_get_state(index, &s);
    from.first = s.lsn;
    for (; n < count && !progress.at_end; n++) {
        double made = from.wall_s, began = clock_s(CLOCK_MONOTONIC);

        from.count = n + 1;
        bench_check(av_index_follow(index, &source, 1, false, &progress, &err), "indexing", &err);
        ms[n] = (clock_s(CLOCK_MONOTONIC) - began - (from.wall_s - made)) * 1e3;
    }
    bench_json_begin("single");
    bench_json_number("p50_ms", bench_quantile(ms, n, 0.5));
    bench_json_number("p95_ms", bench_quantile(ms, n, 0.95));
    bench_json_number("p99_ms", bench_quantile(ms, n, 0.99));
    bench_json_number("most_ms", bench_quantile(ms, n, 1));
    bench_json_end();
    free(ms);
    av_index_close(&index);
    bench_mail_close(&from.mail);
}

void
search_verify(const char *dir)
{
    av_index *index = search_index_open(dir);
    bench_lap lap = { 0 };
    uint8_t digest[32];
    av_error err;

    bench_lap_start(&lap);
    bench_check(av_index_verify(index, NULL, NULL, digest, &err), "verifying", &err);
    bench_lap_stop(&lap);
    bench_json_begin("verify");
    bench_json_number("cpu_seconds", lap.cpu_s);
    bench_json_number("seconds", lap.wall_s);
    bench_json_end();
    av_index_close(&index);
}
