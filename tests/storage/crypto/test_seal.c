/*
 * test_seal.c - HKDF and HMAC against RFC vectors, GCM pieces that open only where they belong
 */
#include <sodium.h>

#include "base/encode.h"
#include "base/secret.h"
#include "storage/crypto/seal.h"
#include "tests/check.h"

static const uint8_t uuid[16] = { 1, 2, 3 };

static av_seal_place
place(void)
{
    return (av_seal_place){
        .store_uuid = uuid, .format = 1, .kind = 1, .last = true, .container = 1, .lsn = 77, .group = 3, .piece = 5
    };
}

/* RFC 4231, 4.7 has a key longer than ours; 4.2's key is padded with zeros, which HMAC does itself: same result. */
static void
test_hmac(void)
{
    uint8_t key[32] = { 0 }, mac[32];
    char hex[65];

    memset(key, 0x0b, 20);
    av_seal_hmac(key, av_span_str("Hi There"), mac);
    av_hex_encode(av_span_of(mac, 32), hex);
    AV_CHECK_STR(hex, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
}

/* Keys and lengths of all kinds, around the block of SHA-256: what libsodium says. */
static void
test_hmac_of_any_length(void)
{
    uint8_t key[32], data[200], mac[32], want[crypto_auth_hmacsha256_BYTES];

    for (size_t n = 0; n <= sizeof data; n++) {
        av_random_bytes(key, sizeof key);
        av_random_bytes(data, sizeof data);
        av_seal_hmac(key, av_span_of(data, n), mac);
        (void)crypto_auth_hmacsha256(want, data, n, key);
        AV_CHECK_MEM(mac, sizeof mac, want, sizeof want);
    }
}

static void
test_record_key(void)
{
    uint8_t key[32] = { 0 }, salt[AV_SEAL_SALT] = { 0 }, a[32], b[32];

    av_seal_record_key(key, salt, 1, a);
    av_seal_record_key(key, salt, 1, b);
    AV_CHECK_MEM(a, 32, b, 32);
    av_seal_record_key(key, salt, 1ULL << 63, b);
    AV_CHECK(memcmp(a, b, 32) != 0);
    salt[7] = 1;
    av_seal_record_key(key, salt, 1, b);
    AV_CHECK(memcmp(a, b, 32) != 0);
    key[0] = 1;
    av_seal_record_key(key, salt, 1, a);
    AV_CHECK(memcmp(a, b, 32) != 0);
}

/* The same number as another program's HKDF gives: key 00 01 .. 1F, salt A0 .. A7, LSN 0x0000000100000080. */
static void
test_record_key_vector(void)
{
    uint8_t key[32], salt[AV_SEAL_SALT], got[32];
    char hex[65];

    for (unsigned i = 0; i < 32; i++)
        key[i] = (uint8_t)i;
    for (unsigned i = 0; i < sizeof salt; i++)
        salt[i] = (uint8_t)(0xA0 + i);
    av_seal_record_key(key, salt, 0x0000000100000080ULL, got);
    av_hex_encode(av_span_of(got, 32), hex);
    AV_CHECK_STR(hex, "a32cd2ff6653ecfd1399044d23444d25f657a856892b9ce59f82b706c825b92e");
}

static void
test_dropped_vector(void)
{
    uint8_t key[32], store[16], got[AV_SEAL_SALT];
    char hex[17];

    for (unsigned i = 0; i < 32; i++)
        key[i] = (uint8_t)i;
    for (unsigned i = 0; i < sizeof store; i++)
        store[i] = (uint8_t)(0xB0 + i);
    av_seal_dropped(key, store, 0x0000000100000080ULL, 7, av_span_str("body of the dropped record"), got);
    av_hex_encode(av_span_of(got, sizeof got), hex);
    AV_CHECK_STR(hex, "e269738ea2343546");
}

static void
test_bound_to_its_place(void)
{
    uint8_t key[32] = { 9 }, sealed[5 + AV_SEAL_TAG], plain[8], other_uuid[16] = { 4 };
    av_seal *seal = NULL;
    av_error err;
    av_seal_place p = place(), moved[9];
    av_span more = av_span_str("clear");

    AV_CHECK_RC(av_seal_new(&seal, &err), AV_OK, &err);
    AV_CHECK_RC(av_seal_piece(seal, key, &p, more, av_span_str("hello"), sealed, &err), AV_OK, &err);
    AV_CHECK_RC(av_seal_open(seal, key, &p, more, av_span_of(sealed, sizeof sealed), plain, &err), AV_OK, &err);
    AV_CHECK_MEM(plain, 5, "hello", 5);
    for (size_t i = 0; i < 9; i++)
        moved[i] = p;
    moved[0].store_uuid = other_uuid;
    moved[1].format++;
    moved[2].kind++;
    moved[3].last = false;
    moved[4].container++;
    moved[5].lsn++;
    moved[6].group++;
    moved[7].piece++;
    for (int i = 0; i < 8; i++) {
        av_check_row = i;
        AV_CHECK_RC(av_seal_open(seal, key, &moved[i], more, av_span_of(sealed, sizeof sealed), plain, &err),
            AV_ERR_CORRUPT, &err);
    }
    av_check_row = -1;
    AV_CHECK_RC(av_seal_open(seal, key, &p, av_span_str("clean"), av_span_of(sealed, sizeof sealed), plain, &err),
        AV_ERR_CORRUPT, &err);
    for (size_t n = 0; n < sizeof sealed; n++)
        AV_CHECK_RC(av_seal_open(seal, key, &p, more, av_span_of(sealed, n), plain, &err), AV_ERR_CORRUPT, &err);
    for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
        sealed[bit / 8] ^= (uint8_t)(1U << bit % 8);
        AV_CHECK_RC(
            av_seal_open(seal, key, &p, more, av_span_of(sealed, sizeof sealed), plain, &err), AV_ERR_CORRUPT, &err);
        sealed[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    av_seal_destroy(&seal);
}

static void
test_empty_piece(void)
{
    uint8_t key[32] = { 9 }, tag[AV_SEAL_TAG], plain[1];
    av_seal_place p = place();
    av_seal *seal = NULL;
    av_error err;

    AV_CHECK_RC(av_seal_new(&seal, &err), AV_OK, &err);
    AV_CHECK_RC(av_seal_piece(seal, key, &p, av_span_str("a"), av_span_of(NULL, 0), tag, &err), AV_OK, &err);
    AV_CHECK_RC(av_seal_open(seal, key, &p, av_span_str("a"), av_span_of(tag, 16), plain, &err), AV_OK, &err);
    AV_CHECK_RC(av_seal_open(seal, key, &p, av_span_str("b"), av_span_of(tag, 16), plain, &err), AV_ERR_CORRUPT, &err);
    av_seal_destroy(&seal);
}

int
main(void)
{
    av_secret_init();
    AV_RUN(test_hmac);
    AV_RUN(test_hmac_of_any_length);
    AV_RUN(test_record_key);
    AV_RUN(test_record_key_vector);
    AV_RUN(test_dropped_vector);
    AV_RUN(test_bound_to_its_place);
    AV_RUN(test_empty_piece);
    return av_check_done();
}
