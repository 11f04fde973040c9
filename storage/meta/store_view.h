/*
 * store_view.h - the view of one store over its own log: known content, reference counts, attributes, holds, counters
 *
 * A RocksDB database in the store's database folder, sealed with the store's database key. All of it but the attributes
 * comes out of the store's log, and these come out of the messages: lost, broken, of another version or ahead of its
 * log it is thrown away and replayed (av_catalog_catch_up). It changes by two functions, live and in replay alike:
 * av_store_view_content and av_store_view_event.
 *
 * What it knows
 *   contents    LSN -> kind, size, stored bytes, references, parts; dedup key -> LSN (messages and parts apart)
 *   references  message: placements that stand in this store's log, whose instance ever; part: messages that use it;
 *               dictionary: contents that need it
 *   waiting     messages and parts without references, with the time the last one went: what a grace period ends
 *   placements  (mailbox GUID, UID) -> message, and removed ones until the message is erased: the recoverable
 *   holds       on the store, on mailboxes, on messages
 *   attributes  per message: the caller's row (ENVELOPE, BODYSTRUCTURE ... as ready bytes)
 *   counters    messages, bytes raw and stored, live and dead bytes per container: kept with each group
 *
 * Threads: one writer; others read through av_store_view_snapshot. Functions that take an av_meta_view take this
 * database's. Blocks on disk. Errors of all of them besides those named: AV_ERR_IO, AV_ERR_CORRUPT (throw it away:
 * close, av_store_view_discard, open).
 */
#ifndef AV_META_STORE_VIEW_H
#define AV_META_STORE_VIEW_H

#include "storage/keys/store_keys.h"
#include "storage/meta/meta.h"
#include "storage/mime/thread.h"
#include "storage/store/event.h"
#include "storage/store/store.h"

typedef struct av_store_view av_store_view;
typedef struct av_store_view_iter av_store_view_iter;

typedef struct av_store_view_config {
    const char *dir;     /* the view's folder, wholly its own; made when missing */
    av_store_keys *keys; /* borrowed until close */
    size_t cache_bytes;  /* 0: 8 MB */
} av_store_view_config;

/* Opens or makes the view; a broken one, one of another version or of another store is removed and made empty (logged
 * as store_view.discarded). AV_ERR_BUSY when it is open elsewhere. */
av_errc av_store_view_open(const av_store_view_config *config, av_store_view **ret, av_error *err);
/* NULL and *NULL are no-ops. */
void av_store_view_close(av_store_view **self);
/* Empty the open view: it is replayed from 0 then. No group, snapshot or iterator may be left. */
av_errc av_store_view_discard(av_store_view *self, const char *why, av_error *err);
/* Give memory back, between groups: for an idle timer. */
av_errc av_store_view_trim(av_store_view *self, av_error *err);
/* Behind it, for a longer rest: av_meta_close_tables. */
av_errc av_store_view_close_tables(av_store_view *self, av_error *err);
/* Any thread: av_meta_is_failed. */
bool av_store_view_is_failed(const av_store_view *self);
/* A copy of it as it stands now, between groups: av_meta_checkpoint. */
av_errc av_store_view_checkpoint(av_store_view *self, const char *dir, av_error *err);

/* LSN up to which it reflects the log: what av_store_open wants as witness. */
uint64_t av_store_view_applied_lsn(const av_store_view *self);
/* For av_store_set_watch: answers from this view and tells it. */
av_store_watch av_store_view_watch(av_store_view *self);

/* --- groups: most callers use views.h --------------------------------------------------------------------------- */

/* Nothing to do when one is open. av_store_view_content and _event begin one themselves. */
void av_store_view_begin(av_store_view *self);
/* A content record of the log. AV_ERR_CONFLICT: a message names a part that was erased since it was found; roll back
 * and put the message again. */
av_errc av_store_view_content(av_store_view *self, const av_store_content *content, av_error *err);
/* An event of the log; kinds that mean nothing here are AV_OK. Refuses nothing that av_catalog_apply takes. */
av_errc av_store_view_event(av_store_view *self, const av_event *event, av_error *err);
/* The end of a group of the log. What the log's group left without references waits from now on. Live it is followed by
 * av_store_view_commit, in replay by more groups. */
av_errc av_store_view_group_end(av_store_view *self, uint64_t committed_lsn, av_error *err);
/* Not synced: the log has it. A failed one leaves the view behind its log. */
av_errc av_store_view_commit(av_store_view *self, av_error *err);
void av_store_view_rollback(av_store_view *self);

/* The writer's view sees the open group; a snapshot is frozen, for any thread; end it with av_meta_view_destroy. */
const av_meta_view *av_store_view_writer(av_store_view *self);
av_meta_view *av_store_view_snapshot(av_store_view *self);

/* --- contents ---------------------------------------------------------------------------------------------------- */

typedef struct av_content_row {
    uint64_t lsn;
    av_record_kind kind; /* MESSAGE, PART, DICTIONARY */
    uint8_t dedup[AV_STORE_DEDUP_SIZE];
    uint64_t size, stored, dictionary; /* as in av_store_content */
    uint64_t references;
    uint64_t removed; /* message: placements removed and still recoverable */
    bool waiting;     /* no references since waiting_since_ms */
    int64_t waiting_since_ms;
    bool erased; /* its key is gone and its erasure not yet replayed, or compaction has dropped it */
    uint32_t part_count;
} av_content_row;

/* parts: NULL, or replaced with the part_count LSNs (uint64_t each, ascending). AV_ERR_NOT_FOUND. */
av_errc av_store_view_get(const av_meta_view *view, uint64_t lsn, av_content_row *ret, av_buf *parts, av_error *err);
/* Messages in log order from from_lsn on, erased ones included while their row stands; walk with next_message. */
av_store_view_iter *av_store_view_messages(const av_meta_view *view, uint64_t from_lsn);
bool av_store_view_next_message(av_store_view_iter *self, av_content_row *ret);
/* LSN of a message with this SHA-256, or AV_ERR_NOT_FOUND. */
av_errc av_store_view_find_message(const av_store_view *self, const av_meta_view *view,
    const uint8_t digest[AV_SHA256_SIZE], uint64_t *ret_lsn, av_error *err);
/* The newest dictionaries, for skeletons and for parts, the older one first (both the same: one for all); 0: none. */
av_errc av_store_view_dictionaries(const av_meta_view *view, uint64_t ret_lsns[2], av_error *err);
/*
 * For compaction: must the record stay? Messages and parts: until they are erased. Dictionaries: the newest of a
 * use, and while a content needs it. Segments are not known here (the tables of messages and parts name them): true. All else:
 * true.
 */
av_errc av_store_view_is_needed(const av_meta_view *view, uint64_t lsn, av_record_kind kind, bool *ret, av_error *err);

/* --- attributes: the caller's bytes per message ------------------------------------------------------------------ */

/*
 * The first AV_THREAD_KEY_SIZE bytes are the message's thread key (storage/mime/thread.h), zeros for none; the rest is
 * the caller's alone. In the open group; gone when the message is erased. AV_ERR_NOT_FOUND when there is no such
 * message, AV_ERR_LIMIT over 4 MB, AV_ERR_INVALID without a key.
 */
av_errc av_store_view_attributes_put(av_store_view *self, uint64_t lsn, av_span row, av_error *err);
/* Replaces out's contents; AV_ERR_NOT_FOUND. */
av_errc av_store_view_attributes(const av_meta_view *view, uint64_t lsn, av_buf *out, av_error *err);
/* The key at the front of the attributes; zeros when the message has none. */
av_errc av_store_view_thread(const av_meta_view *view, uint64_t lsn, uint8_t ret[AV_THREAD_KEY_SIZE], av_error *err);
/* In log order from from_lsn on; walk with next_attributes. */
av_store_view_iter *av_store_view_all_attributes(const av_meta_view *view, uint64_t from_lsn);
bool av_store_view_next_attributes(av_store_view_iter *self, uint64_t *ret_lsn, av_span *ret_row);

/* --- placements -------------------------------------------------------------------------------------------------- */

typedef struct av_store_placement {
    uint8_t guid[AV_GUID_SIZE]; /* mailbox */
    uint32_t uid;
    uint64_t content_lsn;
    uint32_t flags;
    uint64_t raw_size, crlf_size;
    int64_t received_at_ms, archived_at_ms;
    av_span keywords; /* list; borrowed until the next call on the iterator or buffer */
    bool removed;     /* the rest is set then */
    int64_t removed_at_ms;
    uint64_t modseq; /* of the removal */
    av_span who, reason;
} av_store_placement;

/* row: holds what ret borrows. AV_ERR_NOT_FOUND. */
av_errc av_store_view_placement(const av_meta_view *view, const uint8_t guid[AV_GUID_SIZE], uint32_t uid, av_buf *row,
    av_store_placement *ret, av_error *err);
/* Removed placements that can be restored, of one mailbox by UID from from_uid on, or of all (guid NULL). A placement
 * of the same message added to the same mailbox again takes it out. */
av_store_view_iter *av_store_view_recoverable(
    const av_meta_view *view, const uint8_t guid[AV_GUID_SIZE], uint32_t from_uid);
/* All placements of a message, standing and removed. */
av_store_view_iter *av_store_view_placements_of(const av_meta_view *view, uint64_t content_lsn);
bool av_store_view_next_placement(av_store_view_iter *self, av_store_placement *ret);

/* Ends any of the walks. An error on the way ended the walk early: ask before you trust its end. */
av_errc av_store_view_iter_error(av_store_view_iter *self, av_error *err);
void av_store_view_iter_destroy(av_store_view_iter **self);

/* --- erasing ----------------------------------------------------------------------------------------------------- */

typedef struct av_waiting {
    int64_t since_ms; /* {0}: from the first */
    uint64_t lsn;
} av_waiting;

/*
 * The next content that waits since before before_ms, behind *cursor in (since, LSN); it becomes *cursor. Held ones are
 * among them: av_store_view_erase_plan refuses these. AV_ERR_NOT_FOUND at the end.
 */
av_errc av_store_view_next_expired(const av_meta_view *view, int64_t before_ms, av_waiting *cursor, av_error *err);
/*
 * What to erase with a message (or an unused part): LSNs appended to ret_lsns as uint64_t, the message first, then
 * parts nobody else uses. Writer's view. Several in one group: plan, event, av_store_view_event, then the next plan.
 * AV_ERR_DENIED when a placement stands or a hold covers it (the sentence names it), AV_ERR_NOT_FOUND.
 */
av_errc av_store_view_erase_plan(av_store_view *self, uint64_t lsn, av_buf *ret_lsns, av_error *err);

typedef struct av_hold {
    uint8_t hold[AV_GUID_SIZE];
    bool has_mailbox, has_digest; /* neither: everything in the store; both: the mailbox and the message */
    uint8_t mailbox[AV_GUID_SIZE];
    uint8_t digest[32];
    int64_t time_ms;
    av_span name, who; /* borrowed until the next call on the iterator or buffer */
} av_hold;

/* Does any hold cover the message: the store's, the message's own, or one of a mailbox where it stands or stood
 * before a removal not erased yet. row: holds what ret borrows. AV_ERR_NOT_FOUND: none. */
av_errc av_store_view_hold_of(const av_meta_view *view, uint64_t lsn, av_buf *row, av_hold *ret, av_error *err);
av_store_view_iter *av_store_view_holds(const av_meta_view *view);
bool av_store_view_next_hold(av_store_view_iter *self, av_hold *ret);

/* --- counters ---------------------------------------------------------------------------------------------------- */

typedef struct av_store_counters {
    uint64_t placements;      /* that stand */
    uint64_t placement_bytes; /* their raw bytes */
    uint64_t removed;         /* placements that are recoverable */
    uint64_t messages;        /* distinct, not erased */
    uint64_t message_bytes;   /* their raw bytes */
    uint64_t parts, part_bytes;
    uint64_t saved_bytes;  /* of parts that did not have to be stored again */
    uint64_t stored_bytes; /* of contents that are needed, in containers */
    uint64_t dead_bytes;   /* of erased ones, until compaction */
    uint64_t waiting;      /* contents without references */
    uint64_t holds;
} av_store_counters;

/* O(1); without the open group. */
av_errc av_store_view_counters(const av_meta_view *view, av_store_counters *ret, av_error *err);
/* Count the rows (any thread, a snapshot: everything is read). *ret_right: the counters kept say the same. dead_bytes
 * is taken over, it stands in no row. */
av_errc av_store_view_recount(const av_meta_view *view, av_store_counters *ret, bool *ret_right, av_error *err);
/* Recount and keep what was counted; between groups. */
av_errc av_store_view_correct(av_store_view *self, bool *ret_right, av_error *err);

/* Stored bytes of needed and of erased contents whose record lies in this container. What else is in the file (events,
 * commits, segments nobody names) is its size minus both. */
typedef struct av_container_bytes {
    uint32_t container;
    uint64_t live, dead;
} av_container_bytes;

av_store_view_iter *av_store_view_containers(const av_meta_view *view);
bool av_store_view_next_container(av_store_view_iter *self, av_container_bytes *ret);
/* The container was compacted: its dead bytes are gone. A group of its own. */
av_errc av_store_view_compacted(av_store_view *self, uint32_t container, av_error *err);

#endif
