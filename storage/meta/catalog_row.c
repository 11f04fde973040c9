/*
 * catalog_row.c - the catalog's rows to bytes and back
 */
#include "storage/meta/catalog_priv.h"

void
catalog_mailbox_key(av_meta_key *key, const uint8_t *guid)
{
    av_meta_key_init(key, 'M');
    av_meta_key_bytes(key, av_span_of(guid, AV_GUID_SIZE));
}

void
catalog_path_key(av_meta_key *key, av_span path)
{
    av_meta_key_init(key, 'N');
    av_meta_key_bytes(key, path);
    for (size_t i = 1; i < key->n; i++)
        if (key->p[i] == '/')
            key->p[i] = 0;
    if (path.n > 0)
        av_meta_key_number(key, 0, 1);
}

void
catalog_placement_key(av_meta_key *key, const uint8_t *guid, uint32_t uid)
{
    av_meta_key_init(key, 'P');
    av_meta_key_bytes(key, av_span_of(guid, AV_GUID_SIZE));
    av_meta_key_u32(key, uid);
}

void
catalog_keywords_key(av_meta_key *key, const uint8_t *guid, uint32_t uid)
{
    av_meta_key_init(key, 'K');
    av_meta_key_bytes(key, av_span_of(guid, AV_GUID_SIZE));
    av_meta_key_u32(key, uid);
}

void
catalog_token_key(av_meta_key *key, const uint8_t *token, const uint8_t *guid, uint32_t uid)
{
    av_meta_key_init(key, 'J');
    av_meta_key_bytes(key, av_span_of(token, CATALOG_TOKEN));
    av_meta_key_bytes(key, av_span_of(guid, AV_GUID_SIZE));
    av_meta_key_u32(key, uid);
}

void
catalog_dedup_key(av_meta_key *key, const av_store *store, uint32_t no, const uint8_t *digest)
{
    uint8_t mac[32];

    av_store_dedup_key(store, digest, mac);
    av_meta_key_init(key, 'D');
    av_meta_key_u32(key, no);
    av_meta_key_bytes(key, av_span_of(mac, sizeof mac));
}

void
catalog_summary_key(av_meta_key *key, uint32_t no, uint64_t lsn)
{
    av_meta_key_init(key, 'S');
    av_meta_key_u32(key, no);
    av_meta_key_u64(key, lsn);
}

bool
catalog_mailbox_encode(const av_mailbox *self, av_buf *out)
{
    return av_buf_put_u32(out, self->uidvalidity) && av_buf_put_u32(out, self->uidnext) &&
           av_buf_put_u64(out, self->highestmodseq) && av_buf_put_u64(out, self->messages) &&
           av_buf_put_u64(out, self->bytes) && av_buf_append(out, self->path, self->path_n);
}

av_errc
catalog_mailbox_decode(const uint8_t *guid, av_span row, av_mailbox *ret, av_error *err)
{
    memcpy(ret->guid, guid, AV_GUID_SIZE);
    if (!av_span_get_u32(&row, &ret->uidvalidity) || !av_span_get_u32(&row, &ret->uidnext) ||
        !av_span_get_u64(&row, &ret->highestmodseq) || !av_span_get_u64(&row, &ret->messages) ||
        !av_span_get_u64(&row, &ret->bytes) || row.n == 0 || row.n >= sizeof ret->path)
        return av_error_set(err, AV_ERR_CORRUPT, "catalog: a mailbox row is damaged");
    ret->path_n = row.n;
    memcpy(ret->path, row.p, row.n);
    ret->path[row.n] = '\0';
    return AV_OK;
}

bool
catalog_placement_encode(const av_placement *self, av_buf *out)
{
    return av_buf_put_u32(out, self->store) && av_buf_put_u64(out, self->content_lsn) &&
           av_buf_append(out, self->digest, sizeof self->digest) && av_buf_put_u64(out, self->raw_size) &&
           av_buf_put_u64(out, self->crlf_size) && av_buf_put_u64(out, (uint64_t)self->received_at_ms) &&
           av_buf_put_u64(out, (uint64_t)self->archived_at_ms) && av_buf_put_u64(out, self->modseq) &&
           av_buf_put_u32(out, self->flags);
}

av_errc
catalog_placement_decode(const uint8_t *guid, uint32_t uid, av_span row, av_placement *ret, av_error *err)
{
    uint64_t received = 0, archived = 0;
    av_span digest = { 0 };

    memcpy(ret->guid, guid, AV_GUID_SIZE);
    ret->uid = uid;
    if (!av_span_get_u32(&row, &ret->store) || !av_span_get_u64(&row, &ret->content_lsn) ||
        !av_span_get_bytes(&row, sizeof ret->digest, &digest) || !av_span_get_u64(&row, &ret->raw_size) ||
        !av_span_get_u64(&row, &ret->crlf_size) || !av_span_get_u64(&row, &received) ||
        !av_span_get_u64(&row, &archived) || !av_span_get_u64(&row, &ret->modseq) ||
        !av_span_get_u32(&row, &ret->flags) || row.n != 0)
        return av_error_set(err, AV_ERR_CORRUPT, "catalog: a placement row is damaged");
    memcpy(ret->digest, digest.p, digest.n);
    ret->received_at_ms = (int64_t)received;
    ret->archived_at_ms = (int64_t)archived;
    return AV_OK;
}

bool
catalog_run_encode(const av_run *self, av_buf *out)
{
    return av_buf_put_u8(out, (uint8_t)self->state) && av_buf_put_u64(out, self->last_item) &&
           av_buf_put_u64(out, self->stored) && av_buf_put_u64(out, self->duplicate) &&
           av_buf_put_u64(out, self->refused);
}

av_errc
catalog_run_decode(const uint8_t *run, av_span row, av_run *ret, av_error *err)
{
    uint8_t state = 0;

    memcpy(ret->run, run, AV_GUID_SIZE);
    if (!av_span_get_u8(&row, &state) || !av_span_get_u64(&row, &ret->last_item) ||
        !av_span_get_u64(&row, &ret->stored) || !av_span_get_u64(&row, &ret->duplicate) ||
        !av_span_get_u64(&row, &ret->refused) || row.n != 0)
        return av_error_set(err, AV_ERR_CORRUPT, "catalog: a run's row is damaged");
    ret->state = (av_run_state)state;
    return AV_OK;
}
