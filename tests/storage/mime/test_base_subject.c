/*
 * test_base_subject.c - RFC 5256, 2.1, row by row
 */
#include "storage/mime/base_subject.h"

#include "tests/check.h"

static const struct {
    const char *in, *want;
} rows[] = {
    { "", "" },
    { "plain", "plain" },
    { "Re: plain", "plain" },
    { "RE: re: Fw: FWD: plain", "plain" },
    { "Re[2]: plain", "plain" },
    { "re [x] : plain", "plain" },
    { "[list] Re: [other] plain", "plain" },
    { "[PATCH] btrfs: fix", "btrfs: fix" },
    { "[PATCH]", "[PATCH]" }, /* a blob that is all there is stays */
    { "Re: [PATCH]", "[PATCH]" },
    { "plain (fwd)  (FWD) ", "plain" },
    { "[Fwd: [list] Re: plain (fwd)]", "plain" },
    { "  two \t words\r\n here", "two words here" },
    { "Regards", "Regards" },
    { "fwiw: no", "fwiw: no" },
    { "[a[b] x", "[a[b] x" },
    { "[fwd:]", "" },
    { "]", "]" },
    { "Re:", "" },
};

static void
test_rows(void)
{
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };

    av_buf_init(&out, 255);
    for (size_t i = 0; i < AV_COUNT(rows); i++) {
        av_check_row = (long)i;
        av_base_subject(av_span_str(rows[i].in), &out);
        AV_CHECK_STR(av_buf_cstr(&out), rows[i].want);
    }
}

static void
test_cut(void)
{
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };

    av_buf_init(&out, 6);
    av_base_subject(av_span_str("abcd\xe2\x82\xac more"), &out); /* the euro sign would need 7 */
    AV_CHECK_STR(av_buf_cstr(&out), "abcd");
    av_base_subject(av_span_str("Re: ab"), &out);
    AV_CHECK_STR(av_buf_cstr(&out), "ab");
}

int
main(void)
{
    AV_RUN(test_rows);
    AV_RUN(test_cut);
    return av_check_done();
}
