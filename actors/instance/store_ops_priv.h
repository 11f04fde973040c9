/*
 * store_ops_priv.h - one long operation, for store_op.c (its life), store_ops.c (all of them) and store_ops_*.c (the work)
 */
#ifndef AV_INSTANCE_STORE_OPS_PRIV_H
#define AV_INSTANCE_STORE_OPS_PRIV_H

#include <pthread.h>

#include "actors/instance/store_ops.h"
#include "base/log.h"
#include "proto/instance.pb-c.h"
#include "proto/stores.pb-c.h"

typedef struct store_op store_op;

/*
 * Some of the work, on the writer between groups. *ret_done: there is no more. A failure ends the operation; what was
 * done stays. Called again with op->cancel set it may undo; the operation then ends as cancelled.
 */
typedef av_errc store_op_step(store_op *op, bool *ret_done, av_error *err);

typedef struct store_op_kind {
    const char *method; /* "archivolt.Stores.AttachStore" */
    const char *name;   /* what people see: "AttachStore" */
    store_op_step *step;
    bool moves; /* messages may leave a store, or come to another */
} store_op_kind;

struct store_op {
    av_job job;
    av_store_ops *owner;
    const store_op_kind *kind;
    av_archive *archive;
    av_operation *operation;
    char id[33];
    ProtobufCMessage *body; /* a copy of the request; NULL: gone on with after a restart */
    char *caller;
    bool has_key;
    uint8_t key[32]; /* of the request, so that it starts once */
    atomic_bool cancel;
    pthread_mutex_t lock; /* text, log, done, total */
    char text[200];
    av_buf log;
    uint64_t done, total;
    /* The step's own. */
    int64_t job_started_mono_ms;
    uint32_t store_id;
    unsigned phase;
    av_store_info *list; /* stores to be worked on, one a step */
    size_t count, at;
    void *state;
    void (*state_free)(void *state);
    /* Set by a step that says done: the rest of the work, on a thread of its own beside the writer. It looks at
     * cancel. */
    av_errc (*beside)(store_op *op, av_error *err);
    bool again; /* set by beside: go on with steps on the writer, also after a failure, which stays the outcome */
    bool has_thread;
    pthread_t thread;
    ProtobufCMessage *result;
    av_errc rc;
    av_error err, kept; /* kept: of what failed beside */
    store_op *next;
};

typedef struct store_housekeeping store_housekeeping;

struct av_store_ops {
    av_instance *in;
    store_op *ops; /* at work */
    size_t active;
    av_handler *handlers;
    store_housekeeping *housekeeping;
};

/* store_op.c, loop: a new one among those of owner, ready to be submitted to the writer. id: of one that goes on, or
 * NULL. */
store_op *store_op_start(av_store_ops *owner, const store_op_kind *kind, const char *id, const char *caller);
/* Loop: log and progress to those who watch. */
void store_op_tell(store_op *op);
/* Wait for its thread beside, if it has one. */
void store_op_join(store_op *op);
/* Tells nobody and leaves the list as it is. */
void store_op_free(store_op *op);

/* store_ops_housekeeping.c, loop. The owner frees it (free) when the pools have stopped. */
store_housekeeping *store_housekeeping_new(av_store_ops *owner);
/* Starts what is due. */
void store_housekeeping_tick(store_housekeeping *self, int64_t now_mono_ms);

/* Any thread: a line of the log, what it does now, how far it is. */
void store_op_say(store_op *op, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void store_op_text(store_op *op, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void store_op_progress(store_op *op, uint64_t done, uint64_t total);

/* store_ops_attach.c, store_ops_detach.c */
store_op_step store_op_attach, store_op_adopt, store_op_detach;
/* The first step of a detach: refuses, or writes down that it has begun. store_op_detach with a phase goes on. */
av_errc store_op_begin_detach(store_op *op, uint32_t id, av_error *err);
/* store_ops_merge.c, store_ops_recover.c */
store_op_step store_op_merge, store_op_recover;
/* store_ops_backup.c */
store_op_step store_op_backup;
/* store_ops_verify.c, store_ops_compact.c */
store_op_step store_op_verify, store_op_verify_all, store_op_compact;
/* store_ops_index.c */
store_op_step store_op_rebuild, store_op_rebuild_selected;
/* store_ops_train.c */
store_op_step store_op_train;
/* store_ops_care.c */
store_op_step store_op_refresh, store_op_maintain, store_op_repair, store_op_upgrade;

/* store_ops_steps.c */
/* The row as it is now, changed by `change` and written; the registry follows. For steps. */
av_errc store_op_change_row(
    store_op *op, uint32_t id, void (*change)(av_store_row *row, const void *ctx), const void *ctx, av_error *err);
/* For steps: close op->store_id for work on its files. *ret_waits: others use it and are waited for, a minute from
 * job_started_mono_ms at most; come again. waiting: what the operation does meanwhile. */
av_errc store_op_shut(store_op *op, const char *waiting, bool *ret_waits, av_error *err);
/* What op ends with, made when it is first asked for. */
Archivolt__StoreOperationResult *store_op_result(store_op *op);
/* For an av_care_watch whose ctx is the store_op: its progress, whether it is cancelled, lines of its log. */
bool store_op_on_go_on(void *op, uint64_t done, uint64_t total);
void store_op_on_say(void *op, av_log_level level, uint64_t lsn, const char *sentence);

#endif
