/*
 * test_basic.c - Authorization headers
 */
#include "gateway/http/basic.h"
#include "tests/check.h"

static const struct {
    const char *in, *user, *password; /* user NULL: refused */
} cases[] = {
    { "Basic YWRtaW46c2VjcmV0", "admin", "secret" }, { "basic YWRtaW46c2VjcmV0", "admin", "secret" },
    { "BASIC   YWRtaW46c2VjcmV0  ", "admin", "secret" }, { "Basic YWRtaW46", "admin", "" },
    { "Basic YTpiOmM=", "a", "b:c" },             /* RFC 7617, 2: the first colon parts */
    { "Basic w6Q6w7Y=", "\xc3\xa4", "\xc3\xb6" }, /* RFC 7617, 2.1 */
    { "Basic", NULL, NULL }, { "Basic ", NULL, NULL }, { "BasicYWRtaW46c2VjcmV0", NULL, NULL },
    { "Bearer YWRtaW46c2VjcmV0", NULL, NULL }, { "Basic YWRtaW4=", NULL, NULL }, /* no colon */
    { "Basic OnNlY3JldA==", NULL, NULL },                                        /* no user */
    { "Basic !!!!", NULL, NULL }, { "Basic YWRtaW46c2VjcmV", NULL, NULL },       /* padding lost */
    { "Basic /zphYQ==", NULL, NULL },                                            /* not UTF-8 */
    { "Basic YQBiOmM=", NULL, NULL },                                            /* NUL inside */
    { "Basic YTpiCg==", NULL, NULL },                                            /* line end inside */
};

static void
test_cases(void)
{
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        AV_CLEANUP(av_http_basic_release) av_http_basic got = { 0 };

        av_check_row = (long)i;
        AV_CHECK(av_http_basic_parse(av_span_str(cases[i].in), &got) == (cases[i].user != NULL));
        if (cases[i].user != NULL) {
            AV_CHECK_STR(got.user, cases[i].user);
            AV_CHECK_STR(got.password, cases[i].password);
        } else {
            AV_CHECK(got.user == NULL && got.password == NULL);
        }
    }
}

static void
test_too_long(void)
{
    AV_CLEANUP(av_http_basic_release) av_http_basic got = { 0 };
    AV_CLEANUP(av_buf_release) av_buf in = { 0 };

    av_buf_init(&in, 4096);
    av_buf_puts(&in, "Basic YTpi");
    while (in.n <= AV_HTTP_BASIC_MAX)
        av_buf_puts(&in, "YWFh");
    AV_CHECK(!av_http_basic_parse(av_buf_span(&in), &got));
}

int
main(void)
{
    AV_RUN(test_cases);
    AV_RUN(test_too_long);
    return av_check_done();
}
