/*
 * secret.c - see secret.h; libsodium does the work
 */
#include "base/secret.h"

#include <sodium.h>

#define ARGON2_MEM_BYTES (19U * 1024 * 1024)
#define ARGON2_PASSES    2

_Static_assert(AV_PASSWORD_HASH_MAX >= crypto_pwhash_STRBYTES, "room for libsodium's string");

void
av_secret_init(void)
{
    if (sodium_init() < 0) {
        fprintf(stderr, "event=secret.init_failed level=fatal\n");
        abort();
    }
}

void
av_random_bytes(void *p, size_t n)
{
    randombytes_buf(p, n);
}

uint64_t
av_random_u64(void)
{
    uint64_t v;

    randombytes_buf(&v, sizeof v);
    return v;
}

void
av_secret_wipe(void *p, size_t n)
{
    if (p != NULL)
        explicit_bzero(p, n);
}

void
av_secret_free(char **s)
{
    if (*s != NULL)
        explicit_bzero(*s, strlen(*s));
    free(*s);
    *s = NULL;
}

bool
av_secret_eq(const void *a, const void *b, size_t n)
{
    return sodium_memcmp(a, b, n) == 0;
}

av_errc
av_password_hash(const char *password, char ret[AV_PASSWORD_HASH_MAX], av_error *err)
{
    if (crypto_pwhash_str_alg(
            ret, password, strlen(password), ARGON2_PASSES, ARGON2_MEM_BYTES, crypto_pwhash_ALG_ARGON2ID13) != 0)
        return av_error_set(err, AV_ERR_NOMEM, "not enough memory to hash a password (19 MiB are needed)");
    return AV_OK;
}

bool
av_password_verify(const char *hash, const char *password)
{
    return crypto_pwhash_str_verify(hash, password, strlen(password)) == 0;
}

void
av_password_generate(char ret[24])
{
    static const char alphabet[] = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

    for (size_t i = 0; i < 20; i++)
        ret[i] = alphabet[randombytes_uniform(sizeof alphabet - 1)];
    ret[20] = '\0';
}
