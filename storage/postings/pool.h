/*
 * pool.h - memory of a builder: bytes in large pieces, addressed by 32 bits, given back all at once
 *
 * Postings grow in slices that are chained: each next one is larger, up to a ceiling, so short lists waste little and long
 * ones are few pieces. No per-term malloc.
 */
#ifndef AV_STORAGE_POSTINGS_POOL_H
#define AV_STORAGE_POSTINGS_POOL_H

#include "base/span.h"

enum { AV_POOL_PIECE_BITS = 18, AV_POOL_PIECE = 1 << AV_POOL_PIECE_BITS, AV_POOL_LINK = 4 };

typedef struct av_pool {
    uint8_t **pieces;
    uint32_t n, cap; /* pieces there are, and room in the table */
    uint32_t piece;  /* in use: 0 to piece - 1 are full */
    uint32_t at;     /* next free byte of pieces[piece] */
} av_pool;

/* The end of a chain of slices, where more is written. */
typedef struct av_slice {
    uint32_t at;   /* address of the next byte */
    uint16_t left; /* bytes left before the link */
    uint8_t level;
} av_slice;

/* A chain that is read from its beginning. */
typedef struct av_slice_in {
    const av_pool *pool;
    const uint8_t *p;
    uint32_t left; /* bytes left in this slice */
    uint8_t level;
} av_slice_in;

void av_pool_release(av_pool *self);
/* Everything is free again; memory beyond keep_bytes is given back. */
void av_pool_clear(av_pool *self, size_t keep_bytes);
size_t av_pool_bytes(const av_pool *self);
/* n bytes side by side, at most AV_POOL_PIECE. Ends the process when 4 GB are used up: a builder is finished long before. */
uint32_t av_pool_take(av_pool *self, uint32_t n);

static inline uint8_t *
av_pool_at(const av_pool *self, uint32_t address)
{
    return self->pieces[address >> AV_POOL_PIECE_BITS] + (address & (AV_POOL_PIECE - 1));
}

/* A chain begins; returns the address for av_slice_read. */
uint32_t av_slice_begin(av_pool *pool, av_slice *ret);
/* The slice is full: go on in a new one. */
void av_slice_grow(av_pool *pool, av_slice *self);
void av_slice_read(const av_pool *pool, uint32_t address, av_slice_in *ret);
void av_slice_follow(av_slice_in *self);

static inline void
av_slice_put(av_pool *pool, av_slice *self, uint64_t v)
{
    for (;;) {
        if (__builtin_expect(self->left == 0, 0))
            av_slice_grow(pool, self);
        self->left--;
        if (v < 0x80)
            break;
        *av_pool_at(pool, self->at++) = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    *av_pool_at(pool, self->at++) = (uint8_t)v;
}

static inline uint64_t
av_slice_get(av_slice_in *self)
{
    uint64_t v = 0;
    unsigned shift = 0;
    uint8_t byte;

    do {
        if (__builtin_expect(self->left == 0, 0))
            av_slice_follow(self);
        byte = *self->p++;
        self->left--;
        v |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while ((byte & 0x80) != 0);
    return v;
}

#endif
