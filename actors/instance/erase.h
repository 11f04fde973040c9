/*
 * erase.h - destroying the contents of a store for good (decisions.md 5)
 *
 * The event first, then the keys. What is being erased is noted in accounts before the event: after a crash the keys that
 * are left go at the next start. Whether a message may be erased by its id is asked in deletion_erase.c.
 *
 * On the writer between groups.
 */
#ifndef AV_INSTANCE_ERASE_H
#define AV_INSTANCE_ERASE_H

#include "actors/instance/archive.h"

typedef struct av_erased {
    uint64_t messages, parts;
} av_erased;

/*
 * Erase these contents of one store, messages and unused parts: LSNs as uint64_t. Held ones and those that stand somewhere
 * are skipped, or refused (AV_ERR_DENIED) with `strict`. who: into the log.
 */
av_errc av_erase_contents(
    av_archive *self, uint32_t store_id, av_span lsns, bool strict, const char *who, av_erased *ret, av_error *err);
/* Keys that a crash or a failure left behind a committed event, in every store that can be opened. */
av_errc av_erase_resume(av_archive *self, av_error *err);
/* The same of one store: before compaction drops the records that say which keys they are. */
av_errc av_erase_finish(av_archive *self, uint32_t store_id, av_error *err);
/*
 * Erase what waits in this store since before before_ms, at most `most` contents behind the cursor ({0} at first), which
 * moves on: held ones stay, and nothing behind them waits for that. *ret_more: there is more.
 */
av_errc av_erase_expired(av_archive *self, uint32_t store_id, int64_t before_ms, size_t most, av_waiting *cursor,
    av_erased *ret, bool *ret_more, av_error *err);

#endif
