/*
 * pool.c - memory of a builder
 */
#include "storage/postings/pool.h"

/* Bytes of a slice without its link. Most words stand once or twice: the first slice holds that. */
static const uint16_t sizes[] = { 8, 12, 20, 36, 68, 132, 260, 516, 1028, 2044 };

void
av_pool_release(av_pool *self)
{
    av_pool_clear(self, 0);
    free(self->pieces);
    *self = (av_pool){ 0 };
}

void
av_pool_clear(av_pool *self, size_t keep_bytes)
{
    while (self->n > 0 && (size_t)self->n * AV_POOL_PIECE > keep_bytes)
        free(self->pieces[--self->n]);
    self->piece = self->at = 0;
}

size_t
av_pool_bytes(const av_pool *self)
{
    return (size_t)self->n * AV_POOL_PIECE + self->cap * sizeof *self->pieces;
}

uint32_t
av_pool_take(av_pool *self, uint32_t n)
{
    uint32_t at;

    assert(n <= AV_POOL_PIECE);
    if (self->n > 0 && AV_POOL_PIECE - self->at < n) {
        self->piece++;
        self->at = 0;
    }
    if (self->piece >= self->n) {
        assert(self->n < 1u << (32 - AV_POOL_PIECE_BITS));
        if (self->n == self->cap) {
            self->cap = AV_MAX(self->cap * 2, 16);
            self->pieces = av_xrealloc(self->pieces, self->cap * sizeof *self->pieces);
        }
        self->pieces[self->n++] = av_xalloc(AV_POOL_PIECE);
    }
    at = self->piece << AV_POOL_PIECE_BITS | self->at;
    self->at += n;
    return at;
}

uint32_t
av_slice_begin(av_pool *pool, av_slice *ret)
{
    ret->level = 0;
    ret->left = sizes[0];
    ret->at = av_pool_take(pool, sizes[0] + AV_POOL_LINK);
    return ret->at;
}

void
av_slice_grow(av_pool *pool, av_slice *self)
{
    uint8_t *link = av_pool_at(pool, self->at);

    if (self->level + 1u < AV_COUNT(sizes))
        self->level++;
    self->left = sizes[self->level];
    self->at = av_pool_take(pool, (uint32_t)sizes[self->level] + AV_POOL_LINK);
    memcpy(link, &self->at, sizeof self->at);
}

void
av_slice_read(const av_pool *pool, uint32_t address, av_slice_in *ret)
{
    *ret = (av_slice_in){ .pool = pool, .p = av_pool_at(pool, address), .left = sizes[0] };
}

void
av_slice_follow(av_slice_in *self)
{
    uint32_t address;

    memcpy(&address, self->p, sizeof address);
    self->p = av_pool_at(self->pool, address);
    if (self->level + 1u < AV_COUNT(sizes))
        self->level++;
    self->left = sizes[self->level];
}
