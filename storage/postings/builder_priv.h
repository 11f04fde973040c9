/*
 * builder_priv.h - what the two halves of a builder share: terms and their postings in memory
 */
#ifndef AV_STORAGE_POSTINGS_BUILDER_PRIV_H
#define AV_STORAGE_POSTINGS_BUILDER_PRIV_H

#include "storage/postings/chunk.h"
#include "storage/postings/pool.h"
#include "storage/postings/run.h"

/*
 * Postings of a term while documents come: a chain of varints. Even: half of it is the distance from the word before. Odd:
 * another field or document begins, bits 1 to 4 are the field, above them is the step from the document before; the
 * first word follows as an even one, from 0.
 */
typedef struct av_build_term {
    uint32_t hash;
    uint32_t word;     /* address of its bytes */
    uint32_t postings; /* address of the first slice */
    av_slice end;
    uint32_t doc, position; /* last; doc counts from 1 */
    uint32_t in_doc;        /* positions in that document */
    uint16_t fields;        /* of that document so far */
    uint8_t field;          /* number of the last one's bit */
    uint8_t n;              /* bytes of the word */
} av_build_term;

typedef struct av_build_slot {
    uint32_t hash;
    uint32_t term; /* 1 + number; 0: free */
} av_build_slot;

struct av_builder {
    av_pool pool;
    av_build_term *terms;
    uint32_t n, cap;
    av_build_slot *slots;
    uint32_t mask; /* slots less one */
    uint64_t salt[2];
    /* documents */
    uint64_t *numbers; /* AV_COLUMN_NUMBERS each */
    uint32_t *strings; /* AV_STRINGS each: address of a length and its bytes */
    uint32_t count, count_cap;
    uint8_t *lengths;               /* AV_LENGTHS codes each */
    uint32_t words[AV_FIELD_COUNT]; /* of the open document in each field */
    uint32_t last[AV_FIELD_COUNT];  /* position of the last of them */
    av_buf steps;                   /* for each text with words: field (1), how many (4), a step each (steps.h) */
    size_t *steps_at;               /* where those of each document begin */
};

#endif
