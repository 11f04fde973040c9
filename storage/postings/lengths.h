/*
 * lengths.h - how many words each document has: what the numbers of words are coded against
 *
 * Three lengths a document: its body, its attachments, and the longest of its other fields; each rounded up to a code of
 * one byte. Rows: 'C' AV_COLUMN_LENGTHS block, docs/format-index.md.
 */
#ifndef AV_STORAGE_POSTINGS_LENGTHS_H
#define AV_STORAGE_POSTINGS_LENGTHS_H

#include <stdatomic.h>

#include "storage/postings/columns.h"

enum { AV_LENGTH_BODY, AV_LENGTH_ATTACHMENT, AV_LENGTH_OTHER, AV_LENGTHS, AV_COLUMN_LENGTHS = 15 };

/*
 * AV_LENGTHS codes for each document, in blocks of AV_COLUMN_DOCS documents. Those of a run that is read come when they
 * are asked for, from any thread, and stay.
 */
typedef struct av_lengths {
    const av_run_source *source; /* borrowed; NULL: they are appended */
    _Atomic(uint8_t *) *blocks;  /* NULL: not there */
    uint32_t n, cap;             /* documents; blocks there are places for */
} av_lengths;

/* Of a run of so many documents, to be read. */
void av_lengths_init(av_lengths *self, const av_run_source *source, uint32_t count);
void av_lengths_release(av_lengths *self);
/* Drop what was read; nobody may be reading. */
void av_lengths_forget(av_lengths *self);
size_t av_lengths_bytes(const av_lengths *self);
/* Those of n documents, ascending and below self->n, are there. */
av_errc av_lengths_need(const av_lengths *self, const uint32_t *docs, uint32_t n, av_error *err);
av_errc av_lengths_load(const av_lengths *self, uint32_t block, av_error *err);

/* The lowest code whose limit is at least length. */
uint8_t av_length_code(uint32_t length);
/* The most words a document of that code can have; 0: none. */
uint32_t av_length_limit(uint8_t code);

/* Which of the three a field (number of its bit) goes by. */
static inline unsigned
av_length_of_field(unsigned field)
{
    if (1u << field == AV_FIELD_BODY)
        return AV_LENGTH_BODY;
    return 1u << field == AV_FIELD_ATTACHMENT ? AV_LENGTH_ATTACHMENT : AV_LENGTH_OTHER;
}

/* It is there. */
static inline const uint8_t *
av_lengths_at(const av_lengths *self, uint32_t doc)
{
    return atomic_load_explicit(&self->blocks[doc / AV_COLUMN_DOCS], memory_order_acquire) +
           (size_t)(doc % AV_COLUMN_DOCS) * AV_LENGTHS;
}

/* All of what was appended. */
av_errc av_lengths_write(const av_lengths *self, const av_run_sink *sink, uint64_t *bytes, av_error *err);
/* The codes of n more documents, or zeros (NULL). */
void av_lengths_append(av_lengths *self, const uint8_t *codes, uint32_t n);

#endif
