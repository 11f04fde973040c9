/*
 * meta.c - see meta.h; RocksDB through its C API
 *
 * The one place with options.
 */
#include "storage/meta/meta.h"

#include <dirent.h>
#include <rocksdb/c.h>
#include <stdatomic.h>

#include "base/file.h"
#include "storage/meta/pending.h"
#include "storage/meta/tables.h"
#include "storage/sealed/env.h"
#include "storage/sealed/status.h"

#define DEFAULT_CACHE        (8U * 1024 * 1024) /* filters of a million messages; empty when at rest */
#define DEFAULT_WRITE_BUFFER (4U * 1024 * 1024) /* half as many tables to look into and to merge as with 2 MB */
#define WAL_MAX              (4U * 1024 * 1024)
#define TABLE_LEVEL          1 /* zstd: tables a quarter smaller than with LZ4, at the same processor time */
#define LEVEL0_FILES         8
#define LEVEL1_BYTES         (16U * 1024 * 1024)
#define TABLE_BYTES          (4U * 1024 * 1024)
#define BLOOM_BITS           10.0
#define MEMTABLE_BLOOM       0.015 /* of the write buffer: some 13 bits a row, 31 KB */
#define OPEN_FILES           32    /* of them 22 tables; a quarter of these stay open, whatever is closed */
#define METADATA_BLOCK       4096U
#define FILE_BUFFER          (16U * 1024) /* of each file that is written: WAL and manifest keep theirs while they are open */
#define CACHE_SHARD_BITS     1
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
    av_pending *pending; /* of the open group */
    bool in_group;
    size_t cache_bytes;
    uint64_t tied_bytes; /* of the tables that closing them left open */
    av_meta_view writer;
    av_error why;       /* the writer's: what the write that failed said */
    atomic_bool failed; /* set behind it, and never taken back */
};

struct av_meta_iter {
    rocksdb_iterator_t *it;
    av_buf prefix;
    bool step; /* the row of it was given: move on first */
    av_pending_row *changes;
    size_t change_count, at; /* of the open group, merged in */
};

/* The answer to a write. After an I/O error RocksDB takes no further one before it is opened again. Frees text. */
static av_errc
take_answer(av_meta *self, char *text, av_error *err)
{
    bool trouble = av_sealed_status_is_disk(text);
    av_errc rc = av_sealed_status(text, err);

    if (trouble && !self->failed) {
        self->why = *err;
        self->failed = true;
    }
    return rc;
}

/* Many shards of a small cache would each be too small; here one thread writes and few read. */
static rocksdb_cache_t *
make_cache(size_t bytes)
{
    rocksdb_lru_cache_options_t *options = rocksdb_lru_cache_options_create();
    rocksdb_cache_t *cache;

    rocksdb_lru_cache_options_set_capacity(options, bytes);
    rocksdb_lru_cache_options_set_num_shard_bits(options, CACHE_SHARD_BITS);
    cache = rocksdb_cache_create_lru_opts(options);
    rocksdb_lru_cache_options_destroy(options);
    return cache;
}

static rocksdb_options_t *
make_options(av_meta *self, const av_meta_options *o)
{
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();

    rocksdb_block_based_options_set_block_cache(table, self->cache);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
    rocksdb_block_based_options_set_filter_policy(table, rocksdb_filterpolicy_create_bloom_full(BLOOM_BITS));
    /* Filters and indexes in small pieces: whole ones are larger than what a small cache can hold, and would be read
     * again for every key. */
    rocksdb_block_based_options_set_index_type(table, rocksdb_block_based_table_index_type_two_level_index_search);
    rocksdb_block_based_options_set_partition_filters(table, 1);
    rocksdb_block_based_options_set_metadata_block_size(table, METADATA_BLOCK);
    rocksdb_block_based_options_set_pin_top_level_index_and_filter(table, 1);
    rocksdb_options_set_block_based_table_factory(options, table);
    rocksdb_block_based_options_destroy(table);
    rocksdb_options_set_create_if_missing(options, o->must_exist ? 0 : 1);
    rocksdb_options_set_paranoid_checks(options, 1);
    rocksdb_options_set_compression(options, rocksdb_zstd_compression);
    rocksdb_options_set_compression_options(options, -14, TABLE_LEVEL, 0, 0); /* -14: the window's default */
    /* The first level is as small as what is merged into it: RocksDB's 256 MB would be written anew for every 8 MB. */
    rocksdb_options_set_level0_file_num_compaction_trigger(options, LEVEL0_FILES);
    rocksdb_options_set_max_bytes_for_level_base(options, LEVEL1_BYTES);
    rocksdb_options_set_level_compaction_dynamic_level_bytes(options, 1);
    rocksdb_options_set_target_file_size_base(options, TABLE_BYTES);
    rocksdb_options_set_write_buffer_size(
        options, o->write_buffer_bytes != 0 ? o->write_buffer_bytes : DEFAULT_WRITE_BUFFER);
    /* Most look-ups of a writer are for what is not there: new contents, new parts. */
    rocksdb_options_set_memtable_prefix_bloom_size_ratio(options, MEMTABLE_BLOOM);
    rocksdb_options_set_memtable_whole_key_filtering(options, 1);
    rocksdb_options_set_max_write_buffer_number(options, 2);
    rocksdb_options_set_writable_file_max_buffer_size(options, FILE_BUFFER);
    rocksdb_options_set_arena_block_size(options, 64 * 1024);
    rocksdb_options_set_max_open_files(options, OPEN_FILES);
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
    self->cache = make_cache(self->cache_bytes);
    self->options = make_options(self, options);
    self->write_plain = rocksdb_writeoptions_create();
    self->write_sync = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(self->write_sync, 1);
    self->writer = (av_meta_view){ .meta = self, .options = rocksdb_readoptions_create() };
    self->db = rocksdb_open(self->options, dir, &status);
    if (self->db == NULL)
        return av_sealed_status_of_open(status, err);
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
    if (!self->in_group)
        av_pending_destroy(&self->pending);
    rocksdb_cache_set_capacity(self->cache, 0);
    rocksdb_cache_set_capacity(self->cache, self->cache_bytes);
    return take_answer(self, status, err);
}

uint64_t
av_meta_tables_bytes(const av_meta *self)
{
    uint64_t bytes = 0;

    return rocksdb_property_int(self->db, "rocksdb.estimate-table-readers-mem", &bytes) == 0 ? bytes : 0;
}

av_errc
av_meta_close_tables(av_meta *self, av_error *err)
{
    char *status = NULL;

    /* It writes two small files: not when nobody opened a table since the last time. */
    if (av_meta_tables_bytes(self) <= self->tied_bytes)
        return AV_OK;
    av_tables_close(self->db, OPEN_FILES, &status);
    self->tied_bytes = av_meta_tables_bytes(self);
    return av_sealed_status(status, err);
}

void
av_meta_renew_threads(void)
{
    av_tables_renew_threads();
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
        return av_sealed_status(status, err);
    rocksdb_checkpoint_create(checkpoint, dir, CHECKPOINT_FLUSH, &status);
    rocksdb_checkpoint_object_destroy(checkpoint);
    return av_sealed_status(status, err);
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
 * RocksDB is done with a WAL only when it writes a table: a database that is opened and closed without a change
 * gathers empty WALs and looks into each at every open. The deletion of a key that nobody has makes a table.
 */
static void
shed_wals(av_meta *self)
{
    char *status = NULL;
    av_error ignored;

    if (count_wals(self->dir) <= WALS_MAX)
        return;
    rocksdb_delete(self->db, self->write_plain, "", 0, &status);
    if (av_sealed_status(status, &ignored) == AV_OK)
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
        av_pending_destroy(&m->pending);
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
    assert(!self->in_group);
    rocksdb_set_perf_level(rocksdb_disable); /* of this thread: it would count each comparison of keys, for nobody */
    if (self->pending == NULL)
        self->pending = av_pending_new();
    self->in_group = true;
}

bool
av_meta_in_group(const av_meta *self)
{
    return self->in_group;
}

void
av_meta_put(av_meta *self, av_span key, av_span value)
{
    assert(self->in_group);
    av_pending_put(self->pending, key, value);
}

void
av_meta_delete(av_meta *self, av_span key)
{
    assert(self->in_group);
    av_pending_delete(self->pending, key);
}

/* In the order of keys: neighbours are put into the memtable and looked for in the cache one after another. */
static void
write_changes(av_meta *self, bool sync, char **status)
{
    AV_CLEANUP(av_free) av_pending_row *rows = NULL;
    size_t n = av_pending_changes(self->pending, av_span_str(NULL), &rows);
    rocksdb_writebatch_t *batch;

    if (n == 0)
        return;
    batch = rocksdb_writebatch_create();
    for (size_t i = 0; i < n; i++) {
        const char *key = (const char *)rows[i].key.p, *value = (const char *)rows[i].value.p;

        if (rows[i].state == AV_PENDING_PUT)
            rocksdb_writebatch_put(batch, key, rows[i].key.n, value == NULL ? "" : value, rows[i].value.n);
        else
            rocksdb_writebatch_delete(batch, key, rows[i].key.n);
    }
    rocksdb_write(self->db, sync ? self->write_sync : self->write_plain, batch, status);
    rocksdb_writebatch_destroy(batch);
}

av_errc
av_meta_commit(av_meta *self, bool sync, av_error *err)
{
    char *status = NULL;

    assert(self->in_group);
    if (!self->failed)
        write_changes(self, sync, &status);
    av_meta_rollback(self);
    if (!self->failed)
        return take_answer(self, status, err);
    *err = self->why;
    return av_error_prefix(err, "it takes no changes since a write failed");
}

bool
av_meta_is_failed(const av_meta *self)
{
    return self->failed;
}

void
av_meta_rollback(av_meta *self)
{
    if (self->in_group)
        av_pending_clear(self->pending);
    self->in_group = false;
}

size_t
av_meta_group_bytes(const av_meta *self)
{
    return self->in_group ? av_pending_bytes(self->pending) : 0;
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
    return view->snapshot == NULL && view->meta->in_group;
}

static av_errc
give(av_span value, av_buf *out, av_error *err)
{
    if (av_buf_append_span(out, value))
        return AV_OK;
    return av_error_set(err, AV_ERR_LIMIT, "a row of %zu bytes is more than %zu", value.n, out->max);
}

static av_errc
get_from_database(const av_meta_view *view, av_span key, av_buf *out, av_error *err)
{
    rocksdb_pinnableslice_t *slice;
    char *status = NULL;
    const char *value;
    size_t n = 0;
    av_errc rc;

    slice = rocksdb_get_pinned(view->meta->db, view->options, (const char *)key.p, key.n, &status);
    if (status != NULL)
        return av_sealed_status(status, err);
    if (slice == NULL)
        return av_error_set(err, AV_ERR_NOT_FOUND, "no such row");
    value = rocksdb_pinnableslice_value(slice, &n);
    rc = give(av_span_of(value, n), out, err);
    rocksdb_pinnableslice_destroy(slice);
    return rc;
}

av_errc
av_meta_get(const av_meta_view *view, av_span key, av_buf *out, av_error *err)
{
    av_span value = { 0 };
    av_errc rc;

    av_buf_clear(out);
    if (!sees_group(view))
        return get_from_database(view, key, out, err);
    switch (av_pending_get(view->meta->pending, key, &value)) {
    case AV_PENDING_PUT:
    case AV_PENDING_READ:
        return give(value, out, err);
    case AV_PENDING_DELETED:
    case AV_PENDING_ABSENT:
        return av_error_set(err, AV_ERR_NOT_FOUND, "no such row");
    case AV_PENDING_UNKNOWN:
        break;
    }
    rc = get_from_database(view, key, out, err);
    if (rc == AV_OK || rc == AV_ERR_NOT_FOUND)
        av_pending_note(view->meta->pending, key, av_buf_span(out), rc == AV_OK);
    return rc;
}

static int
compare(av_span a, av_span b)
{
    int order = memcmp(a.p, b.p, AV_MIN(a.n, b.n));

    return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

av_meta_iter *
av_meta_iter_new(const av_meta_view *view, av_span prefix, av_span from)
{
    av_meta_iter *self = av_xcalloc(1, sizeof *self);
    av_span start = from.n > 0 ? from : prefix;

    av_buf_init(&self->prefix, prefix.n + 1);
    (void)av_buf_append_span(&self->prefix, prefix);
    self->it = rocksdb_create_iterator(view->meta->db, view->options);
    if (sees_group(view))
        self->change_count = av_pending_changes(view->meta->pending, prefix, &self->changes);
    while (self->at < self->change_count && start.n > 0 && compare(self->changes[self->at].key, start) < 0)
        self->at++;
    rocksdb_iter_seek(self->it, start.n == 0 ? "" : (const char *)start.p, start.n);
    return self;
}

void
av_meta_iter_destroy(av_meta_iter **self)
{
    if (*self == NULL)
        return;
    rocksdb_iter_destroy((*self)->it);
    free((*self)->changes);
    av_buf_release(&(*self)->prefix);
    free(*self);
    *self = NULL;
}

/* The database's next row; its key without memory of its own when there is none. */
static av_span
peek(av_meta_iter *self)
{
    const char *p;
    size_t n = 0;

    if (self->step && rocksdb_iter_valid(self->it))
        rocksdb_iter_next(self->it);
    self->step = false;
    if (!rocksdb_iter_valid(self->it))
        return av_span_of(NULL, 0);
    p = rocksdb_iter_key(self->it, &n);
    if (n < self->prefix.n || (self->prefix.n > 0 && memcmp(p, self->prefix.p, self->prefix.n) != 0))
        return av_span_of(NULL, 0);
    return av_span_of(p, n);
}

bool
av_meta_iter_next(av_meta_iter *self, av_span *ret_key, av_span *ret_value)
{
    av_span key = peek(self);
    const char *p;
    size_t n = 0;

    while (self->at < self->change_count) {
        const av_pending_row *change = &self->changes[self->at];
        int order = key.p == NULL ? -1 : compare(change->key, key);

        if (order > 0)
            break;
        self->at++;
        if (order == 0) { /* what the database says of it is over */
            self->step = true;
            key = peek(self);
        }
        if (change->state != AV_PENDING_PUT)
            continue;
        *ret_key = change->key;
        *ret_value = change->value;
        return true;
    }
    if (key.p == NULL)
        return false;
    *ret_key = key;
    p = rocksdb_iter_value(self->it, &n);
    *ret_value = av_span_of(p, n);
    self->step = true;
    return true;
}

av_errc
av_meta_iter_error(av_meta_iter *self, av_error *err)
{
    char *status = NULL;

    rocksdb_iter_get_error(self->it, &status);
    return av_sealed_status(status, err);
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
