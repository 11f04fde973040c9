/*
 * columns.h - columns of a run: a value for each document, in blocks of AV_COLUMN_DOCS
 *
 * Shapes: docs/format-index.md, "Columns". One column after another, numbers first.
 */
#ifndef AV_STORAGE_POSTINGS_COLUMNS_H
#define AV_STORAGE_POSTINGS_COLUMNS_H

#include "storage/postings/bits.h"
#include "storage/postings/run.h"

enum { AV_COLUMN_DOCS = 4096, AV_COLUMN_KEY = 6, AV_STRING_COLUMN_FIRST = 16, AV_STRING_MAX = 255 };

/* 'C' column block. */
void av_column_key(uint8_t key[AV_COLUMN_KEY], unsigned column, uint32_t block);

/* --- reading one block --- */

/* n numbers of 8 bytes to out. */
bool av_column_get(av_column which, av_span value, uint32_t n, uint8_t *out);
/* The bytes of n strings appended to out, where each ends to ends. false: not a block, or out is full. */
bool av_column_get_strings(av_span value, uint32_t n, av_buf *out, uint32_t *ends);

/* --- writing --- */

typedef struct av_column_out {
    const av_run_sink *sink;
    uint64_t *bytes;
    unsigned column;
    uint32_t block, n;
    uint64_t before; /* numbers: the value before */
    av_buf value;
    /* strings of this block: where each stands in value, by its hash */
    uint32_t distinct;
    uint32_t *where; /* AV_COLUMN_DOCS */
    uint16_t *table; /* 2 * AV_COLUMN_DOCS; 0: free, else 1 + number */
} av_column_out;

void av_column_out_init(av_column_out *self, const av_run_sink *sink, uint64_t *bytes);
void av_column_out_release(av_column_out *self);
/* Values of another column follow; column: av_column, or AV_STRING_COLUMN_FIRST + av_string_column. */
void av_column_out_begin(av_column_out *self, unsigned column);
av_errc av_column_out_number(av_column_out *self, uint64_t v, av_error *err);
av_errc av_column_out_string(av_column_out *self, av_span s, av_error *err); /* cut at AV_STRING_MAX */
av_errc av_column_out_end(av_column_out *self, av_error *err);

#endif
