/*
 * mailbox_scan.h - a search within one mailbox: the UIDs that match a query tree
 *
 * What the index of a store decides is decided by it; of the rest, and of messages no index has yet, each place is held
 * against the query itself (probe.h). Sizes mean the CRLF view, as IMAP shows it. A message that cannot be read cannot be
 * said to match: it is left out and counted. Knows no bus; several threads may work on one, as on a scan (scan.h):
 *
 *   av_mailbox_scan_init -> av_mailbox_scan_part_step... by all -> av_mailbox_scan_part_end by each -> matched
 */
#ifndef AV_INSTANCE_MAILBOX_SCAN_H
#define AV_INSTANCE_MAILBOX_SCAN_H

#include <stdatomic.h>

#include "actors/instance/probe.h"
#include "actors/instance/reach.h"
#include "actors/instance/uid_set.h"
#include "storage/index/evaluate.h"

typedef struct av_mailbox_scan_wish {
    av_span mailbox;           /* GUID */
    av_span tree;              /* storage/index/query_wire.h */
    const av_uid_set *among;   /* no other UIDs; an empty one: all */
    bool (*cancel)(void *ctx); /* any thread; NULL: never */
    void *cancel_ctx;
} av_mailbox_scan_wish;

typedef struct av_mailbox_scan {
    av_archive *archive;
    av_mailbox_scan_wish wish;
    av_query *query;
    av_matcher *matcher;
    av_reach reach;            /* of the one mailbox */
    roaring_bitmap_t *matched; /* UIDs: those decided at first, in the end all */
    roaring_bitmap_t *open;    /* UIDs to be looked at */
    uint32_t *uids;            /* the same, in order */
    size_t uid_count;
    bool behind; /* some had no index */
    atomic_size_t cursor;
    uint64_t unreadable; /* places that could not be looked at */
} av_mailbox_scan;

/* One thread's part. */
typedef struct av_mailbox_scan_part {
    av_mailbox_scan *scan;
    av_probe probe;
    roaring_bitmap_t *matched;
    uint64_t unreadable;
} av_mailbox_scan_part;

/* wish is copied, what it points to borrowed. Blocks on disk. AV_ERR_NOT_FOUND: no such mailbox for this user; what
 * av_query_decode says. */
av_errc av_mailbox_scan_init(
    av_mailbox_scan *self, av_archive *archive, const char *user, const av_mailbox_scan_wish *wish, av_error *err);
/* A zeroed one is fine. */
void av_mailbox_scan_release(av_mailbox_scan *self);

void av_mailbox_scan_part_init(av_mailbox_scan_part *self, av_mailbox_scan *scan);
/* One block. false: there was none left. */
bool av_mailbox_scan_part_step(av_mailbox_scan_part *self);
/* Hand over what was found, and release it: one thread at a time. A zeroed one is fine. */
void av_mailbox_scan_part_end(av_mailbox_scan_part *self);

#endif
