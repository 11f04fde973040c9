/*
 * run_priv.h - one backup under way: run.c takes the steps, plan.c knows what there is to copy, tidy.c what is no
 * more needed
 */
#ifndef AV_BACKUP_RUN_PRIV_H
#define AV_BACKUP_RUN_PRIV_H

#include "storage/backup/backup_priv.h"

typedef struct backup_item {
    char *from; /* absolute */
    char *path; /* below the backup folder */
    uint64_t size;
    uint32_t container; /* number; 0: no container */
    size_t store;       /* of a container: index of its store in the job */
    bool kept;          /* is there already, with this digest */
    uint8_t digest[AV_SHA256_SIZE];
} backup_item;

typedef struct backup_plan {
    backup_item *items;
    size_t count, cap;
    uint64_t bytes; /* of those that are not kept */
} backup_plan;

typedef struct backup_run {
    const av_backup_job *job;
    backup_progress progress;
    int lock_fd;
    av_backup_manifest before;  /* the finished one there is; zeroed: none */
    av_backup_manifest partial; /* containers that are copied for this one, by this or an earlier run */
    av_backup_manifest next;
    backup_plan plan;
    av_backup_result result;
    uint64_t unsaved_bytes; /* copied since partial was saved */
} backup_run;

/* plan.c */
av_errc backup_plan_make(backup_run *self, av_error *err);
void backup_plan_release(backup_plan *self);
/* A container that is not there any more: compaction put another generation in its place. AV_ERR_NOT_FOUND: nothing
 * did. */
av_errc backup_plan_again(backup_run *self, backup_item *item, av_error *err);

/* tidy.c: remove what neither manifest names. also: may be NULL. Keys are overwritten. ret_files: containers removed.
 * */
av_errc backup_tidy(const char *dir, const av_backup_manifest *named, const av_backup_manifest *also,
    uint64_t *ret_files, av_error *err);

/* keys.c: the keyring as it is now into keyring/<number>, in one state; adds its files to next. */
av_errc backup_copy_keyring(backup_run *self, av_error *err);

#endif
