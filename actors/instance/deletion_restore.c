/*
 * deletion_restore.c - RestoreDeletedMessages: removed placements again, with new UIDs
 *
 * The removed placements of every store are read: there are as many of them as were deleted in a grace period.
 */
#include "actors/instance/adopt.h"
#include "actors/instance/deletion_priv.h"

typedef struct restoring {
    av_ask *ask;
    const av_id_set *ids;
    const uint8_t *guid; /* mailbox to put them in, or NULL */
    uint64_t restored;
} restoring;

static av_errc
place_again(restoring *self, const av_store_placement *p, const uint8_t digest[AV_SHA256_SIZE], av_error *err)
{
    av_archive *archive = self->ask->archive;
    const av_meta_view *catalog = av_catalog_writer(archive->catalog);
    av_event event = { .kind = AV_EVENT_PLACEMENT_ADDED };
    av_event_placement *e = &event.placement;
    av_mailbox mailbox;
    uint32_t uid;
    av_errc rc = av_catalog_mailbox_by_guid(catalog, self->guid != NULL ? self->guid : p->guid, &mailbox, err);

    if (rc == AV_ERR_NOT_FOUND)
        return av_error_set(
            err, rc, "the mailbox a message was removed from is gone: say into which folder it shall go");
    if (rc == AV_OK)
        rc = av_catalog_duplicate(archive->catalog, catalog, mailbox.guid, digest, &uid, err);
    if (rc != AV_ERR_NOT_FOUND)
        return rc; /* it stands there already, or trouble */
    rc = av_archive_mailbox(archive, av_span_of(mailbox.path, mailbox.path_n), &mailbox, err);
    if (rc != AV_OK)
        return rc;
    memcpy(e->guid, mailbox.guid, sizeof e->guid);
    memcpy(e->digest, digest, sizeof e->digest);
    memcpy(e->instance, archive->uuid, sizeof e->instance);
    e->has_instance = true;
    e->uid = mailbox.uidnext;
    e->modseq = mailbox.highestmodseq + 1;
    e->flags = p->flags;
    e->keywords = p->keywords;
    e->content_lsn = p->content_lsn;
    e->raw_size = p->raw_size;
    e->crlf_size = p->crlf_size;
    e->received_at_ms = p->received_at_ms;
    e->archived_at_ms = p->archived_at_ms;
    self->restored++;
    return av_archive_event(archive, &event, (av_span){ NULL, 0 }, err);
}

/* Removed placements of these ids, gathered before the first change. */
typedef struct found {
    uint8_t guid[AV_GUID_SIZE], digest[AV_SHA256_SIZE];
    uint32_t uid;
} found;

static av_errc
find_removed(const av_open_store *store, const av_id_set *ids, av_buf *ret, av_error *err)
{
    av_store_view_iter *it = av_store_view_recoverable(av_store_view_writer(store->view), NULL, 1);
    av_store_placement p;
    av_error why;
    av_errc rc;

    while (av_store_view_next_placement(it, &p)) {
        found one = { .uid = p.uid };

        if (av_span_eq_str(p.reason, AV_ADOPTED_REASON) ||
            av_deletion_digest(store, p.content_lsn, one.digest, &why) != AV_OK || !av_id_set_has(ids, one.digest))
            continue;
        memcpy(one.guid, p.guid, sizeof one.guid);
        (void)av_buf_append(ret, &one, sizeof one);
    }
    rc = av_store_view_iter_error(it, err);
    av_store_view_iter_destroy(&it);
    return rc;
}

static av_errc
restore_in_store(restoring *self, uint32_t id, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf list = { 0 };
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    const av_open_store *store = NULL;
    av_store_placement p;
    av_errc rc = av_stores_write(self->ask->archive->stores, id, false, &store, err);

    if (rc == AV_ERR_READONLY || rc == AV_ERR_UNAVAILABLE)
        return AV_OK; /* others may have them; what none has is told at the end */
    av_buf_init(&list, AV_DELETION_BYTES);
    av_buf_init(&row, AV_STORE_EVENT_MAX);
    if (rc == AV_OK)
        rc = find_removed(store, self->ids, &list, err);
    if (rc == AV_OK && list.n > 0)
        rc = av_stores_all_read(self->ask->archive->stores, err);
    if (rc == AV_OK && list.n > 0)
        rc = av_archive_begin(self->ask->archive, store, err);
    for (size_t i = 0; rc == AV_OK && i < list.n / sizeof(found); i++) {
        const found *one = (const found *)(const void *)list.p + i;

        rc = av_store_view_placement(av_store_view_writer(store->view), one->guid, one->uid, &row, &p, err);
        if (rc == AV_OK)
            rc = place_again(self, &p, one->digest, err);
    }
    if (rc == AV_OK && list.n > 0)
        rc = av_archive_commit(self->ask->archive, err);
    else
        av_archive_rollback(self->ask->archive);
    av_stores_written(self->ask->archive->stores, &store);
    return rc;
}

av_errc
av_deletion_ask_restore(av_ask *ask, av_error *err)
{
    const Archivolt__RestoreDeletedMessagesRequest *body = (const void *)ask->body;
    AV_CLEANUP(av_id_set_release) av_id_set ids = { 0 };
    Archivolt__RestoreDeletedMessagesReply *reply;
    restoring self = { .ask = ask, .ids = &ids };
    uint8_t guid[AV_GUID_SIZE];
    av_store_info *stores;
    size_t n = 0;
    av_errc rc = av_id_set_take(body->ids, body->n_ids, &ids, err);

    if (rc == AV_OK && body->folder != NULL) {
        rc = av_archive_mailbox_guid(ask->archive, body->folder, guid, err);
        self.guid = guid;
    }
    if (rc != AV_OK)
        return rc;
    stores = av_stores_list(ask->archive->stores, &n);
    for (size_t i = 0; rc == AV_OK && i < n; i++)
        if (stores[i].row->state != AV_STORE_DISABLED)
            rc = restore_in_store(&self, stores[i].row->id, err);
    av_store_infos_free(stores, n);
    if (rc != AV_OK)
        return rc;
    reply = av_reply_new(&archivolt__restore_deleted_messages_reply__descriptor);
    reply->restored = self.restored;
    ask->reply = &reply->base;
    return AV_OK;
}
