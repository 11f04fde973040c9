/*
 * bench-index - how fast an index takes messages in, how large it is, what it holds when idle
 *
 *   bench-index build MAIL DIR [MEMORY_MB]   all messages below the folder MAIL (a file each), in bulk, then flushed
 *   bench-index single MAIL DIR COUNT        COUNT more, one at a time: latency of one follow with a run in memory
 *   bench-index merge DIR                    all merges that are due
 *   bench-index verify DIR                   read all of it, digest
 *   bench-index idle DIR [COPIES]            memory of the process with so many copies of it open and trimmed
 *
 * Messages are read into memory first and shuffled by a fixed seed; that is not part of the times.
 */
#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/file.h"
#include "base/log.h"
#include "base/secret.h"
#include "storage/index/index.h"

#define FILE_MAX ((size_t)64 * 1024 * 1024)

static struct {
    av_buf *messages;
    size_t count, cap;
    uint64_t bytes;
    size_t first; /* LSN of messages[i] is first + i + 1 */
} mail;

static const uint8_t key[32] = { 1 }, uuid[16] = { 2 };
static av_error err;

static void
stop_on(av_errc rc)
{
    if (rc == AV_OK)
        return;
    (void)fprintf(stderr, "%s\n", err.msg);
    exit(1);
}

static double
cpu_s(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int
visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    av_buf *m;

    (void)ftw;
    if (type != FTW_F)
        return 0;
    if (mail.count == mail.cap) {
        mail.cap = mail.cap * 2 + 1024;
        mail.messages = av_xrealloc(mail.messages, mail.cap * sizeof *mail.messages);
    }
    m = &mail.messages[mail.count++];
    av_buf_init(m, FILE_MAX);
    stop_on(av_file_read_all(path, m, &err));
    mail.bytes += (uint64_t)st->st_size;
    return 0;
}

static void
load(const char *dir)
{
    uint64_t seed = 1;

    (void)nftw(dir, visit, 16, FTW_PHYS);
    for (size_t i = mail.count; i > 1; i--) {
        size_t k;
        av_buf swap;

        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        k = (size_t)((seed >> 33) % i);
        swap = mail.messages[k];
        mail.messages[k] = mail.messages[i - 1];
        mail.messages[i - 1] = swap;
    }
}

static av_errc
next(void *ctx, uint64_t after_lsn, uint64_t *ret_lsn, uint64_t *ret_size, av_buf *out, av_error *e)
{
    size_t i = (size_t)after_lsn < mail.first ? 0 : (size_t)after_lsn - mail.first;

    if (i >= *(const size_t *)ctx)
        return av_error_set(e, AV_ERR_NOT_FOUND, "the end");
    *ret_lsn = mail.first + i + 1;
    *ret_size = mail.messages[i].n;
    (void)av_buf_append_span(out, av_buf_span(&mail.messages[i]));
    return AV_OK;
}

static av_index *
open_index(const char *dir, size_t memory)
{
    av_index_config config = { .dir = dir, .key = key, .store_uuid = uuid, .memory_bytes = memory };
    av_index *index = NULL;

    stop_on(av_index_open(&config, &index, &err));
    return index;
}

static void
say_state(av_index *index)
{
    av_index_state s;

    av_index_get_state(index, &s);
    printf("%llu documents in %u runs, %.1f MB on disk, %llu truncated, %.1f MB in memory\n",
        (unsigned long long)s.documents, s.runs, (double)s.disk_bytes / 1e6, (unsigned long long)s.truncated,
        (double)s.memory_bytes / 1e6);
}

static void
build(const char *dir, size_t memory)
{
    av_index *index = open_index(dir, memory);
    size_t count = mail.count;
    av_index_source source = { .ctx = &count, .next = next };
    av_index_progress progress = { 0 };
    double cpu = cpu_s();
    int64_t wall = av_clock_mono_us();
    struct rusage usage;
    av_index_state s;

    while (!progress.at_end)
        stop_on(av_index_follow(index, &source, 1000, true, &progress, &err));
    stop_on(av_index_flush(index, &err));
    cpu = cpu_s() - cpu;
    wall = av_clock_mono_us() - wall;
    av_index_get_state(index, &s);
    (void)getrusage(RUSAGE_SELF, &usage);
    printf("%zu messages, %.1f MB: %.2f CPU s, %.2f s; %.0f messages/s per CPU s, %.1f MB/s; index %.4f of raw; "
           "peak RSS %ld MB with %.0f MB of messages\n",
        mail.count, (double)mail.bytes / 1e6, cpu, (double)wall / 1e6, (double)mail.count / cpu,
        (double)mail.bytes / 1e6 / cpu, (double)s.disk_bytes / (double)mail.bytes, usage.ru_maxrss / 1024,
        (double)mail.bytes / 1e6);
    say_state(index);
    av_index_close(&index);
}

static int
by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

static void
single(const char *dir, size_t most)
{
    av_index *index = open_index(dir, 0);
    size_t count = 0;
    av_index_source source = { .ctx = &count, .next = next };
    av_index_progress progress;
    int64_t *times = av_xcalloc(most, sizeof *times);
    av_index_state s;

    av_index_get_state(index, &s);
    mail.first = (size_t)s.lsn;
    for (size_t i = 0; i < most; i++) {
        int64_t start = av_clock_mono_us();

        count = i + 1;
        stop_on(av_index_follow(index, &source, 1, false, &progress, &err));
        times[i] = av_clock_mono_us() - start;
    }
    qsort(times, most, sizeof *times, by_size);
    printf("one message: p50 %lld us, p95 %lld us, p99 %lld us, most %lld us\n", (long long)times[most / 2],
        (long long)times[most * 95 / 100], (long long)times[most * 99 / 100], (long long)times[most - 1]);
    say_state(index);
    free(times);
    av_index_close(&index);
}

static void
merge(const char *dir)
{
    av_index *index = open_index(dir, 0);
    double cpu = cpu_s();
    bool more = true;

    while (more)
        stop_on(av_index_merge(index, NULL, NULL, &more, &err));
    printf("merged in %.2f CPU s\n", cpu_s() - cpu);
    say_state(index);
    av_index_close(&index);
}

static void
verify(const char *dir)
{
    av_index *index = open_index(dir, 0);
    double cpu = cpu_s();
    uint8_t digest[32];
    char hex[65];

    stop_on(av_index_verify(index, NULL, NULL, digest, &err));
    av_hex_encode(av_span_of(digest, sizeof digest), hex);
    printf("%s in %.2f CPU s\n", hex, cpu_s() - cpu);
    av_index_close(&index);
}

/* Private memory of this process that is in RAM, in KB. */
static long
anonymous_kb(void)
{
    FILE *f = fopen("/proc/self/smaps_rollup", "r");
    char line[256];
    long kb = 0;

    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, "Anonymous:", 10) == 0)
            kb = strtol(line + 10, NULL, 10);
    if (f != NULL)
        (void)fclose(f);
    return kb;
}

static void
copy_folder(const char *from, const char *to)
{
    DIR *d = opendir(from);
    struct dirent *entry;

    stop_on(av_dir_make(to, &err));
    while (d != NULL && (entry = readdir(d)) != NULL) {
        AV_CLEANUP(av_free) char *a = av_xasprintf("%s/%s", from, entry->d_name);
        AV_CLEANUP(av_free) char *b = av_xasprintf("%s/%s", to, entry->d_name);
        AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };

        if (entry->d_name[0] == '.')
            continue;
        av_buf_init(&bytes, SIZE_MAX / 2);
        stop_on(av_file_read_all(a, &bytes, &err));
        stop_on(av_file_replace(b, av_buf_span(&bytes), 0600, &err));
    }
    if (d != NULL)
        (void)closedir(d);
}

static void
look(av_index *index)
{
    av_index_view *view = av_index_snapshot(index);
    roaring_bitmap_t *docs = roaring_bitmap_create();
    const av_index_run *runs;
    size_t n = av_index_runs(view, &runs);

    for (size_t i = 0; i < n; i++) {
        stop_on(av_run_docs(runs[i].run, av_span_str("fthe"), AV_FIELD_ALL, NULL, runs[i].first, docs, &err));
        if (av_index_numbers(view, i, AV_COLUMN_DATE, &err) == NULL)
            stop_on(err.code);
    }
    roaring_bitmap_free(docs);
    av_index_view_release(&view);
}

static void
idle(const char *dir, size_t copies)
{
    AV_CLEANUP(av_free) char *folder = av_xasprintf("%s.copies", dir);
    av_index **indexes = av_xcalloc(copies, sizeof(av_index *));
    long before = 0;
    int64_t start = 0;

    for (size_t i = 0; i < copies; i++) {
        AV_CLEANUP(av_free) char *copy = av_xasprintf("%s/%zu", folder, i);

        copy_folder(dir, copy);
        if (i == 1) { /* the first brings the libraries' own */
            before = anonymous_kb();
            start = av_clock_mono_us();
        }
        indexes[i] = open_index(copy, 0);
        look(indexes[i]);
        stop_on(av_index_trim(indexes[i], &err));
    }
    if (copies > 1)
        printf("%ld KB of anonymous memory an index, opened, asked and trimmed; %lld us each\n",
            (anonymous_kb() - before) / (long)(copies - 1),
            (long long)(av_clock_mono_us() - start) / (long)(copies - 1));
    say_state(indexes[0]);
    for (size_t i = 0; i < copies; i++) {
        AV_CLEANUP(av_free) char *copy = av_xasprintf("%s/%zu", folder, i);

        av_index_close(&indexes[i]);
        stop_on(av_dir_remove(copy, folder, &err));
    }
    free(indexes);
}

int
main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    av_secret_init();
    av_log_init("bench", AV_LOG_WARN, false);
    if (strcmp(what, "build") == 0 && argc >= 4) {
        load(argv[2]);
        build(argv[3], (argc > 4 ? strtoul(argv[4], NULL, 10) : 0) << 20);
    } else if (strcmp(what, "single") == 0 && argc == 5) {
        load(argv[2]);
        single(argv[3], AV_MIN(strtoul(argv[4], NULL, 10), mail.count));
    } else if (strcmp(what, "merge") == 0 && argc == 3) {
        merge(argv[2]);
    } else if (strcmp(what, "verify") == 0 && argc == 3) {
        verify(argv[2]);
    } else if (strcmp(what, "idle") == 0 && argc >= 3) {
        idle(argv[2], argc > 3 ? strtoul(argv[3], NULL, 10) : 11);
    } else {
        (void)fprintf(stderr,
            "usage: bench-index build MAIL DIR [MB] | single MAIL DIR COUNT | merge DIR | verify DIR | "
            "idle DIR [COPIES]\n");
        return 2;
    }
    return 0;
}
