/*
 * stores_change.c - the store functions that are done at once
 *
 * What they refuse is checked against the registry, which is in line with the rows between requests.
 */
#include "actors/instance/stores_change.h"

#include "actors/instance/floors.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/file.h"
#include "base/secret.h"
#include "base/unicode.h"

/* ---- rules ---- */

bool
av_stores_has_name(av_stores *self, const char *name, uint32_t except)
{
    AV_CLEANUP(av_buf_release) av_buf folded = { 0 };
    size_t n = 0;
    av_store_info *list = av_stores_list(self, &n);
    bool found = false;

    av_buf_init(&folded, 4096);
    (void)av_unicode_fold(av_span_str(name), &folded);
    for (size_t i = 0; i < n && !found; i++) {
        AV_CLEANUP(av_buf_release) av_buf other = { 0 };

        av_buf_init(&other, 4096);
        (void)av_unicode_fold(av_span_str(list[i].row->name), &other);
        found = list[i].row->id != except && av_span_eq(av_buf_span(&folded), av_buf_span(&other));
    }
    av_store_infos_free(list, n);
    return found;
}

static av_errc
check_name(av_stores *self, const char *name, uint32_t except, av_error *err)
{
    av_errc rc = av_store_name_check(name, err);

    if (rc == AV_OK && av_stores_has_name(self, name, except))
        return av_error_set(err, AV_ERR_EXISTS, "there is an archive store with the name \"%.200s\" already", name);
    return rc;
}

static bool
overlaps(const char *base_dir, const char *a, const char *b)
{
    AV_CLEANUP(av_free) char *x = av_store_path_resolve(base_dir, a);
    AV_CLEANUP(av_free) char *y = av_store_path_resolve(base_dir, b);

    return av_store_path_overlaps(x, y);
}

static av_errc
check_own(const char *base_dir, const char *path, av_error *err)
{
    static const char *const own[] = { "~/keyring", "~/accounts", "~/catalog", "~/instance.lock" };

    for (size_t i = 0; i < AV_COUNT(own); i++)
        if (overlaps(base_dir, path, own[i]))
            return av_error_set(err, AV_ERR_INVALID, "%.200s is the instance's own folder", path);
    return AV_OK;
}

av_errc
av_stores_check_paths(
    av_stores *self, const char *base_dir, const av_store_paths *paths, uint32_t except, av_error *err)
{
    const char *const mine[] = { paths->content, paths->database, paths->index };
    size_t n = 0;
    av_store_info *list = av_stores_list(self, &n);
    av_errc rc = AV_OK;

    for (size_t i = 0; rc == AV_OK && i < AV_COUNT(mine); i++)
        rc = check_own(base_dir, mine[i], err);
    for (size_t i = 0; rc == AV_OK && i < n; i++) {
        const av_store_row *row = list[i].row;
        const char *const theirs[] = { row->content, row->database, row->index };

        for (size_t k = 0; rc == AV_OK && row->id != except && k < 9; k++)
            if (overlaps(base_dir, mine[k / 3], theirs[k % 3]))
                rc = av_error_set(
                    err, AV_ERR_EXISTS, "the folder %.150s is used by archive store %.80s", mine[k / 3], row->name);
    }
    av_store_infos_free(list, n);
    return rc;
}

av_errc
av_store_rows_demote(av_accounts *accounts, uint32_t except, av_error *err)
{
    av_meta_iter *it = av_store_rows(av_accounts_writer(accounts));
    av_store_row *current[AV_STORES_MAX], *row;
    size_t n = 0;
    av_errc rc;

    /* Gathered first: an iterator of the writer is not valid past a change. */
    while ((rc = av_store_row_next(it, &row, err)) == AV_OK && row != NULL) {
        if (row->state == AV_STORE_CURRENT && row->id != except && n < AV_STORES_MAX)
            current[n++] = row;
        else
            av_store_row_destroy(&row);
    }
    av_meta_iter_destroy(&it);
    for (size_t i = 0; i < n; i++) {
        current[i]->state = AV_STORE_NORMAL;
        current[i]->dirty = true; /* it was written without marks */
        if (rc == AV_OK)
            rc = av_store_row_put(accounts, current[i], err);
        av_store_row_destroy(&current[i]);
    }
    return rc;
}

/* A copy of the row to change. */
static av_errc
get_row(av_ask *ask, uint64_t id, av_store_row **ret, av_error *err)
{
    av_store_info *info = NULL;
    av_errc rc = id > UINT32_MAX
                     ? av_error_set(err, AV_ERR_NOT_FOUND, "there is no archive store %llu", (unsigned long long)id)
                     : av_stores_info(ask->archive->stores, (uint32_t)id, &info, err);

    if (rc == AV_OK) {
        assert(info != NULL && info->row != NULL);
        *ret = AV_TAKE(info->row);
    }
    av_store_infos_free(info, info != NULL);
    return rc;
}

/* ---- list ---- */

static char *
date_text(int64_t ms)
{
    char text[32];

    (void)av_clock_format(ms, text);
    text[strlen("2026-11-22T11:33:31")] = '\0';
    return av_xstrdup(text);
}

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
    /* Searches read the messages themselves: an index that is not there needs no rebuild. */
    row->index_path = av_store_path_resolve(archive->dir, info->row->index);
    av_hex_encode(av_span_of(info->row->uuid, sizeof info->row->uuid), uuid);
    row->uuid = av_xstrdup(uuid);
    row->created = date_text(info->row->created_ms);
    row->has_adopting = true;
    row->adopting = info->row->task == AV_STORE_TASK_ADOPT;
    row->has_stored_size = true;
    row->stored_size = info->stored;
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

/* ---- create ---- */

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

static void
take_paths(av_store_row *row, av_store_paths *paths)
{
    row->content = AV_TAKE(paths->content);
    row->database = AV_TAKE(paths->database);
    row->index = AV_TAKE(paths->index);
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
    av_errc rc = check_name(ask->archive->stores, body->name, 0, err);

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
    take_paths(row, &paths);
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

/* ---- changes of a row ---- */

av_errc
av_stores_ask_rename(av_ask *ask, av_error *err)
{
    const Archivolt__RenameStoreRequest *body = (const void *)ask->body;
    AV_CLEANUP(av_store_row_destroy) av_store_row *row = NULL;
    av_errc rc = get_row(ask, body->id, &row, err);

    if (rc == AV_OK)
        rc = check_name(ask->archive->stores, body->name, row->id, err);
    if (rc != AV_OK)
        return rc;
    free(row->name);
    row->name = av_xstrdup(body->name);
    return av_store_row_put(ask->archive->accounts, row, err);
}

static bool
is_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static av_errc
replace_path(char **path, const char *given, av_error *err)
{
    char *kept = NULL;
    av_errc rc;

    if (!is_given(given))
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
    bool whole = is_given(body->path) ||
                 (is_given(body->database_path) && !is_given(body->content_path) && !is_given(body->index_path));
    av_errc rc;

    if (whole)
        return av_store_paths_take(
            body->path, body->database_path, body->content_path, body->index_path, NULL, ret, err);
    if (!is_given(body->database_path) && !is_given(body->content_path) && !is_given(body->index_path))
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
    av_errc rc = get_row(ask, body->id, &row, err);

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
    free(row->content);
    free(row->database);
    free(row->index);
    take_paths(row, &paths);
    return av_store_row_put(ask->archive->accounts, row, err);
}

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

static bool
is_reserved(av_stores *stores, uint32_t id)
{
    av_store_info *info = NULL;
    av_error err;
    bool reserved = av_stores_info(stores, id, &info, &err) == AV_OK && info->reserved;

    av_store_infos_free(info, info != NULL);
    return reserved;
}

static av_errc
note_floors(av_archive *archive, uint32_t id, av_error *err)
{
    av_store_info *info = NULL;
    av_errc rc = av_stores_info(archive->stores, id, &info, err);

    if (rc == AV_OK && info->unread)
        rc = av_floors_note_jump(archive->accounts, archive->catalog, err);
    else if (rc == AV_OK)
        rc = av_floors_note(archive->accounts, archive->catalog, av_catalog_writer(archive->catalog), info->no, err);
    av_store_infos_free(info, info != NULL);
    return rc;
}

av_errc
av_stores_ask_set_state(av_ask *ask, av_error *err)
{
    const Archivolt__SetStoreRequestedStateRequest *body = (const void *)ask->body;
    AV_CLEANUP(av_store_row_destroy) av_store_row *row = NULL;
    av_store_state state = (av_store_state)body->requested_state;
    av_errc rc = get_row(ask, body->id, &row, err);

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
av_stores_ask_unlock(av_ask *ask, av_error *err)
{
    const Archivolt__UnlockStoreRequest *body = (const void *)ask->body;
    AV_CLEANUP(av_store_row_destroy) av_store_row *row = NULL;
    AV_CLEANUP(av_key_wipe) av_key key = { 0 };
    AV_CLEANUP(av_free) char *content = NULL;
    Archivolt__UnlockStoreReply *reply = av_reply_new(&archivolt__unlock_store_reply__descriptor);
    uint8_t uuid[16];
    av_errc rc = get_row(ask, body->id, &row, err);

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
av_stores_ask_retry(av_ask *ask, AV_UNUSED av_error *err)
{
    av_stores_retry(ask->archive->stores);
    return AV_OK;
}

/* ---- auto-create ---- */

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
        if (is_given(*fields[i]))
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

/* ---- recovery key, paths ---- */

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
