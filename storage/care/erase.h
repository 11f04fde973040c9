/*
 * erase.h - make messages unreadable for good, in this store and in every older copy of it
 *
 * Order: the event `content erased` is committed to the log; then the keys of the records are destroyed (of segments
 * first, because a message's table names them). What a crash leaves in between is finished by av_care_erase_finish.
 */
#ifndef AV_CARE_ERASE_H
#define AV_CARE_ERASE_H

#include "storage/meta/store_view.h"

/* How the event gets into log and views: the caller's own group, or NULL members for a store with a view alone. */
typedef struct av_care_erase_group {
    void *ctx;
    av_errc (*put)(void *ctx, const av_event *event, av_error *err);
    av_errc (*commit)(void *ctx, av_error *err);
    av_errc (*rollback)(void *ctx, av_error *err);
} av_care_erase_group;

typedef struct av_care_erase_result {
    uint64_t messages; /* or unused parts, erased */
    uint64_t records;  /* with their parts */
    uint64_t refused;  /* a placement stands, or a hold covers it */
} av_care_erase_result;

/*
 * Erase n messages (or unused parts) by their LSNs, all in one group; on AV_OK it is durable and their keys are gone.
 * A message that may not be erased is passed over and counted as refused; with n = 1 it is AV_ERR_DENIED, and the sentence
 * names the hold. One that is erased already is fine. group may be NULL: then no group may be open in store and view.
 * Writer's thread. Blocks on disk. The errors of av_store_commit and av_store_keys_erase; after an error in destroying
 * keys the erasure is in the log, and av_care_erase_finish goes on.
 */
av_errc av_care_erase(av_store *store, av_store_view *view, const uint64_t *lsns, size_t n, int64_t time_ms,
    const char *who, const av_care_erase_group *group, av_care_erase_result *ret, av_error *err);

/*
 * At open, after the view has caught up with its log: destroy the keys of everything the log calls erased and whose keys may
 * still be there. Cheap when there is nothing to do. *ret_records (may be NULL): how many had a key until now.
 */
av_errc av_care_erase_finish(av_store *store, av_store_view *view, uint64_t *ret_records, av_error *err);

#endif
