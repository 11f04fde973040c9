/*
 * index_columns.c - columns of runs: decoded when first asked for, shared by all views, given back by trim
 */
#include "storage/index/index_priv.h"

static unsigned
slot_of_string(av_string_column which)
{
    return AV_COLUMN_NUMBERS + (unsigned)which;
}

static uint32_t
zone_count(const index_run *run)
{
    return run->facts.count / AV_ZONE_DOCS + (run->facts.count % AV_ZONE_DOCS != 0);
}

static void
make_zones(index_run *run)
{
    const int64_t *dates = (const int64_t *)(const void *)run->columns[AV_COLUMN_DATE].p;
    uint32_t n = zone_count(run);

    free(run->zones);
    run->zones = av_xalloc(((size_t)n + 1) * sizeof *run->zones);
    for (uint32_t z = 0; z < n; z++) {
        av_date_zone zone = { .low = INT64_MAX, .high = INT64_MIN };
        uint32_t first = z * AV_ZONE_DOCS, end = AV_MIN(run->facts.count, first + AV_ZONE_DOCS);

        for (uint32_t d = first; d < end; d++) {
            if (dates[d] == INT64_MIN) {
                zone.undated = true;
                continue;
            }
            zone.low = AV_MIN(zone.low, dates[d]);
            zone.high = AV_MAX(zone.high, dates[d]);
        }
        run->zones[z] = zone;
    }
}

static av_errc
load(index_run *run, unsigned slot, av_error *err)
{
    av_buf *column = &run->columns[slot], *offsets;
    size_t n = run->facts.count;
    av_errc rc;

    av_buf_release(column);
    av_buf_init(column, INDEX_COLUMN_MAX);
    if (slot < AV_COLUMN_NUMBERS) {
        rc = av_run_column(run->run, (av_column)slot, column, err);
        if (rc == AV_OK && column->n != n * sizeof(uint64_t))
            rc = av_error_set(err, AV_ERR_CORRUPT, "a column has another length than its run");
        if (rc == AV_OK && slot == AV_COLUMN_DATE)
            make_zones(run);
        return rc;
    }
    offsets = &run->offsets[slot - AV_COLUMN_NUMBERS];
    av_buf_release(offsets);
    av_buf_init(offsets, INDEX_COLUMN_MAX);
    rc = av_run_strings(run->run, (av_string_column)(slot - AV_COLUMN_NUMBERS), column, offsets, err);
    if (rc == AV_OK && offsets->n != (n + 1) * sizeof(uint32_t))
        rc = av_error_set(err, AV_ERR_CORRUPT, "a column has another length than its run");
    return rc;
}

/* Slot `slot` of the run is in memory. */
static av_errc
need(const av_index_view *view, size_t at, unsigned slot, index_run **ret, av_error *err)
{
    index_run *run = view->owners[at];
    av_errc rc = AV_OK;

    *ret = run;
    if ((atomic_load(&run->loaded) & 1U << slot) != 0)
        return AV_OK;
    (void)pthread_mutex_lock(&run->loading);
    if ((atomic_load(&run->loaded) & 1U << slot) == 0) {
        rc = load(run, slot, err);
        if (rc == AV_OK)
            atomic_fetch_or(&run->loaded, 1U << slot);
    }
    (void)pthread_mutex_unlock(&run->loading);
    if (rc == AV_ERR_CORRUPT)
        index_mark_failed(view->index, err);
    return rc;
}

const uint64_t *
av_index_numbers(const av_index_view *self, size_t run, av_column which, av_error *err)
{
    index_run *owner;

    if (need(self, run, (unsigned)which, &owner, err) != AV_OK)
        return NULL;
    return (const uint64_t *)(const void *)owner->columns[which].p;
}

const av_date_zone *
av_index_date_zones(const av_index_view *self, size_t run, av_error *err)
{
    index_run *owner;

    return need(self, run, AV_COLUMN_DATE, &owner, err) == AV_OK ? owner->zones : NULL;
}

bool
av_index_string(
    const av_index_view *self, size_t run, av_string_column which, uint32_t doc, av_span *ret, av_error *err)
{
    const uint32_t *offsets;
    index_run *owner;
    const av_buf *bytes;

    if (need(self, run, slot_of_string(which), &owner, err) != AV_OK)
        return false;
    assert(doc < owner->facts.count);
    offsets = (const uint32_t *)(const void *)owner->offsets[which].p;
    bytes = &owner->columns[slot_of_string(which)];
    if (offsets[doc] > offsets[doc + 1] || offsets[doc + 1] > bytes->n) {
        (void)av_error_set(err, AV_ERR_CORRUPT, "a column of strings is damaged");
        index_mark_failed(self->index, err);
        return false;
    }
    *ret = av_span_slice(av_buf_span(bytes), offsets[doc], offsets[doc + 1]);
    return true;
}

uint64_t
av_index_lsn_of(const av_index_view *self, uint32_t doc, av_error *err)
{
    size_t low = 0, high = self->n;
    const uint64_t *lsns;

    assert(doc < self->documents);
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (self->runs[middle].first <= doc)
            low = middle;
        else
            high = middle;
    }
    lsns = av_index_numbers(self, low, AV_COLUMN_LSN, err);
    return lsns == NULL ? 0 : lsns[doc - self->runs[low].first];
}

av_errc
av_index_doc_of(const av_index_view *self, uint64_t lsn, uint32_t *ret, av_error *err)
{
    size_t run = 0;
    const uint64_t *lsns;
    uint32_t low = 0, high;

    for (size_t high_run = self->n; run < high_run;) { /* the first run that ends at or behind lsn */
        size_t middle = run + (high_run - run) / 2;

        if (self->owners[middle]->facts.last_lsn < lsn)
            run = middle + 1;
        else
            high_run = middle;
    }
    if (run == self->n || self->owners[run]->facts.first_lsn > lsn)
        return av_error_set(err, AV_ERR_NOT_FOUND, "the message is not in the index");
    lsns = av_index_numbers(self, run, AV_COLUMN_LSN, err);
    if (lsns == NULL)
        return err->code;
    high = self->owners[run]->facts.count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (lsns[middle] < lsn)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == self->owners[run]->facts.count || lsns[low] != lsn)
        return av_error_set(err, AV_ERR_NOT_FOUND, "the message is not in the index");
    *ret = self->runs[run].first + low;
    return AV_OK;
}

uint64_t
index_columns_bytes(const index_run *run)
{
    unsigned loaded = atomic_load(&run->loaded);
    uint64_t sum = av_run_memory(run->run);

    if ((loaded & 1U << AV_COLUMN_DATE) != 0)
        sum += zone_count(run) * sizeof *run->zones;
    for (unsigned i = 0; i < INDEX_COLUMN_SLOTS; i++)
        if ((loaded & 1U << i) != 0)
            sum += run->columns[i].cap + (i < AV_COLUMN_NUMBERS ? 0 : run->offsets[i - AV_COLUMN_NUMBERS].cap);
    return sum;
}

void
index_columns_trim(av_index *self)
{
    (void)pthread_mutex_lock(&self->lock);
    for (size_t r = 0; self->readers == 0 && r < self->view->n; r++) {
        index_run *run = self->view->owners[r];

        atomic_store(&run->loaded, 0);
        for (unsigned i = 0; i < INDEX_COLUMN_SLOTS; i++)
            av_buf_release(&run->columns[i]);
        for (unsigned i = 0; i < AV_STRINGS; i++)
            av_buf_release(&run->offsets[i]);
        free(run->zones);
        run->zones = NULL;
        av_run_trim(run->run);
    }
    (void)pthread_mutex_unlock(&self->lock);
}
