/*
 * store_change.c - adding, forgetting and copying containers' keys, and finishing what a crash left half done
 *
 * Order of writes: docs/format-keys.md, 4. Erasing: store_erase.c.
 */
#include "base/encode.h"
#include "base/file.h"
#include "base/secret.h"
#include "storage/keys/store_keys_priv.h"

av_errc
keys_check_broken(const av_store_keys *self, av_error *err)
{
    if (!self->broken)
        return AV_OK;
    return av_error_set(err, AV_ERR_READONLY,
        "an earlier write to %s failed, so its keys stay as they are until the store is opened again", self->dir);
}

av_errc
keys_head_store(av_store_keys *self, av_key_head *head_take, av_error *err)
{
    AV_CLEANUP(av_buf_release_secret) av_buf plain = { 0 };
    AV_CLEANUP(av_buf_release) av_buf file = { 0 };
    keys_header header = { .kind = KEYS_HEAD, .version = self->head_version + 1 };
    bool renamed = false;
    av_key_head old;
    av_errc rc;

    memcpy(header.uuid, self->uuid, 16);
    av_buf_init(&plain, KEYS_HEAD_FILE_MAX);
    av_buf_init(&file, KEYS_HEAD_FILE_MAX);
    if (av_buf_reserve(&plain, 36 + head_take->n * 69) == NULL || !av_key_head_encode(head_take, &plain))
        return av_error_set(err, AV_ERR_LIMIT, "the keys of the store do not fit into memory");
    rc = keys_file_encode(&header, self->store_key, av_buf_span(&plain), &file, err);
    if (rc == AV_OK)
        rc = keys_file_replace(self->dir, "store.avk", av_buf_span(&file), &renamed, err);
    if (rc != AV_OK) {
        self->broken = self->broken || renamed;
        return rc;
    }
    self->head_version++;
    (void)pthread_mutex_lock(&self->state);
    old = self->head;
    self->head = *head_take;
    (void)pthread_mutex_unlock(&self->state);
    *head_take = (av_key_head){ 0 };
    av_key_head_release(&old);
    return AV_OK;
}

av_errc
keys_tree_write(const av_store_keys *self, const char *dir, uint32_t container, const av_key_tree *tree,
    uint64_t version, const uint8_t key[32], const char *behind, av_error *err)
{
    AV_CLEANUP(av_buf_release_secret) av_buf plain = { 0 };
    AV_CLEANUP(av_buf_release) av_buf file = { 0 };
    keys_header header = { .kind = KEYS_TREE, .container = container, .version = version };
    size_t n = 4 + av_key_tree_nodes(tree) * AV_KEY_TREE_NODE;
    char name[24], path[KEYS_PATH], whole[KEYS_PATH + 8];
    av_errc rc;

    memcpy(header.uuid, self->uuid, 16);
    keys_tree_name(container, name);
    rc = keys_path(dir, name, path, err);
    av_buf_init(&plain, n);
    av_buf_init(&file, n + KEYS_HEADER + KEYS_TAG);
    if (rc == AV_OK && (av_buf_reserve(&plain, n) == NULL || !av_key_tree_encode(tree, &plain)))
        rc = av_error_set(err, AV_ERR_NOMEM, "no memory for the keys of container %u", container);
    if (rc == AV_OK)
        rc = keys_file_encode(&header, key, av_buf_span(&plain), &file, err);
    if (rc != AV_OK)
        return rc;
    (void)snprintf(whole, sizeof whole, "%s%s", path, behind);
    return keys_file_write(whole, av_buf_span(&file), err);
}

av_errc
av_store_keys_container_add(av_store_keys *self, uint32_t container, av_error *err)
{
    AV_CLEANUP(av_key_tree_destroy) av_key_tree *tree = av_key_tree_new();
    av_key_head head = { 0 };
    uint8_t key[32];
    av_errc rc;

    (void)pthread_mutex_lock(&self->change);
    rc = keys_check_broken(self, err);
    if (rc == AV_OK && (container == 0 || container > AV_STORE_KEYS_CONTAINER))
        rc = av_error_set(err, AV_ERR_INVALID, "there is no container %u", container);
    if (rc == AV_OK && av_key_head_find(&self->head, container) != NULL)
        rc = av_error_set(err, AV_ERR_EXISTS, "container %u has keys already", container);
    if (rc == AV_OK && self->head.n >= AV_KEY_HEAD_CONTAINERS)
        rc = av_error_set(err, AV_ERR_LIMIT, "a store has at most %u containers", AV_KEY_HEAD_CONTAINERS);
    av_random_bytes(key, sizeof key);
    if (rc == AV_OK)
        rc = keys_tree_write(self, self->dir, container, tree, 1, key, "", err);
    if (rc == AV_OK)
        rc = av_dir_sync(self->dir, err);
    if (rc == AV_OK) {
        av_key_head_copy(&self->head, &head);
        av_key_head_add(&head, container, key);
        rc = keys_head_store(self, &head, err);
        av_key_head_release(&head);
    }
    (void)pthread_mutex_unlock(&self->change);
    av_secret_wipe(key, sizeof key);
    return rc;
}

av_errc
av_store_keys_container_forget(av_store_keys *self, uint32_t container, av_error *err)
{
    av_key_head head = { 0 };
    char name[24], path[KEYS_PATH];
    av_errc rc;

    (void)pthread_mutex_lock(&self->change);
    rc = keys_check_broken(self, err);
    if (rc == AV_OK && av_key_head_find(&self->head, container) != NULL) {
        av_key_head_copy(&self->head, &head);
        av_key_head_remove(&head, container);
        rc = keys_head_store(self, &head, err);
        av_key_head_release(&head);
        if (rc == AV_OK) {
            (void)pthread_mutex_lock(&self->state);
            keys_tree_drop(self, container);
            (void)pthread_mutex_unlock(&self->state);
            keys_tree_name(container, name);
            rc = keys_path(self->dir, name, path, err);
            if (rc == AV_OK)
                keys_file_wipe(path); /* nothing opens it any more: that its name goes needs no sync */
        }
    }
    (void)pthread_mutex_unlock(&self->change);
    return rc;
}

av_errc
av_store_keys_database_replace(av_store_keys *self, av_error *err)
{
    av_key_head head = { 0 };
    av_errc rc;

    (void)pthread_mutex_lock(&self->change);
    rc = keys_check_broken(self, err);
    if (rc == AV_OK) {
        av_key_head_copy(&self->head, &head);
        av_random_bytes(head.database, sizeof head.database);
        rc = keys_head_store(self, &head, err);
        av_key_head_release(&head);
    }
    (void)pthread_mutex_unlock(&self->change);
    return rc;
}

/*
 * The epoch key that opens the container's tree becomes its only one; what was made beside goes. A damaged tree opens
 * with neither: it keeps both, and only its own records are lost.
 */
static av_errc
settle_row(const av_store_keys *self, av_key_epoch *row, av_error *err)
{
    AV_CLEANUP(av_key_tree_destroy) av_key_tree *tree = NULL;
    char name[24], path[KEYS_PATH], beside[KEYS_PATH + 8];
    bool next = false;
    av_errc rc = keys_tree_load(self, row, &tree, &next, NULL, err);

    if (rc == AV_ERR_CORRUPT)
        return AV_OK;
    if (rc != AV_OK)
        return rc;
    if (next)
        memcpy(row->key, row->next, 32);
    row->pending = false;
    av_secret_wipe(row->next, 32);
    keys_tree_name(row->container, name);
    rc = keys_path(self->dir, name, path, err);
    if (rc != AV_OK)
        return rc;
    (void)snprintf(beside, sizeof beside, "%s.new", path);
    keys_file_wipe(beside);
    return AV_OK;
}

av_errc
keys_settle(av_store_keys *self, av_error *err)
{
    av_key_head head = { 0 };
    size_t settled = 0;
    av_errc rc = AV_OK;

    av_key_head_copy(&self->head, &head);
    for (size_t i = 0; i < head.n && rc == AV_OK; i++)
        if (head.rows[i].pending) {
            rc = settle_row(self, &head.rows[i], err);
            settled += head.rows[i].pending ? 0 : 1;
        }
    if (rc == AV_OK && settled > 0)
        rc = keys_head_store(self, &head, err);
    for (size_t i = 0; i < self->head.n && rc == AV_OK && settled > 0; i++) {
        (void)pthread_mutex_lock(&self->state);
        keys_tree_drop(self, self->head.rows[i].container);
        (void)pthread_mutex_unlock(&self->state);
    }
    av_key_head_release(&head);
    return rc == AV_OK ? AV_OK : av_error_prefix(err, "finish an erasure that was interrupted");
}

av_errc
keys_store_copy(av_store_keys *self, const char *to, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf file = { 0 };
    char path[KEYS_PATH];
    av_errc rc;

    (void)pthread_mutex_lock(&self->change);
    rc = keys_check_broken(self, err);
    if (rc == AV_OK)
        rc = keys_settle(self, err);
    for (size_t i = 0; i < self->head.n && rc == AV_OK; i++) {
        AV_CLEANUP(av_key_tree_destroy) av_key_tree *tree = NULL;
        const av_key_epoch *row = &self->head.rows[i];
        uint64_t version = 0;
        bool next;

        rc = keys_tree_load(self, row, &tree, &next, &version, err);
        if (rc == AV_OK)
            rc = keys_tree_write(self, to, row->container, tree, version, row->key, "", err);
    }
    av_buf_init(&file, KEYS_HEAD_FILE_MAX);
    if (rc == AV_OK)
        rc = keys_path(self->dir, "store.avk", path, err);
    if (rc == AV_OK)
        rc = av_file_read_all(path, &file, err);
    if (rc == AV_OK)
        rc = keys_path(to, "store.avk", path, err);
    if (rc == AV_OK)
        rc = keys_file_write(path, av_buf_span(&file), err);
    if (rc == AV_OK)
        rc = av_dir_sync(to, err);
    (void)pthread_mutex_unlock(&self->change);
    return rc;
}
