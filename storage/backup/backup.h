/*
 * backup.h - an instance's files into a backup folder, incrementally; is a backup whole; out of a backup into a new
 * folder
 *
 * Sealed containers are copied once and never again: the same name is the same bytes. The rest (accounts, keyring,
 * views) is copied anew under a number of its own. backup.avb is replaced last, and only then goes what it does not
 * name any more: a backup that was cut short leaves the one before as it was, and the next one goes on where it
 * stopped. Everything is sealed as it is in the instance; nothing here needs a key. Files and order: docs/backup.md.
 *
 * Pure storage: no bus. All functions block on disk for long.
 */
#ifndef AV_BACKUP_BACKUP_H
#define AV_BACKUP_BACKUP_H

#include "storage/backup/manifest.h"
#include "storage/care/watch.h"

typedef struct av_backup_source_store {
    uint8_t uuid[16];
    const char *content; /* folder of its containers */
    uint64_t lsn;   /* of the last commit to be in the backup, in a container that is rolled or not written any more */
    bool keys_away; /* lsn is not known: all containers as they are */
    const char *database; /* checkpoint of its view, or NULL */
    const char *index;    /* its index folder, or NULL */
} av_backup_source_store;

typedef struct av_backup_job {
    const char *dir;      /* backup folder; made when missing */
    const char *instance; /* base directory: the backup may not lie in it */
    uint8_t instance_uuid[16];
    const char *instance_id;
    int64_t time_ms;      /* of the checkpoints */
    const char *accounts; /* checkpoint */
    const char *catalog;  /* checkpoint, or NULL */
    const char *keyring;  /* the folder itself: its newest files are taken last */
    const av_backup_source_store *stores;
    size_t store_count;
} av_backup_job;

typedef struct av_backup_result {
    uint64_t number;
    uint64_t files, bytes;               /* of the whole backup */
    uint64_t copied_files, copied_bytes; /* by this run */
    uint64_t removed_files;              /* containers the backup does not need any more */
} av_backup_result;

/*
 * One backup. watch (may be NULL): progress in bytes; false cancels. On any error the backup before stands as it was.
 * AV_ERR_INVALID: the folder holds something else, another instance's backup, or lies in the instance's.
 * AV_ERR_BUSY: another process writes it. AV_ERR_NOSPACE: not enough room (nothing was copied, or the disk filled up).
 * AV_ERR_CORRUPT: what was written reads back different, or the backup there cannot be read. AV_ERR_CANCELLED,
 * AV_ERR_IO.
 */
av_errc av_backup_run(const av_backup_job *job, const av_care_watch *watch, av_backup_result *ret, av_error *err);

typedef struct av_backup_verify_result {
    uint64_t number, files, bytes, stores, groups;
    int64_t time_ms;
    char instance_id[AV_BACKUP_ID_MAX + 1];
    uint64_t faults; /* each was told (watch->say) */
} av_backup_verify_result;

/*
 * Reads all of a backup: each file against its digest, each store's containers record by record (framing, CRC, chain).
 * Needs no key and changes nothing. AV_OK also with faults. AV_ERR_NOT_FOUND: no finished backup there; AV_ERR_CORRUPT,
 * AV_ERR_VERSION: its manifest cannot be read; AV_ERR_BUSY: a backup is being written; AV_ERR_CANCELLED.
 */
av_errc av_backup_verify(const char *dir, const av_care_watch *watch, av_backup_verify_result *ret, av_error *err);

typedef struct av_restore_job {
    const char *backup; /* folder */
    const char *target; /* the new base directory: missing or empty */
    const char
        *keyring; /* NULL: the backup's own; or a newer one: a folder with keyring.avk, or a newer backup's folder */
    const char *mark_name, *mark_text; /* a file more, so that its host knows the folder; NULL: none */
} av_restore_job;

#define AV_RESTORED "restored" /* the file that tells the instance where its stores lie now (docs/backup.md, 5) */

/*
 * Copies a backup, digests checked on the way, into <target>.restoring and renames that: all or nothing. What an
 * earlier attempt left there is removed first. AV_ERR_EXISTS: the target is not empty.
 */
av_errc av_backup_restore(const av_restore_job *job, const av_care_watch *watch, uint64_t *ret_bytes, av_error *err);

/* The folder whose keyring.avk counts: of a backup, or of a folder with keyring.avk itself. ret: free.
 * AV_ERR_NOT_FOUND. */
av_errc av_backup_keyring_dir(const char *dir, char **ret, av_error *err);

#endif
