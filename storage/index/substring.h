/*
 * substring.h - find a text anywhere in UTF-8 text, letter case (simple folding, ICU) and nothing else ignored
 *
 * The text stays as it is: it is not folded or copied. Bytes that could begin a match are found by memchr on the rarest
 * ASCII letter of the needle's beginning (or memmem, where the needle has no case at all); only there are characters
 * looked at, and only non-ASCII ones by ICU. What IMAP's search keys mean (RFC 9051, 6.4.4). Pure.
 */
#ifndef AV_STORAGE_INDEX_SUBSTRING_H
#define AV_STORAGE_INDEX_SUBSTRING_H

#include "base/span.h"

typedef struct av_substring av_substring;

/* text is UTF-8 in NFC; copied. Never NULL. */
av_substring *av_substring_new(av_span text);
void av_substring_destroy(av_substring **self);
/* Byte of the first match in text and the byte behind it. An empty needle is at 0. */
bool av_substring_find(const av_substring *self, av_span text, size_t *ret_at, size_t *ret_end);

#endif
