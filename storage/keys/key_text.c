/*
 * key_text.c - see key_text.h; the exact form is docs/format-keys.md, 6
 */
#include "storage/keys/key_text.h"

#include <sodium.h>

#include "base/encode.h"
#include "base/secret.h"
#include "storage/keys/keys_priv.h"

#define GROUPS  14U
#define GROUP   5U /* four letters of the key, one to check them */
#define LETTERS (4U + GROUPS * GROUP)

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static const struct {
    av_key_kind kind;
    char prefix[5];
    const char *name;
} kinds[] = {
    { AV_KEY_RECOVERY, "AVR1", "recovery key" },
    { AV_KEY_INSTANCE, "AVN1", "instance key" },
};

void
av_key_generate(av_key_kind kind, av_key *ret)
{
    ret->kind = kind;
    av_random_bytes(ret->bytes, sizeof ret->bytes); /* X25519 clamps what it takes: any bytes are a private half */
}

void
av_key_wipe(av_key *self)
{
    av_secret_wipe(self, sizeof *self);
}

void
av_key_recovery_public(const av_key *self, uint8_t ret[32])
{
    assert(self->kind == AV_KEY_RECOVERY);
    (void)crypto_scalarmult_base(ret, self->bytes);
}

void
av_key_id_of_instance_key(const uint8_t key[32], char ret[AV_KEY_ID_TEXT])
{
    uint8_t check[KEYS_CHECK];

    keys_check(key, check);
    keys_id_text(check, ret);
}

void
av_key_id_of_recovery_public(const uint8_t public_half[32], char ret[AV_KEY_ID_TEXT])
{
    uint8_t check[KEYS_CHECK];

    keys_check_recovery(public_half, check);
    keys_id_text(check, ret);
}

void
av_key_id(const av_key *self, char ret[AV_KEY_ID_TEXT])
{
    uint8_t public_half[32];

    if (self->kind == AV_KEY_INSTANCE) {
        av_key_id_of_instance_key(self->bytes, ret);
    } else {
        av_key_recovery_public(self, public_half);
        av_key_id_of_recovery_public(public_half, ret);
    }
}

/* Times x in GF(32) with x^5 = x^2 + 1. */
static uint8_t
times_x(uint8_t v)
{
    return (uint8_t)((v << 1 ^ (v & 16 ? 0x25 : 0)) & 31);
}

/* Check letter of the group with this number (from 1): number + d1 x + d2 x^2 + d3 x^3 + d4 x^4. */
static uint8_t
group_check(unsigned number, const uint8_t d[4])
{
    uint8_t sum = 0;

    for (unsigned i = 4; i > 0; i--) /* Horner, from d4 down */
        sum = times_x((uint8_t)(sum ^ d[i - 1]));
    return (uint8_t)(sum ^ number);
}

/* The first 20 bits of a digest over kind and key. */
static uint32_t
whole_check(const char *prefix, const uint8_t bytes[32])
{
    static const char label[] = "archivolt key text";
    uint8_t in[sizeof label - 1 + 4 + 32], digest[32];
    uint32_t ret;

    memcpy(in, label, sizeof label - 1);
    memcpy(in + sizeof label - 1, prefix, 4);
    memcpy(in + sizeof label - 1 + 4, bytes, 32);
    av_sha256(av_span_of(in, sizeof in), digest);
    ret = (uint32_t)digest[0] << 12 | (uint32_t)digest[1] << 4 | digest[2] >> 4;
    av_secret_wipe(in, sizeof in);
    av_secret_wipe(digest, sizeof digest);
    return ret;
}

/* The i-th run of five bits, the highest first; bits behind the end are zero. */
static uint8_t
five_bits(const uint8_t bytes[32], unsigned i)
{
    unsigned at = i * 5 / 8, shift = i * 5 % 8;
    unsigned two = (unsigned)bytes[at] << 8 | (at + 1 < 32 ? bytes[at + 1] : 0U);

    return (uint8_t)(two >> (11 - shift) & 31);
}

void
av_key_format(const av_key *self, char ret[AV_KEY_TEXT])
{
    const char *prefix = kinds[self->kind == AV_KEY_RECOVERY ? 0 : 1].prefix;
    uint32_t whole = whole_check(prefix, self->bytes);
    uint8_t d[4];
    char *p = ret + 4;

    memcpy(ret, prefix, 4);
    for (unsigned g = 0; g < GROUPS; g++) {
        for (unsigned i = 0; i < 4; i++)
            d[i] = (uint8_t)(g < GROUPS - 1 ? five_bits(self->bytes, g * 4 + i) : whole >> (15 - 5 * i) & 31);
        *p++ = '-';
        for (unsigned i = 0; i < 4; i++)
            *p++ = alphabet[d[i]];
        *p++ = alphabet[group_check(g + 1, d)];
    }
    *p = '\0';
    static_assert(AV_KEY_TEXT >= 4 + 14 * 6 + 1, "room for a key as text");
    av_secret_wipe(d, sizeof d);
}

/* 0 to 31, or -1 for what is no letter of a key, or -2 for what is skipped. */
static int
letter_value(uint8_t c)
{
    const char *at;

    if (c == ' ' || c == '-' || c == '\t' || c == '\r' || c == '\n')
        return -2;
    if (c >= 'a' && c <= 'z')
        c = (uint8_t)(c - 'a' + 'A');
    if (c == 'O')
        c = '0';
    else if (c == 'I' || c == 'L')
        c = '1';
    at = c == '\0' ? NULL : strchr(alphabet, c);
    return at == NULL ? -1 : (int)(at - alphabet);
}

/* Values of all letters into v; the sentence for a wrong letter or a wrong number of them. */
static av_errc
read_letters(av_span text, uint8_t v[LETTERS], av_error *err)
{
    size_t n = 0;

    for (size_t i = 0; i < text.n; i++) {
        int value = letter_value(text.p[i]);

        if (value == -2)
            continue;
        if (value == -1 && n < 4)
            return av_error_set(err, AV_ERR_SYNTAX, "this is no key: a key begins with AVR1 or AVN1");
        if (value == -1)
            return av_error_set(err, AV_ERR_SYNTAX, "group %zu of the key has a character that keys do not use",
                AV_MIN((n - 4) / GROUP + 1, (size_t)GROUPS));
        if (n < LETTERS)
            v[n] = (uint8_t)value;
        n++;
    }
    if (n != LETTERS)
        return av_error_set(err, AV_ERR_SYNTAX, "a key is %u groups of %u letters after its beginning, this has %s",
            GROUPS, GROUP, n < LETTERS ? "fewer" : "more");
    return AV_OK;
}

static av_errc
check_groups(const uint8_t v[LETTERS], av_error *err)
{
    unsigned wrong = 0, first = 0;

    for (unsigned g = 0; g < GROUPS; g++)
        if (group_check(g + 1, v + 4 + g * GROUP) != v[4 + g * GROUP + 4]) {
            first = wrong == 0 ? g + 1 : first;
            wrong++;
        }
    if (wrong == 0)
        return AV_OK;
    if (wrong > 1)
        return av_error_set(
            err, AV_ERR_SYNTAX, "the key is mistyped in %u groups, the first of them group %u", wrong, first);
    return av_error_set(err, AV_ERR_SYNTAX, "the key is mistyped in group %u", first);
}

/* 13 groups of 20 bits into 32 bytes; the four bits left over must be zero. */
static bool
join_bits(const uint8_t v[LETTERS], uint8_t ret[32])
{
    uint32_t bits = 0;
    unsigned have = 0, n = 0;

    for (unsigned i = 0; i < (GROUPS - 1) * 4; i++) {
        bits = (bits << 5 | v[4 + i / 4 * GROUP + i % 4]) & 0xffff;
        have += 5;
        if (have >= 8 && n < 32) {
            have -= 8;
            ret[n++] = (uint8_t)(bits >> have);
        }
    }
    return (bits & 15) == 0;
}

static av_errc
parse_values(const uint8_t v[LETTERS], av_key *ret, av_error *err)
{
    const uint8_t *last = v + 4 + (GROUPS - 1) * GROUP;
    uint32_t said = (uint32_t)last[0] << 15 | (uint32_t)last[1] << 10 | (uint32_t)last[2] << 5 | last[3];
    AV_CLEANUP(av_key_wipe) av_key key = { 0 };
    size_t k;
    av_errc rc;

    for (k = 0; k < AV_COUNT(kinds); k++) {
        unsigned same = 0;

        for (unsigned i = 0; i < 4; i++)
            same += alphabet[v[i]] == kinds[k].prefix[i];
        if (same == 4)
            break;
    }
    if (k == AV_COUNT(kinds))
        return av_error_set(err, AV_ERR_SYNTAX, "this is no key: a key begins with AVR1 or AVN1");
    rc = check_groups(v, err);
    if (rc != AV_OK)
        return rc;
    key.kind = kinds[k].kind;
    if (!join_bits(v, key.bytes) || whole_check(kinds[k].prefix, key.bytes) != said)
        return av_error_set(
            err, AV_ERR_SYNTAX, "the %s is mistyped in a way that its groups do not show", kinds[k].name);
    *ret = key;
    return AV_OK;
}

av_errc
av_key_parse(av_span text, av_key *ret, av_error *err)
{
    uint8_t v[LETTERS] = { 0 };
    av_errc rc = read_letters(text, v, err);

    if (rc == AV_OK)
        rc = parse_values(v, ret, err);
    av_secret_wipe(v, sizeof v);
    return rc;
}
