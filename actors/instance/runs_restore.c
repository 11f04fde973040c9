/*
 * runs_restore.c - at the start: the runs and operations the last process left
 *
 * What was running goes on, what the log says has ended is ended in its row, too, and what ended within a day can still be
 * asked for.
 */
#include "actors/instance/runs_priv.h"
#include "base/clock.h"

#define RESTORED_MAX 1000

void
av_run_fill_account(Archivolt__RunAccount *ret, const av_account *account, int64_t started_ms, int64_t ended_ms)
{
    ret->offered = account->last_item;
    ret->stored = account->stored;
    ret->duplicate = account->duplicate;
    ret->refused = account->refused;
    ret->has_seconds = 1;
    ret->seconds = (double)(AV_MAX(ended_ms, started_ms) - started_ms) / 1000.0;
}

/* An operation that has ended, as its row and its account tell. */
static void
restore_ended(av_runs *self, const av_run_row *row, const Archivolt__Operation *begun, const av_account *account)
{
    Archivolt__Operation op = *begun;
    Archivolt__RunAccount result = ARCHIVOLT__RUN_ACCOUNT__INIT;
    AV_CLEANUP(av_buf_release) av_buf packed = { 0 };
    uint8_t packed_result[128];

    op.has_ended_unix_ms = 1;
    op.ended_unix_ms = row->ended_ms;
    if (row->result == ARCHIVOLT__RUN_RESULT__RUN_RESULT_CANCELLED) {
        op.state = ARCHIVOLT__OPERATION_STATE__OPERATION_STATE_CANCELLED;
    } else if (row->result == ARCHIVOLT__RUN_RESULT__RUN_RESULT_FAILED) {
        op.state = ARCHIVOLT__OPERATION_STATE__OPERATION_STATE_FAILED;
        op.has_error_code = 1;
        op.error_code = row->error_code;
        op.error_message = row->error;
    } else {
        op.state = ARCHIVOLT__OPERATION_STATE__OPERATION_STATE_SUCCEEDED;
        av_run_fill_account(&result, account, row->started_ms, row->ended_ms);
        assert(archivolt__run_account__get_packed_size(&result) <= sizeof packed_result);
        op.result_type = (char *)(uintptr_t) "archivolt.RunAccount";
        op.has_result = 1;
        op.result.data = packed_result;
        op.result.len = archivolt__run_account__pack(&result, packed_result);
    }
    av_buf_init(&packed, AV_ROW_MAX);
    if (av_buf_reserve(&packed, archivolt__operation__get_packed_size(&op)) == NULL)
        return;
    packed.n = archivolt__operation__pack(&op, packed.p);
    (void)av_operations_restore(self->in->operations, av_buf_span(&packed), NULL, NULL);
}

/* Takes row. */
static void
restore_one(av_runs *self, av_run_row *row, av_run_state state, const av_account *account)
{
    Archivolt__Operation op = ARCHIVOLT__OPERATION__INIT;
    char hex[33];
    av_run_ctl *ctl;

    av_hex_encode(av_span_of(row->run, sizeof row->run), hex);
    op.id = hex;
    op.name = (char *)(uintptr_t) "ImportFiles";
    op.version = (uint64_t)av_clock_wall_ms(); /* above any the last process gave out */
    op.has_started_unix_ms = 1;
    op.started_unix_ms = row->started_ms;
    op.state = ARCHIVOLT__OPERATION_STATE__OPERATION_STATE_RUNNING;
    if (row->ended_ms != 0) {
        restore_ended(self, row, &op, account);
        av_run_row_destroy(&row);
        return;
    }
    ctl = av_run_ctl_new(self, row, &op.base);
    ctl->account = *account;
    if (state != AV_RUN_RUNNING)
        av_run_ctl_end(ctl, state, NULL);
}

av_errc
av_runs_restore(av_runs *self, av_error *err)
{
    const av_meta_view *accounts = av_accounts_writer(self->in->archive->accounts);
    const av_meta_view *catalog = av_catalog_writer(self->in->archive->catalog);
    av_meta_iter *it = av_run_rows(accounts);
    int64_t since = av_clock_wall_ms() - AV_DAY_MS;
    av_run_row *row = NULL;
    av_run_state state;
    av_account account;
    size_t n = 0;
    av_errc rc;

    while ((rc = av_run_row_next(it, &row, err)) == AV_OK && row != NULL && n++ < RESTORED_MAX) {
        if (row->ended_ms != 0 && row->ended_ms < since) {
            av_run_row_destroy(&row);
            continue;
        }
        rc = av_runs_account(catalog, row->run, &state, &account, err);
        if (rc != AV_OK)
            break;
        restore_one(self, row, state, &account);
        row = NULL;
    }
    av_run_row_destroy(&row);
    av_meta_iter_destroy(&it);
    return rc;
}
