/*
 * fuzz_form.c - any bytes as a form: what comes out is UTF-8, named, and no larger than what went in
 */
#include "base/unicode.h"
#include "gateway/http/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    av_http_form form = { 0 };
    av_error err;
    size_t bytes = 0;

    if (av_http_form_parse(av_span_of(data, n), &form, &err) != AV_OK) {
        assert(err.msg[0] != '\0' && form.fields == NULL);
        return 0;
    }
    for (size_t i = 0; i < form.count; i++) {
        assert(form.fields[i].key.n > 0);
        assert(av_utf8_valid(form.fields[i].key) && av_utf8_valid(form.fields[i].value));
        bytes += form.fields[i].key.n + form.fields[i].value.n;
    }
    assert(bytes <= n);
    av_http_form_release(&form);
    return 0;
}
