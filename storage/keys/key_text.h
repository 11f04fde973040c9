/*
 * key_text.h - recovery keys and instance keys as a person reads, types and prints them
 *
 * AVR1-04HMA-... : four letters tell the kind, then 14 groups of five. Alphabet of Crockford's base 32 (no I, L, O, U);
 * letter case, spaces, dashes and line ends do not matter, O is read as 0, I and L as 1. Each group ends with a check
 * letter, so a typing mistake is named by its group. Pure: no I/O. Exact form: docs/format-keys.md, 6.
 */
#ifndef AV_KEYS_KEY_TEXT_H
#define AV_KEYS_KEY_TEXT_H

#include "base/buf.h"
#include "base/error.h"

#define AV_KEY_TEXT    90 /* bytes of a key as text, with NUL */
#define AV_KEY_ID_TEXT 10 /* bytes of an identifier as text, with NUL: "XXXX-XXXX" */

typedef enum av_key_kind {
    AV_KEY_RECOVERY = 1, /* "AVR1": private half of a recovery key */
    AV_KEY_INSTANCE = 2, /* "AVN1" */
} av_key_kind;

typedef struct av_key {
    av_key_kind kind;
    uint8_t bytes[32];
} av_key;

/* A random instance key or a new recovery pair (its private half). The caller wipes ret with av_key_wipe. */
void av_key_generate(av_key_kind kind, av_key *ret);
/* For AV_CLEANUP, too. */
void av_key_wipe(av_key *self);
/* The public half; self is a recovery key. */
void av_key_recovery_public(const av_key *self, uint8_t ret[32]);

/* Identifiers: 40 bits that say which key is meant and nothing about it. */
void av_key_id(const av_key *self, char ret[AV_KEY_ID_TEXT]);
void av_key_id_of_instance_key(const uint8_t key[32], char ret[AV_KEY_ID_TEXT]);
void av_key_id_of_recovery_public(const uint8_t public_half[32], char ret[AV_KEY_ID_TEXT]);

void av_key_format(const av_key *self, char ret[AV_KEY_TEXT]);
/*
 * AV_ERR_SYNTAX with a sentence that names the wrong group where the check letters tell, and never the text itself.
 * ret is set on success only.
 */
av_errc av_key_parse(av_span text, av_key *ret, av_error *err);

/*
 * The sheet to print and lock away: plain text, lines of at most 78 letters, LF. instance: its name as people know it;
 * date: "2026-11-22", as text. false when out is full. out is a secret: av_buf_release_secret.
 */
bool av_key_recovery_sheet(const av_key *self, const char *instance, const char *date, av_buf *out);

#endif
