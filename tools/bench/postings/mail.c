/*
 * mail.c - a pack of messages in memory, their texts decoded
 */
#include <stdio.h>
#include <sys/resource.h>

#include "storage/index/document.h"
#include "tools/bench/postings/bench.h"

double
bench_cpu_s(void)
{
    struct rusage u;

    (void)getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

void
bench_fine(av_errc rc, const av_error *err)
{
    if (rc == AV_OK)
        return;
    (void)fprintf(stderr, "bench-postings: %s\n", err->msg);
    exit(1);
}

static void
read_pack(bench_mail *self, const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *to;
    size_t n;

    if (f == NULL) {
        (void)fprintf(stderr, "bench-postings: cannot open %s\n", path);
        exit(1);
    }
    av_buf_init(&self->pack, SIZE_MAX / 2);
    do {
        to = av_buf_reserve(&self->pack, 1 << 20);
        n = fread(to, 1, 1 << 20, f);
        self->pack.n += n;
    } while (n > 0);
    (void)fclose(f);
}

/* Keep a copy of s; offsets until all are there, as the buffer moves. */
static av_span
keep(bench_mail *self, av_span s)
{
    size_t at = self->texts.n;

    (void)av_buf_append_span(&self->texts, s);
    self->text_bytes += s.n;
    return av_span_of((const uint8_t *)(uintptr_t)at, s.n);
}

static void
read_texts(bench_mail *self)
{
    const uint32_t needs = AV_MATCH_NEED_HEADERS | AV_MATCH_NEED_DATE | AV_MATCH_NEED_BODY | AV_MATCH_NEED_FILENAMES;
    av_document *document = av_document_new(0);
    uint32_t i, f;

    for (i = 0; i < self->n; i++) {
        bench_message *m = &self->messages[i];
        av_match_doc doc = { 0 };

        (void)av_document_read(document, m->raw, needs, &doc);
        m->fields[0] = keep(self, doc.subject);
        m->fields[1] = keep(self, doc.body);
        m->fields[2] = keep(self, doc.from);
        m->fields[3] = keep(self, doc.to);
        m->fields[4] = keep(self, doc.cc);
        m->fields[5] = keep(self, doc.bcc);
        m->fields[6] = keep(self, doc.filenames);
        m->facts.numbers[AV_COLUMN_LSN] = UINT64_C(1) << 32 | (uint64_t)(m->raw.p - self->pack.p);
        m->facts.numbers[AV_COLUMN_DATE] = doc.has_date ? (uint64_t)doc.date_unix_s : (uint64_t)INT64_MIN;
        m->facts.numbers[AV_COLUMN_SIZE] = m->raw.n;
        m->facts.numbers[AV_COLUMN_BITS] =
            (uint64_t)(doc.date_zone_min + 2048) << 48 | (doc.has_attachment ? AV_DOC_HAS_ATTACHMENT : 0);
    }
    for (i = 0; i < self->n; i++) {
        bench_message *m = &self->messages[i];

        for (f = 0; f < AV_FIELD_COUNT; f++)
            m->fields[f].p = m->fields[f].n == 0 ? NULL : self->texts.p + (uintptr_t)m->fields[f].p;
        m->facts.strings[AV_STRING_FROM] = m->fields[2];
        m->facts.strings[AV_STRING_SUBJECT] = m->fields[0];
    }
    av_document_destroy(&document);
}

void
bench_mail_load(bench_mail *self, const char *path)
{
    uint32_t mailbox, length;
    av_span s, raw;
    size_t cap = 0;
    double from;

    read_pack(self, path);
    s = av_buf_span(&self->pack);
    while (av_span_get_u32(&s, &mailbox) && av_span_get_u32(&s, &length) && av_span_get_bytes(&s, length, &raw)) {
        if (self->n == cap) {
            cap = AV_MAX(cap * 2, 4096);
            self->messages = av_xrealloc(self->messages, cap * sizeof *self->messages);
        }
        self->messages[self->n++] = (bench_message){ .raw = raw };
        self->raw_bytes += raw.n;
    }
    av_buf_init(&self->texts, SIZE_MAX / 2);
    from = bench_cpu_s();
    read_texts(self);
    self->text_s = bench_cpu_s() - from;
    printf("%u messages, %.1f MB raw, %.1f MB of text in %.2f s CPU\n", self->n, (double)self->raw_bytes / 1e6,
        (double)self->text_bytes / 1e6, self->text_s);
}

void
bench_mail_release(bench_mail *self)
{
    av_buf_release(&self->pack);
    av_buf_release(&self->texts);
    free(self->messages);
}

void
bench_mail_add(const bench_mail *self, av_builder *builder, uint32_t from, uint32_t to)
{
    uint32_t i, f;

    for (i = from; i < to; i++) {
        av_builder_begin(builder, &self->messages[i].facts);
        for (f = 0; f < AV_FIELD_COUNT; f++)
            av_builder_text(builder, (av_text_field)(1 << f), self->messages[i].fields[f]);
    }
}
