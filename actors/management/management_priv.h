/*
 * management_priv.h - the parts of the Management Server, for the files of this folder
 *
 * One loop thread owns everything here; Argon2id alone runs on a thread of its own (hasher.c).
 */
#ifndef AV_ACTORS_MANAGEMENT_PRIV_H
#define AV_ACTORS_MANAGEMENT_PRIV_H

#include "actors/bus/actor.h"
#include "actors/bus/operations.h"
#include "actors/management/admins.h"
#include "actors/management/db.h"
#include "actors/management/hasher.h"
#include "actors/management/instances.h"
#include "actors/management/login.h"
#include "actors/management/management.h"
#include "actors/management/nodes.h"
#include "actors/management/registrar.h"
#include "actors/management/tasks.h"
#include "base/machine.h"
#include "proto/management.pb-c.h"

#define AV_MANAGEMENT_COUNTERS 3

struct av_management {
    av_management_settings settings;
    av_actor *actor;
    av_bus *bus;
    av_loop *loop;
    const av_node *node;
    av_meta *db;
    uint8_t secret[AV_SIGN_SECRET];
    av_registrar *registrar;
    av_nodes *nodes;
    av_admins *admins;
    av_hasher *hasher;
    av_login *login;
    av_instances *instances;
    av_tasks *tasks;
    av_operations *operations;
    struct av_job *jobs; /* jobs.c: those at work */
    av_machine machine;
    char thumbprint[2 * 32 + 1]; /* SHA-256 of the TLS certificate; empty: none */
    av_loop_timer *hourly, *retry;
    Archivolt__KeyValue counters[AV_MANAGEMENT_COUNTERS], *counter_list[AV_MANAGEMENT_COUNTERS]; /* of the status */
    char counter_text[AV_MANAGEMENT_COUNTERS][24];
    bool stopping; /* calls that end now were cut off, not refused */
};

/* ---- asking hosts (live.c) ---- */

typedef struct av_live av_live;

/* What one host says of one instance; borrowed during the call of done. */
const Archivolt__HostInstance *av_live_find(const av_live *self, const char *instance_id);
/* Did this node's host answer? */
bool av_live_answered(const av_live *self, const char *node);
/* State of an instance: what its host says; unreachable when the host does not answer. */
Archivolt__InstanceState av_live_state(const av_live *self, const av_instance *instance);
typedef void av_live_fn(void *ctx, const av_live *live);
/* Host.ListInstances of these nodes at the same time, each at most 2 s. done is called once, perhaps at once. */
void av_live_ask(av_management *self, const char *const *nodes, size_t count, av_live_fn *done, void *ctx);
/* The nodes the instances stand on; the array is the caller's, the names are borrowed. */
const char **av_live_nodes_of(av_instance *const *instances, size_t count, size_t *ret_count);

/* ---- creating and deleting (create.c, remove.c) ---- */

void av_create_serve(av_management *self, av_request *request, const ProtobufCMessage *body);
/* Go on with what a restart interrupted, or what its host did not answer to. */
void av_create_retry(av_management *self);

typedef void av_removed_fn(void *ctx, const av_error *err); /* NULL: it is gone */
/*
 * Delete an instance for good: its record says so before anything is done. An error leaves it as it was, except where
 * the host did not answer: then it stays "deleting" and is tried again every 30 s. instance is gone after a success.
 */
void av_remove_instance(av_management *self, av_instance *instance, bool keep_files, av_removed_fn *done, void *ctx);
/* Records that are being deleted and that nobody works at: once more. */
void av_remove_retry(av_management *self);

/* ---- long operations (jobs.c) ---- */

void av_jobs_serve(av_management *self);
/* Operations of the database: ended ones are kept, interrupted ones go on. */
av_errc av_jobs_load(av_management *self, av_error *err);
void av_jobs_resume(av_management *self);
void av_jobs_end(av_management *self);

/* ---- requests ---- */

void av_list_serve(av_management *self);        /* list.c: GetInstances and configurations */
void av_environment_serve(av_management *self); /* environment.c */
void av_checkpoint_serve(av_management *self);  /* checkpoint.c */
void av_actors_serve(av_management *self);      /* actors.c: RegisterActor, RevokeActor, administrators */

/* "host/<node>"; ret holds AV_ACTOR_NAME_MAX + 1 bytes. */
void av_host_actor(const char *node, char *ret);
/* Replace a string of an unpacked message. */
void av_set_string(char **slot, const char *value);

#endif
