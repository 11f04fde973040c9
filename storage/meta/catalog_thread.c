/*
 * catalog_thread.c - threads and message ids: rows t, and what is asked by an id
 *
 * A row for each placement, so that none is counted: writing one reads nothing, and taking a placement away takes its
 * row with it.
 */
#include "storage/meta/catalog_priv.h"

#define KEY_SIZE (1U + AV_THREAD_ID_BYTES + AV_MESSAGE_ID_BYTES + AV_GUID_SIZE + 4U)

void
catalog_thread_key(av_meta_key *key, const av_placement *row)
{
    av_meta_key_init(key, 't');
    av_meta_key_bytes(key, av_span_of(row->thread, AV_THREAD_ID_BYTES));
    av_meta_key_bytes(key, av_span_of(row->digest, AV_MESSAGE_ID_BYTES));
    av_meta_key_bytes(key, av_span_of(row->guid, AV_GUID_SIZE));
    av_meta_key_u32(key, row->uid);
}

void
catalog_thread_set(av_placement *row, const uint8_t *thread)
{
    static const uint8_t none[AV_THREAD_ID_BYTES];
    bool own = thread == NULL || memcmp(thread, none, sizeof none) == 0;

    memcpy(row->thread, own ? row->digest : thread, AV_THREAD_ID_BYTES);
}

av_errc
av_catalog_find(const av_catalog *self, const av_meta_view *view, const uint8_t id[AV_MESSAGE_ID_BYTES],
    av_placement *ret, av_error *err)
{
    AV_CLEANUP(av_catalog_iter_destroy) av_catalog_iter *iter = av_catalog_by_id(self, view, id);
    av_placement row;
    av_errc rc;

    if (av_catalog_next_placement(iter, &row)) {
        *ret = row;
        return AV_OK;
    }
    rc = av_catalog_iter_error(iter, err);
    return rc != AV_OK ? rc : av_error_set(err, AV_ERR_NOT_FOUND, "no mailbox has a message with this id");
}

av_errc
av_catalog_thread_of(const av_catalog *self, const av_meta_view *view, const uint8_t id[AV_MESSAGE_ID_BYTES],
    uint8_t ret[AV_THREAD_ID_BYTES], av_error *err)
{
    av_placement row;
    av_errc rc = av_catalog_find(self, view, id, &row, err);

    if (rc == AV_OK)
        memcpy(ret, row.thread, AV_THREAD_ID_BYTES);
    return rc;
}

av_catalog_iter *
av_catalog_thread_messages(const av_meta_view *view, const uint8_t thread[AV_THREAD_ID_BYTES])
{
    av_catalog_iter *self;
    av_meta_key prefix;

    av_meta_key_init(&prefix, 't');
    av_meta_key_bytes(&prefix, av_span_of(thread, AV_THREAD_ID_BYTES));
    self = catalog_iter_new(view, av_meta_key_span(&prefix), av_span_str(NULL));
    self->by = CATALOG_BY_THREAD;
    return self;
}

/* The next key of table t, or NULL at the end. */
static const uint8_t *
next_key(av_catalog_iter *self)
{
    av_span key, value;

    assert(self->by == CATALOG_BY_THREAD);
    if (self->error.code != AV_OK || !av_meta_iter_next(self->it, &key, &value))
        return NULL;
    if (key.n == KEY_SIZE)
        return key.p + 1 + AV_THREAD_ID_BYTES;
    (void)catalog_iter_damaged(self, "a thread's key");
    return NULL;
}

bool
catalog_thread_next(av_catalog_iter *self, av_placement *ret)
{
    const uint8_t *key = next_key(self);
    const uint8_t *guid;
    uint32_t uid;

    if (key == NULL)
        return false;
    guid = key + AV_MESSAGE_ID_BYTES;
    uid = (uint32_t)av_meta_key_read(guid + AV_GUID_SIZE, 4);
    return catalog_iter_keep(self, av_catalog_placement(self->view, guid, uid, ret, &self->error));
}

bool
av_catalog_next_message(av_catalog_iter *self, uint8_t ret_id[AV_MESSAGE_ID_BYTES])
{
    for (const uint8_t *key = next_key(self); key != NULL; key = next_key(self)) {
        if (self->has_id && memcmp(key, self->id, sizeof self->id) == 0)
            continue;
        memcpy(self->id, key, sizeof self->id);
        memcpy(ret_id, key, sizeof self->id);
        self->has_id = true;
        return true;
    }
    return false;
}
