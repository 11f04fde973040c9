/*
 * deletion.h - removing messages from mailboxes, bringing them back, and destroying them for good
 *
 *   delete    the placements go; keys and bytes stay, and the message can be restored
 *   restore   placements again, with new UIDs
 *   erase     of a message that stands nowhere and is not held: the event first, then its keys (decisions.md 5)
 *
 * What is being erased is noted in accounts before the event: after a crash the keys that are left go at the next start.
 * In the shape of ask.h, run by av_ask_do: each commits what it does. On the writer between groups unless said otherwise.
 */
#ifndef AV_INSTANCE_DELETION_H
#define AV_INSTANCE_DELETION_H

#include "actors/instance/ask.h"
#include "proto/stores.pb-c.h"

av_errc av_deletion_ask_delete(av_ask *ask, av_error *err);
av_errc av_deletion_ask_list(av_ask *ask, av_error *err); /* on a reader */
av_errc av_deletion_ask_restore(av_ask *ask, av_error *err);
av_errc av_deletion_ask_erase(av_ask *ask, av_error *err);      /* EraseMessage */
av_errc av_deletion_ask_erase_many(av_ask *ask, av_error *err); /* EraseMessages */

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
