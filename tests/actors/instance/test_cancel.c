/*
 * test_cancel.c - a run that is cancelled, failed or begun anew while a large batch is in work: nothing follows its end
 *
 * The account that is shown, the log and what is stored must say the same.
 */
#include "actors/instance/archive.h"
#include "base/map.h"
#include "tests/actors/instance/town.h"

enum { ROUNDS = 3, BODY = 6000, PER_ROUND = 2500 };

static void
put_letters(worker *w, unsigned round, uint64_t first, uint64_t last)
{
    AV_CLEANUP(av_buf_release) av_buf b = { 0 };
    uint8_t digest[32];
    uint64_t i;

    av_buf_init(&b, 1 << 20);
    for (i = first; i <= last; i++) {
        Archivolt__IntakeItem row = ARCHIVOLT__INTAKE_ITEM__INIT;

        av_buf_clear(&b);
        (void)av_buf_printf(&b, "From: a@example.org\nSubject: %u.%llu\n\n", round, (unsigned long long)i);
        while (b.n < BODY)
            (void)av_buf_printf(&b, "line %zu of letter %llu\n", b.n, (unsigned long long)i);
        av_sha256(av_buf_span(&b), digest);
        row.number = i;
        row.path = (char *)(uintptr_t) "letter";
        row.has_sha256 = 1;
        row.sha256.data = digest;
        row.sha256.len = 32;
        row.length = b.n;
        AV_CHECK(av_rows_put(&w->stream, &row.base));
        AV_CHECK(av_buf_append_span(&w->stream, av_buf_span(&b)));
    }
}

static void
until_acked(town *t, worker *w, uint64_t item)
{
    int64_t until = av_clock_mono_ms() + 20000;

    while (w->acked < item && !w->out.done && av_clock_mono_ms() < until)
        av_loop_turn(t->house.loop, 5);
    AV_CHECK(w->acked >= item);
}

static void
cancel(town *t, char id[33])
{
    Archivolt__OperationCancelRequest body = ARCHIVOLT__OPERATION_CANCEL_REQUEST__INIT;
    av_error err;

    body.id = id;
    AV_CHECK_RC(ask(t->cli_bus, "archivolt.Operations.Cancel", &body.base, (av_span){ 0 }, NULL, &err), AV_OK, &err);
}

static void
fail(town *t, worker *w)
{
    Archivolt__FailRunRequest body = ARCHIVOLT__FAIL_RUN_REQUEST__INIT;
    av_error err;

    body.run.data = t->run;
    body.run.len = 16;
    body.code = AV_ERR_IO;
    body.message = (char *)(uintptr_t) "the source is gone";
    AV_CHECK_RC(ask(w->bus, "archivolt.Intake.Fail", &body.base, (av_span){ 0 }, NULL, &err), AV_OK, &err);
}

static void
until_ended(town *t, char id[33])
{
    Archivolt__OperationWaitRequest body = ARCHIVOLT__OPERATION_WAIT_REQUEST__INIT;
    Archivolt__Operation *op = NULL;
    int64_t until = av_clock_mono_ms() + 20000;
    bool running = true;
    av_error err;

    body.id = id;
    while (running && av_clock_mono_ms() < until) {
        AV_CHECK_RC(ask(t->cli_bus, "archivolt.Operations.Wait", &body.base, (av_span){ 0 }, &op, &err), AV_OK, &err);
        running = op != NULL && op->state == ARCHIVOLT__OPERATION_STATE__OPERATION_STATE_RUNNING;
        if (op != NULL)
            archivolt__operation__free_unpacked(op, NULL);
    }
    AV_CHECK(!running);
}

/* Stored messages of all runs as the runs say. */
static uint64_t
stored_by_runs(town *t)
{
    Archivolt__GetWorkerResultsRequest body = ARCHIVOLT__GET_WORKER_RESULTS_REQUEST__INIT;
    Archivolt__GetWorkerResultsReply *reply = NULL;
    char demo[] = "demo";
    uint64_t stored = 0;
    av_error err;
    size_t i;

    body.instance_id = demo;
    AV_CHECK_RC(
        ask(t->cli_bus, "archivolt.Instance.GetWorkerResults", &body.base, (av_span){ 0 }, &reply, &err), AV_OK, &err);
    for (i = 0; reply != NULL && i < reply->n_runs; i++) {
        const Archivolt__RunAccount *a = reply->runs[i]->account;

        AV_CHECK(reply->runs[i]->result != ARCHIVOLT__RUN_RESULT__RUN_RESULT_RUNNING);
        AV_CHECK_INT(a->offered, a->stored + a->duplicate + a->refused);
        AV_CHECK_INT(a->duplicate, 0);
        stored += a->stored;
    }
    if (reply != NULL)
        archivolt__get_worker_results_reply__free_unpacked(reply, NULL);
    return stored;
}

/* Stored messages as the folders say. */
static uint64_t
stored_in_folders(town *t)
{
    Archivolt__InstanceRequest body = ARCHIVOLT__INSTANCE_REQUEST__INIT;
    Archivolt__GetFolderStatisticsReply *reply = NULL;
    char demo[] = "demo";
    uint64_t stored = 0;
    av_error err;
    size_t i;

    body.instance_id = demo;
    AV_CHECK_RC(ask(t->cli_bus, "archivolt.Instance.GetFolderStatistics", &body.base, (av_span){ 0 }, &reply, &err),
        AV_OK, &err);
    for (i = 0; reply != NULL && i < reply->n_folders; i++)
        stored += reply->folders[i]->count;
    if (reply != NULL)
        archivolt__get_folder_statistics_reply__free_unpacked(reply, NULL);
    return stored;
}

/* One run that ends while its stream is at full speed. */
static void
end_in_the_middle(town *t, unsigned round, bool failed)
{
    char id[33];
    worker w;

    start_import(t, id);
    begin_worker(t, &w);
    AV_CHECK_INT(begin_run(t, &w), 0);
    put_letters(&w, round, 1, PER_ROUND);
    start_put(t, &w, 1);
    until_acked(t, &w, 100);
    if (failed)
        fail(t, &w);
    else
        cancel(t, id);
    until_ended(t, id);
    AV_CHECK(house_until(&t->house, &w.out.done, 5000));
    AV_CHECK(w.at < w.stream.n); /* it was in the middle */
    house_turn(&t->house, 300);  /* whatever the writer still has to do */
    AV_CHECK_INT(stored_by_runs(t), stored_in_folders(t));
    end_worker(&w);
}

/* A worker begins anew while its stream is at full speed: where it is told to go on is where the run stands. */
static void
begin_in_the_middle(town *t, unsigned round)
{
    uint64_t last;
    char id[33];
    worker w;

    start_import(t, id);
    begin_worker(t, &w);
    AV_CHECK_INT(begin_run(t, &w), 0);
    put_letters(&w, round, 1, PER_ROUND);
    start_put(t, &w, 1);
    until_acked(t, &w, 100);
    last = begin_run(t, &w);
    AV_CHECK(last >= w.acked && last < PER_ROUND);
    AV_CHECK(house_until(&t->house, &w.out.done, 5000));
    AV_CHECK_INT(begin_run(t, &w), last);
    av_buf_clear(&w.stream);
    w.at = 0;
    w.end_it = true;
    put_letters(&w, round, last + 1, last + 50);
    start_put(t, &w, last + 1);
    AV_CHECK(house_until(&t->house, &w.out.done, 20000));
    AV_CHECK_RC(w.out.err.code, AV_OK, &w.out.err);
    until_ended(t, id);
    AV_CHECK_INT(stored_by_runs(t), stored_in_folders(t));
    end_worker(&w);
}

/* ---- the log ---- */

typedef struct ends {
    av_map *runs; /* that have ended */
    size_t ended;
} ends;

static av_errc
on_event(void *ctx, AV_UNUSED uint64_t lsn, av_span body, av_error *err)
{
    ends *e = ctx;
    av_event event;
    const uint8_t *run = NULL;
    av_errc rc;

    rc = av_event_decode(body, &event, err);
    if (rc != AV_OK)
        return rc;
    if (event.kind == AV_EVENT_RUN_PROGRESS)
        run = event.run.run;
    else if (event.kind == AV_EVENT_PLACEMENT_ADDED && event.placement.has_run)
        run = event.placement.run;
    if (run == NULL)
        return AV_OK;
    AV_CHECK(av_map_get(e->runs, av_span_of(run, 16)) == NULL); /* nothing follows its end */
    if (event.kind == AV_EVENT_RUN_PROGRESS && event.run.state != AV_RUN_RUNNING) {
        (void)av_map_put(e->runs, av_span_of(run, 16), e);
        e->ended++;
    }
    return AV_OK;
}

static void
check_log(town *t, size_t runs)
{
    av_archive_config config = { .dir = t->dir, .max_message_bytes = 1 << 20 };
    ends e = { av_map_new(), 0 };
    const av_store_visitor visitor = { .ctx = &e, .event = on_event };
    const av_open_store *current = NULL;
    av_archive *archive = NULL;
    av_error err;

    memset(config.instance_key, 9, sizeof config.instance_key);
    AV_CHECK_RC(av_archive_open(&config, &archive, &err), AV_OK, &err);
    if (archive != NULL && av_stores_current(archive->stores, &current, &err) == AV_OK)
        AV_CHECK_RC(av_store_replay(current->store, 0, &visitor, &err), AV_OK, &err);
    AV_CHECK_INT(e.ended, runs);
    av_archive_close(&archive);
    av_map_destroy(&e.runs, NULL);
}

static void
test_end_in_the_middle(void)
{
    unsigned round;
    town t;

    town_init(&t);
    start_instance(&t);
    for (round = 0; round < ROUNDS; round++)
        end_in_the_middle(&t, round, round % 2 == 1);
    begin_in_the_middle(&t, round);
    (void)kill(t.pid, SIGTERM);
    AV_CHECK_INT(wait_instance(&t), 0);
    check_log(&t, ROUNDS + 1);
    town_release(&t);
}

int
main(void)
{
    AV_RUN(test_end_in_the_middle);
    return av_check_done();
}
