/*
 * host_priv.h - the host actor's parts, for the files of this folder
 *
 * One loop thread owns everything here. instances.c and workers.c hold what runs and call back when it changes;
 * requests.c turns bus requests into their calls; host.c holds the state file and the life of the actor.
 */
#ifndef AV_ACTORS_HOST_PRIV_H
#define AV_ACTORS_HOST_PRIV_H

#include "actors/bus/actor.h"
#include "actors/bus/operations.h"
#include "actors/host/host.h"
#include "actors/host/spawn.h"
#include "actors/host/state.h"
#include "actors/host/supervisor.h"
#include "base/machine.h"
#include "base/map.h"

#define AV_HOST_COUNTERS 6

typedef struct av_host_instance av_host_instance;
typedef struct av_host_worker av_host_worker;
typedef struct av_host_restore av_host_restore;

struct av_host {
    av_host_settings settings;
    av_actor *actor;
    av_bus *bus;
    av_loop *loop;
    const av_node *node;
    char *instances_dir; /* where new instances go */
    char *programs_dir;
    av_machine machine;
    char boot[64];
    bool same_boot; /* the state file was written in this boot */
    bool stopping;
    av_map *instances; /* id -> av_host_instance */
    av_map *workers;   /* run hex -> av_host_worker */
    av_loop_timer *log_timer;
    av_operations *operations;
    av_host_restore *restores; /* at work */
    uint64_t restarts; /* all restarts since the host started */
    Archivolt__KeyValue counters[AV_HOST_COUNTERS], *counter_list[AV_HOST_COUNTERS]; /* of the status being published */
    char counter_text[AV_HOST_COUNTERS][24];
};

/* ---- host.c ---- */

/* Write the state file. AV_ERR_IO, AV_ERR_NOSPACE: nothing has changed on disk. Blocks on disk. */
av_errc av_host_save(av_host *self, av_error *err);
/* The same where there is nobody to tell: logs the error. */
void av_host_save_quietly(av_host *self);
/* D/host/... */
char *av_host_path(const av_host *self, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Something ended while the host stops: when all are down the actor may end. */
void av_host_check_stopped(av_host *self);

/* ---- instances.c, instance_asks.c ---- */

/* What is answered when an instance has come to rest. reply: valid during the call; NULL on error. */
typedef void av_host_answer_fn(void *ctx, const Archivolt__HostInstance *reply, const av_error *err);

av_host_instance *av_host_instance_find(av_host *self, const char *id);
/* AV_ERR_NOT_FOUND, AV_ERR_BUSY, AV_ERR_UNAVAILABLE (its deletion has begun) with a sentence. */
av_errc av_host_instance_get(av_host *self, const char *id, av_host_instance **ret, av_error *err);
/*
 * base_dir NULL: <instances_dir>/<id>. Makes keys, instance key and folder; the same again gives the same, but for the
 * recovery key (32 bytes, or NULL), which is the newest given. ret_has_keyring: the folder has a keyring, which keeps
 * the recovery key it was made with.
 */
av_errc av_host_instance_prepare(av_host *self, const char *id, const char *base_dir, Archivolt__StartMode mode,
    bool sleep_allowed, const uint8_t *recovery_public, uint8_t ret_key[AV_KEY_SIZE], const char **ret_base_dir,
    bool *ret_has_keyring, av_error *err);
av_errc av_host_instance_configure(
    av_host_instance *self, const Archivolt__StartMode *mode, const bool *sleep_allowed, av_error *err);
/* Put back what the state file holds. */
void av_host_instance_restore(av_host *self, const av_state_instance *state);
/* Take over what still runs, then start what shall run. */
void av_host_instances_begin(av_host *self);
void av_host_instances_stop_all(av_host *self);
void av_host_instance_free(void *instance);
void av_host_instance_write(const av_host_instance *self, av_buf *out);

/* Each answers exactly once, perhaps at once. */
void av_host_instance_start(av_host_instance *self, av_host_answer_fn *done, void *ctx);
void av_host_instance_stop(av_host_instance *self, av_host_answer_fn *done, void *ctx);
void av_host_instance_restart(av_host_instance *self, av_host_answer_fn *done, void *ctx);
void av_host_instance_sleep(av_host_instance *self, av_host_answer_fn *done, void *ctx);
void av_host_instance_wake(av_host_instance *self, av_host_answer_fn *done, void *ctx);
/* Stops it; deletes keys and, with delete_files, the folder; answers with a reply of the last state. A deletion of
   files is written down first: after that it is gone on with by the same call alone, unless it is refused before
   anything was deleted (AV_ERR_CONFLICT). */
void av_host_instance_remove(av_host_instance *self, bool delete_files, av_host_answer_fn *done, void *ctx);
/* Fills ret with the state now; strings are borrowed until the next change. */
void av_host_instance_describe(const av_host_instance *self, Archivolt__HostInstance *ret);
bool av_host_instance_is_down(const av_host_instance *self);
const char *av_host_instance_base_dir(const av_host_instance *self);
/* AV_ERR_INVALID: a new instance's files may not lie there. */
av_errc av_host_instance_place(av_host *self, const char *id, const char *base_dir, av_error *err);

/* ---- assets.c: what an instance has on disk ---- */

typedef struct av_assets {
    av_keypair keys;
    uint8_t instance_key[AV_KEY_SIZE];    /* opens the instance's keyring */
    uint8_t recovery_public[AV_KEY_SIZE]; /* what a new keyring seals it to; loaded: zeros when there is none */
} av_assets;

/* Load the keys of an instance, or make those that are missing. Wipe with av_assets_wipe. */
av_errc av_assets_get(const av_host *self, const char *id, bool make, av_assets *ret, av_error *err);
void av_assets_wipe(av_assets *self);
/* Keep the public half for the instance's first start, which makes the keyring. */
av_errc av_assets_set_recovery(const av_host *self, const char *id, const uint8_t key[AV_KEY_SIZE], av_error *err);
/* The CURVE key always; the instance key only with the files it opens. */
void av_assets_forget(const av_host *self, const char *id, bool instance_key_too);
/* Make the folder and mark it as this instance's. AV_ERR_INVALID when it holds something else. */
av_errc av_assets_make_dir(const char *base_dir, const char *id, av_error *err);
/* rm -r of a folder that is marked as this instance's; base_dir: without symbolic links. AV_ERR_CONFLICT: nothing was
   deleted. After any other error, and after a crash, the same call goes on. Blocks for long. */
av_errc av_assets_remove_dir(const char *base_dir, const char *id, av_error *err);
/* An empty folder but for our mark goes, anything else stays. */
void av_assets_remove_empty_dir(const char *base_dir);

/*
 * The instance key with this identifier among those this host keeps, whatever instance it is of. AV_ERR_NOT_FOUND.
 * key_id: AV_KEY_ID_TEXT bytes. Any thread. The caller wipes ret.
 */
av_errc av_assets_known_key(const av_host *self, const char *key_id, uint8_t ret[AV_KEY_SIZE], av_error *err);
/* Keep the key of an instance that was restored. AV_ERR_CONFLICT: another one is kept under that id, for files it
 * opens. */
av_errc av_assets_keep_key(const av_host *self, const char *id, const uint8_t key[AV_KEY_SIZE], av_error *err);

/* ---- children.c: command lines ---- */

av_errc av_host_launch_instance(
    av_host *self, const char *id, const char *base_dir, bool sleep_allowed, av_launched *ret, av_error *err);
/* lock_path: taken here and handed to the worker. */
av_errc av_host_launch_worker(av_host *self, const av_keypair *keys, const char *instance, const char *lock_path,
    av_launched *ret, av_error *err);

/* ---- workers.c ---- */

typedef void av_host_done_fn(void *ctx, const av_error *err); /* err NULL: done */

void av_host_worker_start(av_host *self, const char *instance, const char *run, av_host_done_fn *done, void *ctx);
void av_host_worker_stop(av_host *self, const char *instance, const char *run, av_host_done_fn *done, void *ctx);
void av_host_worker_restore(av_host *self, const av_state_worker *state);
void av_host_workers_begin(av_host *self);
void av_host_workers_stop_all(av_host *self);
/* Those of an instance that is being removed. */
void av_host_workers_drop(av_host *self, const char *instance);
void av_host_worker_free(void *worker);
void av_host_worker_write(const av_host_worker *self, av_buf *out);
bool av_host_worker_is_down(const av_host_worker *self);

/* ---- restore.c: Host.RestoreFiles ---- */

void av_host_restore_serve(av_host *self, av_request *request, const ProtobufCMessage *body);
/* Those under way are cancelled and waited for. */
void av_host_restores_stop(av_host *self);
void av_host_restores_free(av_host *self);

/* ---- requests.c ---- */

void av_host_serve(av_host *self);

#endif
