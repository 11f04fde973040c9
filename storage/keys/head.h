/*
 * head.h - what store.avk holds: the database key and the epoch key of each container (docs/format-keys.md, 2)
 *
 * A table in memory and its plain bytes; pure, no I/O, not thread safe.
 */
#ifndef AV_KEYS_HEAD_H
#define AV_KEYS_HEAD_H

#include "base/buf.h"
#include "base/error.h"

#define AV_KEY_HEAD_CONTAINERS 262144U

typedef struct av_key_epoch {
    uint32_t container;
    bool pending; /* an erasure is under way: the tree opens with key or with next */
    uint8_t key[32];
    uint8_t next[32];
} av_key_epoch;

typedef struct av_key_head {
    uint8_t database[32];
    av_key_epoch *rows; /* by ascending container */
    size_t n, cap;
} av_key_head;

/* Wipes and frees; a zeroed one is fine. */
void av_key_head_release(av_key_head *self);
/* A copy of its own; ret is zeroed or released. */
void av_key_head_copy(const av_key_head *self, av_key_head *ret);
/* NULL when the container has none. Valid until the table changes. */
av_key_epoch *av_key_head_find(const av_key_head *self, uint32_t container);
/* Index of the first row with a container >= from; n when there is none. */
size_t av_key_head_from(const av_key_head *self, uint32_t from);
/* The container has no row yet, and there is room (AV_KEY_HEAD_CONTAINERS). */
void av_key_head_add(av_key_head *self, uint32_t container, const uint8_t key[32]);
/* No row is fine. */
void av_key_head_remove(av_key_head *self, uint32_t container);

bool av_key_head_encode(const av_key_head *self, av_buf *out);
/* AV_ERR_CORRUPT for anything encode would not write. ret is zeroed or released before. */
av_errc av_key_head_decode(av_span in, av_key_head *ret, av_error *err);

#endif
