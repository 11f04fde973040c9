/*
 * store_view_priv.h - rows of a store's view, shared by its files
 *
 *   store_view.c        open, discard, groups         store_view_row.c    rows to bytes and back
 *   store_view_apply.c  contents, events, groups      store_view_place.c  placements
 *   store_view_erase.c  waiting, erasing              store_view_hold.c   holds
 *   store_view_read.c   everything that reads         store_view_count.c  counting again
 *
 * Keys (numbers big-endian)                  Values (numbers var of docs/format-container.md, unless sized)
 *   V                                        version u32, store UUID, both never changed
 *   L                                        state: applied LSN, counters ... u64 each
 *   c  LSN u64                               content
 *   p  dedup key                             LSNs of parts u64 (one, unless the same was stored twice)
 *   m  dedup key                             LSNs of messages u64
 *   a  LSN u64                               attributes: thread key (16), then the caller's bytes
 *   g  mailbox GUID                          its number in this view u32
 *   G  number u32                            mailbox GUID
 *   u  mailbox number u32, UID u32           placement, standing or removed
 *   q  LSN u64, mailbox number u32, UID u32  nothing: placements of a message
 *   d  mailbox number u32, UID u32           removal: time, modseq, who, reason
 *   x  time u64, LSN u64                     nothing: contents that wait for their end
 *   H  hold UUID                             hold
 *   h  's', hold UUID                        nothing: holds on the store
 *   h  'm', mailbox GUID, hold UUID          nothing
 *   h  'd', dedup key of message, hold UUID  nothing
 *   K  container u32                         live u64, dead u64
 */
#ifndef AV_META_STORE_VIEW_PRIV_H
#define AV_META_STORE_VIEW_PRIV_H

#include "storage/container/tlv.h"
#include "storage/meta/keys.h"
#include "storage/meta/store_view.h"

#define STORE_VIEW_VERSION        3U
#define STORE_VIEW_ROW_MAX        (8U * 1024 * 1024) /* a content with a million parts does not exist; a ceiling */
#define STORE_VIEW_ATTRIBUTES_MAX (4U * 1024 * 1024)

typedef struct view_state {
    uint64_t applied_lsn;
    int64_t last_ms;        /* the latest time an event told */
    uint64_t dictionary[2]; /* newest for skeletons, for parts */
    uint64_t next_mailbox;
    av_store_counters counters;
} view_state;

struct av_store_view {
    char *dir;
    av_store_keys *keys; /* borrowed */
    size_t cache_bytes;
    av_meta *meta;
    view_state state, committed; /* with the open group, without */
    bool replaying;
    av_buf fresh;                     /* uint64_t: contents written in the log's open group */
    av_buf row, part_row, out, parts; /* scratch: a row as read, a part's, one to be written, a message's parts */
    uint8_t box_guid[AV_GUID_SIZE];
    uint32_t box_no; /* of box_guid; 0: none remembered */
};

/* A content's row; parts stays encoded and is borrowed from the buffer it was read into. */
typedef struct view_content {
    av_content_row row;
    av_span parts; /* var each: this LSN - the part's */
} view_content;

/* A placement's row. */
typedef struct view_place {
    bool removed;
    uint32_t flags;
    uint64_t content_lsn, raw_size, crlf_size;
    int64_t received_at_ms, archived_at_ms;
    av_span keywords;
} view_place;

typedef struct view_removal {
    int64_t time_ms;
    uint64_t modseq;
    av_span who, reason;
} view_removal;

/* store_view_row.c: keys */
void view_key_lsn(av_meta_key *key, char table, uint64_t lsn); /* c, a */
void view_key_dedup(av_meta_key *key, av_record_kind kind, const uint8_t *dedup);
void view_key_guid(av_meta_key *key, char table, const uint8_t *guid);                 /* g, H */
void view_key_no(av_meta_key *key, char table, uint32_t no);                           /* G, K; u and d as prefix */
void view_key_place(av_meta_key *key, char table, uint32_t no, uint32_t uid);          /* u, d */
void view_key_of(av_meta_key *key, uint64_t lsn, uint32_t no, uint32_t uid);           /* q */
void view_key_waiting(av_meta_key *key, int64_t ms, uint64_t lsn);                     /* x */
void view_key_hold(av_meta_key *key, char what, av_span covered, const uint8_t *hold); /* h; hold may be NULL: prefix */
/* Rows. Encoders replace out; decoders are AV_ERR_CORRUPT for anything else than what was encoded, and borrow. */
void view_state_encode(const view_state *self, av_buf *out);
av_errc view_state_decode(av_span row, view_state *ret, av_error *err);
void view_content_encode(const view_content *self, av_buf *out);
av_errc view_content_decode(uint64_t lsn, av_span row, view_content *ret, av_error *err);
void view_place_encode(const view_place *self, av_buf *out);
av_errc view_place_decode(av_span row, view_place *ret, av_error *err);
void view_removal_encode(const view_removal *self, av_buf *out);
av_errc view_removal_decode(av_span row, view_removal *ret, av_error *err);
void view_hold_encode(const av_hold *self, av_buf *out);
av_errc view_hold_decode(const uint8_t *hold, av_span row, av_hold *ret, av_error *err);

/* store_view_apply.c: contents in the open group. load: from the writer's view into buf. */
av_errc view_load(av_store_view *self, uint64_t lsn, av_buf *buf, view_content *ret, av_error *err);
void view_store(av_store_view *self, const view_content *content);
void view_put(av_store_view *self, const av_meta_key *key, const av_buf *row); /* row NULL: nothing */
void view_wait(av_store_view *self, view_content *content, int64_t ms);
void view_unwait(av_store_view *self, view_content *content);
av_errc view_container_add(av_store_view *self, uint64_t lsn, int64_t live, int64_t dead, av_error *err);
/* *ret 0: no such mailbox here; with make it gets a number. */
av_errc view_mailbox_no(av_store_view *self, const uint8_t *guid, bool make, uint32_t *ret, av_error *err);

/* store_view_place.c */
av_errc view_apply_added(av_store_view *self, const av_event_placement *event, av_error *err);
av_errc view_apply_removed(av_store_view *self, const av_event_placement *event, av_error *err);

/* store_view_erase.c. list: mailbox number and UID, u32 each, of every placement of a message, appended to out. */
av_errc view_apply_erased(av_store_view *self, const av_event_erased *event, av_error *err);
av_errc view_list_places(const av_meta_view *view, uint64_t lsn, av_buf *out, av_error *err);

/* store_view_hold.c */
av_errc view_apply_hold_set(av_store_view *self, const av_event_hold *event, av_error *err);
av_errc view_apply_hold_lifted(av_store_view *self, const av_event_hold *event, av_error *err);

/* store_view.c */
void view_dedup_of(const av_store_view *self, const uint8_t *digest, uint8_t ret[AV_STORE_DEDUP_SIZE]);

#endif
