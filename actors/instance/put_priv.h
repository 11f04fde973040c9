/*
 * put_priv.h - one stream of a worker, for put.c and put_stream.c (bus thread) and put_writer.c (writer thread)
 *
 * `busy`: the writer is at it, and batch, intake and the accounts are the writer's until it hands back.
 */
#ifndef AV_INSTANCE_PUT_PRIV_H
#define AV_INSTANCE_PUT_PRIV_H

#include "actors/instance/runs_priv.h"

typedef enum put_op { PUT_FEED, PUT_FLUSH, PUT_FINISH, PUT_CLOSE } put_op;

struct av_put {
    av_job job;
    av_runs *runs;
    av_run_ctl *ctl;     /* NULL: closed */
    av_request *request; /* NULL: answered */
    av_stream *stream;
    av_buf inbox, batch; /* batch is the writer's while busy */
    size_t fed;
    put_op op;
    bool busy, ended, lost, posted, dead;
    atomic_bool closed; /* by the bus thread: what is not yet fed is dropped */
    av_loop_timer *timer;
    uint64_t first_item, acked;
    /* The writer's, copied out before a step hands back. */
    av_intake *intake;
    av_intake_config config;
    char *top_folder, *folder;
    av_account seen, durable, counted;
    av_errc rc;
    av_error err;
    av_put *next, *prev;
};

/* put.c, bus thread: give the writer what there is to do, when it is not at it already. */
void av_put_advance(av_put *self);
/* Done of self->job: acknowledges, answers, goes on, or frees self. */
void av_put_done(av_job *job);

/* put_writer.c: a step of self->op. PUT_CLOSE commits the whole items and lets the intake go. */
av_step av_put_step(av_job *job);
/* The same at once, when the pool was stopped and this thread is the only one left. */
void av_put_close_intake(av_put *self);

#endif
