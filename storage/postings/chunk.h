/*
 * chunk.h - up to 128 documents of one word as bits: their numbers, their positions (their fields: fields.h)
 *
 * Pure. What the bits mean: docs/format-index.md, "Chunks". Decoding takes hostile bits; encoding trusts its caller.
 *
 * Positions are flat: for each document in order and each field of its mask, lowest bit first, a count (1 and up), then
 * so many numbers of words (the first of a text is 1), ascending; steps.h leads from these to positions.
 */
#ifndef AV_STORAGE_POSTINGS_CHUNK_H
#define AV_STORAGE_POSTINGS_CHUNK_H

#include "storage/postings/docset.h"
#include "storage/postings/fields.h"
#include "storage/postings/lengths.h"

enum {
    AV_CHUNK_DOCS = 128,
    AV_POSITIONS_MAX = 65536, /* of one word in one document, all fields together */
    AV_FEW_DOCS = 2,          /* lists of up to so many documents name no code for counts */
    AV_MAP_PART = 16          /* a bit for each number: when that takes up to a sixteenth more than gaps */
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

/*
 * The same for lists whose last number is known (last is that of this chunk): where they stand close, a bit for each
 * number.
 */
void av_chunk_put_dense(av_bits_out *b, const uint32_t *docs, uint32_t n, uint32_t base);
bool av_chunk_get_dense(av_bits_in *b, uint32_t *docs, uint32_t n, uint32_t base, uint32_t last);
/* When there is a bit for each number: past these. Else false, and b stays. */
bool av_chunk_skip_map(av_bits_in *b, uint32_t base, uint32_t last);
/* Into a set. A chunk that is refused may have left some of its numbers there. */
bool av_chunk_get_set(av_bits_in *b, av_docset *set, uint32_t n, uint32_t base, uint32_t last);

/* --- positions --- */

/* n numbers within low to high, ascending, by halves. */
void av_between_put(av_bits_out *b, const uint32_t *v, uint32_t n, uint64_t low, uint64_t high);
/* n at most high - low + 1; what comes out is ascending and within, whatever the bits. */
void av_between_get(av_bits_in *b, uint32_t *v, uint32_t n, uint64_t low, uint64_t high);

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
