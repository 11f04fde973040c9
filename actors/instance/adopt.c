/*
 * adopt.c - taking over the messages of a store that another instance wrote
 *
 * Two walks over the log up to where it ended at the beginning: the first learns what the other's mailboxes are called at
 * the end, the second takes the placements. A walk stops at a group's end and goes on from there.
 */
#include "actors/instance/adopt.h"

#include "base/log.h"
#include "base/map.h"

#define SLICE_EVENTS 256U
#define SLICE_GROUPS 64U
#define SLICE_BYTES  (64U * 1024 * 1024) /* a group of events is at most some MB */

struct av_adoption {
    av_archive *archive;
    uint32_t store_id;
    av_map *paths; /* GUID of the other's mailbox -> path */
    uint64_t until, at;
    bool second; /* the walk that takes placements */
    uint64_t count;
    /* Of one slice. */
    av_buf events; /* length and body of each placement */
    size_t gathered, groups;
};

av_adoption *
av_adoption_new(av_archive *archive, uint32_t store_id)
{
    av_adoption *self = av_xcalloc(1, sizeof *self);

    self->archive = archive;
    self->store_id = store_id;
    self->paths = av_map_new();
    av_buf_init(&self->events, SLICE_BYTES);
    return self;
}

void
av_adoption_destroy(av_adoption **self)
{
    if (*self == NULL)
        return;
    av_map_destroy(&(*self)->paths, free);
    av_buf_release(&(*self)->events);
    free(*self);
    *self = NULL;
}

/* A rough measure: containers as numbers, offsets within. */
void
av_adoption_progress(const av_adoption *self, uint64_t *ret_done, uint64_t *ret_total)
{
    *ret_total = self->until * 2;
    *ret_done = self->at + (self->second ? self->until : 0);
}

uint64_t
av_adoption_count(const av_adoption *self)
{
    return self->count;
}

/* ---- walking ---- */

static bool
is_foreign(const av_adoption *self, bool has_instance, const uint8_t *instance)
{
    return has_instance && memcmp(instance, self->archive->uuid, sizeof self->archive->uuid) != 0;
}

static av_errc
note_mailbox(av_adoption *self, const av_event_mailbox *mailbox)
{
    if (is_foreign(self, mailbox->has_instance, mailbox->instance))
        free(av_map_put(self->paths, av_span_of(mailbox->guid, sizeof mailbox->guid), av_span_dup(mailbox->path)));
    return AV_OK;
}

static av_errc
on_event(void *ctx, AV_UNUSED uint64_t lsn, av_span body, av_error *err)
{
    av_adoption *self = ctx;
    av_event event;
    av_errc rc = av_event_decode(body, &event, err);

    if (rc != AV_OK)
        return rc;
    if (event.kind == AV_EVENT_MAILBOX_CREATED || event.kind == AV_EVENT_MAILBOX_RENAMED)
        return self->second ? AV_OK : note_mailbox(self, &event.mailbox);
    if (event.kind != AV_EVENT_PLACEMENT_ADDED || !self->second ||
        !is_foreign(self, event.placement.has_instance, event.placement.instance))
        return AV_OK;
    if (!av_buf_put_u32(&self->events, (uint32_t)body.n) || !av_buf_append_span(&self->events, body))
        return av_error_set(err, AV_ERR_LIMIT, "a group of the log has over %u MB of events", SLICE_BYTES >> 20);
    self->gathered++;
    return AV_OK;
}

/* The slice is large enough, or the walk at its end: stop behind this group. */
static av_errc
on_commit(void *ctx, uint64_t lsn, av_error *err)
{
    av_adoption *self = ctx;

    self->at = lsn;
    self->groups++;
    if (self->gathered >= SLICE_EVENTS || self->groups >= SLICE_GROUPS || lsn >= self->until)
        return av_error_set(err, AV_ERR_CANCELLED, "the slice ends");
    return AV_OK;
}

static av_errc
walk(av_adoption *self, const av_open_store *store, av_error *err)
{
    const av_store_visitor visitor = { .ctx = self, .event = on_event, .commit = on_commit };
    av_errc rc;

    av_buf_clear(&self->events);
    self->gathered = self->groups = 0;
    rc = av_store_replay(store->store, self->at, &visitor, err);
    if (rc == AV_OK) /* the log ended before `until`, which cannot be, or nothing was behind */
        self->at = self->until;
    return rc == AV_ERR_CANCELLED ? AV_OK : rc;
}

/* ---- taking over ---- */

static av_errc
add_ours(av_adoption *self, const av_event_placement *theirs, const char *path, av_error *err)
{
    av_archive *archive = self->archive;
    av_event event = { .kind = AV_EVENT_PLACEMENT_ADDED, .placement = *theirs };
    av_event_placement *p = &event.placement;
    av_mailbox mailbox;
    uint32_t uid;
    av_errc rc = av_archive_mailbox(archive, av_span_str(path), &mailbox, err);

    if (rc == AV_OK)
        rc = av_catalog_duplicate(
            archive->catalog, av_catalog_writer(archive->catalog), mailbox.guid, theirs->digest, &uid, err);
    if (rc != AV_ERR_NOT_FOUND)
        return rc; /* it stands there already: by an earlier walk, or from another store */
    if (mailbox.uidnext == 0 || mailbox.uidnext == UINT32_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "mailbox %.200s has no UID left", mailbox.path);
    memcpy(p->guid, mailbox.guid, sizeof p->guid);
    memcpy(p->instance, archive->uuid, sizeof p->instance);
    p->uid = mailbox.uidnext;
    p->modseq = mailbox.highestmodseq + 1;
    p->has_run = false;
    p->item = 0;
    rc = av_archive_event(archive, &event, (av_span){ NULL, 0 }, err);
    self->count += rc == AV_OK;
    return rc;
}

/* The catalog does not know it, so it goes to the log and the store's view alone. */
static av_errc
remove_theirs(const av_open_store *store, const av_event_placement *theirs, int64_t now, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf body = { 0 };
    av_event event = { .kind = AV_EVENT_PLACEMENT_REMOVED };
    av_errc rc;

    memcpy(event.placement.guid, theirs->guid, sizeof event.placement.guid);
    event.placement.uid = theirs->uid;
    event.placement.modseq = theirs->modseq + 1;
    event.placement.removed_at_ms = now;
    event.placement.reason = av_span_str(AV_ADOPTED_REASON);
    av_buf_init(&body, AV_STORE_EVENT_MAX);
    rc = av_store_view_event(store->view, &event, err);
    if (rc == AV_OK)
        rc = av_event_encode(&event, &body, err);
    return rc == AV_OK ? av_store_put_event(store->store, av_buf_span(&body), err) : rc;
}

static av_errc
take_one(av_adoption *self, const av_open_store *store, const av_event_placement *theirs, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    const char *path = av_map_get(self->paths, av_span_of(theirs->guid, sizeof theirs->guid));
    av_store_placement now;
    av_errc rc;

    av_buf_init(&row, AV_STORE_EVENT_MAX);
    rc = av_store_view_placement(av_store_view_writer(store->view), theirs->guid, theirs->uid, &row, &now, err);
    if (rc == AV_ERR_NOT_FOUND || (rc == AV_OK && now.removed))
        return AV_OK; /* erased, deleted by its own instance, or taken over before */
    if (rc != AV_OK)
        return rc;
    if (path == NULL)
        return av_error_set(err, AV_ERR_CORRUPT, "a message stands in a mailbox whose creation the log does not have");
    rc = add_ours(self, theirs, path, err);
    return rc == AV_OK ? remove_theirs(store, theirs, av_archive_now(self->archive), err) : rc;
}

static av_errc
take_slice(av_adoption *self, const av_open_store *store, av_error *err)
{
    av_span rest = av_buf_span(&self->events), body;
    av_event event;
    uint32_t n;
    av_errc rc;

    if (self->gathered == 0)
        return AV_OK;
    rc = av_stores_all_read(self->archive->stores, err);
    if (rc == AV_OK)
        rc = av_archive_begin(self->archive, store, err);
    while (rc == AV_OK && av_span_get_u32(&rest, &n) && av_span_get_bytes(&rest, n, &body)) {
        rc = av_event_decode(body, &event, err);
        if (rc == AV_OK)
            rc = take_one(self, store, &event.placement, err);
    }
    if (rc == AV_OK)
        return av_archive_commit(self->archive, err);
    av_archive_rollback(self->archive);
    return rc;
}

av_errc
av_adoption_step(av_adoption *self, bool *ret_done, av_error *err)
{
    const av_open_store *store = NULL;
    av_errc rc = av_stores_write(self->archive->stores, self->store_id, true, &store, err);

    *ret_done = false;
    if (rc == AV_OK && self->until == 0)
        self->until = av_store_committed_lsn(store->store);
    if (rc == AV_OK && self->at < self->until)
        rc = walk(self, store, err);
    if (rc == AV_OK)
        rc = take_slice(self, store, err);
    av_stores_written(self->archive->stores, &store);
    if (rc != AV_OK || self->at < self->until)
        return rc;
    if (self->second || av_map_count(self->paths) == 0) {
        *ret_done = true;
    } else {
        self->second = true;
        self->at = 0;
    }
    return AV_OK;
}
