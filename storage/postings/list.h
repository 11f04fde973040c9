/*
 * list.h - the lists of frequent words: rows of their own, chunks with what is needed to jump over them
 *
 * 'P' list chunk: documents and fields of some chunks from this one on; 'X' list chunk: their positions. Shapes:
 * docs/format-index.md, "Long lists".
 */
#ifndef AV_STORAGE_POSTINGS_LIST_H
#define AV_STORAGE_POSTINGS_LIST_H

#include "storage/postings/chunk.h"
#include "storage/postings/run.h"

enum { AV_LIST_KEY = 9, AV_LIST_ROW_BYTES = 4096, AV_LIST_POSITION_BYTES = 16384 };

/* --- reading --- */

/* One kind of rows of one list, read forward. */
typedef struct av_list_rows {
    const av_run_source *source; /* borrowed */
    av_run_cursor *cursor;
    uint8_t kind;
    uint32_t list;
    uint32_t chunk; /* of the chunk that comes next */
    uint32_t left;  /* chunks left in this row */
    uint32_t last;  /* 'P': last document of the chunk before, plus 1 */
    av_span directory, data;
} av_list_rows;

typedef struct av_list {
    av_list_rows docs, positions;
    uint32_t count;   /* documents of the run */
    uint32_t left;    /* documents not yet passed */
    uint32_t number;  /* of the chunk that was given last */
    av_bits_in masks; /* of that chunk, behind its numbers */
} av_list;

/* The list's rows from the first chunk on. with_positions: av_list_positions will be called. */
void av_list_open(
    av_list *self, const av_run_source *source, uint32_t list, uint32_t df, uint32_t count, bool with_positions);
void av_list_release(av_list *self);
/*
 * The next chunk whose last document is from or behind it: its numbers in ret (n is 0 at the end). Chunks before are
 * passed unread.
 */
av_errc av_list_next(av_list *self, uint32_t from, av_chunk *ret, av_error *err);
/* Its fields: the masks in it, then (spread) which each document has. */
av_errc av_list_palette(av_list *self, const av_chunk *chunk, av_palette *ret, av_error *err);
av_errc av_list_masks(av_list *self, const av_palette *palette, av_chunk *chunk, av_error *err);
/* Its positions, appended to out. chunk has its masks. */
av_errc av_list_positions(
    av_list *self, const av_lengths *lengths, const av_chunk *chunk, av_flat *out, size_t *starts, av_error *err);

/* --- writing --- */

typedef struct av_rows_out {
    uint8_t kind;
    size_t full;            /* bytes from which a row is written */
    uint32_t first, chunks; /* of this row */
    uint32_t base;          /* 'P': last document before this row, plus 1 */
    av_buf directory, data, value;
} av_rows_out;

typedef struct av_list_out {
    uint32_t list, last; /* last document plus 1 */
    av_rows_out docs, positions;
} av_list_out;

void av_list_out_init(av_list_out *self);
void av_list_out_release(av_list_out *self);
void av_list_out_begin(av_list_out *self, uint32_t list);
/* The next n documents: AV_CHUNK_DOCS of them, fewer only at the end. */
av_errc av_list_out_chunk(av_list_out *self, const av_lengths *lengths, const uint32_t *docs, const uint16_t *masks,
    const uint32_t *flat, uint32_t n, const av_run_sink *sink, uint64_t *bytes, av_error *err);
av_errc av_list_out_end(av_list_out *self, const av_run_sink *sink, uint64_t *bytes, av_error *err);

#endif
