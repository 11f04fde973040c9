/*
 * evaluate_column.c - dates, sizes and attachments: a value for each document
 *
 * Dates are decided by zones where all of one (index.h) are on the same side; else documents are looked at one by one.
 */
#include "storage/index/evaluate_priv.h"
#include "storage/postings/docset.h"

enum { ZONE_SHIFT = 48, ZONE_MASK = 0xFFF, ZONE_ZERO = 2048, ZONE_SECONDS = ZONE_ZERO * 60 };

typedef struct asked {
    const av_evaluation *evaluation;
    const av_query_node *node;
    av_docset sure, open; /* of one run */
} asked;

static void
asked_release(asked *self)
{
    av_docset_release(&self->sure);
    av_docset_release(&self->open);
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

static void
take(asked *self, uint32_t doc, verdict v)
{
    if (v == YES)
        av_docset_add(&self->sure, doc);
    else if (v == OPEN)
        av_docset_add(&self->open, doc);
}

static int64_t
moved(int64_t at, int64_t by)
{
    int64_t sum;

    if (__builtin_add_overflow(at, by, &sum))
        return by < 0 ? INT64_MIN : INT64_MAX;
    return sum;
}

/* OPEN: it has to be looked at. A local date may be any zone's away. */
static verdict
zone_of(const av_query_node *node, const av_date_zone *zone)
{
    int64_t slack = node->date == AV_QUERY_DATE_SENT_LOCAL ? ZONE_SECONDS : 0;

    if (zone->undated || zone->low > zone->high)
        return OPEN;
    if (moved(zone->high, slack) < node->from_unix_s)
        return NO;
    if (moved(zone->low, -slack) >= node->to_unix_s && node->to_unix_s != INT64_MAX)
        return NO;
    if (moved(zone->low, -slack) >= node->from_unix_s &&
        (node->to_unix_s == INT64_MAX || moved(zone->high, slack) < node->to_unix_s))
        return YES;
    return OPEN;
}

static av_errc
ask_dates(asked *self, size_t run, av_error *err)
{
    const av_evaluation *e = self->evaluation;
    const av_date_zone *zones = av_index_date_zones(e->view, run, err);
    const uint64_t *dates = zones == NULL ? NULL : av_index_numbers(e->view, run, AV_COLUMN_DATE, err);
    const uint64_t *bits = NULL;
    uint32_t count = av_run_count(e->runs[run].run), d, end;

    if (dates != NULL && self->node->date == AV_QUERY_DATE_SENT_LOCAL)
        bits = av_index_numbers(e->view, run, AV_COLUMN_BITS, err);
    if (dates == NULL || (bits == NULL && self->node->date == AV_QUERY_DATE_SENT_LOCAL))
        return err->code;
    for (d = 0; d < count; d = end) {
        verdict v = zone_of(self->node, &zones[d / AV_ZONE_DOCS]);

        end = AV_MIN(count - d, (uint32_t)AV_ZONE_DOCS) + d;
        for (uint32_t at = d; v == YES && at < end; at += 32)
            av_docset_add_bits(&self->sure, at, end - at < 32 ? (1u << (end - at)) - 1 : UINT32_MAX);
        for (uint32_t at = d; v == OPEN && at < end; at++)
            take(self, at, date_of(self->node, dates[at], bits == NULL ? 0 : bits[at]));
    }
    return AV_OK;
}

static av_errc
ask_numbers(asked *self, size_t run, av_error *err)
{
    const av_evaluation *e = self->evaluation;
    bool size = self->node->kind == AV_QUERY_SIZE;
    const uint64_t *values = av_index_numbers(e->view, run, size ? AV_COLUMN_SIZE : AV_COLUMN_BITS, err);
    uint32_t count = av_run_count(e->runs[run].run);

    if (values == NULL)
        return err->code;
    for (uint32_t d = 0; d < count; d++)
        take(self, d,
            size                                       ? size_of(self->node, values[d], e->o->crlf_sizes)
            : (values[d] & AV_DOC_HAS_ATTACHMENT) != 0 ? YES
                                                       : NO);
    return AV_OK;
}

av_errc
av_evaluate_column(av_evaluation *self, const av_query_node *node, AV_UNUSED const roaring_bitmap_t *among,
    av_bounds *ret, av_error *err)
{
    av_errc rc = AV_OK;

    for (size_t i = 0; rc == AV_OK && i < self->run_count; i++) {
        AV_CLEANUP(asked_release) asked a = { .evaluation = self, .node = node };

        av_docset_init(&a.sure, self->runs[i].first, ret->sure);
        av_docset_init(&a.open, self->runs[i].first, ret->maybe);
        rc = node->kind == AV_QUERY_DATE ? ask_dates(&a, i, err) : ask_numbers(&a, i, err);
        if (rc == AV_OK) {
            av_docset_finish(&a.sure);
            av_docset_finish(&a.open);
        }
    }
    roaring_bitmap_or_inplace(ret->maybe, ret->sure);
    return rc;
}
