/*
 * event.h - the events of the log: encoder and decoder (docs/format-container.md, 10)
 *
 * Pure: bytes in, value out. A decoded event borrows from the bytes it was decoded from. Unknown fields that are not
 * critical are skipped; unknown critical fields and kinds are AV_ERR_VERSION; anything malformed, bytes after the last
 * field and missing critical fields are AV_ERR_CORRUPT.
 */
#ifndef AV_STORE_EVENT_H
#define AV_STORE_EVENT_H

#include "base/buf.h"
#include "base/error.h"

#define AV_GUID_SIZE          16
#define AV_EVENT_KEYWORDS_MAX 64
#define AV_EVENT_ITEM_TEXT    4096U /* bytes of a refused item's path and reason, each; longer ones are cut */

typedef enum av_event_kind {
    AV_EVENT_UNKNOWN = 0, /* decoded: a kind this version does not know and may skip */
    AV_EVENT_MAILBOX_CREATED = 0x8001,
    AV_EVENT_MAILBOX_RENAMED = 0x8002,
    AV_EVENT_PLACEMENT_ADDED = 0x8003,
    AV_EVENT_PLACEMENT_REMOVED = 0x8004,
    AV_EVENT_RUN_PROGRESS = 0x8005,
    AV_EVENT_HOLD_SET = 0x8007,
    AV_EVENT_HOLD_LIFTED = 0x8008,
    AV_EVENT_MAILBOX_REMOVED = 0x800A,
    AV_EVENT_CONTENT_ERASED = 0x800C
} av_event_kind;

enum { AV_FLAG_SEEN = 1, AV_FLAG_ANSWERED = 2, AV_FLAG_FLAGGED = 4, AV_FLAG_DELETED = 8, AV_FLAG_DRAFT = 16 };

typedef enum av_run_state {
    AV_RUN_RUNNING = 1,
    AV_RUN_FINISHED = 2,
    AV_RUN_CANCELLED = 3,
    AV_RUN_FAILED = 4
} av_run_state;

typedef struct av_event_mailbox { /* created, renamed, removed */
    uint8_t guid[AV_GUID_SIZE];
    av_span path;         /* created, renamed: storage/meta/mailbox_name.h */
    uint32_t uidvalidity; /* created; not 0 */
    uint64_t sequence;    /* created, renamed: orders changes of names across the stores of an instance */
    int64_t time_ms;      /* removed; 0: not known */
    bool has_instance;    /* whose mailbox it is: in a store attached from elsewhere not ours */
    uint8_t instance[AV_GUID_SIZE];
} av_event_mailbox;

typedef struct av_event_placement { /* added; removed uses guid, uid, modseq and the last three */
    uint8_t guid[AV_GUID_SIZE];     /* mailbox */
    uint32_t uid;                   /* not 0 */
    uint64_t modseq;
    uint32_t flags;
    av_span keywords; /* list; build with av_event_list_put_text, walk with av_event_list_next_text; may be empty */
    uint64_t content_lsn;
    uint8_t digest[32];
    uint64_t raw_size, crlf_size;
    int64_t received_at_ms, archived_at_ms;
    av_span source; /* text, e.g. where it was found; may be empty */
    bool has_run;
    uint8_t run[AV_GUID_SIZE];
    uint64_t item;
    bool has_instance;
    uint8_t instance[AV_GUID_SIZE];
    int64_t removed_at_ms; /* 0: not known */
    av_span who, reason;   /* texts; may be empty */
} av_event_placement;

typedef struct av_event_run {
    uint8_t run[AV_GUID_SIZE];
    av_run_state state;
    uint64_t last_item, stored, duplicate, refused; /* totals since the run's beginning */
    av_span refused_items;   /* list since the last event; av_event_list_put_refused / next_refused */
    av_span duplicate_items; /* list since the last event; av_event_list_put_item / next_item */
} av_event_run;

/* Neither mailbox nor digest: all of the store is held. lifted uses hold, time_ms and who. */
typedef struct av_event_hold {
    uint8_t hold[AV_GUID_SIZE];
    av_span name; /* text, not empty */
    bool has_mailbox;
    uint8_t mailbox[AV_GUID_SIZE];
    bool has_digest;
    uint8_t digest[32]; /* of a message */
    int64_t time_ms;    /* 0: not known */
    av_span who;        /* text; may be empty */
} av_event_hold;

typedef struct av_event_erased {
    av_span lsns;    /* list, not empty: of messages and parts; av_event_list_put_item / next_item */
    int64_t time_ms; /* 0: not known */
    av_span who;     /* text; may be empty */
} av_event_erased;

typedef struct av_event {
    av_event_kind kind;
    union {
        av_event_mailbox mailbox;
        av_event_placement placement;
        av_event_run run;
        av_event_hold hold;
        av_event_erased erased;
    };
} av_event;

/* Appends to out. AV_ERR_LIMIT when out's ceiling is met (give it AV_STORE_EVENT_MAX), AV_ERR_INVALID for a value the
 * decoder would refuse. */
av_errc av_event_encode(const av_event *self, av_buf *out, av_error *err);
av_errc av_event_decode(av_span body, av_event *ret, av_error *err);

/* Lists. put: false when out is full. next: takes one item off the front, false at the end (or at malformed bytes,
 * which a decoded event does not have). */
bool av_event_list_put_text(av_buf *out, av_span text);
bool av_event_list_next_text(av_span *list, av_span *ret);
bool av_event_list_put_refused(av_buf *out, uint64_t item, av_span path, av_span reason);
bool av_event_list_next_refused(av_span *list, uint64_t *ret_item, av_span *ret_path, av_span *ret_reason);
bool av_event_list_put_item(av_buf *out, uint64_t item);
bool av_event_list_next_item(av_span *list, uint64_t *ret_item);

#endif
