/*
 * words.h - header text to UTF-8: RFC 2047 encoded-words and raw 8-bit bytes
 *
 * Pure and tolerant. Blanks between adjacent encoded-words vanish (RFC 2047, 6.2); words of one charset and encoding
 * that follow each other are joined before they are decoded, so that characters cut across words come out whole. A
 * broken word stays as it stands. Raw 8-bit: UTF-8 if valid, else windows-1252.
 */
#ifndef AV_STORAGE_MIME_WORDS_H
#define AV_STORAGE_MIME_WORDS_H

#include "base/buf.h"

/*
 * Decode an unstructured value (raw: folds are removed first). Control characters become spaces; the result is valid
 * UTF-8 on one line without outer blanks. Appends what fits; false when out is full (it ends at a whole character).
 */
bool av_words_decode(av_span value, av_buf *out);

#endif
