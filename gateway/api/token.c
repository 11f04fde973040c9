/*
 * token.c - see token.h
 *
 * Sealed: 16 bytes of id, length byte and name of the actor, length byte and name of the method.
 */
#include "gateway/api/token.h"

#include <sodium.h>

#include "base/encode.h"
#include "base/secret.h"

#define ID_BYTES    16
#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_BYTES   crypto_aead_xchacha20poly1305_ietf_ABYTES
#define PLAIN_MAX   (ID_BYTES + 2 * 256)
#define SEALED_MAX  (NONCE_BYTES + PLAIN_MAX + TAG_BYTES)

_Static_assert(2 * SEALED_MAX + 1 <= AV_API_TOKEN_MAX, "room for the hex digits");

/* RFC 5869 with one block of output. */
void
av_api_token_key(const uint8_t secret[32], uint8_t ret[AV_API_TOKEN_KEY])
{
    static const uint8_t salt[crypto_auth_hmacsha256_KEYBYTES]; /* RFC 5869, 2.2: none given is zeros */
    static const char info[] = "archivolt gateway operation token\x01";
    uint8_t prk[crypto_auth_hmacsha256_BYTES];

    (void)crypto_auth_hmacsha256(prk, secret, 32, salt);
    (void)crypto_auth_hmacsha256(ret, (const uint8_t *)info, sizeof info - 1, prk);
    av_secret_wipe(prk, sizeof prk);
}

static bool
put_name(av_buf *out, const char *name)
{
    size_t n = strlen(name);

    return n > 0 && n <= UINT8_MAX && av_buf_put_u8(out, (uint8_t)n) && av_buf_append(out, name, n);
}

static bool
get_name(av_span *in, char ret[256])
{
    uint8_t n = 0;
    av_span name;

    if (!av_span_get_u8(in, &n) || n == 0 || !av_span_get_bytes(in, n, &name))
        return false;
    memcpy(ret, name.p, n);
    ret[n] = '\0';
    return true;
}

bool
av_api_token_seal(const av_api_token *self, const char *administrator, const uint8_t key[AV_API_TOKEN_KEY],
    char ret[AV_API_TOKEN_MAX])
{
    AV_CLEANUP(av_buf_release) av_buf plain = { 0 };
    uint8_t id[ID_BYTES], sealed[SEALED_MAX];
    unsigned long long n = 0;

    av_buf_init(&plain, PLAIN_MAX);
    if (!av_hex_decode(av_span_of(self->operation, strlen(self->operation)), id, sizeof id) ||
        !av_buf_append(&plain, id, sizeof id) || !put_name(&plain, self->actor) || !put_name(&plain, self->method))
        return false;
    av_random_bytes(sealed, NONCE_BYTES);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + NONCE_BYTES, &n, plain.p, plain.n,
        (const uint8_t *)administrator, strlen(administrator), NULL, sealed, key);
    av_hex_encode(av_span_of(sealed, NONCE_BYTES + (size_t)n), ret);
    return true;
}

static bool
parse_plain(av_span in, av_api_token *ret)
{
    av_api_token token;
    av_span id;

    if (!av_span_get_bytes(&in, ID_BYTES, &id) || !get_name(&in, token.actor) || !get_name(&in, token.method) ||
        in.n != 0)
        return false;
    av_hex_encode(id, token.operation);
    *ret = token;
    return true;
}

bool
av_api_token_open(av_span text, const char *administrator, const uint8_t key[AV_API_TOKEN_KEY], av_api_token *ret)
{
    uint8_t sealed[SEALED_MAX], plain[PLAIN_MAX];
    size_t n = text.n / 2;
    unsigned long long plain_n = 0;

    if (text.n % 2 != 0 || n < NONCE_BYTES + TAG_BYTES || n > sizeof sealed || !av_hex_decode(text, sealed, n))
        return false;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, &plain_n, NULL, sealed + NONCE_BYTES, n - NONCE_BYTES,
            (const uint8_t *)administrator, strlen(administrator), sealed, key) != 0)
        return false;
    return parse_plain(av_span_of(plain, (size_t)plain_n), ret);
}
