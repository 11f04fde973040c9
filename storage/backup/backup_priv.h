/*
 * backup_priv.h - what the files of this folder share: walking folders, copying one file with its digest
 */
#ifndef AV_BACKUP_BACKUP_PRIV_H
#define AV_BACKUP_BACKUP_PRIV_H

#include "storage/backup/backup.h"

#define BACKUP_CHUNK (1024U * 1024)

/* Bytes done of a total, told to whoever watches. */
typedef struct backup_progress {
    const av_care_watch *watch; /* may be NULL */
    uint64_t done, total;
} backup_progress;

/* So many bytes more. AV_OK or AV_ERR_CANCELLED. */
av_errc backup_go_on(backup_progress *self, uint64_t bytes, av_error *err);
__attribute__((format(printf, 3, 4))) void backup_say(
    const av_care_watch *watch, av_log_level level, const char *fmt, ...);

/* SHA-256 of the first `size` bytes (UINT64_MAX: of all); ret_size: how many there were. AV_ERR_NOT_FOUND. */
av_errc backup_digest(const char *path, uint64_t size, backup_progress *progress, uint8_t ret[AV_SHA256_SIZE],
    uint64_t *ret_size, av_error *err);
/*
 * The first `size` bytes (UINT64_MAX: all) of from into to, which is made new with that mode, synced and read back.
 * Not its name: the caller syncs the folder. AV_ERR_CORRUPT: it reads back different. AV_ERR_NOT_FOUND: from.
 */
av_errc backup_copy(const char *from, const char *to, uint64_t size, mode_t mode, backup_progress *progress,
    uint8_t ret_digest[AV_SHA256_SIZE], uint64_t *ret_size, av_error *err);

/* Regular files of a folder and below, by name relative to it, sorted. Missing folder: none. "LOCK" and "*.new" too. */
typedef struct backup_names {
    char **names;
    size_t count;
} backup_names;
void backup_names_release(backup_names *self);
av_errc backup_walk(const char *dir, backup_names *ret, av_error *err);
bool backup_is_empty(const char *dir); /* or missing */

/* Zeros over each file's bytes, synced, best effort; then all of the folder is removed. inside: see av_dir_remove. */
av_errc backup_wipe(const char *dir, const char *inside, av_error *err);
/* For those who read: *ret is the caller's to close (-1: none needed). AV_ERR_BUSY: a backup is being written. */
av_errc backup_lock_shared(const char *dir, int *ret, av_error *err);
/* Containers of a store whose keys were away may have been written on since: their first bytes are the backup's. */
bool backup_may_grow(const char *path);
/* The folder a file lies in; free. */
char *backup_parent(const char *path);

#endif
