/*
 * texts.c - what a bare word is looked for in, written out for programs that are measured beside the index
 */
#include "tools/bench/search/search.h"

#include <stdio.h>

#define NEEDS (AV_MATCH_NEED_HEADERS | AV_MATCH_NEED_DATE | AV_MATCH_NEED_BODY | AV_MATCH_NEED_FILENAMES)

static void
put(FILE *f, const void *p, size_t n)
{
    if (n > 0 && fwrite(p, 1, n, f) != n)
        bench_fail("the texts cannot be written");
}

void
search_texts(const char *mail, const char *path)
{
    av_document *document = av_document_new(0);
    bench_mail *messages = search_mail_open(mail);
    FILE *f = fopen(path, "we");
    uint64_t count = 0, bytes = 0;
    bench_lap lap = { 0 };
    uint32_t mailbox;
    av_span message;

    if (f == NULL)
        bench_fail("cannot write %s", path);
    for (; bench_mail_next(messages, &message, &mailbox); count++) {
        av_match_doc d = { 0 };
        int64_t date;

        bench_lap_start(&lap);
        (void)av_document_read(document, message, NEEDS, &d);
        bench_lap_stop(&lap);
        date = d.has_date ? d.date_unix_s : INT64_MIN;
        put(f, &date, sizeof date);
        const av_span texts[] = { d.subject, d.body, d.from, d.to, d.cc, d.filenames };

        for (size_t i = 0; i < AV_COUNT(texts); i++) {
            uint32_t n = (uint32_t)texts[i].n;

            put(f, &n, sizeof n);
            put(f, texts[i].p, n);
            bytes += n;
        }
    }
    if (fclose(f) != 0)
        bench_fail("cannot write %s", path);
    bench_json_begin("texts");
    bench_json_number("messages", (double)count);
    bench_json_number("text_bytes", (double)bytes);
    bench_json_number("cpu_seconds", lap.cpu_s);
    bench_json_end();
    bench_mail_close(&messages);
    av_document_destroy(&document);
}
