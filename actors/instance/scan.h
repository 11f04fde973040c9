/*
 * scan.h - a search: the distinct messages that match, counted exactly, and the first of them in an order
 *
 * The indexes answer what they can. What they leave open, and what no index has yet, are candidates: messages that
 * are held against the query themselves (probe.h). Knows no bus. Several threads may work on one scan: each takes
 * blocks of candidates from a shared cursor with tools of its own, and keeps its own best rows, which are merged at
 * the end.
 *
 *   av_scan_init -> av_scan_part_step... by all -> av_scan_part_merge -> av_scan_finish -> rows
 */
#ifndef AV_INSTANCE_SCAN_H
#define AV_INSTANCE_SCAN_H

#include <stdatomic.h>

#include "actors/instance/hits.h"
#include "actors/instance/probe.h"
#include "actors/instance/reach.h"
#include "storage/index/evaluate.h"

#define AV_SCAN_ROWS_MAX 200000U /* offset and limit together */

typedef struct av_scan_wish {
    av_span query;
    av_order order;
    size_t wanted;             /* rows to keep */
    const av_hit *after;       /* NULL, or the row the answer begins behind */
    bool facets;               /* keep what av_facets_of asks for */
    uint64_t unindexed_max;    /* more messages than these without an index are counted and not looked at */
    bool (*cancel)(void *ctx); /* any thread; NULL: never */
    void *cancel_ctx;
    av_buf *explain; /* NULL, or gets what the indexes were asked */
} av_scan_wish;

typedef struct av_scan {
    av_archive *archive;
    av_scan_wish wish;
    av_query *query;
    av_matcher *matcher;
    size_t folder_nodes; /* of the query */
    bool folder_negated; /* one of them below an odd number of NOTs */
    av_reach reach;
    roaring_bitmap_t **sure;  /* by store of reach: documents that match */
    av_candidates candidates; /* rows alone; mailboxes are those of reach */
    uint64_t distinct,
        unindexed; /* messages the user may read; those of them that were not looked at, or not at all their text */
    bool behind;   /* some had no index: the indexer should be woken */
    atomic_size_t cursor;
} av_scan;

/* One thread's part of a scan. */
typedef struct av_scan_part {
    av_scan *scan;
    av_probe probe;
    av_hits hits;
    roaring_bitmap_t *matched; /* candidates (by number) that match; only for facets */
    uint64_t total, unreadable, truncated;
} av_scan_part;

/* Parses the query first: AV_ERR_SYNTAX with its column. wish is copied, what it points to borrowed. Blocks on disk. */
av_errc av_scan_init(av_scan *self, av_archive *archive, const char *user, const av_scan_wish *wish, av_error *err);
void av_scan_release(av_scan *self);

void av_scan_part_init(av_scan_part *self, av_scan *scan);
void av_scan_part_release(av_scan_part *self);
/* One block of candidates. false: there was none left. */
bool av_scan_part_step(av_scan_part *self);
/* Take the other's rows and counts over. */
void av_scan_part_merge(av_scan_part *self, av_scan_part *other);
/* All parts are merged into this one: add what the indexes found; rows in order. */
av_errc av_scan_finish(av_scan *self, av_scan_part *merged, av_error *err);
/* A place of a hit that the user may read. AV_ERR_NOT_FOUND: it has left its mailboxes since. */
av_errc av_scan_place_of(av_scan *self, const av_hit *hit, av_candidate *ret, av_error *err);
/* Share of messages that could be looked at; those looked at in part are in it (truncated counts them). */
double av_scan_coverage(const av_scan *self, const av_scan_part *merged);

#endif
