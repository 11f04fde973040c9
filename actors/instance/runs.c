/*
 * runs.c - the life of a run: taken up, watched, ended
 *
 * Started by runs_import.c, fed by put.c. The end is written twice, in this order: into the log (no item can follow), into
 * the run's row (what is shown). A crash between the two is put right at the next start.
 */
#include "actors/instance/runs.h"

#include "actors/instance/runs_priv.h"
#include "base/clock.h"
#include "base/log.h"
#include "proto/host.pb-c.h"

#define RESTORED_MAX  1000
#define ASKED_MAX     10
#define SAVE_AGAIN_MS 10000

/* ---- operations ---- */

static void
on_cancel(void *ctx, AV_UNUSED av_operation *op)
{
    av_run_ctl_end(ctx, AV_RUN_CANCELLED, NULL);
}

av_run_ctl *
av_run_ctl_new(av_runs *runs, av_run_row *row, const ProtobufCMessage *restored)
{
    av_run_ctl *self = av_xcalloc(1, sizeof *self);
    AV_CLEANUP(av_buf_release) av_buf packed = { 0 };

    self->runs = runs;
    self->row = row;
    av_hex_encode(av_span_of(row->run, sizeof row->run), self->hex);
    self->lane = av_lane_of(av_span_of(row->run, sizeof row->run));
    self->heard_mono_ms = av_clock_mono_ms();
    (void)av_map_put(runs->active, av_span_of(row->run, sizeof row->run), self);
    if (restored == NULL) {
        self->op = av_operations_start(runs->in->operations, self->hex, "ImportFiles", on_cancel, self);
        return self;
    }
    av_buf_init(&packed, AV_ROW_MAX);
    (void)av_buf_reserve(&packed, protobuf_c_message_get_packed_size(restored));
    packed.n = protobuf_c_message_pack(restored, packed.p);
    self->op = av_operations_restore(runs->in->operations, av_buf_span(&packed), on_cancel, self);
    assert(self->op != NULL);
    return self;
}

static void
ctl_free(void *value)
{
    av_run_ctl *self = value;

    av_call_cancel(&self->call);
    av_run_row_destroy(&self->row);
    free(self);
}

void
av_run_ctl_progress(av_run_ctl *self, const av_account *account, const char *text)
{
    int percent = -1;

    if (account != NULL)
        self->account = *account;
    if (self->expected_items > 0)
        percent = (int)AV_MIN(self->account.last_item * 100 / self->expected_items, 100U);
    av_operation_progress(self->op, percent, text);
}

/* ---- the worker ---- */

static void
call_host(av_run_ctl *self, const char *method,
    void (*done)(void *ctx, av_call *call, const ProtobufCMessage *reply, const av_error *err), av_call **ret_call)
{
    Archivolt__StartWorkerRequest body = ARCHIVOLT__START_WORKER_REQUEST__INIT;
    AV_CLEANUP(av_free) char *host = av_xasprintf("host/%s", av_actor_node(self->runs->in->actor)->node);
    const char *name = av_actor_name(self->runs->in->actor);
    av_call_spec spec = { .to = host, .method = method, .body = &body.base, .done = done };
    uint8_t trace[16];
    av_call *call;

    body.instance_id = (char *)(uintptr_t)(strncmp(name, "instance/", 9) == 0 ? name + 9 : name);
    body.run.data = self->row->run;
    body.run.len = sizeof self->row->run;
    if (av_hex_decode(av_span_str(self->trace), trace, sizeof trace))
        spec.trace = av_span_of(trace, sizeof trace);
    spec.ctx = ret_call == NULL ? NULL : self;
    call = av_bus_call(self->runs->in->bus, &spec);
    if (ret_call != NULL)
        *ret_call = call;
}

static void
on_worker_started(void *ctx, AV_UNUSED av_call *call, AV_UNUSED const ProtobufCMessage *reply, const av_error *err)
{
    av_run_ctl *self = ctx;
    av_error why;

    self->call = NULL;
    if (err == NULL || self->runs->in->stopping)
        return;
    AV_LOG(AV_LOG_WARN, "run.no_worker", AV_STR("run", self->hex), AV_ERRF(err));
    /* A host that is away for a moment is asked again by av_runs_tick. */
    if (err->code == AV_ERR_UNAVAILABLE || err->code == AV_ERR_TIMEOUT || err->code == AV_ERR_BUSY)
        return;
    why = *err;
    (void)av_error_prefix(&why, "the host cannot start a worker");
    av_run_ctl_end(self, AV_RUN_FAILED, &why);
}

void
av_run_ctl_ask_worker(av_run_ctl *self)
{
    if (self->call != NULL || self->ending)
        return;
    self->heard_mono_ms = av_clock_mono_ms();
    self->asked++;
    call_host(self, "archivolt.Host.StartWorker", on_worker_started, &self->call);
}

static void
on_worker_stopped(
    AV_UNUSED void *ctx, AV_UNUSED av_call *call, AV_UNUSED const ProtobufCMessage *reply, const av_error *err)
{
    if (err != NULL)
        AV_LOG(AV_LOG_WARN, "run.worker_not_stopped", AV_ERRF(err));
}

av_run_ctl *
av_runs_of_worker(av_runs *self, av_request *request, const ProtobufCBinaryData *run)
{
    const char *from = av_request_from(request), *slash;
    av_run_ctl *ctl;
    char hex[33];

    if (run->len != AV_GUID_SIZE) {
        av_request_failf(request, AV_ERR_INVALID, "a run id has 16 bytes");
        return NULL;
    }
    av_hex_encode(av_span_of(run->data, run->len), hex);
    slash = strrchr(from, '/');
    if (slash == NULL || strncmp(slash + 1, hex, 32) != 0 || (slash[33] != '#' && slash[33] != '\0')) {
        av_request_failf(request, AV_ERR_DENIED, "this worker belongs to another run");
        return NULL;
    }
    ctl = av_map_get(self->active, av_span_of(run->data, run->len));
    if (ctl == NULL || ctl->ending) {
        av_request_failf(request, AV_ERR_CANCELLED, "the run has ended");
        return NULL;
    }
    ctl->heard_mono_ms = av_clock_mono_ms();
    ctl->asked = 0;
    return ctl;
}

/* ---- the end ---- */

/* Writer: the run's last event, unless its stream has written it. */
static av_errc
end_in_log(av_run_ctl *self, av_error *err)
{
    av_instance *in = self->runs->in;
    AV_CLEANUP(av_intake_destroy) av_intake *intake = NULL;
    av_intake_config config = { in->archive, in->group, { 0 }, self->row->top_folder, self->row->folder };
    av_run_state state;
    av_errc rc;

    rc = av_group_commit(in->group, err);
    if (rc == AV_OK)
        rc = av_archive_catch_up(in->archive, err);
    if (rc == AV_OK)
        rc = av_runs_account(av_catalog_writer(in->archive->catalog), self->row->run, &state, &self->account, err);
    if (rc != AV_OK)
        return rc;
    if (state != AV_RUN_RUNNING) {
        self->state = state;
        return AV_OK;
    }
    memcpy(config.run, self->row->run, sizeof config.run);
    rc = av_intake_new(&config, &intake, err);
    return rc != AV_OK ? rc : av_intake_end(intake, self->state, err);
}

static uint32_t
result_of(const av_run_ctl *self)
{
    if (self->state == AV_RUN_CANCELLED)
        return ARCHIVOLT__RUN_RESULT__RUN_RESULT_CANCELLED;
    if (self->state == AV_RUN_FAILED)
        return ARCHIVOLT__RUN_RESULT__RUN_RESULT_FAILED;
    return self->account.refused > 0 ? ARCHIVOLT__RUN_RESULT__RUN_RESULT_COMPLETED_WITH_ERRORS
                                     : ARCHIVOLT__RUN_RESULT__RUN_RESULT_SUCCEEDED;
}

static av_step
on_end_step(av_job *job)
{
    av_run_ctl *self = AV_CONTAINER(job, av_run_ctl, job);
    av_accounts *accounts = self->runs->in->archive->accounts;

    self->rc = end_in_log(self, &self->rc_error);
    if (self->rc != AV_OK)
        return AV_STEP_DONE;
    self->row->result = result_of(self);
    if (self->row->ended_ms == 0) {
        int64_t now = av_clock_wall_ms();

        self->row->ended_ms = AV_MAX(now, self->row->started_ms);
    }
    if (self->state == AV_RUN_FAILED && self->row->error == NULL) {
        self->row->error_code = (uint32_t)self->error.code;
        self->row->error = av_xstrdup(self->error.msg);
    }
    av_accounts_begin(accounts);
    self->rc = av_run_row_put(accounts, self->row, &self->rc_error);
    if (self->rc == AV_OK)
        self->rc = av_accounts_commit(accounts, &self->rc_error);
    else
        av_accounts_rollback(accounts);
    return AV_STEP_DONE;
}

/* The operation has ended for those who wait, even where the disk is too full to write it down. */
static void
end_operation(av_run_ctl *self)
{
    Archivolt__RunAccount account = ARCHIVOLT__RUN_ACCOUNT__INIT;

    if (self->op == NULL)
        return;
    av_run_fill_account(&account, &self->account, self->row->started_ms,
        self->row->ended_ms != 0 ? self->row->ended_ms : av_clock_wall_ms());
    if (self->state == AV_RUN_FAILED)
        av_operation_fail(self->op, &self->error);
    else if (self->state == AV_RUN_CANCELLED)
        av_operation_cancelled(self->op);
    else
        av_operation_succeed(self->op, &account.base);
    AV_LOG(AV_LOG_INFO, "run.ended", AV_STR("run", self->hex), AV_STR("trace", self->trace),
        AV_U64("number", self->row->number), AV_U64("state", self->state), AV_U64("offered", account.offered),
        AV_U64("stored", account.stored), AV_U64("duplicate", account.duplicate), AV_U64("refused", account.refused));
    self->op = NULL;
    call_host(self, "archivolt.Host.StopWorker", on_worker_stopped, NULL);
}

static void
on_end_done(av_job *job)
{
    av_run_ctl *self = AV_CONTAINER(job, av_run_ctl, job);

    if (job->dropped)
        return; /* the next start takes the run up again */
    end_operation(self);
    av_instance_touch(self->runs->in);
    self->unsaved = self->rc != AV_OK;
    if (self->unsaved) {
        self->heard_mono_ms = av_clock_mono_ms();
        AV_LOG(AV_LOG_ERROR, "run.end_not_saved", AV_STR("run", self->hex), AV_ERRF(&self->rc_error));
        return;
    }
    (void)av_map_remove(self->runs->active, av_span_of(self->row->run, sizeof self->row->run));
    ctl_free(self);
}

void
av_run_ctl_end(av_run_ctl *self, av_run_state state, const av_error *why)
{
    av_error err;

    if (self->ending)
        return;
    self->ending = true;
    self->state = state;
    if (why != NULL)
        self->error = *why;
    av_call_cancel(&self->call);
    (void)av_error_set(&err, AV_ERR_CANCELLED, "the run has ended");
    if (self->put != NULL)
        av_put_close(self->put, why != NULL ? why : &err);
    self->job.step = on_end_step;
    self->job.done = on_end_done;
    self->job.lane = self->lane; /* behind the slice its stream is at (put.c) */
    av_pool_submit(self->runs->in->writer, &self->job);
}

/* ---- all runs ---- */

av_errc
av_runs_new(struct av_instance *in, av_runs **ret, av_error *err)
{
    av_runs *self = av_xcalloc(1, sizeof *self);
    av_errc rc;

    self->in = in;
    self->active = av_map_new();
    in->runs = self;
    rc = av_runs_restore(self, err);
    if (rc != AV_OK) {
        av_runs_destroy(&self);
        in->runs = NULL;
        return av_error_prefix(err, "runs");
    }
    av_import_serve(self);
    av_put_serve(self);
    *ret = self;
    return AV_OK;
}

static void
tick_one(av_run_ctl *self, int64_t now)
{
    int64_t patience = (int64_t)self->runs->in->settings.worker_patience_s * 1000;
    av_error why;

    if (self->unsaved && now - self->heard_mono_ms > SAVE_AGAIN_MS) {
        self->unsaved = false;
        av_pool_submit(self->runs->in->writer, &self->job);
        return;
    }
    if (self->ending || self->put != NULL || self->call != NULL || now - self->heard_mono_ms < patience)
        return;
    if (self->asked >= ASKED_MAX) {
        (void)av_error_set(
            &why, AV_ERR_UNAVAILABLE, "the host was asked %d times for a worker and none came", ASKED_MAX);
        av_run_ctl_end(self, AV_RUN_FAILED, &why);
        return;
    }
    AV_LOG(AV_LOG_INFO, "run.ask_worker", AV_STR("run", self->hex), AV_U64("times", self->asked));
    av_run_ctl_ask_worker(self);
}

void
av_runs_tick(av_runs *self, int64_t now_mono_ms)
{
    size_t at = 0;
    av_span key;
    void *value;

    while (av_map_next(self->active, &at, &key, &value))
        tick_one(value, now_mono_ms);
}

size_t
av_runs_active(const av_runs *self)
{
    return av_map_count(self->active);
}

void
av_runs_stop(av_runs *self)
{
    av_puts_stop(self);
}

void
av_runs_destroy(av_runs **self)
{
    if (*self == NULL)
        return;
    av_map_destroy(&(*self)->active, ctl_free);
    free(*self);
    *self = NULL;
}
