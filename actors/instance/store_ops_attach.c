/*
 * store_ops_attach.c - attaching and detaching archive stores
 *
 *   attach   marker and keys looked at -> row (task: adopt) -> the log into the catalog -> placements of another instance
 *            taken over (adopt.h) -> row (no task)
 *   detach   row (task: detach, disabled) -> nobody uses it -> its keys beside its files -> its messages leave their mailboxes
 *            -> its keys leave the keyring -> no row
 *
 * Each arrow is durable, and a restart goes on at the one it finds.
 */
#include <unistd.h>

#include "actors/instance/adopt.h"
#include "actors/instance/erase.h"
#include "actors/instance/holds.h"
#include "actors/instance/store_ops_priv.h"
#include "actors/instance/stores_rules.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

#define EXPUNGE_AT_ONCE 2000U
#define WAIT_MS         60000 /* for readers to let go */
#define WAIT_STEP_US    5000

/* ---- rows ---- */

static av_errc
write_row(av_archive *archive, const av_store_row *row, bool is_new, av_error *err)
{
    av_errc rc;

    av_accounts_begin(archive->accounts);
    rc = av_store_row_put(archive->accounts, row, err);
    if (rc == AV_OK && row->state == AV_STORE_CURRENT && is_new)
        rc = av_store_rows_demote(archive->accounts, row->id, err);
    if (rc == AV_OK)
        rc = av_accounts_commit(archive->accounts, err);
    else
        av_accounts_rollback(archive->accounts);
    return rc == AV_OK ? av_stores_sync(archive->stores, err) : rc;
}

av_errc
store_op_change_row(
    store_op *op, uint32_t id, void (*change)(av_store_row *row, const void *ctx), const void *ctx, av_error *err)
{
    av_store_info *info = NULL;
    av_errc rc = av_stores_info(op->archive->stores, id, &info, err);

    if (rc == AV_OK) {
        change(info->row, ctx);
        rc = write_row(op->archive, info->row, false, err);
    }
    av_store_infos_free(info, info != NULL);
    return rc;
}

/* ---- attach: what is there ---- */

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

/* ---- adopt ---- */

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

/* ---- detach ---- */

static void
begin_detach(av_store_row *row, const void *ctx)
{
    row->task = AV_STORE_TASK_DETACH;
    row->state = AV_STORE_DISABLED;
    (void)snprintf(row->operation, sizeof row->operation, "%s", (const char *)ctx);
}

/* What it was given and takes along. */
static av_errc
note_floors(av_archive *archive, const av_store_info *info, av_error *err)
{
    av_errc rc;

    av_accounts_begin(archive->accounts);
    rc = av_stores_note_floors(archive, info, err);
    if (rc == AV_OK)
        return av_accounts_commit(archive->accounts, err);
    av_accounts_rollback(archive->accounts);
    return rc;
}

av_errc
store_op_begin_detach(store_op *op, uint32_t id, av_error *err)
{
    av_store_info *info = NULL;
    av_error why;
    av_errc rc = av_stores_info(op->archive->stores, id, &info, err);

    op->store_id = id;
    if (rc == AV_OK && info->row->state == AV_STORE_CURRENT)
        rc = av_error_set(err, AV_ERR_CONFLICT,
            "archive store %s is current, and one has to be: make another one current first", info->row->name);
    if (rc == AV_OK && info->reserved)
        rc = av_error_set(err, AV_ERR_BUSY, "archive store %s is being merged", info->row->name);
    /* Its keys leave with it: those of what was erased must not be among them. */
    if (rc == AV_OK && av_erase_finish(op->archive, id, &why) != AV_OK)
        store_op_say(op, "an erasure could not be finished: %s", why.msg);
    if (rc == AV_OK)
        rc = note_floors(op->archive, info, err);
    if (rc == AV_OK)
        rc = store_op_change_row(op, op->store_id, begin_detach, op->id, err);
    op->total = 0;
    op->job_started_mono_ms = av_clock_mono_ms();
    av_store_infos_free(info, info != NULL);
    return rc;
}

static av_errc
detach_begin(store_op *op, av_error *err)
{
    const Archivolt__StoreRequest *body = (const void *)op->body;

    if (body != NULL && body->id > UINT32_MAX)
        return av_error_set(err, AV_ERR_NOT_FOUND, "there is no archive store %llu", (unsigned long long)body->id);
    return store_op_begin_detach(op, body != NULL ? (uint32_t)body->id : op->store_id, err);
}

/* Its keys beside its files, unless they are there (locked) or there is no place for them any more. */
static av_errc
export_keys(store_op *op, const av_store_info *info, bool *ret_exported, av_error *err)
{
    AV_CLEANUP(av_free) char *content = av_store_path_resolve(op->archive->dir, info->row->content);
    AV_CLEANUP(av_free) char *marker = av_xasprintf("%s/store.avs", content);

    *ret_exported = false;
    if (!av_keyring_has_store(op->archive->keyring, info->row->uuid))
        return AV_OK;
    if (!av_file_exists(marker)) {
        store_op_say(op, "%s: there is no archive store any more; its keys stay with the instance", content);
        return AV_OK;
    }
    *ret_exported = true;
    return av_keyring_store_export(op->archive->keyring, info->row->uuid, content, err);
}

static av_errc
detach_end(store_op *op, const av_store_info *info, av_error *err)
{
    bool exported = false;
    av_errc rc = export_keys(op, info, &exported, err);

    if (rc == AV_OK && exported)
        rc = av_keyring_store_remove(op->archive->keyring, info->row->uuid, err);
    if (rc != AV_OK)
        return rc;
    av_accounts_begin(op->archive->accounts);
    rc = av_store_row_delete(op->archive->accounts, op->store_id, err);
    if (rc == AV_OK)
        rc = av_accounts_commit(op->archive->accounts, err);
    else
        av_accounts_rollback(op->archive->accounts);
    if (rc == AV_OK)
        rc = av_stores_sync(op->archive->stores, err);
    if (rc == AV_OK)
        store_op_say(op, "%s is detached; its files are left where they are", info->row->name);
    return rc;
}

static av_errc
expunge(store_op *op, const av_store_info *info, bool *ret_empty, av_error *err)
{
    uint64_t left = 0;
    av_errc rc = info->no == 0 ? AV_ERR_NOT_FOUND
                               : av_catalog_expunge(op->archive->catalog, info->no, EXPUNGE_AT_ONCE, &left, err);

    if (rc == AV_ERR_NOT_FOUND)
        rc = AV_OK; /* the catalog has none of its messages */
    op->total = AV_MAX(op->total, left);
    store_op_progress(op, op->total - left, op->total);
    store_op_text(op, "%llu messages to go", (unsigned long long)left);
    *ret_empty = rc == AV_OK && left == 0;
    return rc;
}

av_errc
store_op_detach(store_op *op, bool *ret_done, av_error *err)
{
    av_store_info *info = NULL;
    bool empty = false;
    av_errc rc;

    if (op->phase == 0) {
        op->phase = 1;
        return detach_begin(op, err);
    }
    atomic_store(&op->cancel, false); /* half a store cannot stay */
    rc = av_stores_info(op->archive->stores, op->store_id, &info, err);
    if (rc == AV_OK)
        rc = av_stores_shut(op->archive->stores, op->store_id, err);
    if (rc == AV_ERR_BUSY && av_clock_mono_ms() < op->job_started_mono_ms + WAIT_MS) {
        store_op_text(op, "waiting for those who read it");
        (void)usleep(WAIT_STEP_US); /* others take their turns meanwhile; this one must not spin */
        av_store_infos_free(info, 1);
        return AV_OK;
    }
    if (rc == AV_OK)
        rc = expunge(op, info, &empty, err);
    if (rc == AV_OK && empty)
        rc = detach_end(op, info, err);
    *ret_done = rc == AV_OK && empty;
    av_store_infos_free(info, info != NULL);
    return rc;
}
