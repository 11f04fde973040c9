/*
 * catalog.h - the view of an instance over the logs of its stores: mailboxes, placements, message ids, runs
 *
 * Everything here comes out of the logs: a catalog that is lost, broken or ahead of a log is thrown away and replayed
 * (av_catalog_catch_up), store after store in any order with the same result. It changes by one function,
 * av_catalog_apply, live and in replay alike. Users and settings are not here: accounts.h. What a store knows of its
 * contents is not here: store_view.h. Groups over log, store view and catalog: views.h.
 *
 * Names. A mailbox is announced (created) in every store that holds placements of it, and renamed in any. Its name is
 * what the event with the highest sequence says. When two mailboxes claim one path (a store with the newer events is
 * missing) the higher sequence has it and the other goes by "<path> (<its GUID>)" until the path is free. A removed
 * mailbox never comes back.
 *
 * Placements with another instance's UUID are not here: the instance adopts them with placements of its own.
 *
 * Threads: one writer; others read through av_catalog_snapshot. Blocks on disk.
 */
#ifndef AV_META_CATALOG_H
#define AV_META_CATALOG_H

#include "storage/meta/mailbox_name.h"
#include "storage/meta/message_id.h"
#include "storage/meta/meta.h"
#include "storage/meta/store_view.h"
#include "storage/meta/thread_id.h"
#include "storage/store/event.h"
#include "storage/store/store.h"

typedef struct av_catalog av_catalog;
typedef struct av_catalog_iter av_catalog_iter;

typedef struct av_catalog_config {
    const char *dir; /* the view's folder, wholly its own; made when missing */
    uint8_t key[32]; /* seals its files and stands in HMACs; the same at every open, else the view is rebuilt */
    uint8_t instance[AV_GUID_SIZE]; /* the instance's UUID; another one: the view is rebuilt */
    size_t cache_bytes;             /* 0: 8 MB */
} av_catalog_config;

/*
 * Opens or makes the view. A broken view, one of another version, instance or with another key is removed and made
 * empty (logged as catalog.discarded): the logs hold everything in it. AV_ERR_BUSY when it is open elsewhere,
 * AV_ERR_IO.
 */
av_errc av_catalog_open(const av_catalog_config *config, av_catalog **ret, av_error *err);
void av_catalog_close(av_catalog **self);
/* Give memory back (av_meta_trim), between groups: for an idle timer, with av_store_trim. */
av_errc av_catalog_trim(av_catalog *self, av_error *err);
/* Behind it, for a longer rest: av_meta_close_tables. */
av_errc av_catalog_close_tables(av_catalog *self, av_error *err);
/* Any thread: av_meta_is_failed. */
bool av_catalog_is_failed(const av_catalog *self);
/* A copy of it as it stands now, between groups: av_meta_checkpoint. */
av_errc av_catalog_checkpoint(av_catalog *self, const char *dir, av_error *err);

/* --- stores ------------------------------------------------------------------------------------------------------ */

/* LSN up to which the view reflects this store's log; 0 when it never saw it. What av_store_open wants as witness is
 * the higher of this and av_store_view_applied_lsn. */
uint64_t av_catalog_applied_lsn(const av_catalog *self, const uint8_t store_uuid[AV_STORE_UUID_SIZE]);
/*
 * Bind an open store and its open view (both borrowed until detach or close), and get the store's number in this
 * catalog: what rows call `store`. Sets the store's watch. A number is kept as long as the catalog is and is not given
 * again while a placement has it.
 */
av_errc av_catalog_attach(av_catalog *self, av_store *store, av_store_view *view, uint32_t *ret_no, av_error *err);
/* The store is not used any more (disabled, or closed for a while); its rows stay. */
void av_catalog_detach(av_catalog *self, uint32_t store_no);
av_store *av_catalog_store(const av_catalog *self, uint32_t no);     /* NULL: not attached */
av_store_view *av_catalog_view(const av_catalog *self, uint32_t no); /* NULL: not attached */

typedef struct av_catalog_store_row {
    uint32_t no;
    uint8_t uuid[AV_STORE_UUID_SIZE];
    bool attached;
    uint64_t applied_lsn;
    uint64_t messages, bytes; /* placements in the catalog, their raw bytes */
} av_catalog_store_row;

/* Every store that has a number, by number; from *no (0: the first) on, which becomes one behind it. Writer thread. */
bool av_catalog_next_store(const av_catalog *self, uint32_t *no, av_catalog_store_row *ret);

/*
 * A detached store leaves for good: take away its placements, at most `most` looked at in one group, and its number
 * with the last one. Call until *ret_left (placements left) is 0; a crash in between is no harm. No group may be open.
 * Mailboxes stay. AV_ERR_NOT_FOUND: no store has this number. AV_ERR_BUSY: it is attached.
 */
av_errc av_catalog_expunge(av_catalog *self, uint32_t store_no, size_t most, uint64_t *ret_left, av_error *err);

/* A message without attributes in its store's view: append the row (av_store_view_attributes_put) to out, or leave it
 * empty for none (also for content that cannot be read: an error ends the replay). Called in replay. */
typedef av_errc av_catalog_summary_fn(
    void *ctx, av_store *store, const av_event_placement *placement, av_buf *out, av_error *err);

/*
 * Bring the catalog and the store's view to the end of an attached store's log, in one pass from where the lower
 * stands, in groups of a few thousand events. A store view that is not one of its sound log (ahead: an older log was
 * restored) is emptied and replayed. A catalog that is not is emptied and this store replayed into it; then
 * *ret_rebuilt is true and all other stores must be caught up again, too; no snapshot and no iterator may be left at
 * that time. When the store is corrupt nothing is thrown away: what the views know is served, and AV_OK is returned
 * with as much replayed as could be read. ret_rebuilt may be NULL.
 */
av_errc av_catalog_catch_up(
    av_catalog *self, uint32_t store_no, av_catalog_summary_fn *summary, void *ctx, bool *ret_rebuilt, av_error *err);

/* --- groups: most callers use views.h ---------------------------------------------------------------------------- */

void av_catalog_begin(av_catalog *self);
/* committed_lsn: what av_store_commit gave for this store. Not synced: the log has it. After a failure the view is
 * behind its log: av_catalog_catch_up, or close and open. */
av_errc av_catalog_commit(av_catalog *self, uint32_t store_no, uint64_t committed_lsn, av_error *err);
void av_catalog_rollback(av_catalog *self);

/* For the next mailbox created or renamed event; applying it takes the number. */
uint64_t av_catalog_next_sequence(const av_catalog *self);

/*
 * The one way the view changes: an event that goes into this store's log. thread: of an added placement's message, as
 * av_store_view_thread gives it; NULL or zeros: the message is a thread of its own.
 * AV_ERR_EXISTS: path taken, UID given twice; AV_ERR_NOT_FOUND: mailbox or UID unknown (or the placement is another
 * store's); AV_ERR_CONFLICT: a sequence that is not the next, a mailbox removed that has placements. The group is
 * unchanged then, and the event must not go to the log. Creating a mailbox that is there under this path is AV_OK: that
 * is how it is announced to another store.
 */
av_errc av_catalog_apply(
    av_catalog *self, uint32_t store_no, const av_event *event, const uint8_t *thread, av_error *err);

/* --- views ------------------------------------------------------------------------------------------------------- */

/* The writer's view sees the open group; a snapshot is frozen, for any thread; end it with av_meta_view_destroy. Who
 * follows placements into store views takes this snapshot first: store views are committed before the catalog. */
const av_meta_view *av_catalog_writer(av_catalog *self);
av_meta_view *av_catalog_snapshot(av_catalog *self);

/* --- mailboxes --------------------------------------------------------------------------------------------------- */

typedef struct av_mailbox {
    uint8_t guid[AV_GUID_SIZE];
    uint32_t uidvalidity, uidnext; /* uidnext: what the next placement takes */
    uint64_t highestmodseq;        /* the next change takes highestmodseq + 1 */
    uint64_t messages;             /* placements now */
    uint64_t unseen;               /* of these, without AV_FLAG_SEEN */
    uint64_t bytes;                /* their raw bytes */
    uint64_t crlf_bytes;           /* their bytes with CRLF at each end of line */
    uint64_t deleted;              /* of the placements, with AV_FLAG_DELETED */
    uint64_t removed_modseq;       /* MODSEQ of the last removal the logs tell of; 0: of none */
    uint64_t sequence;             /* of the event that gave it its name */
    bool provisional;              /* path is not the name it claims: another mailbox has that */
    size_t path_n;
    char path[AV_MAILBOX_PATH_MAX + 1];
} av_mailbox;

/* path: in normal form (mailbox_name.h); compared exactly. */
av_errc av_catalog_mailbox_by_path(const av_meta_view *view, av_span path, av_mailbox *ret, av_error *err);
av_errc av_catalog_mailbox_by_guid(
    const av_meta_view *view, const uint8_t guid[AV_GUID_SIZE], av_mailbox *ret, av_error *err);
/* The mailbox `under` and all below it (empty: all), parents before children, siblings in byte order. */
av_catalog_iter *av_catalog_mailboxes(const av_meta_view *view, av_span under);
bool av_catalog_next_mailbox(av_catalog_iter *self, av_mailbox *ret);

/* --- counters: kept with each group, O(1) ------------------------------------------------------------------------ */

typedef struct av_catalog_totals {
    uint64_t messages, bytes; /* placements, their raw bytes */
} av_catalog_totals;

/* All mailboxes with this first component (an archive); zeros when there are none. */
av_errc av_catalog_archive_totals(const av_meta_view *view, av_span top, av_catalog_totals *ret, av_error *err);
/* What a store has of a mailbox. */
av_errc av_catalog_store_totals(const av_meta_view *view, uint32_t store_no, const uint8_t guid[AV_GUID_SIZE],
    av_catalog_totals *ret, av_error *err);
/* Does any placement of the mailbox stand in this store, or was the mailbox announced there? Else announce it (created)
 * before its first placement. */
av_errc av_catalog_is_announced(
    const av_meta_view *view, uint32_t store_no, const uint8_t guid[AV_GUID_SIZE], bool *ret, av_error *err);
/* Count the placements again (refresh statistics), between groups: counters that were wrong are put right. Reads
 * everything. */
av_errc av_catalog_recount(av_catalog *self, bool *ret_right, av_error *err);

/* --- placements -------------------------------------------------------------------------------------------------- */

typedef struct av_placement {
    uint8_t guid[AV_GUID_SIZE]; /* mailbox */
    uint32_t uid;
    uint32_t store; /* number of the store */
    uint64_t content_lsn;
    uint8_t digest[32];
    uint64_t raw_size, crlf_size;
    int64_t received_at_ms, archived_at_ms;
    uint64_t modseq;
    uint32_t flags;
    uint8_t thread[AV_THREAD_ID_BYTES];
} av_placement;

av_errc av_catalog_placement(
    const av_meta_view *view, const uint8_t guid[AV_GUID_SIZE], uint32_t uid, av_placement *ret, av_error *err);
/* Its keywords, a list for av_event_list_next_text; replaces out's contents, empty when there are none. */
av_errc av_catalog_keywords(
    const av_meta_view *view, const uint8_t guid[AV_GUID_SIZE], uint32_t uid, av_buf *out, av_error *err);
/* UIDs from..to (both in), ascending. Cost: what is taken. */
av_catalog_iter *av_catalog_placements(
    const av_meta_view *view, const uint8_t guid[AV_GUID_SIZE], uint32_t from_uid, uint32_t to_uid);
bool av_catalog_next_placement(av_catalog_iter *self, av_placement *ret);
/* Only the UIDs of the same walk, without decoding rows: for sequence number -> UID. */
bool av_catalog_next_uid(av_catalog_iter *self, uint32_t *ret);
/*
 * The UIDs from from_uid on that have a placement, in runs as long as they are. Cost: a row for 8192 UIDs, whatever the
 * number of messages. changed_since not 0: runs in whose neighbourhood (of 8192 UIDs) no placement has a higher MODSEQ
 * are left out; of the others each placement has to be asked.
 */
typedef struct av_uid_run {
    uint32_t first, last;
} av_uid_run;
av_catalog_iter *av_catalog_uid_runs(
    const av_meta_view *view, const uint8_t guid[AV_GUID_SIZE], uint32_t from_uid, uint64_t changed_since);
bool av_catalog_next_uid_run(av_catalog_iter *self, av_uid_run *ret);
/* Highest archived_at_ms of any placement applied so far; 0 for none. */
av_errc av_catalog_last_archived(const av_meta_view *view, int64_t *ret, av_error *err);

/* Ends any of the walks. An error on the way ended the walk early: ask before you trust its end. */
av_errc av_catalog_iter_error(av_catalog_iter *self, av_error *err);
void av_catalog_iter_destroy(av_catalog_iter **self);

/* UID of the same bytes in this mailbox, or AV_ERR_NOT_FOUND. */
av_errc av_catalog_duplicate(const av_catalog *self, const av_meta_view *view, const uint8_t guid[AV_GUID_SIZE],
    const uint8_t digest[32], uint32_t *ret_uid, av_error *err);
/* All placements of a message id, by mailbox GUID; walk with av_catalog_next_placement. Rights are checked on these,
 * never on the id. */
av_catalog_iter *av_catalog_by_id(
    const av_catalog *self, const av_meta_view *view, const uint8_t id[AV_MESSAGE_ID_BYTES]);

/*
 * Any one placement of a message id: its digest finds the content in each store (av_store_view_find_message).
 * AV_ERR_NOT_FOUND when no mailbox has it.
 */
av_errc av_catalog_find(const av_catalog *self, const av_meta_view *view, const uint8_t id[AV_MESSAGE_ID_BYTES],
    av_placement *ret, av_error *err);

/* --- threads: RFC 8621, 3; which one a message belongs to stands in storage/mime/thread.h ------------------------- */

/* AV_ERR_NOT_FOUND when no mailbox has the message. */
av_errc av_catalog_thread_of(const av_catalog *self, const av_meta_view *view, const uint8_t id[AV_MESSAGE_ID_BYTES],
    uint8_t ret[AV_THREAD_ID_BYTES], av_error *err);
/*
 * The messages of a thread that stand in any mailbox of any store, in the order of their ids. Walk with
 * av_catalog_next_message (each once) or with av_catalog_next_placement (each of their placements); rights are checked
 * on placements. A thread that is not there has none.
 */
av_catalog_iter *av_catalog_thread_messages(const av_meta_view *view, const uint8_t thread[AV_THREAD_ID_BYTES]);
bool av_catalog_next_message(av_catalog_iter *self, uint8_t ret_id[AV_MESSAGE_ID_BYTES]);

/* --- what was given ---------------------------------------------------------------------------------------------- */

/* A UID, a MODSEQ and a UIDVALIDITY are given once, also when the log that says so is away. */
typedef struct av_catalog_floor {
    uint8_t guid[AV_GUID_SIZE]; /* mailbox */
    uint32_t uidvalidity, uidnext;
    uint64_t highestmodseq;
} av_catalog_floor;

/* Each mailbox that a store has a part in, removed ones, too, until each says something else than AV_OK. */
av_errc av_catalog_floors(const av_meta_view *view, uint32_t store_no,
    av_errc (*each)(void *ctx, const av_catalog_floor *floor, av_error *err), void *ctx, av_error *err);
/* Every mailbox the catalog knows, removed ones, too; each must not change the catalog. */
av_errc av_catalog_all_floors(const av_meta_view *view,
    av_errc (*each)(void *ctx, const av_catalog_floor *floor, av_error *err), void *ctx, av_error *err);
/* A catalog that was made anew is raised to them, and to a sequence of names; a group of its own. */
av_errc av_catalog_raise(av_catalog *self, const av_catalog_floor *floors, size_t n, uint64_t sequence, av_error *err);
/* Of all mailboxes, removed ones, too; 0: there is none. */
av_errc av_catalog_highest_uidvalidity(const av_meta_view *view, uint32_t *ret, av_error *err);

/* --- runs ------------------------------------------------------------------------------------------------------- */

typedef struct av_run {
    uint8_t run[AV_GUID_SIZE];
    av_run_state state;
    uint64_t last_item, stored, duplicate, refused;
} av_run;

av_errc av_catalog_run(const av_meta_view *view, const uint8_t run[AV_GUID_SIZE], av_run *ret, av_error *err);
av_catalog_iter *av_catalog_runs(const av_meta_view *view);
bool av_catalog_next_run(av_catalog_iter *self, av_run *ret);

typedef struct av_run_item {
    uint64_t item;
    bool refused;         /* else: duplicate */
    av_span path, reason; /* refused only; borrowed until the next call */
} av_run_item;

/* The refused and duplicate items of a run from from_item on, by number. */
av_catalog_iter *av_catalog_run_items(const av_meta_view *view, const uint8_t run[AV_GUID_SIZE], uint64_t from_item);
bool av_catalog_next_run_item(av_catalog_iter *self, av_run_item *ret);

#endif
