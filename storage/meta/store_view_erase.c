/*
 * store_view_erase.c - what waits for its end, and what erasing takes away
 */
#include "storage/meta/store_view_priv.h"

/* --- erasing ----------------------------------------------------------------------------------------------------- */

/* One user less. */
static av_errc
release(av_store_view *self, uint64_t lsn, int64_t ms, av_error *err)
{
    view_content used = { 0 };
    av_errc rc = view_load(self, lsn, &self->part_row, &used, err);

    if (rc == AV_ERR_NOT_FOUND || (rc == AV_OK && (used.row.erased || used.row.references == 0)))
        return AV_OK;
    if (rc != AV_OK)
        return rc;
    used.row.references--;
    if (used.row.kind == AV_RECORD_PART && used.row.references > 0)
        self->state.counters.saved_bytes -= used.row.size;
    if (used.row.kind == AV_RECORD_PART && used.row.references == 0)
        view_wait(self, &used, ms);
    view_store(self, &used);
    return AV_OK;
}

static av_errc
release_all(av_store_view *self, const view_content *content, int64_t ms, av_error *err)
{
    av_span parts = content->parts;
    uint64_t distance = 0;
    av_errc rc = AV_OK;

    while (rc == AV_OK && av_var_get(&parts, &distance))
        rc = release(self, content->row.lsn - distance, ms, err);
    if (rc == AV_OK && content->row.dictionary != 0)
        rc = release(self, content->row.dictionary, ms, err);
    return rc;
}

static av_errc
forget_dedup(av_store_view *self, const view_content *content, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf rest = { 0 };
    uint64_t lsn = 0;
    av_meta_key key;
    av_span list;
    av_errc rc;

    view_key_dedup(&key, content->row.kind, content->row.dedup);
    rc = av_meta_get(av_meta_writer(self->meta), av_meta_key_span(&key), &self->out, err);
    if (rc != AV_OK)
        return rc == AV_ERR_NOT_FOUND ? AV_OK : rc;
    av_buf_init(&rest, STORE_VIEW_ROW_MAX);
    for (list = av_buf_span(&self->out); av_span_get_u64(&list, &lsn);)
        if (lsn != content->row.lsn)
            (void)av_buf_put_u64(&rest, lsn);
    if (rest.n == 0)
        av_meta_delete(self->meta, av_meta_key_span(&key));
    else
        view_put(self, &key, &rest);
    return AV_OK;
}

/* Mailbox number and UID of every placement of a message: rows may not change while they are walked. */
av_errc
view_list_places(const av_meta_view *view, uint64_t lsn, av_buf *out, av_error *err)
{
    av_meta_key prefix;
    av_meta_iter *iter;
    av_span key, value;
    bool fits = true;
    av_errc rc;

    view_key_lsn(&prefix, 'q', lsn);
    iter = av_meta_iter_new(view, av_meta_key_span(&prefix), av_span_str(NULL));
    while (fits && av_meta_iter_next(iter, &key, &value) && key.n == prefix.n + 8)
        fits = av_buf_put_u32(out, (uint32_t)av_meta_key_read(key.p + prefix.n, 4)) &&
               av_buf_put_u32(out, (uint32_t)av_meta_key_read(key.p + prefix.n + 4, 4));
    rc = av_meta_iter_error(iter, err);
    av_meta_iter_destroy(&iter);
    return fits || rc != AV_OK ? rc : av_error_set(err, AV_ERR_LIMIT, "a message with too many placements");
}

static av_errc
forget_place(av_store_view *self, uint64_t lsn, uint32_t no, uint32_t uid, av_error *err)
{
    av_store_counters *n = &self->state.counters;
    view_place place;
    av_meta_key key;
    av_errc rc;

    view_key_of(&key, lsn, no, uid);
    av_meta_delete(self->meta, av_meta_key_span(&key));
    view_key_place(&key, 'u', no, uid);
    rc = av_meta_get(av_meta_writer(self->meta), av_meta_key_span(&key), &self->out, err);
    if (rc == AV_OK)
        rc = view_place_decode(av_buf_span(&self->out), &place, err);
    if (rc != AV_OK)
        return rc == AV_ERR_NOT_FOUND ? AV_OK : rc;
    av_meta_delete(self->meta, av_meta_key_span(&key));
    if (place.removed) {
        n->removed--;
        view_key_place(&key, 'd', no, uid);
        av_meta_delete(self->meta, av_meta_key_span(&key));
    } else {
        n->placements--;
        n->placement_bytes -= place.raw_size;
    }
    return AV_OK;
}

static av_errc
forget_places(av_store_view *self, uint64_t lsn, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf places = { 0 };
    uint32_t no = 0, uid = 0;
    av_span list;
    av_errc rc;

    av_buf_init(&places, STORE_VIEW_ROW_MAX * 8);
    rc = view_list_places(av_meta_writer(self->meta), lsn, &places, err);
    for (list = av_buf_span(&places); rc == AV_OK && av_span_get_u32(&list, &no) && av_span_get_u32(&list, &uid);)
        rc = forget_place(self, lsn, no, uid, err);
    return rc;
}

static void
uncount_content(av_store_view *self, const av_content_row *row)
{
    av_store_counters *n = &self->state.counters;

    if (row->kind == AV_RECORD_MESSAGE) {
        n->messages--;
        n->message_bytes -= row->size;
        return;
    }
    n->parts--;
    n->part_bytes -= row->size;
    if (row->references > 1) /* erased though it is used: no more savings with it */
        n->saved_bytes -= (row->references - 1) * row->size;
}

static av_errc
erase_one(av_store_view *self, uint64_t lsn, int64_t ms, av_error *err)
{
    int64_t stored;
    view_content content;
    av_meta_key key;
    av_errc rc = view_load(self, lsn, &self->row, &content, err);

    if (rc != AV_OK || content.row.kind == AV_RECORD_DICTIONARY)
        return rc == AV_ERR_NOT_FOUND ? AV_OK : rc; /* compaction has dropped it */
    stored = (int64_t)content.row.stored;
    if (!content.row.erased) {
        rc = release_all(self, &content, ms, err);
        if (rc == AV_OK)
            rc = forget_dedup(self, &content, err);
        if (rc == AV_OK)
            rc = view_container_add(self, lsn, -stored, stored, err);
        uncount_content(self, &content.row);
    }
    if (rc == AV_OK && content.row.kind == AV_RECORD_MESSAGE)
        rc = forget_places(self, lsn, err);
    if (rc != AV_OK)
        return rc;
    view_unwait(self, &content);
    view_key_lsn(&key, 'c', lsn);
    av_meta_delete(self->meta, av_meta_key_span(&key));
    if (content.row.kind == AV_RECORD_MESSAGE) {
        view_key_lsn(&key, 'a', lsn);
        av_meta_delete(self->meta, av_meta_key_span(&key));
    }
    return AV_OK;
}

av_errc
view_apply_erased(av_store_view *self, const av_event_erased *event, av_error *err)
{
    int64_t ms = event->time_ms != 0 ? event->time_ms : self->state.last_ms;
    av_span list = event->lsns;
    uint64_t lsn = 0;
    av_errc rc = AV_OK;

    self->state.last_ms = AV_MAX(self->state.last_ms, ms);
    while (rc == AV_OK && av_event_list_next_item(&list, &lsn))
        rc = erase_one(self, lsn, ms, err);
    return rc;
}

/* --- what can go ------------------------------------------------------------------------------------------------- */

av_errc
av_store_view_next_expired(const av_meta_view *view, int64_t before_ms, av_waiting *cursor, av_error *err)
{
    av_waiting next = { 0 };
    av_meta_key from;
    av_meta_iter *iter;
    av_span key, value;
    bool found = false;
    av_errc rc;

    view_key_waiting(&from, cursor->since_ms, cursor->lsn);
    iter = av_meta_iter_new(view, av_span_str("x"), av_meta_key_span(&from));
    while (!found && av_meta_iter_next(iter, &key, &value) && key.n == from.n) {
        next.since_ms = (int64_t)av_meta_key_read(key.p + 1, 8);
        next.lsn = av_meta_key_read(key.p + 9, 8);
        found = memcmp(key.p, from.p, key.n) != 0;
    }
    rc = av_meta_iter_error(iter, err);
    av_meta_iter_destroy(&iter);
    if (rc != AV_OK)
        return rc;
    if (!found || next.since_ms >= before_ms)
        return av_error_set(err, AV_ERR_NOT_FOUND, "nothing has waited that long");
    *cursor = next;
    return AV_OK;
}

/* Refuses what a hold covers, and says which. */
static av_errc
check_holds(av_store_view *self, uint64_t lsn, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    av_hold hold;
    av_errc rc;

    av_buf_init(&row, STORE_VIEW_ROW_MAX);
    rc = av_store_view_hold_of(av_meta_writer(self->meta), lsn, &row, &hold, err);
    if (rc != AV_OK)
        return rc == AV_ERR_NOT_FOUND ? AV_OK : rc;
    return av_error_set(err, AV_ERR_DENIED, "the hold \"%.*s\" on %s keeps it", (int)AV_MIN(hold.name.n, 150),
        (const char *)hold.name.p,
        hold.has_mailbox  ? "a folder"
        : hold.has_digest ? "this message"
                          : "the whole store");
}

av_errc
av_store_view_erase_plan(av_store_view *self, uint64_t lsn, av_buf *ret_lsns, av_error *err)
{
    size_t before = ret_lsns->n;
    view_content content, part;
    uint64_t distance = 0, at;
    bool fits;
    av_span parts;
    av_errc rc = view_load(self, lsn, &self->row, &content, err);

    if (rc != AV_OK)
        return rc;
    if (content.row.erased)
        return av_error_set(err, AV_ERR_NOT_FOUND, "it was erased already");
    if (content.row.kind == AV_RECORD_DICTIONARY)
        return av_error_set(err, AV_ERR_INVALID, "a dictionary is not erased");
    if (content.row.references > 0)
        return av_error_set(err, AV_ERR_DENIED, "%llu %s still there", (unsigned long long)content.row.references,
            content.row.kind == AV_RECORD_PART ? "messages that use it are" : "placements of it are");
    rc = check_holds(self, lsn, err);
    if (rc != AV_OK)
        return rc;
    fits = av_buf_append(ret_lsns, &lsn, sizeof lsn);
    for (parts = content.parts; rc == AV_OK && fits && av_var_get(&parts, &distance);) {
        at = lsn - distance;
        rc = view_load(self, at, &self->part_row, &part, err);
        if (rc == AV_OK && !part.row.erased && part.row.references == 1)
            fits = av_buf_append(ret_lsns, &at, sizeof at);
        rc = rc == AV_ERR_NOT_FOUND ? AV_OK : rc;
    }
    if (rc == AV_OK && !fits)
        rc = av_error_set(err, AV_ERR_LIMIT, "a message with too many parts");
    if (rc != AV_OK)
        ret_lsns->n = before;
    return rc;
}
