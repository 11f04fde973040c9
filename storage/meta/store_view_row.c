/*
 * store_view_row.c - keys and rows of a store's view to bytes and back
 */
#include "storage/meta/store_view_priv.h"

enum { CONTENT_ERASED = 0x10, CONTENT_WAITING = 0x20, CONTENT_KIND = 0x0F };

/* --- keys -------------------------------------------------------------------------------------------------------- */

void
view_key_lsn(av_meta_key *key, char table, uint64_t lsn)
{
    av_meta_key_init(key, table);
    av_meta_key_u64(key, lsn);
}

void
view_key_dedup(av_meta_key *key, av_record_kind kind, const uint8_t *dedup)
{
    av_meta_key_init(key, kind == AV_RECORD_PART ? 'p' : 'm');
    av_meta_key_bytes(key, av_span_of(dedup, AV_STORE_DEDUP_SIZE));
}

void
view_key_guid(av_meta_key *key, char table, const uint8_t *guid)
{
    av_meta_key_init(key, table);
    av_meta_key_bytes(key, av_span_of(guid, AV_GUID_SIZE));
}

void
view_key_no(av_meta_key *key, char table, uint32_t no)
{
    av_meta_key_init(key, table);
    av_meta_key_u32(key, no);
}

void
view_key_place(av_meta_key *key, char table, uint32_t no, uint32_t uid)
{
    view_key_no(key, table, no);
    av_meta_key_u32(key, uid);
}

void
view_key_of(av_meta_key *key, uint64_t lsn, uint32_t no, uint32_t uid)
{
    view_key_lsn(key, 'q', lsn);
    av_meta_key_u32(key, no);
    av_meta_key_u32(key, uid);
}

/* Times before 1970 wait as long as 1970 does. */
void
view_key_waiting(av_meta_key *key, int64_t ms, uint64_t lsn)
{
    av_meta_key_init(key, 'x');
    av_meta_key_u64(key, ms < 0 ? 0 : (uint64_t)ms);
    av_meta_key_u64(key, lsn);
}

void
view_key_hold(av_meta_key *key, char what, av_span covered, const uint8_t *hold)
{
    av_meta_key_init(key, 'h');
    av_meta_key_number(key, (uint8_t)what, 1);
    av_meta_key_bytes(key, covered);
    if (hold != NULL)
        av_meta_key_bytes(key, av_span_of(hold, AV_GUID_SIZE));
}

/* --- state ------------------------------------------------------------------------------------------------------- */

/* The counters are u64 alone, so they are their own list. */
#define COUNTERS (sizeof(av_store_counters) / sizeof(uint64_t))
_Static_assert(sizeof(av_store_counters) % sizeof(uint64_t) == 0, "counters are u64 alone");

void
view_state_encode(const view_state *self, av_buf *out)
{
    uint64_t counters[COUNTERS];

    memcpy(counters, &self->counters, sizeof counters);
    av_buf_clear(out);
    (void)av_buf_put_u64(out, self->applied_lsn);
    (void)av_buf_put_u64(out, (uint64_t)self->last_ms);
    for (size_t i = 0; i < AV_COUNT(self->dictionary); i++)
        (void)av_buf_put_u64(out, self->dictionary[i]);
    (void)av_buf_put_u64(out, self->next_mailbox);
    for (size_t i = 0; i < COUNTERS; i++)
        (void)av_buf_put_u64(out, counters[i]);
}

av_errc
view_state_decode(av_span row, view_state *ret, av_error *err)
{
    uint64_t counters[COUNTERS] = { 0 }, last_ms = 0;
    bool ok = av_span_get_u64(&row, &ret->applied_lsn) && av_span_get_u64(&row, &last_ms) &&
              av_span_get_u64(&row, &ret->dictionary[0]) && av_span_get_u64(&row, &ret->dictionary[1]) &&
              av_span_get_u64(&row, &ret->next_mailbox);

    for (size_t i = 0; i < COUNTERS; i++)
        ok = ok && av_span_get_u64(&row, &counters[i]);
    if (!ok || row.n != 0)
        return av_error_set(err, AV_ERR_CORRUPT, "store view: its state is damaged");
    ret->last_ms = (int64_t)last_ms;
    memcpy(&ret->counters, counters, sizeof ret->counters);
    return AV_OK;
}

/* --- contents ---------------------------------------------------------------------------------------------------- */

void
view_content_encode(const view_content *self, av_buf *out)
{
    const av_content_row *row = &self->row;
    bool plain = row->kind != AV_RECORD_DICTIONARY && !row->erased; /* has a dedup key */

    av_buf_clear(out);
    (void)av_buf_put_u8(out,
        (uint8_t)((unsigned)row->kind | (row->erased ? CONTENT_ERASED : 0U) | (row->waiting ? CONTENT_WAITING : 0U)));
    if (row->waiting)
        (void)av_buf_put_u64(out, (uint64_t)row->waiting_since_ms);
    (void)av_var_put(out, row->references);
    (void)av_var_put(out, row->stored);
    if (row->kind == AV_RECORD_MESSAGE)
        (void)av_var_put(out, row->removed);
    if (!plain)
        return;
    (void)av_var_put(out, row->size);
    (void)av_var_put(out, row->dictionary == 0 ? 0 : row->lsn - row->dictionary);
    (void)av_buf_append(out, row->dedup, sizeof row->dedup);
    if (row->kind == AV_RECORD_MESSAGE) {
        (void)av_var_put(out, row->part_count);
        (void)av_buf_append_span(out, self->parts);
    }
}

static bool
decode_plain(view_content *ret, av_span *row)
{
    uint64_t distance = 0, parts = 0;
    av_span dedup = { 0 };

    if (!av_var_get(row, &ret->row.size) || !av_var_get(row, &distance) || distance >= ret->row.lsn ||
        !av_span_get_bytes(row, AV_STORE_DEDUP_SIZE, &dedup))
        return false;
    ret->row.dictionary = distance == 0 ? 0 : ret->row.lsn - distance;
    memcpy(ret->row.dedup, dedup.p, dedup.n);
    if (ret->row.kind != AV_RECORD_MESSAGE)
        return true;
    if (!av_var_get(row, &parts) || parts > row->n)
        return false;
    ret->row.part_count = (uint32_t)parts;
    ret->parts = *row;
    row->n = 0;
    return true;
}

av_errc
view_content_decode(uint64_t lsn, av_span row, view_content *ret, av_error *err)
{
    view_content c = { .row = { .lsn = lsn } };
    uint8_t first = 0;
    uint64_t since = 0;
    bool ok = av_span_get_u8(&row, &first);

    c.row.kind = (av_record_kind)(first & CONTENT_KIND);
    c.row.erased = (first & CONTENT_ERASED) != 0;
    c.row.waiting = (first & CONTENT_WAITING) != 0;
    ok = ok && (c.row.kind == AV_RECORD_MESSAGE || c.row.kind == AV_RECORD_PART || c.row.kind == AV_RECORD_DICTIONARY);
    ok = ok && (!c.row.waiting || av_span_get_u64(&row, &since));
    ok = ok && av_var_get(&row, &c.row.references) && av_var_get(&row, &c.row.stored);
    ok = ok && (c.row.kind != AV_RECORD_MESSAGE || av_var_get(&row, &c.row.removed));
    if (ok && c.row.kind != AV_RECORD_DICTIONARY && !c.row.erased)
        ok = decode_plain(&c, &row);
    if (!ok || row.n != 0)
        return av_error_set(err, AV_ERR_CORRUPT, "store view: the row of LSN %llx is damaged", (unsigned long long)lsn);
    c.row.waiting_since_ms = (int64_t)since;
    *ret = c;
    return AV_OK;
}

/* --- placements -------------------------------------------------------------------------------------------------- */

void
view_place_encode(const view_place *self, av_buf *out)
{
    av_buf_clear(out);
    (void)av_var_put(out, (uint64_t)self->flags << 1 | (self->removed ? 1 : 0));
    (void)av_var_put(out, self->content_lsn);
    (void)av_var_put(out, self->raw_size);
    (void)av_var_put(out, self->crlf_size);
    (void)av_buf_put_u64(out, (uint64_t)self->received_at_ms);
    (void)av_buf_put_u64(out, (uint64_t)self->archived_at_ms);
    (void)av_buf_append_span(out, self->keywords);
}

av_errc
view_place_decode(av_span row, view_place *ret, av_error *err)
{
    uint64_t flags = 0, received = 0, archived = 0;
    view_place p = { 0 };

    if (!av_var_get(&row, &flags) || flags >> 1 > UINT32_MAX || !av_var_get(&row, &p.content_lsn) ||
        !av_var_get(&row, &p.raw_size) || !av_var_get(&row, &p.crlf_size) || !av_span_get_u64(&row, &received) ||
        !av_span_get_u64(&row, &archived))
        return av_error_set(err, AV_ERR_CORRUPT, "store view: a placement's row is damaged");
    p.removed = (flags & 1) != 0;
    p.flags = (uint32_t)(flags >> 1);
    p.received_at_ms = (int64_t)received;
    p.archived_at_ms = (int64_t)archived;
    p.keywords = row;
    *ret = p;
    return AV_OK;
}

void
view_removal_encode(const view_removal *self, av_buf *out)
{
    av_buf_clear(out);
    (void)av_buf_put_u64(out, (uint64_t)self->time_ms);
    (void)av_var_put(out, self->modseq);
    (void)av_event_list_put_text(out, self->who);
    (void)av_event_list_put_text(out, self->reason);
}

av_errc
view_removal_decode(av_span row, view_removal *ret, av_error *err)
{
    uint64_t time = 0;

    if (!av_span_get_u64(&row, &time) || !av_var_get(&row, &ret->modseq) || !av_event_list_next_text(&row, &ret->who) ||
        !av_event_list_next_text(&row, &ret->reason) || row.n != 0)
        return av_error_set(err, AV_ERR_CORRUPT, "store view: the row of a removal is damaged");
    ret->time_ms = (int64_t)time;
    return AV_OK;
}

/* --- holds ------------------------------------------------------------------------------------------------------- */

void
view_hold_encode(const av_hold *self, av_buf *out)
{
    av_buf_clear(out);
    (void)av_buf_put_u8(out, (uint8_t)((self->has_mailbox ? 1U : 0U) | (self->has_digest ? 2U : 0U)));
    if (self->has_mailbox)
        (void)av_buf_append(out, self->mailbox, sizeof self->mailbox);
    if (self->has_digest)
        (void)av_buf_append(out, self->digest, sizeof self->digest);
    (void)av_buf_put_u64(out, (uint64_t)self->time_ms);
    (void)av_event_list_put_text(out, self->name);
    (void)av_event_list_put_text(out, self->who);
}

av_errc
view_hold_decode(const uint8_t *hold, av_span row, av_hold *ret, av_error *err)
{
    av_hold h = { 0 };
    av_span mailbox = { 0 }, digest = { 0 };
    uint8_t covers = 0;
    uint64_t time = 0;
    bool ok = av_span_get_u8(&row, &covers) && covers <= 3;

    h.has_mailbox = (covers & 1) != 0;
    h.has_digest = (covers & 2) != 0;
    ok = ok && (!h.has_mailbox || av_span_get_bytes(&row, sizeof h.mailbox, &mailbox));
    ok = ok && (!h.has_digest || av_span_get_bytes(&row, sizeof h.digest, &digest));
    if (!ok || !av_span_get_u64(&row, &time) || !av_event_list_next_text(&row, &h.name) ||
        !av_event_list_next_text(&row, &h.who) || row.n != 0)
        return av_error_set(err, AV_ERR_CORRUPT, "store view: the row of a hold is damaged");
    memcpy(h.hold, hold, sizeof h.hold);
    if (h.has_mailbox && mailbox.p != NULL)
        memcpy(h.mailbox, mailbox.p, mailbox.n);
    if (h.has_digest && digest.p != NULL)
        memcpy(h.digest, digest.p, digest.n);
    h.time_ms = (int64_t)time;
    *ret = h;
    return AV_OK;
}
