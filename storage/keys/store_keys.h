/*
 * store_keys.h - the keys of one store: a tree of record keys for each container, and what is derived for the whole
 * store
 *
 * A container's record keys are the leaves of a key tree (tree.h). Erasing a record takes its leaf out of the tree for
 * good: the tree file is written anew under a new random key, so that neither the file of today nor an older copy of it
 * gives the key again, and every other record stays readable. Files and order of writes: docs/format-keys.md.
 *
 * Thread safe: any number of threads may ask for keys while one changes them; changes wait for each other. Asking for a
 * key blocks on disk only when the container's tree is not in memory; the bytes held by trees are bounded
 * (AV_STORE_KEYS_CACHE) by letting go of those not used lately.
 *
 * After a failed write or sync the object gives keys as before but changes nothing any more (AV_ERR_READONLY); opened
 * again it settles by itself.
 */
#ifndef AV_KEYS_STORE_KEYS_H
#define AV_KEYS_STORE_KEYS_H

#include "base/error.h"
#include "base/span.h"

#define AV_STORE_KEYS_SIZE      32U         /* bytes of every key */
#define AV_STORE_KEYS_SALT      8U          /* bytes of a record's salt */
#define AV_STORE_KEYS_SLOTS     (1U << 24)  /* slots of a container: 0 to this, exclusive */
#define AV_STORE_KEYS_CONTAINER 99999999U   /* highest container number; the lowest is 1 */
#define AV_STORE_KEYS_CACHE     (16U << 20) /* bytes of trees kept in memory; the last used one may be larger */

typedef struct av_store_keys av_store_keys;

typedef struct av_key_slot {
    uint32_t container;
    uint32_t slot;
} av_key_slot;

/*
 * New keys in the folder dir (made when missing), for a store key the caller keeps. Most callers want
 * av_keyring_store_add instead, which keeps the store key too; this one is for tools and tests.
 * AV_ERR_EXISTS when the folder holds keys already.
 */
av_errc av_store_keys_create(
    const char *dir, const uint8_t uuid[16], const uint8_t store_key[32], av_store_keys **ret, av_error *err);
/*
 * The keys in dir, one reference for the caller. Finishes what a crash left half done. One object per folder at a time;
 * the keyring sees to that.
 * AV_ERR_NOT_FOUND: no keys there; AV_ERR_AUTH: another store key or another store's; AV_ERR_CORRUPT: damaged;
 * AV_ERR_VERSION: written by a newer version; AV_ERR_IO.
 */
av_errc av_store_keys_open(
    const char *dir, const uint8_t uuid[16], const uint8_t store_key[32], av_store_keys **ret, av_error *err);
av_store_keys *av_store_keys_ref(av_store_keys *self);
/* NULL and *NULL are no-ops; the last one wipes and frees. */
void av_store_keys_unref(av_store_keys **self);

/* Borrowed, for as long as the reference is held: 16 bytes. */
const uint8_t *av_store_keys_uuid(const av_store_keys *self);
/* 32 bytes each, borrowed. log: seals events, commits and dictionaries. dedup: key of an HMAC. */
const uint8_t *av_store_keys_log(const av_store_keys *self);
const uint8_t *av_store_keys_dedup(const av_store_keys *self);
/* Seals the store's databases. A copy, as av_store_keys_database_replace may change it; the caller wipes it. */
void av_store_keys_database(av_store_keys *self, uint8_t ret[32]);
/* A new random database key, durable on return: older copies of the databases do not open any more. */
av_errc av_store_keys_database_replace(av_store_keys *self, av_error *err);

/*
 * A key tree for a new container, durable on return. AV_ERR_EXISTS when it has one: a container that was given up
 * before its first commit may go on with it, because the keys also depend on each record's salt.
 */
av_errc av_store_keys_container_add(av_store_keys *self, uint32_t container, av_error *err);
bool av_store_keys_has_container(av_store_keys *self, uint32_t container);
/*
 * All keys of a container that is no more, durable on return. Idempotent.
 */
av_errc av_store_keys_container_forget(av_store_keys *self, uint32_t container, av_error *err);
/* The lowest container with keys that is >= from; 0 when there is none. For walking all of them. */
uint32_t av_store_keys_container_next(av_store_keys *self, uint32_t from);

/*
 * The key of one record. The caller wipes ret.
 * AV_ERR_GONE: the record was erased. AV_ERR_NOT_FOUND: the container has no keys. AV_ERR_LIMIT: no such slot.
 * AV_ERR_CORRUPT: the tree file is damaged, missing, or an older copy. AV_ERR_IO.
 */
av_errc av_store_keys_record(av_store_keys *self, uint32_t container, uint32_t slot,
    const uint8_t salt[AV_STORE_KEYS_SALT], uint8_t ret[32], av_error *err);
/* ret: whether the slot's key is gone. Errors as for av_store_keys_record, but erased is an answer. */
av_errc av_store_keys_is_erased(av_store_keys *self, uint32_t container, uint32_t slot, bool *ret, av_error *err);
/*
 * Erase n records in any order and of any containers of the store. On AV_OK it is durable: their keys cannot be had
 * again from this folder, nor from it and older copies of single files of it. Erased ones, doubles and containers
 * without keys are fine: what is asked for is the case already. After an error or a crash some containers may be done
 * and others not: repeat it.
 *
 * Costs nine syncs, and two for each further container, 64 containers at a time: better one call than many. One erased
 * slot adds at most 24 nodes of 36 bytes to its container's tree, which is written anew.
 * AV_ERR_LIMIT: no such slot (nothing was changed then), or a tree would grow beyond a million nodes (compact that
 * container instead; the records of all other containers are erased); AV_ERR_CORRUPT: a container's tree is damaged; AV_ERR_READONLY, AV_ERR_IO, AV_ERR_NOSPACE.
 */
av_errc av_store_keys_erase(av_store_keys *self, const av_key_slot *slots, size_t n, av_error *err);

#endif
