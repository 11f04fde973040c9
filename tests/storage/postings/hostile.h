/*
 * hostile.h - everything that can be asked of a run whose bytes are not to be trusted
 */
#ifndef AV_TESTS_STORAGE_POSTINGS_HOSTILE_H
#define AV_TESTS_STORAGE_POSTINGS_HOSTILE_H

#include "storage/postings/run.h"

typedef struct hostile_terms {
    uint8_t bytes[4][AV_TERM_MAX];
    av_span terms[4];
    size_t n, seen;
} hostile_terms;

static inline bool
hostile_take(void *ctx, av_span term, uint64_t count)
{
    hostile_terms *t = ctx;

    (void)count;
    if (t->seen++ % 3 == 0 && t->n < AV_COUNT(t->terms)) {
        memcpy(t->bytes[t->n], term.p, term.n);
        t->terms[t->n] = av_span_of(t->bytes[t->n], term.n);
        t->n++;
    }
    return t->seen < 100000;
}

/* Any answer is fine, and any error: what is tested is that there is one. */
static inline void
hostile_ask(const av_run_source *source)
{
    static const uint32_t offsets[2] = { 0, 10 };
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    AV_CLEANUP(av_buf_release) av_buf ends = { 0 };
    roaring_bitmap_t *docs = roaring_bitmap_create(), *few;
    hostile_terms t = { .n = 0 };
    av_terms row[2];
    av_run *run = NULL;
    uint64_t frequency;
    unsigned c;
    size_t i;
    av_error err;

    if (av_run_open(source, &run, &err) != AV_OK) {
        roaring_bitmap_free(docs);
        return;
    }
    (void)av_run_check(run, &err);
    (void)av_run_each_term(run, av_span_str(""), hostile_take, &t, &err);
    for (i = 0; i < t.n; i++) {
        (void)av_run_frequency(run, t.terms[i], &frequency, &err);
        (void)av_run_docs(run, t.terms[i], AV_FIELD_ALL, NULL, 0, docs, &err);
        (void)av_run_docs(run, t.terms[i], AV_FIELD_SUBJECT, NULL, 7, docs, &err);
        few = roaring_bitmap_copy(docs);
        (void)av_run_docs(run, t.terms[i], AV_FIELD_BODY, few, 0, docs, &err);
        roaring_bitmap_free(few);
        (void)av_run_docs_prefix(run, av_span_slice(t.terms[i], 0, 1), AV_FIELD_BODY, NULL, 0, docs, &err);
    }
    for (i = 0; i + 1 < t.n; i++) {
        row[0] = (av_terms){ &t.terms[i], 1 };
        row[1] = (av_terms){ &t.terms[i + 1], t.n - i - 1 };
        (void)av_run_phrase(run, row, offsets, 2, AV_FIELD_ALL, NULL, 0, docs, &err);
        (void)av_run_near(run, row, 2, 50, AV_FIELD_ALL, NULL, 0, docs, &err);
        row[1].n = 1;
        (void)av_run_phrase(run, row, offsets, 2, AV_FIELD_ALL, NULL, 0, docs, &err);
    }
    for (c = 0; c < AV_COLUMN_NUMBERS; c++) {
        av_buf_init(&out, 1 << 20);
        (void)av_run_column(run, (av_column)c, &out, &err);
        av_buf_release(&out);
    }
    for (c = 0; c < AV_STRINGS; c++) {
        av_buf_init(&out, 1 << 20);
        av_buf_init(&ends, 1 << 20);
        (void)av_run_strings(run, (av_string_column)c, &out, &ends, &err);
        av_buf_release(&out);
        av_buf_release(&ends);
    }
    {
        av_memory_run *merged = av_memory_run_new();
        av_run_sink sink = av_memory_run_sink(merged);

        (void)av_runs_merge(&run, 1, NULL, &sink, NULL, NULL, &err);
        av_memory_run_destroy(&merged);
    }
    av_run_destroy(&run);
    roaring_bitmap_free(docs);
}

#endif
