/*
 * indexer.c - see indexer.h
 *
 * One job, submitted again and again: each step takes some messages of one store in, or does one merge. Stores take turns.
 * A store that is not open is not opened for this: its index was written when it was closed, and a search that finds it
 * behind opens it anyway.
 */
#include "actors/instance/indexer.h"

#include "base/clock.h"
#include "base/log.h"
#include "storage/index/source.h"

#define STEP_DOCUMENTS 64U   /* in one step, live: some tens of ms */
#define BULK_DOCUMENTS 1024U /* in one step of an import */
#define BULK_BEHIND    4096U /* messages from which on it is one */
#define RETRY_MS       10000 /* after a failure: a full disk does not empty sooner for being asked */

struct av_indexer {
    av_archive *archive;
    av_loop *loop;
    av_pool *pool;
    av_job job;
    bool running, again, trim;
    atomic_bool posted, stopping;
    uint32_t visit; /* id of the store that was worked on last */
    bool worked;    /* something was done since the round began */
    int64_t failed_mono_ms;
    av_loop_timer *retry;
};

/* ---- the indexer's thread ---- */

static bool
is_stopping(void *ctx)
{
    return atomic_load(&((av_indexer *)ctx)->stopping);
}

/* The open store that comes behind the one worked on last; 0: the round is over. */
static uint32_t
next_store(av_indexer *self)
{
    size_t n;
    av_store_info *list = av_stores_list(self->archive->stores, &n);
    uint32_t id = 0;

    for (size_t i = 0; i < n && id == 0; i++)
        if (list[i].is_open && list[i].row->id > self->visit)
            id = list[i].row->id;
    av_store_infos_free(list, n);
    return id;
}

static bool
is_far_behind(const av_open_store *open, const av_index_state *state)
{
    av_meta_view *view = av_store_view_snapshot(open->view);
    av_store_counters counters = { 0 };
    av_error ignored;
    bool far = av_store_view_counters(view, &counters, &ignored) == AV_OK &&
               counters.messages > state->documents + BULK_BEHIND;

    av_meta_view_destroy(&view);
    return far;
}

/* Some messages, or else one merge. ret_done: this store has nothing to do. */
static av_errc
work_on(av_indexer *self, const av_open_store *open, bool *ret_done, av_error *err)
{
    av_store_source *source = av_store_source_new(open->view, open->store, NULL, NULL);
    av_index_source messages = av_store_source_of(source);
    av_index_progress progress = { 0 };
    av_index_state state;
    bool bulk, more = false;
    av_errc rc = AV_OK;

    av_index_get_state(open->index, &state);
    if (state.failed) {
        AV_LOG(AV_LOG_WARN, "index.rebuild", AV_U64("store", open->id));
        rc = av_index_rebuild(open->index, self->archive->index_settings, err);
        av_index_get_state(open->index, &state);
    }
    bulk = is_far_behind(open, &state);
    if (rc == AV_OK)
        rc = av_index_follow(open->index, &messages, bulk ? BULK_DOCUMENTS : STEP_DOCUMENTS, bulk, &progress, err);
    if (rc == AV_OK && progress.at_end)
        rc = av_index_merge(open->index, is_stopping, self, &more, err);
    av_store_source_destroy(&source);
    self->worked |= progress.documents > 0;
    *ret_done = rc == AV_OK && progress.at_end && !more;
    return rc;
}

static av_errc
trim_one(const av_open_store *open, av_error *err)
{
    return av_index_trim(open->index, err);
}

static av_step
on_step(av_job *job)
{
    av_indexer *self = AV_CONTAINER(job, av_indexer, job);
    uint32_t id = next_store(self);
    const av_open_store *open = NULL;
    bool done = true;
    av_error err;
    av_errc rc = AV_OK;

    if (id == 0 || is_stopping(self))
        return AV_STEP_DONE;
    if (av_stores_use_id(self->archive->stores, id, &open, &err) != AV_OK) {
        self->visit = id;
        return AV_STEP_AGAIN;
    }
    if (open->index != NULL)
        rc = self->trim ? trim_one(open, &err) : work_on(self, open, &done, &err);
    av_stores_done(self->archive->stores, &open);
    if (rc != AV_OK && rc != AV_ERR_CANCELLED) {
        AV_LOG(AV_LOG_WARN, "index.behind", AV_U64("store", id), AV_ERRF(&err));
        self->failed_mono_ms = av_clock_mono_ms();
        done = true;
    }
    if (done)
        self->visit = id;
    return AV_STEP_AGAIN;
}

/* ---- the loop's thread ---- */

static void
submit(av_indexer *self)
{
    self->running = true;
    self->again = false;
    self->visit = 0;
    self->worked = false;
    self->failed_mono_ms = 0;
    av_pool_submit(self->pool, &self->job);
}

static void
on_retry(void *ctx)
{
    av_indexer *self = ctx;

    av_loop_remove_timer(&self->retry);
    av_indexer_wake(self);
}

static void
on_done(av_job *job)
{
    av_indexer *self = AV_CONTAINER(job, av_indexer, job);

    self->running = false;
    self->trim = false;
    if (job->dropped || atomic_load(&self->stopping))
        return;
    if (self->failed_mono_ms != 0) {
        if (self->retry == NULL)
            self->retry = av_loop_add_timer(self->loop, RETRY_MS, 0, on_retry, self);
    } else if (self->again) {
        submit(self);
    }
}

static void
on_wake(void *ctx)
{
    av_indexer *self = ctx;

    atomic_store(&self->posted, false);
    if (atomic_load(&self->stopping))
        return;
    if (self->running)
        self->again = true;
    else
        submit(self);
}

void
av_indexer_wake(av_indexer *self)
{
    if (!atomic_exchange(&self->posted, true))
        av_loop_post(self->loop, on_wake, self);
}

/* The writer's thread. */
static void
on_committed(void *ctx)
{
    av_indexer_wake(ctx);
}

bool
av_indexer_is_busy(const av_indexer *self)
{
    return self->running;
}

void
av_indexer_trim(av_indexer *self)
{
    if (self->running)
        return;
    self->trim = true;
    submit(self);
}

void
av_indexer_renew(av_indexer *self)
{
    if (!self->running)
        av_pool_renew(self->pool);
}

void
av_indexer_pause(av_indexer *self, bool pause)
{
    av_pool_pause(self->pool, pause);
}

av_errc
av_indexer_new(av_loop *loop, av_archive *archive, av_indexer **ret, av_error *err)
{
    av_indexer *self = av_xcalloc(1, sizeof *self);
    av_errc rc = av_pool_new(loop, "indexer", 1, &self->pool, err);

    if (rc != AV_OK) {
        free(self);
        return rc;
    }
    self->loop = loop;
    self->archive = archive;
    atomic_init(&self->posted, false);
    atomic_init(&self->stopping, false);
    self->job.step = on_step;
    self->job.done = on_done;
    archive->committed = on_committed;
    archive->committed_ctx = self;
    *ret = self;
    return AV_OK;
}

void
av_indexer_stop(av_indexer *self)
{
    atomic_store(&self->stopping, true);
    av_loop_remove_timer(&self->retry);
    av_pool_stop(self->pool);
}

void
av_indexer_destroy(av_indexer **self)
{
    if (*self == NULL)
        return;
    av_pool_destroy(&(*self)->pool);
    free(*self);
    *self = NULL;
}
