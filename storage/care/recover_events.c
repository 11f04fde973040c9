/*
 * recover_events.c - events out of the damaged store into the new one, and those that are known from elsewhere
 */
#include <stdio.h>

#include "base/clock.h"
#include "storage/care/recover_priv.h"

#define LOST_MAX (1024U * 1024)

static av_span
guid_span(const uint8_t *guid)
{
    return av_span_of(guid, AV_GUID_SIZE);
}

/* --- mailboxes --------------------------------------------------------------------------------------------------- */

/* Its creation could not be read. */
static av_errc
make_mailbox(recovery *self, const uint8_t *guid, av_error *err)
{
    av_event event = { .kind = AV_EVENT_MAILBOX_CREATED };
    char path[32];
    av_errc rc = self->job->mailbox == NULL ? AV_ERR_NOT_FOUND : self->job->mailbox(self->job->ctx, guid, &event, err);

    if (rc == AV_ERR_NOT_FOUND) {
        (void)snprintf(path, sizeof path, "Recovered %02x%02x%02x%02x%02x%02x", guid[0], guid[1], guid[2], guid[3],
            guid[4], guid[5]);
        event = (av_event){ .kind = AV_EVENT_MAILBOX_CREATED };
        event.mailbox.path = av_span_str(path);
        event.mailbox.uidvalidity = (uint32_t)(av_clock_wall_ms() / 1000);
        event.mailbox.sequence = 1;
        memcpy(event.mailbox.guid, guid, AV_GUID_SIZE);
        av_care_say(
            self->watch, AV_LOG_WARN, 0, "the name of a mailbox could not be read: it is called \"%s\" now", path);
        rc = AV_OK;
    }
    if (rc == AV_OK)
        rc = recover_remember(self->mailboxes, guid_span(guid), err);
    return rc == AV_OK ? recover_put_event(self, &event, err) : rc;
}

static av_errc
on_mailbox(recovery *self, av_span body, const av_event *event, av_error *err)
{
    bool known = av_map_get(self->mailboxes, guid_span(event->mailbox.guid)) != NULL;
    av_errc rc = AV_OK;

    if (event->kind == AV_EVENT_MAILBOX_CREATED) {
        if (known)
            return AV_OK;
        rc = recover_remember(self->mailboxes, guid_span(event->mailbox.guid), err);
    } else if (event->kind == AV_EVENT_MAILBOX_RENAMED && !known) {
        rc = make_mailbox(self, event->mailbox.guid, err);
    } else if (event->kind == AV_EVENT_MAILBOX_REMOVED &&
               (!known || av_map_get(self->revived, guid_span(event->mailbox.guid)) != NULL)) {
        return AV_OK; /* placements stand in it again */
    }
    return rc == AV_OK ? recover_put_body(self, body, event, err) : rc;
}

/* --- placements -------------------------------------------------------------------------------------------------- */

/* Told at the end: an erasure may be told of yet. */
static av_errc
note_lost(recovery *self, const av_event_placement *p, const char *sentence, av_error *err)
{
    av_span key = av_span_of((const uint8_t *)&p->content_lsn, sizeof p->content_lsn);
    recover_lost *lost;

    if (av_map_get(self->lost, key) != NULL)
        return AV_OK;
    if (av_map_count(self->lost) >= LOST_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "more than %u messages are lost", LOST_MAX);
    lost = av_xcalloc(1, sizeof *lost);
    memcpy(lost->digest, p->digest, sizeof lost->digest);
    (void)snprintf(lost->sentence, sizeof lost->sentence, "%s", sentence);
    (void)av_map_put(self->lost, key, lost);
    return AV_OK;
}

static void
forget_lost(recovery *self, const av_event_erased *event)
{
    av_span list = event->lsns;
    uint64_t lsn = 0;

    while (av_event_list_next_item(&list, &lsn))
        free(av_map_remove(self->lost, av_span_of((const uint8_t *)&lsn, sizeof lsn)));
}

av_errc
recover_tell_lost(recovery *self, av_error *err)
{
    size_t at = 0;
    av_span key;
    void *value;
    av_errc rc = AV_OK;

    self->result->lost_messages = av_map_count(self->lost);
    while (rc == AV_OK && self->job->lost != NULL && av_map_next(self->lost, &at, &key, &value)) {
        const recover_lost *lost = value;
        uint64_t lsn;

        memcpy(&lsn, key.p, sizeof lsn);
        rc = self->job->lost(self->job->ctx, lsn, lost->digest, lost->sentence, err);
    }
    return rc;
}

/* Its message is not in the target: erased, which is as it should be, or lost. */
static av_errc
explain(recovery *self, const av_event_placement *p, av_error *err)
{
    AV_CLEANUP(av_store_reader_close) av_store_reader *reader = NULL;
    av_error why;
    av_errc rc;

    if (av_care_ranges_hit(&self->damaged, p->content_lsn))
        return note_lost(self, p, "its record is damaged", err);
    rc = av_store_reader_open(self->source, p->content_lsn, &reader, &why);
    if (rc == AV_ERR_NOT_FOUND)
        return AV_OK;
    if (rc == AV_OK)
        rc = av_store_reader_verify(reader, &why);
    if (rc == AV_OK)
        return note_lost(self, p, "its record has another digest than its placement", err);
    if (rc == AV_ERR_IO || rc == AV_ERR_NOMEM) {
        *err = why;
        return rc;
    }
    return note_lost(self, p, why.msg, err);
}

/* Where a removal was left out the message may stand in the mailbox under an older UID: as it was put there again, that
 * one goes. */
static av_errc
replace_older(recovery *self, const av_event_placement *p, av_error *err)
{
    const av_meta_view *view = av_store_view_writer(self->job->target_view);
    av_store_view_iter *iter = av_store_view_placements_of(view, p->content_lsn);
    av_event removal = { .kind = AV_EVENT_PLACEMENT_REMOVED };
    av_store_placement have;
    bool found = false;
    av_errc rc;

    while (!found && av_store_view_next_placement(iter, &have))
        found = !have.removed && have.uid != p->uid && memcmp(have.guid, p->guid, AV_GUID_SIZE) == 0;
    if (found) {
        memcpy(removal.placement.guid, p->guid, AV_GUID_SIZE);
        removal.placement.uid = have.uid;
    }
    rc = av_store_view_iter_error(iter, err);
    av_store_view_iter_destroy(&iter);
    removal.placement.modseq = p->modseq;
    removal.placement.removed_at_ms = p->archived_at_ms;
    return rc == AV_OK && found ? recover_put_event(self, &removal, err) : rc;
}

static av_errc
is_placed(recovery *self, const av_event_placement *p, bool *ret, bool *ret_removed, av_error *err)
{
    av_store_placement have;
    av_errc rc;

    av_buf_clear(&self->list);
    rc =
        av_store_view_placement(av_store_view_writer(self->job->target_view), p->guid, p->uid, &self->list, &have, err);
    *ret = rc == AV_OK;
    *ret_removed = rc == AV_OK && have.removed;
    return rc == AV_ERR_NOT_FOUND ? AV_OK : rc;
}

static av_errc
on_added(recovery *self, const av_event_placement *p, av_error *err)
{
    av_event event = { .kind = AV_EVENT_PLACEMENT_ADDED, .placement = *p };
    av_store_view *view = self->job->target_view;
    av_errc rc =
        av_store_view_find_message(view, av_store_view_writer(view), p->digest, &event.placement.content_lsn, err);

    if (rc == AV_ERR_NOT_FOUND)
        return explain(self, p, err);
    if (rc == AV_OK && av_map_get(self->mailboxes, guid_span(p->guid)) == NULL)
        rc = make_mailbox(self, p->guid, err);
    if (rc == AV_OK && self->job->with_deleted)
        rc = replace_older(self, &event.placement, err);
    return rc == AV_OK ? recover_put_event(self, &event, err) : rc;
}

static av_errc
on_removed(recovery *self, av_span body, const av_event *event, av_error *err)
{
    bool placed = false, removed = false;
    av_errc rc = is_placed(self, &event->placement, &placed, &removed, err);

    if (rc != AV_OK || !placed || removed)
        return rc;
    if (self->job->with_deleted)
        return recover_remember(self->revived, guid_span(event->placement.guid), err);
    return recover_put_body(self, body, event, err);
}

/* --- the list ---------------------------------------------------------------------------------------------------- */

static av_errc
take_event(recovery *self, uint64_t lsn, av_span body, av_error *err)
{
    av_event event;
    av_errc rc = av_event_decode(body, &event, err);

    if (rc == AV_ERR_CORRUPT || rc == AV_ERR_VERSION) {
        self->result->lost_records++;
        av_care_say(self->watch, AV_LOG_WARN, lsn, "an event is left out: %s", err->msg);
        return AV_OK;
    }
    if (rc != AV_OK)
        return rc;
    self->result->events++;
    switch (event.kind) {
    case AV_EVENT_MAILBOX_CREATED:
    case AV_EVENT_MAILBOX_RENAMED:
    case AV_EVENT_MAILBOX_REMOVED:
        return on_mailbox(self, body, &event, err);
    case AV_EVENT_PLACEMENT_ADDED:
        return on_added(self, &event.placement, err);
    case AV_EVENT_PLACEMENT_REMOVED:
        return on_removed(self, body, &event, err);
    case AV_EVENT_CONTENT_ERASED: /* it did not come over */
        forget_lost(self, &event.erased);
        return AV_OK;
    case AV_EVENT_HOLD_SET:
    case AV_EVENT_HOLD_LIFTED:
    case AV_EVENT_RUN_PROGRESS:
    case AV_EVENT_UNKNOWN:
        break;
    }
    return recover_put_body(self, body, &event, err);
}

static av_errc
on_event(void *ctx, uint64_t lsn, av_span body, av_error *err)
{
    recovery *self = ctx;
    av_errc rc = take_event(self, lsn, body, err);

    self->failed = rc != AV_OK;
    return rc;
}

av_errc
recover_events(recovery *self, const av_record_header *h, av_span body, av_error *err)
{
    const av_store_visitor visitor = { .ctx = self, .event = on_event };
    av_error inside = { 0 };
    av_errc rc;

    self->failed = false;
    rc = av_store_inspect(self->inspector, h, body, &visitor, &inside);
    if (rc == AV_ERR_CORRUPT && !self->failed) { /* the list does not open */
        self->result->lost_records++;
        av_care_say(self->watch, AV_LOG_WARN, h->lsn, "%s", inside.msg);
        return av_care_ranges_add(&self->damaged, h->lsn, h->lsn + 1, err);
    }
    if (rc != AV_OK)
        *err = inside;
    return rc;
}

/* --- what was done by an earlier run ----------------------------------------------------------------------------- */

static av_errc
follow_added(recovery *self, const av_event_placement *p, av_error *err)
{
    av_store_view *view = self->job->target_view;
    uint64_t lsn = 0;
    av_errc rc = av_store_view_find_message(view, av_store_view_writer(view), p->digest, &lsn, err);

    return rc == AV_ERR_NOT_FOUND ? explain(self, p, err) : rc;
}

static av_errc
follow_removed(recovery *self, const av_event_placement *p, av_error *err)
{
    bool placed = false, removed = false;
    av_errc rc = self->job->with_deleted ? is_placed(self, p, &placed, &removed, err) : AV_OK;

    return rc == AV_OK && placed && !removed ? recover_remember(self->revived, guid_span(p->guid), err) : rc;
}

static av_errc
follow(void *ctx, AV_UNUSED uint64_t lsn, av_span body, av_error *err)
{
    recovery *self = ctx;
    av_error ignored;
    av_event event;
    av_errc rc = AV_OK;

    if (av_event_decode(body, &event, &ignored) != AV_OK)
        return AV_OK;
    if (event.kind == AV_EVENT_PLACEMENT_ADDED)
        rc = follow_added(self, &event.placement, err);
    else if (event.kind == AV_EVENT_PLACEMENT_REMOVED)
        rc = follow_removed(self, &event.placement, err);
    else if (event.kind == AV_EVENT_CONTENT_ERASED)
        forget_lost(self, &event.erased);
    self->failed = rc != AV_OK;
    return rc;
}

av_errc
recover_follow(recovery *self, const av_record_header *h, av_span body, av_error *err)
{
    const av_store_visitor visitor = { .ctx = self, .event = follow };
    av_errc rc;

    self->failed = false;
    rc = av_store_inspect(self->inspector, h, body, &visitor, err);
    return self->failed || rc != AV_ERR_CORRUPT ? rc : AV_OK; /* a list that does not open was told of before */
}

/* --- what is known from elsewhere -------------------------------------------------------------------------------- */

static av_errc
put_known(void *ctx, const av_event_placement *p, av_error *err)
{
    recovery *self = ctx;
    av_store_view *view = self->job->target_view;
    uint64_t lsn = 0;
    bool placed = false, removed = false;
    av_errc rc = is_placed(self, p, &placed, &removed, err);

    if (rc != AV_OK || placed)
        return rc;
    rc = av_store_view_find_message(view, av_store_view_writer(view), p->digest, &lsn, err);
    if (rc == AV_ERR_NOT_FOUND)
        return p->content_lsn == 0 ? note_lost(self, p, "its bytes are not in the store any more", err)
                                   : explain(self, p, err);
    return rc == AV_OK ? on_added(self, p, err) : rc;
}

av_errc
recover_known(recovery *self, av_error *err)
{
    return self->job->placements == NULL ? AV_OK : self->job->placements(self->job->ctx, put_known, self, err);
}
