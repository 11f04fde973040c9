/* test_crlf.c - the CRLF view */
#include "storage/mime/crlf.h"

#include "tests/check.h"

static const struct {
    const char *in, *want;
} cases[] = {
    { "a\nb\n", "a\r\nb\r\n" },
    { "a\r\nb", "a\r\nb" },
    { "\n\n", "\r\n\r\n" },
    { "\r\r\n\r", "\r\r\n\r" },
    { "", "" },
    { "no end", "no end" },
    { "\r\n\n\r\n", "\r\n\r\n\r\n" },
};

static void
test_whole(void)
{
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        AV_CLEANUP(av_buf_release) av_buf out = { .max = 100 };

        av_check_row = (long)i;
        AV_CHECK(av_crlf_append(av_span_str(cases[i].in), &out));
        AV_CHECK_STR(av_buf_cstr(&out), cases[i].want);
        AV_CHECK_INT(av_crlf_size_of(av_span_str(cases[i].in)), strlen(cases[i].want));
    }
}

/* Fed in chunks of every size, taken in pieces of every size: always the same view. */
static void
test_chunks(void)
{
    for (size_t i = 0; i < AV_COUNT(cases); i++)
        for (size_t step = 1; step < 5; step++)
            for (size_t room = 2; room < 6; room++) {
                AV_CLEANUP(av_buf_release) av_buf out = { .max = 100 };
                av_span in = av_span_str(cases[i].in);
                av_crlf state = { false }, sizer = { false };
                uint64_t size = 0;

                av_check_row = (long)i;
                while (in.n > 0) {
                    av_span chunk = av_span_slice(in, 0, AV_MIN(step, in.n));
                    uint8_t piece[8];

                    in = av_span_skip(in, chunk.n);
                    size += av_crlf_size(&sizer, chunk);
                    while (chunk.n > 0)
                        (void)av_buf_append(&out, piece, av_crlf_convert(&state, &chunk, piece, room));
                }
                AV_CHECK_STR(av_buf_cstr(&out), cases[i].want);
                AV_CHECK_INT(size, out.n);
            }
}

static void
test_range(void)
{
    for (size_t i = 0; i < AV_COUNT(cases); i++)
        for (size_t from = 0; from < 12; from++)
            for (size_t n = 0; n < 12; n++) {
                AV_CLEANUP(av_buf_release) av_buf out = { .max = 100 };
                size_t all = strlen(cases[i].want), at = AV_MIN(from, all);

                av_check_row = (long)i;
                AV_CHECK(av_crlf_append_range(av_span_str(cases[i].in), from, n, &out));
                AV_CHECK_MEM(out.p, out.n, cases[i].want + at, AV_MIN(n, all - at));
            }
}

int
main(void)
{
    AV_RUN(test_whole);
    AV_RUN(test_chunks);
    AV_RUN(test_range);
    return av_check_done();
}
