/*
 * derive.c - keys from keys, and the short marks that tell keys apart (docs/format-keys.md, 1)
 */
#include <sodium.h>

#include "base/encode.h"
#include "base/secret.h"
#include "storage/keys/key_text.h"
#include "storage/keys/keys_priv.h"

void
keys_derive(const uint8_t key[32], const char *label, uint8_t ret[32])
{
    static const uint8_t counter = 1; /* RFC 5869, 2.3: T(1) */
    size_t n = strlen(label);
    crypto_auth_hmacsha256_state state;

    assert(n > 0 && n <= 32);
    (void)crypto_auth_hmacsha256_init(&state, key, KEYS_SIZE);
    (void)crypto_auth_hmacsha256_update(&state, (const uint8_t *)label, n);
    (void)crypto_auth_hmacsha256_update(&state, &counter, 1);
    (void)crypto_auth_hmacsha256_final(&state, ret);
    av_secret_wipe(&state, sizeof state);
}

void
keys_check(const uint8_t key[32], uint8_t ret[KEYS_CHECK])
{
    uint8_t whole[32];

    keys_derive(key, "archivolt key check", whole);
    memcpy(ret, whole, KEYS_CHECK);
    av_secret_wipe(whole, sizeof whole);
}

void
keys_check_recovery(const uint8_t public_half[32], uint8_t ret[KEYS_CHECK])
{
    static const char label[] = "archivolt recovery";
    uint8_t in[sizeof label - 1 + 32], whole[32];

    memcpy(in, label, sizeof label - 1);
    memcpy(in + sizeof label - 1, public_half, 32);
    av_sha256(av_span_of(in, sizeof in), whole);
    memcpy(ret, whole, KEYS_CHECK);
}

void
keys_id_text(const uint8_t check[KEYS_CHECK], char *ret)
{
    static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    uint64_t bits = 0;
    char *p = ret;

    for (unsigned i = 0; i < 5; i++)
        bits = bits << 8 | check[i];
    for (unsigned i = 0; i < 8; i++) {
        if (i == 4)
            *p++ = '-';
        *p++ = alphabet[bits >> (35 - 5 * i) & 31];
    }
    *p = '\0';
    assert(p - ret == AV_KEY_ID_TEXT - 1);
}
