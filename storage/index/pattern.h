/*
 * pattern.h - from a text node of a query to the terms an index is asked for
 *
 * Words, phrases and patterns are what phrase.h says, so that index and text decide alike; for a substring (IMAP) an
 * index is asked for words in a row of which the first and the last are open, and the text decides.
 */
#ifndef AV_STORAGE_INDEX_PATTERN_H
#define AV_STORAGE_INDEX_PATTERN_H

#include "storage/index/phrase.h"
#include "storage/index/stem.h"
#include "storage/postings/run.h"

enum { AV_PATTERN_PIECES = 64 }; /* words of a phrase; what is behind is left to the text */

typedef struct av_piece {
    av_word word;
    bool contains;   /* anywhere in a word: the form is not all of `word` */
    uint32_t offset; /* position, counted from the first piece */
    av_buf form;     /* where word.form is when it is not the phrase's */
    av_buf term;     /* kind byte and what every term that answers begins with */
} av_piece;

typedef struct av_pattern {
    av_phrase phrase;
    av_piece pieces[AV_PATTERN_PIECES];
    size_t n;
    bool exact; /* who has the pieces in a row (NEAR: close together) matches; else it may */
    bool substring;
    uint32_t within;     /* NEAR: positions from first to last; 0: in a row */
    av_stemmer *stemmer; /* STEM */
} av_pattern;

/* n = 0: the text has no word at all. One thread at a time. Release with av_pattern_release. */
void av_pattern_init(av_pattern *self, const av_query_node *node);
void av_pattern_release(av_pattern *self);
/* Exactly one term answers piece i: its term. */
bool av_pattern_is_closed(const av_pattern *self, size_t piece);
/* All terms that begin with piece i's term answer it. */
bool av_pattern_is_prefix(const av_pattern *self, size_t piece);
/* Does a term of the dictionary, one that begins with piece i's term, answer it? */
bool av_pattern_admits(const av_pattern *self, size_t piece, av_span term);

#endif
