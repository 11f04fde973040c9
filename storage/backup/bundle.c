/*
 * bundle.c - the clear header of a bundle, and its key out of a passphrase or a recovery key (docs/backup.md, 6)
 *
 * Writing: bundle_write.c; reading: bundle_read.c. Behind the header: XChaCha20-Poly1305 as libsodium's secretstream,
 * in pieces of 64 KB, the last one tagged, the header as additional data of the first.
 */
#include "base/secret.h"
#include "storage/backup/bundle_priv.h"

#define MAGIC    "AVLTMGMT"
#define FORMAT   1U
#define OPSLIMIT 3U
#define MEMLIMIT (256U << 20)

void
bundle_head_encode(const bundle_head *self, av_buf *out)
{
    av_buf_append(out, MAGIC, 8);
    av_buf_put_u16(out, FORMAT);
    av_buf_put_u16(out, self->kind);
    av_buf_put_u32(out, self->ops);
    av_buf_put_u32(out, self->mem_kb);
    av_buf_append(out, self->salt, sizeof self->salt);
    av_buf_append(out, self->box, sizeof self->box);
    av_buf_append(out, self->stream, sizeof self->stream);
    assert(!out->full && out->n == BUNDLE_HEADER);
}

av_errc
bundle_head_decode(av_span in, bundle_head *ret, av_error *err)
{
    uint16_t format = 0;
    av_span part;

    *ret = (bundle_head){ 0 };
    if (in.n != BUNDLE_HEADER || memcmp(in.p, MAGIC, 8) != 0)
        return av_error_set(err, AV_ERR_CORRUPT, "it is no backup of the management database");
    in = av_span_skip(in, 8);
    (void)av_span_get_u16(&in, &format);
    if (format != FORMAT)
        return av_error_set(err, AV_ERR_VERSION, "it has format %u, this version reads %u", format, FORMAT);
    (void)av_span_get_u16(&in, &ret->kind);
    (void)av_span_get_u32(&in, &ret->ops);
    (void)av_span_get_u32(&in, &ret->mem_kb);
    (void)av_span_get_bytes(&in, sizeof ret->salt, &part);
    memcpy(ret->salt, part.p, part.n);
    (void)av_span_get_bytes(&in, sizeof ret->box, &part);
    memcpy(ret->box, part.p, part.n);
    (void)av_span_get_bytes(&in, sizeof ret->stream, &part);
    memcpy(ret->stream, part.p, part.n);
    if ((ret->kind != BUNDLE_BY_PASSPHRASE && ret->kind != BUNDLE_BY_RECOVERY) || ret->ops > 16 ||
        ret->mem_kb > 4U << 20)
        return av_error_set(err, AV_ERR_CORRUPT, "its header is damaged");
    return AV_OK;
}

static av_errc
key_of_passphrase(const bundle_head *head, const char *passphrase, uint8_t ret[32], av_error *err)
{
    if (crypto_pwhash(ret, 32, passphrase, strlen(passphrase), head->salt, head->ops, (size_t)head->mem_kb << 10,
            crypto_pwhash_ALG_ARGON2ID13) != 0)
        return av_error_set(err, AV_ERR_NOMEM, "no memory to make a key of the passphrase");
    return AV_OK;
}

av_errc
bundle_make_key(const av_bundle_secret *secret, bundle_head *head, uint8_t ret[32], av_error *err)
{
    if (secret->recovery != NULL) {
        head->kind = BUNDLE_BY_RECOVERY;
        av_random_bytes(ret, 32);
        if (crypto_box_seal(head->box, ret, 32, secret->recovery) != 0)
            return av_error_set(err, AV_ERR_INVALID, "this is no recovery key");
        return AV_OK;
    }
    if (strlen(secret->passphrase) < AV_BUNDLE_PASSPHRASE_MIN)
        return av_error_set(
            err, AV_ERR_INVALID, "the passphrase needs at least %d characters", AV_BUNDLE_PASSPHRASE_MIN);
    head->kind = BUNDLE_BY_PASSPHRASE;
    head->ops = OPSLIMIT;
    head->mem_kb = MEMLIMIT >> 10;
    av_random_bytes(head->salt, sizeof head->salt);
    return key_of_passphrase(head, secret->passphrase, ret, err);
}

av_errc
bundle_find_key(const av_bundle_secret *secret, const bundle_head *head, uint8_t ret[32], av_error *err)
{
    uint8_t public_half[32];

    if (head->kind == BUNDLE_BY_PASSPHRASE)
        return secret->passphrase != NULL
                   ? key_of_passphrase(head, secret->passphrase, ret, err)
                   : av_error_set(err, AV_ERR_AUTH, "it is sealed under a passphrase, not to a recovery key");
    if (secret->recovery == NULL)
        return av_error_set(err, AV_ERR_AUTH, "it is sealed to a recovery key, not under a passphrase");
    if (crypto_scalarmult_base(public_half, secret->recovery) != 0 ||
        crypto_box_seal_open(ret, head->box, BUNDLE_BOX, public_half, secret->recovery) != 0)
        return av_error_set(err, AV_ERR_AUTH, "it is sealed to another recovery key");
    return AV_OK;
}
