/*
 * stores_change.c - changes of one store's row: name, folders, state
 *
 * What they refuse is checked against the registry, which is in line with the rows between requests.
 */
#include "actors/instance/stores_change.h"

#include "actors/instance/stores_rules.h"

av_errc
av_stores_ask_rename(av_ask *ask, av_error *err)
{
    const Archivolt__RenameStoreRequest *body = (const void *)ask->body;
    AV_CLEANUP(av_store_row_destroy) av_store_row *row = NULL;
    av_errc rc = av_stores_row_copy(ask->archive->stores, body->id, &row, err);

    if (rc == AV_OK)
        rc = av_stores_check_name(ask->archive->stores, body->name, row->id, err);
    if (rc != AV_OK)
        return rc;
    free(row->name);
    row->name = av_xstrdup(body->name);
    return av_store_row_put(ask->archive->accounts, row, err);
}

/* ---- folders ---- */

static av_errc
replace_path(char **path, const char *given, av_error *err)
{
    char *kept = NULL;
    av_errc rc;

    if (!av_store_path_is_given(given))
        return AV_OK;
    rc = av_store_path_normalize(given, &kept, err);
    if (rc != AV_OK)
        return rc;
    free(*path);
    *path = kept;
    return AV_OK;
}

/* path (or databasePath alone): all three folders; else those that are given. */
static av_errc
new_paths(const Archivolt__SetStorePathRequest *body, const av_store_row *row, av_store_paths *ret, av_error *err)
{
    bool whole = av_store_path_is_given(body->path) ||
                 (av_store_path_is_given(body->database_path) && !av_store_path_is_given(body->content_path) &&
                     !av_store_path_is_given(body->index_path));
    av_errc rc;

    if (whole)
        return av_store_paths_take(
            body->path, body->database_path, body->content_path, body->index_path, NULL, ret, err);
    if (!av_store_path_is_given(body->database_path) && !av_store_path_is_given(body->content_path) &&
        !av_store_path_is_given(body->index_path))
        return av_error_set(err, AV_ERR_INVALID, "path is missing: the folder of the store, or one of its folders");
    ret->content = av_xstrdup(row->content);
    ret->database = av_xstrdup(row->database);
    ret->index = av_xstrdup(row->index);
    rc = replace_path(&ret->content, body->content_path, err);
    if (rc == AV_OK)
        rc = replace_path(&ret->database, body->database_path, err);
    if (rc == AV_OK)
        rc = replace_path(&ret->index, body->index_path, err);
    return rc;
}

av_errc
av_stores_ask_set_path(av_ask *ask, av_error *err)
{
    const Archivolt__SetStorePathRequest *body = (const void *)ask->body;
    AV_CLEANUP(av_store_row_destroy) av_store_row *row = NULL;
    AV_CLEANUP(av_store_paths_release) av_store_paths paths = { 0 };
    av_errc rc = av_stores_row_copy(ask->archive->stores, body->id, &row, err);

    if (rc == AV_OK && row->state != AV_STORE_DISABLED)
        rc = av_error_set(err, AV_ERR_CONFLICT,
            "archive store %s must be disabled before its path is changed; no file is moved by that", row->name);
    if (rc == AV_OK)
        rc = new_paths(body, row, &paths, err);
    if (rc == AV_OK)
        rc = av_stores_check_paths(ask->archive->stores, ask->archive->dir, &paths, row->id, err);
    if (rc == AV_OK)
        rc = av_stores_shut(ask->archive->stores, row->id, err);
    if (rc != AV_OK)
        return rc;
    av_store_row_take_paths(row, &paths);
    return av_store_row_put(ask->archive->accounts, row, err);
}

/* ---- state ---- */

static av_errc
check_state(const av_store_row *row, av_store_state state, av_error *err)
{
    if (row->task == AV_STORE_TASK_DETACH)
        return av_error_set(err, AV_ERR_CONFLICT, "archive store %s is being detached", row->name);
    if (state == AV_STORE_CURRENT && (row->locked || row->task != AV_STORE_TASK_NONE))
        return av_error_set(err, AV_ERR_CONFLICT, "archive store %s is locked or not taken over yet", row->name);
    if (state != AV_STORE_CURRENT && row->state == AV_STORE_CURRENT)
        return av_error_set(err, AV_ERR_CONFLICT,
            "archive store %s is current, and one has to be: make another one current first", row->name);
    return AV_OK;
}

/* What it was given leaves with it. */
static av_errc
note_floors(av_archive *archive, uint32_t id, av_error *err)
{
    av_store_info *info = NULL;
    av_errc rc = av_stores_info(archive->stores, id, &info, err);

    if (rc == AV_OK)
        rc = av_stores_note_floors(archive, info, err);
    av_store_infos_free(info, info != NULL);
    return rc;
}

static bool
is_reserved(av_stores *stores, uint32_t id)
{
    av_store_info *info = NULL;
    av_error err;
    bool reserved = av_stores_info(stores, id, &info, &err) == AV_OK && info->reserved;

    av_store_infos_free(info, info != NULL);
    return reserved;
}

av_errc
av_stores_ask_set_state(av_ask *ask, av_error *err)
{
    const Archivolt__SetStoreRequestedStateRequest *body = (const void *)ask->body;
    AV_CLEANUP(av_store_row_destroy) av_store_row *row = NULL;
    av_store_state state = (av_store_state)body->requested_state;
    av_errc rc = av_stores_row_copy(ask->archive->stores, body->id, &row, err);

    if (rc == AV_OK && state != row->state)
        rc = check_state(row, state, err);
    if (rc == AV_OK && is_reserved(ask->archive->stores, row->id))
        rc = av_error_set(err, AV_ERR_BUSY, "archive store %s is being merged", row->name);
    if (rc != AV_OK)
        return rc;
    if (state == AV_STORE_DISABLED)
        rc = note_floors(ask->archive, row->id, err);
    row->state = state;
    if (rc == AV_OK)
        rc = av_store_row_put(ask->archive->accounts, row, err);
    return rc == AV_OK && state == AV_STORE_CURRENT ? av_store_rows_demote(ask->archive->accounts, row->id, err) : rc;
}

av_errc
av_stores_ask_retry(av_ask *ask, AV_UNUSED av_error *err)
{
    av_stores_retry(ask->archive->stores);
    return AV_OK;
}
