/*
 * deletion.c - deleting, listing, restoring and erasing messages by their ids
 *
 * A message that stands nowhere is known to its store alone, by position: who asks for it by id has its store's removed
 * placements read. There are as many of them as were deleted in a grace period.
 */
#include "actors/instance/deletion.h"

#include "actors/instance/adopt.h"
#include "actors/instance/folders.h"
#include "base/clock.h"
#include "base/encode.h"

#define PLACES_BYTES (64U * 1024 * 1024)
#define LIST_DEFAULT 1000U
#define LIST_MOST    10000U
#define IDS_MOST     10000U

/* ---- ids ---- */

typedef struct id_set {
    uint8_t (*v)[AV_MESSAGE_ID_BYTES];
    size_t n;
} id_set;

static void
ids_release(id_set *self)
{
    free(self->v);
    *self = (id_set){ 0 };
}

static av_errc
ids_take(char *const *texts, size_t n, id_set *ret, av_error *err)
{
    if (n == 0 || n > IDS_MOST)
        return av_error_set(err, AV_ERR_INVALID, "give 1 to %u message ids", IDS_MOST);
    ret->v = av_xcalloc(n, sizeof *ret->v);
    for (; ret->n < n; ret->n++)
        if (!av_message_id_parse(av_span_str(texts[ret->n]), ret->v[ret->n]))
            return av_error_set(err, AV_ERR_INVALID, "\"%.40s\" is not a message id", texts[ret->n]);
    return AV_OK;
}

static bool
ids_has(const id_set *self, const uint8_t *digest)
{
    for (size_t i = 0; i < self->n; i++)
        if (memcmp(self->v[i], digest, AV_MESSAGE_ID_BYTES) == 0)
            return true;
    return false;
}

static av_errc
digest_of(const av_open_store *store, uint64_t lsn, uint8_t ret[AV_SHA256_SIZE], av_error *err)
{
    AV_CLEANUP(av_store_reader_close) av_store_reader *reader = NULL;
    av_errc rc = av_store_reader_open(store->store, lsn, &reader, err);

    if (rc == AV_OK)
        memcpy(ret, av_store_reader_digest(reader), AV_SHA256_SIZE);
    return rc;
}

/* ---- delete ---- */

static av_errc
folder_guid(av_archive *archive, const char *folder, uint8_t ret[AV_GUID_SIZE], av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf path = { 0 };
    av_mailbox mailbox;
    av_errc rc;

    av_buf_init(&path, AV_MAILBOX_PATH_MAX);
    rc = av_mailbox_path_normalize(av_span_str(folder), &path, err);
    if (rc == AV_OK)
        rc = av_catalog_mailbox_by_path(av_catalog_writer(archive->catalog), av_buf_span(&path), &mailbox, err);
    if (rc == AV_ERR_NOT_FOUND)
        return av_error_set(err, rc, "there is no mailbox \"%.200s\"", folder);
    if (rc == AV_OK)
        memcpy(ret, mailbox.guid, AV_GUID_SIZE);
    return rc;
}

/* Placements of an id as av_placement into out; guid NULL: in all mailboxes. */
static av_errc
placements_of(av_archive *archive, const uint8_t *id, const uint8_t *guid, av_buf *out, av_error *err)
{
    av_catalog_iter *it = av_catalog_by_id(archive->catalog, av_catalog_writer(archive->catalog), id);
    av_placement placement;
    av_errc rc;

    while (av_catalog_next_placement(it, &placement))
        if (guid == NULL || memcmp(guid, placement.guid, AV_GUID_SIZE) == 0)
            (void)av_buf_append(out, &placement, sizeof placement);
    rc = av_catalog_iter_error(it, err);
    av_catalog_iter_destroy(&it);
    if (rc == AV_OK && out->full)
        rc = av_error_set(err, AV_ERR_LIMIT, "the message stands in too many mailboxes to be deleted at once");
    return rc;
}

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
    av_buf_init(&places, PLACES_BYTES);
    if (body->folder != NULL)
        rc = folder_guid(ask->archive, body->folder, guid, err);
    if (rc == AV_OK)
        rc = placements_of(ask->archive, id, body->folder != NULL ? guid : NULL, &places, err);
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

/* ---- list ---- */

/* "<store>-<mailbox in hex>-<UID>": where a walk stands. */
typedef struct position {
    uint32_t store, uid;
    uint8_t guid[AV_GUID_SIZE];
} position;

static bool
position_take(const char *text, position *ret)
{
    av_span s = av_span_str(text), part;
    uint64_t number;
    size_t n = av_span_find(s, '-');

    if (n == s.n || !av_span_u64(av_span_slice(s, 0, n), UINT32_MAX, &number))
        return false;
    ret->store = (uint32_t)number;
    s = av_span_skip(s, n + 1);
    n = av_span_find(s, '-');
    part = av_span_slice(s, 0, n);
    if (n == s.n || part.n != 2 * AV_GUID_SIZE || !av_hex_decode(part, ret->guid, AV_GUID_SIZE))
        return false;
    if (!av_span_u64(av_span_skip(s, n + 1), UINT32_MAX, &number))
        return false;
    ret->uid = (uint32_t)number;
    return true;
}

static char *
position_text(const position *self)
{
    char hex[2 * AV_GUID_SIZE + 1];

    av_hex_encode(av_span_of(self->guid, sizeof self->guid), hex);
    return av_xasprintf("%u-%s-%u", (unsigned)self->store, hex, (unsigned)self->uid);
}

/* p is not behind the position. */
static bool
is_before(const av_store_placement *p, const position *after)
{
    int order = memcmp(p->guid, after->guid, AV_GUID_SIZE);

    return order < 0 || (order == 0 && p->uid <= after->uid);
}

static char *
date_text(int64_t ms)
{
    char text[32];

    (void)av_clock_format(ms, text);
    text[strlen("2026-11-22T11:33:31")] = '\0';
    return av_xstrdup(text);
}

typedef struct listing {
    av_ask *ask;
    const av_meta_view *catalog;
    Archivolt__GetDeletedMessagesReply *reply;
    size_t limit;
    position at;
    bool skip; /* what is not behind `at` */
} listing;

static av_errc
add_row(listing *self, const av_open_store *store, const av_meta_view *view, const av_store_placement *p, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf held = { 0 };
    Archivolt__DeletedMessage *row;
    char id[AV_MESSAGE_ID_TEXT + 1];
    uint8_t digest[AV_SHA256_SIZE];
    av_content_row content;
    av_mailbox mailbox;
    av_error why;
    av_hold hold;
    av_errc rc = digest_of(store, p->content_lsn, digest, err);

    if (rc == AV_ERR_NOT_FOUND || rc == AV_ERR_CORRUPT)
        return AV_OK; /* erased since, or damaged: it cannot be restored */
    if (rc == AV_OK)
        rc = av_store_view_get(view, p->content_lsn, &content, NULL, err);
    if (rc != AV_OK)
        return rc == AV_ERR_NOT_FOUND ? AV_OK : rc;
    av_message_id_format(digest, id);
    row = av_reply_new(&archivolt__deleted_message__descriptor);
    row->id = av_xstrdup(id);
    row->store = store->id;
    row->size = p->raw_size;
    row->folder = av_catalog_mailbox_by_guid(self->catalog, p->guid, &mailbox, &why) == AV_OK
                      ? av_span_dup(av_span_of(mailbox.path, mailbox.path_n))
                      : av_xstrdup("");
    row->deleted = date_text(p->removed_at_ms);
    av_buf_init(&held, AV_STORE_EVENT_MAX);
    if (content.waiting && av_store_view_hold_of(view, p->content_lsn, &held, &hold, &why) == AV_ERR_NOT_FOUND)
        row->erased_after = date_text(content.waiting_since_ms + self->ask->archive->grace_ms);
    av_reply_push(&self->reply->messages, &self->reply->n_messages, row);
    return AV_OK;
}

static av_errc
list_store(listing *self, uint32_t id, av_error *err)
{
    const av_open_store *store = NULL;
    av_store_placement p;
    av_store_view_iter *it;
    av_meta_view *view;
    av_errc rc = av_stores_use_id(self->ask->archive->stores, id, &store, err);

    if (rc != AV_OK)
        return AV_OK; /* what is not open has nothing that could be restored now */
    view = av_store_view_snapshot(store->view);
    it = av_store_view_recoverable(view, NULL, 1);
    while (rc == AV_OK && self->reply->n_messages < self->limit && av_store_view_next_placement(it, &p)) {
        if (av_span_eq_str(p.reason, AV_ADOPTED_REASON))
            continue;
        if (self->skip && is_before(&p, &self->at))
            continue;
        self->skip = false;
        rc = add_row(self, store, view, &p, err);
        self->at = (position){ .store = id, .uid = p.uid };
        memcpy(self->at.guid, p.guid, sizeof self->at.guid);
    }
    if (rc == AV_OK)
        rc = av_store_view_iter_error(it, err);
    av_store_view_iter_destroy(&it);
    av_meta_view_destroy(&view);
    av_stores_done(self->ask->archive->stores, &store);
    return rc;
}

av_errc
av_deletion_ask_list(av_ask *ask, av_error *err)
{
    const Archivolt__GetDeletedMessagesRequest *body = (const void *)ask->body;
    Archivolt__GetDeletedMessagesReply *reply = av_reply_new(&archivolt__get_deleted_messages_reply__descriptor);
    av_meta_view *catalog = av_catalog_snapshot(ask->archive->catalog);
    listing walk = { .ask = ask, .catalog = catalog, .reply = reply };
    size_t n = 0;
    av_store_info *stores;
    av_errc rc = AV_OK;

    ask->reply = &reply->base;
    walk.limit = body->has_limit ? AV_MIN(body->limit, LIST_MOST) : LIST_DEFAULT;
    walk.skip = body->after != NULL;
    if (walk.skip && !position_take(body->after, &walk.at))
        rc = av_error_set(err, AV_ERR_INVALID, "after: \"%.80s\" is no position", body->after);
    stores = av_stores_list(ask->archive->stores, &n);
    for (size_t i = 0; rc == AV_OK && i < n && reply->n_messages < walk.limit; i++) {
        if (stores[i].row->state == AV_STORE_DISABLED || stores[i].row->id < walk.at.store)
            continue;
        walk.skip = walk.skip && stores[i].row->id == walk.at.store;
        rc = list_store(&walk, stores[i].row->id, err);
    }
    if (rc == AV_OK && reply->n_messages == walk.limit && walk.limit > 0)
        reply->next = position_text(&walk.at);
    av_store_infos_free(stores, n);
    av_meta_view_destroy(&catalog);
    return rc;
}

/* ---- restore ---- */

typedef struct restoring {
    av_ask *ask;
    const id_set *ids;
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

/* Removed placements of these ids, gathered before the first change: LSN, mailbox and UID of each. */
typedef struct found {
    uint8_t guid[AV_GUID_SIZE], digest[AV_SHA256_SIZE];
    uint32_t uid;
} found;

static av_errc
find_removed(const av_open_store *store, const id_set *ids, av_buf *ret, av_error *err)
{
    av_store_view_iter *it = av_store_view_recoverable(av_store_view_writer(store->view), NULL, 1);
    av_store_placement p;
    av_error why;
    av_errc rc;

    while (av_store_view_next_placement(it, &p)) {
        found one = { .uid = p.uid };

        if (av_span_eq_str(p.reason, AV_ADOPTED_REASON) || digest_of(store, p.content_lsn, one.digest, &why) != AV_OK ||
            !ids_has(ids, one.digest))
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
    av_buf_init(&list, PLACES_BYTES);
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
    AV_CLEANUP(ids_release) id_set ids = { 0 };
    Archivolt__RestoreDeletedMessagesReply *reply;
    restoring self = { .ask = ask, .ids = &ids };
    uint8_t guid[AV_GUID_SIZE];
    av_store_info *stores;
    size_t n = 0;
    av_errc rc = ids_take(body->ids, body->n_ids, &ids, err);

    if (rc == AV_OK && body->folder != NULL) {
        rc = folder_guid(ask->archive, body->folder, guid, err);
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

/* ---- erase ---- */

static av_errc
check_stands_nowhere(av_archive *archive, const uint8_t id[AV_MESSAGE_ID_BYTES], const char *text, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf places = { 0 };
    av_errc rc;

    av_buf_init(&places, PLACES_BYTES);
    rc = placements_of(archive, id, NULL, &places, err);
    if (rc == AV_OK && places.n > 0)
        return av_error_set(err, AV_ERR_DENIED, "message %s stands in %zu mailboxes: delete it first", text,
            places.n / sizeof(av_placement));
    return rc;
}

/* LSNs of waiting messages with these ids in a store. */
static av_errc
find_waiting(const av_open_store *store, const id_set *ids, av_buf *ret, av_error *err)
{
    av_meta_view *view = av_store_view_snapshot(store->view);
    uint8_t digest[AV_SHA256_SIZE];
    av_waiting cursor = { 0 };
    av_error why;
    av_errc rc;

    while ((rc = av_store_view_next_expired(view, INT64_MAX, &cursor, err)) == AV_OK)
        if (digest_of(store, cursor.lsn, digest, &why) == AV_OK && ids_has(ids, digest))
            (void)av_buf_append(ret, &cursor.lsn, sizeof cursor.lsn);
    av_meta_view_destroy(&view);
    return rc == AV_ERR_NOT_FOUND ? AV_OK : rc;
}

static av_errc
erase_in_store(av_ask *ask, uint32_t id, const id_set *ids, const char *who, av_erased *ret, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf lsns = { 0 };
    const av_open_store *store = NULL;
    av_errc rc = av_stores_use_id(ask->archive->stores, id, &store, err);

    if (rc != AV_OK)
        return AV_OK; /* not open: nothing of it can be erased now */
    av_buf_init(&lsns, PLACES_BYTES);
    rc = find_waiting(store, ids, &lsns, err);
    av_stores_done(ask->archive->stores, &store);
    if (rc == AV_OK && lsns.n > 0)
        rc = av_erase_contents(ask->archive, id, av_buf_span(&lsns), true, who, ret, err);
    return rc;
}

static av_errc
erase(av_ask *ask, char *const *texts, size_t count, const char *reason, av_error *err)
{
    AV_CLEANUP(ids_release) id_set ids = { 0 };
    AV_CLEANUP(av_free) char *who = av_xasprintf("%s: %s", ask->caller, reason);
    Archivolt__EraseMessagesReply *reply;
    av_erased erased = { 0 };
    av_store_info *stores;
    size_t n = 0;
    av_errc rc = ids_take(texts, count, &ids, err);

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
