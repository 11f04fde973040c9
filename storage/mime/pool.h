/*
 * pool.h - many small byte strings with one lifetime: the strings of one parsed message
 *
 * Strings keep their address until the pool is cleared. It grows in blocks up to a ceiling, then gives nothing more.
 * Not thread safe: one owner.
 */
#ifndef AV_STORAGE_MIME_POOL_H
#define AV_STORAGE_MIME_POOL_H

#include "base/span.h"

typedef struct av_mime_pool_block av_mime_pool_block; /* defined in pool.c */

typedef struct av_mime_pool {
    av_mime_pool_block *last; /* the block that is filled now */
    size_t used_bytes, max_bytes;
} av_mime_pool;

void av_mime_pool_init(av_mime_pool *self, size_t max_bytes);
void av_mime_pool_release(av_mime_pool *self); /* a zeroed pool is fine */
/* Forget all strings; keeps one block for the next use. */
void av_mime_pool_clear(av_mime_pool *self);
/* n bytes to fill; NULL when the ceiling is reached or memory is gone. */
uint8_t *av_mime_pool_take(av_mime_pool *self, size_t n);
/* Give the last n bytes of the latest take back. */
void av_mime_pool_untake(av_mime_pool *self, size_t n);
/* A copy of s (of its lower-case form); an empty span when the pool is full. */
av_span av_mime_pool_copy(av_mime_pool *self, av_span s);
av_span av_mime_pool_lower(av_mime_pool *self, av_span s);

#endif
