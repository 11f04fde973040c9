/*
 * token_priv.h - the forms of one word, for those who look at words in a text without a stream of them
 */
#ifndef AV_STORAGE_INDEX_TOKEN_PRIV_H
#define AV_STORAGE_INDEX_TOKEN_PRIV_H

#include "storage/index/fold.h"
#include "storage/index/token.h"

/* Zeroed but for the buffers and their size before a word is taken. */
typedef struct av_forms {
    uint8_t *folded, *cased; /* `max` bytes each; the caller's */
    size_t max;
    size_t folded_n, cased_n;
    bool folded_cut, cased_cut; /* there was more */
    bool accented;              /* cased is set: it differs */
} av_forms;

/* Take the word that begins at byte at, a letter of class AV_FOLD_WORD. Returns the byte behind its last character. */
size_t av_forms_take(av_forms *self, av_span text, size_t at);

#endif
