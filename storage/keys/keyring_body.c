/*
 * keyring_body.c - what the sealed piece of keyring.avk holds (docs/format-keys.md, 2); pure
 */
#include "base/secret.h"
#include "storage/keys/keyring_priv.h"

void
keys_ring_release(keys_ring_body *self)
{
    for (size_t i = 0; i < self->n; i++)
        av_store_keys_unref(&self->stores[i].open);
    if (self->stores != NULL)
        av_secret_wipe(self->stores, self->n * sizeof *self->stores);
    free(self->stores);
    av_secret_wipe(self, sizeof *self);
}

bool
keys_ring_encode(const keys_ring_body *self, av_buf *out)
{
    (void)av_buf_append(out, self->catalog, 32);
    (void)av_buf_append(out, self->accounts, 32);
    (void)av_buf_put_u32(out, (uint32_t)self->n);
    for (size_t i = 0; i < self->n; i++) {
        (void)av_buf_append(out, self->stores[i].uuid, 16);
        (void)av_buf_append(out, self->stores[i].key, 32);
    }
    return !out->full;
}

av_errc
keys_ring_decode(av_span in, keys_ring_body *ret, av_error *err)
{
    keys_ring_body body = { 0 };
    av_span catalog, accounts, uuid, key;
    uint32_t n = 0;

    if (!av_span_get_bytes(&in, 32, &catalog) || !av_span_get_bytes(&in, 32, &accounts) || !av_span_get_u32(&in, &n) ||
        n > AV_KEYRING_STORES || in.n != (size_t)n * 48)
        return av_error_set(err, AV_ERR_CORRUPT, "a list of %u stores in %zu bytes", n, in.n);
    memcpy(body.catalog, catalog.p, 32);
    memcpy(body.accounts, accounts.p, 32);
    body.stores = av_xcalloc(AV_MAX((size_t)n, (size_t)1), sizeof *body.stores);
    for (; body.n < n; body.n++) {
        keys_ring_store *store = &body.stores[body.n];

        (void)av_span_get_bytes(&in, 16, &uuid);
        (void)av_span_get_bytes(&in, 32, &key);
        memcpy(store->uuid, uuid.p, 16);
        memcpy(store->key, key.p, 32);
        if (body.n > 0 && memcmp(store[-1].uuid, store->uuid, 16) >= 0) {
            body.n++;
            keys_ring_release(&body);
            return av_error_set(err, AV_ERR_CORRUPT, "the list of stores is out of order");
        }
    }
    *ret = body;
    return AV_OK;
}
