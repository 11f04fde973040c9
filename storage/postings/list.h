/*
 * list.h - the lists of frequent words: rows of their own, chunks with what is needed to jump over them
 *
 * 'P' list document: documents and fields of some chunks, none below this one; 'X' list chunk: positions from this chunk on. Shapes:
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
    uint32_t chunks; /* of the list */
    uint32_t chunk;  /* that comes next */
    uint32_t left;   /* chunks left in this row */
    uint32_t last;   /* 'P': last document of the chunk before, plus 1 */
    uint32_t end;    /* 'P': last document of this row */
    uint32_t reach;  /* 'P': how many numbers this row goes over */
    av_span directory, data;
} av_list_rows;

typedef struct av_list {
    av_list_rows docs, positions;
    uint32_t count; /* documents of the run */
    uint32_t df;    /* documents of the list */
    /* The chunk it stands at. */
    uint32_t number, n, base, last;
    av_bits_in bits; /* first its numbers, then its fields */
} av_list;

/* The list's rows from the first chunk on. with_positions: av_list_positions will be called. */
void av_list_open(
    av_list *self, const av_run_source *source, uint32_t list, uint32_t df, uint32_t count, bool with_positions);
void av_list_release(av_list *self);
/*
 * Go to the next chunk whose last document is from or behind it; self->n is 0 at the end. Chunks before are passed
 * unread, and rows too when there are many.
 */
av_errc av_list_step(av_list *self, uint32_t from, av_error *err);
/* Its numbers (once): in ret, or into a set. */
av_errc av_list_docs(av_list *self, av_chunk *ret, av_error *err);
av_errc av_list_set(av_list *self, av_docset *set, av_error *err);
/* Have all of its documents one of these fields? Only asked of dense chunks, where it is cheap; else false. */
bool av_list_is_within(const av_list *self, uint32_t fields);
/* Its fields, behind either; upto as in av_fields_get. */
av_errc av_list_fields(av_list *self, uint32_t upto, av_fields *ret, av_error *err);
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
