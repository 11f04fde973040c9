/*
 * fuzz_basic.c - any bytes as an Authorization header
 */
#include "gateway/http/basic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    av_http_basic got = { 0 };

    if (!av_http_basic_parse(av_span_of(data, n), &got)) {
        assert(got.user == NULL && got.password == NULL);
        return 0;
    }
    assert(got.user[0] != '\0' && strchr(got.user, ':') == NULL);
    assert(strlen(got.user) + strlen(got.password) < n);
    av_http_basic_release(&got);
    return 0;
}
