/*
 * candidates.h - messages a search has to look at, in log order, with every place each stands in
 *
 * 24 bytes a placement. Log order makes a scan read the disk in one direction.
 */
#ifndef AV_INSTANCE_CANDIDATES_H
#define AV_INSTANCE_CANDIDATES_H

#include "actors/instance/folders.h"

#define AV_CANDIDATES_MAX 8000000U /* placements: 192 MB */

typedef struct av_candidate {
    uint64_t lsn;
    uint32_t mailbox; /* index among those of the search (reach.h) */
    uint32_t uid;
    uint32_t store;
} av_candidate;

typedef struct av_candidates {
    av_candidate *rows; /* by store and LSN: those of one message stand together */
    size_t n, cap;
} av_candidates;

/* AV_ERR_LIMIT above AV_CANDIDATES_MAX. */
av_errc av_candidates_add(av_candidates *self, av_candidate row, av_error *err);
void av_candidates_release(av_candidates *self);
/* Empty again. */
void av_candidates_drop_rows(av_candidates *self);
/* The end of the run of rows that begins at i: [i, end) are the places of one message. */
size_t av_candidates_end(const av_candidates *self, size_t i);

#endif
