/*
 * fuzz_path.c - any bytes as a path: what comes out is canonical, and stays as it is when normalised again
 */
#include "base/unicode.h"
#include "gateway/http/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    AV_CLEANUP(av_buf_release) av_buf once = { 0 }, again = { 0 };

    av_buf_init(&once, 4096);
    av_buf_init(&again, 4096);
    if (!av_http_path_normalise(av_span_of(data, n), &once)) {
        assert(once.n == 0);
        return 0;
    }
    assert(once.n >= 1 && once.n <= AV_HTTP_PATH_MAX && once.p[0] == '/');
    assert(once.n == 1 || once.p[once.n - 1] != '/');
    assert(av_utf8_valid(av_buf_span(&once)));
    assert(memmem(once.p, once.n, "//", 2) == NULL && memmem(once.p, once.n, "/../", 4) == NULL);
    /* Only a path without a percent sign is left alone by a second pass. */
    if (memchr(once.p, '%', once.n) == NULL) {
        assert(av_http_path_normalise(av_buf_span(&once), &again));
        assert(av_span_eq(av_buf_span(&once), av_buf_span(&again)));
    }
    return 0;
}
