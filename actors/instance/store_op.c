/*
 * store_op.c - one long operation: its steps on the writer, its work beside it, its progress, its end
 */
#include "actors/instance/store_ops_priv.h"

#include "actors/instance/reach.h"
#include "base/clock.h"
#include "base/log.h"

#define LOG_BYTES (64U * 1024)

/* ---- progress ---- */

void
store_op_say(store_op *op, const char *fmt, ...)
{
    char line[600];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    pthread_mutex_lock(&op->lock);
    (void)(av_buf_puts(&op->log, line) && av_buf_putc(&op->log, '\n'));
    pthread_mutex_unlock(&op->lock);
}

void
store_op_text(store_op *op, const char *fmt, ...)
{
    va_list ap;

    pthread_mutex_lock(&op->lock);
    va_start(ap, fmt);
    (void)vsnprintf(op->text, sizeof op->text, fmt, ap);
    va_end(ap);
    pthread_mutex_unlock(&op->lock);
}

void
store_op_progress(store_op *op, uint64_t done, uint64_t total)
{
    pthread_mutex_lock(&op->lock);
    op->done = done;
    op->total = total;
    pthread_mutex_unlock(&op->lock);
}

/* To those who wait. */
void
store_op_tell(store_op *op)
{
    AV_CLEANUP(av_free) char *log = NULL;
    char text[sizeof op->text];
    int percent;

    pthread_mutex_lock(&op->lock);
    log = op->log.n == 0 ? NULL : av_span_dup(av_buf_span(&op->log));
    av_buf_clear(&op->log);
    memcpy(text, op->text, sizeof text);
    percent = op->total == 0 ? -1 : (int)(AV_MIN(op->done, op->total) * 100 / op->total);
    pthread_mutex_unlock(&op->lock);
    if (log != NULL)
        av_operation_log(op->operation, "%s", log);
    av_operation_progress(op->operation, percent, text[0] == '\0' ? NULL : text);
}

/* ---- end ---- */

void
store_op_free(store_op *op)
{
    if (op->state_free != NULL)
        op->state_free(op->state);
    if (op->body != NULL)
        protobuf_c_message_free_unpacked(op->body, NULL);
    if (op->result != NULL)
        protobuf_c_message_free_unpacked(op->result, NULL);
    av_store_infos_free(op->list, op->count);
    av_buf_release(&op->log);
    pthread_mutex_destroy(&op->lock);
    free(op->caller);
    free(op);
}

static void
unlink_op(store_op *op)
{
    store_op **at = &op->owner->ops;

    while (*at != op)
        at = &(*at)->next;
    *at = op->next;
    op->owner->active--;
}

static void
end(store_op *op, bool dropped)
{
    av_instance_touch(op->owner->in);
    unlink_op(op);
    if (!dropped) { /* what was dropped goes on at the next start, or its watcher is told that it is gone */
        store_op_tell(op);
        if (op->rc == AV_OK)
            av_operation_succeed(op->operation, op->result);
        else if (op->rc == AV_ERR_CANCELLED)
            av_operation_cancelled(op->operation);
        else
            av_operation_fail(op->operation, &op->err);
        AV_LOG(op->rc == AV_OK ? AV_LOG_INFO : AV_LOG_WARN, "store.operation", AV_STR("name", op->kind->name),
            AV_U64("store", op->store_id), AV_STR("state", op->rc == AV_OK ? "succeeded" : av_errc_word(op->rc)),
            AV_STR("detail", op->rc == AV_OK ? "" : op->err.msg), AV_STR("caller", op->caller));
    }
    store_op_free(op);
}

/* ---- beside the writer ---- */

void
store_op_join(store_op *op)
{
    if (op->has_thread)
        (void)pthread_join(op->thread, NULL);
    op->has_thread = false;
}

/* Loop: the thread beside has ended. */
static void
on_beside_done(void *ctx)
{
    store_op *op = ctx;

    store_op_join(op);
    op->beside = NULL;
    if (!op->again) {
        end(op, false);
        return;
    }
    op->again = false;
    op->kept = op->err;
    op->kept.code = op->rc;
    av_pool_submit(op->owner->in->writer, &op->job);
}

static void *
run_beside(void *ctx)
{
    store_op *op = ctx;

    op->rc = op->beside(op, &op->err);
    av_loop_post(op->owner->in->loop, on_beside_done, op);
    return NULL;
}

/* ---- on the writer ---- */

static av_step
on_step(av_job *job)
{
    store_op *op = AV_CONTAINER(job, store_op, job);
    bool done = false;

    op->rc = av_group_commit(op->owner->in->group, &op->err);
    if (op->rc == AV_OK)
        op->rc = op->kind->step(op, &done, &op->err);
    if (op->kind->moves) /* searches must not look for messages where they were */
        av_doc_sets_clear(op->archive->doc_sets);
    if (op->kept.code != AV_OK) { /* one step behind a failure beside, and no more */
        op->err = op->kept;
        op->rc = op->kept.code;
        op->beside = NULL;
    }
    if (op->rc == AV_OK && !done && atomic_load(&op->cancel))
        op->rc = av_error_set(&op->err, AV_ERR_CANCELLED, "cancelled; what was done stays");
    return op->rc == AV_OK && !done ? AV_STEP_AGAIN : AV_STEP_DONE;
}

static void
on_done(av_job *job)
{
    store_op *op = AV_CONTAINER(job, store_op, job);

    if (job->dropped || op->rc != AV_OK || op->beside == NULL) {
        end(op, job->dropped);
        return;
    }
    op->has_thread = pthread_create(&op->thread, NULL, run_beside, op) == 0;
    if (op->has_thread)
        return;
    op->rc = av_error_set(&op->err, AV_ERR_NOMEM, "no thread for the work: try again");
    end(op, false);
}

static void
on_cancel(void *ctx, av_operation *operation)
{
    av_store_ops *self = ctx;

    for (store_op *op = self->ops; op != NULL; op = op->next)
        if (op->operation == operation)
            atomic_store(&op->cancel, true);
}

store_op *
store_op_start(av_store_ops *self, const store_op_kind *kind, const char *id, const char *caller)
{
    store_op *op = av_xcalloc(1, sizeof *op);

    op->owner = self;
    op->kind = kind;
    op->archive = self->in->archive;
    op->caller = av_xstrdup(caller);
    op->job_started_mono_ms = av_clock_mono_ms();
    pthread_mutex_init(&op->lock, NULL);
    av_buf_init(&op->log, LOG_BYTES);
    op->operation = av_operations_start(self->in->operations, id, kind->name, on_cancel, self);
    (void)snprintf(op->id, sizeof op->id, "%s", av_operation_id(op->operation));
    op->job.step = on_step;
    op->job.done = on_done;
    op->job.lane = av_lane_of(av_span_str(op->id));
    op->next = self->ops;
    self->ops = op;
    self->active++;
    return op;
}
