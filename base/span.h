/*
 * span.h - a borrowed run of bytes, and the three answers of a parser
 */
#ifndef AV_BASE_SPAN_H
#define AV_BASE_SPAN_H

#include "base/util.h"

typedef struct av_span {
    const uint8_t *p; /* may be NULL when n is 0 */
    size_t n;
} av_span;

typedef enum av_parse {
    AV_PARSE_OK,   /* value taken, span moved past it */
    AV_PARSE_MORE, /* everything so far is a valid beginning; nothing moved */
    AV_PARSE_BAD   /* can never become valid; nothing moved */
} av_parse;

static inline av_span
av_span_of(const void *p, size_t n)
{
    return (av_span){ p, n };
}

static inline av_span
av_span_str(const char *s)
{
    return (av_span){ (const uint8_t *)s, s == NULL ? 0 : strlen(s) };
}

/* The span without its first n bytes; n is at most s.n. */
static inline av_span
av_span_skip(av_span s, size_t n)
{
    assert(n <= s.n);
    return (av_span){ n == 0 ? s.p : s.p + n, s.n - n }; /* NULL + 0 would be undefined */
}

/* Bytes [from, to) of s; from <= to <= s.n. */
static inline av_span
av_span_slice(av_span s, size_t from, size_t to)
{
    assert(from <= to && to <= s.n);
    return (av_span){ from == 0 ? s.p : s.p + from, to - from };
}

static inline bool
av_span_eq(av_span a, av_span b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool
av_span_eq_str(av_span a, const char *s)
{
    return av_span_eq(a, av_span_str(s));
}

/* Equal but for ASCII letter case. */
bool av_span_ieq(av_span a, av_span b);
bool av_span_ieq_str(av_span a, const char *s);
/* Without leading and trailing space, tab, CR, LF. */
av_span av_span_trim(av_span s);
/* Offset of the first c, or s.n. */
size_t av_span_find(av_span s, uint8_t c);
/* A NUL-terminated copy, owned by the caller (free). Bytes after an embedded NUL are kept but not seen by strlen. */
char *av_span_dup(av_span s);
/* All of s is one decimal number up to max; no sign, no space. */
bool av_span_u64(av_span s, uint64_t max, uint64_t *ret);

#endif
