/*
 * stores_open.c - one store: its keys, its view, its log
 */
#include "actors/instance/stores_priv.h"

#include <sodium.h>

#include "actors/instance/index_settings.h"
#include "base/encode.h"
#include "base/file.h"
#include "base/log.h"

av_errc
av_stores_why_locked(av_stores *self, const av_store_row *row, av_error *err)
{
    AV_CLEANUP(av_free) char *content = av_store_path_resolve(self->dir, row->content);
    av_keyring_export_info info;
    av_error why;

    if (av_keyring_export_peek(content, &info, &why) != AV_OK)
        return av_error_set(err, AV_ERR_UNAVAILABLE, "Unable to unlock archive store %s: its keys are missing (%s)",
            row->name, why.msg);
    return av_error_set(err, AV_ERR_UNAVAILABLE,
        "Unable to unlock archive store %s (Identifier: %s). UnlockStore takes the recovery key %s or the instance key "
        "%s",
        row->name, info.recovery_key_id, info.recovery_key_id, info.instance_key_id);
}

static av_errc
open_view(av_stores *self, store_slot *slot, const av_store_row *row, av_error *err)
{
    AV_CLEANUP(av_free) char *database = av_store_path_resolve(self->dir, row->database);
    AV_CLEANUP(av_free) char *dir = av_xasprintf("%s/view", database);
    av_store_view_config config = { .dir = dir, .keys = slot->open.keys, .cache_bytes = self->cache_bytes };
    av_errc rc = av_dir_make(database, err);

    if (rc == AV_OK)
        rc = av_store_view_open(&config, &slot->open.view, err);
    return rc == AV_OK ? AV_OK : av_error_prefix(err, "database");
}

static av_errc
open_log(av_stores *self, store_slot *slot, const av_store_row *row, av_error *err)
{
    AV_CLEANUP(av_free) char *dir = av_store_path_resolve(self->dir, row->content);
    av_store_config config = { .dir = dir, .keys = slot->open.keys, .max_message_bytes = self->max_message_bytes };
    uint64_t witnessed = av_store_view_applied_lsn(slot->open.view);
    char hex[2 * AV_STORE_UUID_SIZE + 1];
    av_errc rc = av_store_open(&config, witnessed, &slot->open.store, err);

    if (rc == AV_ERR_NOT_FOUND)
        return av_error_set(err, AV_ERR_UNAVAILABLE, "there is no archive store in %s", dir);
    if (rc != AV_OK)
        return rc;
    if (memcmp(av_store_uuid(slot->open.store), row->uuid, sizeof row->uuid) == 0)
        return AV_OK;
    av_hex_encode(av_span_of(av_store_uuid(slot->open.store), AV_STORE_UUID_SIZE), hex);
    return av_error_set(err, AV_ERR_CONFLICT, "%s holds another archive store, %s", dir, hex);
}

/*
 * An index that knows messages behind the end of the log is of a log that is no more: an older one was restored beside it.
 * What the log takes next would stand where the index believes others to be.
 */
static av_errc
forget_other_log(store_slot *slot, const av_store_row *row, av_span settings, av_error *err)
{
    av_index_state state;
    uint64_t end = av_store_committed_lsn(slot->open.store);

    av_index_get_state(slot->open.index, &state);
    if (state.lsn <= end)
        return AV_OK;
    AV_LOG(AV_LOG_WARN, "index.discarded", AV_U64("store", row->id), AV_STR("name", row->name),
        AV_STR("why", "it is ahead of the store's log"), AV_U64("lsn", state.lsn), AV_U64("log", end));
    return av_index_rebuild(slot->open.index, settings, err);
}

/* A store without its index is as good, only slower to search. */
static void
open_index(av_stores *self, store_slot *slot, const av_store_row *row)
{
    AV_CLEANUP(av_buf_release) av_buf settings = { 0 };
    AV_CLEANUP(av_free) char *index = av_store_path_resolve(self->dir, row->index);
    AV_CLEANUP(av_free) char *dir = av_xasprintf("%s/words", index);
    uint8_t key[AV_STORE_KEYS_SIZE];
    av_index_config config = { .dir = dir, .key = key, .store_uuid = row->uuid, .text_bytes = self->search_bytes };
    av_error err;
    av_errc rc;

    if (self->no_index)
        return;
    av_buf_init(&settings, AV_INDEX_SETTINGS_MAX);
    av_stores_index_settings(self, &settings);
    config.settings = av_buf_span(&settings);
    rc = av_dir_make(index, &err);
    av_store_keys_database(slot->open.keys, key);
    if (rc == AV_OK)
        rc = av_index_open(&config, &slot->open.index, &err);
    if (rc == AV_OK)
        rc = forget_other_log(slot, row, config.settings, &err);
    if (rc != AV_OK)
        av_index_close(&slot->open.index);
    sodium_memzero(key, sizeof key);
    if (rc != AV_OK)
        AV_LOG(AV_LOG_ERROR, "index.not_opened", AV_U64("store", row->id), AV_STR("name", row->name), AV_ERRF(&err));
    av_index_desk_tell_problem(self->desk, row->id, rc == AV_OK ? NULL : err.msg);
}

/* Errors that say the store is there and cannot be used are told as unavailable to who wanted a message of it. */
av_errc
av_store_slot_open(av_stores *self, store_slot *slot, const av_store_row *row, av_error *err)
{
    av_store_stats stats;
    av_errc rc;

    if (row->locked || !av_keyring_has_store(self->keyring, row->uuid))
        return av_stores_why_locked(self, row, err);
    rc = av_keyring_store_open(self->keyring, row->uuid, &slot->open.keys, err);
    if (rc == AV_OK)
        rc = open_view(self, slot, row, err);
    if (rc == AV_OK)
        rc = open_log(self, slot, row, err);
    if (rc != AV_OK) {
        av_store_slot_close(slot);
        AV_LOG(AV_LOG_ERROR, "store.not_opened", AV_U64("store", row->id), AV_STR("name", row->name), AV_ERRF(err));
        return av_error_prefix(err, "archive store %s", row->name);
    }
    slot->behind = av_store_view_applied_lsn(slot->open.view) != av_store_committed_lsn(slot->open.store);
    av_store_get_stats(slot->open.store, &stats);
    slot->stored = stats.bytes;
    open_index(self, slot, row);
    return AV_OK;
}

void
av_store_slot_close(store_slot *slot)
{
    av_index_close(&slot->open.index);
    av_store_close(&slot->open.store);
    av_store_view_close(&slot->open.view);
    av_store_keys_unref(&slot->open.keys);
}
