/*
 * index_table.c - a run on its way into the database: table files beside it, then taken in at once
 */
#include "base/file.h"
#include "storage/index/index_priv.h"
#include "storage/sealed/status.h"

#define TABLE_BYTES ((uint64_t)128 * 1024 * 1024) /* of values, then a run goes on in another file */

struct index_table {
    index_db *db;
    uint32_t number;
    rocksdb_envoptions_t *env_options;
    rocksdb_sstfilewriter_t *writer; /* NULL: no file is open */
    uint64_t written;                /* of the open file */
    char **paths;
    size_t files;
    av_buf key;
};

index_table *
index_table_new(index_db *db, uint32_t number)
{
    index_table *self = av_xcalloc(1, sizeof *self);

    self->db = db;
    self->number = number;
    self->env_options = rocksdb_envoptions_create();
    av_buf_init(&self->key, 4096);
    return self;
}

static void
table_free(index_table **self)
{
    index_table *t = *self;

    if (t->writer != NULL)
        rocksdb_sstfilewriter_destroy(t->writer);
    rocksdb_envoptions_destroy(t->env_options);
    for (size_t i = 0; i < t->files; i++)
        free(t->paths[i]);
    free(t->paths);
    av_buf_release(&t->key);
    free(t);
    *self = NULL;
}

void
index_table_abort(index_table **self)
{
    index_table *t = *self;

    if (t == NULL)
        return;
    for (size_t i = 0; i < t->files; i++) /* one that cannot be removed goes at the next open */
        (void)av_file_ops_get()->unlink(t->paths[i]);
    table_free(self);
}

static av_errc
table_end_file(index_table *self, av_error *err)
{
    char *status = NULL;

    rocksdb_sstfilewriter_finish(self->writer, &status);
    rocksdb_sstfilewriter_destroy(self->writer);
    self->writer = NULL;
    self->written = 0;
    return av_sealed_status(status, err);
}

static av_errc
table_begin_file(index_table *self, av_error *err)
{
    char *status = NULL, *path;

    path = av_xasprintf("%s/" INDEX_NEW_TABLE "%08x-%zu.sst", self->db->dir, self->number, self->files);
    self->paths = av_xrealloc(self->paths, (self->files + 1) * sizeof *self->paths);
    self->paths[self->files++] = path;
    self->writer = rocksdb_sstfilewriter_create(self->env_options, self->db->options);
    rocksdb_sstfilewriter_open(self->writer, path, &status);
    return av_sealed_status(status, err);
}

static av_errc
table_put(void *ctx, av_span key, av_span value, av_error *err)
{
    index_table *self = ctx;
    uint8_t prefix[INDEX_KEY_PREFIX];
    char *status = NULL;
    av_errc rc = AV_OK;

    if (self->writer != NULL && self->written >= TABLE_BYTES)
        rc = table_end_file(self, err);
    if (rc == AV_OK && self->writer == NULL)
        rc = table_begin_file(self, err);
    if (rc != AV_OK)
        return rc;
    index_run_prefix(self->number, prefix);
    av_buf_clear(&self->key);
    if (!av_buf_append(&self->key, prefix, sizeof prefix) || !av_buf_append_span(&self->key, key))
        return av_error_set(err, AV_ERR_INTERNAL, "a key of %zu bytes in a run", key.n);
    rocksdb_sstfilewriter_put(
        self->writer, (const char *)self->key.p, self->key.n, (const char *)value.p, value.n, &status);
    self->written += value.n;
    return av_sealed_status(status, err);
}

av_run_sink
index_table_sink(index_table *self)
{
    return (av_run_sink){ .ctx = self, .put = table_put };
}

/* All files of a run at once: they are in together or not at all. */
static av_errc
take_in(index_table *self, av_error *err)
{
    rocksdb_ingestexternalfileoptions_t *options;
    char *status = NULL;

    if (self->db->db == NULL)
        return index_db_closed(err);
    options = rocksdb_ingestexternalfileoptions_create();
    rocksdb_ingestexternalfileoptions_set_move_files(options, 1);
    rocksdb_ingest_external_file(self->db->db, (const char *const *)self->paths, self->files, options, &status);
    rocksdb_ingestexternalfileoptions_destroy(options);
    self->db->stuck |= status != NULL;
    return av_sealed_status(status, err);
}

av_errc
index_table_finish(index_table **self, av_error *err)
{
    index_table *t = *self;
    av_errc rc = t->writer == NULL ? av_error_set(err, AV_ERR_INTERNAL, "a run without rows") : table_end_file(t, err);

    if (rc == AV_OK)
        rc = take_in(t, err);
    if (rc != AV_OK)
        index_table_abort(self);
    else
        table_free(self);
    return rc;
}
