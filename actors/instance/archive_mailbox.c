/*
 * archive_mailbox.c - making and finding mailboxes, and events into log and catalog
 *
 * Every ancestor of a mailbox is a mailbox: a folder tree without holes is what people and IMAP clients expect.
 */
#include "actors/instance/archive.h"
#include "actors/instance/floors.h"
#include "base/clock.h"
#include "base/secret.h"

/* Of which mailbox an event tells, for those who watch it. */
static void
note_change(av_archive *self, const av_event *event)
{
    switch (event->kind) {
    case AV_EVENT_MAILBOX_CREATED:
    case AV_EVENT_MAILBOX_RENAMED:
    case AV_EVENT_MAILBOX_REMOVED:
        av_changes_note(self->changes, event->mailbox.guid);
        break;
    case AV_EVENT_PLACEMENT_ADDED:
    case AV_EVENT_PLACEMENT_REMOVED:
        av_changes_note(self->changes, event->placement.guid);
        break;
    default:
        break;
    }
}

av_errc
av_archive_event(av_archive *self, const av_event *event, av_span attributes, av_error *err)
{
    av_errc rc;

    assert(self->group_store != NULL);
    rc = av_views_put_event(self->catalog, self->group_store->no, event, attributes, err);
    if (rc == AV_OK)
        note_change(self, event);
    return rc;
}

av_errc
av_archive_new_uidvalidity(av_archive *self, uint32_t *ret, av_error *err)
{
    uint32_t now = (uint32_t)(av_clock_wall_ms() / 1000);
    av_errc rc;

    if (self->last_uidvalidity == 0) {
        uint32_t noted = 0;

        rc = av_floors_uidvalidity(self->accounts, &noted, err);
        if (rc == AV_OK)
            rc = av_catalog_highest_uidvalidity(av_catalog_writer(self->catalog), &self->last_uidvalidity, err);
        if (rc != AV_OK)
            return rc;
        self->last_uidvalidity = AV_MAX(self->last_uidvalidity, noted);
    }
    if (self->last_uidvalidity == UINT32_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "no UIDVALIDITY is left for a new mailbox");
    self->last_uidvalidity = AV_MAX(now, self->last_uidvalidity + 1);
    *ret = self->last_uidvalidity;
    return AV_OK;
}

/* Into the log of the group's store: every store that holds messages of a mailbox knows its name. */
static av_errc
announce(av_archive *self, const uint8_t guid[AV_GUID_SIZE], av_span path, uint32_t uidvalidity, av_error *err)
{
    av_event event = { .kind = AV_EVENT_MAILBOX_CREATED };

    memcpy(event.mailbox.guid, guid, AV_GUID_SIZE);
    memcpy(event.mailbox.instance, self->uuid, sizeof event.mailbox.instance);
    event.mailbox.has_instance = true;
    event.mailbox.path = path;
    event.mailbox.uidvalidity = uidvalidity;
    event.mailbox.sequence = av_catalog_next_sequence(self->catalog);
    return av_archive_event(self, &event, (av_span){ NULL, 0 }, err);
}

static av_errc
create_one(av_archive *self, av_span path, av_error *err)
{
    uint8_t guid[AV_GUID_SIZE];
    uint32_t uidvalidity = 0;
    av_errc rc = av_archive_new_uidvalidity(self, &uidvalidity, err);

    av_random_bytes(guid, sizeof guid);
    return rc != AV_OK ? rc : announce(self, guid, path, uidvalidity, err);
}

/* A mailbox made while another store was current. */
static av_errc
announce_known(av_archive *self, const av_mailbox *mailbox, av_error *err)
{
    bool known = false;
    av_errc rc =
        av_catalog_is_announced(av_catalog_writer(self->catalog), self->group_store->no, mailbox->guid, &known, err);

    if (rc != AV_OK || known)
        return rc;
    return announce(self, mailbox->guid, av_span_of(mailbox->path, mailbox->path_n), mailbox->uidvalidity, err);
}

av_errc
av_archive_mailbox(av_archive *self, av_span path, av_mailbox *ret, av_error *err)
{
    const av_meta_view *view = av_catalog_writer(self->catalog);
    size_t i;
    av_errc rc;

    rc = av_catalog_mailbox_by_path(view, path, ret, err);
    if (rc == AV_OK)
        return announce_known(self, ret, err);
    if (rc != AV_ERR_NOT_FOUND)
        return rc;
    rc = av_mailbox_path_check(path, err);
    for (i = 1; rc == AV_OK && i <= path.n; i++) {
        if (i < path.n && path.p[i] != '/')
            continue;
        rc = av_catalog_mailbox_by_path(view, av_span_slice(path, 0, i), ret, err);
        if (rc == AV_ERR_NOT_FOUND)
            rc = create_one(self, av_span_slice(path, 0, i), err);
    }
    return rc != AV_OK ? rc : av_catalog_mailbox_by_path(view, path, ret, err);
}

av_errc
av_archive_mailbox_guid(av_archive *self, const char *folder, uint8_t ret[AV_GUID_SIZE], av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf path = { 0 };
    av_mailbox mailbox;
    av_errc rc;

    av_buf_init(&path, AV_MAILBOX_PATH_MAX);
    rc = av_mailbox_path_normalize(av_span_str(folder), &path, err);
    if (rc == AV_OK)
        rc = av_catalog_mailbox_by_path(av_catalog_writer(self->catalog), av_buf_span(&path), &mailbox, err);
    if (rc == AV_ERR_NOT_FOUND)
        return av_error_set(err, rc, "there is no mailbox \"%.200s\"", folder);
    if (rc == AV_OK)
        memcpy(ret, mailbox.guid, AV_GUID_SIZE);
    return rc;
}
