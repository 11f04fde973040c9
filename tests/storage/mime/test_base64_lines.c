/*
 * test_base64_lines.c - base64 by lines against a plain encoder, every range of small bodies; strict decoding
 */
#include "storage/mime/base64_lines.h"

#include "base/encode.h"
#include "tests/check.h"

enum { SIZE_MAX_TRIED = 130, RANGES_UP_TO = 40 };

/* The body, written in the obvious way. */
static void
write_plain(const av_base64_lines *lines, av_span decoded, av_buf *ret)
{
    AV_CLEANUP(av_buf_release) av_buf chars = { .max = 1 << 16 };
    size_t row;

    av_buf_clear(ret);
    (void)av_base64_encode(decoded, &chars);
    row = lines->line_chars == 0 ? AV_MAX(chars.n, 1U) : lines->line_chars;
    for (size_t at = 0; at < chars.n; at += row) {
        (void)av_buf_append(ret, chars.p + at, AV_MIN(row, chars.n - at));
        if (at + row < chars.n || lines->last_newline)
            (void)av_buf_puts(ret, lines->crlf ? "\r\n" : "\n");
    }
}

/* One range from the decoded bytes it asks for and no others. */
static bool
range_is(const av_base64_lines *lines, av_span decoded, av_span want, size_t at, size_t n)
{
    AV_CLEANUP(av_free) uint8_t *got = av_xalloc(n + 1), *part = NULL;
    uint64_t from, need;

    av_base64_lines_range(lines, decoded.n, at, n, &from, &need);
    if (from % 3 != 0 || from + need > decoded.n)
        return false;
    part = av_xalloc(need > 0 ? need : 1);
    if (need > 0)
        memcpy(part, decoded.p + from, need);
    got[n] = 0xEE;
    av_base64_lines_encode(lines, decoded.n, av_span_of(part, need), at, n, got);
    return got[n] == 0xEE && (n == 0 || memcmp(got, want.p + at, n) == 0);
}

static void
check_body(const av_base64_lines *lines, av_span decoded, av_buf *want)
{
    write_plain(lines, decoded, want);
    AV_CHECK(av_base64_lines_valid(lines, decoded.n));
    AV_CHECK_INT(av_base64_lines_size(lines, decoded.n), want->n);
    AV_CHECK(range_is(lines, decoded, av_buf_span(want), 0, want->n));
    if (decoded.n > RANGES_UP_TO)
        return;
    for (size_t at = 0; at <= want->n; at++)
        for (size_t n = 0; at + n <= want->n; n++)
            if (!range_is(lines, decoded, av_buf_span(want), at, n)) {
                AV_CHECK(false);
                printf("    [%zu, +%zu) of %zu decoded, %u a line\n", at, n, decoded.n, lines->line_chars);
                return;
            }
}

static void
test_ranges(void)
{
    static const uint32_t rows[] = { 0, 4, 8, 60, 64, 76, AV_BASE64_LINE_MAX };
    AV_CLEANUP(av_buf_release) av_buf want = { .max = 1 << 16 };
    uint8_t decoded[SIZE_MAX_TRIED];

    for (size_t i = 0; i < sizeof decoded; i++)
        decoded[i] = (uint8_t)(i * 151 + 77);
    for (size_t n = 0; n <= sizeof decoded; n++)
        for (size_t i = 0; i < AV_COUNT(rows) * 4; i++)
            check_body(&(av_base64_lines){ rows[i / 4], i % 2 != 0, i / 2 % 2 != 0 }, av_span_of(decoded, n), &want);
}

static void
test_sizes(void)
{
    static const struct {
        av_base64_lines lines;
        uint64_t decoded, want;
    } rows[] = {
        { { 76, true, true }, 0, 0 },
        { { 76, true, true }, 57, 78 },
        { { 76, true, false }, 57, 76 },
        { { 76, false, true }, 58, 77 + 5 },
        { { 0, true, true }, 300, 402 },
        { { 0, false, false }, 300, 400 },
        { { 4, true, true }, AV_BASE64_DECODED_MAX, (AV_BASE64_DECODED_MAX + 2) / 3 * 6 },
    };

    for (size_t i = 0; i < AV_COUNT(rows); i++) {
        av_check_row = (long)i;
        AV_CHECK_INT(av_base64_lines_size(&rows[i].lines, rows[i].decoded), rows[i].want);
    }
    av_check_row = -1;
    AV_CHECK(!av_base64_lines_valid(&(av_base64_lines){ 75, false, false }, 1));
    AV_CHECK(!av_base64_lines_valid(&(av_base64_lines){ AV_BASE64_LINE_MAX + 4, false, false }, 1));
    AV_CHECK(!av_base64_lines_valid(&(av_base64_lines){ 76, false, false }, AV_BASE64_DECODED_MAX + 1));
}

/* Every byte at every place of 20 characters: what is of the alphabet is taken, what is not ends it at its group. */
static void
test_decode_groups(void)
{
    static const char good[] = "QUJDREVGR0hJSktMTU5P", alphabet[] = "+/0123456789"
                                                                    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                                    "abcdefghijklmnopqrstuvwxyz";

    for (size_t at = 0; at < 20; at++)
        for (int c = 0; c < 256; c++) {
            uint8_t in[20], out[16];
            bool fine = c != 0 && strchr(alphabet, c) != NULL;

            memcpy(in, good, sizeof in);
            in[at] = (uint8_t)c;
            AV_CHECK_INT(av_base64_decode_groups(av_span_of(in, sizeof in), out), fine ? 20 : at / 4 * 4);
            AV_CHECK(memcmp(out, "ABCDEFGHIJKLMNO", AV_MIN(at / 4 * 3, 15U)) == 0);
        }
}

static void
test_decode_end(void)
{
    static const struct {
        const char *in, *want;
    } rows[] = {
        { "QUJD", "ABC" },
        { "QUI=", "AB" },
        { "QQ==", "A" },
        { "QUJDQQ==", "ABCA" },
        { "QUJDREVGREVG", "ABCDEFDEF" },
        { "QR==", NULL }, /* RFC 4648, 3.5: spare bits */
        { "QUJ=", NULL },
        { "Q===", NULL },
        { "====", NULL },
        { "QQ=Q", NULL },
        { "QQ==QUJD", NULL },
        { "QU D", NULL },
        { "QUJDQU=D", NULL },
    };
    uint8_t out[16];
    size_t n;

    for (size_t i = 0; i < AV_COUNT(rows); i++) {
        av_check_row = (long)i;
        if (AV_CHECK(av_base64_decode_end(av_span_str(rows[i].in), out, &n) == (rows[i].want != NULL)) &&
            rows[i].want != NULL)
            AV_CHECK_MEM(out, n, rows[i].want, strlen(rows[i].want));
    }
    av_check_row = -1;
}

int
main(void)
{
    AV_RUN(test_sizes);
    AV_RUN(test_ranges);
    AV_RUN(test_decode_groups);
    AV_RUN(test_decode_end);
    return av_check_done();
}
