/*
 * index.c - open and close an index, begin it anew, its state
 */
#include "storage/index/index.h"

#include "base/log.h"
#include "storage/index/index_priv.h"

#define DEFAULT_MEMORY  ((size_t)64 * 1024 * 1024)
#define DEFAULT_TEXT    ((size_t)64 * 1024 * 1024)
#define DEFAULT_FLUSH   10000U
#define NUMBERS_MAX     ((size_t)64 * 1024 * 1024)
#define DEFAULT_HEADERS "list-id reply-to sender"
#define HEADER_LINE     "header:"

/* --- settings ------------------------------------------------------------------------------------------------------ */

static void
headers_free(av_index *self)
{
    for (char **name = self->headers; name != NULL && *name != NULL; name++)
        free(*name);
    free(self->headers);
    self->headers = NULL;
}

static av_span
header_line(av_span settings)
{
    while (settings.n > 0) {
        size_t n = av_span_find(settings, '\n');
        av_span line = av_span_slice(settings, 0, n);

        if (line.n >= strlen(HEADER_LINE) && memcmp(line.p, HEADER_LINE, strlen(HEADER_LINE)) == 0)
            return av_span_skip(line, strlen(HEADER_LINE));
        settings = av_span_skip(settings, AV_MIN(n + 1, settings.n));
    }
    return av_span_str(DEFAULT_HEADERS);
}

static void
headers_set(av_index *self)
{
    av_span line = header_line(av_buf_span(&self->made_with));
    size_t count = 0;

    headers_free(self);
    self->headers = av_xcalloc(line.n / 2 + 2, sizeof *self->headers);
    while ((line = av_span_trim(line)).n > 0) {
        size_t n = av_span_find(line, ' ');

        self->headers[count++] = av_span_dup(av_span_slice(line, 0, n));
        line = av_span_skip(line, n);
    }
}

/* Others look at both (av_index_get_state). */
static void
settings_set(av_index *self, av_buf *which, av_span settings)
{
    (void)pthread_mutex_lock(&self->lock);
    av_buf_clear(which);
    (void)av_buf_append_span(which, settings);
    (void)pthread_mutex_unlock(&self->lock);
}

void
av_index_want_settings(av_index *self, av_span settings)
{
    assert(settings.n <= INDEX_SETTINGS_MAX);
    settings_set(self, &self->settings, settings);
}

void
av_index_made_with(av_index *self, av_buf *out)
{
    (void)pthread_mutex_lock(&self->lock);
    (void)av_buf_append_span(out, av_buf_span(&self->made_with));
    (void)pthread_mutex_unlock(&self->lock);
}

/* --- open ------------------------------------------------------------------------------------------------------------ */

static av_errc
load_runs(av_index *self, index_manifest *manifest, av_error *err)
{
    uint32_t runs = manifest->runs;
    index_facts facts;

    for (uint32_t i = 0; i < runs; i++) {
        index_run *run = NULL;
        av_errc rc;

        if (!index_manifest_next(manifest, &facts) || facts.number == 0 || facts.number >= manifest->next_number ||
            facts.first != self->view->documents || facts.count == 0 || facts.count > UINT32_MAX - facts.first ||
            facts.first_lsn <= self->view->lsn || facts.last_lsn < facts.first_lsn)
            return av_error_set(err, AV_ERR_CORRUPT, "its manifest is damaged");
        rc = index_run_of_disk(self, facts.number, facts.first, &facts, &run, err);
        if (rc != AV_OK)
            return rc;
        index_view_replace(self, self->view->n, 0, run);
    }
    if (manifest->rows.n != 0)
        return av_error_set(err, AV_ERR_CORRUPT, "its manifest is damaged");
    return AV_OK;
}

/* What the database has; an empty one becomes an index. AV_ERR_CORRUPT, AV_ERR_VERSION: to be thrown away. */
static av_errc
load(av_index *self, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    index_manifest manifest;
    av_errc rc;

    index_view_replace(self, 0, self->view == NULL ? 0 : self->view->n, NULL);
    av_buf_init(&row, INDEX_MANIFEST_MAX);
    rc = index_db_manifest(self->db, &row, err);
    if (rc == AV_ERR_NOT_FOUND) {
        settings_set(self, &self->made_with, av_buf_span(&self->settings));
        rc = index_doom_strangers(self, err);
        return rc == AV_OK ? index_commit(self, 0, 0, NULL, err) : rc;
    }
    if (rc == AV_OK)
        rc = index_manifest_decode(av_buf_span(&row), &manifest, err);
    if (rc != AV_OK)
        return rc;
    if (memcmp(manifest.uuid, self->uuid, sizeof self->uuid) != 0)
        return av_error_set(err, AV_ERR_CORRUPT, "it is the index of another store");
    settings_set(self, &self->made_with, manifest.settings);
    self->next_number = AV_MAX(self->next_number, manifest.next_number);
    rc = load_runs(self, &manifest, err);
    return rc == AV_OK ? index_doom_strangers(self, err) : rc;
}

static bool
is_disposable(av_errc rc)
{
    return rc == AV_ERR_CORRUPT || rc == AV_ERR_AUTH || rc == AV_ERR_VERSION;
}

/* Thrown away and opened empty. */
static av_errc
begin_anew(av_index *self, av_error *err)
{
    av_errc rc = index_db_reopen(self->db, true, err);

    if (rc != AV_OK)
        return rc;
    atomic_store(&self->failed, false);
    return load(self, err);
}

static av_errc
open_all(av_index *self, const av_index_config *config, av_error *err)
{
    av_errc rc = index_db_new(config, &self->db, err);

    if (rc != AV_OK)
        return rc;
    rc = index_db_reopen(self->db, false, err);
    if (rc == AV_OK || self->db->db != NULL) /* the disk may be full: what can be read is searched */
        rc = load(self, err);
    if (!is_disposable(rc))
        return rc;
    AV_LOG(AV_LOG_WARN, "index.discarded", AV_STR("dir", self->dir), AV_STR("detail", err->msg));
    (void)snprintf(self->discarded, sizeof self->discarded, "%.*s", (int)sizeof self->discarded - 1, err->msg);
    return begin_anew(self, err);
}

av_errc
av_index_open(const av_index_config *config, av_index **ret, av_error *err)
{
    AV_CLEANUP(av_index_close) av_index *self = NULL;
    av_errc rc;

    if (config->settings.n > INDEX_SETTINGS_MAX)
        return av_error_set(
            err, AV_ERR_LIMIT, "index settings of %zu bytes are more than %u", config->settings.n, INDEX_SETTINGS_MAX);
    self = av_xcalloc(1, sizeof *self);
    self->dir = av_xstrdup(config->dir);
    memcpy(self->uuid, config->store_uuid, sizeof self->uuid);
    (void)pthread_mutex_init(&self->lock, NULL);
    av_buf_init(&self->settings, INDEX_SETTINGS_MAX);
    av_buf_init(&self->made_with, INDEX_SETTINGS_MAX);
    av_buf_init(&self->doomed, NUMBERS_MAX);
    settings_set(self, &self->settings, config->settings);
    self->next_number = 1;
    self->memory_bytes = config->memory_bytes != 0 ? config->memory_bytes : DEFAULT_MEMORY;
    self->text_bytes = config->text_bytes != 0 ? config->text_bytes : DEFAULT_TEXT;
    self->flush_documents = config->flush_documents != 0 ? config->flush_documents : DEFAULT_FLUSH;
    rc = open_all(self, config, err);
    if (rc != AV_OK)
        return av_error_prefix(err, "index");
    headers_set(self);
    index_sweep(self);
    self->taken_lsn = self->view->lsn;
    *ret = AV_TAKE(self);
    return AV_OK;
}

void
av_index_close(av_index **self)
{
    av_index *i = *self;
    av_error ignored; /* what could not be written is in the log */

    if (i == NULL)
        return;
    if (i->headers != NULL) { /* it was open */
        assert(i->readers == 0);
        (void)av_index_flush(i, &ignored);
        index_sweep(i);
    }
    index_view_drop(&i->view);
    av_builder_destroy(&i->builder);
    av_document_destroy(&i->reader);
    index_db_close(&i->db);
    headers_free(i);
    av_buf_release(&i->message);
    av_buf_release(&i->settings);
    av_buf_release(&i->made_with);
    av_buf_release(&i->doomed);
    (void)pthread_mutex_destroy(&i->lock);
    free(i->dir);
    free(i);
    *self = NULL;
}

/* --- as a whole ------------------------------------------------------------------------------------------------------ */

av_errc
av_index_rebuild(av_index *self, av_span settings, av_error *err)
{
    bool broken = atomic_load(&self->failed);
    av_error healed;
    av_errc rc;

    if (settings.n > INDEX_SETTINGS_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "index settings of %zu bytes", settings.n);
    broken |= index_heal(self, &healed) != AV_OK;
    av_builder_destroy(&self->builder);
    atomic_store(&self->builder_bytes, 0);
    settings_set(self, &self->settings, settings);
    settings_set(self, &self->made_with, settings);
    headers_set(self);
    rc = broken ? begin_anew(self, err) : index_commit(self, 0, self->view->disk, NULL, err);
    if (rc == AV_OK && !broken)
        index_view_replace(self, 0, self->view->n, NULL);
    self->taken_lsn = self->view->lsn;
    index_sweep(self);
    return rc;
}

av_errc
av_index_trim(av_index *self, av_error *err)
{
    av_errc rc = av_index_flush(self, err);

    index_sweep(self);
    av_document_destroy(&self->reader);
    if (self->builder != NULL && av_builder_count(self->builder) == 0)
        av_builder_destroy(&self->builder);
    atomic_store(&self->builder_bytes, self->builder == NULL ? 0 : av_builder_bytes(self->builder));
    av_buf_release(&self->message);
    self->message = (av_buf){ 0 };
    index_columns_trim(self);
    index_db_trim(self->db);
    return rc;
}

void
av_index_get_state(av_index *self, av_index_state *ret)
{
    av_index_state s = { .disk_bytes = index_db_bytes(self->db),
        .memory_bytes = index_db_memory(self->db) + atomic_load(&self->builder_bytes),
        .failed = atomic_load(&self->failed) };
    AV_CLEANUP(index_view_drop) av_index_view *view = index_view_hold(self);

    (void)pthread_mutex_lock(&self->lock);
    memcpy(s.discarded, self->discarded, sizeof s.discarded);
    s.settings_differ = !av_span_eq(av_buf_span(&self->settings), av_buf_span(&self->made_with));
    (void)pthread_mutex_unlock(&self->lock);
    s.lsn = view->lsn;
    s.documents = view->documents;
    s.runs = (uint32_t)view->disk;
    for (size_t i = 0; i < view->n; i++) {
        const index_run *run = view->owners[i];

        s.unreadable += run->facts.unreadable;
        s.truncated += run->facts.truncated;
        s.partly_read += run->facts.partly_read;
        s.memory_bytes += index_columns_bytes(run);
        if (run->memory == NULL)
            s.flushed_lsn = run->facts.last_lsn;
        else
            s.memory_bytes += av_memory_run_bytes(run->memory);
    }
    *ret = s;
}
