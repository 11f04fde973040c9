/*
 * store_view_hold.c - holds: set, lifted, and which of them covers a message
 */
#include "storage/meta/store_view_priv.h"

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
    rc = view_list_places(view, lsn, &places, err);
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
