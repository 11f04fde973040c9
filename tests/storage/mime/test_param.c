/* test_param.c - parameters of structured MIME fields */
#include "storage/mime/param.h"

#include "tests/check.h"

static const struct {
    const char *in, *head, *name, *want; /* want NULL: no such parameter */
} cases[] = {
    { "text/plain", "text/plain", "charset", NULL },
    { " Text/HTML ; Charset=\"UTF-8\"", "text/html", "charset", "UTF-8" },
    { "text/plain; charset = utf-8 (comment)", "text/plain", "charset", "utf-8" },
    { "text / plain (c) ; x=y", "text/plain", "x", "y" },
    { "a/b;;; x=1;", "a/b", "x", "1" },
    { "a/b; x=\"q\\\"uo\\\\te\"", "a/b", "x", "q\"uo\\te" },
    { "a/b; filename=\"c:\\dir\\f.txt\"", "a/b", "filename", "c:\\dir\\f.txt" },
    { "a/b; name=my file.txt; y=2", "a/b", "name", "my file.txt" },
    { "a/b; name=\"fold\r\n ed\"", "a/b", "name", "fold ed" },
    { "a/b; name=\"never ends", "a/b", "name", "never ends" },
    { "a/b; junk; name=x", "a/b", "name", "x" },
    { "a/b; name*=utf-8'en'%C3%A9.txt; name=plain", "a/b", "name", "\xC3\xA9.txt" }, /* RFC 2231, 4 */
    { "a/b; name*1=b; name*0=a", "a/b", "name", "ab" },                              /* RFC 2231, 3 */
    { "a/b; name*0*=utf-8''%C3; name*1*=%A9; name*2=.pdf", "a/b", "name", "\xC3\xA9.pdf" },
    { "a/b; name*=iso-8859-1''%E9", "a/b", "name", "\xC3\xA9" },
    { "a/b; name*=%41", "a/b", "name", "A" },
    { "a/b; name=\"=?utf-8?Q?=C3=A9?=\"", "a/b", "name", "\xC3\xA9" },
    { "a/b; name=\xE9", "a/b", "name", "\xC3\xA9" },
    { "", "", "x", NULL },
    { ";", "", "x", NULL },
    { "(((", "", "x", NULL },
};

static void
test_table(void)
{
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        AV_CLEANUP(av_mime_pool_release) av_mime_pool pool;
        AV_CLEANUP(av_buf_release) av_buf out = { .max = 1000 };
        av_mime_param params[AV_MIME_PARAMS_MAX];
        av_span head;
        size_t n;
        bool found;

        av_mime_pool_init(&pool, 100000);
        av_check_row = (long)i;
        n = av_mime_params_parse(av_span_str(cases[i].in), &pool, &head, params, AV_COUNT(params));
        AV_CHECK_MEM(head.p, head.n, cases[i].head, strlen(cases[i].head));
        found = av_mime_param_decode(params, n, cases[i].name, &out);
        AV_CHECK(found == (cases[i].want != NULL));
        if (found)
            AV_CHECK_STR(av_buf_cstr(&out), cases[i].want);
    }
}

static void
test_limits(void)
{
    AV_CLEANUP(av_buf_release) av_buf in = { .max = 1 << 20 };
    AV_CLEANUP(av_mime_pool_release) av_mime_pool pool;
    av_mime_param params[3];
    av_span head;

    av_mime_pool_init(&pool, 1000);
    while (av_buf_puts(&in, "; a=bbbbbbbbbbbbb"))
        ;
    AV_CHECK_INT(av_mime_params_parse(av_buf_span(&in), &pool, &head, params, 3), 3);
    AV_CHECK(av_span_eq_str(av_mime_param_raw(params, 3, "a"), "bbbbbbbbbbbbb"));
}

int
main(void)
{
    AV_RUN(test_table);
    AV_RUN(test_limits);
    return av_check_done();
}
