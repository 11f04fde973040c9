/*
 * fold.c - see fold.h
 */
#include "storage/index/fold.h"

#include <unicode/unorm2.h>

#include "fold_table.inc"

/* The form of c, which is a single character. */
static uint32_t
form(uint32_t c)
{
    const av_fold *e = av_fold_of(c);
    av_span bytes = av_span_of(e->cased, e->cased_n);

    return e->cased_n == 0 ? c : av_utf8_next(&bytes);
}

static bool
is_hangul_part(uint32_t c)
{
    return c >= 0x1161 && c <= 0x11C2; /* vowels and final consonants */
}

uint32_t
av_fold_take_row(av_span *in)
{
    uint32_t c = form(av_utf8_next(in));

    while (in->n > 0 && in->p[0] >= 0xC2) {
        UErrorCode status = U_ZERO_ERROR;
        av_span rest = *in;
        uint32_t next = av_utf8_next(&rest);
        uint8_t class = av_fold_of(next)->class;
        UChar32 both = -1;

        if (class == AV_FOLD_VOICE || is_hangul_part(next))
            both = unorm2_composePair(unorm2_getNFCInstance(&status), (UChar32)c, (UChar32)form(next));
        if (both < 0 && class != AV_FOLD_VOICE && class != AV_FOLD_ACCENT && class != AV_FOLD_IGNORED)
            break;
        c = both < 0 ? c : (uint32_t)both;
        *in = rest;
    }
    return c;
}
