/*
 * deletion_delete.c - DeleteMessage: a message leaves one mailbox, or all it stands in
 *
 * One group for each store. Keys and bytes stay, so that it can be restored (deletion_restore.c).
 */
#include "actors/instance/deletion_priv.h"

static const av_placement *
placement_at(const av_buf *list, size_t i)
{
    return (const av_placement *)(const void *)list->p + i;
}

static av_errc
remove_one(av_archive *archive, const av_placement *p, const char *who, const char *reason, av_error *err)
{
    av_event event = { .kind = AV_EVENT_PLACEMENT_REMOVED };
    av_mailbox mailbox;
    av_errc rc = av_catalog_mailbox_by_guid(av_catalog_writer(archive->catalog), p->guid, &mailbox, err);

    if (rc != AV_OK)
        return rc;
    memcpy(event.placement.guid, p->guid, AV_GUID_SIZE);
    event.placement.uid = p->uid;
    event.placement.modseq = mailbox.highestmodseq + 1;
    event.placement.removed_at_ms = av_archive_now(archive);
    event.placement.who = av_span_str(who);
    event.placement.reason = av_span_str(reason);
    return av_archive_event(archive, &event, (av_span){ NULL, 0 }, err);
}

/* Those of one store in one group. */
static av_errc
remove_in_store(
    av_ask *ask, const av_store_info *info, const av_buf *list, const char *reason, uint32_t *count, av_error *err)
{
    const av_open_store *store = NULL;
    uint32_t removed = 0;
    av_errc rc = av_stores_write(ask->archive->stores, info->row->id, false, &store, err);

    if (rc == AV_OK)
        rc = av_stores_all_read(ask->archive->stores, err);
    if (rc == AV_OK)
        rc = av_archive_begin(ask->archive, store, err);
    for (size_t i = 0; rc == AV_OK && i < list->n / sizeof(av_placement); i++) {
        if (placement_at(list, i)->store != info->no)
            continue;
        rc = remove_one(ask->archive, placement_at(list, i), ask->caller, reason, err);
        removed++;
    }
    if (rc == AV_OK)
        rc = av_archive_commit(ask->archive, err);
    else
        av_archive_rollback(ask->archive);
    av_stores_written(ask->archive->stores, &store);
    if (rc == AV_OK)
        *count += removed;
    return rc;
}

static bool
concerns(const av_store_info *info, const av_buf *list)
{
    for (size_t i = 0; i < list->n / sizeof(av_placement); i++)
        if (placement_at(list, i)->store == info->no)
            return true;
    return false;
}

/* Before the first is removed: every store it stands in takes changes. */
static av_errc
check_writable(const av_store_info *stores, size_t n, const av_buf *list, av_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (!concerns(&stores[i], list))
            continue;
        if (stores[i].row->state == AV_STORE_WRITE_PROTECTED)
            return av_error_set(err, AV_ERR_READONLY, "the archive store %s is write protected", stores[i].row->name);
        if (stores[i].row->state == AV_STORE_DISABLED)
            return av_error_set(err, AV_ERR_UNAVAILABLE, "the archive store %s is disabled", stores[i].row->name);
    }
    return AV_OK;
}

av_errc
av_deletion_ask_delete(av_ask *ask, av_error *err)
{
    const Archivolt__DeleteMessageRequest *body = (const void *)ask->body;
    AV_CLEANUP(av_buf_release) av_buf places = { 0 };
    uint8_t id[AV_MESSAGE_ID_BYTES], guid[AV_GUID_SIZE];
    Archivolt__DeleteMessageReply *reply;
    av_store_info *stores;
    uint32_t removed = 0;
    size_t n = 0;
    av_errc rc = AV_OK;

    if (!av_message_id_parse(av_span_str(body->id), id))
        return av_error_set(err, AV_ERR_INVALID, "\"%.40s\" is not a message id", body->id);
    if (body->reason[0] == '\0')
        return av_error_set(err, AV_ERR_INVALID, "a reason is needed: it is kept in the log");
    av_buf_init(&places, AV_DELETION_BYTES);
    if (body->folder != NULL)
        rc = av_archive_mailbox_guid(ask->archive, body->folder, guid, err);
    if (rc == AV_OK)
        rc = av_deletion_placements(ask->archive, id, body->folder != NULL ? guid : NULL, &places, err);
    if (rc == AV_OK && places.n == 0)
        rc = av_error_set(err, AV_ERR_NOT_FOUND, "there is no message %s there", body->id);
    if (rc != AV_OK)
        return rc;
    stores = av_stores_list(ask->archive->stores, &n);
    rc = check_writable(stores, n, &places, err);
    for (size_t i = 0; rc == AV_OK && i < n; i++)
        if (concerns(&stores[i], &places))
            rc = remove_in_store(ask, &stores[i], &places, body->reason, &removed, err);
    av_store_infos_free(stores, n);
    if (rc != AV_OK)
        return rc;
    reply = av_reply_new(&archivolt__delete_message_reply__descriptor);
    reply->removed = removed;
    ask->reply = &reply->base;
    return AV_OK;
}
