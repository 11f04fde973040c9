/*
 * chunk.h - up to 128 documents of one word as bits: their numbers, their fields, their positions
 *
 * Pure. What the bits mean: docs/format-index.md, "Chunks". Decoding takes hostile bits; encoding trusts its caller.
 *
 * Positions are flat: for each document in order and each field of its mask, lowest bit first, a count (1 and up), then
 * so many numbers of words (the first of a text is 1), ascending; steps.h leads from these to positions.
 */
#ifndef AV_STORAGE_POSTINGS_CHUNK_H
#define AV_STORAGE_POSTINGS_CHUNK_H

#include "storage/postings/bits.h"
#include "storage/postings/lengths.h"

enum {
    AV_CHUNK_DOCS = 128,
    AV_POSITIONS_MAX = 65536, /* of one word in one document, all fields together */
    AV_FEW_DOCS = 2           /* lists of up to so many documents name no code for counts */
};

typedef struct av_flat {
    uint32_t *v;
    size_t n, cap;
} av_flat;
void av_flat_release(av_flat *self);
void av_flat_grow(av_flat *self, size_t n); /* room for n more */

typedef struct av_chunk {
    uint32_t n;
    uint32_t docs[AV_CHUNK_DOCS]; /* ascending */
    uint16_t masks[AV_CHUNK_DOCS];
} av_chunk;

/* The masks of a chunk, most frequent first. */
typedef struct av_palette {
    uint32_t n;
    uint16_t masks[AV_CHUNK_DOCS];
} av_palette;

/* Bits that hold a document number of a run of so many. */
static inline unsigned
av_number_bits(uint32_t count)
{
    return count < 2 ? 0 : 32 - (unsigned)__builtin_clz(count - 1);
}

/* --- documents --- */

/* base: the lowest number docs[0] can have. */
void av_chunk_put_docs(av_bits_out *b, const uint32_t *docs, uint32_t n, uint32_t base);
/* n up to AV_CHUNK_DOCS ascending numbers from base on, below limit; else b->bad and false. */
bool av_chunk_get_docs(av_bits_in *b, uint32_t *docs, uint32_t n, uint32_t base, uint32_t limit);

/* --- fields --- */

void av_mask_put(av_bits_out *b, uint16_t mask);
uint16_t av_mask_get(av_bits_in *b); /* never 0; b->bad */
void av_chunk_put_masks(av_bits_out *b, const uint16_t *masks, uint32_t n);
bool av_palette_get(av_bits_in *b, uint32_t n, av_palette *ret);
/* Which entry of the palette each of n documents has, written out as masks. */
bool av_palette_spread(av_bits_in *b, const av_palette *palette, uint16_t *masks, uint32_t n);

/* --- positions --- */

/* few: the list has at most AV_FEW_DOCS documents. flat: those of exactly these documents. */
void av_chunk_put_positions(av_bits_out *b, const av_lengths *lengths, const uint32_t *docs, const uint16_t *masks,
    uint32_t n, const uint32_t *flat, bool few);
/*
 * Appended to out. starts: NULL, or n + 1 places: where each document begins in out->v, and the end. lengths has all
 * documents of the chunk. false: b->bad.
 */
bool av_chunk_get_positions(
    av_bits_in *b, const av_lengths *lengths, const av_chunk *chunk, bool few, av_flat *out, size_t *starts);

#endif
