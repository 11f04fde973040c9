/*
 * witness.c - what a guarded file says of its own contents: a length, and a MAC over that many sealed bytes
 *
 * RocksDB takes a MANIFEST record that seems to reach beyond the end of the file for one a crash cut off, and drops it
 * in silence; a changed bit in a length is enough, and the table that the record brought is gone. A file with a witness
 * has its end written down and its bytes vouched for.
 */
#include <sodium.h>

#include "base/secret.h"
#include "base/util.h"
#include "storage/sealed/sealed_priv.h"

#define MAC 32U

struct sealed_mac {
    crypto_auth_hmacsha256_state state;
    uint64_t length;
};

sealed_mac *
sealed_mac_new(const sealed_cipher *cipher)
{
    sealed_mac *self = av_xcalloc(1, sizeof *self);

    (void)crypto_auth_hmacsha256_init(&self->state, sealed_cipher_mac_key(cipher), 32);
    return self;
}

void
sealed_mac_destroy(sealed_mac **self)
{
    if (*self == NULL)
        return;
    av_secret_wipe(*self, sizeof **self);
    free(*self);
    *self = NULL;
}

void
sealed_mac_add(sealed_mac *self, const uint8_t *p, size_t n)
{
    (void)crypto_auth_hmacsha256_update(&self->state, p, n);
    self->length += n;
}

/* length (8, little-endian), MAC (32) over the bytes and the length, zeros (8) */
void
sealed_mac_witness(const sealed_mac *self, uint8_t ret[SEALED_WITNESS])
{
    crypto_auth_hmacsha256_state state = self->state;

    memset(ret, 0, SEALED_WITNESS);
    for (unsigned i = 0; i < 8; i++)
        ret[i] = (uint8_t)(self->length >> (8 * i));
    (void)crypto_auth_hmacsha256_update(&state, ret, 8);
    (void)crypto_auth_hmacsha256_final(&state, ret + 8);
    _Static_assert(8 + MAC <= SEALED_WITNESS, "the witness has room for its MAC");
    av_secret_wipe(&state, sizeof state);
}

uint64_t
sealed_witness_length(const uint8_t witness[SEALED_WITNESS])
{
    uint64_t n = 0;

    for (unsigned i = 8; i-- > 0;)
        n = n << 8 | witness[i];
    return n;
}
