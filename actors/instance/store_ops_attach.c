/*
 * store_ops_attach.c - AttachStore
 *
 *   marker and keys looked at -> row (task: adopt) -> the log into the catalog -> placements of another instance taken
 *   over (adopt.h) -> row (no task)
 *
 * Each arrow is durable, and a restart goes on at the one it finds.
 */
#include "actors/instance/adopt.h"
#include "actors/instance/holds.h"
#include "actors/instance/store_ops_priv.h"
#include "actors/instance/stores_rules.h"
#include "base/clock.h"
#include "base/file.h"

/* ---- what is there ---- */

/* A folder that is the content folder itself: its databases are made anew below the base directory. */
static av_errc
take_paths(const Archivolt__AttachStoreRequest *body, const char *base_dir, av_store_paths *ret, av_error *err)
{
    AV_CLEANUP(av_free) char *kept = NULL;
    AV_CLEANUP(av_free) char *proposed = av_store_path_propose("~/stores", body->name);
    AV_CLEANUP(av_free) char *marker = NULL;
    AV_CLEANUP(av_free) char *there = NULL;
    const char *given = body->path != NULL && body->path[0] != '\0' ? body->path : NULL;
    av_errc rc = AV_OK;

    if (given == NULL && body->content_path == NULL && body->index_path == NULL)
        given = body->database_path;
    if (given != NULL)
        rc = av_store_path_normalize(given, &kept, err);
    if (rc != AV_OK)
        return rc;
    if (kept != NULL) {
        there = av_store_path_resolve(base_dir, kept);
        marker = av_xasprintf("%s/store.avs", there);
    }
    if (marker == NULL || !av_file_exists(marker))
        return av_store_paths_take(
            body->path, body->database_path, body->content_path, body->index_path, NULL, ret, err);
    return av_store_paths_take(
        proposed, given == body->path ? body->database_path : NULL, kept, body->index_path, NULL, ret, err);
}

/* "<folder given>: what is wrong with it", for the folder as a person named it. */
static av_errc
identify(const Archivolt__AttachStoreRequest *body, const char *base_dir, const char *content, uint8_t uuid[16],
    av_error *err)
{
    const char *given = body->path != NULL ? body->path : body->database_path;
    AV_CLEANUP(av_free) char *kept = NULL;
    AV_CLEANUP(av_free) char *root = NULL;
    av_error above;
    av_errc rc = av_store_identify(content, uuid, err);

    /* A folder of another product has no content folder: look at what was named, too. */
    if (rc == AV_ERR_NOT_FOUND && given != NULL && av_store_path_normalize(given, &kept, &above) == AV_OK) {
        root = av_store_path_resolve(base_dir, kept);
        if (av_store_identify(root, uuid, &above) == AV_ERR_UNSUPPORTED) {
            *err = above;
            rc = above.code;
        }
    }
    return rc;
}

static av_errc
check_not_attached(av_stores *stores, const uint8_t uuid[16], av_error *err)
{
    size_t n = 0;
    av_store_info *list = av_stores_list(stores, &n);
    av_errc rc = AV_OK;

    for (size_t i = 0; rc == AV_OK && i < n; i++)
        if (memcmp(list[i].row->uuid, uuid, 16) == 0)
            rc = av_error_set(err, AV_ERR_EXISTS, "this archive store is attached already, as %s (%u)",
                list[i].row->name, (unsigned)list[i].row->id);
    av_store_infos_free(list, n);
    return rc;
}

/* Into the keyring, if they are this instance's. */
static av_errc
take_keys(av_archive *archive, const char *content, const uint8_t uuid[16], bool *ret_locked, av_error *err)
{
    uint8_t theirs[16];
    av_errc rc;

    *ret_locked = false;
    if (av_keyring_has_store(archive->keyring, uuid))
        return AV_OK;
    rc = av_keyring_store_import(archive->keyring, content, NULL, theirs, err);
    if (rc == AV_ERR_AUTH) {
        *ret_locked = true;
        return AV_OK;
    }
    if (rc == AV_ERR_NOT_FOUND)
        return av_error_set(err, AV_ERR_DENIED,
            "the archive store in %s has no keys with it: detach it where it is in use, and copy it with store.keys",
            content);
    if (rc == AV_OK && memcmp(theirs, uuid, 16) != 0)
        return av_error_set(err, AV_ERR_CONFLICT, "%s holds the keys of another archive store", content);
    return rc;
}

/* ---- the row ---- */

static av_errc
attach_row(store_op *op, const Archivolt__AttachStoreRequest *body, av_store_row *row, av_error *err)
{
    AV_CLEANUP(av_store_paths_release) av_store_paths paths = { 0 };
    AV_CLEANUP(av_free) char *content = NULL;
    av_archive *archive = op->archive;
    av_errc rc = av_stores_check_name(archive->stores, body->name, 0, err);

    if (rc == AV_OK)
        rc = take_paths(body, archive->dir, &paths, err);
    if (rc != AV_OK)
        return rc;
    content = av_store_path_resolve(archive->dir, paths.content);
    rc = identify(body, archive->dir, content, row->uuid, err);
    if (rc == AV_OK)
        rc = check_not_attached(archive->stores, row->uuid, err);
    if (rc == AV_OK)
        rc = av_stores_check_paths(archive->stores, archive->dir, &paths, 0, err);
    if (rc == AV_OK)
        rc = take_keys(archive, content, row->uuid, &row->locked, err);
    if (rc != AV_OK)
        return rc;
    av_store_row_take_paths(row, &paths);
    row->name = av_xstrdup(body->name);
    row->state = body->has_requested_state ? (av_store_state)body->requested_state : AV_STORE_NORMAL;
    if (row->locked && row->state == AV_STORE_CURRENT)
        row->state = AV_STORE_NORMAL; /* it cannot take messages before it is unlocked */
    row->task = AV_STORE_TASK_ADOPT;
    row->created_ms = av_clock_wall_ms();
    memcpy(row->operation, op->id, sizeof row->operation);
    return AV_OK;
}

static av_errc
attach_begin(store_op *op, av_error *err)
{
    const Archivolt__AttachStoreRequest *body = (const void *)op->body;
    AV_CLEANUP(av_store_row_destroy) av_store_row *row = av_xcalloc(1, sizeof *row);
    av_archive *archive = op->archive;
    Archivolt__AttachStoreReply *reply;
    av_errc rc = attach_row(op, body, row, err);

    if (rc != AV_OK)
        return rc;
    av_accounts_begin(archive->accounts);
    rc = av_store_row_create(archive->accounts, row, err);
    if (rc == AV_OK && row->state == AV_STORE_CURRENT)
        rc = av_store_rows_demote(archive->accounts, row->id, err);
    if (rc == AV_OK)
        rc = av_accounts_commit(archive->accounts, err);
    else
        av_accounts_rollback(archive->accounts);
    if (rc == AV_OK)
        rc = av_stores_sync(archive->stores, err);
    if (rc != AV_OK)
        return rc;
    op->store_id = row->id;
    reply = av_reply_new(&archivolt__attach_store_reply__descriptor);
    reply->id = row->id;
    reply->locked = row->locked;
    op->result = &reply->base;
    store_op_text(op, "reading the archive store");
    if (row->locked && av_stores_why_locked(archive->stores, row, err) != AV_OK)
        store_op_say(op, "%s", err->msg);
    return AV_OK;
}

/* ---- messages ---- */

static void
no_task(av_store_row *row, AV_UNUSED const void *ctx)
{
    row->task = AV_STORE_TASK_NONE;
    row->operation[0] = '\0';
}

static void
free_adoption(void *state)
{
    av_adoption *a = state;

    av_adoption_destroy(&a);
}

static av_errc
adopt_end(store_op *op, uint64_t adopted, av_error *err)
{
    Archivolt__AttachStoreReply *reply = (void *)op->result;
    const av_open_store *store = NULL;
    av_store_info *info = NULL;
    av_errc rc = av_stores_write(op->archive->stores, op->store_id, true, &store, err);

    if (rc == AV_OK)
        rc = av_holds_follow(op->archive, store, err);
    av_stores_written(op->archive->stores, &store);
    if (rc == AV_OK)
        rc = store_op_change_row(op, op->store_id, no_task, NULL, err);
    if (rc == AV_OK)
        rc = av_stores_info(op->archive->stores, op->store_id, &info, err);
    if (rc == AV_OK) {
        reply->adopted = adopted;
        reply->messages = info->messages;
        store_op_say(op, "%s: %llu messages, %llu of them with new UIDs", info->row->name,
            (unsigned long long)info->messages, (unsigned long long)adopted);
    }
    av_store_infos_free(info, info != NULL);
    return rc;
}

av_errc
store_op_adopt(store_op *op, bool *ret_done, av_error *err)
{
    Archivolt__AttachStoreReply *reply;
    uint64_t done = 0, total = 0;
    av_adoption *adoption;
    bool end = false;
    av_errc rc;

    if (op->result == NULL) {
        reply = av_reply_new(&archivolt__attach_store_reply__descriptor);
        reply->id = op->store_id;
        op->result = &reply->base;
    }
    if (op->state == NULL) {
        op->state = av_adoption_new(op->archive, op->store_id);
        op->state_free = free_adoption;
    }
    adoption = op->state;
    rc = av_adoption_step(adoption, &end, err);
    av_adoption_progress(adoption, &done, &total);
    store_op_progress(op, done, total);
    store_op_text(op, "taking messages over: %llu", (unsigned long long)av_adoption_count(adoption));
    if (rc != AV_OK || !end)
        return rc;
    *ret_done = true;
    return adopt_end(op, av_adoption_count(adoption), err);
}

av_errc
store_op_attach(store_op *op, bool *ret_done, av_error *err)
{
    av_errc rc;

    if (op->phase == 1)
        return store_op_adopt(op, ret_done, err);
    rc = attach_begin(op, err);
    op->phase = 1;
    *ret_done = rc == AV_OK && ((const Archivolt__AttachStoreReply *)(const void *)op->result)->locked;
    return rc;
}
