/*
 * runs.h - imports: started here, read by a worker that the host runs, taken in by put.c, kept for 24 h as operations
 *
 * Bus thread. A run survives the end of the process: its row is in accounts, its account in the log, and its operation is
 * made anew from both. A run whose worker is not heard of is asked for at the host again.
 */
#ifndef AV_INSTANCE_RUNS_H
#define AV_INSTANCE_RUNS_H

#include "actors/instance/ask.h"
#include "actors/instance/intake.h"
#include "actors/instance/run_row.h"

struct av_instance;
typedef struct av_runs av_runs;
typedef struct av_run_ctl av_run_ctl;

/* Serves ImportFiles and Intake; takes up what the last process left. */
av_errc av_runs_new(struct av_instance *in, av_runs **ret, av_error *err);
void av_runs_tick(av_runs *self, int64_t now_mono_ms); /* about every second */
size_t av_runs_active(const av_runs *self);
/* The pools are stopped: streams are failed, their whole items committed. */
void av_runs_stop(av_runs *self);
/* The pools are stopped; open intakes have been handed back. */
void av_runs_destroy(av_runs **self);

/* GetWorkerResults and GetRunReport, as functions of ask.h (runs_report.c). */
av_errc av_runs_results(av_ask *ask, av_error *err);
av_errc av_runs_report(av_ask *ask, av_error *err);
/* The account of a run as the log has it; zero before its first group. */
av_errc av_runs_account(
    const av_meta_view *catalog, const uint8_t run[16], av_run_state *ret_state, av_account *ret, av_error *err);

#endif
