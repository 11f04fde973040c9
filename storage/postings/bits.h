/*
 * bits.h - streams of bits, least significant first, and the two codes of a run for numbers below 2^32
 *
 * eg(k), exponential Golomb: with x = v + 2^k of b bits: b - 1 - k zeros, a one, the lower b - 1 bits of x. Long tails cost
 * little. rice(k): v / 2^k zeros, a one, the lower k bits of v. Which one and k is a parameter of 6 bits: av_code.
 *
 * Reading never leaves the span: behind its end are zeros, and what no code can be sets `bad`, to be asked once at the end.
 */
#ifndef AV_STORAGE_POSTINGS_BITS_H
#define AV_STORAGE_POSTINGS_BITS_H

#include "base/buf.h"
#include "storage/container/tlv.h"

typedef struct av_code {
    uint8_t k; /* 0 to 31 */
    bool rice;
} av_code;

enum {
    AV_CODE_BITS = 6,
    AV_RICE_ZEROS = 24, /* most zeros rice is used with */
    AV_BITS_SEEN = 57   /* by one look */
};

typedef struct av_bits_in {
    const uint8_t *p;
    size_t n;
    uint64_t at; /* next bit */
    bool bad;
} av_bits_in;

typedef struct av_bits_out {
    av_buf *buf;
    uint64_t acc;
    unsigned fill; /* bits in acc, below 32 between calls */
} av_bits_out;

/* The code with the fewest bits for these numbers (among likely ones). The same numbers give the same code. */
av_code av_code_choose(const uint32_t *v, size_t n);

/* At least 57 bits from where b stands; what a span's end is near to is put together by hand. */
uint64_t av_bits_peek_end(const av_bits_in *b);

static inline uint64_t
av_bits_peek(const av_bits_in *b)
{
    size_t byte = (size_t)(b->at >> 3);
    uint64_t w;

    if (__builtin_expect(b->n < 8 || byte > b->n - 8, 0))
        return av_bits_peek_end(b);
    memcpy(&w, b->p + byte, sizeof w);
    return w >> (b->at & 7);
}

/* n up to 32 */
static inline uint32_t
av_bits_get(av_bits_in *b, unsigned n)
{
    uint64_t w = av_bits_peek(b);

    b->at += n;
    return (uint32_t)(w & ((UINT64_C(1) << n) - 1));
}

/* All bits that were read were there. */
static inline bool
av_bits_fine(const av_bits_in *b)
{
    return !b->bad && b->at <= (uint64_t)b->n * 8;
}

uint32_t av_bits_get_long(av_bits_in *b, unsigned k);

static inline uint32_t
av_bits_get_eg(av_bits_in *b, unsigned k)
{
    uint64_t w = av_bits_peek(b), x;
    unsigned c = w == 0 ? 64 : (unsigned)__builtin_ctzll(w);

    if (__builtin_expect(2 * c + 1 + k > 57, 0))
        return av_bits_get_long(b, k);
    x = ((w >> (c + 1)) & ((UINT64_C(1) << (k + c)) - 1)) + (UINT64_C(1) << (k + c)) - (UINT64_C(1) << k);
    b->at += 2 * c + 1 + k;
    b->bad |= x > UINT32_MAX;
    return (uint32_t)x;
}

static inline uint32_t
av_bits_get_rice(av_bits_in *b, unsigned k)
{
    uint64_t w = av_bits_peek(b), v;
    unsigned c = w == 0 ? 64 : (unsigned)__builtin_ctzll(w);

    if (__builtin_expect(c > AV_RICE_ZEROS, 0)) {
        b->bad = true;
        return 0;
    }
    v = (uint64_t)c << k | ((w >> (c + 1)) & ((UINT64_C(1) << k) - 1));
    b->at += c + 1 + k;
    b->bad |= v > UINT32_MAX;
    return (uint32_t)v;
}

static inline uint32_t
av_bits_get_code(av_bits_in *b, av_code code)
{
    return code.rice ? av_bits_get_rice(b, code.k) : av_bits_get_eg(b, code.k);
}

static inline av_code
av_bits_get_param(av_bits_in *b)
{
    uint32_t v = av_bits_get(b, AV_CODE_BITS);

    return (av_code){ .k = (uint8_t)(v & 31), .rice = v > 31 };
}

/* What av_bits_put_below wrote. */
static inline uint64_t
av_bits_get_below(av_bits_in *b, uint64_t r)
{
    unsigned bits;
    uint64_t few, w, v, long_one;

    if (r <= 1)
        return 0;
    bits = 64 - (unsigned)__builtin_clzll(r - 1);
    few = (UINT64_C(1) << bits) - r;
    w = av_bits_peek(b);
    v = w & ((UINT64_C(1) << (bits - 1)) - 1);
    /* No branch: which of the two it is nobody can guess. All ones when it has the last bit. */
    long_one = 0 - (uint64_t)(v >= few);
    b->at += bits - 1 + (unsigned)(long_one & 1);
    return (v & ~long_one) | (((v << 1 | (w >> (bits - 1) & 1)) - few) & long_one);
}

/* v below 2^n, n up to 32. A full buffer shows in buf->full. */
static inline void
av_bits_put(av_bits_out *b, uint64_t v, unsigned n)
{
    b->acc |= v << b->fill;
    b->fill += n;
    if (b->fill >= 32) {
        uint32_t word = (uint32_t)b->acc;
        bool room = b->buf->cap - b->buf->n >= 4;
        uint8_t *to = room ? b->buf->p + b->buf->n : av_buf_reserve(b->buf, 4);

        b->acc >>= 32;
        b->fill -= 32;
        if (to != NULL) {
            memcpy(to, &word, sizeof word);
            b->buf->n += 4;
        }
    }
}

static inline void
av_bits_put_eg(av_bits_out *b, uint32_t v, unsigned k)
{
    uint64_t x = (uint64_t)v + (UINT64_C(1) << k);
    unsigned low = 63 - (unsigned)__builtin_clzll(x), c = low - k;

    x &= (UINT64_C(1) << low) - 1;
    if (c + 1 + low <= 32) {
        av_bits_put(b, (x << 1 | 1) << c, c + 1 + low);
        return;
    }
    av_bits_put(b, 0, c);
    av_bits_put(b, 1, 1);
    av_bits_put(b, x, low);
}

/* v / 2^k at most AV_RICE_ZEROS */
static inline void
av_bits_put_rice(av_bits_out *b, uint32_t v, unsigned k)
{
    av_bits_put(b, UINT64_C(1) << (v >> k), (v >> k) + 1);
    av_bits_put(b, v & ((UINT32_C(1) << k) - 1), k);
}

static inline void
av_bits_put_code(av_bits_out *b, uint32_t v, av_code code)
{
    if (code.rice)
        av_bits_put_rice(b, v, code.k);
    else
        av_bits_put_eg(b, v, code.k);
}

/* v below r, in as few whole bits as go: the first numbers take one less when r is no power of two. */
static inline void
av_bits_put_below(av_bits_out *b, uint64_t v, uint64_t r)
{
    unsigned bits;
    uint64_t few;

    if (r <= 1)
        return;
    bits = 64 - (unsigned)__builtin_clzll(r - 1);
    few = (UINT64_C(1) << bits) - r;
    if (v < few) {
        av_bits_put(b, v, bits - 1);
        return;
    }
    v += few;
    av_bits_put(b, v >> 1, bits - 1);
    av_bits_put(b, v & 1, 1);
}

static inline void
av_bits_put_param(av_bits_out *b, av_code code)
{
    av_bits_put(b, (uint64_t)code.k | (code.rice ? 32 : 0), AV_CODE_BITS);
}

static inline uint64_t
av_bits_out_at(const av_bits_out *b)
{
    return (uint64_t)b->buf->n * 8 + b->fill;
}

/* Fill the last byte with zeros. */
static inline void
av_bits_flush(av_bits_out *b)
{
    for (; b->fill > 0; b->fill -= AV_MIN(b->fill, 8), b->acc >>= 8)
        (void)av_buf_putc(b->buf, (uint8_t)b->acc);
}

/* Ones in a word. Written out: without a processor's own instruction the compiler calls a function for each. */
static inline uint32_t
av_ones(uint64_t v)
{
    v -= v >> 1 & UINT64_C(0x5555555555555555);
    v = (v & UINT64_C(0x3333333333333333)) + (v >> 2 & UINT64_C(0x3333333333333333));
    v = (v + (v >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (uint32_t)(v * UINT64_C(0x0101010101010101) >> 56);
}

/* Big-endian, for keys. */
static inline void
av_put_be32(uint8_t *p, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(p, &v, sizeof v);
}

static inline uint32_t
av_get_be32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof v);
    return __builtin_bswap32(v);
}

#endif
