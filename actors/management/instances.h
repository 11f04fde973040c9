/*
 * instances.h - the records of all instances: configuration, stage of life, names
 *
 * All in memory, each change on disk first (or in the group that is open: see each function). Ids and aliases share one
 * name space; a name that was deleted is not given out again for some days, but to the instance that had it as alias.
 */
#ifndef AV_ACTORS_MANAGEMENT_INSTANCES_H
#define AV_ACTORS_MANAGEMENT_INSTANCES_H

#include "proto/management.pb-c.h"
#include "storage/meta/meta.h"

#define AV_INSTANCE_ID_MAX  63
#define AV_INSTANCES_MAX    100000
#define AV_INSTANCE_KEY_MAX 256

typedef enum av_stage {
    AV_STAGE_CREATING = 1, /* being made; a restart goes on with it */
    AV_STAGE_READY = 2,
    AV_STAGE_DELETING = 3, /* being deleted; a restart goes on with it */
    AV_STAGE_UNDOING = 4   /* its creation failed; what was made of it is being taken back */
} av_stage;

typedef struct av_instance {
    Archivolt__InstanceConfig *config; /* id, host, start mode, sleep_allowed are always set */
    av_stage stage;
    bool keep_files; /* AV_STAGE_DELETING */
    int64_t created_ms;
    uint8_t task_key[AV_INSTANCE_KEY_MAX]; /* of the request that creates it (tasks.h) */
    size_t task_key_n;
    uint8_t task_digest[32];
    bool busy; /* memory only: somebody works at it */
} av_instance;

typedef struct av_instances av_instances;

av_errc av_instances_open(av_meta *db, av_instances **ret, av_error *err);
void av_instances_destroy(av_instances **self);
size_t av_instances_count(const av_instances *self);
/* By id or alias, letter case ignored. NULL: none. */
av_instance *av_instances_find(const av_instances *self, const char *name);
/* All, by id; the array is the caller's (free). */
av_instance **av_instances_list(const av_instances *self, size_t *ret_count);

/*
 * Check a configuration and fill in the defaults: id and alias to lower case, automatic start, sleep allowed. Pure.
 * ret is owned by the caller. AV_ERR_INVALID names the field. instance_host may still be missing.
 */
av_errc av_instance_config_normalise(
    const Archivolt__InstanceConfig *config, Archivolt__InstanceConfig **ret, av_error *err);
/* AV_ERR_EXISTS: id or alias is taken, or was until lately. except: the instance whose own names are fine, or NULL. */
av_errc av_instances_names_free(
    av_instances *self, const Archivolt__InstanceConfig *config, const av_instance *except, av_error *err);

/* A new record, on disk on return (synced). config becomes the record's on success. */
av_errc av_instances_add_take(av_instances *self, Archivolt__InstanceConfig **config, av_span task_key,
    av_span task_digest, av_instance **ret, av_error *err);
/* Write the record as it is in memory into the open group. */
void av_instances_put(av_instances *self, const av_instance *instance);
/* begin, put, commit. */
av_errc av_instances_save(av_instances *self, const av_instance *instance, av_error *err);
/*
 * Another configuration, in the open group: the old alias, if it goes, is kept for the instance. config becomes the
 * record's. Call av_instances_reload after a failed commit.
 */
void av_instances_configure_take(
    av_instances *self, av_instance *instance, Archivolt__InstanceConfig **config, int64_t reuse_ms);
/* Memory as on disk. */
void av_instances_reload(av_instances *self, const char *id);
/* The record goes; with reuse_ms > 0 its names are kept from others until then. Synced. Frees instance on success. */
av_errc av_instances_remove(av_instances *self, av_instance *instance, int64_t reuse_ms, av_error *err);

#endif
