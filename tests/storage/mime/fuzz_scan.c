/*
 * fuzz_scan.c - any bytes as a message: scan, summary, text, IMAP items, and what must hold for them
 */
#include <stdio.h>

#include "base/unicode.h"
#include "storage/mime/imap_items.h"
#include "storage/mime/summary.h"
#include "storage/mime/text.h"
#include "tests/storage/mime/imap_check.h"
#include "tests/storage/mime/mime_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            (void)fprintf(stderr, "fuzz_scan.c:%d: does not hold: %s\n", __LINE__, #condition);                        \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* Every part found by its number gives the bytes of its offsets. */
static void
try_sections(const av_mime *m, av_buf *out)
{
    static const char *const specs[] = { "", "HEADER", "TEXT", "1", "1.MIME", "1.HEADER", "1.TEXT", "2.1", "1.1.1",
        "HEADER.FIELDS (subject from)", "HEADER.FIELDS.NOT (received)", "2.HEADER.FIELDS (date)" };
    AV_CLEANUP(av_free) av_imap_section *section = av_xalloc(sizeof *section);
    bool found;

    for (size_t i = 0; i < AV_COUNT(specs); i++) {
        av_span span;

        MUST(av_imap_section_parse(av_span_str(specs[i]), section));
        av_buf_clear(out);
        MUST(av_imap_section_append(m, section, out, &found));
        if (av_imap_section_span(m, section, &span))
            MUST(found && out->n == av_crlf_size_of(span));
        if (i == 0)
            MUST(found && out->n == m->crlf_bytes);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const av_mime_limits small = { .parts = 5, .depth = 2, .header_bytes = 100 };
    AV_CLEANUP(av_mime_release) av_mime m;
    AV_CLEANUP(av_mime_summary_release) av_mime_summary s;
    AV_CLEANUP(av_buf_release) av_buf out = { .max = 16 << 20 };
    AV_CLEANUP(av_buf_release) av_buf body = { .max = 16 << 20 };
    AV_CLEANUP(av_buf_release) av_buf few = { .max = 50 };

    av_mime_init(&m);
    av_mime_summary_init(&s);
    av_mime_scan(av_span_of(data, size), &small, &m);
    MUST(mime_check(&m) == NULL && m.count <= small.parts);
    av_mime_scan(av_span_of(data, size), NULL, &m);
    MUST(mime_check(&m) == NULL);
    av_mime_summary_of(&m, &s);
    MUST(imap_check_list(av_buf_span(&s.envelope)) && s.envelope.n <= AV_IMAP_ENVELOPE_MAX);
    MUST(imap_check_list(av_buf_span(&s.bodystructure)));
    MUST(av_utf8_valid(av_buf_span(&s.subject)) && av_utf8_valid(av_buf_span(&s.from)));
    MUST(av_utf8_valid(av_buf_span(&s.attachments)) && av_utf8_valid(av_buf_span(&s.preview)));
    MUST(av_imap_bodystructure(&m, false, &out) && imap_check_list(av_buf_span(&out)));
    MUST(av_imap_body_of(av_buf_span(&s.bodystructure), &body));
    if (size < 65536) /* else the one may have met its ceiling and the other not */
        MUST(av_span_eq(av_buf_span(&body), av_buf_span(&out)));
    av_buf_clear(&body);
    (void)av_imap_body_of(av_span_of(data, size), &body);
    av_buf_clear(&out);
    (void)av_mime_text(&m, AV_TEXT_SEARCH, &out);
    MUST(av_utf8_valid(av_buf_span(&out)));
    (void)av_mime_text(&m, 0, &few);
    MUST(av_utf8_valid(av_buf_span(&few)) && few.n <= 50);
    try_sections(&m, &out);
    return 0;
}
