/*
 * index_change.c - what every change of an index on disk goes through: rows, then the manifest row, then the view
 *
 * The manifest row alone decides which runs there are. A run whose rows are in and that it does not name is a stranger:
 * dropped by the next sweep, or at the next open. Numbers of runs are never used again, not even after a failure.
 */
#include "base/log.h"
#include "storage/index/index_priv.h"

#define NUMBERS_MAX ((size_t)64 * 1024 * 1024)

void
index_mark_failed(av_index *self, const av_error *why)
{
    if (!atomic_exchange(&self->failed, true))
        AV_LOG(AV_LOG_ERROR, "index.failed", AV_STR("dir", self->dir), AV_ERRF(why));
}

av_errc
index_commit(av_index *self, size_t at, size_t count, const index_facts *by, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf manifest = { 0 };

    av_buf_init(&manifest, INDEX_MANIFEST_MAX);
    index_manifest_encode(self, self->view, at, count, by, &manifest);
    if (manifest.full)
        return av_error_set(err, AV_ERR_LIMIT, "the index has too many runs");
    return index_db_put_manifest(self->db, av_buf_span(&manifest), err);
}

static void
doom(av_index *self, uint32_t number)
{
    (void)pthread_mutex_lock(&self->lock);
    (void)av_buf_append(&self->doomed, &number, sizeof number);
    (void)pthread_mutex_unlock(&self->lock);
}

void
index_sweep(av_index *self)
{
    AV_CLEANUP(av_buf_release) av_buf doomed = { 0 };
    const uint32_t *numbers;
    av_error ignored;

    (void)pthread_mutex_lock(&self->lock);
    doomed = self->doomed;
    self->doomed = (av_buf){ 0 };
    av_buf_init(&self->doomed, NUMBERS_MAX);
    (void)pthread_mutex_unlock(&self->lock);
    numbers = (const uint32_t *)(const void *)doomed.p;
    for (size_t i = 0; i < doomed.n / sizeof *numbers; i++)
        if (self->db->stuck || index_db_drop(self->db, numbers[i], &ignored) != AV_OK)
            doom(self, numbers[i]);
}

av_errc
index_switch(av_index *self, size_t at, size_t count, index_write *write, void *ctx, av_error *err)
{
    uint32_t number = self->next_number++, first;
    index_table *table;
    AV_CLEANUP(index_run_free) index_run *run = NULL;
    av_run_sink sink;
    av_errc rc = index_heal(self, err);

    if (rc != AV_OK)
        return rc;
    table = index_table_new(self->db, number);
    sink = index_table_sink(table);
    rc = write(ctx, &sink, err);
    if (rc != AV_OK) {
        index_table_abort(&table);
        return rc;
    }
    rc = index_table_finish(&table, err);
    first = at < self->view->n ? self->view->runs[at].first : self->view->documents;
    if (rc == AV_OK)
        rc = index_run_of_disk(self, number, first, NULL, &run, err);
    if (rc == AV_OK)
        rc = index_commit(self, at, count, &run->facts, err);
    if (rc != AV_OK) {
        doom(self, number);
        return rc;
    }
    index_view_replace(self, at, count, AV_TAKE(run));
    return AV_OK;
}

/* The runs of the view are all in the database. */
static av_errc
find_runs(av_index *self, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf found = { 0 };
    const uint32_t *numbers;
    av_errc rc;

    av_buf_init(&found, NUMBERS_MAX);
    rc = index_db_numbers(self->db, &found, err);
    numbers = (const uint32_t *)(const void *)found.p;
    for (size_t i = 0; rc == AV_OK && i < self->view->disk; i++) {
        size_t at = 0;

        while (at < found.n / sizeof *numbers && numbers[at] != self->view->owners[i]->facts.number)
            at++;
        if (at == found.n / sizeof *numbers)
            rc = av_error_set(
                err, AV_ERR_CORRUPT, "run %u is gone from the database", self->view->owners[i]->facts.number);
    }
    return rc;
}

av_errc
index_heal(av_index *self, av_error *err)
{
    av_errc rc;

    if (!self->db->stuck)
        return AV_OK;
    rc = index_db_probe(self->db, err);
    if (rc == AV_OK)
        rc = index_db_reopen(self->db, false, err);
    if (rc == AV_OK)
        rc = find_runs(self, err);
    if (rc == AV_OK)
        rc = index_commit(self, 0, 0, NULL, err);
    if (rc == AV_OK)
        AV_LOG(AV_LOG_INFO, "index.reopened", AV_STR("dir", self->dir));
    if (rc == AV_ERR_CORRUPT || rc == AV_ERR_AUTH || rc == AV_ERR_VERSION) {
        rc = err->code = AV_ERR_CORRUPT;
        index_mark_failed(self, err);
    }
    return rc;
}

av_errc
index_doom_strangers(av_index *self, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf found = { 0 };
    const uint32_t *numbers;
    av_errc rc;

    av_buf_init(&found, NUMBERS_MAX);
    rc = index_db_numbers(self->db, &found, err);
    numbers = (const uint32_t *)(const void *)found.p;
    for (size_t i = 0; rc == AV_OK && i < found.n / sizeof *numbers; i++) {
        bool known = false;

        for (size_t r = 0; r < self->view->disk; r++)
            known |= self->view->owners[r]->facts.number == numbers[i];
        self->next_number = AV_MAX(self->next_number, numbers[i] + 1);
        if (!known)
            doom(self, numbers[i]);
    }
    return rc;
}
