/*
 * store_view.c - open and discard a store's view, its groups
 */
#include "base/file.h"
#include "base/log.h"
#include "base/secret.h"
#include "storage/crypto/seal.h"
#include "storage/meta/store_view_priv.h"

/* --- open -------------------------------------------------------------------------------------------------------- */

static void
version_row(const av_store_view *self, av_buf *out)
{
    av_buf_clear(out);
    (void)av_buf_put_u32(out, STORE_VIEW_VERSION);
    (void)av_buf_append(out, av_store_keys_uuid(self->keys), AV_STORE_UUID_SIZE);
}

static av_errc
open_meta(av_store_view *self, av_error *err)
{
    uint8_t key[32];
    av_meta_options options = { .key = key, .cache_bytes = self->cache_bytes };
    av_errc rc;

    av_store_keys_database(self->keys, key);
    rc = av_meta_open(self->dir, &options, &self->meta, err);
    av_secret_wipe(key, sizeof key);
    return rc;
}

static av_errc
make_rows(av_store_view *self, const av_buf *version, av_error *err)
{
    self->state = (view_state){ .next_mailbox = 1 };
    view_state_encode(&self->state, &self->out);
    av_meta_begin(self->meta);
    av_meta_put(self->meta, av_span_str("V"), av_buf_span(version));
    av_meta_put(self->meta, av_span_str("L"), av_buf_span(&self->out));
    return av_meta_commit(self->meta, false, err);
}

static bool
is_empty(av_store_view *self)
{
    av_meta_iter *iter = av_meta_iter_new(av_meta_writer(self->meta), av_span_str(NULL), av_span_str(NULL));
    av_span key, value;
    bool empty = !av_meta_iter_next(iter, &key, &value);

    av_meta_iter_destroy(&iter);
    return empty;
}

/* AV_ERR_CORRUPT when this is not a view of this store; an empty database becomes one. */
static av_errc
load(av_store_view *self, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf want = { 0 };
    av_errc rc;

    av_buf_init(&want, 64);
    version_row(self, &want);
    rc = av_meta_get(av_meta_writer(self->meta), av_span_str("V"), &self->row, err);
    if (rc == AV_ERR_NOT_FOUND) {
        if (!is_empty(self))
            return av_error_set(err, AV_ERR_CORRUPT, "it has no version");
        rc = make_rows(self, &want, err);
    } else if (rc == AV_OK && !av_span_eq(av_buf_span(&self->row), av_buf_span(&want))) {
        return av_error_set(err, AV_ERR_CORRUPT, "it is of another version or another store");
    } else if (rc == AV_OK) {
        rc = av_meta_get(av_meta_writer(self->meta), av_span_str("L"), &self->row, err);
        if (rc == AV_ERR_NOT_FOUND)
            return av_error_set(err, AV_ERR_CORRUPT, "it has no state");
        if (rc == AV_OK)
            rc = view_state_decode(av_buf_span(&self->row), &self->state, err);
    }
    self->committed = self->state;
    return rc;
}

static av_errc
open_all(av_store_view *self, av_error *err)
{
    av_errc rc = open_meta(self, err);

    return rc == AV_OK ? load(self, err) : rc;
}

/* The view is made of files of RocksDB alone; the log has all that was in it. */
av_errc
av_store_view_discard(av_store_view *self, const char *why, av_error *err)
{
    AV_CLEANUP(av_free) char *parent = NULL;
    const char *slash = strrchr(self->dir, '/');
    av_errc rc;

    AV_LOG(AV_LOG_WARN, "store_view.discarded", AV_STR("dir", self->dir), AV_STR("detail", why));
    if (self->meta != NULL)
        av_store_view_rollback(self);
    av_meta_close(&self->meta);
    self->box_no = 0;
    if (slash == NULL)
        return av_error_set(err, AV_ERR_INVALID, "the store view's folder %s has no parent in its path", self->dir);
    parent = av_span_dup(av_span_of(self->dir, (size_t)(slash - self->dir)));
    rc = av_dir_remove(self->dir, parent, err);
    return rc == AV_OK ? open_all(self, err) : rc;
}

static void
init_scratch(av_store_view *self)
{
    av_buf_init(&self->fresh, SIZE_MAX / 2);
    av_buf_init(&self->row, STORE_VIEW_ROW_MAX);
    av_buf_init(&self->part_row, STORE_VIEW_ROW_MAX);
    av_buf_init(&self->out, STORE_VIEW_ROW_MAX);
    av_buf_init(&self->parts, STORE_VIEW_ROW_MAX);
}

static void
release_scratch(av_store_view *self)
{
    av_buf_release(&self->fresh);
    av_buf_release(&self->row);
    av_buf_release(&self->part_row);
    av_buf_release(&self->out);
    av_buf_release(&self->parts);
}

av_errc
av_store_view_open(const av_store_view_config *config, av_store_view **ret, av_error *err)
{
    AV_CLEANUP(av_store_view_close) av_store_view *self = av_xcalloc(1, sizeof *self);
    av_errc rc;

    self->dir = av_xstrdup(config->dir);
    self->keys = config->keys;
    self->cache_bytes = config->cache_bytes;
    init_scratch(self);
    rc = open_all(self, err);
    if (rc == AV_ERR_CORRUPT || rc == AV_ERR_AUTH || rc == AV_ERR_VERSION) {
        char why[sizeof err->msg];

        memcpy(why, err->msg, sizeof why);
        rc = av_store_view_discard(self, why, err);
    }
    if (rc != AV_OK)
        return av_error_prefix(err, "store view");
    *ret = AV_TAKE(self);
    return AV_OK;
}

void
av_store_view_close(av_store_view **self)
{
    av_store_view *v = *self;

    if (v == NULL)
        return;
    av_meta_close(&v->meta);
    release_scratch(v);
    free(v->dir);
    free(v);
    *self = NULL;
}

av_errc
av_store_view_trim(av_store_view *self, av_error *err)
{
    assert(!av_meta_in_group(self->meta));
    release_scratch(self); /* they grow again with the next row */
    init_scratch(self);
    return av_meta_trim(self->meta, err);
}

bool
av_store_view_is_failed(const av_store_view *self)
{
    return av_meta_is_failed(self->meta);
}

av_errc
av_store_view_close_tables(av_store_view *self, av_error *err)
{
    return av_meta_close_tables(self->meta, err);
}

av_errc
av_store_view_checkpoint(av_store_view *self, const char *dir, av_error *err)
{
    return av_meta_checkpoint(self->meta, dir, err);
}

uint64_t
av_store_view_applied_lsn(const av_store_view *self)
{
    return self->committed.applied_lsn;
}

void
view_dedup_of(const av_store_view *self, const uint8_t *digest, uint8_t ret[AV_STORE_DEDUP_SIZE])
{
    uint8_t mac[32];

    av_seal_hmac(av_store_keys_dedup(self->keys), av_span_of(digest, AV_SHA256_SIZE), mac);
    memcpy(ret, mac, AV_STORE_DEDUP_SIZE);
}

/* --- the log's questions ----------------------------------------------------------------------------------------- */

static av_errc
on_find_part(void *ctx, const uint8_t dedup[AV_STORE_DEDUP_SIZE], uint64_t *ret_lsn, av_error *err)
{
    av_store_view *self = ctx;
    av_meta_key key;
    av_span row;
    av_errc rc;

    *ret_lsn = 0;
    view_key_dedup(&key, AV_RECORD_PART, dedup);
    rc = av_meta_get(av_meta_writer(self->meta), av_meta_key_span(&key), &self->row, err);
    row = av_buf_span(&self->row);
    if (rc == AV_OK && !av_span_get_u64(&row, ret_lsn))
        return av_error_set(err, AV_ERR_CORRUPT, "store view: the row of a known part is damaged");
    return rc == AV_ERR_NOT_FOUND ? AV_OK : rc;
}

static av_errc
on_wrote(void *ctx, const av_store_content *content, av_error *err)
{
    return av_store_view_content(ctx, content, err);
}

av_store_watch
av_store_view_watch(av_store_view *self)
{
    return (av_store_watch){ .ctx = self, .find_part = on_find_part, .wrote = on_wrote };
}

/* --- groups ------------------------------------------------------------------------------------------------------ */

void
av_store_view_begin(av_store_view *self)
{
    if (!av_meta_in_group(self->meta))
        av_meta_begin(self->meta);
}

av_errc
av_store_view_commit(av_store_view *self, av_error *err)
{
    av_errc rc;

    av_store_view_begin(self);
    assert(self->fresh.n == 0); /* av_store_view_group_end comes first */
    view_state_encode(&self->state, &self->out);
    av_meta_put(self->meta, av_span_str("L"), av_buf_span(&self->out));
    rc = av_meta_commit(self->meta, false, err);
    if (rc != AV_OK) {
        av_store_view_rollback(self);
        return av_error_prefix(err, "store view");
    }
    self->committed = self->state;
    return AV_OK;
}

void
av_store_view_rollback(av_store_view *self)
{
    av_meta_rollback(self->meta);
    self->state = self->committed;
    self->box_no = 0; /* its number may have been given in this group */
    av_buf_clear(&self->fresh);
}

const av_meta_view *
av_store_view_writer(av_store_view *self)
{
    return av_meta_writer(self->meta);
}

av_meta_view *
av_store_view_snapshot(av_store_view *self)
{
    return av_meta_snapshot(self->meta);
}
