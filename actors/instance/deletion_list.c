/*
 * deletion_list.c - GetDeletedMessages: the removed placements that can be restored, store after store
 *
 * A walk in pieces: where one ends is told as a position, where the next goes on.
 */
#include "actors/instance/adopt.h"
#include "actors/instance/deletion_priv.h"
#include "base/encode.h"

#define LIST_DEFAULT 1000U
#define LIST_MOST    10000U

/* ---- where a walk stands ---- */

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

/* ---- the walk ---- */

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
    av_errc rc = av_deletion_digest(store, p->content_lsn, digest, err);

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
    row->deleted = av_reply_date(p->removed_at_ms);
    av_buf_init(&held, AV_STORE_EVENT_MAX);
    if (content.waiting && av_store_view_hold_of(view, p->content_lsn, &held, &hold, &why) == AV_ERR_NOT_FOUND)
        row->erased_after = av_reply_date(content.waiting_since_ms + self->ask->archive->grace_ms);
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
