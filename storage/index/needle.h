/*
 * needle.h - find one folded word, phrase or substring in UTF-8 text
 *
 * The text stays as it is: it is not folded or copied. Bytes that could begin a match are found by memchr on the rarest
 * ASCII letter of the needle's beginning (or memmem, where the needle has no case at all); only there are characters
 * looked at, and only non-ASCII ones by ICU. What a match is stands in match.h. Pure.
 */
#ifndef AV_STORAGE_INDEX_NEEDLE_H
#define AV_STORAGE_INDEX_NEEDLE_H

#include "base/span.h"

typedef enum av_needle_mode {
    AV_NEEDLE_WORD,     /* whole words; a blank is any run of white space */
    AV_NEEDLE_PREFIX,   /* the same, and the last word may go on */
    AV_NEEDLE_SUBSTRING /* anywhere; a blank is a blank */
} av_needle_mode;

typedef struct av_needle av_needle;

/* text is UTF-8 in NFC, for words with single blanks; copied. Never NULL. */
av_needle *av_needle_new(av_span text, av_needle_mode mode);
void av_needle_destroy(av_needle **self);
/* Byte of the first match in text and the byte behind it. An empty needle is at 0. */
bool av_needle_find(const av_needle *self, av_span text, size_t *ret_at, size_t *ret_end);

#endif
