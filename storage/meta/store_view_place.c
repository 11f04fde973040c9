/*
 * store_view_place.c - placements in a store's view: added, removed, given back
 */
#include "storage/meta/store_view_priv.h"

/* The message of a placement: one that compaction has dropped is known again until its erasure is replayed, too. */
static av_errc
load_placed(av_store_view *self, uint64_t lsn, view_content *ret, av_error *err)
{
    av_errc rc = view_load(self, lsn, &self->row, ret, err);

    if (rc == AV_ERR_NOT_FOUND) {
        *ret = (view_content){ .row = { .lsn = lsn, .kind = AV_RECORD_MESSAGE, .erased = true } };
        return AV_OK;
    }
    if (rc == AV_OK && ret->row.kind != AV_RECORD_MESSAGE)
        return av_error_set(
            err, AV_ERR_CORRUPT, "a placement of what is no message, LSN %llx", (unsigned long long)lsn);
    return rc;
}

static void
drop_removed(av_store_view *self, view_content *content, uint32_t no, uint32_t uid)
{
    av_meta_key key;

    view_key_place(&key, 'd', no, uid);
    av_meta_delete(self->meta, av_meta_key_span(&key));
    view_key_place(&key, 'u', no, uid);
    av_meta_delete(self->meta, av_meta_key_span(&key));
    view_key_of(&key, content->row.lsn, no, uid);
    av_meta_delete(self->meta, av_meta_key_span(&key));
    content->row.removed--;
    self->state.counters.removed--;
}

/* The message comes back to a mailbox it was removed from: that is what could be recovered. */
static av_errc
take_back(av_store_view *self, view_content *content, uint32_t no, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf uids = { 0 };
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    av_meta_key prefix;
    av_meta_iter *iter;
    av_span key, value, list;
    uint32_t uid = 0;
    av_errc rc;

    av_buf_init(&uids, STORE_VIEW_ROW_MAX);
    av_buf_init(&row, STORE_VIEW_ROW_MAX);
    view_key_of(&prefix, content->row.lsn, no, 0);
    prefix.n -= 4;
    iter = av_meta_iter_new(av_meta_writer(self->meta), av_meta_key_span(&prefix), av_span_str(NULL));
    while (av_meta_iter_next(iter, &key, &value) && key.n == prefix.n + 4)
        (void)av_buf_put_u32(&uids, (uint32_t)av_meta_key_read(key.p + prefix.n, 4));
    rc = av_meta_iter_error(iter, err);
    av_meta_iter_destroy(&iter);
    for (list = av_buf_span(&uids); rc == AV_OK && av_span_get_u32(&list, &uid);) {
        view_place place;
        av_meta_key at;

        view_key_place(&at, 'u', no, uid);
        rc = av_meta_get(av_meta_writer(self->meta), av_meta_key_span(&at), &row, err);
        if (rc == AV_OK)
            rc = view_place_decode(av_buf_span(&row), &place, err);
        if (rc == AV_OK && place.removed)
            drop_removed(self, content, no, uid);
    }
    return rc;
}

static void
count_standing(av_store_view *self, const view_place *place, bool more)
{
    av_store_counters *n = &self->state.counters;

    n->placements += more ? 1U : UINT64_MAX;
    n->placement_bytes += more ? place->raw_size : 0 - place->raw_size;
}

/* What stands under a UID that is given again: never by us, whoever did it. */
static av_errc
displace(av_store_view *self, const view_place *place, uint32_t no, uint32_t uid, int64_t ms, av_error *err)
{
    view_content content;
    av_meta_key key;
    av_errc rc = view_load(self, place->content_lsn, &self->part_row, &content, err);

    if (rc != AV_OK)
        return rc;
    if (place->removed) {
        drop_removed(self, &content, no, uid);
    } else {
        view_key_of(&key, content.row.lsn, no, uid);
        av_meta_delete(self->meta, av_meta_key_span(&key));
        count_standing(self, place, false);
        content.row.references--;
        if (content.row.references == 0)
            view_wait(self, &content, ms);
    }
    view_store(self, &content);
    return AV_OK;
}

av_errc
view_apply_added(av_store_view *self, const av_event_placement *event, av_error *err)
{
    view_place place = { .flags = event->flags,
        .content_lsn = event->content_lsn,
        .raw_size = event->raw_size,
        .crlf_size = event->crlf_size,
        .received_at_ms = event->received_at_ms,
        .archived_at_ms = event->archived_at_ms,
        .keywords = event->keywords };
    view_content content;
    view_place before;
    av_meta_key key;
    uint32_t no = 0;
    av_errc rc = view_mailbox_no(self, event->guid, true, &no, err);

    if (rc != AV_OK)
        return rc;
    self->state.last_ms = AV_MAX(self->state.last_ms, event->archived_at_ms);
    view_key_place(&key, 'u', no, event->uid);
    rc = av_meta_get(av_meta_writer(self->meta), av_meta_key_span(&key), &self->row, err);
    if (rc == AV_OK)
        rc = view_place_decode(av_buf_span(&self->row), &before, err);
    if (rc == AV_OK)
        rc = displace(self, &before, no, event->uid, self->state.last_ms, err);
    if (rc == AV_OK || rc == AV_ERR_NOT_FOUND)
        rc = load_placed(self, event->content_lsn, &content, err);
    if (rc == AV_OK && content.row.removed > 0)
        rc = take_back(self, &content, no, err);
    if (rc != AV_OK)
        return rc;
    content.row.references++;
    view_unwait(self, &content);
    view_store(self, &content);
    view_place_encode(&place, &self->out);
    view_put(self, &key, &self->out);
    view_key_of(&key, event->content_lsn, no, event->uid);
    view_put(self, &key, NULL);
    count_standing(self, &place, true);
    return AV_OK;
}

static void
put_removal(av_store_view *self, const av_event_placement *event, uint32_t no, int64_t ms)
{
    view_removal removal = { .time_ms = ms, .modseq = event->modseq, .who = event->who, .reason = event->reason };
    av_meta_key key;

    view_removal_encode(&removal, &self->out);
    view_key_place(&key, 'd', no, event->uid);
    view_put(self, &key, &self->out);
}

/* A placement that is not known here (or no more) is no news. */
av_errc
view_apply_removed(av_store_view *self, const av_event_placement *event, av_error *err)
{
    int64_t ms = event->removed_at_ms != 0 ? event->removed_at_ms : self->state.last_ms;
    view_content content;
    view_place place;
    av_meta_key key;
    uint32_t no = 0;
    av_errc rc = view_mailbox_no(self, event->guid, false, &no, err);

    if (rc != AV_OK || no == 0)
        return rc;
    self->state.last_ms = AV_MAX(self->state.last_ms, ms);
    view_key_place(&key, 'u', no, event->uid);
    rc = av_meta_get(av_meta_writer(self->meta), av_meta_key_span(&key), &self->row, err);
    if (rc != AV_OK)
        return rc == AV_ERR_NOT_FOUND ? AV_OK : rc;
    rc = view_place_decode(av_buf_span(&self->row), &place, err);
    if (rc != AV_OK || place.removed)
        return rc;
    place.removed = true;
    view_place_encode(&place, &self->out);
    view_put(self, &key, &self->out);
    put_removal(self, event, no, ms);
    count_standing(self, &place, false);
    self->state.counters.removed++;
    rc = load_placed(self, place.content_lsn, &content, err);
    if (rc != AV_OK)
        return rc;
    content.row.references--;
    content.row.removed++;
    if (content.row.references == 0)
        view_wait(self, &content, ms);
    view_store(self, &content);
    return AV_OK;
}
