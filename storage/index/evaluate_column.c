/*
 * evaluate_column.c - dates, sizes and attachments: a value for each document, read from front to end
 */
#include "storage/index/evaluate_priv.h"

enum { BATCH = 1024, ZONE_SHIFT = 48, ZONE_MASK = 0xFFF, ZONE_ZERO = 2048 };

typedef struct batch { /* ascending numbers on their way into a set */
    roaring_bitmap_t *to;
    uint32_t docs[BATCH];
    size_t n;
} batch;

static void
batch_flush(batch *self)
{
    roaring_bitmap_add_many(self->to, self->n, self->docs);
    self->n = 0;
}

static void
batch_add(batch *self, uint32_t doc)
{
    self->docs[self->n++] = doc;
    if (self->n == BATCH)
        batch_flush(self);
}

typedef enum verdict { NO, YES, OPEN } verdict;

static verdict
date_of(const av_query_node *node, uint64_t value, uint64_t bits)
{
    int64_t at = (int64_t)value;

    if (at == INT64_MIN)
        return OPEN; /* the received date counts, which is that of a place */
    if (node->date == AV_QUERY_DATE_SENT_LOCAL)
        at += ((int64_t)(bits >> ZONE_SHIFT & ZONE_MASK) - ZONE_ZERO) * 60;
    return at >= node->from_unix_s && (at < node->to_unix_s || node->to_unix_s == INT64_MAX) ? YES : NO;
}

/* The size kept is that of the bytes as they arrived: the CRLF view has at least as many, at most twice. */
static verdict
size_of(const av_query_node *node, uint64_t size, bool crlf)
{
    if (!crlf)
        return size >= node->min_bytes && size <= node->max_bytes ? YES : NO;
    if (size > node->max_bytes || size < node->min_bytes / 2)
        return NO;
    return size >= node->min_bytes && size <= node->max_bytes / 2 ? YES : OPEN;
}

static verdict
judge(const av_evaluation *self, const av_query_node *node, uint64_t value, uint64_t bits)
{
    switch (node->kind) {
    case AV_QUERY_DATE:
        return date_of(node, value, bits);
    case AV_QUERY_SIZE:
        return size_of(node, value, self->o->crlf_sizes);
    default:
        return (bits & AV_DOC_HAS_ATTACHMENT) != 0 ? YES : NO;
    }
}

static av_errc
ask_run(av_evaluation *self, size_t run, const av_query_node *node, batch *sure, batch *maybe, av_error *err)
{
    const av_index_run *r = &self->runs[run];
    av_column which = node->kind == AV_QUERY_DATE   ? AV_COLUMN_DATE
                      : node->kind == AV_QUERY_SIZE ? AV_COLUMN_SIZE
                                                    : AV_COLUMN_BITS;
    const uint64_t *values = av_index_numbers(self->view, run, which, err);
    const uint64_t *bits = values == NULL ? NULL : av_index_numbers(self->view, run, AV_COLUMN_BITS, err);
    uint32_t n = av_run_count(r->run);

    if (bits == NULL)
        return err->code;
    for (uint32_t d = 0; d < n; d++) {
        verdict v = judge(self, node, values[d], bits[d]);

        if (v == YES)
            batch_add(sure, r->first + d);
        if (v != NO)
            batch_add(maybe, r->first + d);
    }
    return AV_OK;
}

av_errc
av_evaluate_column(av_evaluation *self, const av_query_node *node, AV_UNUSED const roaring_bitmap_t *among,
    av_bounds *ret, av_error *err)
{
    batch sure = { .to = ret->sure }, maybe = { .to = ret->maybe };
    av_errc rc = AV_OK;

    for (size_t i = 0; rc == AV_OK && i < self->run_count; i++)
        rc = ask_run(self, i, node, &sure, &maybe, err);
    batch_flush(&sure);
    batch_flush(&maybe);
    return rc;
}
