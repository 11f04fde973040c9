/*
 * main.c - archivolt-worker: one run of one profile
 *
 * Started by the host with --name worker/<node>/<run> and --arg instance=<id>; reads what the instance says and hands the
 * messages over. It parses files from outside, so it holds no tenant's keys and owns nothing: a crash costs a restart.
 */
#include "actors/worker/run.h"

static void
on_ready(void *ctx, av_actor *actor)
{
    const char *run = strrchr(av_actor_name(actor), '/');
    const char *instance = av_actor_arg(actor, "instance");

    if (run == NULL || instance == NULL) {
        fprintf(stderr, "archivolt-worker: needs --name worker/NODE/RUN and --arg instance=ID\n");
        av_actor_stop(actor, 2);
        return;
    }
    av_actor_set_state(actor, ARCHIVOLT__ACTOR_STATE__ACTOR_STATE_READY, NULL);
    av_run_start(ctx, actor, instance, run + 1);
}

static void
on_stop(void *ctx, av_actor *actor)
{
    av_run_stop(ctx);
    av_actor_stopped(actor);
}

static void
on_status(void *ctx, Archivolt__Status *status, av_buf *scratch)
{
    static Archivolt__KeyValue row = ARCHIVOLT__KEY_VALUE__INIT;
    static Archivolt__KeyValue *rows[] = { &row };

    av_buf_printf(scratch, "%llu", (unsigned long long)av_run_items(ctx));
    row.key = (char *)"items_durable";
    row.value = (char *)av_buf_cstr(scratch);
    status->counters = rows;
    status->n_counters = 1;
}

int
main(int argc, char **argv)
{
    av_run *run = av_run_new();
    av_actor_config config = { .program = "archivolt-worker",
        .name = NULL,
        .on_ready = on_ready,
        .on_stop = on_stop,
        .on_status = on_status,
        .self = run,
        .help = "Runs one import or archiving profile for an instance. Started by archivolt-host." };
    int status = av_actor_main(&config, argc, argv);

    av_run_destroy(&run);
    return status;
}
