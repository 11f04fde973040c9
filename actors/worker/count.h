/*
 * count.h - how many items a source holds, counted beside the run by a thread of its own, for the progress bar
 */
#ifndef AV_ACTORS_WORKER_COUNT_H
#define AV_ACTORS_WORKER_COUNT_H

#include "actors/bus/loop.h"
#include "actors/worker/source.h"

typedef struct av_count av_count;

/*
 * Start counting. Takes the source over. done is called once in the loop's thread with the number, unless the count is
 * destroyed or the source cannot be walked. NULL: no thread could be had; then there is no count.
 */
av_count *av_count_start(av_loop *loop, av_source **source, void (*done)(void *ctx, uint64_t items), void *ctx);
/* Stops the thread and waits for it (at most one item's walk). Call before the loop ends. NULL is a no-op. */
void av_count_destroy(av_count **self);

#endif
