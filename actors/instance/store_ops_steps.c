/*
 * store_ops_steps.c - what steps of several operations do: a row changed, a store closed, a result, an engine watched
 */
#include <unistd.h>

#include "actors/instance/store_ops_priv.h"
#include "base/clock.h"

#define WAIT_MS      60000 /* for readers to let go */
#define WAIT_STEP_US 5000

static av_errc
write_row(av_archive *archive, const av_store_row *row, av_error *err)
{
    av_errc rc;

    av_accounts_begin(archive->accounts);
    rc = av_store_row_put(archive->accounts, row, err);
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
        rc = write_row(op->archive, info->row, err);
    }
    av_store_infos_free(info, info != NULL);
    return rc;
}

av_errc
store_op_shut(store_op *op, const char *waiting, bool *ret_waits, av_error *err)
{
    av_errc rc = av_stores_shut(op->archive->stores, op->store_id, err);

    *ret_waits = rc == AV_ERR_BUSY && av_clock_mono_ms() < op->job_started_mono_ms + WAIT_MS;
    if (!*ret_waits)
        return rc;
    store_op_text(op, "%s", waiting);
    (void)usleep(WAIT_STEP_US); /* others take their turns meanwhile; this one must not spin */
    return AV_OK;
}

Archivolt__StoreOperationResult *
store_op_result(store_op *op)
{
    Archivolt__StoreOperationResult *result;

    if (op->result == NULL) {
        result = av_reply_new(&archivolt__store_operation_result__descriptor);
        result->has_problems = true;
        op->result = &result->base;
    }
    return (void *)op->result;
}

bool
store_op_on_go_on(void *op, uint64_t done, uint64_t total)
{
    store_op_progress(op, done, total);
    return !atomic_load(&((store_op *)op)->cancel);
}

void
store_op_on_say(void *op, av_log_level level, AV_UNUSED uint64_t lsn, const char *sentence)
{
    if (level >= AV_LOG_INFO)
        store_op_say(op, "%s", sentence);
}
