/*
 * index_rows.c - rows of one run in the database, as storage/postings reads them (av_run_source)
 *
 * Whoever is inside RocksDB holds the database's lock for reading, a cursor for its life: the indexer can close and open it again
 * only when nobody is. A run of an earlier generation is gone. A broken table marks the index failed.
 */
#include "storage/index/index_priv.h"
#include "storage/sealed/status.h"

struct av_run_cursor {
    index_place *place;
    rocksdb_iterator_t *it;
    uint8_t prefix[INDEX_KEY_PREFIX + 1]; /* with the key's first byte */
    bool step;                            /* the row at `it` was given: move on first */
};

static av_errc
enter(const index_place *self, av_error *err)
{
    index_db *db = self->index->db;

    (void)pthread_rwlock_rdlock(&db->lock);
    if (db->db != NULL && atomic_load(&db->generation) == self->generation)
        return AV_OK;
    (void)pthread_rwlock_unlock(&db->lock);
    return av_error_set(err, AV_ERR_BUSY, "the index is being made anew: search again");
}

static void
leave(const index_place *self)
{
    (void)pthread_rwlock_unlock(&self->index->db->lock);
}

static rocksdb_readoptions_t *
options_of(const index_place *self)
{
    return self->scan ? self->index->db->scan : self->index->db->look;
}

/* What a status means for the index. */
static av_errc
judge(const index_place *self, char *status, av_error *err)
{
    av_errc rc = av_sealed_status(status, err);

    if (rc == AV_ERR_CORRUPT || rc == AV_ERR_AUTH || rc == AV_ERR_VERSION) {
        rc = err->code = AV_ERR_CORRUPT;
        (void)av_error_prefix(err, "run %u", self->number);
        index_mark_failed(self->index, err);
    }
    return rc;
}

static av_errc
place_get(void *ctx, av_span key, av_buf *out, av_error *err)
{
    index_place *self = ctx;
    uint8_t full[512];
    rocksdb_pinnableslice_t *slice;
    char *status = NULL;
    const char *value;
    size_t n = 0;
    av_errc rc;

    if (key.n > sizeof full - INDEX_KEY_PREFIX)
        return av_error_set(err, AV_ERR_NOT_FOUND, "no key is that long");
    index_run_prefix(self->number, full);
    if (key.n > 0)
        memcpy(full + INDEX_KEY_PREFIX, key.p, key.n);
    rc = enter(self, err);
    if (rc != AV_OK)
        return rc;
    slice = rocksdb_get_pinned(
        self->index->db->db, options_of(self), (const char *)full, INDEX_KEY_PREFIX + key.n, &status);
    if (status != NULL) {
        rc = judge(self, status, err);
    } else if (slice == NULL) {
        rc = av_error_set(err, AV_ERR_NOT_FOUND, "run %u has no such row", self->number);
    } else {
        value = rocksdb_pinnableslice_value(slice, &n);
        av_buf_clear(out);
        if (!av_buf_append(out, value, n))
            rc = av_error_set(err, AV_ERR_LIMIT, "a row of %zu bytes is more than %zu", n, out->max);
    }
    if (slice != NULL)
        rocksdb_pinnableslice_destroy(slice);
    leave(self);
    return rc;
}

static bool
at_row(const av_run_cursor *self, av_span *ret_key)
{
    size_t n = 0;
    const char *key;

    if (!rocksdb_iter_valid(self->it))
        return false;
    key = rocksdb_iter_key(self->it, &n);
    if (n < sizeof self->prefix || memcmp(key, self->prefix, sizeof self->prefix) != 0)
        return false;
    *ret_key = av_span_of(key + INDEX_KEY_PREFIX, n - INDEX_KEY_PREFIX);
    return true;
}

static av_errc
cursor_error(av_run_cursor *self, av_error *err)
{
    char *status = NULL;

    rocksdb_iter_get_error(self->it, &status);
    return judge(self->place, status, err);
}

static void
cursor_free(av_run_cursor *self)
{
    if (self == NULL)
        return;
    rocksdb_iter_destroy(self->it);
    leave(self->place);
    free(self);
}

static av_errc
place_seek(void *ctx, av_span key, av_run_cursor **ret, av_error *err)
{
    index_place *self = ctx;
    av_run_cursor *cursor;
    uint8_t full[512];
    av_span found;
    av_errc rc;

    if (key.n == 0 || key.n > sizeof full - INDEX_KEY_PREFIX)
        return av_error_set(err, AV_ERR_INVALID, "a key of %zu bytes to look for", key.n);
    rc = enter(self, err);
    if (rc != AV_OK)
        return rc;
    cursor = av_xcalloc(1, sizeof *cursor);
    cursor->place = self;
    index_run_prefix(self->number, full);
    memcpy(full + INDEX_KEY_PREFIX, key.p, key.n);
    memcpy(cursor->prefix, full, sizeof cursor->prefix);
    cursor->it = rocksdb_create_iterator(self->index->db->db, options_of(self));
    rocksdb_iter_seek_for_prev(cursor->it, (const char *)full, INDEX_KEY_PREFIX + key.n);
    rc = cursor_error(cursor, err);
    if (rc == AV_OK && !at_row(cursor, &found)) {
        rocksdb_iter_seek(cursor->it, (const char *)cursor->prefix, sizeof cursor->prefix);
        rc = cursor_error(cursor, err);
    }
    if (rc == AV_OK)
        *ret = cursor;
    else
        cursor_free(cursor);
    return rc;
}

static bool
cursor_next(av_run_cursor *self, av_span *ret_key, av_span *ret_value)
{
    size_t n = 0;
    const char *value;

    if (self->step)
        rocksdb_iter_next(self->it);
    self->step = at_row(self, ret_key);
    if (!self->step)
        return false;
    value = rocksdb_iter_value(self->it, &n);
    *ret_value = av_span_of(value, n);
    return true;
}

av_run_source
index_place_source(index_place *self)
{
    return (av_run_source){ .ctx = self,
        .get = place_get,
        .seek = place_seek,
        .next = cursor_next,
        .cursor_error = cursor_error,
        .cursor_free = cursor_free };
}
