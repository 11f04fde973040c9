/*
 * chunk.c - numbers of up to 128 documents as bits
 */
#include "storage/postings/chunk.h"

enum { CODE_MAP = 31 /* eg of that k: no gap is that large, so it stands for a bit for each number */ };

void
av_flat_release(av_flat *self)
{
    free(self->v);
    *self = (av_flat){ 0 };
}

void
av_flat_grow(av_flat *self, size_t n)
{
    if (self->cap - self->n >= n)
        return;
    self->cap = AV_MAX(self->n + n, AV_MAX(self->cap * 2, 256));
    self->v = av_xrealloc(self->v, self->cap * sizeof *self->v);
}

static av_code
code_of_gaps(const uint32_t *docs, uint32_t n, uint32_t base, uint32_t *gaps)
{
    uint32_t i;

    assert(n > 0 && n <= AV_CHUNK_DOCS);
    for (i = 0; i < n; i++) {
        gaps[i] = docs[i] - base;
        base = docs[i] + 1;
    }
    return av_code_choose(gaps, n);
}

static void
put_gaps(av_bits_out *b, const uint32_t *gaps, uint32_t n, av_code code)
{
    uint32_t i;

    av_bits_put_param(b, code);
    for (i = 0; i < n; i++)
        av_bits_put_code(b, gaps[i], code);
}

void
av_chunk_put_docs(av_bits_out *b, const uint32_t *docs, uint32_t n, uint32_t base)
{
    uint32_t gaps[AV_CHUNK_DOCS];
    av_code code = code_of_gaps(docs, n, base, gaps);

    put_gaps(b, gaps, n, code);
}

void
av_chunk_put_dense(av_bits_out *b, const uint32_t *docs, uint32_t n, uint32_t base)
{
    uint32_t gaps[AV_CHUNK_DOCS], i;
    av_code code = code_of_gaps(docs, n, base, gaps);
    uint64_t bits = 0, word = 0;

    for (i = 0; i < n; i++)
        bits += code.rice ? (gaps[i] >> code.k) + 1 + code.k
                          : 2 * (63 - (unsigned)__builtin_clzll(gaps[i] + (UINT64_C(1) << code.k))) + 1 - code.k;
    if ((uint64_t)docs[n - 1] - base + 1 > bits + bits / AV_MAP_PART) {
        put_gaps(b, gaps, n, code);
        return;
    }
    av_bits_put_param(b, (av_code){ .k = CODE_MAP });
    for (i = 0; i < n; i++) {
        for (; docs[i] - base >= 32; base += 32, word >>= 32)
            av_bits_put(b, word & UINT32_MAX, 32);
        word |= UINT64_C(1) << (docs[i] - base);
    }
    av_bits_put(b, word & UINT32_MAX, docs[n - 1] - base + 1);
}

/* As many codes as one look shows, then the next look. */
static void
get_rice(av_bits_in *b, unsigned k, uint32_t *docs, uint32_t n, uint64_t *doc)
{
    uint64_t at = *doc, low = (UINT64_C(1) << k) - 1, w;
    unsigned used, c;
    uint32_t i = 0;

    while (i < n) {
        w = av_bits_peek(b);
        for (used = 0; i < n && w != 0; i++) {
            c = (unsigned)__builtin_ctzll(w);
            if (c > AV_RICE_ZEROS || used + c + 1 + k > AV_BITS_SEEN)
                break;
            at += ((uint64_t)c << k) + (w >> (c + 1) & low);
            docs[i] = (uint32_t)at++;
            w >>= c + 1 + k;
            used += c + 1 + k;
        }
        if (used == 0) {
            b->bad = true;
            return;
        }
        b->at += used;
    }
    *doc = at;
}

static void
get_gaps(av_bits_in *b, av_code code, uint32_t *docs, uint32_t n, uint64_t *doc)
{
    uint32_t i;

    if (code.rice) {
        get_rice(b, code.k, docs, n, doc);
        return;
    }
    for (i = 0; i < n; i++) {
        *doc += av_bits_get_eg(b, code.k);
        docs[i] = (uint32_t)(*doc)++;
    }
}

bool
av_chunk_get_docs(av_bits_in *b, uint32_t *docs, uint32_t n, uint32_t base, uint32_t limit)
{
    av_code code = av_bits_get_param(b);
    uint64_t doc = base; /* cannot run over 64 bits */

    assert(n <= AV_CHUNK_DOCS);
    get_gaps(b, code, docs, n, &doc);
    b->bad |= doc > limit;
    return av_bits_fine(b);
}

static bool
is_map(av_code code)
{
    return !code.rice && code.k == CODE_MAP;
}

bool
av_chunk_skip_map(av_bits_in *b, uint32_t base, uint32_t last)
{
    av_bits_in ahead = *b;

    if (!is_map(av_bits_get_param(&ahead)))
        return false;
    ahead.at += (uint64_t)last - base + 1;
    *b = ahead;
    return true;
}

bool
av_chunk_get_dense(av_bits_in *b, uint32_t *docs, uint32_t n, uint32_t base, uint32_t last)
{
    av_code code = av_bits_get_param(b);
    uint64_t doc = base;
    uint32_t i = 0, at, word, some;

    assert(n > 0 && n <= AV_CHUNK_DOCS && base <= last);
    if (!is_map(code)) {
        get_gaps(b, code, docs, n, &doc);
        b->bad |= doc != (uint64_t)last + 1;
        return av_bits_fine(b);
    }
    for (at = base;; at += 32) {
        some = AV_MIN(last - at, 31u) + 1;
        word = av_bits_get(b, some);
        if (av_ones(word) > n - i || !av_bits_fine(b))
            break;
        for (; word != 0; word &= word - 1)
            docs[i++] = at + (uint32_t)__builtin_ctz(word);
        if (last - at < 32)
            break;
    }
    b->bad |= i != n || docs[n - 1] != last;
    return av_bits_fine(b);
}

bool
av_chunk_get_set(av_bits_in *b, av_docset *set, uint32_t n, uint32_t base, uint32_t last)
{
    av_bits_in ahead = *b;
    uint32_t docs[AV_CHUNK_DOCS], at, word, some, found = 0;

    if (!is_map(av_bits_get_param(&ahead))) {
        if (!av_chunk_get_dense(b, docs, n, base, last))
            return false;
        av_docset_add_many(set, docs, n);
        return true;
    }
    *b = ahead;
    for (at = base;; at += 32) {
        some = AV_MIN(last - at, 31u) + 1;
        word = av_bits_get(b, some);
        if (!av_bits_fine(b))
            return false;
        found += av_ones(word);
        av_docset_add_bits(set, at, word);
        if (last - at < 32)
            break;
    }
    b->bad |= found != n || word >> (some - 1) != 1;
    return av_bits_fine(b);
}
