/*
 * test_list_request.c - LIST's forms and options
 */
#include "gateway/imap/list_request.h"
#include "tests/check.h"

#define SUB   AV_IMAP_LIST_SUBSCRIBED
#define REM   AV_IMAP_LIST_REMOTE
#define REC   AV_IMAP_LIST_RECURSIVE
#define USE   AV_IMAP_LIST_SPECIAL_USE
#define CHILD AV_IMAP_LIST_CHILDREN
#define MINE  AV_IMAP_LIST_MYRIGHTS
#define STAT  AV_IMAP_LIST_STATUS

static const struct {
    const char *in;
    bool utf8;
    av_errc want;
    bool extended, asks_root;
    unsigned select, ret;
    size_t count;
    const char *first, *last;
} cases[] = {
    { "\"\" *", false, AV_OK, false, false, 0, 0, 1, "*", "*" },
    { "\"\" \"\"", false, AV_OK, false, true, 0, 0, 1, "", "" },
    { "alice/ \"\"", false, AV_OK, false, true, 0, 0, 1, "alice/", "alice/" },
    { "alice/ %", false, AV_OK, false, false, 0, 0, 1, "alice/%", "alice/%" },
    { "{2}\r\na/ {1+}\r\n%", false, AV_OK, false, false, 0, 0, 1, "a/%", "a/%" },
    { "\"\" \"Entw&APw-r*\"", false, AV_OK, false, false, 0, 0, 1, "Entw\xc3\xbcr*", "Entw\xc3\xbcr*" },
    { "\"\" \"Entw\xc3\xbcr*\"", true, AV_OK, false, false, 0, 0, 1, "Entw\xc3\xbcr*", "Entw\xc3\xbcr*" },
    { "\"\" \"Entw\xc3\xbcr*\"", false, AV_OK, false, false, 0, 0, 0, NULL, NULL },
    { "\"\" \"&\"", false, AV_OK, false, false, 0, 0, 0, NULL, NULL },
    { "() \"\" %", false, AV_OK, true, false, 0, 0, 1, "%", "%" },
    { "() \"\" \"\"", false, AV_OK, true, false, 0, 0, 1, "", "" }, /* RFC 5258, 3 */
    { "\"\" (\"a\" b% c)", false, AV_OK, true, false, 0, 0, 3, "a", "c" },
    { "(SUBSCRIBED) \"\" *", false, AV_OK, true, false, SUB, 0, 1, "*", "*" },
    { "(Remote recursivematch Subscribed special-use) \"\" *", false, AV_OK, true, false, SUB | REM | REC | USE, 0, 1,
        "*", "*" },
    { "\"\" % RETURN ()", false, AV_OK, true, false, 0, 0, 1, "%", "%" },
    { "\"\" \"\" RETURN (CHILDREN)", false, AV_OK, true, false, 0, CHILD, 1, "", "" },
    { "\"\" (a b) return (subscribed children special-use myrights status (messages uidnext))", false, AV_OK, true,
        false, 0, SUB | CHILD | USE | MINE | STAT, 2, "a", "b" },
    { "(RECURSIVEMATCH) \"\" *", false, AV_ERR_SYNTAX, false, false, 0, 0, 0, NULL, NULL },
    { "(REMOTE RECURSIVEMATCH) \"\" *", false, AV_ERR_SYNTAX, false, false, 0, 0, 0, NULL, NULL },
    { "(CHILDREN) \"\" *", false, AV_ERR_SYNTAX, false, false, 0, 0, 0, NULL, NULL },
    { "(SUBSCRIBED  REMOTE) \"\" *", false, AV_ERR_SYNTAX, false, false, 0, 0, 0, NULL, NULL },
    { "(SUBSCRIBED)\"\" *", false, AV_ERR_SYNTAX, false, false, 0, 0, 0, NULL, NULL },
    { "\"\"", false, AV_ERR_SYNTAX, false, false, 0, 0, 0, NULL, NULL },
    { "\"\" ()", false, AV_ERR_SYNTAX, false, false, 0, 0, 0, NULL, NULL },
    { "\"\" (a", false, AV_ERR_SYNTAX, false, false, 0, 0, 0, NULL, NULL },
    { "\"\" * RETURN", false, AV_ERR_SYNTAX, false, false, 0, 0, 0, NULL, NULL },
    { "\"\" * RETURN (REMOTE)", false, AV_ERR_SYNTAX, false, false, 0, 0, 0, NULL, NULL },
    { "\"\" * RETURN (STATUS)", false, AV_ERR_SYNTAX, false, false, 0, 0, 0, NULL, NULL },
    { "\"\" * RETURN (STATUS ())", false, AV_ERR_SYNTAX, false, false, 0, 0, 0, NULL, NULL },
    { "\"\" * RETURN (CHILDREN) x", false, AV_ERR_SYNTAX, false, false, 0, 0, 0, NULL, NULL },
    { "% *", false, AV_ERR_SYNTAX, false, false, 0, 0, 0, NULL, NULL }, /* a reference has no wildcards bare */
    { "", false, AV_ERR_SYNTAX, false, false, 0, 0, 0, NULL, NULL },
};

static void
test_cases(void)
{
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        av_imap_list_request got;
        av_error err;
        av_errc rc = av_imap_list_request_parse(av_span_str(cases[i].in), cases[i].utf8, &got, &err);

        av_check_row = (long)i;
        AV_CHECK_RC(rc, cases[i].want, &err);
        if (rc == AV_OK) {
            AV_CHECK(got.extended == cases[i].extended && got.asks_root == cases[i].asks_root);
            AV_CHECK_INT(got.select, cases[i].select);
            AV_CHECK_INT(got.ret, cases[i].ret);
            AV_CHECK_INT(got.count, cases[i].count);
            if (got.count > 0) {
                AV_CHECK_STR(av_buf_cstr(&got.patterns[0]), cases[i].first);
                AV_CHECK_STR(av_buf_cstr(&got.patterns[got.count - 1]), cases[i].last);
            }
        }
        av_imap_list_request_release(&got);
    }
}

static void
check_limit(size_t patterns, size_t bytes, av_errc want)
{
    AV_CLEANUP(av_buf_release) av_buf in = { 0 };
    av_imap_list_request got;
    av_error err;

    av_buf_init(&in, 1 << 20);
    (void)av_buf_puts(&in, "\"\" (");
    for (size_t i = 0; i < patterns; i++) {
        if (i > 0)
            (void)av_buf_putc(&in, ' ');
        for (size_t k = 0; k < bytes; k++)
            (void)av_buf_putc(&in, 'x');
    }
    (void)av_buf_puts(&in, ")");
    AV_CHECK_RC(av_imap_list_request_parse(av_buf_span(&in), false, &got, &err), want, &err);
    av_imap_list_request_release(&got);
}

static void
test_limits(void)
{
    check_limit(AV_IMAP_LIST_PATTERNS_MAX, 3, AV_OK);
    check_limit(AV_IMAP_LIST_PATTERNS_MAX + 1, 3, AV_ERR_LIMIT);
    check_limit(1, 1024, AV_OK);
    check_limit(1, 1025, AV_ERR_LIMIT);
}

int
main(void)
{
    AV_RUN(test_cases);
    AV_RUN(test_limits);
    return av_check_done();
}
