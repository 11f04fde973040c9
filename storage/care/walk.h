/*
 * walk.h - the whole log in order, on behind damage: what verification and recovery are made of
 *
 * Where all is sound it is a scan with its proofs (chain, tags); behind damage each record by itself, until a commit
 * is found from which the scan can go on.
 */
#ifndef AV_CARE_WALK_H
#define AV_CARE_WALK_H

#include "storage/care/watch.h"
#include "storage/container/files.h"

/* Something that does not check. */
typedef struct av_care_damage {
    uint64_t from, to;              /* LSNs hit, `to` exclusive; both the same: no record is hit */
    const av_record_header *header; /* the record's, when that is known; else NULL */
    const char *sentence;
} av_care_damage;

typedef struct av_care_visitor {
    void *ctx;
    /* A sound record (dropped ones too); body as av_scan_next gives it. Anything but AV_OK ends the walk. */
    av_errc (*record)(void *ctx, const av_record_header *header, av_span body, av_error *err);
    av_errc (*damage)(void *ctx, const av_care_damage *damage, av_error *err);
} av_care_visitor;

typedef struct av_care_walk {
    av_container_files *files; /* borrowed */
    const uint8_t *log_key;    /* 32 bytes */
    uint64_t until_lsn;        /* LSN of the commit that ends it; UINT64_MAX: to the end of what is there */
    const av_care_visitor *visitor;
    const av_care_watch *watch; /* may be NULL */
} av_care_walk;

/*
 * *ret_bytes: of the containers read. Any thread, beside the writer when until_lsn is a commit's. AV_ERR_CANCELLED,
 * AV_ERR_IO, what the visitor returned.
 */
av_errc av_care_walk_log(const av_care_walk *job, uint64_t *ret_bytes, av_error *err);

/* Ranges of LSNs that are damaged. */
typedef struct av_care_ranges {
    struct av_care_range {
        uint64_t from, to;
    } * list; /* owned, ascending as they were added */
    size_t count, room;
} av_care_ranges;

/* In log order. AV_ERR_LIMIT: more than a million. */
av_errc av_care_ranges_add(av_care_ranges *self, uint64_t from, uint64_t to, av_error *err);
bool av_care_ranges_hit(const av_care_ranges *self, uint64_t lsn);
void av_care_ranges_release(av_care_ranges *self);

#endif
