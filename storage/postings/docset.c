/*
 * docset.c - windows of document numbers, handed over to a bitmap
 */
#include "storage/postings/docset.h"

#include "storage/postings/bits.h"

/*
 * One window as a bitmap of its own in the portable format of Roaring bitmaps (RoaringFormatSpec): cookie of a bitmap
 * without runs, one container, its number and count less one, where it begins, its 8 KB.
 */
enum { COOKIE = 12346, HEAD = 16, SPARSE = 4096, WINDOW_BYTES = AV_WINDOW_WORDS * 8 };

void
av_docset_init(av_docset *self, uint32_t base, roaring_bitmap_t *out)
{
    *self = (av_docset){ .out = out, .base = base, .first = base >> AV_WINDOW_BITS };
}

void
av_docset_release(av_docset *self)
{
    uint32_t i;

    for (i = 0; i < self->n; i++)
        free(self->windows[i]);
    free(self->windows);
    self->windows = NULL;
    self->n = self->open = 0;
}

uint64_t *
av_docset_open(av_docset *self, uint32_t window)
{
    uint32_t n;

    if (self->open == AV_WINDOWS_OPEN)
        av_docset_finish(self);
    if (window >= self->n) {
        n = AV_MAX(window + 1, AV_MAX(self->n * 2, 16));
        self->windows = av_xrealloc(self->windows, n * sizeof *self->windows);
        memset(self->windows + self->n, 0, (n - self->n) * sizeof *self->windows);
        self->n = n;
    }
    self->windows[window] = av_xcalloc(AV_WINDOW_WORDS, sizeof **self->windows);
    self->open++;
    return self->windows[window];
}

static void
add_sparse(const uint64_t *words, uint32_t high, roaring_bitmap_t *out)
{
    uint32_t docs[SPARSE], n = 0, i;
    uint64_t word;

    for (i = 0; i < AV_WINDOW_WORDS; i++)
        for (word = words[i]; word != 0; word &= word - 1)
            docs[n++] = high | i << 6 | (uint32_t)__builtin_ctzll(word);
    roaring_bitmap_add_many(out, n, docs);
}

static void
add_dense(const uint64_t *words, uint32_t high, uint32_t count, roaring_bitmap_t *out)
{
    uint8_t bytes[HEAD + WINDOW_BYTES] = { 0 };
    const uint32_t head[HEAD / 4] = { COOKIE, 1, high >> AV_WINDOW_BITS | (count - 1) << 16, HEAD };
    roaring_bitmap_t *one;

    memcpy(bytes, head, sizeof head);
    memcpy(bytes + HEAD, words, WINDOW_BYTES);
    one = roaring_bitmap_portable_deserialize_safe((const char *)bytes, sizeof bytes);
    assert(one != NULL);
    roaring_bitmap_or_inplace(out, one);
    roaring_bitmap_free(one);
}

void
av_docset_finish(av_docset *self)
{
    uint32_t count, i, w;

    for (w = 0; w < self->n; w++) {
        uint32_t high = (self->first + w) << AV_WINDOW_BITS;

        if (self->windows[w] == NULL)
            continue;
        for (i = count = 0; i < AV_WINDOW_WORDS; i++)
            count += av_ones(self->windows[w][i]);
        if (count > SPARSE)
            add_dense(self->windows[w], high, count, self->out);
        else
            add_sparse(self->windows[w], high, self->out);
    }
    av_docset_release(self);
}
