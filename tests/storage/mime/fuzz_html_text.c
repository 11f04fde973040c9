/*
 * fuzz_html_text.c - any bytes as HTML (in UTF-8, as html_text.h asks)
 */
#include "base/unicode.h"
#include "storage/mime/charset.h"
#include "storage/mime/html_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AV_CLEANUP(av_buf_release) av_buf html = { .max = 4 << 20 };
    AV_CLEANUP(av_buf_release) av_buf out = { .max = 4 << 20 };
    AV_CLEANUP(av_buf_release) av_buf few = { .max = 9 };

    (void)av_charset_guess(av_span_of(data, size), &html);
    (void)av_html_text(av_buf_span(&html), &out);
    (void)av_html_text(av_buf_span(&html), &few);
    if (!av_utf8_valid(av_buf_span(&out)) || !av_utf8_valid(av_buf_span(&few)) || out.n > html.n)
        abort();
    return 0;
}
