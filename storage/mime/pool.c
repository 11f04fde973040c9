/*
 * pool.c - see pool.h
 */
#include "storage/mime/pool.h"

struct av_mime_pool_block {
    av_mime_pool_block *before;
    size_t n, cap;
    uint8_t bytes[];
};

enum { BLOCK_BYTES = 4000 };

void
av_mime_pool_init(av_mime_pool *self, size_t max_bytes)
{
    *self = (av_mime_pool){ .max_bytes = max_bytes };
}

static void
free_blocks(av_mime_pool_block *block)
{
    while (block != NULL) {
        av_mime_pool_block *before = block->before;

        free(block);
        block = before;
    }
}

void
av_mime_pool_release(av_mime_pool *self)
{
    free_blocks(self->last);
    self->last = NULL;
    self->used_bytes = 0;
}

void
av_mime_pool_clear(av_mime_pool *self)
{
    if (self->last != NULL) {
        free_blocks(self->last->before);
        self->last->before = NULL;
        self->last->n = 0;
    }
    self->used_bytes = 0;
}

uint8_t *
av_mime_pool_take(av_mime_pool *self, size_t n)
{
    av_mime_pool_block *block = self->last;
    uint8_t *p;

    if (n > self->max_bytes || self->used_bytes > self->max_bytes - n)
        return NULL;
    if (block == NULL || block->cap - block->n < n) {
        size_t cap = AV_MAX(n, (size_t)BLOCK_BYTES);

        block = malloc(sizeof *block + cap);
        if (block == NULL)
            return NULL;
        *block = (av_mime_pool_block){ .before = self->last, .cap = cap };
        self->last = block;
    }
    p = block->bytes + block->n;
    block->n += n;
    self->used_bytes += n;
    return p;
}

void
av_mime_pool_untake(av_mime_pool *self, size_t n)
{
    assert(self->last != NULL && n <= self->last->n);
    self->last->n -= n;
    self->used_bytes -= n;
}

av_span
av_mime_pool_copy(av_mime_pool *self, av_span s)
{
    uint8_t *p = s.n == 0 ? NULL : av_mime_pool_take(self, s.n);

    if (p == NULL)
        return (av_span){ NULL, 0 };
    memcpy(p, s.p, s.n);
    return (av_span){ p, s.n };
}

av_span
av_mime_pool_lower(av_mime_pool *self, av_span s)
{
    uint8_t *p = s.n == 0 ? NULL : av_mime_pool_take(self, s.n);

    if (p == NULL)
        return (av_span){ NULL, 0 };
    for (size_t i = 0; i < s.n; i++)
        p[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (uint8_t)(s.p[i] + 32) : s.p[i];
    return (av_span){ p, s.n };
}
