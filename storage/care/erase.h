/*
 * erase.h - erasures that the log tells of and that were not carried out to the end
 *
 * Who erases commits the event `content erased`, then destroys the keys (av_store_erase). A crash in between, or a
 * keyring from a backup, leaves keys of what is erased.
 */
#ifndef AV_CARE_ERASE_H
#define AV_CARE_ERASE_H

#include "storage/care/watch.h"
#include "storage/store/store.h"

/*
 * Destroy the keys of everything that the log calls erased behind after_lsn (0, or the LSN of a commit) and that has a
 * key still. Reads the log from there. *ret_records (may be NULL): contents that had one. Durable on return.
 * Writer's thread, between groups. AV_ERR_CORRUPT: the log is damaged; AV_ERR_CANCELLED; errors of av_store_erase.
 */
av_errc av_care_finish_erasures(
    av_store *store, uint64_t after_lsn, const av_care_watch *watch, uint64_t *ret_records, av_error *err);

#endif
