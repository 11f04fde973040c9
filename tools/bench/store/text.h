/*
 * text.h - made-up text with the statistics of real text, out of a seed
 *
 * Words follow Zipf's law, one in four comes from the topic's own words, so that zstd finds about as much in it as in
 * English. The same arguments give the same bytes. Fast enough (hundreds of MB/s) not to be what is measured.
 */
#ifndef AV_TOOLS_BENCH_TEXT_H
#define AV_TOOLS_BENCH_TEXT_H

#include "base/buf.h"

typedef struct bench_random {
    uint64_t state;
} bench_random;

/* splitmix64: any seed is a good one. */
static inline uint64_t
bench_random_next(bench_random *self)
{
    uint64_t z = (self->state += 0x9E3779B97F4A7C15ULL);

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
}

/* 0 to n - 1. */
static inline uint32_t
bench_random_below(bench_random *self, uint32_t n)
{
    return (uint32_t)((bench_random_next(self) >> 32) * n >> 32);
}

/* A seed out of two numbers. */
static inline uint64_t
bench_random_mix(uint64_t a, uint64_t b)
{
    bench_random r = { a ^ (b * 0xD6E8FEB86659FD93ULL) };

    return bench_random_next(&r);
}

typedef struct bench_words bench_words;
bench_words *bench_words_new(void);
void bench_words_destroy(bench_words **self);

/* n words without punctuation, the first with a capital; at most one line of them. */
void bench_words_line(const bench_words *self, uint64_t seed, unsigned n, av_buf *out);
/* n words as paragraphs in lines of at most 72 characters that begin with prefix and end with CRLF. */
void bench_words_text(
    const bench_words *self, uint64_t seed, uint64_t topic, unsigned n, const char *prefix, av_buf *out);
/* The same words and paragraphs, each between open and close, quoted-printable lines (RFC 2045, 6.7). */
void bench_words_html(const bench_words *self, uint64_t seed, uint64_t topic, unsigned n, const char *open,
    const char *close, av_buf *out);
/* n random characters of base64url. */
void bench_token(bench_random *random, unsigned n, av_buf *out);
/* data as base64 in lines of 76 characters with CRLF. */
void bench_base64(av_span data, av_buf *out);

#endif
