/*
 * block.h - a block of terms: the term row (words, counts, short lists) and its row of positions
 *
 * A block holds some hundred terms in byte order, each with the number of its documents; the lists of most stand right here,
 * as bits, those of the longest in rows of their own (list.h). Shapes: docs/format-index.md, "Blocks of terms".
 */
#ifndef AV_STORAGE_POSTINGS_BLOCK_H
#define AV_STORAGE_POSTINGS_BLOCK_H

#include "storage/postings/chunk.h"
#include "storage/postings/run.h"

enum {
    AV_BLOCK_BYTES = 6144,           /* of a term row, from which it is full */
    AV_BLOCK_POSITION_BYTES = 24576, /* the same of its row of positions */
    AV_BLOCK_TERMS = 4096,           /* most terms of a block */
    AV_BLOCK_GROUP = 16,             /* terms between two bit offsets */
    AV_INLINE_DOCS = 512,            /* longer lists have rows of their own, */
    AV_INLINE_POSITIONS = 16384      /* and those of more positions */
};

/* Byte order, the shorter first: the order of terms and of keys. */
static inline int
av_term_compare(av_span a, av_span b)
{
    size_t n = AV_MIN(a.n, b.n);
    int order = n == 0 ? 0 : memcmp(a.p, b.p, n);

    if (order != 0)
        return order;
    return a.n < b.n ? -1 : a.n > b.n;
}

/* A list of documents inside a block: where its bits begin. */
typedef struct av_inline_list {
    av_bits_in docs, positions; /* positions: p is NULL when the block was read without */
    uint32_t df;                /* documents */
    uint32_t left;              /* not yet read */
    uint32_t base;              /* lowest number the next can have */
} av_inline_list;

/* A block that is read. Borrows the rows it was opened with. */
typedef struct av_block {
    const av_lengths *lengths; /* of all documents, when there are positions */
    uint32_t count;            /* documents of the run */
    uint32_t n, at;            /* terms; the next one */
    av_span heads;             /* what is left of them */
    uint32_t lists;            /* number of the next list with rows of its own */
    av_bits_in docs;           /* all bits of the block */
    av_bits_in positions;
    uint32_t docs_at[AV_BLOCK_TERMS / AV_BLOCK_GROUP], positions_at[AV_BLOCK_TERMS / AV_BLOCK_GROUP];
    uint32_t group_df[AV_BLOCK_GROUP]; /* of the terms of this group so far; 0: a list of its own */
    uint32_t known;                    /* term whose list begins at these bits (av_block_done) */
    uint64_t known_docs, known_positions;
    /* The term that av_block_next moved to. */
    uint8_t term[AV_TERM_MAX];
    uint32_t term_n, df, list;
    bool large;
} av_block;

/* key, value: the term row. positions: NULL, or the value of its row of positions, with the lengths of all documents. Stands
 * before the first term. */
av_errc av_block_open(av_block *self, av_span key, av_span value, const av_span *positions, const av_lengths *lengths,
    uint32_t count, av_error *err);
/* The next term: term, df, large, list. *ret false at the end. */
av_errc av_block_next(av_block *self, bool *ret, av_error *err);
/* The list of the term it stands at, which is not large. */
av_errc av_block_list(av_block *self, av_inline_list *ret, av_error *err);
/* That list was read to its end, positions and all: the next one is found without reading it again. */
void av_block_done(av_block *self, const av_inline_list *list);

/* The next up to 128 documents; n is 0 at the end. */
av_errc av_inline_next(av_inline_list *self, uint32_t count, av_chunk *ret, av_error *err);
/* The positions of the chunk that av_inline_next gave last; to be called for each chunk or for none. Appended to out. */
av_errc av_inline_positions(av_inline_list *self, const av_lengths *lengths, const av_chunk *chunk, av_flat *out,
    size_t *starts, av_error *err);

/* --- writing --- */

typedef struct av_block_out {
    uint32_t count;
    uint32_t n;
    uint32_t lists; /* lists with rows of their own so far, in all blocks */
    uint32_t first_list;
    uint8_t first[AV_TERM_MAX], last[AV_TERM_MAX];
    size_t first_n, last_n;
    av_buf heads, docs_buf, positions_buf, value;
    av_bits_out docs, positions;
    uint32_t docs_at[AV_BLOCK_TERMS / AV_BLOCK_GROUP], positions_at[AV_BLOCK_TERMS / AV_BLOCK_GROUP];
} av_block_out;

void av_block_out_init(av_block_out *self, uint32_t count);
void av_block_out_release(av_block_out *self);
/* The next term; its list follows at once unless it is large (*ret_list: its number). */
void av_block_out_term(av_block_out *self, av_span term, uint32_t df, bool large, uint32_t *ret_list);
/* The list of the term just put: df documents, their flat positions. */
void av_block_out_list(av_block_out *self, const av_lengths *lengths, const uint32_t *docs, const uint16_t *masks,
    const uint32_t *flat, const size_t *starts, uint32_t df);
bool av_block_out_full(const av_block_out *self);
/* Write both rows when there is a term, and begin the next block. *bytes grows by what was written. */
av_errc av_block_out_flush(av_block_out *self, const av_run_sink *sink, uint64_t *bytes, av_error *err);

#endif
