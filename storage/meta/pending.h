/*
 * pending.h - the rows of an open group: what will be written, and what was read on the way
 *
 * A hash table over one arena. RocksDB's indexed write batch does the same at five times the cost and writes a row as
 * often as it was changed; here a row changed again is one row.
 *
 * Not thread safe.
 */
#ifndef AV_META_PENDING_H
#define AV_META_PENDING_H

#include "base/span.h"

typedef struct av_pending av_pending;

typedef enum av_pending_state {
    AV_PENDING_UNKNOWN = 0, /* not seen in this group */
    AV_PENDING_PUT,
    AV_PENDING_DELETED,
    AV_PENDING_READ,  /* as the database has it */
    AV_PENDING_ABSENT /* the database does not have it */
} av_pending_state;

typedef struct av_pending_row {
    av_pending_state state;
    av_span key, value; /* borrowed until the next change */
} av_pending_row;

av_pending *av_pending_new(void);
void av_pending_destroy(av_pending **self);
/* Empty it and keep a moderate amount of memory for the next group. */
void av_pending_clear(av_pending *self);

void av_pending_put(av_pending *self, av_span key, av_span value);
void av_pending_delete(av_pending *self, av_span key);
/* Remember what the database said; ignored when the row is known, or when too much is remembered already. */
void av_pending_note(av_pending *self, av_span key, av_span value, bool found);
/* *ret_value is set for AV_PENDING_PUT and AV_PENDING_READ. */
av_pending_state av_pending_get(const av_pending *self, av_span key, av_span *ret_value);

/* Bytes of keys and values put, counted each time. */
size_t av_pending_bytes(const av_pending *self);
/* Rows to be written (put and deleted) that begin with prefix, in byte order; *ret is the caller's (free). */
size_t av_pending_changes(const av_pending *self, av_span prefix, av_pending_row **ret);

#endif
