/* test_words.c - RFC 2047 words and raw bytes of headers */
#include "storage/mime/words.h"

#include "base/unicode.h"
#include "tests/check.h"

static const struct {
    const char *in, *want;
} cases[] = {
    { "plain text", "plain text" },
    { " outer  blanks ", "outer  blanks" },
    { "=?utf-8?Q?caf=C3=A9?=", "caf\xC3\xA9" },
    { "=?UTF-8?b?w6k=?= x", "\xC3\xA9 x" },
    { "=?iso-8859-1?q?a_b=5Fc?=", "a b_c" },
    { "=?utf-8?q?a?= =?utf-8?q?b?=", "ab" }, /* RFC 2047, 6.2 */
    { "=?utf-8?q?a?=\r\n =?utf-8?q?b?=", "ab" },
    { "=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c" },
    { "=?utf-8?Q?=C3?= =?utf-8?Q?=A9?=", "\xC3\xA9" }, /* a character cut across words */
    { "=?utf-8?B?w6=?= =?UTF-8?Q?x?=", "\xEF\xBF\xBDx" },
    { "=?iso-2022-jp?B?GyRCJCIbKEI=?=", "\xE3\x81\x82" },
    { "=?gb2312?B?xOO6ww==?=", "\xE4\xBD\xA0\xE5\xA5\xBD" },
    { "=?utf-8*en?q?x?=", "x" },            /* RFC 2231, 5 */
    { "pre=?utf-8?q?x?=post", "prexpost" }, /* no blanks around: tolerated */
    { "=?utf-8?q?What?\?=", "What?" },
    { "=?utf-8?q?with blanks?=", "with blanks" },
    { "=?utf-8?x?abc?=", "=?utf-8?x?abc?=" }, /* broken: stays */
    { "=?utf-8?q?never ends", "=?utf-8?q?never ends" },
    { "=?utf-8?q", "=?utf-8?q" },
    { "=??q?x?=", "=??q?x?=" },
    { "=?no-such-charset?q?a=E9?=", "a\xC3\xA9" },
    { "raw \xC3\xA9", "raw \xC3\xA9" },
    { "raw \xE9 \x80", "raw \xC3\xA9 \xE2\x82\xAC" }, /* windows-1252 */
    { "=?utf-8?q?x?= raw \xE9", "x raw \xC3\xA9" },
    { "a\r\n\tb\x01", "a b" },
    { "=?utf-8?q?a=0Ab=00?=", "a b\xEF\xBF\xBD" },
    { "", "" },
};

static void
test_table(void)
{
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        AV_CLEANUP(av_buf_release) av_buf out = { .max = 1000 };

        av_check_row = (long)i;
        AV_CHECK(av_words_decode(av_span_str(cases[i].in), &out));
        AV_CHECK_STR(av_buf_cstr(&out), cases[i].want);
    }
}

static void
test_ceiling(void)
{
    AV_CLEANUP(av_buf_release) av_buf out = { .max = 4 };

    AV_CHECK(!av_words_decode(av_span_str("abc\xC3\xA9"), &out));
    AV_CHECK_STR(av_buf_cstr(&out), "abc");
}

/* Rows of half words took quadratic time once: a megabyte of each must be quick. */
static void
test_hostile(void)
{
    static const char *const units[] = { "=?", "=?a?q?", "=?a?b?=", "=?=", "?==?a?q?x" };

    for (size_t u = 0; u < AV_COUNT(units); u++) {
        AV_CLEANUP(av_buf_release) av_buf in = { .max = 1 << 20 };
        AV_CLEANUP(av_buf_release) av_buf out = { .max = 4 << 20 };

        while (av_buf_puts(&in, units[u]))
            ;
        (void)av_words_decode(av_buf_span(&in), &out);
        AV_CHECK(av_utf8_valid(av_buf_span(&out)));
    }
}

int
main(void)
{
    AV_RUN(test_table);
    AV_RUN(test_ceiling);
    AV_RUN(test_hostile);
    return av_check_done();
}
