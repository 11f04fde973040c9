/*
 * jobs.c - Start, Stop, Restart, Sleep, DeleteInstances: long operations over many instances
 *
 * The plan (which instances, how far) is a row of its own, written before the operation is answered and after each
 * instance, so that a restart goes on with those that are left: every step is one that may be done twice. At most
 * AT_ONCE instances are at work; one that fails is named, the others go on.
 */
#include "actors/management/management_priv.h"

#include "actors/management/filter.h"
#include "base/log.h"
#include "base/secret.h"

#define AT_ONCE    4
#define ERRORS_MAX 240 /* bytes of names in the operation's sentence */

enum kind { KIND_START = 1, KIND_STOP, KIND_RESTART, KIND_SLEEP, KIND_DELETE };

static const struct {
    const char *method;      /* of Management */
    const char *host_method; /* NULL: DeleteInstances */
    const char *done_word;
    uint32_t timeout_ms;
} kinds[] = {
    [KIND_START] = { "StartInstances", "archivolt.Host.StartInstance", "started", 90000 },
    [KIND_STOP] = { "StopInstances", "archivolt.Host.StopInstance", "stopped", 60000 },
    [KIND_RESTART] = { "RestartInstances", "archivolt.Host.RestartInstance", "restarted", 120000 },
    [KIND_SLEEP] = { "SleepInstances", "archivolt.Host.SleepInstance", "asleep", 60000 },
    [KIND_DELETE] = { "DeleteInstances", NULL, "deleted", 0 },
};

enum item_state { ITEM_WAITS = 0, ITEM_DONE = 1, ITEM_FAILED = 2, ITEM_AT_WORK = 3 };

struct item {
    char id[AV_INSTANCE_ID_MAX + 1];
    uint8_t state;
};

struct av_job {
    av_management *m;
    av_operation *op;
    char op_id[33];
    enum kind kind;
    bool keep_files, cancelled;
    struct item *items;
    size_t count, at_work, ended, failed;
    av_buf errors;       /* "a: reason; b: reason" */
    av_loop_timer *poke; /* run() is due */
    struct av_job *next;
};

struct step {
    struct av_job *job;
    size_t index;
};

/* A request whose filter asks for states: the hosts are asked first. */
struct pending {
    av_management *m;
    av_task *task;
    enum kind kind;
    bool keep_files;
    av_filter filter;
};

static void poke(struct av_job *job);

/* ---- plans on disk: kind, keep_files, then (id, state) ---- */

static void
put_plan(const struct av_job *job)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };

    av_buf_init(&row, 16U << 20);
    (void)av_buf_put_u8(&row, (uint8_t)job->kind);
    (void)av_buf_put_u8(&row, job->keep_files);
    for (size_t i = 0; i < job->count; i++) {
        (void)av_db_put_blob(&row, av_span_str(job->items[i].id));
        (void)av_buf_put_u8(&row, job->items[i].state == ITEM_AT_WORK ? ITEM_WAITS : job->items[i].state);
    }
    av_db_put(job->m->db, AV_DB_PLAN, av_span_str(job->op_id), av_buf_span(&row));
}

static void
save_plan(const struct av_job *job)
{
    av_error err;

    av_meta_begin(job->m->db);
    put_plan(job);
    if (av_meta_commit(job->m->db, true, &err) != AV_OK)
        AV_LOG(AV_LOG_ERROR, "operation.plan_not_saved", AV_STR("operation", job->op_id), AV_ERRF(&err));
}

static bool
parse_plan(av_span row, struct av_job *job)
{
    uint8_t kind = 0, keep = 0;

    if (!av_span_get_u8(&row, &kind) || kind < KIND_START || kind > KIND_DELETE || !av_span_get_u8(&row, &keep))
        return false;
    job->kind = (enum kind)kind;
    job->keep_files = keep != 0;
    while (row.n > 0) {
        struct item one = { 0 };
        av_span id;

        if (!av_db_get_blob(&row, &id) || id.n >= sizeof one.id || !av_span_get_u8(&row, &one.state))
            return false;
        memcpy(one.id, id.p, id.n);
        job->items = av_xrealloc(job->items, (job->count + 1) * sizeof *job->items);
        job->items[job->count++] = one;
        job->ended += one.state != ITEM_WAITS;
        job->failed += one.state == ITEM_FAILED;
    }
    return true;
}

static void
job_free(struct av_job *job)
{
    struct av_job **at = &job->m->jobs;

    while (*at != NULL && *at != job)
        at = &(*at)->next;
    if (*at == job)
        *at = job->next;
    av_loop_remove_timer(&job->poke);
    av_buf_release(&job->errors);
    free(job->items);
    free(job);
}

static void
forget_plan(const struct av_job *job)
{
    av_error err;

    av_meta_begin(job->m->db);
    av_db_delete(job->m->db, AV_DB_PLAN, av_span_str(job->op_id));
    if (av_meta_commit(job->m->db, true, &err) != AV_OK)
        AV_LOG(AV_LOG_ERROR, "operation.plan_not_saved", AV_STR("operation", job->op_id), AV_ERRF(&err));
}

/* ---- the work ---- */

static void
finish(struct av_job *job)
{
    av_error err;

    if (job->failed > 0) {
        (void)av_error_set(&err, AV_ERR_UNAVAILABLE, "%zu of %zu instances failed: %s", job->failed, job->count,
            av_buf_cstr(&job->errors));
        av_operation_fail(job->op, &err);
    } else if (job->cancelled && job->ended < job->count) {
        av_operation_cancelled(job->op);
    } else {
        av_operation_succeed(job->op, NULL);
    }
    forget_plan(job);
    job_free(job);
}

static void
end_item(struct av_job *job, size_t index, const char *error)
{
    struct item *item = &job->items[index];

    item->state = error == NULL ? ITEM_DONE : ITEM_FAILED;
    job->ended++;
    if (error != NULL) {
        job->failed++;
        if (job->errors.n + strlen(error) + sizeof item->id + 4 < ERRORS_MAX)
            (void)av_buf_printf(&job->errors, "%s%s: %s", job->errors.n > 0 ? "; " : "", item->id, error);
        av_operation_log(job->op, "%s: failed: %s\r\n", item->id, error);
    } else {
        av_operation_log(job->op, "%s: %s\r\n", item->id, kinds[job->kind].done_word);
    }
    av_operation_progress(job->op, (int)(job->ended * 100 / job->count), NULL);
    save_plan(job);
}

static void
end_step(struct step *step, const char *error)
{
    struct av_job *job = step->job;
    av_instance *instance;

    if (job->m->stopping) { /* not done and not failed: the next start goes on with it */
        free(step);
        return;
    }
    instance = av_instances_find(job->m->instances, job->items[step->index].id);
    if (instance != NULL)
        instance->busy = false;
    job->at_work--;
    end_item(job, step->index, error);
    free(step);
    poke(job);
}

static void
on_host_answer(void *ctx, av_call *call AV_UNUSED, const ProtobufCMessage *message, const av_error *err)
{
    struct step *step = ctx;
    const Archivolt__HostInstance *reply = (const void *)message;

    if (err != NULL)
        end_step(step, err->msg);
    else if (reply->state == ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_FAILED)
        end_step(step, reply->error == NULL ? "it does not start" : reply->error);
    else
        end_step(step, NULL);
}

static void
on_removed(void *ctx, const av_error *err)
{
    end_step(ctx, err == NULL ? NULL : err->msg);
}

static void
call_host(struct step *step, const av_instance *instance)
{
    struct av_job *job = step->job;
    Archivolt__InstanceIdRequest body = ARCHIVOLT__INSTANCE_ID_REQUEST__INIT;
    char actor[AV_ACTOR_NAME_MAX + 1];
    av_call_spec spec = { .to = actor,
        .method = kinds[job->kind].host_method,
        .body = &body.base,
        .timeout_ms = kinds[job->kind].timeout_ms,
        .done = on_host_answer,
        .ctx = step };

    av_host_actor(instance->config->instance_host, actor);
    body.instance_id = instance->config->instance_id;
    (void)av_bus_call(job->m->bus, &spec);
}

static void
begin_item(struct av_job *job, size_t index)
{
    av_instance *instance = av_instances_find(job->m->instances, job->items[index].id);
    struct step *step;

    if (instance == NULL) {
        end_item(job, index, job->kind == KIND_DELETE ? NULL : "it does not exist any more");
        return;
    }
    if (instance->busy || (instance->stage != AV_STAGE_READY && job->kind != KIND_DELETE)) {
        end_item(job, index, "another operation is at work on it");
        return;
    }
    step = av_xcalloc(1, sizeof *step);
    *step = (struct step){ .job = job, .index = index };
    instance->busy = true;
    job->at_work++;
    job->items[index].state = ITEM_AT_WORK;
    av_operation_progress(job->op, (int)(job->ended * 100 / job->count), instance->config->instance_id);
    if (job->kind == KIND_DELETE)
        av_remove_instance(job->m, instance, job->keep_files, on_removed, step);
    else
        call_host(step, instance);
}

static void
run(struct av_job *job)
{
    for (size_t i = 0; i < job->count && job->at_work < AT_ONCE && !job->cancelled; i++)
        if (job->items[i].state == ITEM_WAITS)
            begin_item(job, i);
    if (job->at_work == 0 && (job->ended == job->count || job->cancelled))
        finish(job);
}

static void
on_poke(void *ctx)
{
    struct av_job *job = ctx;

    job->poke = NULL;
    run(job);
}

/* Never at once: what calls may stand in the middle of run(), which ends the job. */
static void
poke(struct av_job *job)
{
    if (job->poke == NULL && !job->m->stopping)
        job->poke = av_loop_add_timer(job->m->loop, 0, 0, on_poke, job);
}

static void
on_cancel(void *ctx, av_operation *op AV_UNUSED)
{
    struct av_job *job = ctx;

    job->cancelled = true; /* those at work end, no other begins */
    poke(job);
}

/* ---- requests ---- */

static void
begin_job(av_management *m, av_task *task, enum kind kind, bool keep_files, struct item *items, size_t count)
{
    struct av_job *job = av_xcalloc(1, sizeof *job);
    uint8_t raw[16];
    av_error err = { 0 };

    *job = (struct av_job){ .m = m, .kind = kind, .keep_files = keep_files, .items = items, .count = count };
    av_buf_init(&job->errors, ERRORS_MAX + 16);
    av_random_bytes(raw, sizeof raw);
    for (size_t i = 0; i < sizeof raw; i++)
        (void)snprintf(job->op_id + 2 * i, 3, "%02x", raw[i]);
    job->op = av_operations_start(m->operations, job->op_id, kinds[kind].method, on_cancel, job);
    job->next = m->jobs;
    m->jobs = job;
    av_meta_begin(m->db);
    put_plan(job);
    if (av_task_commit(&task, &av_operation_get(job->op)->base, &err) != AV_OK) {
        av_operation_fail(job->op, &err);
        job_free(job);
        return;
    }
    poke(job);
}

/* An id that names nothing is a mistake worth a sentence; a star that matches nothing is not. */
static av_errc
check_ids(const av_management *m, const av_filter *filter, av_error *err)
{
    for (size_t i = 0; i < filter->id_count; i++) {
        char name[AV_INSTANCE_ID_MAX + 1];

        (void)snprintf(name, sizeof name, "%.*s", (int)filter->ids[i].n, (const char *)filter->ids[i].p);
        if (filter->ids[i].n > AV_INSTANCE_ID_MAX || av_instances_find(m->instances, name) == NULL)
            return av_error_set(err, AV_ERR_NOT_FOUND, "there is no instance \"%s\"", name);
    }
    return AV_OK;
}

/* live may be NULL when the filter does not ask for states. */
static void
start_matching(struct pending *p, const av_live *live)
{
    size_t count = 0, n = 0;
    AV_CLEANUP(av_free) av_instance **list = av_instances_list(p->m->instances, &count);
    struct item *items = av_xcalloc(count, sizeof *items);

    for (size_t i = 0; i < count; i++) {
        const Archivolt__InstanceConfig *c = list[i]->config;

        if (!av_filter_names(&p->filter, c->instance_id, c->alias, c->instance_host))
            continue;
        if (live != NULL && !av_filter_wants_state(&p->filter, av_live_state(live, list[i])))
            continue;
        (void)snprintf(items[n++].id, sizeof items->id, "%s", c->instance_id);
    }
    begin_job(p->m, p->task, p->kind, p->keep_files, items, n);
    av_filter_release(&p->filter);
    free(p);
}

static void
on_live(void *ctx, const av_live *live)
{
    start_matching(ctx, live);
}

static void
serve(av_management *m, av_request *request, const ProtobufCMessage *body, enum kind kind, const char *text,
    bool keep_files)
{
    av_task *task = av_tasks_begin(m->tasks, request, body);
    struct pending *p;
    av_error err = { 0 };

    if (task == NULL)
        return;
    p = av_xcalloc(1, sizeof *p);
    *p = (struct pending){ .m = m, .task = task, .kind = kind, .keep_files = keep_files };
    if (av_filter_parse(av_span_str(text), &p->filter, &err) != AV_OK || check_ids(m, &p->filter, &err) != AV_OK) {
        av_task_fail(&task, &err);
        av_filter_release(&p->filter);
        free(p);
        return;
    }
    if (p->filter.states == 0) {
        start_matching(p, NULL);
    } else {
        size_t count = 0, node_count = 0;
        AV_CLEANUP(av_free) av_instance **list = av_instances_list(m->instances, &count);
        AV_CLEANUP(av_free) const char **nodes = av_live_nodes_of(list, count, &node_count);

        av_live_ask(m, nodes, node_count, on_live, p);
    }
}

#define FILTER_HANDLER(name, kind)                                                                                     \
    static void name(void *owner, av_request *request, const ProtobufCMessage *body)                                   \
    {                                                                                                                  \
        const Archivolt__InstanceFilterRequest *ask = (const void *)body;                                              \
                                                                                                                       \
        serve(owner, request, body, kind, ask->instance_filter, false);                                                \
    }

FILTER_HANDLER(on_start, KIND_START)
FILTER_HANDLER(on_stop, KIND_STOP)
FILTER_HANDLER(on_restart, KIND_RESTART)
FILTER_HANDLER(on_sleep, KIND_SLEEP)

static void
on_delete(void *owner, av_request *request, const ProtobufCMessage *body)
{
    const Archivolt__DeleteInstancesRequest *ask = (const void *)body;

    serve(owner, request, body, KIND_DELETE, ask->instance_filter, ask->has_keep_files && ask->keep_files);
}

static const av_handler handlers[] = {
    { "archivolt.Management.StartInstances", on_start },
    { "archivolt.Management.StopInstances", on_stop },
    { "archivolt.Management.RestartInstances", on_restart },
    { "archivolt.Management.SleepInstances", on_sleep },
    { "archivolt.Management.DeleteInstances", on_delete },
};

/* ---- operations on disk ---- */

static void
save_operation(void *ctx, const char *id, const Archivolt__Operation *op)
{
    av_management *m = ctx;
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    av_error err;

    av_buf_init(&row, AV_DB_ROW_MAX);
    av_meta_begin(m->db);
    if (op == NULL)
        av_db_delete(m->db, AV_DB_OPERATION, av_span_str(id));
    else if (av_db_put_message(&row, &op->base))
        av_db_put(m->db, AV_DB_OPERATION, av_span_str(id), av_buf_span(&row));
    if (av_meta_commit(m->db, true, &err) != AV_OK)
        AV_LOG(AV_LOG_ERROR, "operation.not_saved", AV_STR("operation", id), AV_ERRF(&err));
}

void
av_jobs_serve(av_management *self)
{
    self->operations = av_operations_new(self->bus, save_operation, self);
    av_bus_serve(self->bus, handlers, AV_COUNT(handlers), self);
}

struct loading {
    av_management *m;
    av_buf rows; /* blobs: id, row */
};

static av_errc
collect(void *ctx, av_span key, av_span row, av_error *err)
{
    struct loading *l = ctx;

    if (!av_db_put_blob(&l->rows, key) || !av_db_put_blob(&l->rows, row))
        return av_error_set(err, AV_ERR_LIMIT, "too many operations in the database");
    return AV_OK;
}

/* Restore one; an interrupted one gets its plan back, or an end when there is none. */
static void
restore(av_management *m, av_span id, av_span row)
{
    struct av_job *job = av_xcalloc(1, sizeof *job);
    AV_CLEANUP(av_buf_release) av_buf plan = { 0 };
    av_span packed;
    av_error err;

    job->m = m;
    av_buf_init(&job->errors, ERRORS_MAX + 16);
    av_buf_init(&plan, 16U << 20);
    (void)snprintf(job->op_id, sizeof job->op_id, "%.*s", (int)id.n, (const char *)id.p);
    if (av_db_get_blob(&row, &packed))
        job->op = av_operations_restore(m->operations, packed, on_cancel, job);
    if (job->op != NULL && av_operation_get(job->op)->state == ARCHIVOLT__OPERATION_STATE__OPERATION_STATE_RUNNING) {
        if (av_db_get(m->db, AV_DB_PLAN, id, &plan, &err) == AV_OK && parse_plan(av_buf_span(&plan), job)) {
            job->next = m->jobs;
            m->jobs = job;
            return;
        }
        (void)av_error_set(&err, AV_ERR_INTERNAL, "the Management Server was restarted and its plan was lost");
        av_operation_fail(job->op, &err);
    }
    job_free(job);
}

av_errc
av_jobs_load(av_management *self, av_error *err)
{
    struct loading l = { .m = self };
    av_span rest, id, row;
    av_errc rc;

    av_buf_init(&l.rows, 64U << 20);
    rc = av_db_each(self->db, AV_DB_OPERATION, collect, &l, err);
    for (rest = av_buf_span(&l.rows); rc == AV_OK && av_db_get_blob(&rest, &id) && av_db_get_blob(&rest, &row);)
        restore(self, id, row);
    av_buf_release(&l.rows);
    return rc;
}

void
av_jobs_resume(av_management *self)
{
    for (struct av_job *job = self->jobs; job != NULL; job = job->next) {
        av_operation_log(
            job->op, "The Management Server was restarted; %zu of %zu were done.\r\n", job->ended, job->count);
        poke(job);
    }
}

void
av_jobs_end(av_management *self)
{
    struct av_job *next;

    for (struct av_job *job = self->jobs; job != NULL; job = next) {
        next = job->next;
        job_free(job);
    }
    av_operations_destroy(&self->operations);
}
