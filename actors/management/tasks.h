/*
 * tasks.h - requests that change something, done once however often they are sent (decisions.md 20)
 *
 * The key is the caller's name (without connection) and the idempotency key. While a task is at work, the same
 * request sent again waits for the same answer. A success is kept 24 h, written in the same group as the effect; a
 * failure is not kept: it changed nothing and may be tried again. The same key with another method or body is refused
 * (CONFLICT). Of a body only a keyed hash is kept: it may hold a password.
 */
#ifndef AV_ACTORS_MANAGEMENT_TASKS_H
#define AV_ACTORS_MANAGEMENT_TASKS_H

#include "actors/bus/bus.h"
#include "storage/meta/meta.h"

#define AV_TASK_KEY_MAX (AV_ACTOR_NAME_MAX + 1 + 16)

typedef struct av_tasks av_tasks;
typedef struct av_task av_task;

/* hash_key: 32 bytes, the same at each start; copied. */
av_tasks *av_tasks_new(av_meta *db, const uint8_t hash_key[32]);
/* Tasks at work are dropped: their requests ended with the bus. */
void av_tasks_destroy(av_tasks **self);

/*
 * NULL: the request was answered from memory, waits for the same task, or was refused; the caller is done with it. Else
 * the task to end with av_task_commit, av_task_reply or av_task_fail. Requests without a key are tasks as well.
 */
av_task *av_tasks_begin(av_tasks *self, av_request *request, const ProtobufCMessage *body);
/* A request of the task (the first), for caller and administrator; valid until the task ends. */
av_request *av_task_request(const av_task *self);
/* Bytes of the task's key; empty when it has none. */
av_span av_task_key(const av_task *self);
/* A task at work with this key, or NULL. */
av_task *av_tasks_find(av_tasks *self, av_span key);

/* Put the result into the open group, commit it synced, answer all. On a failed commit they get the error, which is
   returned. Ends the task. */
av_errc av_task_commit(av_task **self, const ProtobufCMessage *reply, av_error *err);
/* Only put the result into the open group; the caller commits and then calls av_task_reply or av_task_fail. */
void av_task_record(av_task *self, const ProtobufCMessage *reply);
/* The same for a key whose task is not at work any more (a restart lay in between). Empty keys are left out. */
void av_tasks_record(av_tasks *self, av_span key, av_span digest, const ProtobufCMessage *reply);
av_span av_task_digest(const av_task *self);
void av_task_reply(av_task **self, const ProtobufCMessage *reply);
void av_task_fail(av_task **self, const av_error *err);

/* Forget results that have run out. Blocks on disk. */
av_errc av_tasks_expire(av_tasks *self, int64_t now_unix_ms, av_error *err);

#endif
