/* test_header.c - fields of a header block */
#include "storage/mime/header.h"

#include "tests/check.h"

static void
test_next(void)
{
    av_span header = av_span_str(">From x\nA: 1\r\nB :  two\r\n\tmore\nno colon here\nC:\n\nD: body\n");
    av_header_field f;

    AV_CHECK(av_header_next(&header, &f) && av_span_eq_str(f.name, "A") && av_span_eq_str(f.value, " 1"));
    AV_CHECK(av_span_eq_str(f.whole, "A: 1\r\n"));
    AV_CHECK(av_header_next(&header, &f) && av_span_eq_str(f.name, "B"));
    AV_CHECK(av_span_eq_str(f.value, "  two\r\n\tmore"));
    AV_CHECK(av_header_next(&header, &f) && av_span_eq_str(f.name, "C") && f.value.n == 0);
    AV_CHECK(!av_header_next(&header, &f));
}

static void
test_find(void)
{
    av_span header = av_span_str("Subject: one\nsubject: two\nX-Last:  end \r\n");
    av_header_field f;

    AV_CHECK(av_header_find(header, "SUBJECT", &f) && av_span_eq_str(f.value, " one"));
    AV_CHECK(av_span_eq_str(av_header_value(header, "x-last"), "end"));
    AV_CHECK(av_header_value(header, "missing").n == 0);
    AV_CHECK(av_span_eq_str(av_header_value(av_span_str("A: no line end"), "a"), "no line end"));
}

static void
test_unfold(void)
{
    static const struct {
        const char *in, *want;
    } cases[] = {
        { " plain ", "plain" },
        { "a\r\n b", "a b" },
        { "a\n\tb", "a\tb" },
        { "a\r\n\r\n b", "a  b" },
        { "a\rb", "a b" },
        { "a\nb", "a b" },
        { "", "" },
        { "a\r\n  \r\n  b", "a    b" },
    };

    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        AV_CLEANUP(av_buf_release) av_buf out = { .max = 100 };

        av_check_row = (long)i;
        AV_CHECK(av_header_unfold(av_span_str(cases[i].in), &out));
        AV_CHECK_STR(av_buf_cstr(&out), cases[i].want);
    }
}

static void
test_lines(void)
{
    AV_CHECK(av_header_is_field_line(av_span_str("Subject: x")) && av_header_is_field_line(av_span_str("To :x")));
    AV_CHECK(!av_header_is_field_line(av_span_str("hello world: x")) && !av_header_is_field_line(av_span_str(":x")));
    AV_CHECK(!av_header_is_field_line(av_span_str("")) && !av_header_is_field_line(av_span_str("caf\xC3\xA9")));
    AV_CHECK(av_header_is_mbox_from(av_span_str("From a@b")) && !av_header_is_mbox_from(av_span_str("From: a@b")));
}

int
main(void)
{
    AV_RUN(test_next);
    AV_RUN(test_find);
    AV_RUN(test_unfold);
    AV_RUN(test_lines);
    return av_check_done();
}
