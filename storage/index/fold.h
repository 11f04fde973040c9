/*
 * fold.h - what a character is to a word, and what is left of it without letter case and accents
 *
 * A table made from ICU when the program is built (tools/foldgen): reading it costs two loads and needs no ICU.
 *
 * Letter case is the simple case fold; the drawing of a letter counts as case (full and half width, ligatures, the
 * shapes of Arabic letters). Accents are the marks of Latin, Greek and Cyrillic and the points of Hebrew and Arabic;
 * sharp s, ae, oe, thorn and letters with a stroke count as accented (ss, ae, oe, th, o, d, l...). A Cyrillic breve is
 * none: it makes another letter. Marks of other scripts are letters. Both forms are canonically decomposed (NFD), so
 * that it does not matter how a letter was written; characters of unspaced scripts and all of Hangul stay whole (NFC).
 */
#ifndef AV_STORAGE_INDEX_FOLD_H
#define AV_STORAGE_INDEX_FOLD_H

#include "base/unicode.h"

enum { AV_FOLD_BLOCK = 128, AV_FOLD_BYTES = 18, AV_FOLD_BREVE = 0x306 };

typedef enum av_fold_class {
    AV_FOLD_OTHER,   /* a mark between words */
    AV_FOLD_SPACE,   /* white space, zero-width space too */
    AV_FOLD_IGNORED, /* not there: soft hyphen, joiners, direction and variation marks */
    AV_FOLD_WORD,    /* letter, digit, underscore */
    AV_FOLD_ROW,     /* the same of a script that does not part words: Han, kana, Hangul, Thai, Lao, Khmer, Myanmar */
    AV_FOLD_ACCENT,  /* belongs to the letter before it; by itself it is AV_FOLD_OTHER */
    AV_FOLD_VOICE    /* the two sound marks of kana, the same way */
} av_fold_class;

typedef struct av_fold {
    uint8_t class;                                       /* av_fold_class */
    uint8_t combining;                                   /* canonical combining class */
    uint8_t accented;                                    /* folded and cased differ */
    uint8_t folded_n, cased_n;                           /* 0: the character itself is its form */
    uint8_t folded[AV_FOLD_BYTES], cased[AV_FOLD_BYTES]; /* UTF-8 */
} av_fold;

/* The table; read it by the functions below. */
extern const av_fold av_fold_entries[];
extern const uint16_t av_fold_ids[][AV_FOLD_BLOCK];
extern const uint16_t av_fold_blocks[];
/* The folded form of ASCII letters, digits and underscore; 0 for all other bytes. */
extern const uint8_t av_fold_ascii[256];
/* The version of Unicode it was made of, "15.0": where it changes, words do. */
extern const char av_fold_unicode[];

/* code_point is at most 0x10FFFF. */
static inline const av_fold *
av_fold_of(uint32_t code_point)
{
    return &av_fold_entries[av_fold_ids[av_fold_blocks[code_point / AV_FOLD_BLOCK]][code_point % AV_FOLD_BLOCK]];
}

static inline bool
av_fold_is_cyrillic(uint32_t code_point)
{
    return code_point >= 0x400 && code_point < 0x530;
}

/* A letter, digit or underscore of any script. */
static inline bool
av_fold_is_letter(uint32_t code_point)
{
    uint8_t class = av_fold_of(code_point)->class;

    return class == AV_FOLD_WORD || class == AV_FOLD_ROW;
}

/*
 * One character of an unspaced script: its form, with the sound mark or the Hangul letters behind it that make one
 * character with it. in stands at a character of class AV_FOLD_ROW and moves behind all that belongs to it (accents and
 * what is ignored, too). Asks ICU when a second part is there.
 */
uint32_t av_fold_take_row(av_span *in);

#endif
