/*
 * uids.h - the messages of a selected mailbox: UIDs in runs, and their sequence numbers
 *
 * Pure. A run of neighbouring UIDs is one entry, whatever its length; look-ups are binary searches. Sequence numbers are
 * those the client was told: the map changes only by av_imap_uids_set.
 * Source: RFC 3501, 2.3.1.
 */
#ifndef AV_GATEWAY_IMAP_UIDS_H
#define AV_GATEWAY_IMAP_UIDS_H

#include "storage/index/query.h"

typedef struct av_imap_uid_run {
    uint32_t first, last; /* UIDs */
    uint32_t seq;         /* sequence number of first */
} av_imap_uid_run;

typedef struct av_imap_uids {
    av_imap_uid_run *runs;
    size_t n;
    uint32_t count; /* messages */
} av_imap_uids;

/* ranges in order and apart from each other; false (and nothing changed) when they are not, or over 2^32 - 2 in all. */
bool av_imap_uids_set(av_imap_uids *self, const av_query_range *ranges, size_t n);
void av_imap_uids_release(av_imap_uids *self);

uint32_t av_imap_uids_seq(const av_imap_uids *self, uint32_t uid); /* 0: no such message */
uint32_t av_imap_uids_uid(const av_imap_uids *self, uint32_t seq); /* 0: no such message */
/* UIDs of self that `now` does not have, as ranges in order; ret is the caller's (free), never NULL. */
void av_imap_uids_gone(const av_imap_uids *self, const av_imap_uids *now, av_query_range **ret, size_t *ret_n);
uint32_t av_imap_uids_last(const av_imap_uids *self); /* highest UID, 0 when empty */

/*
 * The messages a sequence set names, as ranges of UIDs in order and apart, whose ends exist. UIDs missing in between stay
 * missing: they are never given again. UINT32_MAX in set is `*`, the last message. ret is the caller's (free), never NULL,
 * and has at most n ranges.
 */
void av_imap_uids_resolve(
    const av_imap_uids *self, const av_query_range *set, size_t n, bool by_uid, av_query_range **ret, size_t *ret_n);

#endif
