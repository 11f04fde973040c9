/*
 * keyring_export.c - the keys of a detached store travel with it, locked (docs/format-keys.md, 5)
 */
#include "base/encode.h"
#include "base/file.h"
#include "base/secret.h"
#include "storage/keys/keyring_priv.h"
#include "storage/keys/store_keys_priv.h"

#define LOCK_FILE_MAX 4096U

/* Under the mutex: the lock, written last, because it makes the folder count. */
static av_errc
write_lock(av_keyring *self, const keys_ring_store *store, const char *dir, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf file = { 0 };
    keys_header header = { .kind = KEYS_LOCK, .version = 1 };
    av_errc rc;

    assert(store != NULL);
    memcpy(header.uuid, store->uuid, 16);
    memcpy(header.recovery_public, self->header.recovery_public, 32);
    av_buf_init(&file, LOCK_FILE_MAX);
    rc = keys_box_seal(&header, store->key, err);
    if (rc == AV_OK)
        rc = keys_file_encode(&header, self->instance_key, av_span_of(store->key, 32), &file, err);
    if (rc == AV_OK)
        rc = keys_file_replace(dir, "locked.avk", av_buf_span(&file), NULL, err);
    return rc;
}

av_errc
av_keyring_export_drop(const char *store_dir, av_error *err)
{
    char dir[KEYS_PATH], lock[KEYS_PATH];
    av_errc rc = keys_path(store_dir, "store.keys", dir, err);

    if (rc == AV_OK)
        rc = keys_path(dir, "locked.avk", lock, err);
    if (rc != AV_OK || !av_file_exists(dir))
        return rc;
    keys_file_wipe(lock); /* first: without it half a folder means nothing */
    rc = av_dir_sync(dir, err);
    return rc == AV_OK ? keys_folder_wipe(dir, store_dir, err) : rc;
}

static av_errc
export_store(av_keyring *self, const uint8_t uuid[16], const char *store_dir, av_error *err)
{
    keys_ring_store *store = keys_ring_find(self, uuid);
    av_store_keys *keys = NULL;
    char dir[KEYS_PATH];
    av_errc rc = keys_path(store_dir, "store.keys", dir, err);

    if (rc == AV_OK && store == NULL)
        rc = av_error_set(err, AV_ERR_NOT_FOUND, "the keyring in %s has no keys of this store", self->dir);
    if (rc == AV_OK)
        rc = keys_ring_open(self, store, &keys, err);
    if (rc == AV_OK)
        rc = av_keyring_export_drop(store_dir, err);
    if (rc == AV_OK)
        rc = av_dir_make(dir, err);
    if (rc == AV_OK)
        rc = keys_store_copy(keys, dir, err);
    if (rc == AV_OK)
        rc = write_lock(self, store, dir, err);
    return rc;
}

av_errc
av_keyring_store_export(av_keyring *self, const uint8_t uuid[16], const char *store_dir, av_error *err)
{
    av_errc rc;

    (void)pthread_mutex_lock(&self->mutex);
    rc = export_store(self, uuid, store_dir, err);
    (void)pthread_mutex_unlock(&self->mutex);
    return rc;
}

static av_errc
read_lock(const char *store_dir, av_buf *out, keys_header *header, av_keyring_export_info *info, av_error *err)
{
    char path[KEYS_PATH];
    uint8_t check[KEYS_CHECK];
    av_errc rc = keys_path(store_dir, "store.keys/locked.avk", path, err);

    av_buf_init(out, LOCK_FILE_MAX);
    if (rc == AV_OK)
        rc = av_file_read_all(path, out, err);
    if (rc == AV_ERR_NOT_FOUND)
        return av_error_set(err, rc, "the store in %s has no keys with it (store.keys)", store_dir);
    if (rc == AV_OK)
        rc = keys_header_decode(av_buf_span(out), KEYS_LOCK, header, err);
    if (rc != AV_OK)
        return av_error_prefix(err, "%s", path);
    memcpy(info->store_uuid, header->uuid, 16);
    keys_id_text(header->check, info->instance_key_id);
    keys_check_recovery(header->recovery_public, check);
    keys_id_text(check, info->recovery_key_id);
    return AV_OK;
}

av_errc
av_keyring_export_peek(const char *store_dir, av_keyring_export_info *ret, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf file = { 0 };
    keys_header header;
    av_keyring_export_info info;
    av_errc rc = read_lock(store_dir, &file, &header, &info, err);

    if (rc == AV_OK)
        *ret = info;
    return rc;
}

/* The store key by one key; AV_ERR_AUTH when it is not the right one. */
static av_errc
open_lock(av_span file, const keys_header *header, const av_key *with, uint8_t ret[32], av_error *err)
{
    AV_CLEANUP(av_buf_release_secret) av_buf plain = { 0 };
    keys_header again;
    av_errc rc;

    if (with->kind == AV_KEY_RECOVERY)
        return keys_box_open(header, with->bytes, ret, err);
    av_buf_init(&plain, LOCK_FILE_MAX);
    rc = keys_file_decode(file, KEYS_LOCK, with->bytes, &again, &plain, err);
    if (rc == AV_OK && plain.n != 32)
        rc = av_error_set(err, AV_ERR_CORRUPT, "a store key of %zu bytes", plain.n);
    if (rc == AV_OK)
        memcpy(ret, plain.p, 32);
    return rc;
}

/* By the key given, else by this instance's own. */
static av_errc
unlock(av_keyring *self, const char *store_dir, const av_key *given, av_keyring_export_info *info, uint8_t ret[32],
    av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf file = { 0 };
    AV_CLEANUP(av_key_wipe) av_key own = { .kind = AV_KEY_INSTANCE };
    keys_header header;
    char hex[33];
    av_errc rc = read_lock(store_dir, &file, &header, info, err);

    if (rc != AV_OK)
        return rc;
    memcpy(own.bytes, self->instance_key, 32);
    rc = open_lock(av_buf_span(&file), &header, &own, ret, err);
    if (rc == AV_ERR_AUTH && given != NULL)
        rc = open_lock(av_buf_span(&file), &header, given, ret, err);
    if (rc != AV_ERR_AUTH)
        return rc == AV_OK ? AV_OK : av_error_prefix(err, "%s/store.keys/locked.avk", store_dir);
    av_hex_encode(av_span_of(info->store_uuid, 16), hex);
    return av_error_set(err, rc,
        "store %s is locked: it needs the recovery key with identifier %s or the instance key with identifier %s", hex,
        info->recovery_key_id, info->instance_key_id);
}

/* Keys that came with the store although the keyring has some: fine when not newer (there was a crash in between). */
static av_errc
check_known(av_keyring *self, keys_ring_store *store, av_store_keys *came, const uint8_t key[32], av_error *err)
{
    av_store_keys *known = NULL;
    av_errc rc = keys_ring_open(self, store, &known, err);

    if (rc != AV_OK)
        return rc;
    if (!av_secret_eq(store->key, key, 32) || known->head_version < came->head_version)
        return av_error_set(err, AV_ERR_EXISTS,
            "the keyring in %s holds other or older keys of this store: remove them from it first", self->dir);
    return AV_OK;
}

/* Under the mutex: a copy in this keyring, opened file by file on the way, then the entry. */
static av_errc
take_over(av_keyring *self, const char *from, const uint8_t uuid[16], const uint8_t key[32], av_error *err)
{
    AV_CLEANUP(av_store_keys_unref) av_store_keys *came = NULL;
    keys_ring_store *store = keys_ring_find(self, uuid);
    char dir[KEYS_PATH];
    av_errc rc = av_store_keys_open(from, uuid, key, &came, err);

    if (rc == AV_ERR_AUTH || rc == AV_ERR_NOT_FOUND) /* the lock was opened: they belong together */
        err->code = rc = AV_ERR_CORRUPT;
    if (rc != AV_OK)
        return rc;
    if (store != NULL)
        return check_known(self, store, came, key, err);
    rc = keys_ring_store_dir(self, uuid, dir, err);
    if (rc == AV_OK)
        rc = keys_folder_wipe(dir, self->dir, err);
    if (rc == AV_OK)
        rc = av_dir_make(dir, err);
    if (rc == AV_OK)
        rc = keys_store_copy(came, dir, err);
    if (rc == AV_OK)
        rc = keys_ring_add(self, uuid, key, err);
    return rc;
}

av_errc
av_keyring_store_import(
    av_keyring *self, const char *store_dir, const av_key *unlock_key, uint8_t ret_uuid[16], av_error *err)
{
    av_keyring_export_info info;
    uint8_t key[32];
    char from[KEYS_PATH];
    av_errc rc = keys_path(store_dir, "store.keys", from, err);

    if (rc != AV_OK)
        return rc;
    (void)pthread_mutex_lock(&self->mutex);
    rc = unlock(self, store_dir, unlock_key, &info, key, err);
    if (rc == AV_OK)
        rc = take_over(self, from, info.store_uuid, key, err);
    if (rc == AV_OK)
        rc = av_keyring_export_drop(store_dir, err); /* durable here now: nothing may stay there for a backup to keep */
    (void)pthread_mutex_unlock(&self->mutex);
    av_secret_wipe(key, sizeof key);
    if (rc == AV_OK)
        memcpy(ret_uuid, info.store_uuid, 16);
    return rc;
}
