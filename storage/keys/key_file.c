/*
 * key_file.c - the one shape of all key files: a clear header and one sealed piece (docs/format-keys.md, 2)
 *
 * Pure: bytes in, bytes out. Writing: key_write.c.
 */
#include <sodium.h>

#include "base/encode.h"
#include "base/secret.h"
#include "storage/keys/keys_priv.h"

static const struct {
    char magic[9];
    const char *label, *what;
    uint16_t header;
} kinds[] = {
    [KEYS_RING] = { "AVLTRING", "archivolt keyring", "the keyring", KEYS_HEADER_RECOVERY },
    [KEYS_HEAD] = { "AVLTHEAD", "archivolt store head", "the head of a store's keys", KEYS_HEADER },
    [KEYS_TREE] = { "AVLTTREE", "archivolt key tree", "the key tree of a container", KEYS_HEADER },
    [KEYS_LOCK] = { "AVLTLOCK", "archivolt store lock", "the lock of a store's keys", KEYS_HEADER_RECOVERY },
};

static bool
put_header(const keys_header *h, av_buf *out)
{
    uint16_t size = kinds[h->kind].header;

    (void)(av_buf_append(out, kinds[h->kind].magic, 8) && av_buf_put_u16(out, KEYS_FORMAT) &&
           av_buf_put_u16(out, size) && av_buf_put_u32(out, h->container) && av_buf_append(out, h->uuid, 16) &&
           av_buf_put_u64(out, h->version) && av_buf_append(out, h->check, KEYS_CHECK) &&
           av_buf_put_u32(out, h->piece) && av_buf_put_u32(out, 0) && av_buf_append(out, h->nonce, sizeof h->nonce));
    if (size == KEYS_HEADER_RECOVERY) {
        (void)av_buf_append(out, h->recovery_public, 32);
        (void)av_buf_append(out, h->box, sizeof h->box);
    }
    return av_buf_put_u32(out, av_crc32c(0, av_buf_span(out)));
}

av_errc
keys_file_encode(keys_header *header, const uint8_t key[32], av_span plain, av_buf *out, av_error *err)
{
    uint8_t wrap[32], *room;
    size_t size = kinds[header->kind].header;

    av_buf_clear(out);
    keys_check(key, header->check);
    av_random_bytes(header->nonce, sizeof header->nonce);
    assert(plain.n <= UINT32_MAX - KEYS_TAG);
    header->piece = (uint32_t)plain.n + KEYS_TAG;
    if (!put_header(header, out) || (room = av_buf_reserve(out, header->piece)) == NULL)
        return av_error_set(err, AV_ERR_LIMIT, "%s would be larger than %zu bytes", kinds[header->kind].what, out->max);
    keys_derive(key, kinds[header->kind].label, wrap);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(
        room, NULL, plain.p, plain.n, out->p, size, NULL, header->nonce, wrap);
    out->n += header->piece;
    av_secret_wipe(wrap, sizeof wrap);
    return AV_OK;
}

/* The fields behind magic, format and size; the CRC said that they are as written. */
static bool
get_fields(av_span in, keys_header *h)
{
    av_span uuid, check, nonce, public_half, box;
    uint32_t zeros = 0;

    if (!av_span_get_u32(&in, &h->container) || !av_span_get_bytes(&in, 16, &uuid) ||
        !av_span_get_u64(&in, &h->version) || !av_span_get_bytes(&in, KEYS_CHECK, &check) ||
        !av_span_get_u32(&in, &h->piece) || !av_span_get_u32(&in, &zeros) || zeros != 0 ||
        !av_span_get_bytes(&in, sizeof h->nonce, &nonce))
        return false;
    memcpy(h->uuid, uuid.p, 16);
    memcpy(h->check, check.p, KEYS_CHECK);
    memcpy(h->nonce, nonce.p, sizeof h->nonce);
    if (kinds[h->kind].header == KEYS_HEADER)
        return in.n == 0;
    if (!av_span_get_bytes(&in, 32, &public_half) || !av_span_get_bytes(&in, sizeof h->box, &box))
        return false;
    memcpy(h->recovery_public, public_half.p, 32);
    memcpy(h->box, box.p, sizeof h->box);
    return in.n == 0;
}

av_errc
keys_header_decode(av_span file, keys_file_kind kind, keys_header *ret, av_error *err)
{
    size_t size = kinds[kind].header;
    keys_header h = { .kind = kind };
    uint16_t format = 0, said = 0;
    uint32_t crc = 0;
    av_span in = file, tail;

    if (file.n < 12 || memcmp(file.p, kinds[kind].magic, 8) != 0)
        return av_error_set(err, AV_ERR_CORRUPT, "this is not %s", kinds[kind].what);
    in = av_span_skip(in, 8);
    (void)av_span_get_u16(&in, &format);
    (void)av_span_get_u16(&in, &said);
    if (file.n < size)
        return av_error_set(err, AV_ERR_CORRUPT, "%s is cut short", kinds[kind].what);
    tail = av_span_slice(file, size - 4, size);
    (void)av_span_get_u32(&tail, &crc);
    if (format == KEYS_FORMAT && (said != size || crc != av_crc32c(0, av_span_slice(file, 0, size - 4))))
        return av_error_set(err, AV_ERR_CORRUPT, "the header of %s is damaged", kinds[kind].what);
    if (format != KEYS_FORMAT)
        return av_error_set(
            err, AV_ERR_VERSION, "%s has format %u, this version knows %d", kinds[kind].what, format, KEYS_FORMAT);
    if (!get_fields(av_span_slice(file, 12, size - 4), &h) || h.piece < KEYS_TAG)
        return av_error_set(err, AV_ERR_CORRUPT, "the header of %s makes no sense", kinds[kind].what);
    if (file.n - size != h.piece)
        return av_error_set(
            err, AV_ERR_CORRUPT, "%s is %zu bytes long, its header says %zu", kinds[kind].what, file.n, size + h.piece);
    *ret = h;
    return AV_OK;
}

av_errc
keys_file_decode(av_span file, keys_file_kind kind, const uint8_t key[32], keys_header *ret, av_buf *out, av_error *err)
{
    size_t size = kinds[kind].header;
    uint8_t check[KEYS_CHECK], wrap[32], *room;
    av_errc rc = keys_header_decode(file, kind, ret, err);
    int opened;

    if (rc != AV_OK)
        return rc;
    keys_check(key, check);
    if (memcmp(check, ret->check, KEYS_CHECK) != 0)
        return av_error_set(err, AV_ERR_AUTH, "%s is sealed with another key", kinds[kind].what);
    av_buf_clear(out);
    room = av_buf_reserve(out, ret->piece - KEYS_TAG + 1); /* 1: an empty list has an address, too */
    if (room == NULL)
        return av_error_set(err, AV_ERR_LIMIT, "%s is larger than %zu bytes", kinds[kind].what, out->max);
    keys_derive(key, kinds[kind].label, wrap);
    opened = crypto_aead_xchacha20poly1305_ietf_decrypt(
        room, NULL, NULL, file.p + size, ret->piece, file.p, size, ret->nonce, wrap);
    av_secret_wipe(wrap, sizeof wrap);
    if (opened != 0)
        return av_error_set(err, AV_ERR_CORRUPT, "%s is damaged: it does not open with its key", kinds[kind].what);
    out->n += ret->piece - KEYS_TAG;
    return AV_OK;
}

av_errc
keys_box_seal(keys_header *header, const uint8_t key[32], av_error *err)
{
    uint8_t plain[16 + 32];
    int rc;

    static_assert(sizeof plain + crypto_box_SEALBYTES == KEYS_SEALED_BOX, "size of a sealed box");
    memcpy(plain, header->uuid, 16);
    memcpy(plain + 16, key, 32);
    rc = crypto_box_seal(header->box, plain, sizeof plain, header->recovery_public);
    av_secret_wipe(plain, sizeof plain);
    return rc == 0 ? AV_OK : av_error_set(err, AV_ERR_INVALID, "the public half of the recovery key is no such key");
}

av_errc
keys_box_open(const keys_header *header, const uint8_t recovery_private[32], uint8_t ret_key[32], av_error *err)
{
    uint8_t plain[16 + 32], public_half[32];
    av_errc rc = AV_OK;

    if (crypto_scalarmult_base(public_half, recovery_private) != 0 ||
        memcmp(public_half, header->recovery_public, 32) != 0)
        return av_error_set(err, AV_ERR_AUTH, "%s is sealed to another recovery key", kinds[header->kind].what);
    if (crypto_box_seal_open(plain, header->box, sizeof header->box, public_half, recovery_private) != 0 ||
        memcmp(plain, header->uuid, 16) != 0)
        rc = av_error_set(err, AV_ERR_CORRUPT, "%s is damaged: what is sealed to the recovery key does not open",
            kinds[header->kind].what);
    else
        memcpy(ret_key, plain + 16, 32);
    av_secret_wipe(plain, sizeof plain);
    return rc;
}
