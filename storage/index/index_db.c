/*
 * index_db.c - the RocksDB database of an index
 *
 * Two kinds of rows: 'M', the manifest, goes through the log and the memtable; 'R' + run number + key, the rows of a run,
 * come in as table files that were written beside (rocksdb_ingest_external_file). Ranges of runs never overlap, so such a
 * file lies on the last level from the start and no compaction ever touches it; what RocksDB compacts is the manifest
 * row. A run goes by the deletion of its files.
 *
 * After a failed write RocksDB takes no more until it is opened again: the next call of the indexer does so
 * (index_heal), while readers wait.
 */
#include <dirent.h>
#include <time.h>

#include "base/file.h"
#include "storage/index/index_priv.h"
#include "storage/sealed/status.h"

#define DEFAULT_CACHE  ((size_t)4 * 1024 * 1024)
#define WRITE_BUFFER   (64U * 1024)
#define FILE_BUFFER    (16U * 1024)
#define BLOCK          (16U * 1024)
#define METADATA_BLOCK 4096U
#define OPEN_FILES     64
#define READAHEAD      (256U * 1024)
#define TABLE_LEVEL    1 /* zstd */
#define WAIT_S         10
#define PROBE          ((size_t)64 * 1024) /* bytes that must get to disk before a database that is read is closed */

/* --- open -------------------------------------------------------------------------------------------------------- */

static rocksdb_options_t *
make_options(index_db *self)
{
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();

    rocksdb_block_based_options_set_block_cache(table, self->cache);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
    rocksdb_block_based_options_set_block_size(table, BLOCK);
    /* Indexes in small pieces, as in storage/meta; no filter: what is looked for is nearly always there. */
    rocksdb_block_based_options_set_index_type(table, rocksdb_block_based_table_index_type_two_level_index_search);
    rocksdb_block_based_options_set_metadata_block_size(table, METADATA_BLOCK);
    rocksdb_block_based_options_set_pin_top_level_index_and_filter(table, 1);
    rocksdb_options_set_block_based_table_factory(options, table);
    rocksdb_block_based_options_destroy(table);
    rocksdb_options_set_create_if_missing(options, 1);
    rocksdb_options_set_paranoid_checks(options, 1);
    rocksdb_options_set_compression(options, rocksdb_zstd_compression);
    rocksdb_options_set_compression_options(options, -14, TABLE_LEVEL, 0, 0); /* -14: the window's default */
    rocksdb_options_set_num_levels(options, 2);
    rocksdb_options_set_write_buffer_size(options, WRITE_BUFFER);
    rocksdb_options_set_max_write_buffer_number(options, 2);
    rocksdb_options_set_arena_block_size(options, 8 * 1024);
    rocksdb_options_set_writable_file_max_buffer_size(options, FILE_BUFFER);
    rocksdb_options_set_max_open_files(options, OPEN_FILES);
    rocksdb_options_set_table_cache_numshardbits(options, 0);
    rocksdb_options_set_max_background_jobs(options, 1);
    rocksdb_options_set_stats_dump_period_sec(options, 0);
    rocksdb_options_set_stats_persist_period_sec(options, 0);
    rocksdb_options_set_skip_stats_update_on_db_open(options, 1);
    av_sealed_env_apply(self->env, options);
    return options;
}

/* Tables that were written and not taken in, by a process that died. What cannot be removed does no harm. */
static void
remove_new_tables(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *entry;

    while (d != NULL && (entry = readdir(d)) != NULL) {
        AV_CLEANUP(av_free) char *path = NULL;

        if (strncmp(entry->d_name, INDEX_NEW_TABLE, strlen(INDEX_NEW_TABLE)) != 0)
            continue;
        path = av_xasprintf("%s/%s", dir, entry->d_name);
        (void)av_file_ops_get()->unlink(path);
    }
    if (d != NULL)
        (void)closedir(d);
}

/* A disk that takes no writes: opened for reading alone it is searched still, and stays stuck. */
static void
open_to_read(index_db *self)
{
    char *status = NULL;
    av_error ignored;

    self->db = rocksdb_open_for_read_only(self->options, self->dir, 0, &status);
    (void)av_sealed_status(status, &ignored);
}

static av_errc
open_files(index_db *self, av_error *err)
{
    char *status = NULL;
    av_errc rc = av_dir_make(self->dir, err);

    if (rc != AV_OK)
        return rc;
    remove_new_tables(self->dir);
    self->db = rocksdb_open(self->options, self->dir, &status);
    self->stuck = self->db == NULL;
    rc = av_sealed_status_of_open(status, err);
    if (rc == AV_ERR_IO || rc == AV_ERR_NOSPACE)
        open_to_read(self);
    return rc;
}

av_errc
index_db_probe(const index_db *self, av_error *err)
{
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/" INDEX_NEW_TABLE "probe", self->dir);
    AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
    AV_CLEANUP(av_fd_close) int fd = -1;
    av_errc rc;

    av_buf_init(&bytes, PROBE);
    memset(av_buf_reserve(&bytes, PROBE), 0, PROBE);
    rc = av_file_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600, &fd, err);
    if (rc == AV_OK)
        rc = av_file_write_at(fd, bytes.p, PROBE, 0, err);
    if (rc == AV_OK)
        rc = av_file_datasync(fd, err);
    (void)av_file_ops_get()->unlink(path);
    return rc;
}

av_errc
index_db_new(const av_index_config *config, index_db **ret, av_error *err)
{
    AV_CLEANUP(index_db_close) index_db *self = av_xcalloc(1, sizeof *self);
    rocksdb_lru_cache_options_t *cache;
    av_errc rc;

    self->dir = av_xstrdup(config->dir);
    (void)pthread_rwlock_init(&self->lock, NULL);
    rc = av_sealed_env_new(config->key, &self->env, err);
    if (rc != AV_OK)
        return rc;
    self->threads = rocksdb_create_default_env();
    rocksdb_env_set_background_threads(self->threads, 1);
    self->cache_bytes = config->cache_bytes != 0 ? config->cache_bytes : DEFAULT_CACHE;
    cache = rocksdb_lru_cache_options_create();
    rocksdb_lru_cache_options_set_capacity(cache, self->cache_bytes);
    rocksdb_lru_cache_options_set_num_shard_bits(cache, 1);
    self->cache = rocksdb_cache_create_lru_opts(cache);
    rocksdb_lru_cache_options_destroy(cache);
    self->options = make_options(self);
    self->sync = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(self->sync, 1);
    self->look = rocksdb_readoptions_create();
    self->scan = rocksdb_readoptions_create();
    rocksdb_readoptions_set_fill_cache(self->scan, 0);
    rocksdb_readoptions_set_readahead_size(self->scan, READAHEAD);
    *ret = AV_TAKE(self);
    return AV_OK;
}

void
index_db_close(index_db **self)
{
    index_db *db = *self;

    if (db == NULL)
        return;
    if (db->db != NULL)
        rocksdb_close(db->db);
    if (db->options != NULL) {
        rocksdb_options_destroy(db->options);
        rocksdb_writeoptions_destroy(db->sync);
        rocksdb_readoptions_destroy(db->look);
        rocksdb_readoptions_destroy(db->scan);
        rocksdb_cache_destroy(db->cache);
        rocksdb_env_destroy(db->threads);
    }
    av_sealed_env_destroy(&db->env);
    (void)pthread_rwlock_destroy(&db->lock);
    free(db->dir);
    free(db);
    *self = NULL;
}

static av_errc
remove_files(const index_db *self, av_error *err)
{
    AV_CLEANUP(av_free) char *parent = NULL;
    const char *slash = strrchr(self->dir, '/');

    if (slash == NULL || slash == self->dir)
        return av_error_set(err, AV_ERR_INVALID, "the index's folder %s has no parent in its path", self->dir);
    parent = av_span_dup(av_span_of(self->dir, (size_t)(slash - self->dir)));
    return av_dir_remove(self->dir, parent, err);
}

av_errc
index_db_reopen(index_db *self, bool empty, av_error *err)
{
    struct timespec until;
    av_errc rc = AV_OK;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_S;
    if (pthread_rwlock_timedwrlock(&self->lock, &until) != 0)
        return av_error_set(err, AV_ERR_BUSY, "the index cannot be opened again while it is being read");
    if (self->db != NULL)
        rocksdb_close(self->db);
    self->db = NULL;
    self->stuck = true;
    if (empty) {
        atomic_fetch_add(&self->generation, 1);
        rc = remove_files(self, err);
    }
    if (rc == AV_OK)
        rc = open_files(self, err);
    (void)pthread_rwlock_unlock(&self->lock);
    return rc;
}

/* --- manifest, numbers -------------------------------------------------------------------------------------------- */

av_errc
index_db_closed(av_error *err)
{
    return av_error_set(err, AV_ERR_IO, "the index's database is closed after a failed write");
}

av_errc
index_db_manifest(index_db *self, av_buf *out, av_error *err)
{
    char *status = NULL, *value;
    size_t n = 0;
    av_errc rc = AV_OK;

    value = rocksdb_get(self->db, self->look, "M", 1, &n, &status);
    if (status != NULL)
        return av_sealed_status(status, err);
    if (value == NULL)
        return av_error_set(err, AV_ERR_NOT_FOUND, "there is no manifest");
    av_buf_clear(out);
    if (!av_buf_append(out, value, n))
        rc = av_error_set(err, AV_ERR_CORRUPT, "a manifest of %zu bytes", n);
    rocksdb_free(value);
    return rc;
}

av_errc
index_db_put_manifest(index_db *self, av_span manifest, av_error *err)
{
    char *status = NULL;

    if (self->db == NULL)
        return index_db_closed(err);
    rocksdb_put(self->db, self->sync, "M", 1, (const char *)manifest.p, manifest.n, &status);
    self->stuck |= status != NULL;
    return av_sealed_status(status, err);
}

av_errc
index_db_numbers(index_db *self, av_buf *out, av_error *err)
{
    const rocksdb_livefiles_t *files;
    av_errc rc = AV_OK;

    if (self->db == NULL)
        return index_db_closed(err);
    files = rocksdb_livefiles(self->db);
    for (int i = 0; rc == AV_OK && i < rocksdb_livefiles_count(files); i++) {
        size_t n = 0;
        const uint8_t *key = (const uint8_t *)rocksdb_livefiles_smallestkey(files, i, &n);
        uint32_t number;

        if (n < INDEX_KEY_PREFIX || key[0] != 'R')
            continue;
        number = (uint32_t)key[1] << 24 | (uint32_t)key[2] << 16 | (uint32_t)key[3] << 8 | key[4];
        if (!av_buf_append(out, &number, sizeof number))
            rc = av_error_set(err, AV_ERR_CORRUPT, "too many files");
    }
    rocksdb_livefiles_destroy(files);
    return rc;
}

void
index_run_prefix(uint32_t number, uint8_t *ret)
{
    ret[0] = 'R';
    for (unsigned i = 0; i < 4; i++)
        ret[1 + i] = (uint8_t)(number >> (24 - 8 * i));
}

av_errc
index_db_drop(index_db *self, uint32_t number, av_error *err)
{
    uint8_t from[INDEX_KEY_PREFIX], to[INDEX_KEY_PREFIX];
    char *status = NULL;

    if (self->db == NULL)
        return index_db_closed(err);
    index_run_prefix(number, from);
    index_run_prefix(number + 1, to);
    rocksdb_delete_file_in_range(self->db, (const char *)from, sizeof from, (const char *)to, sizeof to, &status);
    self->stuck |= status != NULL;
    return av_sealed_status(status, err);
}

static uint64_t
property(index_db *self, const char *name)
{
    uint64_t value = 0;

    (void)pthread_rwlock_rdlock(&self->lock);
    if (self->db == NULL || rocksdb_property_int(self->db, name, &value) != 0)
        value = 0;
    (void)pthread_rwlock_unlock(&self->lock);
    return value;
}

uint64_t
index_db_bytes(index_db *self)
{
    return property(self, "rocksdb.total-sst-files-size");
}

uint64_t
index_db_memory(index_db *self)
{
    return rocksdb_cache_get_usage(self->cache) + property(self, "rocksdb.cur-size-all-mem-tables") +
           property(self, "rocksdb.estimate-table-readers-mem");
}

void
index_db_trim(index_db *self)
{
    rocksdb_cache_set_capacity(self->cache, 0);
    rocksdb_cache_set_capacity(self->cache, self->cache_bytes);
}
