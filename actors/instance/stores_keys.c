/*
 * stores_keys.c - UnlockStore: the keys of a store that came from elsewhere; RenewRecoveryKey: a new recovery key
 */
#include "actors/instance/stores_change.h"
#include "actors/instance/stores_rules.h"
#include "base/secret.h"

av_errc
av_stores_ask_unlock(av_ask *ask, av_error *err)
{
    const Archivolt__UnlockStoreRequest *body = (const void *)ask->body;
    AV_CLEANUP(av_store_row_destroy) av_store_row *row = NULL;
    AV_CLEANUP(av_key_wipe) av_key key = { 0 };
    AV_CLEANUP(av_free) char *content = NULL;
    Archivolt__UnlockStoreReply *reply = av_reply_new(&archivolt__unlock_store_reply__descriptor);
    uint8_t uuid[16];
    av_errc rc = av_stores_row_copy(ask->archive->stores, body->id, &row, err);

    ask->reply = &reply->base;
    reply->unlocked = true;
    if (rc != AV_OK || !row->locked)
        return rc;
    rc = av_key_parse(av_span_str(body->passphrase), &key, err);
    if (rc != AV_OK)
        return rc;
    content = av_store_path_resolve(ask->archive->dir, row->content);
    rc = av_keyring_store_import(ask->archive->keyring, content, &key, uuid, err);
    if (rc == AV_ERR_AUTH)
        err->code = rc = AV_ERR_DENIED; /* the caller's own login is fine */
    if (rc == AV_OK && memcmp(uuid, row->uuid, sizeof uuid) != 0)
        rc = av_error_set(err, AV_ERR_CONFLICT, "%s holds the keys of another archive store", content);
    if (rc != AV_OK)
        return rc;
    row->locked = false;
    row->task = AV_STORE_TASK_ADOPT;
    return av_store_row_put(ask->archive->accounts, row, err);
}

av_errc
av_stores_ask_renew_recovery(av_ask *ask, av_error *err)
{
    Archivolt__RecoveryKeyReply *reply;
    AV_CLEANUP(av_key_wipe) av_key key = { 0 };
    char text[AV_KEY_TEXT], id[AV_KEY_ID_TEXT];
    uint8_t public_half[32];
    av_errc rc;

    av_key_generate(AV_KEY_RECOVERY, &key);
    av_key_recovery_public(&key, public_half);
    rc = av_keyring_rekey(ask->archive->keyring, NULL, public_half, err);
    if (rc != AV_OK)
        return rc;
    av_key_format(&key, text);
    av_key_id(&key, id);
    reply = av_reply_new(&archivolt__recovery_key_reply__descriptor);
    reply->recovery_key = av_xstrdup(text);
    reply->recovery_key_id = av_xstrdup(id);
    av_secret_wipe(text, sizeof text);
    ask->reply = &reply->base;
    return AV_OK;
}
