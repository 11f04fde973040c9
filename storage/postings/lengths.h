/*
 * lengths.h - how many words each document has: what the numbers of words are coded against
 *
 * Three lengths a document: its body, its attachments, and the longest of its other fields; each rounded up to a code of
 * one byte. Rows: 'C' AV_COLUMN_LENGTHS block, docs/format-index.md.
 */
#ifndef AV_STORAGE_POSTINGS_LENGTHS_H
#define AV_STORAGE_POSTINGS_LENGTHS_H

#include "storage/postings/run.h"

enum { AV_LENGTH_BODY, AV_LENGTH_ATTACHMENT, AV_LENGTH_OTHER, AV_LENGTHS, AV_COLUMN_LENGTHS = 15 };

/* AV_LENGTHS codes for each document, by number. */
typedef struct av_lengths {
    uint8_t *codes;
    uint32_t n;
    size_t cap;
} av_lengths;

void av_lengths_release(av_lengths *self);

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

static inline const uint8_t *
av_lengths_at(const av_lengths *self, uint32_t doc)
{
    return self->codes + (size_t)doc * AV_LENGTHS;
}

av_errc av_lengths_write(const av_lengths *self, const av_run_sink *sink, uint64_t *bytes, av_error *err);
/* The codes of n more documents, or zeros (NULL). */
void av_lengths_append(av_lengths *self, const uint8_t *codes, uint32_t n);
/* Those of a run of so many documents. Grows by what there is, not by what count says. */
av_errc av_lengths_read(av_lengths *self, uint32_t count, const av_run_source *source, av_error *err);

#endif
