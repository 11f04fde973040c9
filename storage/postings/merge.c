/*
 * merge.c - runs that follow each other become one
 *
 * All terms in order, each with its documents run by run, into the writer that builders use: what comes out depends on the
 * documents alone. A few runs are merged at a time, so the lowest term is found by looking at each.
 */
#include "storage/postings/run_priv.h"
#include "storage/postings/writer.h"

enum { CANCEL_EVERY = 1024 /* terms */ };

typedef struct input {
    const av_run *run;
    uint32_t first; /* number of its first document in the merged run */
    av_term_walk walk;
    bool more;
} input;

typedef struct merge {
    size_t n;
    input *inputs;
    uint32_t count;
    const roaring_bitmap_t *keep;
    bool (*cancel)(void *ctx);
    void *cancel_ctx;
    av_run_writer writer;
    av_chunk chunk;
    av_flat flat;
    size_t starts[AV_CHUNK_DOCS + 1];
} merge;

static void
merge_release(merge *self)
{
    size_t i;

    for (i = 0; self->inputs != NULL && i < self->n; i++)
        av_term_walk_release(&self->inputs[i].walk);
    free(self->inputs);
    av_run_writer_release(&self->writer);
    av_flat_release(&self->flat);
}

static bool
kept(const merge *self, uint32_t doc)
{
    return self->keep == NULL || roaring_bitmap_contains(self->keep, doc);
}

static av_errc
cancelled(const merge *self, av_error *err)
{
    if (self->cancel == NULL || !self->cancel(self->cancel_ctx))
        return AV_OK;
    return av_error_set(err, AV_ERR_CANCELLED, "merging runs was stopped");
}

/* --- terms --- */

/* The documents of one run with the term that its walk stands at. */
static av_errc
merge_list(merge *self, input *in, av_reader *reader, av_error *err)
{
    uint32_t i, doc;
    av_errc rc;

    for (;;) {
        rc = av_reader_next(reader, 0, &self->chunk, err);
        if (rc != AV_OK || self->chunk.n == 0)
            return rc;
        self->flat.n = 0;
        rc = av_reader_positions(reader, &self->chunk, &self->flat, self->starts, err);
        for (i = 0; i < self->chunk.n && rc == AV_OK; i++) {
            doc = self->chunk.docs[i] + in->first;
            if (kept(self, doc))
                rc = av_run_writer_doc(&self->writer, doc, self->chunk.masks[i], self->flat.v + self->starts[i],
                    self->starts[i + 1] - self->starts[i], err);
        }
        if (rc != AV_OK)
            return rc;
    }
}

static av_errc
merge_input(merge *self, input *in, av_error *err)
{
    av_reader reader;
    av_errc rc = av_reader_open(&reader, &in->walk, err);

    if (rc != AV_OK)
        return rc;
    rc = merge_list(self, in, &reader, err);
    if (rc == AV_OK && !reader.large)
        av_block_done(&in->walk.block, &reader.small);
    av_reader_release(&reader);
    return rc == AV_OK ? av_term_walk_next(&in->walk, &in->more, err) : rc;
}

/* The first input with the lowest term; NULL: all are at their end. */
static input *
lowest(merge *self)
{
    input *low = NULL;
    size_t i;

    for (i = 0; i < self->n; i++) {
        input *in = &self->inputs[i];

        if (in->more &&
            (low == NULL || av_term_compare(av_term_walk_term(&in->walk), av_term_walk_term(&low->walk)) < 0))
            low = in;
    }
    return low;
}

/* Terms come in order from each run, or the run is broken: the writer must not be given a lower one. */
static av_errc
merge_term(merge *self, input *low, av_error *err)
{
    uint8_t term[AV_TERM_MAX];
    av_span t = av_term_walk_term(&low->walk);
    size_t i;
    av_errc rc = AV_OK;

    if (self->writer.term_n > 0 && av_term_compare(t, av_span_of(self->writer.term, self->writer.term_n)) <= 0)
        return av_error_set(err, AV_ERR_CORRUPT, "the terms of a run are out of order");
    memcpy(term, t.p, t.n);
    t.p = term;
    av_run_writer_term(&self->writer, t);
    for (i = (size_t)(low - self->inputs); i < self->n && rc == AV_OK; i++) {
        input *in = &self->inputs[i];

        if (in->more && av_span_eq(av_term_walk_term(&in->walk), t))
            rc = merge_input(self, in, err);
    }
    return rc == AV_OK ? av_run_writer_term_end(&self->writer, err) : rc;
}

static av_errc
merge_terms(merge *self, av_error *err)
{
    input *low;
    bool found;
    size_t i, terms;
    av_errc rc = AV_OK;

    for (i = 0; i < self->n && rc == AV_OK; i++)
        rc = av_term_walk_to(&self->inputs[i].walk, (av_span){ 0 }, &found, &self->inputs[i].more, err);
    for (terms = 0; rc == AV_OK && (low = lowest(self)) != NULL; terms++) {
        if (terms % CANCEL_EVERY == 0)
            rc = cancelled(self, err);
        if (rc == AV_OK)
            rc = merge_term(self, low, err);
    }
    return rc;
}

/* --- columns --- */

/* What is left of a document that is not kept. */
static uint64_t
number_of_gone(unsigned column, uint64_t v)
{
    if (column == AV_COLUMN_LSN)
        return v;
    return column == AV_COLUMN_DATE ? (uint64_t)INT64_MIN : 0;
}

static av_errc
merge_numbers(merge *self, const input *in, unsigned column, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    uint64_t values[AV_COLUMN_DOCS];
    uint32_t first, n, i;
    av_errc rc = AV_OK;

    av_buf_init(&row, AV_ROW_CEILING);
    for (first = 0; first < in->run->count && rc == AV_OK; first += n) {
        n = AV_MIN(in->run->count - first, (uint32_t)AV_COLUMN_DOCS);
        rc = av_run_column_block(in->run, column, first / AV_COLUMN_DOCS, &row, err);
        if (rc == AV_OK && !av_column_get((av_column)column, av_buf_span(&row), n, (uint8_t *)values))
            rc = av_error_set(err, AV_ERR_CORRUPT, "column %u of a run is broken", column);
        for (i = 0; i < n && rc == AV_OK; i++)
            rc = av_column_out_number(&self->writer.columns,
                kept(self, in->first + first + i) ? values[i] : number_of_gone(column, values[i]), err);
    }
    return rc;
}

static av_errc
merge_strings(merge *self, const input *in, unsigned column, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
    uint32_t ends[AV_COLUMN_DOCS], first, n, i, from;
    av_errc rc = AV_OK;

    av_buf_init(&row, AV_ROW_CEILING);
    av_buf_init(&bytes, AV_COLUMN_DOCS * AV_STRING_MAX);
    for (first = 0; first < in->run->count && rc == AV_OK; first += n) {
        n = AV_MIN(in->run->count - first, (uint32_t)AV_COLUMN_DOCS);
        rc = av_run_column_block(in->run, column, first / AV_COLUMN_DOCS, &row, err);
        av_buf_clear(&bytes);
        if (rc == AV_OK && !av_column_get_strings(av_buf_span(&row), n, &bytes, ends))
            rc = av_error_set(err, AV_ERR_CORRUPT, "column %u of a run is broken", column);
        for (i = from = 0; i < n && rc == AV_OK; from = ends[i++])
            rc = av_column_out_string(&self->writer.columns,
                kept(self, in->first + first + i) ? av_span_of(bytes.p + from, ends[i] - from) : (av_span){ 0 }, err);
    }
    return rc;
}

static av_errc
merge_column(merge *self, unsigned column, av_error *err)
{
    size_t i;
    av_errc rc = cancelled(self, err);

    av_column_out_begin(&self->writer.columns, column);
    for (i = 0; i < self->n && rc == AV_OK; i++) {
        if (column < AV_STRING_COLUMN_FIRST)
            rc = merge_numbers(self, &self->inputs[i], column, err);
        else
            rc = merge_strings(self, &self->inputs[i], column, err);
    }
    return rc == AV_OK ? av_column_out_end(&self->writer.columns, err) : rc;
}

static av_errc
merge_steps(merge *self, av_error *err)
{
    uint32_t doc;
    size_t i;
    av_errc rc = AV_OK;

    for (i = 0; i < self->n && rc == AV_OK; i++) {
        const input *in = &self->inputs[i];
        AV_CLEANUP(av_steps_release) av_steps steps;

        av_steps_init(&steps, &in->run->source);
        for (doc = 0; doc < in->run->count && rc == AV_OK; doc++) {
            if (!kept(self, in->first + doc)) {
                rc = av_steps_out_doc(&self->writer.steps, NULL, err);
                continue;
            }
            rc = av_steps_go(&steps, doc, err);
            if (rc == AV_OK)
                rc = av_steps_out_copy(&self->writer.steps, &steps, err);
        }
    }
    return rc == AV_OK ? av_steps_out_end(&self->writer.steps, err) : rc;
}

static av_errc
merge_columns(merge *self, av_error *err)
{
    av_errc rc = AV_OK;
    unsigned c;

    for (c = 0; c < AV_COLUMN_NUMBERS && rc == AV_OK; c++)
        rc = merge_column(self, c, err);
    if (rc == AV_OK)
        rc = av_lengths_write(&self->writer.lengths, self->writer.sink, &self->writer.bytes, err);
    for (c = 0; c < AV_STRINGS && rc == AV_OK; c++)
        rc = merge_column(self, AV_STRING_COLUMN_FIRST + c, err);
    return rc == AV_OK ? merge_steps(self, err) : rc;
}

/* The lengths of all, zeros for those that are not kept. */
static av_errc
merge_lengths(merge *self, av_error *err)
{
    uint32_t doc;
    size_t i;
    av_errc rc;

    for (i = 0; i < self->n; i++) {
        const input *in = &self->inputs[i];

        for (doc = 0; doc < in->run->count; doc++) {
            rc = av_lengths_need(&in->run->lengths, &doc, 1, err);
            if (rc != AV_OK)
                return rc;
            av_lengths_append(
                &self->writer.lengths, kept(self, in->first + doc) ? av_lengths_at(&in->run->lengths, doc) : NULL, 1);
        }
    }
    return AV_OK;
}

av_errc
av_runs_merge(av_run *const *runs, size_t n, const roaring_bitmap_t *keep, const av_run_sink *sink,
    bool (*cancel)(void *ctx), void *cancel_ctx, av_error *err)
{
    AV_CLEANUP(merge_release) merge self = { .n = n, .keep = keep, .cancel = cancel, .cancel_ctx = cancel_ctx };
    size_t i;
    av_errc rc;

    self.inputs = av_xcalloc(n + 1, sizeof *self.inputs);
    for (i = 0; i < n; i++) {
        input *in = &self.inputs[i];

        in->run = runs[i];
        in->first = self.count;
        av_term_walk_init(&in->walk, in->run, true);
        if (runs[i]->count > UINT32_MAX - 1 - self.count) {
            self.n = i + 1;
            return av_error_set(err, AV_ERR_LIMIT, "the runs have more documents than one can number");
        }
        self.count += runs[i]->count;
    }
    av_run_writer_init(&self.writer, sink, self.count);
    rc = merge_lengths(&self, err);
    if (rc == AV_OK)
        rc = merge_columns(&self, err);
    if (rc == AV_OK)
        rc = merge_terms(&self, err);
    return rc == AV_OK ? av_run_writer_finish(&self.writer, err) : rc;
}
