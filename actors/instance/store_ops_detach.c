/*
 * store_ops_detach.c - DetachStore
 *
 *   row (task: detach, disabled) -> nobody uses it -> its keys beside its files -> its messages leave their mailboxes
 *   -> its keys leave the keyring -> no row
 *
 * Each arrow is durable, and a restart goes on at the one it finds.
 */
#include "actors/instance/erase.h"
#include "actors/instance/store_ops_priv.h"
#include "actors/instance/stores_rules.h"
#include "base/clock.h"
#include "base/file.h"

#define EXPUNGE_AT_ONCE 2000U

/* ---- the row ---- */

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

/* ---- messages and keys ---- */

static av_errc
expunge(store_op *op, const av_store_info *info, bool *ret_empty, av_error *err)
{
    uint64_t left = 0;
    av_errc rc = info->no == 0 ? AV_ERR_NOT_FOUND
                               : av_catalog_expunge(op->archive->catalog, info->no, EXPUNGE_AT_ONCE, &left, err);

    if (rc == AV_ERR_NOT_FOUND)
        rc = AV_OK; /* the catalog has none of its messages */
    av_changes_all(op->archive->changes);
    op->total = AV_MAX(op->total, left);
    store_op_progress(op, op->total - left, op->total);
    store_op_text(op, "%llu messages to go", (unsigned long long)left);
    *ret_empty = rc == AV_OK && left == 0;
    return rc;
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

av_errc
store_op_detach(store_op *op, bool *ret_done, av_error *err)
{
    av_store_info *info = NULL;
    bool empty = false, waits = false;
    av_errc rc;

    if (op->phase == 0) {
        op->phase = 1;
        return detach_begin(op, err);
    }
    atomic_store(&op->cancel, false); /* half a store cannot stay */
    rc = av_stores_info(op->archive->stores, op->store_id, &info, err);
    if (rc == AV_OK)
        rc = store_op_shut(op, "waiting for those who read it", &waits, err);
    if (rc == AV_OK && !waits)
        rc = expunge(op, info, &empty, err);
    if (rc == AV_OK && empty)
        rc = detach_end(op, info, err);
    *ret_done = rc == AV_OK && empty;
    av_store_infos_free(info, info != NULL);
    return rc;
}
