/*
 * test_path.c - the spellings of paths that clients use, and those that are refused
 */
#include "gateway/http/path.h"
#include "tests/check.h"

static const struct {
    const char *in, *want; /* want NULL: refused */
} cases[] = {
    { "/", "/" },
    { "//", "/" },
    { "/api/get-status", "/api/get-status" },
    { "/api//get-status", "/api/get-status" },
    { "/api/invoke/GetWorkerResults/", "/api/invoke/GetWorkerResults" },
    { "///api///invoke///X///", "/api/invoke/X" },
    { "/api/invoke/Get%55sers", "/api/invoke/GetUsers" },
    { "/a+b", "/a+b" },
    { "/%C3%A4", "/\xc3\xa4" },
    { "", NULL },
    { "api/x", NULL },
    { "*", NULL },
    { "/a/../b", NULL },
    { "/a/%2e%2E/b", NULL },
    { "/a/./b", NULL },
    { "/a%2Fb", NULL },
    { "/a%00b", NULL },
    { "/a%0d%0ab", NULL },
    { "/a%7f", NULL },
    { "/a%", NULL },
    { "/a%4", NULL },
    { "/a%zz", NULL },
    { "/%ff", NULL },
    { "/%C3", NULL },
};

static void
test_spellings(void)
{
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        AV_CLEANUP(av_buf_release) av_buf out = { 0 };

        av_check_row = (long)i;
        av_buf_init(&out, 1024);
        AV_CHECK(av_http_path_normalise(av_span_str(cases[i].in), &out) == (cases[i].want != NULL));
        AV_CHECK_STR(av_buf_cstr(&out), cases[i].want == NULL ? "" : cases[i].want);
    }
}

static void
test_too_long(void)
{
    AV_CLEANUP(av_buf_release) av_buf in = { 0 }, out = { 0 };

    av_buf_init(&in, 4096);
    av_buf_init(&out, 4096);
    av_buf_putc(&in, '/');
    while (in.n < AV_HTTP_PATH_MAX)
        av_buf_putc(&in, 'a');
    AV_CHECK(av_http_path_normalise(av_buf_span(&in), &out));
    av_buf_clear(&out);
    av_buf_putc(&in, 'a');
    AV_CHECK(!av_http_path_normalise(av_buf_span(&in), &out));
    AV_CHECK_INT(out.n, 0);
}

int
main(void)
{
    AV_RUN(test_spellings);
    AV_RUN(test_too_long);
    return av_check_done();
}
