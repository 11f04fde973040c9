/*
 * test_mutf7.c - mailbox names in modified UTF-7, both ways; what is not the one right form is refused
 */
#include "base/mutf7.h"

#include "tests/check.h"

static void
test_both_ways(void)
{
    static const struct {
        const char *coded, *utf8;
    } cases[] = {
        { "", "" },
        { "INBOX", "INBOX" },
        { "a&-b", "a&b" },
        { "Entw&APw-rfe", "Entw\xc3\xbcrfe" },
        { "~peter/mail/&U,BTFw-/&ZeVnLIqe-",
            "~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e" },
        { "&2D3eAA-", "\xf0\x9f\x98\x80" },
        { "&AOQA9g-&-&APw-", "\xc3\xa4\xc3\xb6&\xc3\xbc" },
    };

    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        av_buf b;

        av_check_row = (long)i;
        av_buf_init(&b, 256);
        AV_CHECK(av_mutf7_decode(av_span_str(cases[i].coded), &b));
        AV_CHECK_STR(av_buf_cstr(&b), cases[i].utf8);
        av_buf_clear(&b);
        AV_CHECK(av_mutf7_encode(av_span_str(cases[i].utf8), &b));
        AV_CHECK_STR(av_buf_cstr(&b), cases[i].coded);
        av_buf_release(&b);
    }
}

static void
test_refused(void)
{
    static const char *const cases[] = {
        "&",
        "&APw",
        "&A-",
        "&AP-",
        "&APx-",    /* the last: bits left over */
        "&AGE-",    /* "a" needs no coding */
        "&2D0-",    /* first half of a pair */
        "&3gA-",    /* second half */
        "&2D0A5A-", /* half a pair, then a letter */
        "&AP!-",
        "&AAA-", /* NUL */
        "\xc3\xbc",
        "a\tb",
    };

    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        av_buf b;

        av_check_row = (long)i;
        av_buf_init(&b, 256);
        (void)av_buf_puts(&b, "kept");
        AV_CHECK(!av_mutf7_decode(av_span_str(cases[i]), &b));
        AV_CHECK_STR(av_buf_cstr(&b), "kept");
        av_buf_release(&b);
    }
}

static void
test_ceilings(void)
{
    av_buf b;

    av_buf_init(&b, 3);
    AV_CHECK(!av_mutf7_encode(av_span_str("\xc3\xbc"), &b));
    AV_CHECK_INT(b.n, 0);
    av_buf_clear(&b);
    AV_CHECK(!av_mutf7_encode(av_span_str("\xff"), &b));
    AV_CHECK(!av_mutf7_decode(av_span_str("abcd"), &b));
    AV_CHECK_INT(b.n, 0);
    av_buf_release(&b);
}

int
main(void)
{
    AV_RUN(test_both_ways);
    AV_RUN(test_refused);
    AV_RUN(test_ceilings);
    return av_check_done();
}
