/*
 * meta.c - see meta.h; RocksDB through its C API
 *
 * The one place with options.
 */
#include "storage/meta/meta.h"

#include <dirent.h>
#include <rocksdb/c.h>

#include "base/file.h"
#include "storage/sealed/env.h"

#define DEFAULT_CACHE        (1024U * 1024)
#define DEFAULT_WRITE_BUFFER (2U * 1024 * 1024)
#define WAL_MAX              (4U * 1024 * 1024)
#define BLOOM_BITS           10.0
#define WALS_MAX             4          /* files */
#define CHECKPOINT_FLUSH     UINT64_MAX /* bytes of WAL from which a checkpoint writes a table: never, it copies them */

struct av_meta_view {
    av_meta *meta;
    const rocksdb_snapshot_t *snapshot; /* NULL: the newest state */
    rocksdb_readoptions_t *options;
};

struct av_meta {
    char *dir;
    rocksdb_t *db;
    rocksdb_env_t *threads; /* RocksDB's own, for the size of its pools */
    av_sealed_env *env;
    rocksdb_cache_t *cache;
    rocksdb_options_t *options;
    rocksdb_writeoptions_t *write_plain, *write_sync;
    rocksdb_writebatch_wi_t *batch; /* NULL: no group is open */
    size_t batch_bytes;
    size_t cache_bytes;
    av_meta_view writer;
};

struct av_meta_iter {
    rocksdb_iterator_t *it;
    av_buf prefix;
    bool begun;
};

static bool
says(const char *text, const char *word)
{
    return strstr(text, word) != NULL;
}

/* RocksDB's status comes as a text alone; its first words are its code. Frees text. */
static av_errc
take_status(char *text, av_error *err)
{
    av_errc code = AV_ERR_IO;

    if (text == NULL)
        return AV_OK;
    if (says(text, "No space left on device"))
        code = AV_ERR_NOSPACE;
    else if (says(text, AV_SEALED_SAYS_KEY))
        code = AV_ERR_AUTH;
    else if (says(text, AV_SEALED_SAYS_NEWER))
        code = AV_ERR_VERSION;
    else if (strncmp(text, "Corruption", 10) == 0 || says(text, AV_SEALED_SAYS_DAMAGED))
        code = AV_ERR_CORRUPT;
    else if (says(text, "lock file") || says(text, "lock hold"))
        code = AV_ERR_BUSY;
    else if (strncmp(text, "Invalid argument", 16) == 0)
        code = says(text, "create_if_missing is false") ? AV_ERR_NOT_FOUND : AV_ERR_CORRUPT;
    av_error_set(err, code, "database: %s", text);
    rocksdb_free(text);
    return code;
}

static rocksdb_options_t *
make_options(av_meta *self, const av_meta_options *o)
{
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();

    rocksdb_block_based_options_set_block_cache(table, self->cache);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
    rocksdb_block_based_options_set_filter_policy(table, rocksdb_filterpolicy_create_bloom_full(BLOOM_BITS));
    rocksdb_options_set_block_based_table_factory(options, table);
    rocksdb_block_based_options_destroy(table);
    rocksdb_options_set_create_if_missing(options, o->must_exist ? 0 : 1);
    rocksdb_options_set_paranoid_checks(options, 1);
    rocksdb_options_set_compression(options, rocksdb_lz4_compression);
    rocksdb_options_set_write_buffer_size(
        options, o->write_buffer_bytes != 0 ? o->write_buffer_bytes : DEFAULT_WRITE_BUFFER);
    rocksdb_options_set_max_write_buffer_number(options, 2);
    rocksdb_options_set_arena_block_size(options, 64 * 1024);
    rocksdb_options_set_max_open_files(options, 32);
    rocksdb_options_set_table_cache_numshardbits(options, 0);
    rocksdb_options_set_max_background_jobs(options, 1);
    rocksdb_options_set_stats_dump_period_sec(options, 0);
    rocksdb_options_set_stats_persist_period_sec(options, 0);
    rocksdb_options_set_max_total_wal_size(options, WAL_MAX);
    rocksdb_options_set_skip_stats_update_on_db_open(options, 1);
    av_sealed_env_apply(self->env, options);
    return options;
}

av_errc
av_meta_open(const char *dir, const av_meta_options *options, av_meta **ret, av_error *err)
{
    AV_CLEANUP(av_meta_close) av_meta *self = NULL;
    char *status = NULL;
    av_errc rc = options->must_exist ? AV_OK : av_dir_make(dir, err);

    if (rc != AV_OK)
        return rc;
    self = av_xcalloc(1, sizeof *self);
    self->dir = av_xstrdup(dir);
    rc = av_sealed_env_new(options->key, &self->env, err);
    if (rc != AV_OK)
        return rc;
    self->threads = rocksdb_create_default_env();
    rocksdb_env_set_background_threads(self->threads, 1);
    self->cache_bytes = options->cache_bytes != 0 ? options->cache_bytes : DEFAULT_CACHE;
    self->cache = rocksdb_cache_create_lru(self->cache_bytes);
    self->options = make_options(self, options);
    self->write_plain = rocksdb_writeoptions_create();
    self->write_sync = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(self->write_sync, 1);
    self->writer = (av_meta_view){ .meta = self, .options = rocksdb_readoptions_create() };
    self->db = rocksdb_open(self->options, dir, &status);
    if (self->db == NULL) {
        bool lost_file = says(status, "No such file"); /* the manifest names what is not there */

        rc = take_status(status, err);
        if (rc == AV_ERR_IO && lost_file)
            rc = err->code = AV_ERR_CORRUPT;
        return rc;
    }
    *ret = AV_TAKE(self);
    return AV_OK;
}

av_errc
av_meta_trim(av_meta *self, av_error *err)
{
    rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
    char *status = NULL;

    rocksdb_flushoptions_set_wait(options, 1);
    rocksdb_flush(self->db, options, &status);
    rocksdb_flushoptions_destroy(options);
    /* Whoever reads at this moment keeps what they hold; all else is dropped. */
    rocksdb_cache_set_capacity(self->cache, 0);
    rocksdb_cache_set_capacity(self->cache, self->cache_bytes);
    return take_status(status, err);
}

av_errc
av_meta_compact(av_meta *self, av_error *err)
{
    av_errc rc = av_meta_trim(self, err);
    rocksdb_compactoptions_t *options;

    if (rc != AV_OK)
        return rc;
    options = rocksdb_compactoptions_create();
    /* The lowest level, too: what it holds of deleted rows would stay otherwise. */
    rocksdb_compactoptions_set_bottommost_level_compaction(options, 2); /* kForce */
    rocksdb_compact_range_opt(self->db, options, NULL, 0, NULL, 0);
    rocksdb_compactoptions_destroy(options);
    return AV_OK;
}

av_errc
av_meta_checkpoint(av_meta *self, const char *dir, av_error *err)
{
    char *status = NULL;
    rocksdb_checkpoint_t *checkpoint;

    if (av_file_exists(dir))
        return av_error_set(err, AV_ERR_EXISTS, "%s is there already", dir);
    checkpoint = rocksdb_checkpoint_object_create(self->db, &status);
    if (checkpoint == NULL)
        return take_status(status, err);
    rocksdb_checkpoint_create(checkpoint, dir, CHECKPOINT_FLUSH, &status);
    rocksdb_checkpoint_object_destroy(checkpoint);
    return take_status(status, err);
}

static unsigned
count_wals(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *entry;
    unsigned n = 0;

    while (d != NULL && (entry = readdir(d)) != NULL) {
        size_t length = strlen(entry->d_name);

        if (length > 4 && strcmp(entry->d_name + length - 4, ".log") == 0)
            n++;
    }
    if (d != NULL)
        (void)closedir(d);
    return n;
}

/*
 * RocksDB is done with a WAL only when it writes a table: a database that is opened and closed without a change gathers empty
 * WALs and looks into each at every open. The deletion of a key that nobody has makes a table.
 */
static void
shed_wals(av_meta *self)
{
    char *status = NULL;
    av_error ignored;

    if (count_wals(self->dir) <= WALS_MAX)
        return;
    rocksdb_delete(self->db, self->write_plain, "", 0, &status);
    if (take_status(status, &ignored) == AV_OK)
        (void)av_meta_trim(self, &ignored);
}

void
av_meta_close(av_meta **self)
{
    av_meta *m = *self;
    av_error ignored; /* the WAL has what could not be flushed */

    if (m == NULL)
        return;
    av_meta_rollback(m);
    if (m->db != NULL) {
        (void)av_meta_trim(m, &ignored);
        shed_wals(m);
        rocksdb_close(m->db);
    }
    if (m->options != NULL) {
        rocksdb_options_destroy(m->options);
        rocksdb_writeoptions_destroy(m->write_plain);
        rocksdb_writeoptions_destroy(m->write_sync);
        rocksdb_readoptions_destroy(m->writer.options);
        rocksdb_cache_destroy(m->cache);
        rocksdb_env_destroy(m->threads);
    }
    av_sealed_env_destroy(&m->env);
    free(m->dir);
    free(m);
    *self = NULL;
}

/* --- groups ----------------------------------------------------------------------------------------------------- */

void
av_meta_begin(av_meta *self)
{
    assert(self->batch == NULL);
    self->batch = rocksdb_writebatch_wi_create(0, 1);
    self->batch_bytes = 0;
}

bool
av_meta_in_group(const av_meta *self)
{
    return self->batch != NULL;
}

void
av_meta_put(av_meta *self, av_span key, av_span value)
{
    assert(self->batch != NULL);
    rocksdb_writebatch_wi_put(self->batch, (const char *)key.p, key.n, (const char *)value.p, value.n);
    self->batch_bytes += key.n + value.n;
}

void
av_meta_delete(av_meta *self, av_span key)
{
    assert(self->batch != NULL);
    rocksdb_writebatch_wi_delete(self->batch, (const char *)key.p, key.n);
    self->batch_bytes += key.n;
}

av_errc
av_meta_commit(av_meta *self, bool sync, av_error *err)
{
    char *status = NULL;

    assert(self->batch != NULL);
    if (rocksdb_writebatch_wi_count(self->batch) > 0)
        rocksdb_write_writebatch_wi(self->db, sync ? self->write_sync : self->write_plain, self->batch, &status);
    av_meta_rollback(self);
    return take_status(status, err);
}

void
av_meta_rollback(av_meta *self)
{
    if (self->batch != NULL)
        rocksdb_writebatch_wi_destroy(self->batch);
    self->batch = NULL;
}

size_t
av_meta_group_bytes(const av_meta *self)
{
    return self->batch == NULL ? 0 : self->batch_bytes;
}

/* --- views ------------------------------------------------------------------------------------------------------ */

const av_meta_view *
av_meta_writer(av_meta *self)
{
    return &self->writer;
}

av_meta_view *
av_meta_snapshot(av_meta *self)
{
    av_meta_view *view = av_xcalloc(1, sizeof *view);

    view->meta = self;
    view->snapshot = rocksdb_create_snapshot(self->db);
    view->options = rocksdb_readoptions_create();
    rocksdb_readoptions_set_snapshot(view->options, view->snapshot);
    return view;
}

void
av_meta_view_destroy(av_meta_view **self)
{
    if (*self == NULL)
        return;
    rocksdb_readoptions_destroy((*self)->options);
    rocksdb_release_snapshot((*self)->meta->db, (*self)->snapshot);
    free(*self);
    *self = NULL;
}

static bool
sees_group(const av_meta_view *view)
{
    return view->snapshot == NULL && view->meta->batch != NULL;
}

static av_errc
get_from_group(const av_meta_view *view, av_span key, av_buf *out, av_error *err)
{
    size_t n = 0;
    char *status = NULL;
    char *value = rocksdb_writebatch_wi_get_from_batch_and_db(
        view->meta->batch, view->meta->db, view->options, (const char *)key.p, key.n, &n, &status);
    bool fits;

    if (status != NULL)
        return take_status(status, err);
    if (value == NULL)
        return av_error_set(err, AV_ERR_NOT_FOUND, "no such row");
    fits = av_buf_append(out, value, n);
    rocksdb_free(value);
    return fits ? AV_OK : av_error_set(err, AV_ERR_LIMIT, "a row of %zu bytes is more than %zu", n, out->max);
}

av_errc
av_meta_get(const av_meta_view *view, av_span key, av_buf *out, av_error *err)
{
    rocksdb_pinnableslice_t *slice;
    char *status = NULL;
    const char *value;
    size_t n = 0;
    bool fits;

    av_buf_clear(out);
    if (sees_group(view))
        return get_from_group(view, key, out, err);
    slice = rocksdb_get_pinned(view->meta->db, view->options, (const char *)key.p, key.n, &status);
    if (status != NULL)
        return take_status(status, err);
    if (slice == NULL)
        return av_error_set(err, AV_ERR_NOT_FOUND, "no such row");
    value = rocksdb_pinnableslice_value(slice, &n);
    fits = av_buf_append(out, value, n);
    rocksdb_pinnableslice_destroy(slice);
    return fits ? AV_OK : av_error_set(err, AV_ERR_LIMIT, "a row of %zu bytes is more than %zu", n, out->max);
}

av_meta_iter *
av_meta_iter_new(const av_meta_view *view, av_span prefix, av_span from)
{
    av_meta_iter *self = av_xcalloc(1, sizeof *self);
    av_span start = from.n > 0 ? from : prefix;

    av_buf_init(&self->prefix, prefix.n + 1);
    (void)av_buf_append_span(&self->prefix, prefix);
    self->it = rocksdb_create_iterator(view->meta->db, view->options);
    if (sees_group(view)) /* takes the inner one over */
        self->it = rocksdb_writebatch_wi_create_iterator_with_base(view->meta->batch, self->it);
    rocksdb_iter_seek(self->it, start.n == 0 ? "" : (const char *)start.p, start.n);
    return self;
}

void
av_meta_iter_destroy(av_meta_iter **self)
{
    if (*self == NULL)
        return;
    rocksdb_iter_destroy((*self)->it);
    av_buf_release(&(*self)->prefix);
    free(*self);
    *self = NULL;
}

bool
av_meta_iter_next(av_meta_iter *self, av_span *ret_key, av_span *ret_value)
{
    const char *p;
    size_t n = 0;

    if (self->begun && rocksdb_iter_valid(self->it))
        rocksdb_iter_next(self->it);
    self->begun = true;
    if (!rocksdb_iter_valid(self->it))
        return false;
    p = rocksdb_iter_key(self->it, &n);
    if (n < self->prefix.n || memcmp(p, self->prefix.p, self->prefix.n) != 0)
        return false;
    *ret_key = av_span_of(p, n);
    p = rocksdb_iter_value(self->it, &n);
    *ret_value = av_span_of(p, n);
    return true;
}

av_errc
av_meta_iter_error(av_meta_iter *self, av_error *err)
{
    char *status = NULL;

    rocksdb_iter_get_error(self->it, &status);
    return take_status(status, err);
}

uint64_t
av_meta_memory(const av_meta *self)
{
    static const char *const properties[] = { "rocksdb.cur-size-all-mem-tables", "rocksdb.estimate-table-readers-mem" };
    uint64_t sum = rocksdb_cache_get_usage(self->cache);

    for (size_t i = 0; i < AV_COUNT(properties); i++) {
        uint64_t value = 0;

        if (rocksdb_property_int(self->db, properties[i], &value) == 0)
            sum += value;
    }
    return sum;
}
