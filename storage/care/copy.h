/*
 * copy.h - the messages of one store into another (merge)
 *
 * Walks the source's log in order. A placement that stands, or was removed and can be restored, has its message put
 * into the target, unless the target has it, and is handed on with the LSN it has there; a removed one is followed by its
 * removal with the time it had. What the target has already is passed over, so a copy that was cut
 * short is gone on with by calling it again.
 */
#ifndef AV_CARE_COPY_H
#define AV_CARE_COPY_H

#include "storage/care/watch.h"
#include "storage/meta/store_view.h"

typedef struct av_care_copy_job {
    const av_store *source;
    const av_meta_view *source_view; /* snapshot; its LSN is where the copy ends */
    av_store *target;
    av_store_view *target_view; /* the watch of target */
    void *ctx;
    /*
     * An event for the target. Placements (not in the target yet; content_lsn is the target's) and removals of them,
     * mailboxes created, renamed and removed, holds set and lifted; nothing else. Mailbox and hold events come again at
     * each resumption: take what you do not have. Borrowed for the call. The caller puts it into log and views.
     */
    av_errc (*event)(void *ctx, const av_event *event, av_error *err);
    /* The group is large enough: commit it in log and views. Called at the end, too. */
    av_errc (*commit)(void *ctx, av_error *err);
} av_care_copy_job;

typedef struct av_care_copy_result {
    uint64_t messages;   /* put into the target */
    uint64_t bytes;      /* of these, as they arrived */
    uint64_t placements; /* handed on */
    uint64_t removed;    /* of these, to be restored only */
    uint64_t known;      /* placements the target had */
    uint64_t unreadable; /* messages that do not open, or whose UID is another's: told (watch) and left out */
} av_care_copy_result;

/*
 * The target's writer thread; the source may be written and read meanwhile. On any error the caller rolls its group
 * back; what was committed stays.
 */
av_errc av_care_copy(const av_care_copy_job *job, const av_care_watch *watch, av_care_copy_result *ret, av_error *err);

#endif
