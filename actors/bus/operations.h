/*
 * operations.h - the long operations of an actor (decisions.md 19)
 *
 * Serves archivolt.Operations for the actor. The owner updates state; waiters are answered by themselves. Kept 24 h
 * after the end, at most 1,000. An actor that survives restarts saves and restores them by the two hooks.
 */
#ifndef AV_ACTORS_BUS_OPERATIONS_H
#define AV_ACTORS_BUS_OPERATIONS_H

#include "actors/bus/bus.h"
#include "proto/status.pb-c.h"

typedef struct av_operations av_operations;
typedef struct av_operation av_operation;

/*
 * save: called at the start and on each change of state (not of percent) with the Operation, and with NULL when it is
 * forgotten; may be NULL. Serves on bus at once. Destroy before or after the bus.
 */
av_operations *av_operations_new(
    av_bus *bus, void (*save)(void *ctx, const char *id, const Archivolt__Operation *op), void *ctx);
void av_operations_destroy(av_operations **self);
/* id: 32 hex digits or NULL for a new random one. on_cancel is told when somebody asks for an end; may be NULL. */
av_operation *av_operations_start(
    av_operations *self, const char *id, const char *name, void (*on_cancel)(void *ctx, av_operation *op), void *ctx);
/* Put one back as it was saved. NULL when the bytes are not a packed Operation. */
av_operation *av_operations_restore(
    av_operations *self, av_span packed, void (*on_cancel)(void *ctx, av_operation *op), void *ctx);
av_operation *av_operations_find(av_operations *self, const char *id);

const char *av_operation_id(const av_operation *self);
/* The current state, for the reply that starts it: borrowed until the next change. */
const Archivolt__Operation *av_operation_get(av_operation *self);
/* percent -1: unknown; text NULL: as before */
void av_operation_progress(av_operation *self, int percent, const char *text);
void av_operation_log(av_operation *self, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void av_operation_succeed(av_operation *self, const ProtobufCMessage *result); /* result may be NULL */
void av_operation_fail(av_operation *self, const av_error *err);
void av_operation_cancelled(av_operation *self);

#endif
