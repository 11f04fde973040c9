/*
 * run_priv.h - what the files that read a run share
 */
#ifndef AV_STORAGE_POSTINGS_RUN_PRIV_H
#define AV_STORAGE_POSTINGS_RUN_PRIV_H

#include "storage/postings/block.h"
#include "storage/postings/list.h"
#include "storage/postings/run.h"

enum { AV_ROW_CEILING = 128 << 20 /* of a row that is fetched */ };

struct av_run {
    av_run_source source;
    uint32_t count, lists;
    uint64_t terms, bytes;
    av_lengths lengths; /* of its documents */
};

/* A walk over the blocks of terms, term by term. */
typedef struct av_term_walk {
    const av_run *run;
    const av_lengths *lengths; /* the run's; NULL: without positions */
    av_run_cursor *cursor;     /* of term rows; NULL: at no block */
    av_buf positions;          /* the companion row of this block */
    av_block block;
} av_term_walk;

void av_term_walk_init(av_term_walk *self, const av_run *run, bool with_positions);
void av_term_walk_release(av_term_walk *self);
/*
 * Go to the first term >= term: self->block stands at it. *ret_found: it is this one; *ret_more false: there is none. From a
 * lower term of the same block it goes on without asking the source.
 */
av_errc av_term_walk_to(av_term_walk *self, av_span term, bool *ret_found, bool *ret_more, av_error *err);
/* The next one. */
av_errc av_term_walk_next(av_term_walk *self, bool *ret_more, av_error *err);

static inline av_span
av_term_walk_term(const av_term_walk *self)
{
    return av_span_of(self->block.term, self->block.term_n);
}

static inline bool
av_span_begins(av_span s, av_span with)
{
    return s.n >= with.n && (with.n == 0 || memcmp(s.p, with.p, with.n) == 0);
}

/* The list of the term a walk stands at, chunk by chunk, whichever kind of list it is. */
typedef struct av_reader {
    bool large;
    const av_lengths *lengths;
    uint32_t count;
    av_inline_list small;
    av_list list;
} av_reader;

av_errc av_reader_open(av_reader *self, av_term_walk *walk, av_error *err);
void av_reader_release(av_reader *self);
/* The next chunk, numbers and fields; n is 0 at the end. Long lists pass chunks that end before `from`. */
av_errc av_reader_next(av_reader *self, uint32_t from, av_chunk *ret, av_error *err);
/* The positions of that chunk, appended to out. Short lists: of each chunk or of none. */
av_errc av_reader_positions(av_reader *self, const av_chunk *chunk, av_flat *out, size_t *starts, av_error *err);

/* The row of a block of a column into row. AV_ERR_CORRUPT when there is none. */
av_errc av_run_column_block(const av_run *self, unsigned column, uint32_t block, av_buf *row, av_error *err);

#endif
