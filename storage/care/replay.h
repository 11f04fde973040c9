/*
 * replay.h - a store's log into a view, up to a commit
 */
#ifndef AV_CARE_REPLAY_H
#define AV_CARE_REPLAY_H

#include "storage/care/watch.h"
#include "storage/meta/store_view.h"

/*
 * From where the view stands, committed in pieces. Any thread that has the view for itself; beside the store's writer
 * when until_lsn is a commit's. AV_ERR_CORRUPT: the log is damaged, or the view. AV_ERR_CANCELLED.
 */
av_errc av_care_replay(
    const av_store *store, av_store_view *view, uint64_t until_lsn, const av_care_watch *watch, av_error *err);

#endif
