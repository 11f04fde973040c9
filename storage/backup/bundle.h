/*
 * bundle.h - a few files sealed into one, under a passphrase or to a recovery key: how management is backed up
 *
 * Layout: docs/backup.md, 6. Reads and writes in pieces of 64 KB; nothing of the files' contents stands on disk in
 * clear.
 */
#ifndef AV_BACKUP_BUNDLE_H
#define AV_BACKUP_BUNDLE_H

#include "base/buf.h"
#include "base/error.h"

#define AV_BUNDLE_FILES_MAX      100000U
#define AV_BUNDLE_PASSPHRASE_MIN 12 /* bytes */

/* What seals and opens: one of both. */
typedef struct av_bundle_secret {
    const char *passphrase;
    const uint8_t *recovery; /* 32 bytes; write: public half, read: private half */
} av_bundle_secret;

typedef struct av_bundle_writer av_bundle_writer;

/*
 * Begins <path>.new. AV_ERR_INVALID: the passphrase is too short. Argon2id takes about a second and 256 MB.
 */
av_errc av_bundle_create(const char *path, const av_bundle_secret *secret, av_bundle_writer **ret, av_error *err);
/* The file `from` under this name (as in manifest.h: av_backup_path_valid). Its mode comes along. */
av_errc av_bundle_add(av_bundle_writer *self, const char *name, const char *from, av_error *err);
/* Synced, read back and compared, renamed over path; frees *self in every case. */
av_errc av_bundle_finish(av_bundle_writer **self, av_error *err);
/* Give up; removes <path>.new. NULL and *NULL are no-ops. */
void av_bundle_destroy(av_bundle_writer **self);

/*
 * All files of a bundle into dir, which must not be there: made beside as <dir>.restoring and renamed when all of it
 * was authentic. dir NULL: only checked. AV_ERR_AUTH: another passphrase or key; AV_ERR_CORRUPT, AV_ERR_VERSION,
 * AV_ERR_EXISTS, AV_ERR_NOT_FOUND.
 */
av_errc av_bundle_unpack(
    const char *path, const av_bundle_secret *secret, const char *dir, size_t *ret_files, av_error *err);
/* Is it sealed to a recovery key (true), or under a passphrase? */
av_errc av_bundle_wants_recovery(const char *path, bool *ret, av_error *err);

#endif
