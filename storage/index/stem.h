/*
 * stem.h - the stems of words, by Snowball
 *
 * Words are folded ones (token.h), so the stem of "Häuser" is that of "hauser": it serves to compare, not to be read.
 */
#ifndef AV_STORAGE_INDEX_STEM_H
#define AV_STORAGE_INDEX_STEM_H

#include "base/span.h"

/* Names of known languages, parted by commas, 1 to AV_QUERY_LANGUAGES_MAX of them: "english,german". */
bool av_stem_languages_valid(av_span languages);

typedef struct av_stemmer av_stemmer;

/* For the word `folded` in these languages (valid ones; NULL for others). One thread at a time. */
av_stemmer *av_stemmer_new(av_span languages, av_span folded);
void av_stemmer_destroy(av_stemmer **self);
/* In one of the languages both words have the same stem. */
bool av_stemmer_agrees(av_stemmer *self, av_span folded);
/*
 * Bytes at the beginning that every word with the same stem has like the word itself. Short words change early: fly
 * and flies are "fli", dying is "die".
 */
size_t av_stemmer_common(const av_stemmer *self);

#endif
