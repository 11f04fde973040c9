/*
 * slot.h - one word of a phrase (or any of its alternatives): where it stands, document by document
 *
 * A single word reads its list along with the candidates. Alternatives are looked up for a batch of candidates at a time
 * and sorted; that takes memory, which has a ceiling.
 */
#ifndef AV_STORAGE_POSTINGS_SLOT_H
#define AV_STORAGE_POSTINGS_SLOT_H

#include "storage/postings/run_priv.h"

enum { AV_SLOT_BATCH = 65536, AV_SLOT_HITS = 1 << 22 /* of alternatives, in one batch */ };

typedef struct av_slot {
    const av_terms *terms;
    av_term_walk walk;
    /* a single word */
    av_reader reader;
    bool open, over; /* the list is being read; it has no more, or there is none */
    av_chunk chunk;
    uint32_t at;        /* in the chunk */
    bool has_positions; /* of the chunk: starts and flat */
    size_t starts[AV_CHUNK_DOCS + 1];
    av_flat flat;
    /* alternatives: number in the batch << 40 | field << 36 | position, ascending */
    uint64_t *hits;
    size_t n, cap, next;
    av_flat found;
} av_slot;

void av_slot_init(av_slot *self, const av_run *run, const av_terms *terms);
void av_slot_release(av_slot *self);
/* The next n documents that will be asked for, ascending. AV_ERR_LIMIT: fewer, please. */
av_errc av_slot_batch(av_slot *self, const uint32_t *docs, uint32_t n, uint32_t fields, av_error *err);
/* Go to docs[i] of the batch; i ascends. *ret_fields: where the word may stand in it, 0: it has none. */
av_errc av_slot_go(av_slot *self, uint32_t i, uint32_t doc, uint32_t *ret_fields, av_error *err);
/* Call it before av_slot_positions, when these are wanted. */
av_errc av_slot_need(av_slot *self, av_error *err);
/* Where it stands in that document and field (number of its bit); fields ascend. Borrowed until the next call. */
uint32_t av_slot_positions(av_slot *self, uint32_t i, unsigned field, const uint32_t **ret);

#endif
