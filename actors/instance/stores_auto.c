/*
 * stores_auto.c - the configuration of auto-create, read and written (auto_create.c acts on it)
 */
#include "actors/instance/stores_change.h"

av_errc
av_stores_ask_get_auto(av_ask *ask, av_error *err)
{
    Archivolt__GetStoreAutoCreateConfigurationReply *reply =
        av_reply_new(&archivolt__get_store_auto_create_configuration_reply__descriptor);
    av_meta_view *view = av_accounts_snapshot(ask->archive->accounts);
    av_errc rc = av_store_auto_get(view, &reply->config, err);

    av_meta_view_destroy(&view);
    if (rc == AV_OK)
        ask->reply = &reply->base;
    else
        protobuf_c_message_free_unpacked(&reply->base, NULL);
    return rc;
}

/* The same with its folders in the form that is kept; these are borrowed by ret until `kept` is freed. */
static av_errc
normalize_auto(const Archivolt__StoreAutoCreateConfiguration *given, Archivolt__StoreAutoCreateConfiguration *ret,
    char *kept[3], av_error *err)
{
    char **fields[] = { &ret->database_directory, &ret->content_directory, &ret->index_directory };
    av_errc rc = AV_OK;

    *ret = *given;
    for (size_t i = 0; rc == AV_OK && i < AV_COUNT(fields); i++) {
        if (av_store_path_is_given(*fields[i]))
            rc = av_store_path_normalize(*fields[i], &kept[i], err);
        *fields[i] = kept[i];
    }
    return rc;
}

av_errc
av_stores_ask_set_auto(av_ask *ask, av_error *err)
{
    const Archivolt__SetStoreAutoCreateConfigurationRequest *body = (const void *)ask->body;
    Archivolt__StoreAutoCreateConfiguration config = ARCHIVOLT__STORE_AUTO_CREATE_CONFIGURATION__INIT;
    char *kept[3] = { NULL, NULL, NULL };
    av_errc rc = normalize_auto(body->config, &config, kept, err);

    if (rc == AV_OK)
        rc = av_store_auto_put(ask->archive->accounts, &config, err);
    for (size_t i = 0; i < AV_COUNT(kept); i++)
        free(kept[i]);
    return rc;
}
