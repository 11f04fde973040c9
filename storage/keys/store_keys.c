/*
 * store_keys.c - see store_keys.h: opening a store's keys and giving them out; changes are in store_change.c
 */
#include "storage/keys/store_keys.h"

#include "base/encode.h"
#include "base/file.h"
#include "base/secret.h"
#include "storage/keys/store_keys_priv.h"

av_store_keys *
keys_store_new(const char *dir, const uint8_t uuid[16], const uint8_t store_key[32])
{
    av_store_keys *self = av_xcalloc(1, sizeof *self);

    atomic_init(&self->refs, 1);
    self->dir = av_xstrdup(dir);
    memcpy(self->uuid, uuid, 16);
    memcpy(self->store_key, store_key, 32);
    keys_derive(store_key, "archivolt log", self->log);
    keys_derive(store_key, "archivolt dedup", self->dedup);
    (void)pthread_mutex_init(&self->change, NULL);
    (void)pthread_mutex_init(&self->state, NULL);
    return self;
}

av_store_keys *
av_store_keys_ref(av_store_keys *self)
{
    (void)atomic_fetch_add(&self->refs, 1);
    return self;
}

void
av_store_keys_unref(av_store_keys **self)
{
    av_store_keys *it = self == NULL ? NULL : AV_TAKE(*self);

    if (it == NULL || atomic_fetch_sub(&it->refs, 1) != 1)
        return;
    while (it->n_loaded > 0)
        keys_tree_drop(it, it->loaded[0].container);
    av_key_head_release(&it->head);
    (void)pthread_mutex_destroy(&it->change);
    (void)pthread_mutex_destroy(&it->state);
    free(it->dir);
    av_secret_wipe(it, sizeof *it);
    free(it);
}

bool
keys_store_shared(const av_store_keys *self)
{
    return atomic_load(&self->refs) > 1;
}

/* store.avk into self->head. */
static av_errc
load_head(av_store_keys *self, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf file = { 0 };
    AV_CLEANUP(av_buf_release_secret) av_buf plain = { 0 };
    char path[KEYS_PATH];
    keys_header header;
    av_errc rc = keys_path(self->dir, "store.avk", path, err);

    av_buf_init(&file, KEYS_HEAD_FILE_MAX);
    av_buf_init(&plain, KEYS_HEAD_FILE_MAX);
    if (rc == AV_OK)
        rc = av_file_read_all(path, &file, err);
    if (rc == AV_ERR_NOT_FOUND)
        return av_error_set(err, rc, "there are no keys of the store in %s", self->dir);
    if (rc == AV_OK)
        rc = keys_file_decode(av_buf_span(&file), KEYS_HEAD, self->store_key, &header, &plain, err);
    if (rc == AV_OK && memcmp(header.uuid, self->uuid, 16) != 0)
        rc = av_error_set(err, AV_ERR_AUTH, "these are the keys of another store");
    if (rc == AV_OK)
        rc = av_key_head_decode(av_buf_span(&plain), &self->head, err);
    if (rc != AV_OK)
        return av_error_prefix(err, "%s", path);
    self->head_version = header.version;
    return AV_OK;
}

av_errc
av_store_keys_create(
    const char *dir, const uint8_t uuid[16], const uint8_t store_key[32], av_store_keys **ret, av_error *err)
{
    AV_CLEANUP(av_store_keys_unref) av_store_keys *self = keys_store_new(dir, uuid, store_key);
    av_key_head head = { 0 };
    char path[KEYS_PATH];
    av_errc rc = keys_path(dir, "store.avk", path, err);

    if (rc == AV_OK && av_file_exists(path))
        rc = av_error_set(err, AV_ERR_EXISTS, "%s holds keys already", dir);
    if (rc == AV_OK)
        rc = av_dir_make(dir, err);
    if (rc != AV_OK)
        return rc;
    av_random_bytes(head.database, sizeof head.database);
    rc = keys_head_store(self, &head, err);
    av_key_head_release(&head);
    if (rc != AV_OK)
        return rc;
    *ret = AV_TAKE(self);
    return AV_OK;
}

av_errc
av_store_keys_open(
    const char *dir, const uint8_t uuid[16], const uint8_t store_key[32], av_store_keys **ret, av_error *err)
{
    AV_CLEANUP(av_store_keys_unref) av_store_keys *self = keys_store_new(dir, uuid, store_key);
    av_errc rc = load_head(self, err);

    if (rc == AV_OK)
        rc = av_dir_sync(dir, err); /* who died before syncing it left names that only memory has */
    if (rc == AV_OK)
        rc = keys_settle(self, err);
    if (rc != AV_OK)
        return rc;
    *ret = AV_TAKE(self);
    return AV_OK;
}

const uint8_t *
av_store_keys_uuid(const av_store_keys *self)
{
    return self->uuid;
}

const uint8_t *
av_store_keys_log(const av_store_keys *self)
{
    return self->log;
}

const uint8_t *
av_store_keys_dedup(const av_store_keys *self)
{
    return self->dedup;
}

void
av_store_keys_database(av_store_keys *self, uint8_t ret[32])
{
    (void)pthread_mutex_lock(&self->state);
    memcpy(ret, self->head.database, 32);
    (void)pthread_mutex_unlock(&self->state);
}

bool
av_store_keys_has_container(av_store_keys *self, uint32_t container)
{
    bool has;

    (void)pthread_mutex_lock(&self->state);
    has = av_key_head_find(&self->head, container) != NULL;
    (void)pthread_mutex_unlock(&self->state);
    return has;
}

uint32_t
av_store_keys_container_next(av_store_keys *self, uint32_t from)
{
    size_t at;
    uint32_t ret;

    (void)pthread_mutex_lock(&self->state);
    at = av_key_head_from(&self->head, from);
    ret = at < self->head.n ? self->head.rows[at].container : 0;
    (void)pthread_mutex_unlock(&self->state);
    return ret;
}

av_errc
keys_tree_load(const av_store_keys *self, const av_key_epoch *row, av_key_tree **ret, bool *ret_next, uint64_t *version,
    av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf file = { 0 };
    AV_CLEANUP(av_buf_release_secret) av_buf plain = { 0 };
    char name[24], path[KEYS_PATH];
    keys_header header = { 0 };
    av_errc rc;

    *ret_next = false;
    keys_tree_name(row->container, name);
    rc = keys_path(self->dir, name, path, err);
    av_buf_init(&file, KEYS_TREE_FILE_MAX);
    av_buf_init(&plain, KEYS_TREE_FILE_MAX);
    if (rc == AV_OK)
        rc = av_file_read_all(path, &file, err);
    if (rc == AV_ERR_NOT_FOUND)
        return av_error_set(err, AV_ERR_CORRUPT, "%s, the keys of container %u, is missing", path, row->container);
    if (rc == AV_OK)
        rc = keys_file_decode(av_buf_span(&file), KEYS_TREE, row->key, &header, &plain, err);
    if (rc == AV_ERR_AUTH && row->pending) {
        *ret_next = true;
        rc = keys_file_decode(av_buf_span(&file), KEYS_TREE, row->next, &header, &plain, err);
    }
    if (rc == AV_ERR_AUTH)
        return av_error_set(err, AV_ERR_CORRUPT,
            "%s is not the file today's store.avk goes with: an older copy, from before records were erased, or a "
            "strange "
            "one",
            path);
    if (rc == AV_OK && (header.container != row->container || memcmp(header.uuid, self->uuid, 16) != 0))
        rc = av_error_set(err, AV_ERR_CORRUPT, "it belongs to container %u", header.container);
    if (rc == AV_OK)
        rc = av_key_tree_decode(av_buf_span(&plain), ret, err);
    if (rc != AV_OK)
        return av_error_prefix(err, "%s", path);
    if (version != NULL)
        *version = header.version;
    return AV_OK;
}

void
keys_tree_drop(av_store_keys *self, uint32_t container)
{
    for (size_t i = 0; i < self->n_loaded; i++) {
        if (self->loaded[i].container != container)
            continue;
        self->loaded_bytes -= av_key_tree_bytes(self->loaded[i].tree);
        av_key_tree_destroy(&self->loaded[i].tree);
        self->loaded[i] = self->loaded[--self->n_loaded];
        return;
    }
}

static void
make_room(av_store_keys *self)
{
    while (self->n_loaded == KEYS_LOADED || (self->n_loaded > 0 && self->loaded_bytes > AV_STORE_KEYS_CACHE)) {
        size_t oldest = 0;

        for (size_t i = 1; i < self->n_loaded; i++)
            if (self->loaded[i].used < self->loaded[oldest].used)
                oldest = i;
        keys_tree_drop(self, self->loaded[oldest].container);
    }
}

/* The container's tree, from memory or disk; valid while the state lock, which the caller has, is held. */
static av_errc
tree_of(av_store_keys *self, uint32_t container, av_key_tree **ret, av_error *err)
{
    const av_key_epoch *row;
    av_key_tree *tree = NULL;
    bool next;
    av_errc rc;

    for (size_t i = 0; i < self->n_loaded; i++) {
        if (self->loaded[i].container != container)
            continue;
        self->loaded[i].used = ++self->clock;
        *ret = self->loaded[i].tree;
        if (i > 0) { /* the next look finds it at once */
            keys_loaded front = self->loaded[i];

            self->loaded[i] = self->loaded[0];
            self->loaded[0] = front;
        }
        return AV_OK;
    }
    row = av_key_head_find(&self->head, container);
    if (row == NULL)
        return av_error_set(err, AV_ERR_NOT_FOUND, "container %u of the store has no keys", container);
    rc = keys_tree_load(self, row, &tree, &next, NULL, err);
    if (rc != AV_OK)
        return rc;
    make_room(self);
    self->loaded[self->n_loaded++] = (keys_loaded){ .container = container, .used = ++self->clock, .tree = tree };
    self->loaded_bytes += av_key_tree_bytes(tree);
    *ret = tree;
    return AV_OK;
}

static av_errc
check_slot(uint32_t slot, av_error *err)
{
    if (slot < AV_STORE_KEYS_SLOTS)
        return AV_OK;
    return av_error_set(
        err, AV_ERR_LIMIT, "a container has %u key slots, there is no slot %u", AV_STORE_KEYS_SLOTS, slot);
}

av_errc
av_store_keys_record(av_store_keys *self, uint32_t container, uint32_t slot, const uint8_t salt[AV_STORE_KEYS_SALT],
    uint8_t ret[32], av_error *err)
{
    av_key_tree *tree = NULL;
    av_errc rc = check_slot(slot, err);

    if (rc != AV_OK)
        return rc;
    (void)pthread_mutex_lock(&self->state);
    rc = tree_of(self, container, &tree, err);
    if (rc == AV_OK && !av_key_tree_record(tree, slot, salt, ret))
        rc = av_error_set(
            err, AV_ERR_GONE, "this message was erased: its key in container %u, slot %u is gone", container, slot);
    (void)pthread_mutex_unlock(&self->state);
    return rc;
}

av_errc
av_store_keys_is_erased(av_store_keys *self, uint32_t container, uint32_t slot, bool *ret, av_error *err)
{
    av_key_tree *tree = NULL;
    av_errc rc = check_slot(slot, err);

    if (rc != AV_OK)
        return rc;
    (void)pthread_mutex_lock(&self->state);
    rc = tree_of(self, container, &tree, err);
    if (rc == AV_OK)
        *ret = !av_key_tree_has(tree, slot);
    (void)pthread_mutex_unlock(&self->state);
    return rc;
}
