/*
 * cipher.c - header and key of one sealed file, AES-256-CTR at any offset (docs/format-database.md)
 *
 * Setting up a key costs more than a small block: a file keeps a few cipher contexts with their key in place, and a
 * reader takes one, sets the counter and puts it back. No I/O here.
 */
#include <openssl/evp.h>
#include <sodium.h>
#include <stdatomic.h>

#include "base/encode.h"
#include "base/secret.h"
#include "storage/sealed/sealed_priv.h"

#define VERSION  1U
#define SALT     16U
#define CHECK    16U
#define BLOCK    16U
#define SPARE    4U         /* contexts a file keeps; more readers at once make their own */
#define RUN_MAX  (1U << 30) /* bytes of one call into OpenSSL, which counts in int */
#define SALT_AT  12U
#define CHECK_AT (SALT_AT + SALT)
#define CRC_AT   (CHECK_AT + CHECK) /* over all before it; the witness follows */
#define FLAGS_AT 10U
#define GUARDED  1U

static const uint8_t magic[8] = { 'A', 'V', 'S', 'E', 'A', 'L', 'D', 'B' };

struct sealed_base {
    uint8_t key[AV_SEALED_KEY];
    EVP_CIPHER *ctr;
};

/* What HKDF gives for one file, in its order. */
struct file_keys {
    uint8_t key[32];
    uint8_t counter[BLOCK]; /* of the first block */
    uint8_t check[CHECK];
    uint8_t mac[32];
};

struct sealed_cipher {
    const sealed_base *base;
    struct file_keys keys;
    bool guarded;
    _Atomic(EVP_CIPHER_CTX *) spare[SPARE];
};

av_errc
sealed_base_new(const uint8_t key[AV_SEALED_KEY], sealed_base **ret, av_error *err)
{
    sealed_base *self = av_xcalloc(1, sizeof *self);

    memcpy(self->key, key, sizeof self->key);
    self->ctr = EVP_CIPHER_fetch(NULL, "AES-256-CTR", NULL);
    if (self->ctr == NULL) {
        sealed_base_destroy(&self);
        return av_error_set(err, AV_ERR_INTERNAL, "OpenSSL of this machine has no AES-256-CTR");
    }
    *ret = self;
    return AV_OK;
}

void
sealed_base_destroy(sealed_base **self)
{
    if (*self == NULL)
        return;
    EVP_CIPHER_free((*self)->ctr);
    av_secret_wipe((*self)->key, sizeof(*self)->key);
    free(*self);
    *self = NULL;
}

/* RFC 5869: HKDF-SHA-256, three blocks. */
static void
derive(const sealed_base *base, const uint8_t salt[SALT], struct file_keys *ret)
{
    enum { BLOCKS = 3 };
    static const char label[] = "archivolt database file";
    crypto_auth_hmacsha256_state state;
    uint8_t prk[32], block[BLOCKS][32];

    _Static_assert(sizeof *ret == sizeof block, "whole blocks of SHA-256");
    (void)crypto_auth_hmacsha256_init(&state, salt, SALT);
    (void)crypto_auth_hmacsha256_update(&state, base->key, sizeof base->key);
    (void)crypto_auth_hmacsha256_final(&state, prk);
    for (unsigned i = 0; i < BLOCKS; i++) {
        uint8_t number = (uint8_t)(i + 1);

        (void)crypto_auth_hmacsha256_init(&state, prk, sizeof prk);
        if (i > 0)
            (void)crypto_auth_hmacsha256_update(&state, block[i - 1], sizeof block[0]);
        (void)crypto_auth_hmacsha256_update(&state, (const uint8_t *)label, sizeof label - 1);
        (void)crypto_auth_hmacsha256_update(&state, &number, 1);
        (void)crypto_auth_hmacsha256_final(&state, block[i]);
    }
    memcpy(ret, block, sizeof block);
    av_secret_wipe(&state, sizeof state);
    av_secret_wipe(prk, sizeof prk);
    av_secret_wipe(block, sizeof block);
}

static void
put_le(uint8_t *p, uint32_t v, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

sealed_cipher *
sealed_cipher_new(const sealed_base *base, bool guarded, uint8_t ret_header[SEALED_HEADER])
{
    sealed_cipher *self = av_xcalloc(1, sizeof *self);

    self->base = base;
    self->guarded = guarded;
    memset(ret_header, 0, SEALED_HEADER);
    memcpy(ret_header, magic, sizeof magic);
    put_le(ret_header + sizeof magic, VERSION, 2);
    put_le(ret_header + FLAGS_AT, guarded ? GUARDED : 0, 2);
    av_random_bytes(ret_header + SALT_AT, SALT);
    derive(base, ret_header + SALT_AT, &self->keys);
    memcpy(ret_header + CHECK_AT, self->keys.check, CHECK);
    put_le(ret_header + CRC_AT, av_crc32c(0, av_span_of(ret_header, CRC_AT)), 4);
    return self;
}

static bool
is_zero(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != 0)
            return false;
    return true;
}

bool
sealed_header_is_torn(const uint8_t *p, size_t n)
{
    return is_zero(p, AV_MIN(n, CRC_AT + 4)) || (n < SEALED_HEADER && memcmp(p, magic, AV_MIN(n, sizeof magic)) == 0);
}

av_errc
sealed_cipher_open(const sealed_base *base, const uint8_t header[SEALED_HEADER], sealed_cipher **ret, av_error *err)
{
    AV_CLEANUP(sealed_cipher_destroy) sealed_cipher *self = NULL;
    uint8_t crc[4];

    if (memcmp(header, magic, sizeof magic) != 0)
        return av_error_set(err, AV_ERR_CORRUPT,
            "not a sealed file, or this " AV_SEALED_SAYS_DAMAGED ": its first bytes are not the mark of one");
    put_le(crc, av_crc32c(0, av_span_of(header, CRC_AT)), 4);
    if (memcmp(crc, header + CRC_AT, sizeof crc) != 0)
        return av_error_set(err, AV_ERR_CORRUPT, "the header of this " AV_SEALED_SAYS_DAMAGED);
    if (header[sizeof magic] != VERSION || header[sizeof magic + 1] != 0 || (header[FLAGS_AT] & ~GUARDED) != 0 ||
        header[FLAGS_AT + 1] != 0)
        return av_error_set(err, AV_ERR_VERSION, AV_SEALED_SAYS_NEWER ": it has version %u",
            (unsigned)(header[sizeof magic] | header[sizeof magic + 1] << 8));
    self = av_xcalloc(1, sizeof *self);
    self->base = base;
    self->guarded = (header[FLAGS_AT] & GUARDED) != 0;
    derive(base, header + SALT_AT, &self->keys);
    if (!av_secret_eq(self->keys.check, header + CHECK_AT, CHECK))
        return av_error_set(err, AV_ERR_AUTH, AV_SEALED_SAYS_KEY);
    *ret = AV_TAKE(self);
    return AV_OK;
}

void
sealed_cipher_destroy(sealed_cipher **self)
{
    if (*self == NULL)
        return;
    for (size_t i = 0; i < SPARE; i++)
        EVP_CIPHER_CTX_free(atomic_load(&(*self)->spare[i]));
    av_secret_wipe(&(*self)->keys, sizeof(*self)->keys);
    free(*self);
    *self = NULL;
}

bool
sealed_cipher_is_guarded(const sealed_cipher *self)
{
    return self->guarded;
}

const uint8_t *
sealed_cipher_mac_key(const sealed_cipher *self)
{
    return self->keys.mac;
}

static EVP_CIPHER_CTX *
take_context(sealed_cipher *self)
{
    EVP_CIPHER_CTX *ctx;

    for (size_t i = 0; i < SPARE; i++) {
        ctx = atomic_exchange(&self->spare[i], NULL);
        if (ctx != NULL)
            return ctx;
    }
    ctx = EVP_CIPHER_CTX_new();
    if (ctx != NULL && EVP_EncryptInit_ex2(ctx, self->base->ctr, self->keys.key, NULL, NULL) != 1) {
        EVP_CIPHER_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

static void
give_back(sealed_cipher *self, EVP_CIPHER_CTX *ctx)
{
    for (size_t i = 0; i < SPARE; i++) {
        EVP_CIPHER_CTX *none = NULL;

        if (atomic_compare_exchange_strong(&self->spare[i], &none, ctx))
            return;
    }
    EVP_CIPHER_CTX_free(ctx);
}

/* counter + block, 128 bits, big-endian. */
static void
counter_at(const uint8_t counter[BLOCK], uint64_t block, uint8_t ret[BLOCK])
{
    unsigned carry = 0;

    for (unsigned i = BLOCK; i-- > 0;) {
        unsigned sum = counter[i] + (unsigned)(block & 0xFF) + carry;

        ret[i] = (uint8_t)sum;
        carry = sum >> 8;
        block >>= 8;
    }
}

static bool
run(EVP_CIPHER_CTX *ctx, const uint8_t *first, unsigned skip, const uint8_t *in, uint8_t *out, size_t n)
{
    static const uint8_t zeros[BLOCK];
    uint8_t unused[BLOCK];
    int got = 0;

    if (EVP_EncryptInit_ex2(ctx, NULL, NULL, first, NULL) != 1)
        return false;
    if (skip > 0 && EVP_EncryptUpdate(ctx, unused, &got, zeros, (int)skip) != 1)
        return false;
    for (size_t done = 0; done < n;) {
        int part = (int)AV_MIN(n - done, RUN_MAX);

        if (EVP_EncryptUpdate(ctx, out + done, &got, in + done, part) != 1 || got != part)
            return false;
        done += (size_t)part;
    }
    return true;
}

av_errc
sealed_cipher_run(sealed_cipher *self, uint64_t at, const uint8_t *in, uint8_t *out, size_t n, av_error *err)
{
    EVP_CIPHER_CTX *ctx = take_context(self);
    uint8_t first[BLOCK];

    counter_at(self->keys.counter, at / BLOCK, first);
    if (ctx == NULL || !run(ctx, first, (unsigned)(at % BLOCK), in, out, n)) {
        EVP_CIPHER_CTX_free(ctx);
        return av_error_set(err, AV_ERR_NOMEM, "OpenSSL could not set up AES");
    }
    give_back(self, ctx);
    return AV_OK;
}
