/*
 * text_ranks.h - different texts, each once, and their order
 *
 *   av_text_ranks_add gives a number for each different text -> av_text_ranks_finish -> av_text_ranks_of tells its rank
 */
#ifndef AV_INSTANCE_TEXT_RANKS_H
#define AV_INSTANCE_TEXT_RANKS_H

#include "base/buf.h"
#include "base/error.h"

typedef struct av_text_ranks {
    av_buf bytes;    /* all texts, one behind the other */
    size_t *ends;    /* [n]: where each ends */
    uint32_t *slots; /* a table of numbers + 1, by hash */
    uint32_t *ranks; /* [n], once finished */
    size_t n, cap, slot_count;
} av_text_ranks;

/* most_bytes: of all different texts. */
void av_text_ranks_init(av_text_ranks *self, size_t most_bytes);
void av_text_ranks_release(av_text_ranks *self); /* a zeroed one is fine */
/* The number of this text, from 0. AV_ERR_LIMIT. */
av_errc av_text_ranks_add(av_text_ranks *self, av_span text, uint32_t *ret, av_error *err);
/* Nothing is added after it. */
void av_text_ranks_finish(av_text_ranks *self);
/* Byte order; the first has rank 0. */
uint32_t av_text_ranks_of(const av_text_ranks *self, uint32_t number);
av_span av_text_ranks_text(const av_text_ranks *self, uint32_t number);

#endif
