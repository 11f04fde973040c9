/*
 * scram.c - see scram.h: verifiers and proofs; libsodium and OpenSSL do the work. The messages: scram_message.c
 */
#include "base/scram.h"

#include <openssl/evp.h>
#include <sodium.h>

#include "base/encode.h"
#include "base/secret.h"

#define PREPARED_MAX 8192

static void
hmac(const uint8_t key[AV_SCRAM_KEY], const av_span *pieces, size_t count, uint8_t ret[AV_SCRAM_KEY])
{
    crypto_auth_hmacsha256_state state;

    (void)crypto_auth_hmacsha256_init(&state, key, AV_SCRAM_KEY);
    for (size_t i = 0; i < count; i++)
        (void)crypto_auth_hmacsha256_update(&state, pieces[i].p, pieces[i].n);
    (void)crypto_auth_hmacsha256_final(&state, ret);
    av_secret_wipe(&state, sizeof state);
}

static void
hmac_text(const uint8_t key[AV_SCRAM_KEY], const char *text, uint8_t ret[AV_SCRAM_KEY])
{
    const av_span piece = av_span_str(text);

    hmac(key, &piece, 1, ret);
}

/* RFC 5802, 3: SaltedPassword is PBKDF2 with HMAC; ClientKey and ServerKey come of it. */
static bool
make_keys(av_span password, av_scram_verifier *v)
{
    uint8_t salted[AV_SCRAM_KEY], client_key[AV_SCRAM_KEY];
    bool ok = PKCS5_PBKDF2_HMAC((const char *)password.p, (int)password.n, v->salt, AV_SCRAM_SALT, (int)v->rounds,
                  EVP_sha256(), sizeof salted, salted) == 1;

    if (ok) {
        hmac_text(salted, "Client Key", client_key);
        av_sha256(av_span_of(client_key, sizeof client_key), v->stored_key);
        hmac_text(salted, "Server Key", v->server_key);
    }
    av_secret_wipe(salted, sizeof salted);
    av_secret_wipe(client_key, sizeof client_key);
    return ok;
}

av_errc
av_scram_verifier_make(const char *password, uint32_t rounds, av_scram_verifier *ret, av_error *err)
{
    AV_CLEANUP(av_buf_release_secret) av_buf prepared = { 0 };
    av_scram_verifier v = { .rounds = rounds };

    assert(rounds >= AV_SCRAM_ROUNDS_MIN && rounds <= INT32_MAX);
    av_buf_init(&prepared, PREPARED_MAX);
    if (!av_saslprep(av_span_str(password), &prepared) || prepared.n == 0)
        return av_error_set(err, AV_ERR_INVALID, "SASLprep (RFC 4013) does not allow this password");
    av_random_bytes(v.salt, sizeof v.salt);
    if (!make_keys(av_buf_span(&prepared), &v))
        return av_error_set(err, AV_ERR_NOMEM, "not enough memory to derive keys from a password");
    *ret = v;
    av_secret_wipe(&v, sizeof v);
    return AV_OK;
}

void
av_scram_verifier_decoy(const uint8_t key[32], av_span name, uint32_t rounds, av_scram_verifier *ret)
{
    const av_span pieces[] = { av_span_str("salt of nobody"), name };
    uint8_t out[AV_SCRAM_KEY];

    hmac(key, pieces, AV_COUNT(pieces), out);
    *ret = (av_scram_verifier){ .rounds = rounds };
    memcpy(ret->salt, out, sizeof ret->salt);
    av_random_bytes(ret->stored_key, sizeof ret->stored_key);
    av_random_bytes(ret->server_key, sizeof ret->server_key);
}

bool
av_scram_final_check(const av_scram_final *self, const av_scram_verifier *verifier, av_span first_bare,
    av_span first_answer, uint8_t ret[AV_SCRAM_KEY])
{
    const av_span comma = av_span_str(","), message[] = { first_bare, comma, first_answer, comma, self->without_proof };
    uint8_t signature[AV_SCRAM_KEY], key[AV_SCRAM_KEY], stored[AV_SCRAM_KEY];
    bool right;

    hmac(verifier->stored_key, message, AV_COUNT(message), signature);
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = self->proof[i] ^ signature[i];
    av_sha256(av_span_of(key, sizeof key), stored);
    right = av_secret_eq(stored, verifier->stored_key, sizeof stored);
    hmac(verifier->server_key, message, AV_COUNT(message), ret);
    av_secret_wipe(key, sizeof key);
    return right;
}
