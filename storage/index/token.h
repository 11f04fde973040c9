/*
 * token.h - text to the words an index knows
 *
 * A word is a run of letters, digits, marks and underscores; a change from or to a script that does not part words
 * (Han, Hiragana, Katakana, Hangul, Thai, Lao, Khmer, Myanmar) ends it, too. A run of these scripts gives every two
 * characters that stand side by side as a word, and its last character by itself: so any piece of it is found as words
 * in a row, and a single character as the beginning of a word. What is not seen (soft hyphens, joiners, direction
 * marks) is not there. Which character is what: fold.h.
 *
 * Each word comes in two forms: `folded` (case and accents gone: "Müller" is "muller", "ß" is "ss", "ø" is "o") and,
 * when that took accents away, `cased` (case alone gone, decomposed: NFD). Who asks without accents is answered by the
 * first, who asks with accents by the second. A form longer than AV_TOKEN_MAX bytes is cut there, at a whole
 * character: an index cannot tell it from others that begin so.
 *
 * A position grows from word to word by a step that says what stands between the two: white space alone, nothing (a
 * change of script, the next two characters), one of the marks in AV_TOKEN_MARKS, or anything else (MIXED). Every step
 * is at least AV_TOKEN_STEP and less than twice that. So one step is never the sum of others: two words whose positions
 * differ by a step stand side by side with just that between them, and words in a row are found with the marks as they
 * were written, by their positions alone; only MIXED leaves open what stands there. The first word has position 1.
 *
 * Pure; malformed UTF-8 counts as U+FFFD, a mark between words.
 */
#ifndef AV_STORAGE_INDEX_TOKEN_H
#define AV_STORAGE_INDEX_TOKEN_H

#include "base/span.h"

enum {
    AV_TOKEN_MAX = 64, /* bytes of a form */
    AV_TOKEN_STEP = 10,
    AV_TOKEN_STEP_SPACE = AV_TOKEN_STEP,       /* white space alone */
    AV_TOKEN_STEP_NOTHING = AV_TOKEN_STEP + 1, /* neither white space nor marks */
    AV_TOKEN_STEP_MIXED = AV_TOKEN_STEP + 2,   /* something else: the text itself must be asked */
    AV_TOKEN_STEP_MARK = AV_TOKEN_STEP + 3,    /* the first of AV_TOKEN_MARKS alone, the others follow */
    AV_TOKEN_APART = 5000 /* between texts that were put one behind the other: no words in a row, no NEAR across */
};
#define AV_TOKEN_MARKS         ".@-'/:,"
/* How far the positions of two words may be apart that stand within so many words of each other: 1 is side by side. */
#define AV_TOKEN_WITHIN(words) ((uint32_t)(words)*AV_TOKEN_STEP + AV_TOKEN_STEP - 1)

typedef struct av_token {
    av_span folded;    /* never empty; borrowed until the next call */
    av_span cased;     /* empty: the same as folded, but for letter case */
    uint64_t hash;     /* of folded: av_token_hash() */
    uint32_t position; /* 1 and up; stops at UINT32_MAX */
    uint32_t step;     /* from the word before; 0 for the first */
    bool cut;          /* a form was longer than AV_TOKEN_MAX */
    bool row;          /* one or two characters of a script that does not part words */
    size_t from, to;   /* bytes of the text it was made of */
} av_token;

typedef struct av_tokens {
    av_span text; /* borrowed */
    size_t at;
    uint32_t position;     /* of the last word; 0: none yet */
    size_t row_at, row_to; /* where `row` stands, a character of a row that is known already; SIZE_MAX: none */
    uint32_t row;
    uint8_t folded[AV_TOKEN_MAX + 16], cased[AV_TOKEN_MAX + 16];
} av_tokens;

void av_tokens_init(av_tokens *self, av_span text);
/* false at the end. */
bool av_tokens_next(av_tokens *self, av_token *ret);
/* Stable within a build; not for what strangers could crowd into one slot without a bound. */
uint64_t av_token_hash(av_span folded);
/* The step when this mark alone stands between two words. */
uint32_t av_token_step_of(uint32_t code_point);

/* What of the text stands before the first word and behind the last, for those who ask for ".pdf": true when it holds
 * anything but white space. Texts without a word: both false. */
void av_tokens_edges(av_span text, bool *ret_before, bool *ret_behind);

#endif
