/*
 * keyring.c - see keyring.h: the keyring file of an instance; its stores are in keyring_stores.c
 */
#include "storage/keys/keyring.h"

#include <errno.h>
#include <sys/file.h>

#include "base/encode.h"
#include "base/file.h"
#include "base/secret.h"
#include "storage/keys/keyring_priv.h"

static void
fill_info(const keys_header *header, av_keyring_info *ret)
{
    uint8_t check[KEYS_CHECK];

    memcpy(ret->instance_uuid, header->uuid, 16);
    memcpy(ret->recovery_public, header->recovery_public, 32);
    keys_id_text(header->check, ret->instance_key_id);
    keys_check_recovery(header->recovery_public, check);
    keys_id_text(check, ret->recovery_key_id);
    ret->version = header->version;
}

/* keyring.avk of dir as it is on disk. */
static av_errc
read_file(const char *dir, av_buf *out, keys_header *header, av_error *err)
{
    char path[KEYS_PATH];
    av_errc rc = keys_path(dir, "keyring.avk", path, err);

    av_buf_init(out, KEYS_RING_FILE_MAX);
    if (rc == AV_OK)
        rc = av_file_read_all(path, out, err);
    if (rc == AV_ERR_NOT_FOUND)
        return av_error_set(err, rc, "there is no keyring in %s", dir);
    if (rc == AV_OK)
        rc = keys_header_decode(av_buf_span(out), KEYS_RING, header, err);
    return rc == AV_OK || rc == AV_ERR_INVALID ? rc : av_error_prefix(err, "%s", path);
}

av_errc
av_keyring_peek(const char *dir, av_keyring_info *ret, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf file = { 0 };
    keys_header header = { 0 };
    av_errc rc = read_file(dir, &file, &header, err);

    if (rc == AV_OK)
        fill_info(&header, ret);
    return rc;
}

av_errc
av_keyring_recover(const char *dir, const uint8_t recovery_private[32], uint8_t ret_instance_key[32], av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf file = { 0 };
    AV_CLEANUP(av_buf_release_secret) av_buf plain = { 0 };
    keys_header header = { 0 };
    av_keyring_info info;
    uint8_t key[32];
    av_errc rc = read_file(dir, &file, &header, err);

    if (rc != AV_OK)
        return rc;
    fill_info(&header, &info);
    rc = keys_box_open(&header, recovery_private, key, err);
    if (rc == AV_ERR_AUTH)
        return av_error_set(err, rc, "the keyring in %s is locked: it needs the recovery key with identifier %s", dir,
            info.recovery_key_id);
    av_buf_init(&plain, KEYS_RING_FILE_MAX);
    if (rc == AV_OK)
        rc = keys_file_decode(av_buf_span(&file), KEYS_RING, key, &header, &plain, err);
    if (rc == AV_ERR_AUTH)
        rc = av_error_set(err, AV_ERR_CORRUPT, "it is not sealed with the instance key it holds");
    if (rc == AV_OK)
        memcpy(ret_instance_key, key, 32);
    av_secret_wipe(key, sizeof key);
    return rc == AV_OK ? AV_OK : av_error_prefix(err, "the keyring in %s", dir);
}

av_errc
keys_ring_write(
    av_keyring *self, const keys_header *header, const keys_ring_body *body, const uint8_t key[32], av_error *err)
{
    AV_CLEANUP(av_buf_release_secret) av_buf plain = { 0 };
    AV_CLEANUP(av_buf_release) av_buf file = { 0 };
    keys_header next = *header;
    bool renamed = false;
    av_errc rc;

    if (self->broken)
        return av_error_set(err, AV_ERR_READONLY,
            "an earlier write to the keyring in %s failed, so it stays as it is until it is opened again", self->dir);
    next.version = self->header.version + 1;
    av_buf_init(&plain, KEYS_RING_FILE_MAX);
    av_buf_init(&file, KEYS_RING_FILE_MAX);
    if (av_buf_reserve(&plain, 68 + body->n * 48) == NULL || !keys_ring_encode(body, &plain))
        return av_error_set(err, AV_ERR_NOMEM, "no memory for the keyring");
    rc = keys_box_seal(&next, key, err);
    if (rc == AV_OK)
        rc = keys_file_encode(&next, key, av_buf_span(&plain), &file, err);
    if (rc == AV_OK)
        rc = keys_file_replace(self->dir, "keyring.avk", av_buf_span(&file), &renamed, err);
    self->broken = rc != AV_OK && renamed;
    if (rc == AV_OK)
        self->header = next;
    return rc;
}

static av_errc
lock_folder(av_keyring *self, av_error *err)
{
    char path[KEYS_PATH];
    av_errc rc = keys_path(self->dir, "lock", path, err);

    if (rc == AV_OK)
        rc = av_file_open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600, &self->lock_fd, err);
    if (rc != AV_OK || flock(self->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return rc;
    if (errno == EWOULDBLOCK)
        return av_error_set(err, AV_ERR_BUSY, "the keyring in %s is open in another process", self->dir);
    return av_error_errno(err, "lock %s", path);
}

static av_keyring *
ring_new(const char *dir, const uint8_t instance_key[32])
{
    av_keyring *self = av_xcalloc(1, sizeof *self);

    self->dir = av_xstrdup(dir);
    self->lock_fd = -1;
    memcpy(self->instance_key, instance_key, 32);
    (void)pthread_mutex_init(&self->mutex, NULL);
    return self;
}

void
av_keyring_destroy(av_keyring **self)
{
    av_keyring *it = self == NULL ? NULL : AV_TAKE(*self);

    if (it == NULL)
        return;
    keys_ring_release(&it->body);
    av_file_close(&it->lock_fd);
    (void)pthread_mutex_destroy(&it->mutex);
    free(it->dir);
    av_secret_wipe(it, sizeof *it);
    free(it);
}

av_errc
av_keyring_create(const char *dir, const uint8_t instance_uuid[16], const uint8_t instance_key[32],
    const uint8_t recovery_public[32], av_keyring **ret, av_error *err)
{
    AV_CLEANUP(av_keyring_destroy) av_keyring *self = ring_new(dir, instance_key);
    keys_header header = { .kind = KEYS_RING };
    char path[KEYS_PATH];
    av_errc rc = keys_path(dir, "keyring.avk", path, err);

    if (rc == AV_OK)
        rc = av_dir_make(dir, err);
    if (rc == AV_OK)
        rc = lock_folder(self, err);
    if (rc == AV_OK && av_file_exists(path))
        rc = av_error_set(err, AV_ERR_EXISTS, "there is a keyring in %s already", dir);
    if (rc != AV_OK)
        return rc;
    memcpy(header.uuid, instance_uuid, 16);
    memcpy(header.recovery_public, recovery_public, 32);
    av_random_bytes(self->body.catalog, 32);
    av_random_bytes(self->body.accounts, 32);
    rc = keys_ring_write(self, &header, &self->body, instance_key, err);
    if (rc != AV_OK)
        return rc;
    *ret = AV_TAKE(self);
    return AV_OK;
}

av_errc
av_keyring_open(const char *dir, const uint8_t instance_key[32], av_keyring **ret, av_error *err)
{
    AV_CLEANUP(av_keyring_destroy) av_keyring *self = ring_new(dir, instance_key);
    AV_CLEANUP(av_buf_release) av_buf file = { 0 };
    AV_CLEANUP(av_buf_release_secret) av_buf plain = { 0 };
    av_keyring_info info;
    av_errc rc = av_keyring_peek(dir, &info, err); /* before a lock file is made in a folder that holds none */

    if (rc == AV_OK)
        rc = lock_folder(self, err);
    if (rc == AV_OK)
        rc = av_dir_sync(dir, err); /* who died before syncing it left names that only memory has */
    if (rc == AV_OK)
        rc = read_file(dir, &file, &self->header, err);
    if (rc != AV_OK)
        return rc;
    av_buf_init(&plain, KEYS_RING_FILE_MAX);
    rc = keys_file_decode(av_buf_span(&file), KEYS_RING, instance_key, &self->header, &plain, err);
    if (rc == AV_ERR_AUTH) {
        fill_info(&self->header, &info);
        return av_error_set(err, rc,
            "the keyring in %s is locked: it needs the instance key with identifier %s or the recovery key with "
            "identifier %s",
            dir, info.instance_key_id, info.recovery_key_id);
    }
    if (rc == AV_OK)
        rc = keys_ring_decode(av_buf_span(&plain), &self->body, err);
    if (rc != AV_OK)
        return av_error_prefix(err, "the keyring in %s", dir);
    *ret = AV_TAKE(self);
    return AV_OK;
}

void
av_keyring_info_get(av_keyring *self, av_keyring_info *ret)
{
    (void)pthread_mutex_lock(&self->mutex);
    fill_info(&self->header, ret);
    (void)pthread_mutex_unlock(&self->mutex);
}

const uint8_t *
av_keyring_catalog_key(const av_keyring *self)
{
    return self->body.catalog;
}

const uint8_t *
av_keyring_accounts_key(const av_keyring *self)
{
    return self->body.accounts;
}

av_errc
av_keyring_rekey(av_keyring *self, const uint8_t *new_instance_key, const uint8_t *new_recovery_public, av_error *err)
{
    keys_header header;
    av_errc rc;

    (void)pthread_mutex_lock(&self->mutex);
    header = self->header;
    if (new_recovery_public != NULL)
        memcpy(header.recovery_public, new_recovery_public, 32);
    if (new_instance_key == NULL)
        new_instance_key = self->instance_key;
    rc = keys_ring_write(self, &header, &self->body, new_instance_key, err);
    if (rc == AV_OK)
        memmove(self->instance_key, new_instance_key, 32);
    (void)pthread_mutex_unlock(&self->mutex);
    return rc;
}
