/*
 * recover.h - a sound store out of what can still be read of a damaged one; a view out of its log
 *
 * Nothing is ever written into the damaged store. Each message comes over with the bytes it had (digest compared), each
 * event in the order of the log; placements keep mailbox, UID, MODSEQ, flags and dates, mailboxes their UIDVALIDITY.
 */
#ifndef AV_CARE_RECOVER_H
#define AV_CARE_RECOVER_H

#include "storage/care/watch.h"
#include "storage/meta/store_view.h"

typedef struct av_recover_job {
    const char *source_dir;     /* content folder; its marker, headers and maps may be damaged, containers missing */
    av_store_keys *source_keys; /* borrowed */
    uint64_t witnessed_lsn;     /* acknowledged, as somebody knows (an old view): is it there still? 0: not known */
    const char *work_dir;       /* made, used and removed: repaired copies of damaged framing, links to all else */
    av_store *target;           /* a new store with keys of its own, or that of a recovery cut short */
    av_store_view *target_view; /* its view, caught up; the watch of target */
    /* Placements that were removed but not erased stand again; else they stay removed, with their grace period. */
    bool with_deleted;
    void *ctx;
    /* Events known from elsewhere (the catalog) for those that cannot be read: "recreate recovery records". Both may be
     * NULL. mailbox: what is known of a mailbox whose creation is lost: a created event; AV_ERR_NOT_FOUND gives it a
     * name and UIDVALIDITY of its own. placements: called at the end, calls put for each placement known, in UID order;
     * those whose message is there and that are not in the target yet are taken; content_lsn is the source's or 0. */
    av_errc (*mailbox)(void *ctx, const uint8_t guid[AV_GUID_SIZE], av_event *ret, av_error *err);
    av_errc (*placements)(void *ctx, av_errc (*put)(void *put_ctx, const av_event_placement *placement, av_error *err),
        void *put_ctx, av_error *err);
    /* A message of which a placement is known but not its bytes any more. digest: SHA-256. May be NULL. */
    av_errc (*lost)(void *ctx, uint64_t lsn, const uint8_t digest[AV_SHA256_SIZE], const char *sentence, av_error *err);
} av_recover_job;

typedef struct av_recover_result {
    uint64_t messages; /* now in the target, by this and earlier runs of the job */
    uint64_t placements, events;
    uint64_t lost_messages; /* placements whose message could not be read */
    uint64_t lost_records;  /* places in the source where something does not check */
} av_recover_result;

/*
 * Writes groups of its own into the target (one writer thread). AV_ERR_CANCELLED and a kill leave a target that the
 * same job goes on with. Finished, doing it again changes nothing.
 */
av_errc av_care_recover(const av_recover_job *job, const av_care_watch *watch, av_recover_result *ret, av_error *err);

/*
 * The view anew from the log: emptied and replayed up to the store's last commit, committed in pieces. Cut short, the
 * view stands where it stopped and the catching up at open goes on. No group, snapshot or iterator may be left. For a
 * store that has no catalog over it; av_catalog_catch_up does the same for both.
 */
av_errc av_care_rebuild_view(av_store *store, av_store_view *view, const av_care_watch *watch, av_error *err);

#endif
