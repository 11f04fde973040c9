/*
 * deletion_erase.c - EraseMessage, EraseMessages: messages that stand nowhere, by their ids
 *
 * A message that stands nowhere is known to its store alone, by position: what waits in each store is read for the ids.
 * Destroying them is erase.c.
 */
#include "actors/instance/deletion_priv.h"
#include "actors/instance/erase.h"

static av_errc
check_stands_nowhere(av_archive *archive, const uint8_t id[AV_MESSAGE_ID_BYTES], const char *text, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf places = { 0 };
    av_errc rc;

    av_buf_init(&places, AV_DELETION_BYTES);
    rc = av_deletion_placements(archive, id, NULL, &places, err);
    if (rc == AV_OK && places.n > 0)
        return av_error_set(err, AV_ERR_DENIED, "message %s stands in %zu mailboxes: delete it first", text,
            places.n / sizeof(av_placement));
    return rc;
}

/* LSNs of waiting messages with these ids in a store. */
static av_errc
find_waiting(const av_open_store *store, const av_id_set *ids, av_buf *ret, av_error *err)
{
    av_meta_view *view = av_store_view_snapshot(store->view);
    uint8_t digest[AV_SHA256_SIZE];
    av_waiting cursor = { 0 };
    av_error why;
    av_errc rc;

    while ((rc = av_store_view_next_expired(view, INT64_MAX, &cursor, err)) == AV_OK)
        if (av_deletion_digest(store, cursor.lsn, digest, &why) == AV_OK && av_id_set_has(ids, digest))
            (void)av_buf_append(ret, &cursor.lsn, sizeof cursor.lsn);
    av_meta_view_destroy(&view);
    return rc == AV_ERR_NOT_FOUND ? AV_OK : rc;
}

static av_errc
erase_in_store(av_ask *ask, uint32_t id, const av_id_set *ids, const char *who, av_erased *ret, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf lsns = { 0 };
    const av_open_store *store = NULL;
    av_errc rc = av_stores_use_id(ask->archive->stores, id, &store, err);

    if (rc != AV_OK)
        return AV_OK; /* not open: nothing of it can be erased now */
    av_buf_init(&lsns, AV_DELETION_BYTES);
    rc = find_waiting(store, ids, &lsns, err);
    av_stores_done(ask->archive->stores, &store);
    if (rc == AV_OK && lsns.n > 0)
        rc = av_erase_contents(ask->archive, id, av_buf_span(&lsns), true, who, ret, err);
    return rc;
}

static av_errc
erase(av_ask *ask, char *const *texts, size_t count, const char *reason, av_error *err)
{
    AV_CLEANUP(av_id_set_release) av_id_set ids = { 0 };
    AV_CLEANUP(av_free) char *who = av_xasprintf("%s: %s", ask->caller, reason);
    Archivolt__EraseMessagesReply *reply;
    av_erased erased = { 0 };
    av_store_info *stores;
    size_t n = 0;
    av_errc rc = av_id_set_take(texts, count, &ids, err);

    if (rc == AV_OK && reason[0] == '\0')
        rc = av_error_set(err, AV_ERR_INVALID, "a reason is needed: it is kept in the log");
    for (size_t i = 0; rc == AV_OK && i < ids.n; i++)
        rc = check_stands_nowhere(ask->archive, ids.v[i], texts[i], err);
    if (rc != AV_OK)
        return rc;
    stores = av_stores_list(ask->archive->stores, &n);
    for (size_t i = 0; rc == AV_OK && i < n; i++)
        if (stores[i].row->state != AV_STORE_DISABLED)
            rc = erase_in_store(ask, stores[i].row->id, &ids, who, &erased, err);
    av_store_infos_free(stores, n);
    if (rc == AV_OK && erased.messages == 0)
        rc = av_error_set(err, AV_ERR_NOT_FOUND, "none of these messages is there to be erased");
    if (rc != AV_OK)
        return rc;
    reply = av_reply_new(&archivolt__erase_messages_reply__descriptor);
    reply->erased = erased.messages;
    reply->parts = erased.parts;
    ask->reply = &reply->base;
    return AV_OK;
}

av_errc
av_deletion_ask_erase(av_ask *ask, av_error *err)
{
    const Archivolt__EraseMessageRequest *body = (const void *)ask->body;

    return erase(ask, &body->id, 1, body->reason, err);
}

av_errc
av_deletion_ask_erase_many(av_ask *ask, av_error *err)
{
    const Archivolt__EraseMessagesRequest *body = (const void *)ask->body;

    return erase(ask, body->ids, body->n_ids, body->reason, err);
}
