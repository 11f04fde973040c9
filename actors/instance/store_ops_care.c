/*
 * store_ops_care.c - care of stores' databases: counting anew, tidying up, making again
 *
 * One store a step. A store that cannot be opened is a line in the log and a problem in the result, not an end.
 */
#include "actors/instance/store_ops_priv.h"

#include "base/log.h"
#include "storage/meta/store_view_check.h"

/* The next store; false: there is none left. Those that are disabled or locked are passed over with a line. */
static bool
next_store(store_op *op, const av_store_info **ret)
{
    if (op->list == NULL)
        op->list = av_stores_list(op->archive->stores, &op->count);
    while (op->at < op->count) {
        const av_store_info *info = &op->list[op->at++];

        store_op_progress(op, op->at - 1, op->count);
        store_op_text(op, "%s", info->row->name);
        if (info->row->state != AV_STORE_DISABLED && !info->row->locked) {
            *ret = info;
            return true;
        }
        store_op_say(op, "%s: %s, passed over", info->row->name, info->row->locked ? "locked" : "disabled");
    }
    return false;
}

static void
note_problem(store_op *op, const av_store_info *info, const av_error *err)
{
    store_op_say(op, "%s: %s", info->row->name, err->msg);
    store_op_result(op)->problems++;
}

/* ---- statistics ---- */

static av_errc
recount_one(store_op *op, const av_store_info *info, av_error *err)
{
    const av_open_store *store = NULL;
    bool right = true;
    av_errc rc = av_stores_write(op->archive->stores, info->row->id, true, &store, err);

    if (rc == AV_OK)
        rc = av_store_view_correct(store->view, &right, err);
    av_stores_written(op->archive->stores, &store);
    if (rc == AV_OK)
        store_op_say(op, "%s: %s", info->row->name, right ? "the counters are right" : "counters put right");
    return rc;
}

av_errc
store_op_refresh(store_op *op, bool *ret_done, av_error *err)
{
    const av_store_info *info;
    bool right = true;
    av_error why;
    av_errc rc;

    if (next_store(op, &info)) {
        store_op_result(op)->stores++;
        if (recount_one(op, info, &why) != AV_OK)
            note_problem(op, info, &why);
        return AV_OK;
    }
    rc = av_catalog_recount(op->archive->catalog, &right, err);
    if (rc == AV_OK)
        store_op_say(op, "mailboxes: %s", right ? "the counters are right" : "counters put right");
    (void)store_op_result(op);
    *ret_done = true;
    return rc == AV_OK ? av_stores_sync(op->archive->stores, err) : rc;
}

/* ---- tidying up ---- */

static av_errc
maintain_one(store_op *op, const av_store_info *info, av_error *err)
{
    const av_open_store *store = NULL;
    av_errc rc = av_stores_write(op->archive->stores, info->row->id, true, &store, err);

    if (rc == AV_OK)
        rc = av_store_view_compact_database(store->view, err);
    av_stores_written(op->archive->stores, &store);
    if (rc == AV_OK)
        store_op_say(op, "%s: done", info->row->name);
    return rc;
}

av_errc
store_op_maintain(store_op *op, bool *ret_done, av_error *err)
{
    const av_store_info *info;
    av_error why;

    if (next_store(op, &info)) {
        store_op_result(op)->stores++;
        if (maintain_one(op, info, &why) != AV_OK)
            note_problem(op, info, &why);
        return AV_OK;
    }
    (void)store_op_result(op);
    *ret_done = true;
    return av_catalog_trim(op->archive->catalog, err);
}

/* ---- a database made again ---- */

av_errc
store_op_repair(store_op *op, bool *ret_done, av_error *err)
{
    const Archivolt__StoreRequest *body = (const void *)op->body;
    av_store_info *info = NULL;
    av_errc rc = AV_OK;

    if (body->id > UINT32_MAX)
        return av_error_set(err, AV_ERR_NOT_FOUND, "there is no archive store %llu", (unsigned long long)body->id);
    op->store_id = (uint32_t)body->id;
    rc = av_stores_info(op->archive->stores, op->store_id, &info, err);
    if (rc == AV_OK) {
        store_op_text(op, "%s: reading its log", info->row->name);
        rc = av_stores_rebuild(op->archive->stores, op->store_id, err);
    }
    if (rc == AV_OK) {
        store_op_say(op, "%s: its database was made again from its log", info->row->name);
        store_op_result(op)->stores = 1;
    }
    av_store_infos_free(info, info != NULL);
    *ret_done = true;
    return rc;
}

/* ---- formats ---- */

/* Opening refuses every other format, so a store that opens has the newest. */
static av_errc
upgrade_one(store_op *op, uint32_t id, av_error *err)
{
    const av_open_store *store = NULL;
    av_errc rc = av_stores_use_id(op->archive->stores, id, &store, err);

    av_stores_done(op->archive->stores, &store);
    return rc;
}

av_errc
store_op_upgrade(store_op *op, bool *ret_done, av_error *err)
{
    bool all = op->body->descriptor == &archivolt__instance_request__descriptor;
    const Archivolt__StoreRequest *body = (const void *)op->body;
    const av_store_info *info;
    av_error why;
    av_errc rc;

    if (!all) {
        op->store_id = body->id > UINT32_MAX ? 0 : (uint32_t)body->id;
        rc = upgrade_one(op, op->store_id, err);
        if (rc == AV_OK)
            store_op_say(op, "the archive store has the newest format (1)");
        store_op_result(op)->stores = rc == AV_OK;
        *ret_done = true;
        return rc;
    }
    if (!next_store(op, &info)) {
        (void)store_op_result(op);
        *ret_done = true;
        return AV_OK;
    }
    store_op_result(op)->stores++;
    if (upgrade_one(op, info->row->id, &why) != AV_OK)
        note_problem(op, info, &why);
    else
        store_op_say(op, "%s: has the newest format (1)", info->row->name);
    return AV_OK;
}
