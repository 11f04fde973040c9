/*
 * keyring.h - the keyring folder of one instance: the instance key opens it, it opens the stores
 *
 * <dir>/keyring.avk holds the keys of the instance's databases and of its stores, sealed under the instance key, and
 * the instance key sealed to the public half of the recovery key. <dir>/<store uuid in hex>/ holds the keys of one
 * store (store_keys.h). The folder stands apart from the stores, and a backup keeps only its newest version: that is
 * what makes erasing reach into older backups (docs/format-keys.md).
 *
 * Thread safe. One process has a keyring open at a time (a lock on <dir>/lock); peek and recover need no lock.
 */
#ifndef AV_KEYS_KEYRING_H
#define AV_KEYS_KEYRING_H

#include "storage/keys/key_text.h"
#include "storage/keys/store_keys.h"

#define AV_KEYRING_STORES 65536U /* most stores of one keyring */

typedef struct av_keyring av_keyring;

/* What is known without any key. */
typedef struct av_keyring_info {
    uint8_t instance_uuid[16];
    uint8_t recovery_public[32];
    char instance_key_id[AV_KEY_ID_TEXT]; /* "XXXX-XXXX" */
    char recovery_key_id[AV_KEY_ID_TEXT];
    uint64_t version; /* counts the writes of this keyring */
} av_keyring_info;

/* The keys a detached store took along (av_keyring_store_export). */
typedef struct av_keyring_export_info {
    uint8_t store_uuid[16];
    char instance_key_id[AV_KEY_ID_TEXT]; /* either of these two keys unlocks it */
    char recovery_key_id[AV_KEY_ID_TEXT];
} av_keyring_export_info;

/*
 * A new keyring in dir (made when missing) with random database keys and no stores; durable on return.
 * instance_key: 32 random bytes the caller keeps elsewhere; borrowed. AV_ERR_EXISTS when there is one.
 */
av_errc av_keyring_create(const char *dir, const uint8_t instance_uuid[16], const uint8_t instance_key[32],
    const uint8_t recovery_public[32], av_keyring **ret, av_error *err);
/*
 * AV_ERR_NOT_FOUND: no keyring there; AV_ERR_AUTH: another instance key (says which identifier is wanted);
 * AV_ERR_BUSY: another process has it open; AV_ERR_CORRUPT, AV_ERR_VERSION, AV_ERR_IO.
 */
av_errc av_keyring_open(const char *dir, const uint8_t instance_key[32], av_keyring **ret, av_error *err);
/* Its open stores must be let go of before, by every thread. NULL and *NULL are no-ops. */
void av_keyring_destroy(av_keyring **self);

/* AV_ERR_NOT_FOUND, AV_ERR_CORRUPT, AV_ERR_VERSION, AV_ERR_IO. */
av_errc av_keyring_peek(const char *dir, av_keyring_info *ret, av_error *err);
/* The instance key of the keyring in dir, by the private recovery key: for a restored instance on another host.
 * AV_ERR_AUTH: another recovery key. The caller wipes ret. */
av_errc av_keyring_recover(
    const char *dir, const uint8_t recovery_private[32], uint8_t ret_instance_key[32], av_error *err);

void av_keyring_info_get(av_keyring *self, av_keyring_info *ret);
/* 32 bytes each, borrowed for the keyring's life: of the catalog's and the accounts' databases. */
const uint8_t *av_keyring_catalog_key(const av_keyring *self);
const uint8_t *av_keyring_accounts_key(const av_keyring *self);

/*
 * A new instance key, a new recovery key, or both (NULL: stays). Only keyring.avk is written anew; the store keys stay,
 * so an older copy of keyring.avk still opens with the old keys. Durable on return; the old file is overwritten.
 */
av_errc av_keyring_rekey(
    av_keyring *self, const uint8_t *new_instance_key, const uint8_t *new_recovery_public, av_error *err);

/* A random store key and fresh keys for it, durable; ret is the caller's reference. AV_ERR_EXISTS, AV_ERR_LIMIT. */
av_errc av_keyring_store_add(av_keyring *self, const uint8_t uuid[16], av_store_keys **ret, av_error *err);
/* The one object for the store's keys, another reference to it. AV_ERR_NOT_FOUND: not in this keyring; and what
 * av_store_keys_open returns. */
av_errc av_keyring_store_open(av_keyring *self, const uint8_t uuid[16], av_store_keys **ret, av_error *err);
bool av_keyring_has_store(av_keyring *self, const uint8_t uuid[16]);
/* Number of stores; the i-th one's UUID (i < count; order of UUIDs). */
size_t av_keyring_store_count(av_keyring *self);
bool av_keyring_store_at(av_keyring *self, size_t i, uint8_t ret[16]);
/* Without its keys the store cannot be read by anybody: export before a detach. AV_ERR_BUSY while somebody holds a
 * reference. Idempotent; durable on return. */
av_errc av_keyring_store_remove(av_keyring *self, const uint8_t uuid[16], av_error *err);

/*
 * A copy of the store's keys as <store_dir>/store.keys/, locked with the store key wrapped by this instance's key and
 * sealed to its recovery key. Durable on return. The keyring keeps its own: remove it after. An older store.keys/ is
 * replaced.
 */
av_errc av_keyring_store_export(av_keyring *self, const uint8_t uuid[16], const char *store_dir, av_error *err);
/* Does <store_dir>/store.keys/ hold keys, and which key unlocks them? AV_ERR_NOT_FOUND: none there. */
av_errc av_keyring_export_peek(const char *store_dir, av_keyring_export_info *ret, av_error *err);
/*
 * Take <store_dir>/store.keys/ into this keyring and, once that is durable, wipe and remove the folder there.
 * Locked by this keyring's own instance key it opens by itself; otherwise unlock_key is the key: the old instance's
 * recovery key (private half) or instance key. unlock_key may be NULL.
 * AV_ERR_AUTH: locked ("store ... is locked: it needs the recovery key with identifier ... or ...").
 * AV_ERR_EXISTS: the keyring holds other or older keys of this store. AV_ERR_NOT_FOUND: no keys there.
 */
av_errc av_keyring_store_import(
    av_keyring *self, const char *store_dir, const av_key *unlock_key, uint8_t ret_uuid[16], av_error *err);
/*
 * Wipe and remove <store_dir>/store.keys/, whatever it holds. Import does it; attaching does it too when a crash left a
 * folder without its lock behind (export_peek: AV_ERR_NOT_FOUND). Missing is fine; durable on return.
 */
av_errc av_keyring_export_drop(const char *store_dir, av_error *err);

#endif
