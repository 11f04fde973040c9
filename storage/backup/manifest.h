/*
 * manifest.h - what a backup folder holds: backup.avb, one file a line (docs/backup.md)
 *
 * The text and the table it stands for; pure but for load and save. A backup is what its manifest names: a file it does
 * not name is of a backup that was never finished.
 */
#ifndef AV_BACKUP_MANIFEST_H
#define AV_BACKUP_MANIFEST_H

#include "base/buf.h"
#include "base/encode.h"
#include "base/error.h"

#define AV_BACKUP_MANIFEST     "backup.avb"     /* of the last finished backup */
#define AV_BACKUP_PARTIAL      "backup.partial" /* of one under way: what is copied already */
#define AV_BACKUP_FILES_MAX    4000000U
#define AV_BACKUP_STORES_MAX   65536U
#define AV_BACKUP_MANIFEST_MAX (1024U * 1024 * 1024)
#define AV_BACKUP_PATH_MAX     1024U
#define AV_BACKUP_ID_MAX       63U

typedef struct av_backup_file {
    char *path; /* below the backup folder: printable ASCII, no empty, "." or ".." component */
    uint64_t size;
    uint8_t digest[AV_SHA256_SIZE];
} av_backup_file;

typedef struct av_backup_store {
    uint8_t uuid[16];
    uint64_t lsn; /* of its last commit record in the backup; 0: none, or its keys were away */
} av_backup_store;

typedef struct av_backup_manifest {
    uint8_t instance_uuid[16];
    char instance_id[AV_BACKUP_ID_MAX + 1];
    uint64_t number; /* counts the backups in this folder, from 1 */
    int64_t time_ms; /* the moment it shows the instance at */
    char program[32];
    av_backup_store *stores;
    size_t store_count;
    av_backup_file *files; /* by path once finished */
    size_t file_count, file_cap;
} av_backup_manifest;

/* For AV_CLEANUP, too; zeroed is fine. */
void av_backup_manifest_release(av_backup_manifest *self);
bool av_backup_path_valid(av_span path);
/* A row more; path is copied. The path must be valid. */
void av_backup_manifest_add(
    av_backup_manifest *self, const char *path, uint64_t size, const uint8_t digest[AV_SHA256_SIZE]);
void av_backup_manifest_add_store(av_backup_manifest *self, const uint8_t uuid[16], uint64_t lsn);
/* By path; needs av_backup_manifest_sort. NULL: not named. */
void av_backup_manifest_sort(av_backup_manifest *self);
const av_backup_file *av_backup_manifest_find(const av_backup_manifest *self, const char *path);

/* false: out is full. */
bool av_backup_manifest_format(const av_backup_manifest *self, av_buf *out);
/* The whole text; AV_ERR_VERSION for a newer one, AV_ERR_CORRUPT names the line. ret is sorted; zeroed on failure. */
av_errc av_backup_manifest_parse(av_span text, av_backup_manifest *ret, av_error *err);

/* <dir>/<name>. AV_ERR_NOT_FOUND. */
av_errc av_backup_manifest_load(const char *dir, const char *name, av_backup_manifest *ret, av_error *err);
/* Replaced atomically, durable on return. */
av_errc av_backup_manifest_save(const av_backup_manifest *self, const char *dir, const char *name, av_error *err);

#endif
