/*
 * index_follow.c - messages from the source into a builder, from there into runs in memory and on disk
 *
 * Without bulk each call leaves one run in memory; eight of one size become one, and all of them one on disk when they are many.
 * With bulk the builder stays open over calls until it is full, and its run goes to disk straight away.
 *
 * What fails on disk changes nothing in memory: runs there stay, searched and within the budget, until a later call gets
 * them written. Only what a builder held when its run failed half way is read from the log again.
 */
#include "storage/index/index_priv.h"

#define MESSAGE_MAX  ((size_t)64 * 1024 * 1024) /* of a message: what is beyond is not looked at */
#define MESSAGE_KEEP ((size_t)1024 * 1024)
#define BUILDER_KEEP ((size_t)256 * 1024) /* memory kept by the builder from one small run to the next */
#define BULK_LEAST   1024U                /* documents: fewer are not worth a run on disk of their own */
#define BULK_PART    2U                   /* of memory_bytes: a builder's run is written */
#define STEP_PART    8U                   /* the same without bulk */
#define FLUSH_PART   4U                   /* runs in memory are written */
#define REFUSE_PART  2U                   /* nothing more is taken in until they are */

static uint64_t
fresh_bytes(const av_index *self)
{
    uint64_t sum = 0;

    for (size_t i = self->view->disk; i < self->view->n; i++)
        sum += av_memory_run_bytes(self->view->owners[i]->memory);
    return sum;
}

static uint32_t
fresh_documents(const av_index *self)
{
    uint32_t sum = 0;

    for (size_t i = self->view->disk; i < self->view->n; i++)
        sum += self->view->owners[i]->facts.count;
    return sum;
}

static uint32_t
builder_count(const av_index *self)
{
    return self->builder == NULL ? 0 : av_builder_count(self->builder);
}

/* The builder is as new; what a failed run held comes from the log again. */
static void
forget_builder(av_index *self)
{
    av_builder_destroy(&self->builder);
    atomic_store(&self->builder_bytes, 0);
    self->taken_lsn = self->view->lsn;
}

typedef struct build {
    av_index *index;
    size_t keep_bytes;
} build;

static av_errc
write_builder(void *ctx, const av_run_sink *sink, av_error *err)
{
    build *b = ctx;

    return av_builder_finish(b->index->builder, sink, b->keep_bytes, err);
}

/* The last `count` runs in memory become one. */
static av_errc
merge_memory(av_index *self, size_t count, av_error *err)
{
    AV_CLEANUP(av_memory_run_destroy) av_memory_run *memory = av_memory_run_new();
    AV_CLEANUP(av_free) av_run **runs = av_xcalloc(count, sizeof *runs);
    size_t at = self->view->n - count;
    av_run_sink sink = av_memory_run_sink(memory);
    index_run *run = NULL;
    av_errc rc;

    for (size_t i = 0; i < count; i++)
        runs[i] = self->view->owners[at + i]->run;
    rc = av_runs_merge(runs, count, NULL, &sink, NULL, NULL, err);
    if (rc == AV_OK)
        rc = index_run_of_memory(self, &memory, self->view->runs[at].first, &run, err);
    if (rc == AV_OK)
        index_view_replace(self, at, count, run);
    return rc;
}

av_errc
index_settle(av_index *self, size_t keep_bytes, av_error *err)
{
    AV_CLEANUP(av_memory_run_destroy) av_memory_run *memory = NULL;
    build b = { .index = self, .keep_bytes = keep_bytes };
    av_run_sink sink;
    index_run *run = NULL;
    av_errc rc = AV_OK;
    size_t due;

    if (builder_count(self) > 0) {
        memory = av_memory_run_new();
        sink = av_memory_run_sink(memory);
        rc = write_builder(&b, &sink, err);
        if (rc == AV_OK)
            rc = index_run_of_memory(self, &memory, self->view->documents, &run, err);
        if (rc != AV_OK) {
            forget_builder(self);
            return av_error_prefix(err, "index");
        }
        index_view_replace(self, self->view->n, 0, run);
        atomic_store(&self->builder_bytes, av_builder_bytes(self->builder));
    }
    while (rc == AV_OK && (due = index_due(self->view, self->view->disk, self->view->n, 1)) > 0)
        rc = merge_memory(self, due, err);
    return rc;
}

/* The builder's run straight to disk. */
static av_errc
write_bulk(av_index *self, size_t keep_bytes, av_error *err)
{
    build b = { .index = self, .keep_bytes = keep_bytes };
    av_errc rc = index_switch(self, self->view->n, 0, write_builder, &b, err);

    if (rc != AV_OK)
        forget_builder(self);
    else
        atomic_store(&self->builder_bytes, av_builder_bytes(self->builder));
    return rc;
}

static av_errc
write_fresh(void *ctx, const av_run_sink *sink, av_error *err)
{
    av_index *self = ctx;
    size_t count = self->view->n - self->view->disk;
    AV_CLEANUP(av_free) av_run **runs = av_xcalloc(count, sizeof *runs);

    for (size_t i = 0; i < count; i++)
        runs[i] = self->view->owners[self->view->disk + i]->run;
    return av_runs_merge(runs, count, NULL, sink, NULL, NULL, err);
}

/* The runs in memory become one on disk. */
static av_errc
write_memory(av_index *self, av_error *err)
{
    size_t at = self->view->disk, count = self->view->n - at;

    if (count == 0)
        return AV_OK;
    return index_switch(self, at, count, write_fresh, self, err);
}

av_errc
av_index_flush(av_index *self, av_error *err)
{
    av_errc rc = index_heal(self, err), settled;
    av_error other;

    index_sweep(self);
    if (rc == AV_OK && builder_count(self) >= BULK_LEAST && self->view->disk == self->view->n)
        return write_bulk(self, 0, err);
    settled = index_settle(self, 0, rc == AV_OK ? err : &other);
    if (rc == AV_OK)
        rc = settled;
    return rc == AV_OK ? write_memory(self, err) : rc;
}

/* The builder is full, or the call at its end. */
static av_errc
put_away(av_index *self, bool bulk, bool at_end, av_error *err)
{
    uint32_t count = builder_count(self);
    size_t keep = bulk && !at_end ? self->memory_bytes / BULK_PART : BUILDER_KEEP;
    av_errc rc;

    if (bulk && count >= BULK_LEAST && self->view->disk == self->view->n && index_heal(self, err) == AV_OK)
        return write_bulk(self, keep, err);
    rc = index_settle(self, keep, err);
    if (rc == AV_OK && (fresh_documents(self) >= self->flush_documents ||
                           fresh_bytes(self) >= self->memory_bytes / FLUSH_PART || (bulk && count >= BULK_LEAST)))
        rc = write_memory(self, err);
    return rc;
}

/* One message into the builder. AV_ERR_NOT_FOUND: there is none. */
static av_errc
take_next(av_index *self, const av_index_source *source, av_error *err)
{
    uint64_t lsn = 0, size = 0;
    av_errc rc;

    if (self->message.max == 0 || self->message.cap > MESSAGE_KEEP) {
        av_buf_release(&self->message);
        av_buf_init(&self->message, MESSAGE_MAX);
    }
    av_buf_clear(&self->message);
    rc = source->next(source->ctx, self->taken_lsn, &lsn, &size, &self->message, err);
    if (rc != AV_OK && rc != AV_ERR_GONE && rc != AV_ERR_CORRUPT)
        return rc;
    if (lsn <= self->taken_lsn)
        return av_error_set(err, AV_ERR_INTERNAL, "the log went back from LSN %llx to %llx",
            (unsigned long long)self->taken_lsn, (unsigned long long)lsn);
    if (self->builder == NULL)
        self->builder = av_builder_new();
    index_take(self, source, lsn, size, rc);
    atomic_store(&self->builder_bytes, av_builder_bytes(self->builder));
    return AV_OK;
}

/* Room for more, or why there is none. */
static av_errc
make_room(av_index *self, av_error *err)
{
    av_error why;
    av_errc rc = index_heal(self, &why);

    if (rc == AV_OK)
        index_sweep(self);
    if (fresh_bytes(self) < self->memory_bytes / REFUSE_PART)
        return AV_OK; /* what did not work is told by the next write */
    if (rc == AV_OK)
        rc = write_memory(self, &why);
    if (rc != AV_OK)
        *err = why;
    return rc;
}

av_errc
av_index_follow(
    av_index *self, const av_index_source *source, uint32_t most, bool bulk, av_index_progress *ret, av_error *err)
{
    size_t full = self->memory_bytes / (bulk ? BULK_PART : STEP_PART);
    bool at_end = false;
    uint32_t taken = 0;
    av_errc rc = make_room(self, err), put;
    av_error other;

    *ret = (av_index_progress){ 0 };
    while (rc == AV_OK && taken < most && !at_end && self->view->documents + builder_count(self) < UINT32_MAX - 1) {
        rc = take_next(self, source, err);
        at_end = rc == AV_ERR_NOT_FOUND;
        if (at_end)
            rc = AV_OK;
        else if (rc == AV_OK)
            taken++;
        if (rc == AV_OK && !at_end && atomic_load(&self->builder_bytes) >= full)
            rc = put_away(self, bulk, false, err);
    }
    if (!bulk || at_end || rc != AV_OK) {
        put = put_away(self, bulk, at_end, rc == AV_OK ? err : &other);
        if (rc == AV_OK)
            rc = put;
    }
    ret->documents = taken;
    ret->at_end = at_end;
    return rc;
}
