/*
 * index_view.c - runs and views, counted
 *
 * A view is a list of runs that never changes; the one in force is replaced whole. Views and runs end with the last who
 * has them; a replaced run on disk is then doomed: the indexer drops its rows (index_sweep).
 */
#include "base/secret.h"
#include "storage/index/index_priv.h"

/* --- runs --------------------------------------------------------------------------------------------------------- */

static index_run *
run_new(av_index *index, uint32_t number, uint32_t first)
{
    index_run *self = av_xcalloc(1, sizeof *self);

    self->facts.number = number;
    self->facts.first = first;
    self->place.index = index;
    self->place.number = number;
    self->place.generation = atomic_load(&index->db->generation);
    (void)pthread_mutex_init(&self->loading, NULL);
    return self;
}

void
index_run_free(index_run **self)
{
    index_run *r = *self;

    if (r == NULL)
        return;
    av_run_destroy(&r->run);
    av_memory_run_destroy(&r->memory);
    for (unsigned i = 0; i < INDEX_COLUMN_SLOTS; i++)
        av_buf_release(&r->columns[i]);
    for (unsigned i = 0; i < AV_STRINGS; i++)
        av_buf_release(&r->offsets[i]);
    free(r->zones);
    (void)pthread_mutex_destroy(&r->loading);
    free(r);
    *self = NULL;
}

/* What the manifest says of a run, out of its columns. */
static av_errc
describe(const av_run *run, index_facts *facts, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf lsns = { 0 };
    AV_CLEANUP(av_buf_release) av_buf bits = { 0 };
    const uint64_t *lsn, *bit;
    av_errc rc;

    facts->count = av_run_count(run);
    facts->terms = av_run_terms(run);
    facts->bytes = av_run_bytes(run);
    av_buf_init(&lsns, INDEX_COLUMN_MAX);
    av_buf_init(&bits, INDEX_COLUMN_MAX);
    rc = av_run_column(run, AV_COLUMN_LSN, &lsns, err);
    if (rc == AV_OK)
        rc = av_run_column(run, AV_COLUMN_BITS, &bits, err);
    if (rc != AV_OK)
        return rc;
    lsn = (const uint64_t *)(const void *)lsns.p;
    bit = (const uint64_t *)(const void *)bits.p;
    if (facts->count == 0 || lsns.n != facts->count * sizeof *lsn || bits.n != lsns.n)
        return av_error_set(err, AV_ERR_CORRUPT, "a run of %u documents has columns of another length", facts->count);
    for (uint32_t i = 0; i < facts->count; i++) {
        if (i > 0 && lsn[i] <= lsn[i - 1])
            return av_error_set(err, AV_ERR_CORRUPT, "the documents of a run are out of order");
        facts->unreadable += (bit[i] & AV_DOC_UNREADABLE) != 0;
        facts->truncated += (bit[i] & AV_DOC_TRUNCATED) != 0;
        facts->partly_read += (bit[i] & AV_DOC_PARTLY_READ) != 0;
    }
    facts->first_lsn = lsn[0];
    facts->last_lsn = lsn[facts->count - 1];
    return AV_OK;
}

av_errc
index_run_of_memory(av_index *index, av_memory_run **memory, uint32_t first, index_run **ret, av_error *err)
{
    AV_CLEANUP(index_run_free) index_run *self = run_new(index, 0, first);
    av_run_source source = av_memory_run_source(*memory);
    av_errc rc = av_run_open(&source, &self->run, err);

    if (rc == AV_OK)
        rc = describe(self->run, &self->facts, err);
    if (rc != AV_OK)
        return rc;
    self->memory = AV_TAKE(*memory);
    *ret = AV_TAKE(self);
    return AV_OK;
}

av_errc
index_run_of_disk(
    av_index *index, uint32_t number, uint32_t first, const index_facts *known, index_run **ret, av_error *err)
{
    AV_CLEANUP(index_run_free) index_run *self = run_new(index, number, first);
    av_run_source source = index_place_source(&self->place);
    av_errc rc = av_run_open(&source, &self->run, err);

    if (rc == AV_ERR_NOT_FOUND)
        rc = err->code = AV_ERR_CORRUPT;
    if (rc == AV_OK && known == NULL) {
        rc = describe(self->run, &self->facts, err);
    } else if (rc == AV_OK) {
        self->facts = *known;
        if (av_run_count(self->run) != known->count || av_run_bytes(self->run) != known->bytes)
            rc = av_error_set(err, AV_ERR_CORRUPT, "it is not what the manifest says");
    }
    if (rc != AV_OK)
        return av_error_prefix(err, "run %u", number);
    *ret = AV_TAKE(self);
    return AV_OK;
}

av_errc
index_run_scan(const index_run *self, index_place *place, av_run **ret, av_error *err)
{
    av_run_source source;

    if (self->memory != NULL) {
        source = av_memory_run_source(self->memory);
    } else {
        *place = self->place;
        place->scan = true;
        source = index_place_source(place);
    }
    return av_run_open(&source, ret, err);
}

/* --- views -------------------------------------------------------------------------------------------------------- */

static void
run_drop(av_index *index, index_run *run)
{
    if (--run->refs > 0)
        return;
    if (run->replaced && run->memory == NULL && run->place.generation == atomic_load(&index->db->generation))
        (void)av_buf_append(&index->doomed, &run->facts.number, sizeof run->facts.number);
    index_run_free(&run);
}

/* Under the lock. */
static void
view_drop(av_index_view *view)
{
    if (--view->refs > 0)
        return;
    for (size_t i = 0; i < view->n; i++)
        run_drop(view->index, view->owners[i]);
    free(view->owners);
    free(view->runs);
    free(view);
}

av_index_view *
index_view_hold(av_index *self)
{
    av_index_view *view;

    (void)pthread_mutex_lock(&self->lock);
    view = self->view;
    view->refs++;
    (void)pthread_mutex_unlock(&self->lock);
    return view;
}

void
index_view_drop(av_index_view **view)
{
    av_index *index;

    if (*view == NULL)
        return;
    index = (*view)->index;
    (void)pthread_mutex_lock(&index->lock);
    view_drop(*view);
    (void)pthread_mutex_unlock(&index->lock);
    *view = NULL;
}

static void
view_add(av_index_view *view, index_run *run)
{
    run->refs++;
    run->facts.first = view->documents;
    view->runs[view->n] = (av_index_run){ .run = run->run, .first = view->documents, .columns = run };
    view->owners[view->n++] = run;
    view->documents += run->facts.count;
    view->lsn = run->facts.last_lsn;
    if (run->memory == NULL)
        view->disk = view->n;
}

void
index_view_replace(av_index *self, size_t at, size_t count, index_run *by)
{
    av_index_view *old = self->view, *view = av_xcalloc(1, sizeof *view);
    size_t most = (old == NULL ? 0 : old->n) + 1;

    view->index = self;
    view->refs = 1;
    view->runs = av_xcalloc(most, sizeof *view->runs);
    view->owners = av_xcalloc(most, sizeof(index_run *));
    (void)pthread_mutex_lock(&self->lock);
    for (size_t i = 0; i < most; i++) {
        if (i == at && by != NULL)
            view_add(view, by);
        if (i + 1 == most)
            break;
        if (i < at || i >= at + count)
            view_add(view, old->owners[i]);
        else
            old->owners[i]->replaced = true;
    }
    view->epoch = old != NULL && old->documents > 0 && view->documents > 0 ? old->epoch : av_random_u64();
    self->view = view;
    if (old != NULL)
        view_drop(old);
    (void)pthread_mutex_unlock(&self->lock);
}

av_index_view *
av_index_snapshot(av_index *self)
{
    av_index_view *view;

    (void)pthread_mutex_lock(&self->lock);
    view = self->view;
    view->refs++;
    self->readers++;
    (void)pthread_mutex_unlock(&self->lock);
    return view;
}

void
av_index_view_release(av_index_view **self)
{
    av_index *index;

    if (*self == NULL)
        return;
    index = (*self)->index;
    (void)pthread_mutex_lock(&index->lock);
    index->readers--;
    view_drop(*self);
    (void)pthread_mutex_unlock(&index->lock);
    *self = NULL;
}

size_t
av_index_runs(const av_index_view *self, const av_index_run **ret)
{
    *ret = self->runs;
    return self->n;
}

uint64_t
av_index_epoch(const av_index_view *self)
{
    return self->epoch;
}

uint32_t
av_index_documents(const av_index_view *self)
{
    return self->documents;
}

uint64_t
av_index_covered_lsn(const av_index_view *self)
{
    return self->lsn;
}

uint64_t
av_index_unreadable(const av_index_view *self)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < self->n; i++)
        sum += self->owners[i]->facts.unreadable;
    return sum;
}

void
av_index_failed(const av_index_view *self, const av_error *why)
{
    index_mark_failed(self->index, why);
}
