/*
 * index_table.c - a run on its way into the database: table files beside it, then taken in at once
 *
 * Rows come in order within a kind (the first byte of a key), and kinds take turns; a table file wants all of its rows in
 * order. So rows wait here, a list for each kind, and a small run goes into one file at its end. When they are too many the
 * longest list begins a file of its kind alone, which takes all later ones of it. What never had to leave goes in the end
 * into one file for each stretch of kinds between those: files of a run do not overlap.
 */
#include "base/file.h"
#include "storage/index/index_priv.h"
#include "storage/sealed/status.h"

#define FILE_BYTES ((uint64_t)128 * 1024 * 1024) /* of values, then a kind goes on in another file */
#define WAIT_BYTES ((size_t)4 * 1024 * 1024)     /* of rows that wait */
#define ROW_HEAD   (2 * sizeof(uint32_t))        /* of one that waits: length of key, of value */

enum { KINDS = sizeof AV_RUN_KINDS - 1 };

typedef struct table_file {
    rocksdb_sstfilewriter_t *writer; /* NULL: none is open */
    uint64_t written;
} table_file;

struct index_table {
    index_db *db;
    uint32_t number;
    rocksdb_envoptions_t *env_options;
    av_buf waiting[KINDS]; /* rows: lengths u32, key, value */
    table_file own[KINDS];
    bool alone[KINDS]; /* the kind has files of its own */
    size_t waiting_bytes;
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
    for (unsigned k = 0; k < KINDS; k++)
        av_buf_init(&self->waiting[k], SIZE_MAX / 2);
    return self;
}

static void
table_free(index_table **self)
{
    index_table *t = *self;

    for (unsigned k = 0; k < KINDS; k++) {
        if (t->own[k].writer != NULL)
            rocksdb_sstfilewriter_destroy(t->own[k].writer);
        av_buf_release(&t->waiting[k]);
    }
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

/* --- files --------------------------------------------------------------------------------------------------------- */

static av_errc
file_end(table_file *file, av_error *err)
{
    char *status = NULL;

    if (file->writer == NULL)
        return AV_OK;
    rocksdb_sstfilewriter_finish(file->writer, &status);
    rocksdb_sstfilewriter_destroy(file->writer);
    *file = (table_file){ 0 };
    return av_sealed_status(status, err);
}

static av_errc
file_begin(index_table *self, table_file *file, av_error *err)
{
    char *status = NULL, *path;

    path = av_xasprintf("%s/" INDEX_NEW_TABLE "%08x-%zu.sst", self->db->dir, self->number, self->files);
    self->paths = av_xrealloc(self->paths, (self->files + 1) * sizeof *self->paths);
    self->paths[self->files++] = path;
    file->writer = rocksdb_sstfilewriter_create(self->env_options, self->db->options);
    rocksdb_sstfilewriter_open(file->writer, path, &status);
    return av_sealed_status(status, err);
}

static av_errc
file_put(index_table *self, table_file *file, av_span key, av_span value, av_error *err)
{
    uint8_t prefix[INDEX_KEY_PREFIX];
    char *status = NULL;
    av_errc rc = AV_OK;

    if (file->written >= FILE_BYTES)
        rc = file_end(file, err);
    if (rc == AV_OK && file->writer == NULL)
        rc = file_begin(self, file, err);
    if (rc != AV_OK)
        return rc;
    index_run_prefix(self->number, prefix);
    av_buf_clear(&self->key);
    if (!av_buf_append(&self->key, prefix, sizeof prefix) || !av_buf_append_span(&self->key, key))
        return av_error_set(err, AV_ERR_INTERNAL, "a key of %zu bytes in a run", key.n);
    rocksdb_sstfilewriter_put(
        file->writer, (const char *)self->key.p, self->key.n, (const char *)value.p, value.n, &status);
    file->written += value.n;
    return av_sealed_status(status, err);
}

/* --- rows ---------------------------------------------------------------------------------------------------------- */

/* The rows of a kind that wait go into that file. */
static av_errc
put_waiting(index_table *self, unsigned kind, table_file *file, av_error *err)
{
    av_span rows = av_buf_span(&self->waiting[kind]);
    av_errc rc = AV_OK;

    while (rc == AV_OK && rows.n > 0) {
        uint32_t key_n = 0, value_n = 0;
        av_span key, value;
        bool whole = av_span_get_u32(&rows, &key_n) && av_span_get_u32(&rows, &value_n) &&
                     av_span_get_bytes(&rows, key_n, &key) && av_span_get_bytes(&rows, value_n, &value);

        assert(whole);
        rc = file_put(self, file, key, value, err);
    }
    self->waiting_bytes -= self->waiting[kind].n;
    av_buf_release(&self->waiting[kind]);
    av_buf_init(&self->waiting[kind], SIZE_MAX / 2);
    return rc;
}

static av_errc
put_longest(index_table *self, av_error *err)
{
    unsigned longest = 0;

    for (unsigned k = 1; k < KINDS; k++)
        if (self->waiting[k].n > self->waiting[longest].n)
            longest = k;
    self->alone[longest] = true;
    return put_waiting(self, longest, &self->own[longest], err);
}

static av_errc
table_put(void *ctx, av_span key, av_span value, av_error *err)
{
    index_table *self = ctx;
    const char *found = key.n == 0 ? NULL : memchr(AV_RUN_KINDS, key.p[0], KINDS);
    size_t k;

    if (found == NULL || value.n > UINT32_MAX)
        return av_error_set(err, AV_ERR_INTERNAL, "no key of a run");
    k = (size_t)(found - AV_RUN_KINDS);
    if (self->alone[k])
        return file_put(self, &self->own[k], key, value, err);
    (void)av_buf_put_u32(&self->waiting[k], (uint32_t)key.n);
    (void)av_buf_put_u32(&self->waiting[k], (uint32_t)value.n);
    (void)av_buf_append_span(&self->waiting[k], key);
    (void)av_buf_append_span(&self->waiting[k], value);
    self->waiting_bytes += ROW_HEAD + key.n + value.n;
    return self->waiting_bytes < WAIT_BYTES ? AV_OK : put_longest(self, err);
}

av_run_sink
index_table_sink(index_table *self)
{
    return (av_run_sink){ .ctx = self, .put = table_put };
}

/* All that waits, and the ends of all files. */
static av_errc
put_rest(index_table *self, av_error *err)
{
    table_file shared = { 0 };
    av_errc rc = AV_OK;

    for (unsigned k = 0; rc == AV_OK && k < KINDS; k++) {
        rc = self->alone[k] ? file_end(&shared, err) : put_waiting(self, k, &shared, err);
        if (rc == AV_OK)
            rc = file_end(&self->own[k], err);
    }
    if (rc == AV_OK)
        return file_end(&shared, err);
    if (shared.writer != NULL)
        rocksdb_sstfilewriter_destroy(shared.writer);
    return rc;
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
    av_errc rc = put_rest(t, err);

    if (rc == AV_OK && t->files == 0)
        rc = av_error_set(err, AV_ERR_INTERNAL, "a run without rows");
    if (rc == AV_OK)
        rc = take_in(t, err);
    if (rc != AV_OK)
        index_table_abort(self);
    else
        table_free(self);
    return rc;
}
