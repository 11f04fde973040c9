/*
 * steps.h - what stands between the words of each document: the way from a word's number to its position
 *
 * Lists hold the numbers of words in their text (1, 2, ...), which are small; positions (storage/index/token.h) grow by 10
 * to 19 a word. What is between two words is written once for the document and not with every word; only phrases that
 * match by the numbers alone ask for it. Rows: 'S' document; docs/format-index.md, "Steps".
 */
#ifndef AV_STORAGE_POSTINGS_STEPS_H
#define AV_STORAGE_POSTINGS_STEPS_H

#include "storage/postings/bits.h"
#include "storage/postings/run.h"

enum { AV_STEPS_KEY = 5, AV_STEPS_ROW_BYTES = 8192 };
/* A step as one byte of a document in memory. */
enum { AV_STEP_FIRST = 255, AV_STEP_APART = 10 /* else the step less AV_TOKEN_STEP, 0 to 9 */ };

/* --- reading, documents ascending --- */

typedef struct av_steps {
    const av_run_source *source; /* borrowed */
    av_run_cursor *cursor;
    uint32_t doc; /* that rest begins with */
    bool open;    /* rest is of a row */
    av_span rest;
    /* The document av_steps_go went to. */
    uint32_t mask;
    av_span fields[AV_FIELD_COUNT];
} av_steps;

void av_steps_init(av_steps *self, const av_run_source *source);
void av_steps_release(av_steps *self);
av_errc av_steps_go(av_steps *self, uint32_t doc, av_error *err);
/* Positions of n words of a field (number of its bit), their numbers ascending. AV_ERR_CORRUPT: there are not so many. */
av_errc av_steps_map(
    const av_steps *self, unsigned field, const uint32_t *words, uint32_t n, uint32_t *ret, av_error *err);
/* How many words a field has. false: not steps. */
bool av_steps_count(const av_steps *self, unsigned field, uint64_t *ret);

/* --- writing --- */

typedef struct av_steps_out {
    const av_run_sink *sink;
    uint64_t *bytes;
    uint32_t first, next; /* documents */
    av_buf value, field;
} av_steps_out;

void av_steps_out_init(av_steps_out *self, const av_run_sink *sink, uint64_t *bytes);
void av_steps_out_release(av_steps_out *self);
/* The next document: a step in memory for each word of each field, the first AV_STEP_FIRST. NULL: no words. */
av_errc av_steps_out_doc(av_steps_out *self, const av_buf fields[AV_FIELD_COUNT], av_error *err);
/* The next document as it was read. */
av_errc av_steps_out_copy(av_steps_out *self, const av_steps *from, av_error *err);
av_errc av_steps_out_end(av_steps_out *self, av_error *err);

#endif
