/*
 * pack.c - zstd, with and without a dictionary
 */
#include "storage/store/store_priv.h"

#define DICTIONARY_MOST (64U * 1024) /* beyond it, data fills a window of its own */
#define LOOK            1024U
#define TRY             (16U * 1024) /* of large data, to see whether it packs at all */
#define TRY_FROM        (48U * 1024)

/* Control characters that are not of text; in blocks of one size, which compilers make vectors of. */
static size_t
count_odd(const uint8_t *p, size_t n)
{
    size_t odd = 0;

    for (; n >= 64; p += 64, n -= 64) {
        uint8_t block = 0;

        for (unsigned i = 0; i < 64; i++)
            block = (uint8_t)(block + ((p[i] < 0x20) & (p[i] != '\n') & (p[i] != '\r') & (p[i] != '\t')));
        odd += block;
    }
    for (; n > 0; p++, n--)
        odd += p[0] < 0x20 && p[0] != '\n' && p[0] != '\r' && p[0] != '\t';
    return odd;
}

/* Text gains by a dictionary made of text; an image does not. */
static bool
is_text(av_span plain)
{
    size_t n = AV_MIN(plain.n, LOOK);

    return count_odd(plain.p, n) <= n / 64;
}

/* The packing state, with the dictionary in force for this kind of content or none. */
static av_errc
set_up(av_store *self, int level, store_pack_kind kind, store_dictionary **dictionary, av_error *err)
{
    const ZSTD_CDict *packer = NULL;
    size_t rc;

    if (self->zstd == NULL)
        self->zstd = ZSTD_createCCtx();
    if (self->zstd == NULL)
        return av_error_set(err, AV_ERR_NOMEM, "no memory for zstd");
    if (kind < STORE_PACKS) {
        av_errc taken = store_dictionary_take(self, self->dictionary[kind], dictionary, err);

        if (taken != AV_OK)
            return taken;
        packer = store_dictionary_packer(self, *dictionary);
        if (packer == NULL)
            return av_error_set(err, AV_ERR_NOMEM, "no memory for a dictionary");
    }
    rc = ZSTD_CCtx_reset(self->zstd, ZSTD_reset_session_only); /* the frame before may not have come to its end */
    if (!ZSTD_isError(rc))
        rc = ZSTD_CCtx_setParameter(self->zstd, ZSTD_c_compressionLevel, level);
    if (!ZSTD_isError(rc))
        rc = ZSTD_CCtx_setParameter(self->zstd, ZSTD_c_dictIDFlag, 0); /* the record's table names it */
    if (!ZSTD_isError(rc)) /* what is small is packed faster than the dictionary's tables are copied */
        rc = ZSTD_CCtx_setParameter(self->zstd, ZSTD_c_forceAttachDict, ZSTD_dictForceAttach);
    if (!ZSTD_isError(rc))
        rc = ZSTD_CCtx_refCDict(self->zstd, packer);
    if (ZSTD_isError(rc))
        return av_error_set(err, AV_ERR_INTERNAL, "zstd: %s", ZSTD_getErrorName(rc));
    return AV_OK;
}

/* Does a piece out of the middle get smaller by 3 %? What is packed already (images, archives) does not. */
static av_errc
gains(av_store *self, av_span plain, bool *ret, av_error *err)
{
    store_dictionary *none = NULL;
    av_span piece = av_span_slice(plain, (plain.n - TRY) / 2, (plain.n + TRY) / 2);
    av_errc rc = set_up(self, 1, STORE_PACK_PLAIN, &none, err);

    if (rc == AV_OK)
        *ret = !ZSTD_isError(ZSTD_compress2(self->zstd, self->packed.p, TRY - TRY / 32, piece.p, piece.n));
    return rc;
}

av_errc
store_pack(av_store *self, av_span plain, store_pack_kind kind, av_span *ret, uint8_t *ret_codec, av_error *err)
{
    store_dictionary *dictionary = NULL;
    bool worth = true;
    uint8_t *to;
    size_t n;
    av_errc rc;

    *ret = plain;
    *ret_codec = AV_CODEC_RAW;
    if (plain.n == 0)
        return AV_OK;
    if (plain.n > DICTIONARY_MOST || (kind < STORE_PACKS && !is_text(plain)))
        kind = STORE_PACK_PLAIN;
    av_buf_clear(&self->packed);
    to = av_buf_reserve(&self->packed, plain.n);
    if (to == NULL)
        return av_error_set(err, AV_ERR_NOMEM, "no memory for zstd");
    rc = plain.n > TRY_FROM ? gains(self, plain, &worth, err) : AV_OK;
    if (rc == AV_OK && worth)
        rc = set_up(self, self->level, kind, &dictionary, err);
    if (rc == AV_OK && worth) {
        n = ZSTD_compress2(self->zstd, to, plain.n - 1, plain.p, plain.n);
        if (!ZSTD_isError(n)) { /* the one error there is: it would not be smaller */
            *ret = av_span_of(to, n);
            *ret_codec = kind < STORE_PACKS ? AV_CODEC_ZSTD_DICTIONARY : AV_CODEC_ZSTD;
        }
    }
    store_dictionary_give(self, &dictionary);
    return rc;
}

av_errc
store_unpack(const av_store *self, store_tools *tools, uint8_t codec, uint64_t dictionary, av_span packed, uint8_t *ret,
    size_t want, av_error *err)
{
    store_dictionary *used = NULL;
    size_t got = packed.n;
    av_errc rc = AV_OK;

    if (codec == AV_CODEC_RAW) {
        if (packed.n == want && want > 0)
            memcpy(ret, packed.p, want);
    } else if (codec == AV_CODEC_ZSTD) {
        got = ZSTD_decompressDCtx(tools->zstd, ret, want, packed.p, packed.n);
    } else {
        rc = store_dictionary_take(self, dictionary, &used, err);
        if (rc == AV_OK)
            got =
                ZSTD_decompress_usingDDict(tools->zstd, ret, want, packed.p, packed.n, store_dictionary_unpacker(used));
        store_dictionary_give(self, &used);
        if (rc != AV_OK)
            return rc;
    }
    if (ZSTD_isError(got) || got != want)
        return av_error_set(err, AV_ERR_CORRUPT, "the data does not unpack to its %zu bytes", want);
    return AV_OK;
}
