/*
 * store_erase.c - erasing records for good (docs/format-keys.md, 4: the four steps)
 *
 * It works on trees read from disk, never on those in memory: readers go on with the old ones until the new ones are on
 * disk.
 */
#include <stdlib.h>

#include "base/file.h"
#include "base/secret.h"
#include "storage/keys/store_keys_priv.h"

#define BATCH 64U /* containers erased at once: each keeps its old file open */

/* One container of a running erasure. */
typedef struct puncture {
    uint32_t container;
    uint8_t next[32];
    int old; /* the file that is replaced */
} puncture;

static int
by_place(const void *a, const void *b)
{
    const av_key_slot *x = a, *y = b;

    if (x->container != y->container)
        return x->container < y->container ? -1 : 1;
    return (x->slot > y->slot) - (x->slot < y->slot);
}

/*
 * Step 1 for one container: its tree without the slots, beside the old one. ret_changed: there was something to take
 * out.
 */
static av_errc
puncture_beside(av_store_keys *self, const uint32_t *slots, size_t n, puncture *p, bool *ret_changed, av_error *err)
{
    AV_CLEANUP(av_key_tree_destroy) av_key_tree *tree = NULL;
    const av_key_epoch *row = av_key_head_find(&self->head, p->container);
    uint64_t version = 0;
    bool next;
    size_t erased = 0;
    av_errc rc;

    *ret_changed = false;
    if (row == NULL)
        return AV_OK; /* no keys: nothing to erase */
    rc = keys_tree_load(self, row, &tree, &next, &version, err);
    if (rc == AV_OK && row->pending) /* settling, a moment ago, could not open it */
        rc = av_error_set(err, AV_ERR_CORRUPT, "the key tree of container %u was damaged: try again", row->container);
    if (rc == AV_OK)
        rc = av_key_tree_puncture(tree, slots, n, &erased, err);
    if (rc != AV_OK || erased == 0)
        return rc;
    av_random_bytes(p->next, sizeof p->next);
    *ret_changed = true;
    return keys_tree_write(self, self->dir, p->container, tree, version + 1, p->next, ".new", err);
}

/* Steps 3 and 4 want these paths. */
static void
tree_paths(const av_store_keys *self, uint32_t container, char path[KEYS_PATH], char beside[KEYS_PATH + 8])
{
    av_error unlikely;
    char name[24];

    keys_tree_name(container, name);
    if (keys_path(self->dir, name, path, &unlikely) != AV_OK)
        path[0] = '\0'; /* was checked when the tree was written */
    (void)snprintf(beside, KEYS_PATH + 8, "%s.new", path);
}

/* Step 3: new names, one sync of the folder. */
static av_errc
rename_all(av_store_keys *self, puncture *list, size_t n, av_error *err)
{
    char path[KEYS_PATH], beside[KEYS_PATH + 8];
    av_errc rc = AV_OK;

    for (size_t i = 0; i < n && rc == AV_OK; i++) {
        tree_paths(self, list[i].container, path, beside);
        list[i].old = keys_old_open(path);
        if (av_file_ops_get()->rename(beside, path) != 0)
            rc = av_error_errno(err, "rename to %s", path);
    }
    return rc == AV_OK ? av_dir_sync(self->dir, err) : rc;
}

/* Steps 2 to 4 for containers whose new trees lie beside. */
static av_errc
commit_punctures(av_store_keys *self, puncture *list, size_t n, av_error *err)
{
    av_key_head head = { 0 };
    av_errc rc;

    av_key_head_copy(&self->head, &head);
    for (size_t i = 0; i < n; i++) {
        av_key_epoch *row = av_key_head_find(&head, list[i].container);

        assert(row != NULL && !row->pending);
        row->pending = true;
        memcpy(row->next, list[i].next, 32);
    }
    rc = keys_head_store(self, &head, err);
    av_key_head_release(&head);
    if (rc != AV_OK)
        return rc;
    rc = rename_all(self, list, n, err);
    if (rc != AV_OK) {
        self->broken = true; /* the folder may show what is not on disk: only opening again may look at it */
        return rc;
    }
    av_key_head_copy(&self->head, &head);
    for (size_t i = 0; i < n; i++) {
        av_key_epoch *row = av_key_head_find(&head, list[i].container);

        row->pending = false;
        memcpy(row->key, row->next, 32);
        av_secret_wipe(row->next, 32);
    }
    rc = keys_head_store(self, &head, err);
    av_key_head_release(&head);
    (void)pthread_mutex_lock(&self->state);
    for (size_t i = 0; i < n; i++)
        keys_tree_drop(self, list[i].container);
    (void)pthread_mutex_unlock(&self->state);
    for (size_t i = 0; i < n && rc == AV_OK; i++)
        keys_old_wipe(&list[i].old);
    return rc;
}

/* What lies beside and was not renamed goes away. */
static void
release_punctures(av_store_keys *self, puncture *list, size_t n)
{
    char path[KEYS_PATH], beside[KEYS_PATH + 8];

    for (size_t i = 0; i < n; i++) {
        av_file_close(&list[i].old);
        tree_paths(self, list[i].container, path, beside);
        if (!self->broken)
            keys_file_wipe(beside);
    }
    av_secret_wipe(list, BATCH * sizeof *list);
}

/* Erase up to BATCH containers off the front of the sorted list. full: of those passed over, as their tree is. */
static av_errc
erase_batch(av_store_keys *self, const av_key_slot **at, size_t *left, uint32_t *slots, av_error *full, av_error *err)
{
    puncture list[BATCH];
    size_t n = 0;
    av_errc rc = AV_OK;

    while (*left > 0 && n < BATCH && rc == AV_OK) {
        puncture *p = &list[n];
        size_t count = 0, i = 0;
        bool changed = false;

        *p = (puncture){ .container = (*at)->container, .old = -1 };
        for (; i < *left && (*at)[i].container == p->container; i++)
            if (count == 0 || slots[count - 1] != (*at)[i].slot)
                slots[count++] = (*at)[i].slot;
        rc = puncture_beside(self, slots, count, p, &changed, err);
        if (rc == AV_ERR_LIMIT) {
            *full = *err;
            changed = false;
            rc = AV_OK;
        }
        n += changed ? 1 : 0;
        *at += i;
        *left -= i;
    }
    if (rc == AV_OK && n > 0)
        rc = commit_punctures(self, list, n, err);
    release_punctures(self, list, n);
    return rc;
}

/* sorted by place; numbers: room for as many slots */
static av_errc
erase_sorted(av_store_keys *self, const av_key_slot *sorted, size_t n, uint32_t *numbers, av_error *err)
{
    av_error full = { 0 };
    av_errc rc;

    (void)pthread_mutex_lock(&self->change);
    rc = keys_check_broken(self, err);
    if (rc == AV_OK)
        rc = keys_settle(self, err);
    while (rc == AV_OK && n > 0)
        rc = erase_batch(self, &sorted, &n, numbers, &full, err);
    (void)pthread_mutex_unlock(&self->change);
    if (rc != AV_OK || full.code == AV_OK)
        return rc;
    *err = full; /* one container whose tree is full keeps no other from being erased */
    return full.code;
}

av_errc
av_store_keys_erase(av_store_keys *self, const av_key_slot *slots, size_t n, av_error *err)
{
    av_key_slot *sorted;
    uint32_t *numbers;
    av_errc rc;

    for (size_t i = 0; i < n; i++)
        if (slots[i].slot >= AV_STORE_KEYS_SLOTS)
            return av_error_set(err, AV_ERR_LIMIT, "a container has %u key slots, there is no slot %u",
                AV_STORE_KEYS_SLOTS, slots[i].slot);
    if (n == 0)
        return AV_OK;
    sorted = malloc(n * sizeof *sorted); /* n is the caller's, who may have many */
    numbers = malloc(n * sizeof *numbers);
    if (sorted == NULL || numbers == NULL) {
        rc = av_error_set(err, AV_ERR_NOMEM, "no memory to erase %zu records at once", n);
    } else {
        memcpy(sorted, slots, n * sizeof *sorted);
        qsort(sorted, n, sizeof *sorted, by_place);
        rc = erase_sorted(self, sorted, n, numbers, err);
    }
    free(sorted);
    free(numbers);
    return rc;
}
