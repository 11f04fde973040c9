/*
 * archive_mailbox.c - making mailboxes, and events into log and catalog
 *
 * Every ancestor of a mailbox is a mailbox: a folder tree without holes is what people and IMAP clients expect.
 */
#include "actors/instance/archive.h"
#include "base/clock.h"
#include "base/secret.h"

av_errc
av_archive_event(av_archive *self, const av_event *event, av_span summary, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf body = { 0 };
    uint64_t lsn;
    av_errc rc;

    av_buf_init(&body, AV_STORE_EVENT_MAX);
    rc = av_event_encode(event, &body, err);
    if (rc == AV_OK)
        rc = av_store_put_event(self->store, av_buf_span(&body), &lsn, err);
    if (rc == AV_OK)
        rc = av_catalog_apply(self->catalog, self->store_no, lsn, event, summary, err);
    return rc;
}

av_errc
av_archive_new_uidvalidity(av_archive *self, uint32_t *ret, av_error *err)
{
    av_catalog_iter *it = NULL;
    av_mailbox m;
    uint32_t now = (uint32_t)(av_clock_wall_ms() / 1000);
    av_errc rc;

    if (self->last_uidvalidity == 0) {
        it = av_catalog_mailboxes(av_catalog_writer(self->catalog), (av_span){ NULL, 0 });
        while (av_catalog_next_mailbox(it, &m))
            self->last_uidvalidity = AV_MAX(self->last_uidvalidity, m.uidvalidity);
        rc = av_catalog_iter_error(it, err);
        av_catalog_iter_destroy(&it);
        if (rc != AV_OK)
            return rc;
    }
    if (self->last_uidvalidity == UINT32_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "no UIDVALIDITY is left for a new mailbox");
    self->last_uidvalidity = AV_MAX(now, self->last_uidvalidity + 1);
    *ret = self->last_uidvalidity;
    return AV_OK;
}

static av_errc
create_one(av_archive *self, av_span path, av_error *err)
{
    av_event event = { .kind = AV_EVENT_MAILBOX_CREATED };
    av_errc rc;

    av_random_bytes(event.mailbox.guid, sizeof event.mailbox.guid);
    event.mailbox.path = path;
    rc = av_archive_new_uidvalidity(self, &event.mailbox.uidvalidity, err);
    return rc != AV_OK ? rc : av_archive_event(self, &event, (av_span){ NULL, 0 }, err);
}

av_errc
av_archive_mailbox(av_archive *self, av_span path, av_mailbox *ret, av_error *err)
{
    const av_meta_view *view = av_catalog_writer(self->catalog);
    size_t i;
    av_errc rc;

    rc = av_catalog_mailbox_by_path(view, path, ret, err);
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
