/*
 * newest.c - see newest.h
 */
#include "storage/index/newest.h"

typedef struct zone {
    int64_t high;
    uint32_t run, number;
} zone;

static int
latest_first(const void *a, const void *b)
{
    const zone *x = a, *y = b;

    return x->high != y->high ? (x->high > y->high ? -1 : 1)
           : x->run != y->run ? (x->run > y->run ? -1 : 1)
                              : (x->number < y->number) * 2 - 1;
}

/* All zones that may have a date up to upto. One with a document without a date may have any. */
static av_errc
gather(const av_index_view *view, int64_t upto, zone **ret, size_t *ret_n, av_error *err)
{
    AV_CLEANUP(av_free) zone *all = av_xcalloc(av_index_documents(view) / AV_ZONE_DOCS + 1, sizeof *all);
    const av_index_run *runs;
    size_t run_count = av_index_runs(view, &runs), cap = av_index_documents(view) / AV_ZONE_DOCS + 1, n = 0;

    for (size_t r = 0; r < run_count; r++) {
        const av_date_zone *zones = av_index_date_zones(view, r, err);
        uint32_t count = av_run_count(runs[r].run);

        if (zones == NULL)
            return err->code;
        for (uint32_t z = 0; z * (uint64_t)AV_ZONE_DOCS < count; z++) {
            if (!zones[z].undated && zones[z].low > upto)
                continue;
            if (n == cap)
                all = av_xrealloc(all, (cap *= 2) * sizeof *all);
            all[n++] = (zone){ zones[z].undated ? INT64_MAX : zones[z].high, (uint32_t)r, z };
        }
    }
    if (n > 0)
        qsort(all, n, sizeof *all, latest_first);
    *ret = AV_TAKE(all);
    *ret_n = n;
    return AV_OK;
}

static av_errc
open_zone(const av_index_view *view, const zone *z, const roaring_bitmap_t *docs, int64_t upto, const av_newest *to,
    av_error *err)
{
    uint32_t numbers[AV_ZONE_DOCS], n, first, end;
    const uint64_t *dates = av_index_numbers(view, z->run, AV_COLUMN_DATE, err);
    int64_t from = to->from(to->ctx);
    roaring_uint32_iterator_t it;
    const av_index_run *runs;
    av_errc rc;

    if (dates == NULL)
        return err->code;
    (void)av_index_runs(view, &runs);
    first = runs[z->run].first + z->number * AV_ZONE_DOCS;
    end = runs[z->run].first + AV_MIN(av_run_count(runs[z->run].run), (z->number + 1) * AV_ZONE_DOCS);
    roaring_init_iterator(docs, &it);
    (void)roaring_move_uint32_iterator_equalorlarger(&it, first);
    n = it.has_value ? roaring_read_uint32_iterator(&it, numbers, end - first) : 0;
    for (uint32_t i = n; i > 0; i--) {
        uint32_t d = numbers[i - 1] - runs[z->run].first;
        int64_t date;

        if (numbers[i - 1] >= end)
            continue;
        date = (int64_t)dates[d];
        if (date != INT64_MIN && (date < from || date > upto))
            continue;
        rc = to->take(to->ctx, z->run, d, date, err);
        if (rc != AV_OK)
            return rc;
        from = to->from(to->ctx);
    }
    return AV_OK;
}

av_errc
av_index_newest(
    const av_index_view *view, const roaring_bitmap_t *docs, int64_t upto, const av_newest *to, av_error *err)
{
    AV_CLEANUP(av_free) zone *zones = NULL;
    size_t n = 0;
    av_errc rc = gather(view, upto, &zones, &n, err);

    for (size_t i = 0; rc == AV_OK && i < n && zones[i].high >= to->from(to->ctx); i++)
        rc = open_zone(view, &zones[i], docs, upto, to, err);
    return rc;
}
