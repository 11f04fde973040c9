/*
 * writer.h - terms and documents in order become the rows of a run
 *
 * Builder and merge both end here, so the same documents give the same bytes whichever way they came. Memory: a block of
 * terms, a few rows, and the positions of one chunk.
 */
#ifndef AV_STORAGE_POSTINGS_WRITER_H
#define AV_STORAGE_POSTINGS_WRITER_H

#include "storage/postings/block.h"
#include "storage/postings/columns.h"
#include "storage/postings/list.h"
#include "storage/postings/steps.h"

enum { AV_RUN_VERSION = 2, AV_RUN_HEAD_BYTES = 25 };

typedef struct av_run_writer {
    const av_run_sink *sink;
    uint32_t count; /* documents of the run */
    uint64_t terms, bytes;
    av_block_out block;
    av_list_out list;
    av_column_out columns;
    av_steps_out steps;
    av_lengths lengths; /* of all documents: the caller appends them before anything else */
    /* The open term, and its documents that are not yet written. */
    uint8_t term[AV_TERM_MAX];
    size_t term_n;
    uint32_t df;
    bool large;
    uint32_t pending;
    uint32_t docs[AV_INLINE_DOCS + 1];
    uint16_t masks[AV_INLINE_DOCS + 1];
    size_t starts[AV_INLINE_DOCS + 2];
    av_flat flat;
} av_run_writer;

void av_run_writer_init(av_run_writer *self, const av_run_sink *sink, uint32_t count);
void av_run_writer_release(av_run_writer *self);
/* Terms in strictly ascending order. */
void av_run_writer_term(av_run_writer *self, av_span term);
/* The open term's next document and its n flat numbers (chunk.h). Documents ascend. */
av_errc av_run_writer_doc(
    av_run_writer *self, uint32_t doc, uint16_t mask, const uint32_t *flat, size_t n, av_error *err);
/* A term without documents leaves nothing behind. */
av_errc av_run_writer_term_end(av_run_writer *self, av_error *err);
/* The last block and the head. */
av_errc av_run_writer_finish(av_run_writer *self, av_error *err);

#endif
