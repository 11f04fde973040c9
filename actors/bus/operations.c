/*
 * operations.c - see operations.h
 */
#include "actors/bus/operations.h"

#include "base/clock.h"
#include "base/encode.h"
#include "base/map.h"
#include "base/secret.h"

#define KEEP_MAX        1000
#define KEEP_MS         INT64_C(86400000)
#define LOG_MAX         16384U
#define WAIT_DEFAULT_MS 30000U
#define WAIT_MAX_MS     60000U
#define PRUNE_EVERY_MS  60000U

struct log_line {
    uint64_t version; /* of the operation when it was written */
    struct log_line *next;
    size_t n;
    char text[];
};

struct waiter {
    av_operation *op;
    av_request *request;
    av_loop_timer *timer;
    uint64_t known_version;
    struct waiter *next;
};

struct av_operation {
    av_operations *owner;
    char id[33];
    char *name, *text, *result_type, *error_message;
    Archivolt__OperationState state;
    uint64_t version;
    int percent; /* -1: unknown */
    av_buf result;
    av_errc error_code;
    int64_t started_ms, ended_ms;
    struct log_line *log, **log_end;
    size_t log_n;
    void (*on_cancel)(void *ctx, av_operation *op);
    void *ctx;
    struct waiter *waiters;
    Archivolt__Operation view; /* what av_operation_get hands out; points into the rest */
    char *view_log;
    av_operation *older; /* list, newest first */
};

struct av_operations {
    av_bus *bus;
    void (*save)(void *ctx, const char *id, const Archivolt__Operation *op);
    void *ctx;
    av_map *by_id;
    av_operation *newest;
    av_loop_timer *prune_timer;
};

/* ---- the operation as a message ---- */

static void
view_log(av_operation *self, uint64_t since)
{
    size_t n = 0;

    free(self->view_log);
    self->view_log = av_xalloc(self->log_n + 1);
    for (const struct log_line *l = self->log; l != NULL; l = l->next) {
        if (l->version <= since)
            continue;
        memcpy(self->view_log + n, l->text, l->n);
        n += l->n;
    }
    self->view_log[n] = '\0';
    self->view.log = n == 0 ? NULL : self->view_log;
}

static const Archivolt__Operation *
view_since(av_operation *self, uint64_t since)
{
    Archivolt__Operation *v = &self->view;

    archivolt__operation__init(v);
    v->id = self->id;
    v->state = self->state;
    v->version = self->version;
    v->has_percent = self->percent >= 0;
    v->percent = self->percent >= 0 ? (uint32_t)self->percent : 0;
    v->text = self->text;
    v->name = self->name;
    v->result_type = self->result_type;
    v->has_result = self->result_type != NULL;
    v->result = (ProtobufCBinaryData){ self->result.n, self->result.p };
    v->has_error_code = self->error_code != AV_OK;
    v->error_code = (uint32_t)self->error_code;
    v->error_message = self->error_message;
    v->has_started_unix_ms = true;
    v->started_unix_ms = self->started_ms;
    v->has_ended_unix_ms = self->ended_ms != 0;
    v->ended_unix_ms = self->ended_ms;
    view_log(self, since);
    return v;
}

const Archivolt__Operation *
av_operation_get(av_operation *self)
{
    return view_since(self, 0);
}

/* ---- waiters ---- */

static void
unlink_waiter(struct waiter *w)
{
    struct waiter **at = &w->op->waiters;

    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    av_loop_remove_timer(&w->timer);
}

/* The first of the waiters, out of the list: the caller answers it and frees it. */
static struct waiter *
pop_waiter(av_operation *self)
{
    struct waiter *w = self->waiters;

    self->waiters = w->next;
    av_loop_remove_timer(&w->timer);
    return w;
}

/* Takes w, which is in no list any more. */
static void
answer(struct waiter *w)
{
    av_request_on_gone(w->request, NULL, NULL);
    av_request_reply(w->request, &view_since(w->op, w->known_version)->base);
    free(w);
}

static void
on_wait_over(void *ctx)
{
    struct waiter *w = ctx;

    w->timer = NULL;
    unlink_waiter(w);
    answer(w);
}

static void
on_waiter_gone(void *ctx, av_request *request)
{
    struct waiter *w = ctx;

    unlink_waiter(w);
    free(w);
    av_request_failf(request, AV_ERR_CANCELLED, "nobody waits any more");
}

static void
changed(av_operation *self)
{
    self->version++;
    while (self->waiters != NULL)
        answer(pop_waiter(self));
}

static void
save(av_operation *self)
{
    if (self->owner->save != NULL)
        self->owner->save(self->owner->ctx, self->id, av_operation_get(self));
}

/* ---- keeping and forgetting ---- */

static void
free_operation(av_operation *self)
{
    while (self->waiters != NULL) {
        struct waiter *w = pop_waiter(self);

        av_request_on_gone(w->request, NULL, NULL);
        av_request_failf(w->request, AV_ERR_UNAVAILABLE, "the actor is stopping");
        free(w);
    }
    while (self->log != NULL) {
        struct log_line *l = self->log;

        self->log = l->next;
        free(l);
    }
    av_buf_release(&self->result);
    free(self->view_log);
    free(self->name);
    free(self->text);
    free(self->result_type);
    free(self->error_message);
    free(self);
}

static void
forget(av_operations *self, av_operation **at)
{
    av_operation *op = *at;

    *at = op->older;
    (void)av_map_remove_str(self->by_id, op->id);
    if (self->save != NULL)
        self->save(self->ctx, op->id, NULL);
    free_operation(op);
}

/* Ended ones after a day; of more than KEEP_MAX the oldest ended ones. */
static void
prune(void *ctx)
{
    av_operations *self = ctx;
    av_operation **at = &self->newest;
    int64_t now = av_clock_wall_ms();
    size_t count = 0;

    while (*at != NULL) {
        count++;
        if ((*at)->ended_ms != 0 && (count > KEEP_MAX || now - (*at)->ended_ms > KEEP_MS))
            forget(self, at);
        else
            at = &(*at)->older;
    }
}

static av_operation *
add(av_operations *self, const char *id)
{
    av_operation *op = av_xcalloc(1, sizeof *op);
    uint8_t random[16];

    op->owner = self;
    if (id != NULL) {
        assert(strlen(id) == 32);
        memcpy(op->id, id, 33);
    } else {
        av_random_bytes(random, sizeof random);
        av_hex_encode(av_span_of(random, sizeof random), op->id);
    }
    op->state = ARCHIVOLT__OPERATION_STATE__OPERATION_STATE_RUNNING;
    op->percent = -1;
    op->log_end = &op->log;
    av_buf_init(&op->result, AV_BUS_BLOB_MAX);
    op->older = self->newest;
    self->newest = op;
    (void)av_map_put_str(self->by_id, op->id, op);
    return op;
}

/* ---- serving ---- */

static av_operation *
find_or_fail(av_operations *self, av_request *request, const char *id)
{
    av_operation *op = av_map_get_str(self->by_id, id);

    if (op == NULL)
        av_request_failf(request, AV_ERR_NOT_FOUND, "there is no operation %.40s", id);
    return op;
}

static void
on_wait(void *ctx, av_request *request, const ProtobufCMessage *body)
{
    const Archivolt__OperationWaitRequest *ask = (const Archivolt__OperationWaitRequest *)body;
    av_operation *op = find_or_fail(ctx, request, ask->id);
    uint32_t timeout_ms = ask->has_timeout_ms ? AV_MIN(ask->timeout_ms, WAIT_MAX_MS) : WAIT_DEFAULT_MS;
    struct waiter *w;

    if (op == NULL)
        return;
    if (!ask->has_known_version || op->version > ask->known_version || op->ended_ms != 0) {
        av_request_reply(request, &view_since(op, ask->known_version)->base);
        return;
    }
    w = av_xcalloc(1, sizeof *w);
    *w = (struct waiter){ .op = op, .request = request, .known_version = ask->known_version, .next = op->waiters };
    op->waiters = w;
    w->timer = av_loop_add_timer(av_bus_loop(op->owner->bus), timeout_ms, 0, on_wait_over, w);
    av_request_on_gone(request, on_waiter_gone, w);
}

static void
on_cancel(void *ctx, av_request *request, const ProtobufCMessage *body)
{
    const Archivolt__OperationCancelRequest *ask = (const Archivolt__OperationCancelRequest *)body;
    av_operation *op = find_or_fail(ctx, request, ask->id);

    if (op == NULL)
        return;
    if (op->ended_ms == 0 && op->on_cancel != NULL)
        op->on_cancel(op->ctx, op);
    av_request_reply(request, &av_operation_get(op)->base);
}

static void
on_list(void *ctx, av_request *request, const ProtobufCMessage *body)
{
    av_operations *self = ctx;
    Archivolt__OperationListReply reply = ARCHIVOLT__OPERATION_LIST_REPLY__INIT;
    AV_CLEANUP(av_free)
    Archivolt__Operation **rows = av_xcalloc(av_map_count(self->by_id) + 1, sizeof(Archivolt__Operation *));

    (void)body;
    for (av_operation *op = self->newest; op != NULL; op = op->older) {
        (void)view_since(op, UINT64_MAX); /* no log in a list */
        rows[reply.n_operations++] = &op->view;
    }
    reply.operations = rows;
    av_request_reply(request, &reply.base);
}

static const av_handler handlers[] = {
    { "archivolt.Operations.Wait", on_wait },
    { "archivolt.Operations.Cancel", on_cancel },
    { "archivolt.Operations.List", on_list },
};

av_operations *
av_operations_new(av_bus *bus, void (*save_fn)(void *ctx, const char *id, const Archivolt__Operation *op), void *ctx)
{
    av_operations *self = av_xcalloc(1, sizeof *self);

    self->bus = bus;
    self->save = save_fn;
    self->ctx = ctx;
    self->by_id = av_map_new();
    self->prune_timer = av_loop_add_timer(av_bus_loop(bus), PRUNE_EVERY_MS, PRUNE_EVERY_MS, prune, self);
    av_bus_serve(bus, handlers, AV_COUNT(handlers), self);
    return self;
}

void
av_operations_destroy(av_operations **self)
{
    av_operations *ops = *self;

    if (ops == NULL)
        return;
    while (ops->newest != NULL) {
        av_operation *op = ops->newest;

        ops->newest = op->older;
        free_operation(op);
    }
    av_loop_remove_timer(&ops->prune_timer);
    av_map_destroy(&ops->by_id, NULL);
    free(ops);
    *self = NULL;
}

/* ---- the owner's side ---- */

av_operation *
av_operations_find(av_operations *self, const char *id)
{
    return av_map_get_str(self->by_id, id);
}

av_operation *
av_operations_start(
    av_operations *self, const char *id, const char *name, void (*on_cancel_fn)(void *ctx, av_operation *op), void *ctx)
{
    av_operation *op;

    prune(self);
    op = add(self, id);
    op->name = av_xstrdup(name);
    op->version = 1;
    op->started_ms = av_clock_wall_ms();
    op->on_cancel = on_cancel_fn;
    op->ctx = ctx;
    save(op);
    return op;
}

static char *
dup_or_null(const char *s)
{
    return s == NULL ? NULL : av_xstrdup(s);
}

av_operation *
av_operations_restore(av_operations *self, av_span packed, void (*on_cancel_fn)(void *ctx, av_operation *op), void *ctx)
{
    Archivolt__Operation *saved = archivolt__operation__unpack(NULL, packed.n, packed.p);
    uint8_t id[16];
    av_operation *op;

    if (saved == NULL || !av_hex_decode(av_span_str(saved->id), id, sizeof id)) {
        if (saved != NULL)
            archivolt__operation__free_unpacked(saved, NULL);
        return NULL;
    }
    op = add(self, saved->id);
    op->name = dup_or_null(saved->name);
    op->text = dup_or_null(saved->text);
    op->result_type = dup_or_null(saved->result_type);
    op->error_message = dup_or_null(saved->error_message);
    op->state = saved->state;
    op->version = saved->version + 1000; /* above whatever waiters saw of unsaved changes */
    op->percent = saved->has_percent ? (int)AV_MIN(saved->percent, 100U) : -1;
    op->error_code = saved->has_error_code ? (av_errc)saved->error_code : AV_OK;
    op->started_ms = saved->started_unix_ms;
    op->ended_ms = saved->ended_unix_ms;
    if (saved->has_result)
        (void)av_buf_append(&op->result, saved->result.data, saved->result.len);
    op->on_cancel = on_cancel_fn;
    op->ctx = ctx;
    archivolt__operation__free_unpacked(saved, NULL);
    return op;
}

const char *
av_operation_id(const av_operation *self)
{
    return self->id;
}

void
av_operation_progress(av_operation *self, int percent, const char *text)
{
    bool same_text = text == NULL || (self->text != NULL && strcmp(text, self->text) == 0);

    if (self->ended_ms != 0 || (percent == self->percent && same_text))
        return;
    self->percent = AV_MIN(percent, 100);
    if (!same_text) {
        free(self->text);
        self->text = av_xstrdup(text);
    }
    changed(self);
}

void
av_operation_log(av_operation *self, const char *fmt, ...)
{
    AV_CLEANUP(av_free) char *text = NULL;
    struct log_line *l;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n + 1 > LOG_MAX)
        return;
    l = av_xcalloc(1, sizeof *l + (size_t)n + 1);
    l->version = self->version + 1;
    l->n = (size_t)n + 1;
    memcpy(l->text, text, (size_t)n);
    l->text[n] = '\n';
    *self->log_end = l;
    self->log_end = &l->next;
    self->log_n += l->n;
    while (self->log_n > LOG_MAX) {
        struct log_line *oldest = self->log;

        self->log = oldest->next;
        self->log_n -= oldest->n;
        free(oldest);
    }
    changed(self);
}

static void
end_operation(av_operation *self, Archivolt__OperationState state)
{
    if (self->ended_ms != 0)
        return;
    self->state = state;
    self->ended_ms = AV_MAX(av_clock_wall_ms(), 1);
    self->on_cancel = NULL;
    self->version++;
    save(self);
    changed(self);
}

void
av_operation_succeed(av_operation *self, const ProtobufCMessage *result)
{
    uint8_t *at = NULL;

    if (result != NULL && self->ended_ms == 0)
        at = av_buf_reserve(&self->result, protobuf_c_message_get_packed_size(result) + 1);
    if (at != NULL) {
        self->result.n = protobuf_c_message_pack(result, at);
        self->result_type = av_xstrdup(result->descriptor->name);
    }
    if (self->ended_ms == 0)
        self->percent = 100;
    end_operation(self, ARCHIVOLT__OPERATION_STATE__OPERATION_STATE_SUCCEEDED);
}

void
av_operation_fail(av_operation *self, const av_error *err)
{
    if (self->ended_ms != 0)
        return;
    self->error_code = err->code;
    self->error_message = av_xstrdup(err->msg);
    end_operation(self, ARCHIVOLT__OPERATION_STATE__OPERATION_STATE_FAILED);
}

void
av_operation_cancelled(av_operation *self)
{
    end_operation(self, ARCHIVOLT__OPERATION_STATE__OPERATION_STATE_CANCELLED);
}
