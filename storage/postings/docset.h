/*
 * docset.h - document numbers on their way into a bitmap, a bit each
 *
 * Lists give their documents by the hundred thousand; setting bits in windows of 65,536 numbers and handing each window
 * over whole is many times faster than adding numbers to the bitmap. Memory: 8 KB for each window that has a document,
 * 8 MB in all; a set that wants more hands over what it has.
 */
#ifndef AV_STORAGE_POSTINGS_DOCSET_H
#define AV_STORAGE_POSTINGS_DOCSET_H

#include <roaring/roaring.h>

#include "base/buf.h"

enum { AV_WINDOW_BITS = 16, AV_WINDOW_WORDS = 1 << (AV_WINDOW_BITS - 6), AV_WINDOWS_OPEN = 1024 };

typedef struct av_docset {
    roaring_bitmap_t *out; /* borrowed */
    uint32_t base;         /* added to each number */
    uint32_t first;        /* window of base */
    uint64_t **windows;    /* NULL: nothing in it */
    uint32_t n;            /* windows there are places for, 65,536 at most */
    uint32_t open;         /* windows that are not NULL */
} av_docset;

/* out: gets them, as late as av_docset_finish. base: added to each number that comes, modulo 2^32. */
void av_docset_init(av_docset *self, uint32_t base, roaring_bitmap_t *out);
/* What was not handed over is dropped. */
void av_docset_release(av_docset *self);
/* All that came is in out. The set is empty afterwards. */
void av_docset_finish(av_docset *self);

/* A window that is not there yet. */
uint64_t *av_docset_open(av_docset *self, uint32_t window);

static inline uint64_t *
av_docset_window(av_docset *self, uint32_t doc)
{
    uint32_t window = ((doc >> AV_WINDOW_BITS) - self->first) & UINT16_MAX;

    if (__builtin_expect(window < self->n && self->windows[window] != NULL, 1))
        return self->windows[window];
    return av_docset_open(self, window);
}

static inline void
av_docset_add(av_docset *self, uint32_t doc)
{
    uint64_t *words;

    doc += self->base;
    words = av_docset_window(self, doc);
    words[doc >> 6 & (AV_WINDOW_WORDS - 1)] |= UINT64_C(1) << (doc & 63);
}

/* n of them; cheapest when they ascend. */
static inline void
av_docset_add_many(av_docset *self, const uint32_t *docs, uint32_t n)
{
    uint32_t i = 0, doc, window;
    uint64_t *words;

    while (i < n) {
        window = (docs[i] + self->base) >> AV_WINDOW_BITS;
        words = av_docset_window(self, docs[i] + self->base);
        for (; i < n && (doc = docs[i] + self->base) >> AV_WINDOW_BITS == window; i++)
            words[doc >> 6 & (AV_WINDOW_WORDS - 1)] |= UINT64_C(1) << (doc & 63);
    }
}

/* Bit i of bits: doc + i. */
static inline void
av_docset_add_bits(av_docset *self, uint32_t doc, uint32_t bits)
{
    unsigned shift;

    if (bits == 0)
        return;
    doc += self->base;
    shift = doc & 63;
    av_docset_window(self, doc)[doc >> 6 & (AV_WINDOW_WORDS - 1)] |= (uint64_t)bits << shift;
    if (shift > 32 && bits >> (64 - shift) != 0) {
        doc += 64 - shift;
        av_docset_window(self, doc)[doc >> 6 & (AV_WINDOW_WORDS - 1)] |= bits >> (64 - shift);
    }
}

#endif
