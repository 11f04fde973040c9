/*
 * test_unicode.c - UTF-8 checks, NFC, folding
 */
#include "base/unicode.h"
#include "tests/check.h"

static void
test_utf8(void)
{
    static const struct {
        const char *in;
        bool ok;
    } cases[] = { { "plain", true }, { "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", true }, { "\xc0\xaf", false },
        { "\xed\xa0\x80", false }, { "\xf4\x90\x80\x80", false }, { "\xe2\x82", false }, { "\x80", false },
        { "a\xff", false } };

    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        av_check_row = (long)i;
        AV_CHECK(av_utf8_valid(av_span_str(cases[i].in)) == cases[i].ok);
    }
}

static void
test_next_takes_bad_bytes_one_at_a_time(void)
{
    av_span s = av_span_str("a\xe2\x82z");

    AV_CHECK_INT(av_utf8_next(&s), 'a');
    AV_CHECK_INT(av_utf8_next(&s), 0xFFFD);
    AV_CHECK_INT(av_utf8_next(&s), 0xFFFD);
    AV_CHECK_INT(av_utf8_next(&s), 'z');
    AV_CHECK_INT(s.n, 0);
}

static void
test_nfc_and_fold(void)
{
    av_buf out;

    av_buf_init(&out, 100);
    AV_CHECK(av_unicode_nfc(av_span_str("a\xcc\x88"), &out)); /* a + combining diaeresis */
    AV_CHECK_STR(av_buf_cstr(&out), "\xc3\xa4");
    av_buf_clear(&out);
    AV_CHECK(av_unicode_fold(av_span_str("Stra\xc3\x9f"
                                         "e \xc3\x84Q"),
        &out));
    AV_CHECK_STR(av_buf_cstr(&out), "strasse \xc3\xa4q");
    av_buf_clear(&out);
    AV_CHECK(!av_unicode_nfc(av_span_str("\xff"), &out));
    av_buf_release(&out);
    AV_CHECK_INT(av_unicode_fold_char(0xC4), 0xE4);
}

int
main(void)
{
    AV_RUN(test_utf8);
    AV_RUN(test_next_takes_bad_bytes_one_at_a_time);
    AV_RUN(test_nfc_and_fold);
    return av_check_done();
}
