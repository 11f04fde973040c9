/*
 * ask.c - how long answers take: query text to exact count and the newest 50 by date
 *
 * Warm: each query is asked twice and the second answer counts. Cold: the index is closed, its files leave the page
 * cache, it is opened again, and the query is timed from the snapshot on; opening is a figure of its own.
 * What the index leaves to the messages' text is not read here, but counted (open).
 */
#include "tools/bench/search/search.h"

#include <stdio.h>

#include "storage/index/evaluate.h"
#include "storage/index/newest.h"

enum { NEWEST = 50, LINE = 1024 };

typedef struct newest { /* a heap, the oldest on top */
    int64_t dates[NEWEST];
    uint32_t docs[NEWEST];
    size_t n;
} newest;

static void
swap(newest *self, size_t a, size_t b)
{
    int64_t date = self->dates[a];
    uint32_t doc = self->docs[a];

    self->dates[a] = self->dates[b];
    self->docs[a] = self->docs[b];
    self->dates[b] = date;
    self->docs[b] = doc;
}

static void
sink_top(newest *self)
{
    for (size_t at = 0, least;; at = least) {
        least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < self->n; child++)
            if (self->dates[child] < self->dates[least])
                least = child;
        if (least == at)
            return;
        swap(self, at, least);
    }
}

static void
offer(newest *self, int64_t date, uint32_t doc)
{
    if (self->n == NEWEST && date <= self->dates[0])
        return;
    if (self->n == NEWEST) {
        self->dates[0] = date;
        self->docs[0] = doc;
        sink_top(self);
        return;
    }
    self->dates[self->n] = date;
    self->docs[self->n] = doc;
    for (size_t at = self->n++; at > 0 && self->dates[at] < self->dates[(at - 1) / 2]; at = (at - 1) / 2)
        swap(self, at, (at - 1) / 2);
}

static int64_t
from_date(void *ctx)
{
    const newest *self = ctx;

    return self->n == NEWEST ? self->dates[0] : INT64_MIN;
}

static av_errc
take_newest(void *ctx, AV_UNUSED size_t run, uint32_t d, int64_t date, AV_UNUSED av_error *err)
{
    offer(ctx, date, d);
    return AV_OK;
}

static void
find_newest(const av_index_view *view, const roaring_bitmap_t *docs, newest *ret)
{
    const av_newest to = { .ctx = ret, .from = from_date, .take = take_newest };
    av_error err;

    bench_check(av_index_newest(view, docs, INT64_MAX, &to, &err), "dates", &err);
}

typedef struct answer {
    uint64_t sure, open;
    double ms, cpu_ms;
} answer;

static answer
ask(av_index *index, const char *text)
{
    bench_lap lap = { 0 };
    answer ret = { 0 };
    newest found = { 0 };
    av_bounds bounds;
    av_query *query = NULL;
    av_index_view *view;
    roaring_bitmap_t *all;
    av_error err;

    bench_lap_start(&lap);
    view = av_index_snapshot(index);
    all = roaring_bitmap_from_range(0, av_index_documents(view), 1);
    bench_check(av_query_parse(av_span_str(text), NULL, &query, &err), text, &err);
    bench_check(av_evaluate(view, query, all, NULL, &bounds, &err), text, &err);
    ret.sure = roaring_bitmap_get_cardinality(bounds.sure);
    find_newest(view, bounds.sure, &found);
    bench_lap_stop(&lap);
    ret.open = roaring_bitmap_get_cardinality(bounds.maybe) - ret.sure;
    ret.ms = lap.wall_s * 1e3;
    ret.cpu_ms = lap.cpu_s * 1e3;
    av_bounds_release(&bounds);
    roaring_bitmap_free(all);
    av_query_destroy(&query);
    av_index_view_release(&view);
    return ret;
}

typedef struct class_of {
    char name[32];
    double *ms, *cpu_ms;
    size_t n;
    uint64_t documents, open;
} class_of;

static void
say_class(const class_of *c, bool cold)
{
    AV_CLEANUP(av_free) char *what = av_xasprintf("%s %s", cold ? "cold" : "warm", c->name);

    bench_json_begin(what);
    bench_json_number("queries", (double)c->n);
    bench_json_number("p50_ms", bench_quantile(c->ms, c->n, 0.5));
    bench_json_number("p95_ms", bench_quantile(c->ms, c->n, 0.95));
    bench_json_number("p99_ms", bench_quantile(c->ms, c->n, 0.99));
    bench_json_number("p50_cpu_ms", bench_quantile(c->cpu_ms, c->n, 0.5));
    bench_json_number("p95_cpu_ms", bench_quantile(c->cpu_ms, c->n, 0.95));
    bench_json_number("documents", (double)c->documents / (double)AV_MAX(c->n, 1));
    bench_json_number("open", (double)c->open);
    bench_json_end();
}

/* Index of the lines' ends, tabs and line ends made to NUL. */
static size_t
read_queries(const char *path, char (**ret)[LINE])
{
    char(*lines)[LINE] = NULL;
    FILE *f = fopen(path, "re");
    size_t n = 0;

    if (f == NULL)
        bench_fail("cannot read %s", path);
    for (;; n++) {
        char *end;

        if (n % 256 == 0)
            lines = av_xrealloc(lines, (n + 256) * sizeof *lines);
        if (fgets(lines[n], LINE, f) == NULL)
            break;
        end = strchr(lines[n], '\n');
        if (end == NULL || strchr(lines[n], '\t') == NULL)
            bench_fail("%s: line %zu is no query", path, n + 1);
        *end = 0;
        *strchr(lines[n], '\t') = 0;
    }
    (void)fclose(f);
    *ret = lines;
    return n;
}

static av_index *
open_cold(const char *dir, double *ret_ms)
{
    bench_lap lap = { 0 };
    av_index *index;

    search_cool(dir);
    bench_lap_start(&lap);
    index = search_index_open(dir);
    bench_lap_stop(&lap);
    *ret_ms = lap.wall_s * 1e3;
    return index;
}

static void
ask_line(const char *dir, av_index **index, bool cold, char *line, class_of *c, double *open_ms, FILE *counts)
{
    const char *text = line + strlen(line) + 1;
    answer a;

    if (cold) {
        av_index_close(index);
        *index = open_cold(dir, open_ms);
    } else {
        (void)ask(*index, text);
    }
    a = ask(*index, text);
    c->cpu_ms[c->n] = a.cpu_ms;
    c->ms[c->n++] = a.ms;
    c->documents += a.sure;
    c->open += a.open;
    if (counts != NULL)
        (void)fprintf(counts, "%llu %llu\n", (unsigned long long)a.sure, (unsigned long long)a.open);
}

void
search_ask(const char *dir, const char *path, bool cold, unsigned most)
{
    AV_CLEANUP(av_free) char *to = av_xasprintf("%s.counts", path);
    char(*lines)[LINE];
    size_t n = read_queries(path, &lines), opened = 0;
    class_of c = { .ms = av_xcalloc(n, sizeof *c.ms), .cpu_ms = av_xcalloc(n, sizeof *c.cpu_ms) };
    double *open_ms = av_xcalloc(n, sizeof *open_ms);
    FILE *counts = cold ? NULL : fopen(to, "we");
    av_index *index = search_index_open(dir);

    for (size_t i = 0; i < n; i++) {
        if (strcmp(c.name, lines[i]) != 0) {
            if (c.n > 0)
                say_class(&c, cold);
            c = (class_of){ .ms = c.ms, .cpu_ms = c.cpu_ms };
            (void)snprintf(c.name, sizeof c.name, "%s", lines[i]);
        }
        if (c.n < most)
            ask_line(dir, &index, cold, lines[i], &c, &open_ms[opened++], counts);
    }
    if (c.n > 0)
        say_class(&c, cold);
    if (cold) {
        bench_json_begin("open");
        bench_json_number("p50_ms", bench_quantile(open_ms, opened, 0.5));
        bench_json_number("p95_ms", bench_quantile(open_ms, opened, 0.95));
        bench_json_end();
    }
    if (counts != NULL)
        (void)fclose(counts);
    av_index_close(&index);
    free(open_ms);
    free(c.ms);
    free(c.cpu_ms);
    free(lines);
}
