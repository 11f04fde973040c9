/*
 * threads.h - a pool of threads that works off jobs in small steps, fairly between those who ask (decisions.md 23)
 *
 * A job is a small struct embedded in its owner's. Its step runs on a pool thread and does some milliseconds of work; AGAIN
 * puts it behind the others of its lane, DONE hands it back: done runs in the loop's thread, once per submission. Lanes (a
 * session, a run, a caller) take turns, so that one who asks a thousand times waits for himself alone. Jobs of one lane are
 * started in order; in a pool of one thread they also end in order.
 */
#ifndef AV_INSTANCE_THREADS_H
#define AV_INSTANCE_THREADS_H

#include "actors/bus/loop.h"
#include "base/span.h"

typedef enum av_step { AV_STEP_AGAIN, AV_STEP_DONE } av_step;

typedef struct av_pool av_pool;
typedef struct av_job av_job;
struct av_job {
    av_step (*step)(av_job *self); /* pool thread */
    void (*done)(av_job *self);    /* loop's thread; may submit or free the job */
    uint64_t lane;
    bool dropped; /* in done: the pool was stopped before the job was through */
    av_job *next; /* the pool's */
};

/* threads: how many, at least 1. name: shown by ps, at most 15 bytes. */
av_errc av_pool_new(av_loop *loop, const char *name, unsigned threads, av_pool **ret, av_error *err);
/* Stopped first when it was not. Only when the loop turns no more, or nothing was posted. */
void av_pool_destroy(av_pool **self);
/* Loop's thread. The job belongs to the pool until done. */
void av_pool_submit(av_pool *self, av_job *job);
/* Start no further step until it goes on; one that runs ends. Any thread, a step of the pool's own among them. */
void av_pool_pause(av_pool *self, bool pause);
/*
 * New threads in place of those that are there: with a thread goes what malloc keeps for it and the stack of its deepest
 * call. Nothing while a job is in work; a thread stays when no other can be started. Loop's thread; takes some 100 us.
 */
void av_pool_renew(av_pool *self);
/* Jobs submitted and not done: for those who admit requests. */
size_t av_pool_load(const av_pool *self);
/*
 * Wait for the running steps, then call done for every job that is left, those not through with dropped = true. Later
 * submissions are handed to done at once, dropped. Loop's thread; blocks for as long as a step takes.
 */
void av_pool_stop(av_pool *self);

/* Lane of a name: a hash, so that lanes need no registration. */
uint64_t av_lane_of(av_span name);

#endif
