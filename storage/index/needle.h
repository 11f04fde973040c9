/*
 * needle.h - find words in a row, or a substring, in UTF-8 text
 *
 * The text stays as it is: it is not folded or copied. A first word of ASCII letters is found by memchr on its rarest
 * letter; where the text has other bytes, words are folded one by one. What a match is stands in match.h. Pure.
 */
#ifndef AV_STORAGE_INDEX_NEEDLE_H
#define AV_STORAGE_INDEX_NEEDLE_H

#include "storage/index/query.h"

typedef struct av_needle av_needle;

/* kind: AV_QUERY_WORD, _PREFIX, _SUFFIX, _WILDCARD, _SUBSTRING. text is UTF-8 in NFC; copied. Never NULL. */
av_needle *av_needle_new(av_span text, av_query_kind kind);
void av_needle_destroy(av_needle **self);
/* Byte of the first match in text and the byte behind it. Nothing at all is found at 0. */
bool av_needle_find(const av_needle *self, av_span text, size_t *ret_at, size_t *ret_end);

#endif
