/*
 * keyring_stores.c - the stores of a keyring: added, opened, removed (see keyring.h)
 */
#include "base/encode.h"
#include "base/secret.h"
#include "storage/keys/keyring_priv.h"
#include "storage/keys/store_keys_priv.h"

av_errc
keys_ring_store_dir(const av_keyring *self, const uint8_t uuid[16], char ret[KEYS_PATH], av_error *err)
{
    char hex[33];

    av_hex_encode(av_span_of(uuid, 16), hex);
    return keys_path(self->dir, hex, ret, err);
}

keys_ring_store *
keys_ring_find(av_keyring *self, const uint8_t uuid[16])
{
    for (size_t i = 0; i < self->body.n; i++)
        if (memcmp(self->body.stores[i].uuid, uuid, 16) == 0)
            return &self->body.stores[i];
    return NULL;
}

/* The list with another length: a copy with the entry (key given) or without it. Durable first, then in memory. */
static av_errc
change_list(av_keyring *self, const uint8_t uuid[16], const uint8_t *key, av_error *err)
{
    keys_ring_body next = self->body, old = self->body;
    size_t at = 0;
    av_errc rc;

    next.n = 0;
    next.stores = av_xcalloc(old.n + 1, sizeof *next.stores);
    for (; at < old.n && memcmp(old.stores[at].uuid, uuid, 16) < 0; at++)
        next.stores[next.n++] = old.stores[at];
    if (key != NULL) {
        memcpy(next.stores[next.n].uuid, uuid, 16);
        memcpy(next.stores[next.n++].key, key, 32);
    } else {
        at++; /* the one that goes */
    }
    for (; at < old.n; at++)
        next.stores[next.n++] = old.stores[at];
    rc = keys_ring_write(self, &self->header, &next, self->instance_key, err);
    if (rc == AV_OK)
        self->body = next;
    else
        old = next;
    av_secret_wipe(old.stores, old.n * sizeof *old.stores); /* not released: open stores live on in the other list */
    free(old.stores);
    av_secret_wipe(&old, sizeof old);
    av_secret_wipe(&next, sizeof next);
    return rc;
}

av_errc
keys_ring_add(av_keyring *self, const uint8_t uuid[16], const uint8_t store_key[32], av_error *err)
{
    if (self->body.n >= AV_KEYRING_STORES)
        return av_error_set(err, AV_ERR_LIMIT, "a keyring holds at most %u stores", AV_KEYRING_STORES);
    return change_list(self, uuid, store_key, err);
}

av_errc
keys_ring_open(av_keyring *self, keys_ring_store *store, av_store_keys **ret, av_error *err)
{
    char dir[KEYS_PATH];
    av_errc rc = AV_OK;

    if (store->open == NULL) {
        rc = keys_ring_store_dir(self, store->uuid, dir, err);
        if (rc == AV_OK)
            rc = av_store_keys_open(dir, store->uuid, store->key, &store->open, err);
        if (rc == AV_ERR_NOT_FOUND)
            err->code = rc = AV_ERR_CORRUPT; /* the keyring says that they are there */
    }
    if (rc == AV_OK)
        *ret = store->open;
    return rc;
}

/* Under the mutex: fresh keys in the store's folder, then the entry. */
static av_errc
add_store(av_keyring *self, const uint8_t uuid[16], av_store_keys **ret, av_error *err)
{
    AV_CLEANUP(av_store_keys_unref) av_store_keys *keys = NULL;
    uint8_t key[32];
    char dir[KEYS_PATH];
    av_errc rc;

    if (keys_ring_find(self, uuid) != NULL)
        return av_error_set(err, AV_ERR_EXISTS, "the keyring in %s has keys of this store already", self->dir);
    rc = keys_ring_store_dir(self, uuid, dir, err);
    if (rc == AV_OK)
        rc = keys_folder_wipe(dir, self->dir, err); /* left over by a crash */
    if (rc != AV_OK)
        return rc;
    av_random_bytes(key, sizeof key);
    rc = av_store_keys_create(dir, uuid, key, &keys, err);
    if (rc == AV_OK)
        rc = keys_ring_add(self, uuid, key, err);
    av_secret_wipe(key, sizeof key);
    if (rc != AV_OK)
        return rc;
    *ret = av_store_keys_ref(keys);
    keys_ring_find(self, uuid)->open = AV_TAKE(keys);
    return AV_OK;
}

av_errc
av_keyring_store_add(av_keyring *self, const uint8_t uuid[16], av_store_keys **ret, av_error *err)
{
    av_errc rc;

    (void)pthread_mutex_lock(&self->mutex);
    rc = add_store(self, uuid, ret, err);
    (void)pthread_mutex_unlock(&self->mutex);
    return rc;
}

av_errc
av_keyring_store_open(av_keyring *self, const uint8_t uuid[16], av_store_keys **ret, av_error *err)
{
    av_store_keys *keys = NULL;
    keys_ring_store *store;
    av_errc rc;

    (void)pthread_mutex_lock(&self->mutex);
    store = keys_ring_find(self, uuid);
    rc = store == NULL ? av_error_set(err, AV_ERR_NOT_FOUND, "the keyring in %s has no keys of this store", self->dir)
                       : keys_ring_open(self, store, &keys, err);
    if (rc == AV_OK)
        *ret = av_store_keys_ref(keys);
    (void)pthread_mutex_unlock(&self->mutex);
    return rc;
}

bool
av_keyring_has_store(av_keyring *self, const uint8_t uuid[16])
{
    bool has;

    (void)pthread_mutex_lock(&self->mutex);
    has = keys_ring_find(self, uuid) != NULL;
    (void)pthread_mutex_unlock(&self->mutex);
    return has;
}

size_t
av_keyring_store_count(av_keyring *self)
{
    size_t n;

    (void)pthread_mutex_lock(&self->mutex);
    n = self->body.n;
    (void)pthread_mutex_unlock(&self->mutex);
    return n;
}

bool
av_keyring_store_at(av_keyring *self, size_t i, uint8_t ret[16])
{
    bool has;

    (void)pthread_mutex_lock(&self->mutex);
    has = i < self->body.n;
    if (has)
        memcpy(ret, self->body.stores[i].uuid, 16);
    (void)pthread_mutex_unlock(&self->mutex);
    return has;
}

/* Under the mutex: first nobody can open them, then the files go. */
static av_errc
remove_store(av_keyring *self, const uint8_t uuid[16], av_error *err)
{
    keys_ring_store *store = keys_ring_find(self, uuid);
    av_store_keys *open;
    char dir[KEYS_PATH];
    av_errc rc;

    if (store == NULL)
        return AV_OK;
    open = store->open;
    if (open != NULL && keys_store_shared(open))
        return av_error_set(err, AV_ERR_BUSY, "the keys of this store are in use");
    rc = change_list(self, uuid, NULL, err);
    if (rc != AV_OK)
        return rc;
    av_store_keys_unref(&open);
    rc = keys_ring_store_dir(self, uuid, dir, err);
    return rc == AV_OK ? keys_folder_wipe(dir, self->dir, err) : rc;
}

av_errc
av_keyring_store_remove(av_keyring *self, const uint8_t uuid[16], av_error *err)
{
    av_errc rc;

    (void)pthread_mutex_lock(&self->mutex);
    rc = remove_store(self, uuid, err);
    (void)pthread_mutex_unlock(&self->mutex);
    return rc;
}
