/*
 * scan.h - a search: the distinct messages that match, counted exactly, and the newest of them
 *
 * Knows no bus. Several threads may work on one scan: each takes blocks of candidates from a shared cursor with tools of
 * its own, and keeps its own newest rows, which are merged at the end. Newest is by the Date header (the received date where
 * there is none), then by position in the log.
 */
#ifndef AV_INSTANCE_SCAN_H
#define AV_INSTANCE_SCAN_H

#include <stdatomic.h>

#include "actors/instance/candidates.h"
#include "actors/instance/probe.h"

#define AV_SCAN_ROWS_MAX 200000U /* offset and limit together */

typedef struct av_hit {
    int64_t date_unix_s;
    size_t candidate; /* the place that matched */
} av_hit;

typedef struct av_scan {
    av_archive *archive;
    av_look look;
    av_matcher *matcher;
    av_candidates candidates;
    size_t wanted; /* newest rows to keep */
    atomic_size_t cursor;
} av_scan;

/* One thread's part of a scan. */
typedef struct av_scan_part {
    av_scan *scan;
    av_probe probe;
    av_hit *heap; /* the oldest on top */
    size_t n, cap;
    uint64_t total, unreadable, truncated;
} av_scan_part;

/* Parses the query first: AV_ERR_SYNTAX with its column. Blocks on disk. */
av_errc av_scan_init(av_scan *self, av_archive *archive, const char *user, av_span query, size_t wanted, av_error *err);
void av_scan_release(av_scan *self);

void av_scan_part_init(av_scan_part *self, av_scan *scan);
void av_scan_part_release(av_scan_part *self);
/* One block of candidates. false: there was none left. */
bool av_scan_part_step(av_scan_part *self);
/* Take the other's rows and counts over. */
void av_scan_part_merge(av_scan_part *self, const av_scan_part *other);
/* Newest first. After it no more steps. */
void av_scan_part_sort(av_scan_part *self);
/* Share of messages that could be looked at; those looked at in part are in it (truncated counts them). */
double av_scan_coverage(const av_scan *self, const av_scan_part *merged);

#endif
