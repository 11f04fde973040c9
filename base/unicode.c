/*
 * unicode.c - see unicode.h
 */
#include "base/unicode.h"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

/* Bytes of the sequence at s (1 to 4) and its code point, or 0 when malformed. */
static size_t
sequence(av_span s, uint32_t *ret)
{
    uint8_t c = s.p[0];
    size_t n = c < 0x80 ? 1 : c >= 0xC2 && c < 0xE0 ? 2 : (c & 0xF0) == 0xE0 ? 3 : c >= 0xF0 && c <= 0xF4 ? 4 : 0;
    uint32_t v;

    if (n == 0 || n > s.n)
        return 0;
    if (n == 1) {
        *ret = c;
        return 1;
    }
    v = c & (0x7FU >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s.p[i] & 0xC0) != 0x80)
            return 0;
        v = v << 6 | (s.p[i] & 0x3FU);
    }
    if ((n == 3 && v < 0x800) || (n == 4 && (v < 0x10000 || v > 0x10FFFF)) || (v >= 0xD800 && v <= 0xDFFF))
        return 0;
    *ret = v;
    return n;
}

bool
av_utf8_valid(av_span s)
{
    uint32_t c;

    while (s.n > 0) {
        size_t n = sequence(s, &c);

        if (n == 0)
            return false;
        s = av_span_skip(s, n);
    }
    return true;
}

uint32_t
av_utf8_next_slow(av_span *s)
{
    uint32_t c = 0xFFFD;
    size_t n = sequence(*s, &c);

    *s = av_span_skip(*s, n == 0 ? 1 : n);
    return n == 0 ? 0xFFFD : c;
}

size_t
av_utf8_write(uint8_t *to, uint32_t c)
{
    if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
        c = 0xFFFD;
    if (c < 0x80) {
        to[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        to[0] = (uint8_t)(0xC0 | c >> 6);
        to[1] = (uint8_t)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        to[0] = (uint8_t)(0xE0 | c >> 12);
        to[1] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
        to[2] = (uint8_t)(0x80 | (c & 0x3F));
        return 3;
    }
    to[0] = (uint8_t)(0xF0 | c >> 18);
    to[1] = (uint8_t)(0x80 | (c >> 12 & 0x3F));
    to[2] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
    to[3] = (uint8_t)(0x80 | (c & 0x3F));
    return 4;
}

bool
av_utf8_put(av_buf *out, uint32_t c)
{
    uint8_t b[4];

    return av_buf_append(out, b, av_utf8_write(b, c));
}

static bool
is_ascii(av_span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] >= 0x80)
            return false;
    return true;
}

/* UTF-8 -> UTF-16 -> NFC (and fold) -> UTF-8. Names are short: a limit of 64 KB keeps ICU's int32 lengths safe. */
static bool
transform(av_span in, bool fold, av_buf *out)
{
    enum { NAME_MAX_BYTES = 65536 };
    UErrorCode status = U_ZERO_ERROR;
    const UNormalizer2 *nfc = unorm2_getNFCInstance(&status);
    int32_t n = 0, cap;
    AV_CLEANUP(av_free) UChar *a = NULL;
    AV_CLEANUP(av_free) UChar *b = NULL;
    uint8_t *to;

    if (in.n > NAME_MAX_BYTES || !av_utf8_valid(in) || U_FAILURE(status))
        return false;
    cap = (int32_t)in.n * 4 + 16; /* NFC and folding grow a text by less than this */
    a = av_xcalloc((size_t)cap, sizeof *a);
    b = av_xcalloc((size_t)cap, sizeof *b);
    (void)u_strFromUTF8(a, cap, &n, (const char *)in.p, (int32_t)in.n, &status);
    if (fold && U_SUCCESS(status)) {
        n = u_strFoldCase(b, cap, a, n, U_FOLD_CASE_DEFAULT, &status);
        if (U_SUCCESS(status))
            memcpy(a, b, (size_t)n * sizeof *a);
    }
    n = U_SUCCESS(status) ? unorm2_normalize(nfc, a, n, b, cap, &status) : 0;
    if (U_FAILURE(status))
        return false;
    to = av_buf_reserve(out, (size_t)n * 3);
    if (to == NULL)
        return false;
    (void)u_strToUTF8((char *)to, n * 3, &cap, b, n, &status);
    if (U_FAILURE(status) && status != U_STRING_NOT_TERMINATED_WARNING)
        return false;
    out->n += (size_t)cap;
    return true;
}

bool
av_unicode_nfc(av_span in, av_buf *out)
{
    return is_ascii(in) ? av_buf_append_span(out, in) : transform(in, false, out);
}

bool
av_unicode_fold(av_span in, av_buf *out)
{
    if (!is_ascii(in))
        return transform(in, true, out);
    for (size_t i = 0; i < in.n; i++)
        if (!av_buf_putc(out, (uint8_t)av_unicode_fold_char(in.p[i])))
            return false;
    return true;
}

uint32_t
av_unicode_fold_char(uint32_t c)
{
    if (c < 0x80)
        return c >= 'A' && c <= 'Z' ? c + 32 : c;
    return (uint32_t)u_foldCase((UChar32)c, U_FOLD_CASE_DEFAULT);
}
