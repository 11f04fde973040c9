/*
 * fuzz_words.c - any bytes as header text, as parameters, as a charset's bytes and as a date
 */
#include "base/unicode.h"
#include "storage/mime/charset.h"
#include "storage/mime/date.h"
#include "storage/mime/param.h"
#include "storage/mime/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    av_span in = av_span_of(data, size), head, charset;
    AV_CLEANUP(av_buf_release) av_buf out = { .max = 4 << 20 };
    AV_CLEANUP(av_buf_release) av_buf few = { .max = 7 };
    AV_CLEANUP(av_mime_pool_release) av_mime_pool pool;
    av_mime_param params[AV_MIME_PARAMS_MAX];
    av_mime_date date;
    size_t n;

    av_mime_pool_init(&pool, 1 << 20);
    (void)av_words_decode(in, &out);
    (void)av_words_decode(in, &few);
    n = av_mime_params_parse(in, &pool, &head, params, AV_COUNT(params));
    (void)av_mime_param_decode(params, n, "filename", &out);
    (void)av_mime_param_decode(params, n, "name", &out);
    charset = av_span_slice(in, 0, av_span_find(in, '\n'));
    (void)av_charset_to_utf8(charset, av_span_skip(in, charset.n), &out);
    if (!av_utf8_valid(av_buf_span(&out)) || !av_utf8_valid(av_buf_span(&few)))
        abort();
    if (av_mime_date_parse(in, &date) && (date.unix_s < -3000000000 || date.unix_s > 300000000000))
        abort();
    return 0;
}
