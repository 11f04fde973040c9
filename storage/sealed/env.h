/*
 * env.h - the files of one RocksDB database, sealed below RocksDB (docs/format-database.md)
 *
 * An env is RocksDB's file system for one database: each file (tables, write-ahead log, MANIFEST, CURRENT, IDENTITY,
 * OPTIONS) is AES-256-CTR under a key of its own, derived from the database's key and a random salt at its front.
 * Keys and values above stay plain and ordered, RocksDB's checksums lie inside. LOCK is empty and stays so; RocksDB's
 * info log goes to ours (events database.warning and database.error) and into no file.
 *
 * Sealed means: nobody reads it without the key. It does not mean that nobody changed it: RocksDB's checksums find rot,
 * not an attacker who can write to the disk.
 *
 * All changes on disk go through base/file.h. A file whose write or sync failed takes no more writes and no more syncs.
 */
#ifndef AV_SEALED_ENV_H
#define AV_SEALED_ENV_H

#include <rocksdb/c.h>
#include <stdint.h>

#include "base/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define AV_SEALED_KEY          32U /* bytes */

/* RocksDB hands errors on as text: these words in it tell AV_ERR_AUTH, AV_ERR_VERSION and AV_ERR_CORRUPT. */
#define AV_SEALED_SAYS_KEY     "sealed with another key"
#define AV_SEALED_SAYS_NEWER   "sealed by a newer version"
#define AV_SEALED_SAYS_DAMAGED "sealed file is damaged"

typedef struct av_sealed_env av_sealed_env;

/* key: of one database, copied. AV_ERR_INTERNAL when OpenSSL has no AES. */
av_errc av_sealed_env_new(const uint8_t key[AV_SEALED_KEY], av_sealed_env **ret, av_error *err);
/* After the database and every options object it was applied to. NULL and *NULL are no-ops. */
void av_sealed_env_destroy(av_sealed_env **self);

/*
 * Make a database opened with these options use this env: replaces its Env and its info log, and sets off what a sealed
 * file cannot do (recycled logs, mmap, direct I/O). self is borrowed until the options and their database are gone.
 */
void av_sealed_env_apply(av_sealed_env *self, rocksdb_options_t *options);

#ifdef __cplusplus
}
#endif

#endif
