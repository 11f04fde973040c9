/*
 * stores_list.c - GetStores, GetPaths: what stores there are, and where everything lies
 */
#include "actors/instance/stores_change.h"
#include "actors/instance/stores_list_index.h"
#include "base/encode.h"
#include "base/file.h"

/* One that nobody has opened yet may be gone all the same. */
static bool
is_missing(const av_archive *archive, const av_store_info *info)
{
    AV_CLEANUP(av_free) char *content = av_store_path_resolve(archive->dir, info->row->content);
    AV_CLEANUP(av_free) char *marker = av_xasprintf("%s/store.avs", content);

    return info->row->state != AV_STORE_DISABLED && !info->is_open && !av_file_exists(marker);
}

static Archivolt__StoreInfo *
info_row(const av_archive *archive, const av_store_info *info)
{
    Archivolt__StoreInfo *row = av_reply_new(&archivolt__store_info__descriptor);
    char uuid[2 * AV_STORE_UUID_SIZE + 1];
    av_error why;

    row->id = info->row->id;
    row->name = av_xstrdup(info->row->name);
    row->requested_state = (Archivolt__StoreState)info->row->state;
    row->content_path = av_store_path_resolve(archive->dir, info->row->content);
    if (info->row->locked && av_stores_why_locked(archive->stores, info->row, &why) != AV_OK)
        row->error = av_xstrdup(why.msg);
    else if (info->error != NULL)
        row->error = av_xstrdup(info->error);
    else if (is_missing(archive, info))
        row->error = av_xasprintf("there is no archive store in %s", row->content_path);
    row->statistics_count = info->messages;
    row->statistics_size = info->bytes;
    row->database_path = av_store_path_resolve(archive->dir, info->row->database);
    row->index_path = av_store_path_resolve(archive->dir, info->row->index);
    av_hex_encode(av_span_of(info->row->uuid, sizeof info->row->uuid), uuid);
    row->uuid = av_xstrdup(uuid);
    row->created = av_reply_date(info->row->created_ms);
    row->has_adopting = true;
    row->adopting = info->row->task == AV_STORE_TASK_ADOPT;
    row->has_stored_size = true;
    row->stored_size = info->stored;
    av_stores_tell_index(archive, info, row);
    return row;
}

av_errc
av_stores_ask_list(av_ask *ask, AV_UNUSED av_error *err)
{
    Archivolt__GetStoresReply *reply = av_reply_new(&archivolt__get_stores_reply__descriptor);
    size_t n = 0;
    av_store_info *list = av_stores_list(ask->archive->stores, &n);

    ask->reply = &reply->base;
    for (size_t i = 0; i < n; i++)
        av_reply_push(&reply->stores, &reply->n_stores, info_row(ask->archive, &list[i]));
    av_store_infos_free(list, n);
    return AV_OK;
}

static void
add_path(Archivolt__GetPathsReply *reply, Archivolt__PathKind kind, char *path, uint32_t store)
{
    Archivolt__InstancePath *row = av_reply_new(&archivolt__instance_path__descriptor);

    row->kind = kind;
    row->path = path;
    row->has_store = store != 0;
    row->store = store;
    row->needed = kind == ARCHIVOLT__PATH_KIND__PATH_KIND_ACCOUNTS || kind == ARCHIVOLT__PATH_KIND__PATH_KIND_KEYRING ||
                  kind == ARCHIVOLT__PATH_KIND__PATH_KIND_CONTENT;
    av_reply_push(&reply->paths, &reply->n_paths, row);
}

av_errc
av_stores_ask_paths(av_ask *ask, AV_UNUSED av_error *err)
{
    Archivolt__GetPathsReply *reply = av_reply_new(&archivolt__get_paths_reply__descriptor);
    const av_archive *archive = ask->archive;
    size_t n = 0;
    av_store_info *list = av_stores_list(archive->stores, &n);

    ask->reply = &reply->base;
    add_path(reply, ARCHIVOLT__PATH_KIND__PATH_KIND_ACCOUNTS, av_archive_path(archive, "accounts"), 0);
    add_path(reply, ARCHIVOLT__PATH_KIND__PATH_KIND_KEYRING, av_archive_path(archive, "keyring"), 0);
    add_path(reply, ARCHIVOLT__PATH_KIND__PATH_KIND_CATALOG, av_archive_path(archive, "catalog"), 0);
    for (size_t i = 0; i < n; i++) {
        const av_store_row *row = list[i].row;

        add_path(
            reply, ARCHIVOLT__PATH_KIND__PATH_KIND_CONTENT, av_store_path_resolve(archive->dir, row->content), row->id);
        add_path(reply, ARCHIVOLT__PATH_KIND__PATH_KIND_DATABASE, av_store_path_resolve(archive->dir, row->database),
            row->id);
        add_path(
            reply, ARCHIVOLT__PATH_KIND__PATH_KIND_INDEX, av_store_path_resolve(archive->dir, row->index), row->id);
    }
    av_store_infos_free(list, n);
    return AV_OK;
}
