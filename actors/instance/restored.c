/*
 * restored.c - see restored.h
 */
#include "actors/instance/restored.h"

#include "actors/instance/floors.h"
#include "actors/instance/store_row.h"
#include "base/encode.h"
#include "base/file.h"
#include "base/log.h"
#include "storage/backup/backup.h"

static void
set(char **field, const char *uuid, const char *what)
{
    free(*field);
    *field = av_xasprintf("~/stores/%s/%s", uuid, what);
}

static av_errc
move_rows(av_accounts *accounts, size_t *ret_count, av_error *err)
{
    av_meta_view *view = av_accounts_snapshot(accounts);
    av_meta_iter *it = av_store_rows(view);
    av_store_row *row = NULL;
    av_errc rc;

    while ((rc = av_store_row_next(it, &row, err)) == AV_OK && row != NULL) {
        char uuid[33];

        av_hex_encode(av_span_of(row->uuid, sizeof row->uuid), uuid);
        set(&row->content, uuid, "content");
        set(&row->database, uuid, "database");
        set(&row->index, uuid, "index");
        row->dirty = true;
        rc = av_store_row_put(accounts, row, err);
        av_store_row_destroy(&row);
        if (rc != AV_OK)
            break;
        ++*ret_count;
    }
    av_meta_iter_destroy(&it);
    av_meta_view_destroy(&view);
    return rc;
}

/* New stores go below this instance's own folder, not beside those of the other one. */
static av_errc
move_auto_create(av_accounts *accounts, av_error *err)
{
    Archivolt__StoreAutoCreateConfiguration *config = NULL;
    av_errc rc = av_store_auto_get(av_accounts_writer(accounts), &config, err);

    if (rc != AV_OK)
        return rc;
    free(config->database_directory);
    free(config->content_directory);
    free(config->index_directory);
    config->database_directory = config->content_directory = config->index_directory = NULL;
    rc = av_store_auto_put(accounts, config, err);
    archivolt__store_auto_create_configuration__free_unpacked(config, NULL);
    return rc;
}

av_errc
av_restored_settle(const char *dir, av_accounts *accounts, av_error *err)
{
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/" AV_RESTORED, dir);
    size_t count = 0;
    av_errc rc;

    if (!av_file_exists(path))
        return AV_OK;
    av_accounts_begin(accounts);
    rc = move_rows(accounts, &count, err);
    if (rc == AV_OK)
        rc = move_auto_create(accounts, err);
    if (rc == AV_OK)
        rc = av_accounts_commit(accounts, err);
    else
        av_accounts_rollback(accounts);
    if (rc != AV_OK)
        return av_error_prefix(err, "the restored instance");
    AV_LOG(AV_LOG_INFO, "instance.restored", AV_U64("stores", count));
    return AV_OK;
}

av_errc
av_restored_go_on(const char *dir, av_accounts *accounts, av_catalog *catalog, av_error *err)
{
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/" AV_RESTORED, dir);
    av_errc rc;

    if (!av_file_exists(path))
        return AV_OK;
    rc = av_floors_jump(accounts, catalog, err);
    if (rc == AV_OK && av_file_ops_get()->unlink(path) != 0)
        rc = av_error_errno(err, "remove %s", path);
    if (rc != AV_OK)
        return av_error_prefix(err, "the restored instance");
    AV_LOG(AV_LOG_INFO, "instance.uids_raised", AV_U64("by", AV_FLOOR_JUMP_UID));
    return AV_OK;
}
