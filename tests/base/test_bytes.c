/*
 * test_bytes.c - span, buf, encode
 */
#include "base/buf.h"
#include "base/encode.h"
#include "tests/check.h"

static void
test_ceiling(void)
{
    av_buf b;

    av_buf_init(&b, 10);
    AV_CHECK(av_buf_puts(&b, "12345678"));
    AV_CHECK(!av_buf_puts(&b, "xyz"));
    AV_CHECK_STR(av_buf_cstr(&b), "12345678"); /* a refusal changes nothing */
    AV_CHECK(!av_buf_putc(&b, 'z'));           /* and stays */
    av_buf_clear(&b);
    AV_CHECK(av_buf_puts(&b, "1234567890"));
    AV_CHECK_STR(av_buf_cstr(&b), "1234567890");
    AV_CHECK(!av_buf_printf(&b, "%d", 1));
    av_buf_release(&b);
}

static void
test_consume(void)
{
    av_buf b;

    av_buf_init(&b, 1000);
    av_buf_printf(&b, "%s-%d", "abc", 42);
    av_buf_consume(&b, 4);
    AV_CHECK_STR(av_buf_cstr(&b), "42");
    av_buf_consume(&b, 2);
    AV_CHECK_INT(b.n, 0);
    av_buf_release(&b);
}

static void
test_little_endian(void)
{
    av_buf b;
    av_span s, bytes;
    uint8_t a;
    uint16_t c;
    uint32_t d;
    uint64_t e;

    av_buf_init(&b, 100);
    av_buf_put_u8(&b, 1);
    av_buf_put_u16(&b, 0x0203);
    av_buf_put_u32(&b, 0x04050607);
    av_buf_put_u64(&b, 0x08090a0b0c0d0e0fULL);
    AV_CHECK_INT(b.p[1], 3); /* low byte first */
    s = av_buf_span(&b);
    AV_CHECK(av_span_get_u8(&s, &a) && a == 1);
    AV_CHECK(av_span_get_u16(&s, &c) && c == 0x0203);
    AV_CHECK(av_span_get_u32(&s, &d) && d == 0x04050607);
    AV_CHECK(av_span_get_u64(&s, &e) && e == 0x08090a0b0c0d0e0fULL);
    AV_CHECK(!av_span_get_u8(&s, &a) && !av_span_get_bytes(&s, 1, &bytes));
    av_buf_release(&b);
}

static void
test_numbers(void)
{
    static const struct {
        const char *in;
        uint64_t max;
        bool ok;
        uint64_t value;
    } cases[] = { { "0", 10, true, 0 }, { "10", 10, true, 10 }, { "11", 10, false, 0 }, { "", 10, false, 0 },
        { "-1", 10, false, 0 }, { " 1", 10, false, 0 }, { "1x", 10, false, 0 },
        { "18446744073709551615", UINT64_MAX, true, UINT64_MAX }, { "18446744073709551616", UINT64_MAX, false, 0 } };

    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        uint64_t v = 0;

        av_check_row = (long)i;
        AV_CHECK(av_span_u64(av_span_str(cases[i].in), cases[i].max, &v) == cases[i].ok);
        AV_CHECK(!cases[i].ok || v == cases[i].value);
    }
}

static void
test_base64(void)
{
    static const struct {
        const char *plain, *text;
    } cases[] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
        { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" } }; /* RFC 4648, 10 */
    static const char *const bad[] = { "Zg=", "Zg", "Z===", "Zh==", "Zm9v!", "Zm 9v", "====" };
    av_buf out;

    av_buf_init(&out, 100);
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        av_check_row = (long)i;
        av_buf_clear(&out);
        AV_CHECK(av_base64_encode(av_span_str(cases[i].plain), &out));
        AV_CHECK_STR(av_buf_cstr(&out), cases[i].text);
        av_buf_clear(&out);
        AV_CHECK(av_base64_decode(av_span_str(cases[i].text), &out));
        AV_CHECK_STR(av_buf_cstr(&out), cases[i].plain);
    }
    for (size_t i = 0; i < AV_COUNT(bad); i++) {
        av_check_row = (long)i;
        av_buf_clear(&out);
        AV_CHECK(!av_base64_decode(av_span_str(bad[i]), &out));
    }
    av_buf_clear(&out);
    AV_CHECK(av_base64url_encode(av_span_of("\xfb\xff", 2), &out));
    AV_CHECK_STR(av_buf_cstr(&out), "-_8");
    av_buf_release(&out);
}

static void
test_digests(void)
{
    uint8_t digest[AV_SHA256_SIZE], again[AV_SHA256_SIZE];
    char hex[2 * AV_SHA256_SIZE + 1];
    av_sha256_stream *stream = av_sha256_stream_new();

    av_sha256(av_span_str("abc"), digest);
    av_hex_encode(av_span_of(digest, sizeof digest), hex);
    AV_CHECK_STR(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    AV_CHECK(av_hex_decode(av_span_str(hex), again, sizeof again) && memcmp(digest, again, sizeof again) == 0);
    av_sha256_stream_update(stream, av_span_str("a"));
    av_sha256_stream_update(stream, av_span_str("bc"));
    av_sha256_stream_finish(&stream, again);
    AV_CHECK_MEM(again, sizeof again, digest, sizeof digest);
    AV_CHECK_INT(av_crc32c(0, av_span_str("123456789")), 0xE3069283); /* RFC 3720, B.4 */
    AV_CHECK(!av_hex_decode(av_span_str("0g"), again, 1));
}

int
main(void)
{
    AV_RUN(test_ceiling);
    AV_RUN(test_consume);
    AV_RUN(test_little_endian);
    AV_RUN(test_numbers);
    AV_RUN(test_base64);
    AV_RUN(test_digests);
    return av_check_done();
}
