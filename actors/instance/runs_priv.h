/*
 * runs_priv.h - a run that is going on, shared by runs.c (its life), runs_import.c (its start) and put*.c (its stream)
 */
#ifndef AV_INSTANCE_RUNS_PRIV_H
#define AV_INSTANCE_RUNS_PRIV_H

#include "actors/instance/instance_priv.h"
#include "actors/instance/runs.h"
#include "proto/instance.pb-c.h"
#include "proto/worker.pb-c.h"

typedef struct av_put av_put;

struct av_runs {
    av_instance *in;
    av_map *active; /* run (16 bytes) -> av_run_ctl */
    av_put *puts;   /* all that are not closed */
};

struct av_run_ctl {
    av_job job; /* ending */
    av_runs *runs;
    av_run_row *row;
    char hex[33];
    char trace[33]; /* of the request that began it; "": it was taken up again after a start */
    uint64_t lane;
    av_operation *op;
    av_put *put;           /* its open stream, or NULL */
    av_call *call;         /* StartWorker in flight, or NULL */
    int64_t heard_mono_ms; /* of its worker */
    unsigned asked;        /* times the host was asked since it was heard */
    uint64_t expected_items;
    av_account account;
    bool ending;        /* no more streams; the end is being written */
    bool unsaved;       /* the end could not be written: tried again */
    av_run_state state; /* how it ends */
    av_error error;     /* of a failed one */
    av_errc rc;         /* of writing the end */
    av_error rc_error;
};

/* Put self in the map and make its operation; packed: of a restored one, or NULL. Takes row. */
av_run_ctl *av_run_ctl_new(av_runs *runs, av_run_row *row, const ProtobufCMessage *restored);
/* How far it is, for its operation. */
void av_run_ctl_progress(av_run_ctl *self, const av_account *account, const char *text);
/* End the run: close its stream, write the end, tell the operation and the host. why: of AV_RUN_FAILED. Once. */
void av_run_ctl_end(av_run_ctl *self, av_run_state state, const av_error *why);
/* Ask the host for a worker. */
void av_run_ctl_ask_worker(av_run_ctl *self);
/* The run a worker may speak for, or NULL after the request was failed. */
av_run_ctl *av_runs_of_worker(av_runs *self, av_request *request, const ProtobufCBinaryData *run);

/* runs_restore.c */
av_errc av_runs_restore(av_runs *self, av_error *err);
void av_run_fill_account(Archivolt__RunAccount *ret, const av_account *account, int64_t started_ms, int64_t ended_ms);

/* put_stream.c */
void av_put_serve(av_runs *runs);
/* put.c */
/* Keep the whole items, end the stream, fail its request with err. */
void av_put_close(av_put *self, const av_error *err);
void av_puts_stop(av_runs *runs);

/* runs_import.c */
void av_import_serve(av_runs *runs);

#endif
