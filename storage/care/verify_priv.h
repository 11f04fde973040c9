/*
 * verify_priv.h - what the files of verification share
 *
 *   verify.c  the walk, keys, what was erased     verify_content.c  messages and parts
 *   verify_events.c  events                       verify_view.c     the view against a replay
 */
#ifndef AV_CARE_VERIFY_PRIV_H
#define AV_CARE_VERIFY_PRIV_H

#include "storage/care/verify.h"
#include "storage/care/walk.h"
#include "storage/store/inspect.h"

#define VERIFY_SEEN_BITS 10U
#define VERIFY_SEEN      (1U << VERIFY_SEEN_BITS) /* messages remembered until their placements come */

typedef struct verify_seen {
    uint64_t lsn;
    uint8_t dedup[AV_STORE_DEDUP_SIZE];
} verify_seen;

typedef struct verifier {
    const av_store *store;
    av_store_keys *keys;
    const av_verify_options *options;
    const av_care_watch *watch;
    av_verify_result *result;
    av_store_inspector *inspector;
    av_care_ranges damaged;
    av_buf gone,
        told; /* uint64_t: LSNs of contents that cannot be opened for want of a key; that an event calls erased */
    verify_seen seen[VERIFY_SEEN];
    av_store_content content; /* of the record looked at; its parts are borrowed */
} verifier;

static inline size_t
verify_seen_row(uint64_t lsn)
{
    return (size_t)((lsn * 0x9E3779B97F4A7C15ULL) >> (64 - VERIFY_SEEN_BITS));
}

/* verify.c. The sentence is that of err when why is NULL. */
av_errc verify_fault(verifier *self, av_fault_kind kind, uint64_t lsn, uint64_t message_lsn, const uint8_t *digest,
    const char *why, av_error *err);
/* What of an error is a fault of the store; else the work ends with it. */
bool verify_is_fault(av_errc rc);
av_errc verify_note(av_buf *list, uint64_t lsn, av_error *err);
/* What was erased behind from_lsn (the LSN of a commit) until now is added to `told`. */
av_errc verify_read_on(verifier *self, uint64_t from_lsn, av_error *err);

/* verify_content.c */
av_errc verify_content(verifier *self, const av_record_header *header, av_span body, av_error *err);
/* verify_events.c */
av_errc verify_events(verifier *self, const av_record_header *header, av_span body, av_error *err);
/* Only what events call erased. */
av_errc verify_erasures(verifier *self, const av_record_header *header, av_span body, av_error *err);
/* verify_view.c */
av_errc verify_view(verifier *self, uint64_t until_lsn, av_error *err);

#endif
