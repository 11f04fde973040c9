/*
 * unicode.h - UTF-8 checks, NFC and case folding (ICU does the work)
 */
#ifndef AV_BASE_UNICODE_H
#define AV_BASE_UNICODE_H

#include "base/buf.h"

/* Well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. */
bool av_utf8_valid(av_span s);
/* Take one code point off the front; malformed bytes are taken one at a time as U+FFFD. s is not empty. The slow one is
 * for what is rare. */
uint32_t av_utf8_next_slow(av_span *s);
static inline uint32_t
av_utf8_next(av_span *s)
{
    const uint8_t *p = s->p;
    uint32_t c = p[0];

    if (c < 0x80) {
        *s = av_span_skip(*s, 1);
        return c;
    }
    if (c >= 0xC2 && c < 0xE0 && s->n >= 2 && (p[1] & 0xC0) == 0x80) {
        *s = av_span_skip(*s, 2);
        return (c & 0x1F) << 6 | (p[1] & 0x3FU);
    }
    /* Not E0 and ED, behind which not all bytes will do. */
    if (c > 0xE0 && c < 0xF0 && c != 0xED && s->n >= 3 && (p[1] & 0xC0) == 0x80 && (p[2] & 0xC0) == 0x80) {
        *s = av_span_skip(*s, 3);
        return (c & 0xF) << 12 | (p[1] & 0x3FU) << 6 | (p[2] & 0x3FU);
    }
    return av_utf8_next_slow(s);
}
/* The UTF-8 of a code point (U+FFFD for what is none): 1 to 4 bytes at `to`; how many. */
size_t av_utf8_write(uint8_t *to, uint32_t code_point);
bool av_utf8_put(av_buf *out, uint32_t code_point);
/* in (valid UTF-8) in Normalization Form C onto out. false: not valid UTF-8 or out is full. */
bool av_unicode_nfc(av_span in, av_buf *out);
/* Full case folding of the NFC form, for names that compare without case. */
bool av_unicode_fold(av_span in, av_buf *out);
/* Simple case fold of one code point, 1:1; ASCII without a look into ICU's tables. */
uint32_t av_unicode_fold_char(uint32_t c);

#endif
