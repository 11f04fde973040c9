/*
 * index_purges.c - see index_purges.h
 */
#include "actors/instance/index_purges.h"

#define NOTE_PREFIX "index.purge/"

typedef struct note_key {
    uint8_t bytes[sizeof NOTE_PREFIX - 1 + 4];
} note_key;

static av_span
key_of(uint32_t store_id, note_key *ret)
{
    memcpy(ret->bytes, NOTE_PREFIX, sizeof NOTE_PREFIX - 1);
    for (unsigned i = 0; i < 4; i++)
        ret->bytes[sizeof NOTE_PREFIX - 1 + i] = (uint8_t)(store_id >> (24 - 8 * i));
    return av_span_of(ret->bytes, sizeof ret->bytes);
}

av_errc
av_index_purge_note(av_archive *self, uint32_t store_id, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf there = { 0 };
    note_key key;
    av_errc rc;

    av_buf_init(&there, 16);
    rc = av_accounts_setting_get(av_accounts_writer(self->accounts), key_of(store_id, &key), &there, err);
    if (rc != AV_ERR_NOT_FOUND)
        return rc;
    av_accounts_begin(self->accounts);
    rc = av_accounts_setting_put(self->accounts, key_of(store_id, &key), av_span_str("1"), err);
    if (rc == AV_OK)
        return av_accounts_commit(self->accounts, err);
    av_accounts_rollback(self->accounts);
    return rc;
}

/* Store ids of all notes, uint32_t each. */
static av_errc
noted(av_archive *self, av_buf *ret, av_error *err)
{
    av_meta_iter *it = av_accounts_settings(av_accounts_writer(self->accounts), av_span_str(NOTE_PREFIX));
    av_span key, row;
    av_errc rc;

    av_buf_init(ret, AV_STORES_MAX * 64 * sizeof(uint32_t));
    while (av_accounts_next(it, &key, &row)) {
        uint32_t id = 0;

        for (size_t i = key.n - AV_MIN(key.n, (size_t)4); i < key.n; i++)
            id = id << 8 | key.p[i];
        (void)av_buf_append(ret, &id, sizeof id);
    }
    rc = av_meta_iter_error(it, err);
    av_meta_iter_destroy(&it);
    return rc;
}

av_errc
av_index_purges_resume(av_archive *self, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf list = { 0 };
    av_errc rc = noted(self, &list, err);
    av_span rest = av_buf_span(&list);
    uint32_t id;

    while (rc == AV_OK && av_span_get_u32(&rest, &id))
        av_index_desk_ask(self->desk, id, AV_INDEX_PURGE);
    return rc;
}

/* A store that is detached takes its index along, and nobody waits for it here. */
static bool
is_done(av_archive *self, uint32_t id)
{
    av_index_news news;

    return !av_index_desk_look(self->desk, id, &news) || (news.tasks & AV_INDEX_PURGE) == 0;
}

av_errc
av_index_purges_settle(av_archive *self, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf list = { 0 };
    av_errc rc = noted(self, &list, err);
    av_span rest = av_buf_span(&list);
    note_key key;
    uint32_t id;

    if (rc != AV_OK || rest.n == 0)
        return rc;
    av_accounts_begin(self->accounts);
    while (rc == AV_OK && av_span_get_u32(&rest, &id))
        if (is_done(self, id))
            rc = av_accounts_setting_delete(self->accounts, key_of(id, &key), err);
    if (rc == AV_OK)
        return av_accounts_commit(self->accounts, err);
    av_accounts_rollback(self->accounts);
    return rc;
}
