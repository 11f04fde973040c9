/*
 * chunk.c - numbers and fields of up to 128 documents as bits
 */
#include "storage/postings/chunk.h"

#include "storage/postings/run.h"

enum { MASK_ESCAPE = 15, PALETTE_UNARY = 24 };

/* Masks by how often mail has them; frozen with the format. */
static const uint16_t usual_masks[MASK_ESCAPE] = {
    AV_FIELD_BODY,
    AV_FIELD_SUBJECT | AV_FIELD_BODY,
    AV_FIELD_SUBJECT,
    AV_FIELD_FROM,
    AV_FIELD_FROM | AV_FIELD_BODY,
    AV_FIELD_TO,
    AV_FIELD_CC,
    AV_FIELD_TO | AV_FIELD_BODY,
    AV_FIELD_CC | AV_FIELD_BODY,
    AV_FIELD_TO | AV_FIELD_CC,
    AV_FIELD_FILENAME,
    AV_FIELD_ATTACHMENT,
    AV_FIELD_ATTACHMENT | AV_FIELD_BODY,
    AV_FIELD_HEADER,
    AV_FIELD_BCC,
};

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

void
av_chunk_put_docs(av_bits_out *b, const uint32_t *docs, uint32_t n, uint32_t base)
{
    uint32_t gaps[AV_CHUNK_DOCS];
    av_code code;
    uint32_t i;

    assert(n <= AV_CHUNK_DOCS);
    for (i = 0; i < n; i++) {
        gaps[i] = docs[i] - base;
        base = docs[i] + 1;
    }
    code = av_code_choose(gaps, n);
    av_bits_put_param(b, code);
    for (i = 0; i < n; i++)
        av_bits_put_code(b, gaps[i], code);
}

bool
av_chunk_get_docs(av_bits_in *b, uint32_t *docs, uint32_t n, uint32_t base, uint32_t limit)
{
    av_code code = av_bits_get_param(b);
    uint64_t doc = base;
    uint32_t i;

    assert(n <= AV_CHUNK_DOCS);
    /* Apart, so that the loops hold nothing but the code; doc cannot run over 64 bits. */
    if (code.rice) {
        for (i = 0; i < n; i++) {
            doc += av_bits_get_rice(b, code.k);
            docs[i] = (uint32_t)doc++;
        }
    } else {
        for (i = 0; i < n; i++) {
            doc += av_bits_get_eg(b, code.k);
            docs[i] = (uint32_t)doc++;
        }
    }
    b->bad |= doc > limit;
    return av_bits_fine(b);
}

void
av_mask_put(av_bits_out *b, uint16_t mask)
{
    uint32_t i;

    for (i = 0; i < MASK_ESCAPE && usual_masks[i] != mask; i++)
        ;
    av_bits_put_eg(b, i, 0);
    if (i == MASK_ESCAPE)
        av_bits_put(b, mask, AV_FIELD_COUNT);
}

uint16_t
av_mask_get(av_bits_in *b)
{
    uint32_t i = av_bits_get_eg(b, 0), mask;

    if (i < MASK_ESCAPE)
        return usual_masks[i];
    mask = i == MASK_ESCAPE ? av_bits_get(b, AV_FIELD_COUNT) : 0;
    b->bad |= mask == 0;
    return (uint16_t)(mask == 0 ? AV_FIELD_BODY : mask);
}

/* Most frequent first, the lower of equals first. ranks: which each document has. */
static void
make_palette(const uint16_t *masks, uint32_t n, av_palette *pal, uint8_t *ranks)
{
    uint32_t counts[AV_CHUNK_DOCS], i, j, count;
    uint16_t mask;

    pal->n = 0;
    for (i = 0; i < n; i++) {
        for (j = 0; j < pal->n && pal->masks[j] != masks[i]; j++)
            ;
        if (j == pal->n) {
            pal->masks[pal->n++] = masks[i];
            counts[j] = 0;
        }
        counts[j]++;
    }
    for (i = 1; i < pal->n; i++) {
        mask = pal->masks[i];
        count = counts[i];
        for (j = i; j > 0 && (counts[j - 1] < count || (counts[j - 1] == count && pal->masks[j - 1] > mask)); j--) {
            pal->masks[j] = pal->masks[j - 1];
            counts[j] = counts[j - 1];
        }
        pal->masks[j] = mask;
        counts[j] = count;
    }
    for (i = 0; i < n; i++) {
        for (j = 0; pal->masks[j] != masks[i]; j++)
            ;
        ranks[i] = (uint8_t)j;
    }
}

void
av_chunk_put_masks(av_bits_out *b, const uint16_t *masks, uint32_t n)
{
    av_palette pal;
    uint8_t ranks[AV_CHUNK_DOCS];
    uint32_t i;

    for (i = 1; i < n && masks[i] == masks[0]; i++)
        ;
    if (i >= n) { /* by far the most frequent case */
        av_bits_put_eg(b, 0, 0);
        av_mask_put(b, masks[0]);
        return;
    }
    make_palette(masks, n, &pal, ranks);
    av_bits_put_eg(b, pal.n - 1, 0);
    for (i = 0; i < pal.n; i++)
        av_mask_put(b, pal.masks[i]);
    for (i = 0; i < n; i++) {
        if (pal.n <= PALETTE_UNARY)
            av_bits_put_rice(b, ranks[i], 0);
        else
            av_bits_put_eg(b, ranks[i], 2);
    }
}

bool
av_palette_get(av_bits_in *b, uint32_t n, av_palette *ret)
{
    uint32_t i;

    ret->n = av_bits_get_eg(b, 0) + 1;
    if (ret->n == 0 || ret->n > n) {
        ret->n = 0;
        b->bad = true;
        return false;
    }
    for (i = 0; i < ret->n; i++)
        ret->masks[i] = av_mask_get(b);
    return av_bits_fine(b);
}

bool
av_palette_spread(av_bits_in *b, const av_palette *palette, uint16_t *masks, uint32_t n)
{
    uint32_t i, rank;

    assert(palette->n > 0);
    for (i = 0; i < n; i++) {
        if (palette->n == 1)
            rank = 0;
        else
            rank = palette->n <= PALETTE_UNARY ? av_bits_get_rice(b, 0) : av_bits_get_eg(b, 2);
        if (rank >= palette->n) {
            b->bad = true;
            return false;
        }
        masks[i] = palette->masks[rank];
    }
    return av_bits_fine(b);
}
