/* test_decode.c - transfer encodings */
#include "storage/mime/decode.h"

#include "tests/check.h"

typedef bool decoder(av_span in, av_buf *out);

static const struct {
    decoder *decode;
    const char *in, *want;
} cases[] = {
    { av_decode_base64, "aGVsbG8=", "hello" },
    { av_decode_base64, "aGVs\r\nbG8", "hello" },
    { av_decode_base64, "aGV!s*bG 8=", "hello" },
    { av_decode_base64, "aGVsbG8=aGVsbG8=", "hellohello" }, /* glued runs */
    { av_decode_base64, "=", "" },
    { av_decode_base64, "", "" },
    { av_decode_qp, "a=3Db=3d", "a=b=" },
    { av_decode_qp, "soft=\r\nbreak=\nx", "softbreakx" },
    { av_decode_qp, "soft=  \r\nx", "softx" },
    { av_decode_qp, "blanks  \r\nend\t \nx", "blanks\r\nend\nx" }, /* RFC 2045, 6.7, rule 3 */
    { av_decode_qp, "bad=ZZ =4", "bad=ZZ =4" },
    { av_decode_qp, "end=", "end" },
    { av_decode_q, "a_b=20c=5F", "a b c_" },
    { av_decode_uu, "x\nbegin 644 f\n#0V%T\n`\nend\n", "Cat" },
    { av_decode_uu, "no begin\n#0V%T\n", "" },
};

static void
test_table(void)
{
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        AV_CLEANUP(av_buf_release) av_buf out = { .max = 1000 };

        av_check_row = (long)i;
        AV_CHECK(cases[i].decode(av_span_str(cases[i].in), &out));
        AV_CHECK_STR(av_buf_cstr(&out), cases[i].want);
    }
}

static void
test_ceiling(void)
{
    AV_CLEANUP(av_buf_release) av_buf out = { .max = 3 };

    AV_CHECK(!av_decode_base64(av_span_str("aGVsbG8="), &out));
    AV_CHECK_STR(av_buf_cstr(&out), "hel");
    av_buf_clear(&out);
    AV_CHECK(!av_decode_qp(av_span_str("=41=42=43=44"), &out));
    AV_CHECK(out.n <= 3);
}

int
main(void)
{
    AV_RUN(test_table);
    AV_RUN(test_ceiling);
    return av_check_done();
}
