/*
 * store_ops.c - long operations on stores: request, steps, progress, end
 */
#include "actors/instance/store_ops_priv.h"

#include "actors/instance/erase.h"
#include "base/clock.h"
#include "base/log.h"
#include "storage/store/train.h"

#define LOG_BYTES     (64U * 1024)
#define ACTIVE_MOST   32
#define HOUSEKEEP_MS  3600000 /* what waits to be erased is looked for every hour */
#define ERASE_AT_ONCE 256U
#define TRAIN_MS      10000

static const store_op_kind kinds[] = {
    { "archivolt.Stores.AttachStore", "AttachStore", store_op_attach },
    { "archivolt.Stores.DetachStore", "DetachStore", store_op_detach },
    { "archivolt.Stores.RefreshAllStoreStatistics", "RefreshAllStoreStatistics", store_op_refresh },
    { "archivolt.Stores.MaintainFileSystemDatabases", "MaintainFileSystemDatabases", store_op_maintain },
    { "archivolt.Stores.RepairStoreDatabase", "RepairStoreDatabase", store_op_repair },
    { "archivolt.Stores.UpgradeStore", "UpgradeStore", store_op_upgrade },
    { "archivolt.Stores.UpgradeStores", "UpgradeStores", store_op_upgrade },
    { "archivolt.Stores.VerifyStore", "VerifyStore", store_op_verify },
    { "archivolt.Stores.VerifyStores", "VerifyStores", store_op_verify_all },
    { "archivolt.Stores.RecoverStore", "RecoverStore", store_op_recover },
    { "archivolt.Stores.RecreateRecoveryRecords", "RecreateRecoveryRecords", store_op_recover },
    { "archivolt.Stores.MergeStore", "MergeStore", store_op_merge },
    { "archivolt.Stores.CompactStore", "CompactStore", store_op_compact },
    { "archivolt.Stores.Backup", "Backup", store_op_backup },
};
static const store_op_kind adopt_kind = { "", "AttachStore", store_op_adopt };
static const store_op_kind train_kind = { "", "TrainDictionary", store_op_train };

struct av_store_ops {
    av_instance *in;
    store_op *ops; /* at work */
    size_t active;
    av_handler handlers[AV_COUNT(kinds)];
    /* Housekeeping. */
    av_job erase;
    bool erasing;
    int64_t erase_mono_ms; /* when it is due */
    int64_t train_mono_ms;
    uint32_t trained_id; /* current store that was looked at for training, */
    uint64_t trained_at; /* when it had so many messages */
    av_store_info *list;
    size_t count, at;
    av_erased erased;
    av_waiting waiting; /* where the walk over the present store stands */
};

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
static void
tell(store_op *op)
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

/* ---- life ---- */

static void
op_free(store_op *op)
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

static av_step
on_step(av_job *job)
{
    store_op *op = AV_CONTAINER(job, store_op, job);
    bool done = false;

    op->rc = av_group_commit(op->owner->in->group, &op->err);
    if (op->rc == AV_OK)
        op->rc = op->kind->step(op, &done, &op->err);
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
end(store_op *op, bool dropped)
{
    av_instance_touch(op->owner->in);
    unlink_op(op);
    if (!dropped) { /* what was dropped goes on at the next start, or its watcher is told that it is gone */
        tell(op);
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
    op_free(op);
}

static void
join(store_op *op)
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

    join(op);
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

static store_op *
start(av_store_ops *self, const store_op_kind *kind, const char *id, const char *caller)
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

/* ---- requests ---- */

static const store_op_kind *
kind_of(const char *method)
{
    size_t i = 0;

    while (i < AV_COUNT(kinds) && strcmp(kinds[i].method, method) != 0)
        i++;
    assert(i < AV_COUNT(kinds)); /* a handler was registered for a method without a row */
    return &kinds[i];
}

static ProtobufCMessage *
copy_of(const ProtobufCMessage *body)
{
    AV_CLEANUP(av_buf_release_secret) av_buf packed = { 0 };
    size_t n = protobuf_c_message_get_packed_size(body);
    uint8_t *room;

    av_buf_init(&packed, n + 1);
    room = av_buf_reserve(&packed, n + 1);
    assert(room != NULL);
    packed.n = protobuf_c_message_pack(body, room);
    return protobuf_c_message_unpack(body->descriptor, NULL, packed.n, packed.p);
}

static store_op *
same(av_store_ops *self, const uint8_t key[32])
{
    for (store_op *op = self->ops; op != NULL; op = op->next)
        if (op->has_key && memcmp(op->key, key, 32) == 0)
            return op;
    return NULL;
}

/* Two backups would be of the same containers to the same end. */
static bool
has_backup(const av_store_ops *self)
{
    for (const store_op *op = self->ops; op != NULL; op = op->next)
        if (op->kind->step == store_op_backup)
            return true;
    return false;
}

static void
on_request(void *ctx, av_request *request, const ProtobufCMessage *body)
{
    const char *method = av_request_method(request)->name, *admin = av_request_admin(request);
    av_span given = av_request_idempotency_key(request);
    av_store_ops *self = ctx;
    uint8_t key[32] = { 0 };
    store_op *op;

    if (!av_instance_admit(self->in, request, self->in->writer))
        return;
    if (given.n > 0)
        av_ask_key(av_request_from(request), method, given, key);
    op = given.n > 0 ? same(self, key) : NULL;
    if (op != NULL) {
        av_request_reply(request, &av_operation_get(op->operation)->base);
        return;
    }
    if (self->active >= ACTIVE_MOST) {
        av_request_failf(request, AV_ERR_BUSY, "%d operations on stores are at work: try again", ACTIVE_MOST);
        return;
    }
    if (kind_of(method)->step == store_op_backup && has_backup(self)) {
        av_request_failf(request, AV_ERR_BUSY, "a backup of this instance is at work: wait for it, or cancel it");
        return;
    }
    op = start(self, kind_of(method), NULL, admin != NULL ? admin : av_request_from(request));
    op->body = copy_of(body);
    op->has_key = given.n > 0;
    memcpy(op->key, key, sizeof op->key);
    self->in->answered++;
    av_request_reply(request, &av_operation_get(op->operation)->base);
    av_pool_submit(self->in->writer, &op->job);
}

static bool
is_at_work(const av_store_ops *self, uint32_t store_id)
{
    for (const store_op *op = self->ops; op != NULL; op = op->next)
        if (op->store_id == store_id &&
            (op->kind == &adopt_kind || op->kind->step == store_op_attach || op->kind->step == store_op_detach))
            return true;
    return false;
}

void
av_store_ops_resume(av_store_ops *self)
{
    size_t n = 0;
    av_store_info *list = av_stores_list(self->in->archive->stores, &n);

    for (size_t i = 0; i < n; i++) {
        const av_store_row *row = list[i].row;
        bool adopt = row->task == AV_STORE_TASK_ADOPT && !row->locked && row->state != AV_STORE_DISABLED;
        const char *id = row->operation[0] == '\0' ? NULL : row->operation;
        store_op *op;

        if ((!adopt && row->task != AV_STORE_TASK_DETACH) || is_at_work(self, row->id))
            continue;
        op = start(self, adopt ? &adopt_kind : kind_of("archivolt.Stores.DetachStore"), id, "instance");
        op->store_id = row->id;
        AV_LOG(AV_LOG_INFO, "store.operation_goes_on", AV_STR("name", op->kind->name), AV_U64("store", row->id));
        av_pool_submit(self->in->writer, &op->job);
    }
    av_store_infos_free(list, n);
}

/* ---- housekeeping ---- */

/* One store's share a step. */
static av_step
on_erase_step(av_job *job)
{
    av_store_ops *self = AV_CONTAINER(job, av_store_ops, erase);
    av_archive *archive = self->in->archive;
    int64_t before = av_clock_wall_ms() - archive->grace_ms;
    const av_store_row *row;
    bool more = false;
    av_error err;

    if (av_group_commit(self->in->group, &err) != AV_OK)
        return AV_STEP_DONE;
    if (self->list == NULL) {
        if (av_erase_resume(archive, &err) != AV_OK)
            AV_LOG(AV_LOG_ERROR, "erase.not_resumed", AV_ERRF(&err));
        self->list = av_stores_list(archive->stores, &self->count);
    }
    if (self->at >= self->count)
        return AV_STEP_DONE;
    row = self->list[self->at].row;
    if ((row->state == AV_STORE_CURRENT || row->state == AV_STORE_NORMAL) && row->task == AV_STORE_TASK_NONE &&
        !row->locked &&
        av_erase_expired(archive, row->id, before, ERASE_AT_ONCE, &self->waiting, &self->erased, &more, &err) !=
            AV_OK) {
        AV_LOG(AV_LOG_ERROR, "erase.failed", AV_STR("store", row->name), AV_ERRF(&err));
        more = false;
    }
    if (!more) {
        self->at++;
        self->waiting = (av_waiting){ 0 };
    }
    return AV_STEP_AGAIN;
}

static void
on_erase_done(av_job *job)
{
    av_store_ops *self = AV_CONTAINER(job, av_store_ops, erase);

    if (!job->dropped && self->erased.messages + self->erased.parts > 0)
        AV_LOG(
            AV_LOG_INFO, "erase.done", AV_U64("messages", self->erased.messages), AV_U64("parts", self->erased.parts));
    av_store_infos_free(self->list, self->count);
    self->list = NULL;
    self->count = self->at = 0;
    self->erased = (av_erased){ 0 };
    self->waiting = (av_waiting){ 0 };
    self->erasing = false;
}

/* Messages at which to look again: twice as many, but not later than there are enough for good dictionaries. */
static uint64_t
next_training(uint64_t last)
{
    return last < AV_TRAIN_MESSAGES ? AV_MIN(2 * last, (uint64_t)AV_TRAIN_MESSAGES) : 2 * last;
}

/* The current store has enough mail to learn dictionaries from, or more than when it was last looked at. */
static void
train_when_due(av_store_ops *self, int64_t now)
{
    size_t n = 0;
    av_store_info *list;
    store_op *op;

    if (now < self->train_mono_ms)
        return;
    self->train_mono_ms = now + TRAIN_MS;
    list = av_stores_list(self->in->archive->stores, &n);
    for (size_t i = 0; i < n; i++) {
        const av_store_info *info = &list[i];

        if (info->row->state != AV_STORE_CURRENT || info->messages < AV_TRAIN_FIRST ||
            (info->row->id == self->trained_id && info->messages < next_training(self->trained_at)))
            continue;
        self->trained_id = info->row->id;
        self->trained_at = info->messages;
        op = start(self, &train_kind, NULL, "instance");
        av_pool_submit(self->in->writer, &op->job);
    }
    av_store_infos_free(list, n);
}

void
av_store_ops_tick(av_store_ops *self, int64_t now_mono_ms)
{
    for (store_op *op = self->ops; op != NULL; op = op->next)
        tell(op);
    if (self->in->stopping)
        return;
    train_when_due(self, now_mono_ms);
    if (self->erasing || now_mono_ms < self->erase_mono_ms)
        return;
    self->erase_mono_ms = now_mono_ms + HOUSEKEEP_MS;
    self->erasing = true;
    av_pool_submit(self->in->writer, &self->erase);
}

size_t
av_store_ops_active(const av_store_ops *self)
{
    return self->active;
}

/* ---- beginning and end ---- */

av_errc
av_store_ops_new(av_instance *in, av_store_ops **ret, AV_UNUSED av_error *err)
{
    av_store_ops *self = av_xcalloc(1, sizeof *self);

    self->in = in;
    self->erase.step = on_erase_step;
    self->erase.done = on_erase_done;
    self->erase.lane = av_lane_of(av_span_str("erase"));
    for (size_t i = 0; i < AV_COUNT(kinds); i++)
        self->handlers[i] = (av_handler){ kinds[i].method, on_request };
    av_bus_serve(in->bus, self->handlers, AV_COUNT(kinds), self);
    *ret = self;
    return AV_OK;
}

void
av_store_ops_stop(av_store_ops *self)
{
    /* The pool has handed all back; what works beside it is asked to end. */
    for (store_op *op = self == NULL ? NULL : self->ops; op != NULL; op = op->next) {
        atomic_store(&op->cancel, true);
        join(op);
    }
}

void
av_store_ops_destroy(av_store_ops **self)
{
    store_op *op, *next;

    if (*self == NULL)
        return;
    for (op = (*self)->ops; op != NULL; op = next) {
        next = op->next;
        op_free(op);
    }
    free(*self);
    *self = NULL;
}
