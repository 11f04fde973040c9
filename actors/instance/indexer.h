/*
 * indexer.h - the instance's indexer: one thread that keeps the full-text indexes of the open stores at the end of their
 * logs, merges their runs and rebuilds them
 *
 * Woken by every commit, by what is asked for at the desk (index_desk.h), and by searches that found messages without an
 * index; sleeps when all is done. An import is followed in bulk. Loop's thread unless marked *any*.
 */
#ifndef AV_INSTANCE_INDEXER_H
#define AV_INSTANCE_INDEXER_H

#include "actors/instance/archive.h"
#include "actors/instance/threads.h"
#include "storage/extract/extractor.h"

typedef struct av_indexer av_indexer;

/* limits: of reading attachments; copied. */
av_errc av_indexer_new(
    av_loop *loop, av_archive *archive, const av_extract_limits *limits, av_indexer **ret, av_error *err);
/* Ends the running step; nothing is done afterwards. */
void av_indexer_stop(av_indexer *self);
/* Once stopped. NULL and *NULL are no-ops. */
void av_indexer_destroy(av_indexer **self);
/* any: there may be something to index. */
void av_indexer_wake(av_indexer *self);
/* Stop at the end of the step, and go on: for a freeze. */
void av_indexer_pause(av_indexer *self, bool pause);
bool av_indexer_is_busy(const av_indexer *self);
/* What is fresh goes to disk and memory is given back, when the indexer is idle. */
void av_indexer_trim(av_indexer *self);
/* Its thread ends and another begins: for what malloc keeps for a thread. When it is idle. */
void av_indexer_renew(av_indexer *self);

#endif
