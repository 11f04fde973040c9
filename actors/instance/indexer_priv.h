/*
 * indexer_priv.h - the indexer's own state
 *
 *   indexer.c              its life: rounds over the open stores, waking, waiting
 *   indexer_work.c         one step on one store
 *   indexer_attachments.c  text of attachments, by the settings the store's index was made with
 */
#ifndef AV_INSTANCE_INDEXER_PRIV_H
#define AV_INSTANCE_INDEXER_PRIV_H

#include <stdatomic.h>

#include "actors/instance/indexer.h"
#include "storage/extract/extractor.h"
#include "storage/index/source.h"

struct av_indexer {
    av_archive *archive;
    av_loop *loop;
    av_pool *pool;
    av_job job;
    bool running, again, trim;
    atomic_bool posted, stopping;
    uint32_t visit; /* id of the store that was worked on last */
    int64_t failed_mono_ms;
    av_loop_timer *retry;
    /* The indexer's thread; see indexer_attachments.c. */
    av_extract_limits limits;
    av_extractor *extractor; /* NULL: none is needed yet */
    av_buf made_for;         /* settings it reads attachments by */
    const av_open_store *at; /* the store it works on, and its messages */
    const av_store_source *source;
    uint64_t unread; /* attachments, since start */
};

/* indexer_work.c: some messages, or else one merge, or what was asked. ret_done: this store has nothing to do. */
av_errc indexer_work(av_indexer *self, const av_open_store *open, bool *ret_done, av_error *err);
/* The step is to end soon. For storage/index's cancel. */
bool indexer_is_stopping(void *self);

/* indexer_attachments.c: the extractor for what this index was made with. */
av_errc indexer_attachments_begin(av_indexer *self, const av_index *index, av_error *err);
/* For av_index_source.attachment; self->at and source say of which message. */
av_errc indexer_attachment(void *self, av_span name, av_span type, av_span bytes, av_buf *out, av_error *err);

#endif
