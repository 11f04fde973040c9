/*
 * uids.h - the messages of a selected mailbox: UIDs in runs, and their sequence numbers
 *
 * Pure. A run of neighbouring UIDs is one entry, whatever its length; look-ups are binary searches. Sequence numbers are
 * those the client was told: the map changes only as a whole. Sessions that were told the same share the runs: many of
 * them in a mailbox with many gaps cost what one does. One thread.
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
    struct av_imap_uid_list *list; /* counted; holds the runs */
    const av_imap_uid_run *runs;
    size_t n;
    uint32_t count;        /* messages */
    av_query_range *saved; /* UIDs of the search result that is kept (RFC 5182), in order; av_imap_uids_save */
    size_t saved_n;
} av_imap_uids;

/* ranges in order and apart from each other; false (and nothing changed) when they are not, or over 2^32 - 2 in all. */
bool av_imap_uids_set(av_imap_uids *self, const av_query_range *ranges, size_t n);
void av_imap_uids_release(av_imap_uids *self);
/* self becomes the same as from. */
void av_imap_uids_share(av_imap_uids *self, const av_imap_uids *from);
/*
 * Those of base below UID `from`, then what wire tells (storage/index/uid_wire.h) of those from there on; self, released
 * before, is the same as base when that is nothing new. false (and nothing changed): not well formed.
 */
bool av_imap_uids_decode(av_imap_uids *self, const av_imap_uids *base, uint32_t from, av_span wire);

/* Keep a search result: UIDs as ranges in order and apart, copied. None: the empty result. */
void av_imap_uids_save(av_imap_uids *self, const av_query_range *ranges, size_t n);

uint32_t av_imap_uids_seq(const av_imap_uids *self, uint32_t uid); /* 0: no such message */
uint32_t av_imap_uids_uid(const av_imap_uids *self, uint32_t seq); /* 0: no such message */
/* UIDs of self that `now` does not have, as ranges in order; ret is the caller's (free), never NULL. */
void av_imap_uids_gone(const av_imap_uids *self, const av_imap_uids *now, av_query_range **ret, size_t *ret_n);
/*
 * UIDs of a set (as of av_imap_uids_resolve) below `below` that self does not have, as ranges in order; ret is the
 * caller's (free), never NULL. For VANISHED (EARLIER): a UID that never was is as good as one that is gone.
 */
void av_imap_uids_missing(
    const av_imap_uids *self, const av_query_range *set, size_t n, uint32_t below, av_query_range **ret, size_t *ret_n);
uint32_t av_imap_uids_last(const av_imap_uids *self); /* highest UID, 0 when empty */

/*
 * The messages a sequence set names, as ranges of UIDs in order and apart, whose ends exist. UIDs missing in between stay
 * missing: they are never given again. UINT32_MAX in set is `*`, the last message; 0:0 is `$`, the result that was saved,
 * of which what has gone is no more. ret is the caller's (free), never NULL,
 * and has at most n ranges (saved_n for `$`).
 */
void av_imap_uids_resolve(
    const av_imap_uids *self, const av_query_range *set, size_t n, bool by_uid, av_query_range **ret, size_t *ret_n);

/*
 * Of ranges as resolve made them, keep the messages first to last, counted from 1, or from the end; in place, *n becomes
 * smaller (RFC 9394, 3.4).
 */
void av_imap_uids_page(
    const av_imap_uids *self, bool from_end, uint32_t first, uint32_t last, av_query_range *ranges, size_t *n);

#endif
