/*
 * store_view_erase.c - what waits for its end, what erasing takes away, and the holds that forbid it
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
static av_errc
list_places(const av_meta_view *view, uint64_t lsn, av_buf *out, av_error *err)
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
    rc = list_places(av_meta_writer(self->meta), lsn, &places, err);
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

/* --- holds ------------------------------------------------------------------------------------------------------- */

/* Row h of a hold: where what it covers is looked for. */
static void
cover_key(const av_store_view *self, const av_hold *hold, av_meta_key *key)
{
    uint8_t dedup[AV_STORE_DEDUP_SIZE];

    if (hold->has_mailbox) {
        view_key_hold(key, 'm', av_span_of(hold->mailbox, sizeof hold->mailbox), hold->hold);
    } else if (hold->has_digest) {
        view_dedup_of(self, hold->digest, dedup);
        view_key_hold(key, 'd', av_span_of(dedup, sizeof dedup), hold->hold);
    } else {
        view_key_hold(key, 's', av_span_str(NULL), hold->hold);
    }
}

av_errc
view_apply_hold_lifted(av_store_view *self, const av_event_hold *event, av_error *err)
{
    av_meta_key key, cover;
    av_hold hold;
    av_errc rc;

    view_key_guid(&key, 'H', event->hold);
    rc = av_meta_get(av_meta_writer(self->meta), av_meta_key_span(&key), &self->row, err);
    if (rc == AV_OK)
        rc = view_hold_decode(event->hold, av_buf_span(&self->row), &hold, err);
    if (rc != AV_OK)
        return rc == AV_ERR_NOT_FOUND ? AV_OK : rc; /* set in another store alone */
    av_meta_delete(self->meta, av_meta_key_span(&key));
    cover_key(self, &hold, &cover);
    av_meta_delete(self->meta, av_meta_key_span(&cover));
    /* A hold with a mailbox and a digest stands at both. */
    if (hold.has_mailbox && hold.has_digest) {
        hold.has_mailbox = false;
        cover_key(self, &hold, &cover);
        av_meta_delete(self->meta, av_meta_key_span(&cover));
    }
    self->state.counters.holds--;
    return AV_OK;
}

av_errc
view_apply_hold_set(av_store_view *self, const av_event_hold *event, av_error *err)
{
    av_hold hold = { .has_mailbox = event->has_mailbox,
        .has_digest = event->has_digest,
        .time_ms = event->time_ms,
        .name = event->name,
        .who = event->who };
    av_meta_key key;
    av_errc rc = view_apply_hold_lifted(self, event, err); /* set again: as it is said now */

    if (rc != AV_OK)
        return rc;
    memcpy(hold.hold, event->hold, sizeof hold.hold);
    memcpy(hold.mailbox, event->mailbox, sizeof hold.mailbox);
    memcpy(hold.digest, event->digest, sizeof hold.digest);
    view_hold_encode(&hold, &self->out);
    view_key_guid(&key, 'H', hold.hold);
    view_put(self, &key, &self->out);
    cover_key(self, &hold, &key);
    view_put(self, &key, NULL);
    if (hold.has_mailbox && hold.has_digest) {
        hold.has_mailbox = false;
        cover_key(self, &hold, &key);
        view_put(self, &key, NULL);
    }
    self->state.counters.holds++;
    return AV_OK;
}

/* The first hold with this prefix of table h. */
static av_errc
first_hold(const av_meta_view *view, char what, av_span covered, av_buf *row, av_hold *ret, av_error *err)
{
    uint8_t id[AV_GUID_SIZE];
    av_meta_key prefix, at;
    av_meta_iter *iter;
    av_span key, value;
    bool found;
    av_errc rc;

    view_key_hold(&prefix, what, covered, NULL);
    iter = av_meta_iter_new(view, av_meta_key_span(&prefix), av_span_str(NULL));
    found = av_meta_iter_next(iter, &key, &value) && key.n == prefix.n + AV_GUID_SIZE;
    if (found)
        memcpy(id, key.p + prefix.n, sizeof id);
    rc = av_meta_iter_error(iter, err);
    av_meta_iter_destroy(&iter);
    if (rc != AV_OK || !found)
        return rc != AV_OK ? rc : av_error_set(err, AV_ERR_NOT_FOUND, "no hold covers it");
    view_key_guid(&at, 'H', id);
    rc = av_meta_get(view, av_meta_key_span(&at), row, err);
    if (rc == AV_ERR_NOT_FOUND)
        return av_error_set(err, AV_ERR_CORRUPT, "store view: a hold without a row");
    return rc == AV_OK ? view_hold_decode(id, av_buf_span(row), ret, err) : rc;
}

static av_errc
hold_of_mailboxes(const av_meta_view *view, uint64_t lsn, av_buf *row, av_hold *ret, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf places = { 0 };
    uint32_t no = 0, uid = 0, last = 0;
    av_span list;
    av_errc rc;

    av_buf_init(&places, STORE_VIEW_ROW_MAX * 8);
    rc = list_places(view, lsn, &places, err);
    if (rc != AV_OK)
        return rc;
    for (list = av_buf_span(&places); av_span_get_u32(&list, &no) && av_span_get_u32(&list, &uid); last = no) {
        uint8_t guid[AV_GUID_SIZE];
        av_meta_key key;

        if (no == last)
            continue;
        view_key_no(&key, 'G', no);
        rc = av_meta_get(view, av_meta_key_span(&key), row, err);
        if (rc != AV_OK || row->n != AV_GUID_SIZE)
            return rc != AV_OK && rc != AV_ERR_NOT_FOUND
                       ? rc
                       : av_error_set(err, AV_ERR_CORRUPT, "store view: mailbox %u has no GUID", no);
        memcpy(guid, row->p, sizeof guid);
        rc = first_hold(view, 'm', av_span_of(guid, sizeof guid), row, ret, err);
        if (rc != AV_ERR_NOT_FOUND)
            return rc;
    }
    return av_error_set(err, AV_ERR_NOT_FOUND, "no hold covers it");
}

/* Most stores have none, and their messages may have many placements. */
static av_errc
any_hold(const av_meta_view *view, av_error *err)
{
    av_meta_iter *iter = av_meta_iter_new(view, av_span_str("H"), av_span_str(NULL));
    av_span key, value;
    bool any = av_meta_iter_next(iter, &key, &value);
    av_errc rc = av_meta_iter_error(iter, err);

    av_meta_iter_destroy(&iter);
    return rc != AV_OK || any ? rc : av_error_set(err, AV_ERR_NOT_FOUND, "there is no hold");
}

av_errc
av_store_view_hold_of(const av_meta_view *view, uint64_t lsn, av_buf *row, av_hold *ret, av_error *err)
{
    av_content_row content = { 0 };
    av_errc rc = av_store_view_get(view, lsn, &content, NULL, err);

    if (rc == AV_OK)
        rc = any_hold(view, err);
    if (rc != AV_OK)
        return rc;
    rc = first_hold(view, 's', av_span_str(NULL), row, ret, err);
    if (rc != AV_ERR_NOT_FOUND || content.kind != AV_RECORD_MESSAGE)
        return rc;
    rc = first_hold(view, 'd', av_span_of(content.dedup, sizeof content.dedup), row, ret, err);
    return rc == AV_ERR_NOT_FOUND ? hold_of_mailboxes(view, lsn, row, ret, err) : rc;
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
