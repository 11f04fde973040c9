/*
 * phrase.h - the text of a query as words in a row
 *
 * A phrase is a list of items: words, single characters of scripts that do not part words, white space, other
 * characters as they were written. It says what stands in a text that matches (needle.h finds it) and, as terms, what
 * an index has to be asked. Both follow token.h, so they say the same.
 */
#ifndef AV_STORAGE_INDEX_PHRASE_H
#define AV_STORAGE_INDEX_PHRASE_H

#include "base/buf.h"
#include "storage/index/query.h"
#include "storage/index/token.h"

typedef enum av_word_how {
    AV_WORD_IS,
    AV_WORD_BEGINS, /* the form begins so */
    AV_WORD_ENDS,   /* the form ends so */
    AV_WORD_LIKE    /* * and ? in the form */
} av_word_how;

/* A word that is asked for. */
typedef struct av_word {
    av_word_how how;
    bool accented; /* form is a cased form and asks for a word's cased form, else for its folded one */
    av_span form;  /* up to AV_WORD_MAX bytes */
} av_word;

enum { AV_WORD_MAX = 1024 };

/* Whether a word of a text, in its two forms (cased empty: as folded), is one that is asked for. */
bool av_word_fits(const av_word *self, av_span folded, av_span cased);

typedef enum av_phrase_kind { AV_PHRASE_WORD, AV_PHRASE_ROW, AV_PHRASE_SPACE, AV_PHRASE_MARK } av_phrase_kind;

typedef struct av_phrase_item {
    av_phrase_kind kind;
    av_word word;        /* AV_PHRASE_WORD */
    uint32_t code_point; /* AV_PHRASE_ROW: its form; AV_PHRASE_MARK */
    bool beside_pattern; /* AV_PHRASE_ROW: a wildcard stands right beside it */
} av_phrase_item;

/* What an index is asked: the term of `word`, `step` behind the one before (the first: 0). */
typedef struct av_phrase_term {
    av_word word; /* a long word as the beginning of what an index may have of it */
    uint32_t step;
} av_phrase_term;

typedef struct av_phrase {
    av_phrase_item *items;
    size_t count;
    av_phrase_term *terms;
    size_t term_count;
    /*
     * Terms at their steps are all there is to it: an index decides. Else what it finds may match and nothing else
     * does: a step is MIXED, a form was cut, or marks stand before the first or behind the last word. Without terms
     * anything may.
     */
    bool exact;
    size_t wildcards; /* * and ? taken as such */
    av_buf bytes;     /* where forms are */
} av_phrase;

/*
 * kind: AV_QUERY_WORD, _PREFIX, _SUFFIX, _WILDCARD, _NEAR (as _WILDCARD: items of the list), _STEM (as _WORD). text: of
 * a query's node. Release it whatever happened.
 */
void av_phrase_init(av_phrase *self, av_query_kind kind, av_span text);
void av_phrase_release(av_phrase *self);

#endif
