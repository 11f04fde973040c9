/*
 * fields.h - which fields a word stands in, of up to 128 documents side by side
 *
 * Pure. A plane for each field that some of them have and others have not, so that a question about one field looks at
 * that field alone. What the bits mean: docs/format-index.md, "Chunks". Decoding takes hostile bits.
 */
#ifndef AV_STORAGE_POSTINGS_FIELDS_H
#define AV_STORAGE_POSTINGS_FIELDS_H

#include "storage/postings/bits.h"
#include "storage/postings/run.h"

enum { AV_PLANE_DOCS = 128, AV_PLANE_WORDS = AV_PLANE_DOCS / 64 };

typedef struct av_fields {
    uint32_t n;      /* documents */
    uint16_t common; /* fields that all of them have */
    uint16_t some;   /* fields that some have and others have not: bit i of the plane says whether document i has it */
    uint64_t planes[AV_FIELD_COUNT][AV_PLANE_WORDS];
} av_fields;

/* A mask alone; never 0. */
void av_mask_put(av_bits_out *b, uint16_t mask);
uint16_t av_mask_get(av_bits_in *b); /* b->bad when it is none; still not 0 */

/* n from 1 to AV_PLANE_DOCS masks, none of them 0. */
void av_fields_put(av_bits_out *b, const uint16_t *masks, uint32_t n);
/* upto: fields above its highest bit are not read (0: all are), and b then stands anywhere. false: b->bad. */
bool av_fields_get(av_bits_in *b, uint32_t n, uint32_t upto, av_fields *ret);
/* Bit i of ret: document i has one of these fields. */
void av_fields_any(const av_fields *self, uint32_t fields, uint64_t ret[AV_PLANE_WORDS]);
/* The mask of each. false: one would have none. */
bool av_fields_spread(const av_fields *self, uint16_t *masks);

#endif
