/*
 * stores_create.c - ProposeStorePath, CreateStore
 */
#include "actors/instance/stores_change.h"
#include "actors/instance/stores_rules.h"
#include "base/file.h"

av_errc
av_stores_ask_propose(av_ask *ask, av_error *err)
{
    const Archivolt__ProposeStorePathRequest *body = (const void *)ask->body;
    Archivolt__ProposeStorePathReply *reply;
    AV_CLEANUP(av_free) char *base = NULL;
    av_errc rc = av_store_name_check(body->name, err);

    if (rc != AV_OK)
        return rc;
    base = av_store_path_propose("~/stores", body->name);
    for (unsigned i = 1;; i++) {
        AV_CLEANUP(av_free) char *path = i == 1 ? av_xstrdup(base) : av_xasprintf("%s-%u", base, i);
        AV_CLEANUP(av_free) char *there = av_store_path_resolve(ask->archive->dir, path);

        if (av_file_exists(there))
            continue;
        reply = av_reply_new(&archivolt__propose_store_path_reply__descriptor);
        reply->path = av_xstrdup(path);
        ask->reply = &reply->base;
        return AV_OK;
    }
}

static av_errc
check_count(av_stores *stores, av_error *err)
{
    size_t n = 0;
    av_store_info *list = av_stores_list(stores, &n);

    av_store_infos_free(list, n);
    return n < AV_STORES_MAX
               ? AV_OK
               : av_error_set(err, AV_ERR_LIMIT, "an instance has at most %d archive stores", AV_STORES_MAX);
}

av_errc
av_stores_ask_create(av_ask *ask, av_error *err)
{
    const Archivolt__CreateStoreRequest *body = (const void *)ask->body;
    AV_CLEANUP(av_store_row_destroy) av_store_row *row = av_xcalloc(1, sizeof *row);
    AV_CLEANUP(av_store_paths_release) av_store_paths paths = { 0 };
    AV_CLEANUP(av_free) char *proposed = NULL;
    Archivolt__CreateStoreReply *reply;
    av_errc rc = av_stores_check_name(ask->archive->stores, body->name, 0, err);

    if (rc == AV_OK)
        rc = check_count(ask->archive->stores, err);
    if (rc != AV_OK)
        return rc;
    proposed = av_store_path_propose("~/stores", body->name);
    rc = av_store_paths_take(
        body->path, body->database_path, body->content_path, body->index_path, proposed, &paths, err);
    if (rc == AV_OK)
        rc = av_stores_check_paths(ask->archive->stores, ask->archive->dir, &paths, 0, err);
    if (rc != AV_OK)
        return rc;
    av_store_row_take_paths(row, &paths);
    row->name = av_xstrdup(body->name);
    row->state = body->has_requested_state ? (av_store_state)body->requested_state : AV_STORE_CURRENT;
    rc = av_stores_make_files(ask->archive->stores, row, err);
    if (rc == AV_OK)
        rc = av_store_row_create(ask->archive->accounts, row, err);
    if (rc == AV_OK && row->state == AV_STORE_CURRENT)
        rc = av_store_rows_demote(ask->archive->accounts, row->id, err);
    if (rc != AV_OK)
        return rc;
    reply = av_reply_new(&archivolt__create_store_reply__descriptor);
    reply->id = row->id;
    ask->reply = &reply->base;
    return AV_OK;
}
