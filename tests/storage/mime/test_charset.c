/* test_charset.c - charsets to UTF-8 */
#include "storage/mime/charset.h"

#include "base/unicode.h"
#include "tests/check.h"

static const struct {
    const char *charset, *in, *want;
} cases[] = {
    { "utf-8", "\xC3\xA9", "\xC3\xA9" },
    { "UTF8",
        "a\xFF"
        "b",
        "a\xEF\xBF\xBD"
        "b" },
    { "\"utf-8\"", "x", "x" },
    { "", "\xC3\xA9", "\xC3\xA9" },
    { "", "\xE9", "\xC3\xA9" },
    { "us-ascii", "\x93q\x94", "\xE2\x80\x9Cq\xE2\x80\x9D" },
    { "iso-8859-1", "\x80", "\xE2\x82\xAC" }, /* read as windows-1252 */
    { "ISO-8859-15", "\xA4", "\xE2\x82\xAC" },
    { "windows-1251", "\xCF\xF0", "\xD0\x9F\xD1\x80" },
    { "koi8-r", "\xF0", "\xD0\x9F" },
    { "gb2312", "\xC4\xE3", "\xE4\xBD\xA0" },
    { "gbk", "\x81\x30\x81\x30", "\xC2\x80" }, /* four bytes: GB18030 */
    { "shift_jis", "\x82\xA0", "\xE3\x81\x82" },
    { "euc-kr", "\xB0\xA1", "\xEA\xB0\x80" },
    { "big5", "\xA7\x41", "\xE4\xBD\xA0" },
    { "utf-7", "+AOk-", "\xC3\xA9" },
    { "big5",
        "a\xFF\xFF"
        "b",
        "a\xEF\xBF\xBD\xEF\xBF\xBD"
        "b" },
    { "gb18030", "a\x81", "a\xEF\xBF\xBD" }, /* cut off at the end */
    { "no-such", "\xE9", "\xC3\xA9" },
    { "utf-8//TRANSLIT", "\xE9", "\xC3\xA9" }, /* no options of iconv from outside */
    { "../../x", "y", "y" },
};

static void
test_table(void)
{
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        AV_CLEANUP(av_buf_release) av_buf out = { .max = 1000 };

        av_check_row = (long)i;
        AV_CHECK(av_charset_to_utf8(av_span_str(cases[i].charset), av_span_str(cases[i].in), &out));
        AV_CHECK_STR(av_buf_cstr(&out), cases[i].want);
    }
}

static void
test_utf16_and_nul(void)
{
    AV_CLEANUP(av_buf_release) av_buf out = { .max = 1000 };

    AV_CHECK(av_charset_to_utf8(av_span_str("utf-16le"), av_span_of("a\0\xE9\0", 4), &out));
    AV_CHECK(av_charset_guess(av_span_of("x\0y", 3), &out));
    AV_CHECK_STR(av_buf_cstr(&out), "a\xC3\xA9x\xEF\xBF\xBDy");
}

/* All bytes in all charsets that mail names: always UTF-8, always an end, cut at whole characters. */
static void
test_garbage(void)
{
    static const char *const names[] = { "utf-8", "utf-16", "utf-32", "utf-7", "ucs-4", "iso-2022-jp", "iso-2022-kr",
        "iso-2022-cn", "iso-2022-jp-3", "euc-jp", "euc-tw", "hz", "big5", "gb18030", "tscii", "ibm1364", "koi8-u",
        "windows-1255", "tis-620", "cp437", "viscii" };
    uint8_t in[4096];

    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)(i * 167 + i / 256 * 13);
    for (size_t k = 0; k < AV_COUNT(names); k++) {
        AV_CLEANUP(av_buf_release) av_buf out = { .max = 64 * 1024 };
        AV_CLEANUP(av_buf_release) av_buf few = { .max = 100 };

        av_check_row = (long)k;
        (void)av_charset_to_utf8(av_span_str(names[k]), av_span_of(in, sizeof in), &out);
        AV_CHECK(av_utf8_valid(av_buf_span(&out)) && !out.full);
        (void)av_charset_to_utf8(av_span_str(names[k]), av_span_of(in, sizeof in), &few);
        AV_CHECK(av_utf8_valid(av_buf_span(&few)));
    }
}

int
main(void)
{
    AV_RUN(test_table);
    AV_RUN(test_utf16_and_nul);
    AV_RUN(test_garbage);
    return av_check_done();
}
