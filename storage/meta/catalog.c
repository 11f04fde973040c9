/*
 * catalog.c - open and discard the view, its groups, its stores
 */
#include "base/file.h"
#include "base/log.h"
#include "base/secret.h"
#include "storage/crypto/seal.h"
#include "storage/meta/catalog_priv.h"

/* --- open ------------------------------------------------------------------------------------------------------- */

/* Version and key check, as they stand in row V. */
static void
version_row(const av_catalog *self, av_buf *out)
{
    uint8_t mac[32];

    av_seal_hmac(self->key, av_span_str("archivolt catalog check"), mac);
    av_buf_clear(out);
    (void)av_buf_put_u32(out, CATALOG_VERSION);
    (void)av_buf_append(out, mac, 16);
    (void)av_buf_append(out, self->instance, sizeof self->instance);
}

static av_errc
open_meta(av_catalog *self, av_error *err)
{
    uint8_t key[32];
    av_meta_options options = { .key = key, .cache_bytes = self->cache_bytes };
    av_errc rc;

    av_seal_hmac(self->key, av_span_str("archivolt catalog database"), key);
    rc = av_meta_open(self->dir, &options, &self->meta, err);
    av_secret_wipe(key, sizeof key);
    return rc;
}

/* AV_ERR_CORRUPT when this is not a view of ours with our key; an empty database becomes one. */
static av_errc
check_version(av_catalog *self, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf want = { 0 };
    av_span key, value;
    av_meta_iter *iter;
    bool empty;
    av_errc rc;

    av_buf_init(&want, 64);
    version_row(self, &want);
    rc = av_meta_get(av_meta_writer(self->meta), av_span_str("V"), &self->row, err);
    if (rc == AV_OK && av_span_eq(av_buf_span(&self->row), av_buf_span(&want)))
        return AV_OK;
    if (rc == AV_OK)
        return av_error_set(err, AV_ERR_CORRUPT, "the catalog is of another version, instance or key");
    if (rc != AV_ERR_NOT_FOUND)
        return rc;
    iter = av_meta_iter_new(av_meta_writer(self->meta), av_span_str(NULL), av_span_str(NULL));
    empty = !av_meta_iter_next(iter, &key, &value);
    av_meta_iter_destroy(&iter);
    if (!empty)
        return av_error_set(err, AV_ERR_CORRUPT, "the catalog has no version");
    av_meta_begin(self->meta);
    av_meta_put(self->meta, av_span_str("V"), av_buf_span(&want));
    return av_meta_commit(self->meta, false, err);
}

static av_errc
load_store(av_catalog *self, av_span key, av_span value, av_error *err)
{
    catalog_store s = { 0 };

    if (key.n != 1 + AV_STORE_UUID_SIZE || !av_span_get_u32(&value, &s.no) ||
        !av_span_get_u64(&value, &s.applied_lsn) || catalog_totals_decode(value, &s.totals, err) != AV_OK)
        return av_error_set(err, AV_ERR_CORRUPT, "catalog: a store's row is damaged");
    memcpy(s.uuid, key.p + 1, sizeof s.uuid);
    s.kept = s.totals;
    self->stores = av_xrealloc(self->stores, (self->store_count + 1) * sizeof *self->stores);
    self->stores[self->store_count++] = s;
    return AV_OK;
}

static av_errc
load_stores(av_catalog *self, av_error *err)
{
    av_meta_iter *iter = av_meta_iter_new(av_meta_writer(self->meta), av_span_str("C"), av_span_str(NULL));
    av_span key, value;
    av_errc rc = AV_OK;

    free(self->stores);
    self->stores = NULL;
    self->store_count = 0;
    while (rc == AV_OK && av_meta_iter_next(iter, &key, &value))
        rc = load_store(self, key, value, err);
    if (rc == AV_OK)
        rc = av_meta_iter_error(iter, err);
    av_meta_iter_destroy(&iter);
    return rc;
}

static av_errc
load_sequence(av_catalog *self, av_error *err)
{
    av_errc rc = av_meta_get(av_meta_writer(self->meta), av_span_str("Q"), &self->row, err);
    av_span row = av_buf_span(&self->row);

    self->sequence = 0;
    if (rc == AV_OK && !av_span_get_u64(&row, &self->sequence))
        return av_error_set(err, AV_ERR_CORRUPT, "catalog: the sequence of names is damaged");
    self->kept_sequence = self->sequence;
    return rc == AV_ERR_NOT_FOUND ? AV_OK : rc;
}

static av_errc
open_all(av_catalog *self, av_error *err)
{
    av_errc rc = open_meta(self, err);

    if (rc == AV_OK)
        rc = check_version(self, err);
    if (rc == AV_OK)
        rc = load_stores(self, err);
    if (rc == AV_OK)
        rc = load_sequence(self, err);
    return rc;
}

/* The view is made of files of RocksDB alone; the logs have all that was in it. */
static av_errc
discard(av_catalog *self, const char *why, av_error *err)
{
    AV_CLEANUP(av_free) char *parent = NULL;
    const char *slash = strrchr(self->dir, '/');
    av_errc rc;

    AV_LOG(AV_LOG_WARN, "catalog.discarded", AV_STR("dir", self->dir), AV_STR("detail", why));
    av_meta_close(&self->meta);
    parent = slash == NULL ? av_xstrdup(".") : av_span_dup(av_span_of(self->dir, (size_t)(slash - self->dir)));
    rc = slash == NULL
             ? av_error_set(err, AV_ERR_INVALID, "the catalog's folder %s has no parent in its path", self->dir)
             : av_dir_remove(self->dir, parent, err);
    return rc == AV_OK ? open_all(self, err) : rc;
}

av_errc
av_catalog_open(const av_catalog_config *config, av_catalog **ret, av_error *err)
{
    AV_CLEANUP(av_catalog_close) av_catalog *self = av_xcalloc(1, sizeof *self);
    av_errc rc;

    self->dir = av_xstrdup(config->dir);
    memcpy(self->key, config->key, sizeof self->key);
    memcpy(self->instance, config->instance, sizeof self->instance);
    self->cache_bytes = config->cache_bytes;
    av_buf_init(&self->row, CATALOG_ROW_MAX);
    rc = open_all(self, err);
    if (rc == AV_ERR_CORRUPT || rc == AV_ERR_AUTH || rc == AV_ERR_VERSION) {
        char why[sizeof err->msg];

        memcpy(why, err->msg, sizeof why);
        rc = discard(self, why, err);
    }
    if (rc != AV_OK)
        return av_error_prefix(err, "catalog");
    *ret = AV_TAKE(self);
    return AV_OK;
}

void
av_catalog_close(av_catalog **self)
{
    if (*self == NULL)
        return;
    av_meta_close(&(*self)->meta);
    av_buf_release(&(*self)->row);
    av_secret_wipe((*self)->key, sizeof(*self)->key);
    free((*self)->stores);
    free((*self)->dir);
    free(*self);
    *self = NULL;
}

av_errc
av_catalog_trim(av_catalog *self, av_error *err)
{
    return av_meta_trim(self->meta, err);
}

bool
av_catalog_is_failed(const av_catalog *self)
{
    return av_meta_is_failed(self->meta);
}

av_errc
av_catalog_close_tables(av_catalog *self, av_error *err)
{
    return av_meta_close_tables(self->meta, err);
}

av_errc
av_catalog_checkpoint(av_catalog *self, const char *dir, av_error *err)
{
    return av_meta_checkpoint(self->meta, dir, err);
}

void
catalog_token(const av_catalog *self, const uint8_t *id, uint8_t ret[CATALOG_TOKEN])
{
    uint8_t mac[32];

    av_seal_hmac(self->key, av_span_of(id, AV_MESSAGE_ID_BYTES), mac);
    memcpy(ret, mac, CATALOG_TOKEN);
}

/* --- stores ----------------------------------------------------------------------------------------------------- */

static catalog_store *
find_uuid(const av_catalog *self, const uint8_t *uuid)
{
    for (size_t i = 0; i < self->store_count; i++)
        if (memcmp(self->stores[i].uuid, uuid, 16) == 0)
            return &self->stores[i];
    return NULL;
}

catalog_store *
catalog_find_no(const av_catalog *self, uint32_t no)
{
    for (size_t i = 0; i < self->store_count; i++)
        if (self->stores[i].no == no)
            return &self->stores[i];
    return NULL;
}

av_store *
av_catalog_store(const av_catalog *self, uint32_t no)
{
    catalog_store *s = catalog_find_no(self, no);

    return s == NULL ? NULL : s->store;
}

av_store_view *
av_catalog_view(const av_catalog *self, uint32_t no)
{
    catalog_store *s = catalog_find_no(self, no);

    return s == NULL ? NULL : s->view;
}

uint64_t
av_catalog_applied_lsn(const av_catalog *self, const uint8_t store_uuid[AV_STORE_UUID_SIZE])
{
    catalog_store *s = find_uuid(self, store_uuid);

    return s == NULL ? 0 : s->applied_lsn;
}

bool
av_catalog_next_store(const av_catalog *self, uint32_t *no, av_catalog_store_row *ret)
{
    const catalog_store *next = NULL;

    for (size_t i = 0; i < self->store_count; i++)
        if (self->stores[i].no >= *no && (next == NULL || self->stores[i].no < next->no))
            next = &self->stores[i];
    if (next == NULL)
        return false;
    *ret = (av_catalog_store_row){ .no = next->no,
        .attached = next->store != NULL,
        .applied_lsn = next->applied_lsn,
        .messages = next->totals.messages,
        .bytes = next->totals.bytes };
    memcpy(ret->uuid, next->uuid, sizeof ret->uuid);
    *no = next->no + 1;
    return true;
}

static void
store_key(av_meta_key *key, const catalog_store *s)
{
    av_meta_key_init(key, 'C');
    av_meta_key_bytes(key, av_span_of(s->uuid, sizeof s->uuid));
}

static void
put_store_row(av_catalog *self, const catalog_store *s)
{
    av_meta_key key;

    av_buf_clear(&self->row);
    (void)av_buf_put_u32(&self->row, s->no);
    (void)av_buf_put_u64(&self->row, s->applied_lsn);
    (void)catalog_totals_encode(&s->totals, &self->row);
    store_key(&key, s);
    av_meta_put(self->meta, av_meta_key_span(&key), av_buf_span(&self->row));
}

void
catalog_forget_applied(av_catalog *self, catalog_store *s)
{
    if (s->applied_lsn == 0)
        return;
    s->applied_lsn = 0;
    put_store_row(self, s);
}

static av_errc
add_store(av_catalog *self, const uint8_t *uuid, av_error *err)
{
    catalog_store fresh = { 0 };
    av_errc rc;

    memcpy(fresh.uuid, uuid, sizeof fresh.uuid);
    for (size_t i = 0; i < self->store_count; i++)
        fresh.no = AV_MAX(fresh.no, self->stores[i].no);
    fresh.no++;
    av_meta_begin(self->meta);
    put_store_row(self, &fresh);
    rc = av_meta_commit(self->meta, false, err);
    if (rc != AV_OK)
        return av_error_prefix(err, "catalog");
    self->stores = av_xrealloc(self->stores, (self->store_count + 1) * sizeof *self->stores);
    self->stores[self->store_count++] = fresh;
    return AV_OK;
}

av_errc
av_catalog_attach(av_catalog *self, av_store *store, av_store_view *view, uint32_t *ret_no, av_error *err)
{
    av_store_watch watch = av_store_view_watch(view);
    catalog_store *s = find_uuid(self, av_store_uuid(store));

    if (s == NULL) {
        av_errc rc = add_store(self, av_store_uuid(store), err);

        if (rc != AV_OK)
            return rc;
        s = &self->stores[self->store_count - 1];
    }
    s->store = store;
    s->view = view;
    self->expunge_no = 0;
    av_store_set_watch(store, &watch);
    *ret_no = s->no;
    return AV_OK;
}

void
av_catalog_detach(av_catalog *self, uint32_t store_no)
{
    catalog_store *s = catalog_find_no(self, store_no);

    if (s == NULL)
        return;
    s->store = NULL;
    s->view = NULL;
}

av_errc
catalog_drop_store(av_catalog *self, uint32_t no, av_error *err)
{
    catalog_store *s = catalog_find_no(self, no);
    av_meta_key key;
    av_errc rc;

    store_key(&key, s);
    s->totals = s->kept; /* its row is not written again */
    av_meta_delete(self->meta, av_meta_key_span(&key));
    rc = catalog_commit_rows(self, err);
    if (rc != AV_OK)
        return rc;
    *s = self->stores[--self->store_count];
    return AV_OK;
}

av_errc
catalog_reset(av_catalog *self, av_error *err)
{
    size_t count = self->store_count;
    AV_CLEANUP(av_free) catalog_store *stores = AV_TAKE(self->stores);
    av_errc rc;

    self->store_count = 0;
    rc = discard(self, "the view is not one of its logs", err);
    if (rc != AV_OK)
        return rc;
    av_meta_begin(self->meta);
    for (size_t i = 0; i < count; i++) {
        stores[i].applied_lsn = 0;
        stores[i].totals = stores[i].kept = (av_catalog_totals){ 0 };
        put_store_row(self, &stores[i]);
    }
    free(self->stores);
    self->stores = AV_TAKE(stores);
    self->store_count = count;
    return av_meta_commit(self->meta, false, err);
}

/* --- groups ----------------------------------------------------------------------------------------------------- */

void
av_catalog_begin(av_catalog *self)
{
    av_meta_begin(self->meta);
}

av_errc
catalog_commit_rows(av_catalog *self, av_error *err)
{
    av_errc rc;

    for (size_t i = 0; i < self->store_count; i++)
        if (memcmp(&self->stores[i].totals, &self->stores[i].kept, sizeof self->stores[i].kept) != 0)
            put_store_row(self, &self->stores[i]);
    if (self->sequence != self->kept_sequence) {
        av_buf_clear(&self->row);
        (void)av_buf_put_u64(&self->row, self->sequence);
        av_meta_put(self->meta, av_span_str("Q"), av_buf_span(&self->row));
    }
    rc = av_meta_commit(self->meta, false, err);
    if (rc != AV_OK) {
        av_catalog_rollback(self);
        return av_error_prefix(err, "catalog");
    }
    for (size_t i = 0; i < self->store_count; i++)
        self->stores[i].kept = self->stores[i].totals;
    self->kept_sequence = self->sequence;
    return AV_OK;
}

av_errc
av_catalog_commit(av_catalog *self, uint32_t store_no, uint64_t committed_lsn, av_error *err)
{
    catalog_store *s = catalog_find_no(self, store_no);
    uint64_t before;
    av_errc rc;

    assert(s != NULL && av_meta_in_group(self->meta));
    before = s->applied_lsn;
    s->applied_lsn = committed_lsn;
    put_store_row(self, s);
    rc = catalog_commit_rows(self, err);
    if (rc != AV_OK)
        s->applied_lsn = before;
    return rc;
}

void
av_catalog_rollback(av_catalog *self)
{
    av_meta_rollback(self->meta);
    for (size_t i = 0; i < self->store_count; i++)
        self->stores[i].totals = self->stores[i].kept;
    self->sequence = self->kept_sequence;
}

uint64_t
av_catalog_next_sequence(const av_catalog *self)
{
    return self->sequence + 1;
}

const av_meta_view *
av_catalog_writer(av_catalog *self)
{
    return av_meta_writer(self->meta);
}

av_meta_view *
av_catalog_snapshot(av_catalog *self)
{
    return av_meta_snapshot(self->meta);
}
