/*
 * run_check.c - all of a run is read and held against its head and itself
 */
#include "storage/postings/columns.h"
#include "storage/postings/run_priv.h"
#include "storage/postings/steps.h"

typedef struct check {
    const av_run *run;
    av_chunk chunk;
    av_flat flat;
    uint64_t terms;
    uint32_t lists;
    uint8_t term[AV_TERM_MAX]; /* the one before */
    uint32_t term_n;
} check;

static void
check_release(check *self)
{
    av_flat_release(&self->flat);
}

static av_errc
check_columns(const av_run *run, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
    AV_CLEANUP(av_free) uint64_t *values = av_xalloc(AV_COLUMN_DOCS * sizeof *values);
    uint32_t first, n;
    unsigned c;
    bool fine;
    av_errc rc;

    av_buf_init(&row, AV_ROW_CEILING);
    av_buf_init(&bytes, AV_COLUMN_DOCS * AV_STRING_MAX);
    for (c = 0; c < AV_COLUMN_NUMBERS + AV_STRINGS; c++) {
        unsigned column = c < AV_COLUMN_NUMBERS ? c : AV_STRING_COLUMN_FIRST + c - AV_COLUMN_NUMBERS;

        for (first = 0; first < run->count; first += n) {
            n = AV_MIN(run->count - first, (uint32_t)AV_COLUMN_DOCS);
            rc = av_run_column_block(run, column, first / AV_COLUMN_DOCS, &row, err);
            if (rc != AV_OK)
                return rc;
            av_buf_clear(&bytes);
            fine = c < AV_COLUMN_NUMBERS ? av_column_get((av_column)c, av_buf_span(&row), n, (uint8_t *)values)
                                         : av_column_get_strings(av_buf_span(&row), n, &bytes, (uint32_t *)values);
            if (!fine)
                return av_error_set(
                    err, AV_ERR_CORRUPT, "column %u of a run: block %u is broken", column, first / AV_COLUMN_DOCS);
        }
    }
    return AV_OK;
}

/* Every document has its steps, and no more words than its lengths say. */
static av_errc
check_steps(const check *self, av_error *err)
{
    AV_CLEANUP(av_steps_release) av_steps steps;
    uint64_t words;
    uint32_t doc;
    unsigned f;
    av_errc rc;

    av_steps_init(&steps, &self->run->source);
    for (doc = 0; doc < self->run->count; doc++) {
        rc = av_steps_go(&steps, doc, err);
        if (rc == AV_OK)
            rc = av_lengths_need(&self->run->lengths, &doc, 1, err);
        if (rc != AV_OK)
            return rc;
        for (f = 0; f < AV_FIELD_COUNT; f++) {
            if (!av_steps_count(&steps, f, &words) ||
                words > av_length_limit(av_lengths_at(&self->run->lengths, doc)[av_length_of_field(f)]))
                return av_error_set(err, AV_ERR_CORRUPT, "document %u of a run has other words than its length", doc);
        }
    }
    return AV_OK;
}

static av_errc
check_list(check *self, av_term_walk *walk, av_error *err)
{
    av_reader reader;
    av_errc rc = av_reader_open(&reader, walk, err);

    if (rc != AV_OK)
        return rc;
    for (;;) {
        rc = av_reader_next(&reader, 0, &self->chunk, err);
        if (rc != AV_OK || self->chunk.n == 0)
            break;
        self->flat.n = 0;
        rc = av_reader_positions(&reader, &self->chunk, &self->flat, NULL, err);
        if (rc != AV_OK)
            break;
    }
    if (rc == AV_OK && !reader.large)
        av_block_done(&walk->block, &reader.small);
    av_reader_release(&reader);
    return rc;
}

/* Terms ascend across blocks, too, and long lists are numbered without a gap. */
static av_errc
check_term(check *self, av_term_walk *walk, av_error *err)
{
    av_span t = av_term_walk_term(walk);
    int order = memcmp(self->term, t.p, AV_MIN((size_t)self->term_n, t.n));

    if (self->terms > 0 && (order > 0 || (order == 0 && self->term_n >= t.n)))
        return av_error_set(err, AV_ERR_CORRUPT, "the terms of a run are out of order");
    if (walk->block.large && walk->block.list != self->lists)
        return av_error_set(err, AV_ERR_CORRUPT, "the lists of a run are numbered wrongly");
    self->lists += walk->block.large;
    self->terms++;
    memcpy(self->term, t.p, t.n);
    self->term_n = (uint32_t)t.n;
    return check_list(self, walk, err);
}

av_errc
av_run_check(const av_run *self, av_error *err)
{
    AV_CLEANUP(check_release) check c = { .run = self };
    AV_CLEANUP(av_term_walk_release) av_term_walk walk;
    bool found, more;
    av_errc rc;

    av_term_walk_init(&walk, self, true);
    rc = check_columns(self, err);
    if (rc == AV_OK)
        rc = check_steps(&c, err);
    if (rc == AV_OK)
        rc = av_term_walk_to(&walk, (av_span){ 0 }, &found, &more, err);
    while (rc == AV_OK && more) {
        rc = check_term(&c, &walk, err);
        if (rc == AV_OK)
            rc = av_term_walk_next(&walk, &more, err);
    }
    if (rc == AV_OK && (c.terms != self->terms || c.lists != self->lists))
        rc = av_error_set(err, AV_ERR_CORRUPT, "a run has other terms than its head says");
    return rc;
}
