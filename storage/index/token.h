/*
 * token.h - text to the words an index knows
 *
 * A word is a run of letters, digits, marks and underscores (av_unicode_is_word); a change from or to a script that does
 * not part words (av_unicode_is_unspaced: Han, Hiragana, Katakana, Hangul, Thai) ends it, too. A run of these scripts
 * gives every two characters that stand side by side as a word, and its last character by itself: so any piece of it
 * is found as words in a row, and a single character as the beginning of a word.
 *
 * Each word comes in two forms: `folded` (case and accents gone: "Müller" is "muller", "ß" is "ss", "ø" is "o") and,
 * when that took accents away, `cased` (case alone gone, NFC: "müller"). Who asks without accents is answered by the
 * first, who asks with accents by the second. A word longer than AV_TOKEN_MAX bytes is cut there, at a whole
 * character: an index cannot tell it from others that begin so.
 *
 * A position grows from word to word by a step that says what stands between the two: 1 white space alone, 2 anything
 * mixed or not ASCII, 3 nothing (a change of script, the next two characters), 4 to 34 one ASCII punctuation mark (each its
 * own step, AV_STEP_...). So words in a row are found with the marks as they were written, by their positions alone;
 * only step 2 leaves open what stands there. Line ends are white space. The first word has position 1.
 *
 * Pure; malformed UTF-8 counts as U+FFFD, a mark between words.
 */
#ifndef AV_STORAGE_INDEX_TOKEN_H
#define AV_STORAGE_INDEX_TOKEN_H

#include "base/span.h"

enum {
    AV_TOKEN_MAX = 64,        /* bytes of a form */
    AV_TOKEN_STEP_SPACE = 1,  /* white space alone */
    AV_TOKEN_STEP_MIXED = 2,  /* something else: the text itself must be asked */
    AV_TOKEN_STEP_NOTHING = 3 /* neither */
};

typedef struct av_token {
    av_span folded;    /* never empty; borrowed until the next call */
    av_span cased;     /* empty: the same as folded, but for letter case */
    uint64_t hash;     /* of folded: av_token_hash() */
    uint32_t position; /* 1 and up; stops at UINT32_MAX */
    uint32_t step;     /* from the word before */
    bool cut;          /* longer than AV_TOKEN_MAX */
    size_t from, to;   /* bytes of the text it was made of */
} av_token;

typedef struct av_tokens {
    av_span text; /* borrowed */
    size_t at;
    uint32_t position;
    size_t last_to;
    bool in_row; /* inside a run of a script that does not part words */
    uint8_t folded[AV_TOKEN_MAX + 16], cased[AV_TOKEN_MAX + 16];
} av_tokens;

void av_tokens_init(av_tokens *self, av_span text);
/* false at the end. */
bool av_tokens_next(av_tokens *self, av_token *ret);
uint64_t av_token_hash(av_span folded);

/* What of the text stands before the first word and behind the last, for those who ask for ".pdf": true when it holds
 * anything but white space. Texts without a word: both false. */
void av_tokens_edges(av_span text, bool *ret_before, bool *ret_behind);

#endif
