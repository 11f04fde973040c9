/*
 * store_ops.h - the long operations on stores: started by a request, worked off in steps, watched and cancelled
 *
 * A step does some milliseconds of work on the writer, between groups of events, so that intake takes its turns; users
 * read meanwhile. What is left after a restart (a store being attached or detached) goes on by itself under the same
 * operation id. Housekeeping that destroys what was deleted long enough ago runs here as well.
 */
#ifndef AV_INSTANCE_STORE_OPS_H
#define AV_INSTANCE_STORE_OPS_H

#include "actors/instance/instance_priv.h"

/* Adds its handlers to the bus. */
av_errc av_store_ops_new(av_instance *in, av_store_ops **ret, av_error *err);
void av_store_ops_destroy(av_store_ops **self);
/* The pools have stopped: what is left is dropped. */
void av_store_ops_stop(av_store_ops *self);
/* Ready: go on with what the last process left. */
void av_store_ops_resume(av_store_ops *self);
/* Every second: progress to those who watch, housekeeping when it is due. */
void av_store_ops_tick(av_store_ops *self, int64_t now_mono_ms);
size_t av_store_ops_active(const av_store_ops *self);

#endif
