/*
 * keys.h - building a row's key: a table letter, then bytes and big-endian numbers, so that byte order is number order
 */
#ifndef AV_META_KEYS_H
#define AV_META_KEYS_H

#include "base/span.h"

#define AV_META_KEY_MAX 9216U /* a mailbox path is the longest */

typedef struct av_meta_key {
    size_t n;
    uint8_t p[AV_META_KEY_MAX];
} av_meta_key;

static inline void
av_meta_key_init(av_meta_key *self, char table)
{
    self->n = 1;
    self->p[0] = (uint8_t)table;
}

static inline void
av_meta_key_bytes(av_meta_key *self, av_span s)
{
    assert(s.n <= sizeof self->p - self->n);
    if (s.n > 0)
        memcpy(self->p + self->n, s.p, s.n);
    self->n += s.n;
}

static inline void
av_meta_key_number(av_meta_key *self, uint64_t v, unsigned size)
{
    assert(size <= sizeof self->p - self->n);
    for (unsigned i = 0; i < size; i++)
        self->p[self->n++] = (uint8_t)(v >> (8 * (size - 1 - i)));
}

static inline void
av_meta_key_u32(av_meta_key *self, uint32_t v)
{
    av_meta_key_number(self, v, 4);
}

static inline void
av_meta_key_u64(av_meta_key *self, uint64_t v)
{
    av_meta_key_number(self, v, 8);
}

static inline av_span
av_meta_key_span(const av_meta_key *self)
{
    return av_span_of(self->p, self->n);
}

/* A big-endian number of size bytes at p. */
static inline uint64_t
av_meta_key_read(const uint8_t *p, unsigned size)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < size; i++)
        v = v << 8 | p[i];
    return v;
}

#endif
