/*
 * seal.c - see seal.h
 *
 * HMACs of digests are made of OpenSSL's plain SHA-256, which uses the processor's instructions: 0.23 us where libsodium
 * takes 1.0 and OpenSSL's own one-shot form 1.5. What is made once a group is libsodium's.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* SHA256_Init and its kin, see above */
#include "storage/crypto/seal.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <sodium.h>

#include "base/secret.h"

#define NONCE_SIZE 12
#define AAD_SIZE   48

struct av_seal {
    EVP_CIPHER *cipher;
    EVP_CIPHER_CTX *ctx;
};

av_errc
av_seal_new(av_seal **ret, av_error *err)
{
    av_seal *self = av_xcalloc(1, sizeof *self);

    self->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    self->ctx = EVP_CIPHER_CTX_new();
    if (self->cipher == NULL || self->ctx == NULL) {
        av_seal_destroy(&self);
        return av_error_set(err, AV_ERR_INTERNAL, "OpenSSL of this machine has no AES-256-GCM");
    }
    *ret = self;
    return AV_OK;
}

void
av_seal_destroy(av_seal **self)
{
    if (*self == NULL)
        return;
    EVP_CIPHER_CTX_free((*self)->ctx);
    EVP_CIPHER_free((*self)->cipher);
    free(*self);
    *self = NULL;
}

/* RFC 2104: the key's block, with pad over it, begins the hash. */
static void
hmac_half(SHA256_CTX *ctx, const uint8_t key[AV_SEAL_KEY], uint8_t pad)
{
    uint8_t block[SHA256_CBLOCK];

    memset(block, pad, sizeof block);
    for (size_t i = 0; i < AV_SEAL_KEY; i++)
        block[i] ^= key[i];
    (void)SHA256_Init(ctx);
    (void)SHA256_Update(ctx, block, sizeof block);
    av_secret_wipe(block, sizeof block);
}

void
av_seal_hmac(const uint8_t key[AV_SEAL_KEY], av_span data, uint8_t ret[32])
{
    SHA256_CTX ctx;
    uint8_t inner[SHA256_DIGEST_LENGTH];

    hmac_half(&ctx, key, 0x36);
    if (data.n > 0)
        (void)SHA256_Update(&ctx, data.p, data.n);
    (void)SHA256_Final(inner, &ctx);
    hmac_half(&ctx, key, 0x5C);
    (void)SHA256_Update(&ctx, inner, sizeof inner);
    (void)SHA256_Final(ret, &ctx);
    av_secret_wipe(&ctx, sizeof ctx);
    av_secret_wipe(inner, sizeof inner);
}

static void
put_le(uint8_t *p, uint64_t v, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

/* RFC 5869, 2: extract with salt and LSN, expand to one block of 32 bytes. */
void
av_seal_record_key(
    const uint8_t log_key[AV_SEAL_KEY], const uint8_t salt[AV_SEAL_SALT], uint64_t lsn, uint8_t ret[AV_SEAL_KEY])
{
    static const uint8_t info_and_counter[] = "archivolt record\x01"; /* its NUL is not taken */
    crypto_auth_hmacsha256_state state;
    uint8_t whole_salt[AV_SEAL_SALT + 8], prk[32];

    memcpy(whole_salt, salt, AV_SEAL_SALT);
    put_le(whole_salt + AV_SEAL_SALT, lsn, 8);
    (void)crypto_auth_hmacsha256_init(&state, whole_salt, sizeof whole_salt);
    (void)crypto_auth_hmacsha256_update(&state, log_key, AV_SEAL_KEY);
    (void)crypto_auth_hmacsha256_final(&state, prk);
    av_seal_hmac(prk, av_span_of(info_and_counter, sizeof info_and_counter - 1), ret);
    av_secret_wipe(prk, sizeof prk);
    av_secret_wipe(&state, sizeof state);
}

void
av_seal_dropped(const uint8_t log_key[AV_SEAL_KEY], const uint8_t store_uuid[16], uint64_t lsn, uint64_t group,
    av_span body, uint8_t ret[AV_SEAL_SALT])
{
    static const uint8_t label[] = "archivolt dropped"; /* its NUL is not taken */
    crypto_auth_hmacsha256_state state;
    uint8_t place[16], mac[32];

    put_le(place, lsn, 8);
    put_le(place + 8, group, 8);
    (void)crypto_auth_hmacsha256_init(&state, log_key, AV_SEAL_KEY);
    (void)crypto_auth_hmacsha256_update(&state, label, sizeof label - 1);
    (void)crypto_auth_hmacsha256_update(&state, store_uuid, 16);
    (void)crypto_auth_hmacsha256_update(&state, place, sizeof place);
    (void)crypto_auth_hmacsha256_update(&state, body.p, body.n);
    (void)crypto_auth_hmacsha256_final(&state, mac);
    memcpy(ret, mac, AV_SEAL_SALT);
    av_secret_wipe(mac, sizeof mac);
    av_secret_wipe(&state, sizeof state);
}

static void
make_nonce(const av_seal_place *place, uint8_t nonce[NONCE_SIZE])
{
    memset(nonce, 0, NONCE_SIZE);
    for (unsigned i = 0; i < 4; i++)
        nonce[7 + i] = (uint8_t)(place->piece >> (24 - 8 * i));
    nonce[11] = place->last ? 1 : 0;
}

static void
make_aad(const av_seal_place *place, uint8_t aad[AAD_SIZE])
{
    static const uint8_t label[4] = { 'A', 'V', 'L', 'T' };

    memcpy(aad, label, sizeof label);
    put_le(aad + 4, place->format, 2);
    aad[6] = place->kind;
    aad[7] = place->last ? 1 : 0;
    memcpy(aad + 8, place->store_uuid, 16);
    put_le(aad + 24, place->container, 4);
    put_le(aad + 28, place->lsn, 8);
    put_le(aad + 36, place->group, 8);
    put_le(aad + 44, place->piece, 4);
}

static av_errc
start(av_seal *self, const uint8_t *key, const av_seal_place *place, av_span more, int encrypt, av_error *err)
{
    uint8_t nonce[NONCE_SIZE], aad[AAD_SIZE];
    int n = 0;

    make_nonce(place, nonce);
    make_aad(place, aad);
    if (EVP_CipherInit_ex2(self->ctx, self->cipher, key, nonce, encrypt, NULL) != 1 ||
        EVP_CipherUpdate(self->ctx, NULL, &n, aad, AAD_SIZE) != 1 ||
        (more.n > 0 && EVP_CipherUpdate(self->ctx, NULL, &n, more.p, (int)more.n) != 1))
        return av_error_set(err, AV_ERR_INTERNAL, "AES-256-GCM cannot be started");
    return AV_OK;
}

av_errc
av_seal_piece(av_seal *self, const uint8_t key[AV_SEAL_KEY], const av_seal_place *place, av_span more, av_span plain,
    uint8_t *ret, av_error *err)
{
    int n = 0;
    av_errc rc = start(self, key, place, more, 1, err);

    assert(plain.n <= INT_MAX - AV_SEAL_TAG && more.n <= INT_MAX);
    if (rc != AV_OK)
        return rc;
    if ((plain.n > 0 && EVP_CipherUpdate(self->ctx, ret, &n, plain.p, (int)plain.n) != 1) ||
        EVP_CipherFinal_ex(self->ctx, ret + plain.n, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(self->ctx, EVP_CTRL_AEAD_GET_TAG, AV_SEAL_TAG, ret + plain.n) != 1)
        return av_error_set(err, AV_ERR_INTERNAL, "AES-256-GCM failed to seal");
    return AV_OK;
}

av_errc
av_seal_open(av_seal *self, const uint8_t key[AV_SEAL_KEY], const av_seal_place *place, av_span more, av_span sealed,
    uint8_t *ret, av_error *err)
{
    uint8_t tag[AV_SEAL_TAG], dummy[16];
    size_t n = sealed.n - AV_SEAL_TAG;
    int out = 0;
    av_errc rc;

    if (sealed.n < AV_SEAL_TAG || sealed.n > INT_MAX)
        return av_error_set(err, AV_ERR_CORRUPT, "a sealed piece of %zu bytes is too short or too long", sealed.n);
    memcpy(tag, sealed.p + n, AV_SEAL_TAG);
    rc = start(self, key, place, more, 0, err);
    if (rc != AV_OK)
        return rc;
    if ((n > 0 && EVP_CipherUpdate(self->ctx, ret, &out, sealed.p, (int)n) != 1) ||
        EVP_CIPHER_CTX_ctrl(self->ctx, EVP_CTRL_AEAD_SET_TAG, AV_SEAL_TAG, tag) != 1 ||
        EVP_CipherFinal_ex(self->ctx, dummy, &out) != 1)
        return av_error_set(err, AV_ERR_CORRUPT, "a sealed piece does not open: its bytes were changed");
    return AV_OK;
}
