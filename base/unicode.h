/*
 * unicode.h - UTF-8 checks, NFC and case folding (ICU does the work)
 */
#ifndef AV_BASE_UNICODE_H
#define AV_BASE_UNICODE_H

#include "base/buf.h"

/* Well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. */
bool av_utf8_valid(av_span s);
/* Take one code point off the front; malformed bytes are taken one at a time as U+FFFD. s is not empty. */
uint32_t av_utf8_next(av_span *s);
/* The UTF-8 of a code point (U+FFFD for what is none): 1 to 4 bytes at `to`; how many. */
size_t av_utf8_write(uint8_t *to, uint32_t code_point);
bool av_utf8_put(av_buf *out, uint32_t code_point);
/* in (valid UTF-8) in Normalization Form C onto out. false: not valid UTF-8 or out is full. */
bool av_unicode_nfc(av_span in, av_buf *out);
/* Full case folding of the NFC form, for names that compare without case. */
bool av_unicode_fold(av_span in, av_buf *out);
/* Simple case fold of one code point, 1:1; ASCII without a look into ICU's tables. */
uint32_t av_unicode_fold_char(uint32_t c);
/* A letter, digit or underscore: what a word is made of. */
bool av_unicode_is_word(uint32_t c);
/* Han, Hiragana, Katakana, Hangul, Thai: scripts whose words are not parted by spaces. */
bool av_unicode_is_unspaced(uint32_t c);

#endif
