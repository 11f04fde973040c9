/*
 * token.h - the handle of a running call: which operation of which actor, sealed, good for one administrator
 *
 * Hex digits over XChaCha20-Poly1305 {operation id, actor, method}; the administrator's name is bound in, so that a
 * token is nothing in other hands. The key comes out of the gateway's CURVE secret: tokens outlive a restart of the
 * gateway, and nobody but this gateway can make or read one. Pure.
 */
#ifndef AV_GATEWAY_API_TOKEN_H
#define AV_GATEWAY_API_TOKEN_H

#include "base/buf.h"

#define AV_API_TOKEN_KEY 32
#define AV_API_TOKEN_MAX 1600 /* hex digits and NUL */

typedef struct av_api_token {
    char operation[33]; /* 32 hex digits */
    char actor[256];    /* instance/a, management */
    char method[256];   /* full name of the method that began it */
} av_api_token;

/* HKDF-SHA256 of the 32-byte secret with a label of its own. */
void av_api_token_key(const uint8_t secret[32], uint8_t ret[AV_API_TOKEN_KEY]);
/* false: a part is empty or too long, or the operation's id is not 32 hex digits. */
bool av_api_token_seal(const av_api_token *self, const char *administrator, const uint8_t key[AV_API_TOKEN_KEY],
    char ret[AV_API_TOKEN_MAX]);
/* false: not a token of this key and administrator. */
bool av_api_token_open(av_span text, const char *administrator, const uint8_t key[AV_API_TOKEN_KEY], av_api_token *ret);

#endif
