/*
 * near.h - what is asked of all words of a text: some within a distance of each other, one with a certain stem
 *
 * Both go through the text's words as token.h gives them. Pure; several threads may use one av_near.
 */
#ifndef AV_STORAGE_INDEX_NEAR_H
#define AV_STORAGE_INDEX_NEAR_H

#include "storage/index/query.h"

typedef struct av_near av_near;

/* text and distance of a node of kind AV_QUERY_NEAR; copied. */
av_near *av_near_new(av_span text, uint32_t distance);
void av_near_destroy(av_near **self);
bool av_near_test(const av_near *self, av_span text);

/* A word of text has the same stem as `word`, the text of a node of kind AV_QUERY_STEM, in one of its languages. */
bool av_near_stem(av_span languages, av_span word, av_span text);

#endif
