/*
 * test_part_decoder.c - encodings undone piece by piece: the same as of the whole, however it is cut
 */
#include "storage/mime/part_decoder.h"

#include "storage/mime/decode.h"
#include "tests/check.h"

#define ROUNDS 3000

static uint32_t seed = 12345;

static uint32_t
roll(uint32_t below)
{
    seed = seed * 1664525U + 1013904223U;
    return (seed >> 8) % below;
}

/* Random cuts; most 0: all at once. */
static void
decode(av_mime_encoding encoding, av_span in, uint32_t most, av_buf *out)
{
    av_part_decoder decoder;

    AV_CHECK(av_part_decoder_init(&decoder, encoding));
    av_buf_clear(out);
    do {
        size_t step = most == 0 ? in.n : roll(most) + 1U, n = AV_MIN(step, in.n);

        AV_CHECK(av_part_decoder_feed(&decoder, av_span_slice(in, 0, n), n == in.n, out));
        in = av_span_skip(in, n);
    } while (in.n > 0);
}

static const struct {
    av_mime_encoding encoding;
    const char *in, *want;
} cases[] = {
    { AV_MIME_QP, "", "" },
    { AV_MIME_QP, "a=3Db", "a=b" },
    { AV_MIME_QP, "a=3db =C3=A9", "a=b \xc3\xa9" },
    { AV_MIME_QP, "soft=\r\nline", "softline" },
    { AV_MIME_QP, "soft=  \t\r\nline", "softline" },
    { AV_MIME_QP, "soft=\nline", "softline" },
    { AV_MIME_QP, "end=", "end" },
    { AV_MIME_QP, "end=  ", "end" },
    { AV_MIME_QP, "end=4", "end=4" },
    { AV_MIME_QP, "blanks  \t\r\nx", "blanks\r\nx" },
    { AV_MIME_QP, "blanks=20 \r\nx", "blanks \r\nx" },
    { AV_MIME_QP, "blanks  ", "blanks  " },
    { AV_MIME_QP, "no=zz =4x ==41 = y", "no=zz =4x =A = y" },
    { AV_MIME_QP, "cr\rx \r \r\ny", "cr\rx \r\r\ny" },
    { AV_MIME_BASE64, "aGVsbG8=", "hello" },
    { AV_MIME_BASE64, "aGVs\r\nbG8", "hello" },
    { AV_MIME_BASE64, "aGVs!bG8=\r\naGVsbG8=", "hellohello" },
    { AV_MIME_7BIT, "as it is \r\n=3D", "as it is \r\n=3D" },
    { AV_MIME_BINARY, "x", "x" },
};

static void
test_cases(void)
{
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    av_part_decoder decoder;

    av_buf_init(&out, 100000);
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        av_check_row = (long)i;
        for (uint32_t most = 0; most < 4; most++) {
            decode(cases[i].encoding, av_span_str(cases[i].in), most, &out);
            AV_CHECK_STR(av_buf_cstr(&out), cases[i].want);
        }
    }
    AV_CHECK(!av_part_decoder_init(&decoder, AV_MIME_UUENCODE));
    AV_CHECK(!av_part_decoder_init(&decoder, AV_MIME_ENCODING_OTHER));
}

/* Against the decoders of whole bodies, with bytes that matter. */
static void
test_against_whole(void)
{
    static const char letters[] = "==  \t\r\n\nAaF3409zZ+/";
    AV_CLEANUP(av_buf_release) av_buf in = { 0 };
    AV_CLEANUP(av_buf_release) av_buf whole = { 0 };
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };

    av_buf_init(&in, 1000);
    av_buf_init(&whole, 10000);
    av_buf_init(&out, 10000);
    for (int round = 0; round < ROUNDS; round++) {
        av_check_row = round;
        av_buf_clear(&in);
        for (uint32_t n = roll(200); n > 0; n--)
            (void)av_buf_putc(&in, (uint8_t)letters[roll(sizeof letters - 1)]);
        av_buf_clear(&whole);
        AV_CHECK(av_decode_qp(av_buf_span(&in), &whole));
        decode(AV_MIME_QP, av_buf_span(&in), 1 + roll(20), &out);
        AV_CHECK(av_span_eq(av_buf_span(&out), av_buf_span(&whole)));
        av_buf_clear(&whole);
        AV_CHECK(av_decode_base64(av_buf_span(&in), &whole));
        decode(AV_MIME_BASE64, av_buf_span(&in), 1 + roll(20), &out);
        AV_CHECK(av_span_eq(av_buf_span(&out), av_buf_span(&whole)));
    }
}

/* More blanks than are held back: the same however they are cut. */
static void
test_many_blanks(void)
{
    AV_CLEANUP(av_buf_release) av_buf in = { 0 };
    AV_CLEANUP(av_buf_release) av_buf once = { 0 };
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };

    av_buf_init(&in, 100000);
    av_buf_init(&once, 100000);
    av_buf_init(&out, 100000);
    for (uint32_t n = 1000; n < 6000; n += 777) {
        for (int escape = 0; escape < 2; escape++) {
            av_buf_clear(&in);
            (void)av_buf_puts(&in, escape ? "x=" : "x");
            for (uint32_t i = 0; i < n; i++)
                (void)av_buf_putc(&in, ' ');
            (void)av_buf_puts(&in, "\r\ny");
            decode(AV_MIME_QP, av_buf_span(&in), 0, &once);
            decode(AV_MIME_QP, av_buf_span(&in), 1500, &out);
            AV_CHECK(av_span_eq(av_buf_span(&out), av_buf_span(&once)));
            decode(AV_MIME_QP, av_buf_span(&in), 7, &out);
            AV_CHECK(av_span_eq(av_buf_span(&out), av_buf_span(&once)));
        }
    }
}

int
main(void)
{
    AV_RUN(test_cases);
    AV_RUN(test_against_whole);
    AV_RUN(test_many_blanks);
    return av_check_done();
}
