/*
 * bench.h - what the files of bench-postings share
 */
#ifndef AV_TOOLS_BENCH_POSTINGS_BENCH_H
#define AV_TOOLS_BENCH_POSTINGS_BENCH_H

#include "base/buf.h"
#include "storage/postings/run.h"

/* The texts of a message, decoded: one span for each bit of av_text_field. */
typedef struct bench_message {
    av_span raw;
    av_span fields[AV_FIELD_COUNT];
    av_doc_facts facts;
} bench_message;

typedef struct bench_mail {
    av_buf pack, texts;
    bench_message *messages;
    uint32_t n;
    uint64_t raw_bytes, text_bytes;
    double text_s; /* CPU seconds of decoding */
} bench_mail;

/* Ends the program with a sentence when the pack cannot be read. */
void bench_mail_load(bench_mail *self, const char *path);
void bench_mail_release(bench_mail *self);
/* Add messages from to to - 1. */
void bench_mail_add(const bench_mail *self, av_builder *builder, uint32_t from, uint32_t to);

double bench_cpu_s(void);
/* rc must be AV_OK. */
void bench_fine(av_errc rc, const av_error *err);

int bench_build(const bench_mail *mail, uint32_t documents);
int bench_merge(const bench_mail *mail, uint32_t documents);
int bench_query(const bench_mail *mail, uint32_t documents);

#endif
