/*
 * run.h - one run: asks its instance what to read, hands the messages over, resumes after a break, ends the process
 *
 * Exit status of the worker (actors/host/spawn.h): 0 the run has ended, 3 it has failed for good, 1 try again.
 */
#ifndef AV_ACTORS_WORKER_RUN_H
#define AV_ACTORS_WORKER_RUN_H

#include "actors/bus/actor.h"

typedef struct av_run av_run;

av_run *av_run_new(void);
void av_run_destroy(av_run **self);
/* Begin, once the bus is ready. run_hex: 32 hex digits out of the worker's own name. */
void av_run_start(av_run *self, av_actor *actor, const char *instance, const char *run_hex);
/* Asked to stop: the stream is dropped, what was acknowledged stays, the process ends. */
void av_run_stop(av_run *self);
uint64_t av_run_items(const av_run *self);

#endif
