/*
 * facets.c - see facets.h
 */
#include "storage/index/facets.h"

#include <time.h>

#include "base/map.h"
#include "storage/index/types.h"

enum { YEARS = 300, FIRST_YEAR = 1900 };

struct av_facets {
    av_map *senders; /* address -> uint64_t */
    uint64_t years[YEARS];
    uint64_t types[AV_TYPES];
};

typedef struct entry {
    av_span value;
    uint64_t count;
} entry;

av_facets *
av_facets_new(void)
{
    av_facets *self = av_xcalloc(1, sizeof *self);

    self->senders = av_map_new();
    return self;
}

void
av_facets_destroy(av_facets **self)
{
    if (*self == NULL)
        return;
    av_map_destroy(&(*self)->senders, free);
    free(*self);
    *self = NULL;
}

static void
count_sender(av_facets *self, av_span sender)
{
    uint64_t *count;

    if (sender.n == 0)
        return;
    count = av_map_get(self->senders, sender);
    if (count == NULL) {
        if (av_map_count(self->senders) >= AV_FACET_SENDERS_MAX)
            return;
        count = av_xcalloc(1, sizeof *count);
        (void)av_map_put(self->senders, sender, count);
    }
    (*count)++;
}

static void
count_year(av_facets *self, int64_t date)
{
    time_t at = (time_t)date;
    struct tm tm;

    if (date == INT64_MIN || gmtime_r(&at, &tm) == NULL)
        return;
    if (tm.tm_year >= 0 && tm.tm_year < YEARS)
        self->years[tm.tm_year]++;
}

static void
count_types(av_facets *self, uint64_t bits)
{
    for (unsigned i = 0; i < AV_TYPES; i++)
        self->types[i] += bits >> (AV_DOC_TYPES_SHIFT + i) & 1;
}

static av_errc
add_run(av_facets *self, const av_index_view *view, size_t number, const av_index_run *run,
    roaring_uint32_iterator_t *it, av_error *err)
{
    const uint64_t *date = av_index_numbers(view, number, AV_COLUMN_DATE, err);
    const uint64_t *bits = date == NULL ? NULL : av_index_numbers(view, number, AV_COLUMN_BITS, err);
    uint32_t n = av_run_count(run->run);
    av_span sender;

    if (bits == NULL)
        return err->code;
    while (it->has_value && it->current_value - run->first < n) {
        uint32_t d = it->current_value - run->first;

        if (!av_index_string(view, number, AV_STRING_FROM, d, &sender, err))
            return err->code;
        count_sender(self, sender);
        count_year(self, (int64_t)date[d]);
        count_types(self, bits[d]);
        (void)roaring_advance_uint32_iterator(it);
    }
    return AV_OK;
}

av_errc
av_facets_add(av_facets *self, const av_index_view *view, const roaring_bitmap_t *docs, av_error *err)
{
    const av_index_run *runs;
    size_t n = av_index_runs(view, &runs);
    roaring_uint32_iterator_t it;
    av_errc rc = AV_OK;

    roaring_init_iterator(docs, &it);
    for (size_t i = 0; rc == AV_OK && i < n && it.has_value; i++)
        if (it.current_value - runs[i].first < av_run_count(runs[i].run))
            rc = add_run(self, view, i, &runs[i], &it, err);
    return rc;
}

static int
most_first(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    int c;

    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    c = memcmp(x->value.p, y->value.p, AV_MIN(x->value.n, y->value.n));
    return c != 0 ? c : x->value.n < y->value.n ? -1 : x->value.n > y->value.n;
}

static void
give(entry *entries, size_t n, av_facet_kind kind,
    void (*each)(void *ctx, av_facet_kind kind, av_span value, uint64_t count), void *ctx)
{
    if (n > 0)
        qsort(entries, n, sizeof *entries, most_first);
    for (size_t i = 0; i < n && i < AV_FACETS_TOP; i++)
        each(ctx, kind, entries[i].value, entries[i].count);
}

void
av_facets_top(const av_facets *self, av_facet_kind kind,
    void (*each)(void *ctx, av_facet_kind kind, av_span value, uint64_t count), void *ctx)
{
    size_t room = kind == AV_FACET_SENDER ? av_map_count(self->senders) : YEARS, n = 0, at = 0;
    AV_CLEANUP(av_free) entry *entries = av_xcalloc(room + 1, sizeof *entries);
    char names[YEARS][8];
    av_span key;
    void *value;

    if (kind == AV_FACET_SENDER) {
        while (av_map_next(self->senders, &at, &key, &value))
            entries[n++] = (entry){ key, *(uint64_t *)value };
    } else if (kind == AV_FACET_YEAR) {
        for (unsigned y = 0; y < YEARS; y++) {
            if (self->years[y] == 0)
                continue;
            (void)snprintf(names[y], sizeof names[y], "%u", FIRST_YEAR + y);
            entries[n++] = (entry){ av_span_str(names[y]), self->years[y] };
        }
    } else {
        for (unsigned t = 0; t < AV_TYPES; t++)
            if (self->types[t] > 0)
                entries[n++] = (entry){ av_span_str(av_type_word((av_type)t)), self->types[t] };
    }
    give(entries, n, kind, each, ctx);
}
