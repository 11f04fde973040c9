/*
 * store_keys_priv.h - the object behind store_keys.h: looking keys up (store_keys.c), changing them (store_change.c)
 *
 * Two locks. `change` is held through a whole change, its disk writes included: changes wait for each other. `state`
 * guards the fields below it and is held for moments (and while a tree is read from disk), so that a change never makes
 * readers wait for a sync. Order: change, then state. What a change reads of the head needs `change` alone, because
 * only a change writes it; what it writes needs both.
 */
#ifndef AV_KEYS_STORE_KEYS_PRIV_H
#define AV_KEYS_STORE_KEYS_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "storage/keys/head.h"
#include "storage/keys/keys_priv.h"
#include "storage/keys/store_keys.h"
#include "storage/keys/tree.h"

#define KEYS_TREE_FILE_MAX ((size_t)KEYS_HEADER + KEYS_TAG + 4 + (size_t)AV_KEY_TREE_NODES * AV_KEY_TREE_NODE)
#define KEYS_HEAD_FILE_MAX ((size_t)KEYS_HEADER + KEYS_TAG + 36 + (size_t)AV_KEY_HEAD_CONTAINERS * 69)
#define KEYS_LOADED        512U /* most trees in memory */

typedef struct keys_loaded {
    uint32_t container;
    uint64_t used; /* the clock at its last use */
    av_key_tree *tree;
} keys_loaded;

struct av_store_keys {
    atomic_uint refs;
    char *dir;
    uint8_t uuid[16];
    uint8_t store_key[32];
    uint8_t log[32], dedup[32];

    pthread_mutex_t change;
    uint64_t head_version; /* of store.avk on disk */
    bool broken;           /* a write failed and nobody knows what is on disk: no more changes */

    pthread_mutex_t state;
    av_key_head head;
    keys_loaded loaded[KEYS_LOADED];
    size_t n_loaded, loaded_bytes;
    uint64_t clock;
};

/* The object without its head; *ret is whole enough for unref. */
av_store_keys *keys_store_new(const char *dir, const uint8_t uuid[16], const uint8_t store_key[32]);
/*
 * Read a container's tree from its file, by the row of the head. ret_next: it opened with the next epoch key.
 * version (may be NULL) gets the file's. Under either lock.
 */
av_errc keys_tree_load(const av_store_keys *self, const av_key_epoch *row, av_key_tree **ret, bool *ret_next,
    uint64_t *version, av_error *err);
/* Let go of a container's tree in memory. Under state. */
void keys_tree_drop(av_store_keys *self, uint32_t container);

/* Does anybody but the caller hold a reference? */
bool keys_store_shared(const av_store_keys *self);
/* AV_ERR_READONLY after a write that failed. Under change. */
av_errc keys_check_broken(const av_store_keys *self, av_error *err);
/* A tree as the container's file in dir under the epoch key, synced; behind: what follows the name, "" or ".new". */
av_errc keys_tree_write(const av_store_keys *self, const char *dir, uint32_t container, const av_key_tree *tree,
    uint64_t version, const uint8_t key[32], const char *behind, av_error *err);
/* Under change, or before anybody else has the object: write the head as store.avk, durably, and make it the head. */
av_errc keys_head_store(av_store_keys *self, av_key_head *head_take, av_error *err);
/* Under change: containers left with two epoch keys get the right one. */
av_errc keys_settle(av_store_keys *self, av_error *err);
/* Copies of all files to a folder that has none, synced; every tree is opened on the way. */
av_errc keys_store_copy(av_store_keys *self, const char *to, av_error *err);

#endif
