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
catalog_path_key(av_meta_key *key, char table, av_span path)
{
    av_meta_key_init(key, table);
    av_meta_key_bytes(key, path);
    for (size_t i = 1; i < key->n; i++)
        if (key->p[i] == '/')
            key->p[i] = 0;
    if (path.n > 0)
        av_meta_key_number(key, 0, 1);
}

/* A second NUL, which no path has, keeps the claims of a parent apart from those of its children. Own claims come
 * before provisional names, newer before older. */
void
catalog_claim_key(av_meta_key *key, av_span path, bool provisional, uint64_t sequence, const uint8_t *guid)
{
    catalog_path_key(key, 'n', path);
    av_meta_key_number(key, 0, 1);
    if (guid == NULL)
        return;
    av_meta_key_number(key, provisional ? 1 : 0, 1);
    av_meta_key_u64(key, ~sequence);
    av_meta_key_bytes(key, av_span_of(guid, AV_GUID_SIZE));
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
catalog_token_key(av_meta_key *key, const uint8_t *token, const uint8_t *guid)
{
    av_meta_key_init(key, 'J');
    av_meta_key_bytes(key, av_span_of(token, CATALOG_TOKEN));
    if (guid != NULL)
        av_meta_key_bytes(key, av_span_of(guid, AV_GUID_SIZE));
}

void
catalog_share_key(av_meta_key *key, uint32_t no, const uint8_t *guid)
{
    av_meta_key_init(key, 'm');
    av_meta_key_u32(key, no);
    if (guid != NULL)
        av_meta_key_bytes(key, av_span_of(guid, AV_GUID_SIZE));
}

void
catalog_top_key(av_meta_key *key, av_span path)
{
    av_meta_key_init(key, 'T');
    av_meta_key_bytes(key, av_span_slice(path, 0, av_span_find(path, '/')));
}

void
catalog_run_key(av_meta_key *key, const uint8_t *run)
{
    av_meta_key_init(key, 'R');
    av_meta_key_bytes(key, av_span_of(run, AV_GUID_SIZE));
}

/* --- mailboxes -------------------------------------------------------------------------------------------------- */

/* The name under which a mailbox waits for its path: the path's last component, shortened where it must be, and the
 * GUID. */
void
catalog_box_name(catalog_box *self)
{
    char hex[2 * AV_GUID_SIZE + 1];
    size_t n = self->claim_n, room = AV_MAILBOX_COMPONENT_MAX - (2 * AV_GUID_SIZE + 3);
    size_t leaf = av_mailbox_path_leaf(av_span_of(self->claim, n)).n;

    memcpy(self->box.path, self->claim, n);
    if (self->box.provisional) {
        av_hex_encode(av_span_of(self->box.guid, AV_GUID_SIZE), hex);
        if (leaf > room)
            for (n -= leaf - room; ((uint8_t)self->claim[n] & 0xC0) == 0x80;) /* not inside a character */
                n--;
        n += (size_t)snprintf(self->box.path + n, sizeof self->box.path - n, " (%s)", hex);
    }
    self->box.path[n] = '\0';
    self->box.path_n = n;
}

enum { BOX_REMOVED = 1, BOX_PROVISIONAL = 2 };

bool
catalog_box_encode(const catalog_box *self, av_buf *out)
{
    const av_mailbox *box = &self->box;

    return av_buf_put_u8(
               out, (uint8_t)((self->removed ? BOX_REMOVED : 0U) | (box->provisional ? BOX_PROVISIONAL : 0U))) &&
           av_buf_put_u32(out, box->uidvalidity) && av_buf_put_u32(out, box->uidnext) &&
           av_buf_put_u64(out, box->highestmodseq) && av_buf_put_u64(out, box->messages) &&
           av_buf_put_u64(out, box->unseen) && av_buf_put_u64(out, box->bytes) &&
           av_buf_put_u64(out, box->crlf_bytes) && av_buf_put_u64(out, box->deleted) &&
           av_buf_put_u64(out, box->removed_modseq) && av_buf_put_u64(out, box->sequence) &&
           av_buf_append(out, self->claim, self->claim_n);
}

av_errc
catalog_box_decode(const uint8_t *guid, av_span row, catalog_box *ret, av_error *err)
{
    av_mailbox *box = &ret->box;
    uint8_t flags = 0;

    memcpy(box->guid, guid, AV_GUID_SIZE);
    if (!av_span_get_u8(&row, &flags) || flags > (BOX_REMOVED | BOX_PROVISIONAL) ||
        !av_span_get_u32(&row, &box->uidvalidity) || !av_span_get_u32(&row, &box->uidnext) ||
        !av_span_get_u64(&row, &box->highestmodseq) || !av_span_get_u64(&row, &box->messages) ||
        !av_span_get_u64(&row, &box->unseen) || !av_span_get_u64(&row, &box->bytes) ||
        !av_span_get_u64(&row, &box->crlf_bytes) || !av_span_get_u64(&row, &box->deleted) ||
        !av_span_get_u64(&row, &box->removed_modseq) || !av_span_get_u64(&row, &box->sequence) ||
        row.n >= sizeof ret->claim)
        return av_error_set(err, AV_ERR_CORRUPT, "catalog: a mailbox row is damaged");
    ret->removed = (flags & BOX_REMOVED) != 0;
    box->provisional = (flags & BOX_PROVISIONAL) != 0;
    ret->claim_n = row.n;
    if (row.n > 0)
        memcpy(ret->claim, row.p, row.n);
    ret->claim[row.n] = '\0';
    catalog_box_name(ret);
    return AV_OK;
}

bool
catalog_totals_encode(const av_catalog_totals *self, av_buf *out)
{
    return av_buf_put_u64(out, self->messages) && av_buf_put_u64(out, self->bytes);
}

av_errc
catalog_totals_decode(av_span row, av_catalog_totals *ret, av_error *err)
{
    if (!av_span_get_u64(&row, &ret->messages) || !av_span_get_u64(&row, &ret->bytes) || row.n != 0)
        return av_error_set(err, AV_ERR_CORRUPT, "catalog: a row of totals is damaged");
    return AV_OK;
}

/* --- placements ------------------------------------------------------------------------------------------------- */

bool
catalog_placement_encode(const av_placement *self, av_buf *out)
{
    return av_buf_put_u32(out, self->store) && av_buf_put_u64(out, self->content_lsn) &&
           av_buf_append(out, self->digest, sizeof self->digest) && av_buf_put_u64(out, self->raw_size) &&
           av_buf_put_u64(out, self->crlf_size) && av_buf_put_u64(out, (uint64_t)self->received_at_ms) &&
           av_buf_put_u64(out, (uint64_t)self->archived_at_ms) && av_buf_put_u64(out, self->modseq) &&
           av_buf_put_u32(out, self->flags) && av_buf_append(out, self->thread, sizeof self->thread);
}

av_errc
catalog_placement_decode(const uint8_t *guid, uint32_t uid, av_span row, av_placement *ret, av_error *err)
{
    uint64_t received = 0, archived = 0;
    av_span digest = { 0 }, thread = { 0 };

    memcpy(ret->guid, guid, AV_GUID_SIZE);
    ret->uid = uid;
    if (!av_span_get_u32(&row, &ret->store) || !av_span_get_u64(&row, &ret->content_lsn) ||
        !av_span_get_bytes(&row, sizeof ret->digest, &digest) || !av_span_get_u64(&row, &ret->raw_size) ||
        !av_span_get_u64(&row, &ret->crlf_size) || !av_span_get_u64(&row, &received) ||
        !av_span_get_u64(&row, &archived) || !av_span_get_u64(&row, &ret->modseq) ||
        !av_span_get_u32(&row, &ret->flags) || !av_span_get_bytes(&row, sizeof ret->thread, &thread) || row.n != 0)
        return av_error_set(err, AV_ERR_CORRUPT, "catalog: a placement row is damaged");
    memcpy(ret->digest, digest.p, digest.n);
    memcpy(ret->thread, thread.p, thread.n);
    ret->received_at_ms = (int64_t)received;
    ret->archived_at_ms = (int64_t)archived;
    return AV_OK;
}

/* --- runs ------------------------------------------------------------------------------------------------------- */

bool
catalog_run_is_ahead(const av_run *a, const av_run *b)
{
    uint64_t done_a = a->stored + a->duplicate + a->refused, done_b = b->stored + b->duplicate + b->refused;

    if (a->last_item != b->last_item)
        return a->last_item > b->last_item;
    if (done_a != done_b)
        return done_a > done_b;
    return a->state > b->state;
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
