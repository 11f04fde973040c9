/*
 * runs_report.c - what became of runs: GetWorkerResults and GetRunReport
 */
#include <time.h>

#include "actors/instance/runs.h"
#include "base/clock.h"
#include "proto/instance.pb-c.h"

#define REPORT_ROWS 200
#define RUNS_MAX    10000

av_errc
av_runs_account(
    const av_meta_view *catalog, const uint8_t run[16], av_run_state *ret_state, av_account *ret, av_error *err)
{
    av_run row;
    av_errc rc = av_catalog_run(catalog, run, &row, err);

    *ret = (av_account){ 0 };
    *ret_state = AV_RUN_RUNNING;
    if (rc == AV_ERR_NOT_FOUND)
        return AV_OK;
    if (rc != AV_OK)
        return rc;
    *ret_state = row.state;
    *ret = (av_account){ row.last_item, row.stored, row.duplicate, row.refused };
    return AV_OK;
}

/* "2026-11-22T11:33:31" in the zone asked for. */
static char *
format_time(int64_t ms, bool utc)
{
    time_t t = (time_t)(ms / 1000);
    char text[32];
    struct tm tm;

    if (utc)
        (void)gmtime_r(&t, &tm);
    else
        (void)localtime_r(&t, &tm);
    (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    return av_xstrdup(text);
}

static av_errc
parse_time(const char *text, bool utc, int64_t *ret_ms, av_error *err)
{
    struct tm tm = { .tm_isdst = -1 };
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    time_t t = (time_t)-1;

    if (end != NULL && *end == '\0')
        t = utc ? timegm(&tm) : mktime(&tm);
    if (t == (time_t)-1)
        return av_error_set(err, AV_ERR_INVALID, "\"%.100s\" is not a time of the form 2026-11-22T11:33:31", text);
    *ret_ms = (int64_t)t * 1000;
    return AV_OK;
}

static av_errc
parse_zone(const char *zone, bool *ret_utc, av_error *err)
{
    *ret_utc = zone == NULL || strcmp(zone, "UTC") == 0;
    if (!*ret_utc && strcmp(zone, "$Local") != 0)
        return av_error_set(err, AV_ERR_UNSUPPORTED, "time zone \"%.100s\" is not known: use $Local or UTC", zone);
    return AV_OK;
}

static av_errc
add_run(Archivolt__GetWorkerResultsReply *reply, const av_run_row *row, const av_meta_view *catalog, bool utc,
    av_error *err)
{
    Archivolt__RunInfo *info = av_reply_new(&archivolt__run_info__descriptor);
    int64_t end = row->ended_ms != 0 ? row->ended_ms : av_clock_wall_ms();
    av_account account;
    av_run_state state;
    char hex[33];

    av_reply_push(&reply->runs, &reply->n_runs, info);
    av_hex_encode(av_span_of(row->run, sizeof row->run), hex);
    info->id = row->number;
    info->user_name = av_xstrdup(row->top_folder);
    info->has_profile_id = 1;
    info->profile_name = av_xasprintf("Import into %s", row->top_folder);
    info->result = (Archivolt__RunResult)row->result;
    info->start_time = format_time(row->started_ms, utc);
    info->complete_time = row->ended_ms == 0 ? NULL : format_time(row->ended_ms, utc);
    info->machine_name = av_xstrdup(row->machine == NULL ? "" : row->machine);
    info->run = av_xstrdup(hex);
    info->account = av_reply_new(&archivolt__run_account__descriptor);
    if (av_runs_account(catalog, row->run, &state, &account, err) != AV_OK)
        return err->code;
    info->items_archived = account.stored;
    info->account->offered = account.last_item;
    info->account->stored = account.stored;
    info->account->duplicate = account.duplicate;
    info->account->refused = account.refused;
    info->account->has_seconds = 1;
    info->account->seconds = (double)(AV_MAX(end, row->started_ms) - row->started_ms) / 1000.0;
    return AV_OK;
}

static bool
is_wanted(const av_run_row *row, const Archivolt__GetWorkerResultsRequest *body, int64_t from_ms, int64_t to_ms)
{
    if (row->started_ms < from_ms || row->started_ms >= to_ms)
        return false;
    if (body->has_profile_id && body->profile_id != 0)
        return false; /* imports by hand have no profile */
    return body->user_name == NULL || strcmp(body->user_name, row->top_folder) == 0;
}

av_errc
av_runs_results(av_ask *ask, av_error *err)
{
    const Archivolt__GetWorkerResultsRequest *body = (const Archivolt__GetWorkerResultsRequest *)ask->body;
    Archivolt__GetWorkerResultsReply *reply = av_reply_new(&archivolt__get_worker_results_reply__descriptor);
    int64_t from_ms = INT64_MIN, to_ms = INT64_MAX;
    av_meta_view *accounts, *catalog;
    av_run_row *row = NULL;
    av_meta_iter *it;
    bool utc;
    av_errc rc = parse_zone(body->time_zone_id, &utc, err);

    ask->reply = &reply->base;
    if (rc == AV_OK && body->from_including != NULL)
        rc = parse_time(body->from_including, utc, &from_ms, err);
    if (rc == AV_OK && body->to_excluding != NULL)
        rc = parse_time(body->to_excluding, utc, &to_ms, err);
    if (rc != AV_OK)
        return rc;
    accounts = av_accounts_snapshot(ask->archive->accounts);
    catalog = av_catalog_snapshot(ask->archive->catalog);
    it = av_run_rows(accounts);
    while (reply->n_runs < RUNS_MAX && (rc = av_run_row_next(it, &row, err)) == AV_OK && row != NULL) {
        if (is_wanted(row, body, from_ms, to_ms))
            rc = add_run(reply, row, catalog, utc, err);
        av_run_row_destroy(&row);
        if (rc != AV_OK)
            break;
    }
    av_meta_iter_destroy(&it);
    av_meta_view_destroy(&catalog);
    av_meta_view_destroy(&accounts);
    return rc;
}

av_errc
av_runs_report(av_ask *ask, av_error *err)
{
    const Archivolt__GetRunReportRequest *body = (const Archivolt__GetRunReportRequest *)ask->body;
    Archivolt__GetRunReportReply *reply = av_reply_new(&archivolt__get_run_report_reply__descriptor);
    av_meta_view *accounts = av_accounts_snapshot(ask->archive->accounts);
    av_meta_view *catalog = av_catalog_snapshot(ask->archive->catalog);
    AV_CLEANUP(av_run_row_destroy) av_run_row *row = NULL;
    av_catalog_iter *it = NULL;
    Archivolt__RefusedItem *refused;
    av_run_item item;
    av_errc rc = av_run_row_get(accounts, body->id, &row, err);

    ask->reply = &reply->base;
    if (rc == AV_OK)
        it = av_catalog_run_items(catalog, row->run, body->has_after_item ? body->after_item + 1 : 0);
    while (rc == AV_OK && !reply->more && av_catalog_next_run_item(it, &item)) {
        if (!item.refused)
            continue;
        if (reply->n_refused == REPORT_ROWS) {
            reply->more = 1;
            break;
        }
        refused = av_reply_new(&archivolt__refused_item__descriptor);
        refused->item = item.item;
        refused->path = av_span_dup(item.path);
        refused->reason = av_span_dup(item.reason);
        av_reply_push(&reply->refused, &reply->n_refused, refused);
    }
    if (it != NULL) {
        if (rc == AV_OK)
            rc = av_catalog_iter_error(it, err);
        av_catalog_iter_destroy(&it);
    }
    av_meta_view_destroy(&catalog);
    av_meta_view_destroy(&accounts);
    return rc;
}
