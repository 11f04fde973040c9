/*
 * casemap.c - see casemap.h
 */
#include "storage/index/casemap.h"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/utf16.h>

#include "base/unicode.h"

#define PIECES_MAX 32 /* UTF-16 units of one character decomposed: 18 at most (U+FDFA) */

/* A decomposition is not reordered here: the texts compared were written in the same order or are not the same. */
static bool
put_char(const UNormalizer2 *nfkd, uint32_t c, av_buf *out)
{
    UChar pieces[PIECES_MAX];
    UErrorCode status = U_ZERO_ERROR;
    UChar32 title = u_totitle((UChar32)c), piece;
    int32_t n = nfkd == NULL ? -1 : unorm2_getDecomposition(nfkd, title, pieces, PIECES_MAX, &status), i = 0;

    if (n <= 0 || U_FAILURE(status))
        return av_utf8_put(out, (uint32_t)title);
    while (i < n) {
        U16_NEXT(pieces, i, n, piece);
        if (!av_utf8_put(out, (uint32_t)piece))
            return false;
    }
    return true;
}

bool
av_casemap(av_span text, av_buf *out)
{
    UErrorCode status = U_ZERO_ERROR;
    const UNormalizer2 *nfkd = NULL;

    while (text.n > 0) {
        uint8_t c = text.p[0];

        if (c < 0x80) {
            if (!av_buf_putc(out, c >= 'a' && c <= 'z' ? (uint8_t)(c - 32) : c))
                return false;
            text = av_span_skip(text, 1);
            continue;
        }
        if (nfkd == NULL)
            nfkd = unorm2_getNFKDInstance(&status);
        if (!put_char(nfkd, av_utf8_next(&text), out))
            return false;
    }
    return true;
}
