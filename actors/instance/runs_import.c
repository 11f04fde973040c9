/*
 * runs_import.c - ImportFiles, and what a worker asks beside its stream: BeginRun, Progress, Fail
 */
#include "actors/instance/heal.h"
#include "actors/instance/runs_priv.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"

#define PATH_MAX_BYTES 4096

/* ---- ImportFiles ---- */

typedef struct import {
    av_job job;
    av_runs *runs;
    av_request *request;
    av_ask ask;
    char *caller;
    bool has_key;
    uint8_t key[32];
    av_run_row *row; /* taken by the run */
    av_errc rc;
    av_error err;
} import;

static void
import_free(import *im)
{
    av_ask_release(&im->ask);
    av_run_row_destroy(&im->row);
    free(im->caller);
    free(im);
}

static Archivolt__Operation *
first_state(const av_run_row *row)
{
    Archivolt__Operation *op = av_reply_new(&archivolt__operation__descriptor);
    char hex[33];

    av_hex_encode(av_span_of(row->run, sizeof row->run), hex);
    op->id = av_xstrdup(hex);
    op->name = av_xstrdup("ImportFiles");
    op->state = ARCHIVOLT__OPERATION_STATE__OPERATION_STATE_RUNNING;
    op->version = 1;
    op->has_started_unix_ms = 1;
    op->started_unix_ms = row->started_ms;
    return op;
}

static av_errc
create_run(av_ask *ask, av_error *err)
{
    import *im = AV_CONTAINER(ask, import, ask);
    av_errc rc = av_run_row_create(ask->archive->accounts, im->row, err);

    if (rc == AV_OK)
        ask->reply = &first_state(im->row)->base;
    return rc;
}

static av_step
on_import_step(av_job *job)
{
    import *im = AV_CONTAINER(job, import, job);

    im->rc =
        av_ask_write(&im->ask, create_run, &archivolt__operation__descriptor, im->has_key ? im->key : NULL, &im->err);
    if (im->rc != AV_OK)
        im->rc = av_heal_explain(im->runs->in, &im->err);
    return AV_STEP_DONE;
}

/* The run of a request that was sent before is not started again: its operation is shown as it is now. */
static void
answer_import(import *im)
{
    const Archivolt__Operation *reply = (const Archivolt__Operation *)im->ask.reply;
    av_operation *op = av_operations_find(im->runs->in->operations, reply->id);
    av_run_ctl *ctl;

    if (op == NULL && im->row->number != 0) {
        AV_LOG(AV_LOG_INFO, "run.started", AV_STR("run", reply->id), AV_U64("number", im->row->number),
            AV_STR("caller", im->caller), AV_STR("trace", av_request_trace(im->request)));
        av_request_set_logged(im->request);
        ctl = av_run_ctl_new(im->runs, AV_TAKE(im->row), NULL);
        (void)snprintf(ctl->trace, sizeof ctl->trace, "%s", av_request_trace(im->request));
        op = ctl->op;
        av_run_ctl_ask_worker(ctl);
    }
    av_request_reply(im->request, op != NULL ? &av_operation_get(op)->base : im->ask.reply);
}

static void
on_import_done(av_job *job)
{
    import *im = AV_CONTAINER(job, import, job);

    av_instance_touch(im->runs->in);
    im->runs->in->answered++;
    if (job->dropped)
        av_request_failf(im->request, AV_ERR_UNAVAILABLE, "the instance is stopping");
    else if (im->rc != AV_OK)
        av_request_fail(im->request, &im->err);
    else
        answer_import(im);
    import_free(im);
}

static av_errc
check_paths(const Archivolt__ImportFilesRequest *body, av_error *err)
{
    size_t i;

    if (body->n_paths == 0)
        return av_error_set(err, AV_ERR_INVALID, "no path was given: name at least one file or folder to import");
    if (body->n_paths > AV_USER_LIST_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "an import takes at most %d paths", AV_USER_LIST_MAX);
    for (i = 0; i < body->n_paths; i++) {
        if (body->paths[i][0] != '/')
            return av_error_set(err, AV_ERR_INVALID, "\"%.200s\" is not an absolute path", body->paths[i]);
        if (strlen(body->paths[i]) > PATH_MAX_BYTES)
            return av_error_set(err, AV_ERR_LIMIT, "a path has at most %d bytes", PATH_MAX_BYTES);
    }
    return AV_OK;
}

static av_errc
check_folders(const Archivolt__ImportFilesRequest *body, av_run_row *row, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf path = { 0 };
    size_t top;
    av_errc rc;

    av_buf_init(&path, AV_MAILBOX_PATH_MAX * 2);
    rc = av_mailbox_path_normalize(av_span_str(body->archive), &path, err);
    if (rc != AV_OK)
        return av_error_prefix(err, "archive");
    if (av_span_find(av_buf_span(&path), '/') != path.n)
        return av_error_set(err, AV_ERR_INVALID, "an archive is a top folder: its name has no \"/\"");
    row->top_folder = av_span_dup(av_buf_span(&path));
    top = path.n;
    if (body->folder == NULL || body->folder[0] == '\0')
        return AV_OK;
    (void)av_buf_putc(&path, '/');
    (void)av_buf_puts(&path, body->folder);
    {
        AV_CLEANUP(av_buf_release) av_buf whole = { 0 };

        av_buf_init(&whole, AV_MAILBOX_PATH_MAX);
        rc = av_mailbox_path_normalize(av_buf_span(&path), &whole, err);
        if (rc != AV_OK)
            return av_error_prefix(err, "folder");
        row->folder = av_span_dup(av_span_skip(av_buf_span(&whole), top + 1));
    }
    return AV_OK;
}

static av_errc
make_row(av_instance *in, const Archivolt__ImportFilesRequest *body, av_run_row *row, av_error *err)
{
    size_t i;
    av_errc rc = check_paths(body, err);

    if (rc == AV_OK)
        rc = check_folders(body, row, err);
    if (rc != AV_OK)
        return rc;
    for (i = 0; i < body->n_paths; i++)
        (void)av_texts_add(&row->paths, av_span_str(body->paths[i]));
    av_random_bytes(row->run, sizeof row->run);
    row->source = body->has_source ? (uint32_t)body->source : ARCHIVOLT__SOURCE_KIND__SOURCE_KIND_AUTO;
    row->mbox = body->has_mbox ? (uint32_t)body->mbox : ARCHIVOLT__MBOX_KIND__MBOX_KIND_AUTO;
    row->result = ARCHIVOLT__RUN_RESULT__RUN_RESULT_RUNNING;
    row->started_ms = av_clock_wall_ms();
    row->machine = av_xstrdup(av_actor_node(in->actor)->node);
    return AV_OK;
}

static void
on_import(void *self, av_request *request, const ProtobufCMessage *message)
{
    const Archivolt__ImportFilesRequest *body = (const Archivolt__ImportFilesRequest *)message;
    av_runs *runs = self;
    av_span key = av_request_idempotency_key(request);
    char problem[320];
    av_error err;
    import *im;

    if (!av_instance_admit(runs->in, request, runs->in->writer) ||
        av_heal_refuses(runs->in->heal, request, AV_HEAL_EVENTS))
        return;
    if (av_stores_current_problem(runs->in->archive->stores, problem, sizeof problem)) {
        av_request_failf(request, AV_ERR_READONLY, "nothing can be archived: %s", problem);
        return;
    }
    im = av_xcalloc(1, sizeof *im);
    im->runs = runs;
    im->request = request;
    im->row = av_xcalloc(1, sizeof *im->row);
    if (make_row(runs->in, body, im->row, &err) != AV_OK) {
        av_request_fail(request, &err);
        import_free(im);
        return;
    }
    im->caller = av_xstrdup(av_request_from(request));
    im->ask = (av_ask){ .archive = runs->in->archive, .body = message, .caller = im->caller };
    im->has_key = key.n > 0;
    if (im->has_key)
        av_ask_key(im->caller, av_request_method(request)->name, key, im->key);
    im->job.step = on_import_step;
    im->job.done = on_import_done;
    im->job.lane = av_instance_lane(request);
    av_pool_submit(runs->in->writer, &im->job);
}

/* ---- BeginRun ---- */

typedef struct begin {
    av_job job;
    av_runs *runs;
    av_request *request;
    uint8_t run[16];
    av_account account;
    av_run_state state;
    av_errc rc;
    av_error err;
} begin;

static av_step
on_begin_step(av_job *job)
{
    begin *b = AV_CONTAINER(job, begin, job);
    av_archive *archive = b->runs->in->archive;

    /* What is in the open group is committed first: the worker goes on behind it. */
    b->rc = av_group_commit(b->runs->in->group, &b->err);
    if (b->rc == AV_OK)
        b->rc = av_archive_catch_up(archive, &b->err);
    if (b->rc == AV_OK)
        b->rc = av_runs_account(av_catalog_writer(archive->catalog), b->run, &b->state, &b->account, &b->err);
    if (b->rc != AV_OK)
        b->rc = av_heal_explain(b->runs->in, &b->err);
    return AV_STEP_DONE;
}

static void
reply_spec(begin *b, const av_run_row *row)
{
    Archivolt__RunSpec spec = ARCHIVOLT__RUN_SPEC__INIT;

    spec.run.data = b->run;
    spec.run.len = sizeof b->run;
    spec.archive = row->top_folder;
    spec.folder = row->folder;
    spec.n_paths = row->paths.n;
    spec.paths = row->paths.v;
    spec.source = (Archivolt__SourceKind)row->source;
    spec.mbox = (Archivolt__MboxKind)row->mbox;
    spec.max_message_bytes = b->runs->in->archive->max_message_bytes;
    spec.last_item = b->account.last_item;
    av_request_reply(b->request, &spec.base);
}

static void
on_begin_done(av_job *job)
{
    begin *b = AV_CONTAINER(job, begin, job);
    av_run_ctl *ctl = av_map_get(b->runs->active, av_span_of(b->run, sizeof b->run));

    if (job->dropped)
        av_request_failf(b->request, AV_ERR_UNAVAILABLE, "the instance is stopping");
    else if (b->rc != AV_OK)
        av_request_fail(b->request, &b->err);
    else if (ctl == NULL || ctl->ending || b->state != AV_RUN_RUNNING)
        av_request_failf(b->request, AV_ERR_CANCELLED, "the run has ended");
    else
        reply_spec(b, ctl->row);
    free(b);
}

static void
on_begin(void *self, av_request *request, const ProtobufCMessage *message)
{
    const Archivolt__BeginRunRequest *body = (const Archivolt__BeginRunRequest *)message;
    av_runs *runs = self;
    av_run_ctl *ctl;
    av_error err;
    begin *b;

    if (!av_instance_admit(runs->in, request, runs->in->writer) ||
        av_heal_refuses(runs->in->heal, request, AV_HEAL_WORKER))
        return;
    ctl = av_runs_of_worker(runs, request, &body->run);
    if (ctl == NULL)
        return;
    if (ctl->put != NULL) {
        (void)av_error_set(&err, AV_ERR_CANCELLED, "the worker has begun anew");
        av_put_close(ctl->put, &err);
    }
    b = av_xcalloc(1, sizeof *b);
    b->runs = runs;
    b->request = request;
    memcpy(b->run, ctl->row->run, sizeof b->run);
    b->job.step = on_begin_step;
    b->job.done = on_begin_done;
    b->job.lane = ctl->lane; /* behind the slice the stream before is at (put.c) */
    av_pool_submit(runs->in->writer, &b->job);
}

/* ---- Progress, Fail ---- */

static void
on_progress(void *self, av_request *request, const ProtobufCMessage *message)
{
    const Archivolt__RunProgressRequest *body = (const Archivolt__RunProgressRequest *)message;
    Archivolt__Empty reply = ARCHIVOLT__EMPTY__INIT;
    av_run_ctl *ctl = av_runs_of_worker(self, request, &body->run);

    if (ctl == NULL)
        return;
    av_instance_touch(ctl->runs->in);
    if (body->has_expected_items)
        ctl->expected_items = body->expected_items;
    av_run_ctl_progress(ctl, NULL, body->text);
    av_request_reply(request, &reply.base);
}

static void
on_fail(void *self, av_request *request, const ProtobufCMessage *message)
{
    const Archivolt__FailRunRequest *body = (const Archivolt__FailRunRequest *)message;
    Archivolt__Empty reply = ARCHIVOLT__EMPTY__INIT;
    av_run_ctl *ctl = av_runs_of_worker(self, request, &body->run);
    av_error why;

    if (ctl == NULL)
        return;
    av_instance_touch(ctl->runs->in);
    (void)av_error_set(&why, body->code > AV_OK && body->code < AV_ERRC_COUNT ? (av_errc)body->code : AV_ERR_INTERNAL,
        "%s", body->message);
    av_run_ctl_end(ctl, AV_RUN_FAILED, &why);
    av_request_reply(request, &reply.base);
}

void
av_import_serve(av_runs *runs)
{
    static const av_handler handlers[] = {
        { "archivolt.Instance.ImportFiles", on_import },
        { "archivolt.Intake.BeginRun", on_begin },
        { "archivolt.Intake.Progress", on_progress },
        { "archivolt.Intake.Fail", on_fail },
    };

    av_bus_serve(runs->in->bus, handlers, AV_COUNT(handlers), runs);
}
