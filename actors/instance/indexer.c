/*
 * indexer.c - see indexer.h
 *
 * One job, submitted again and again: each step takes some messages of one store in, or does one merge. Stores take turns.
 * A store that is not open is not opened for this: its index was written when it was closed, and a search that finds it
 * behind opens it anyway.
 */
#include "actors/instance/indexer_priv.h"

#include "actors/instance/index_settings.h"
#include "base/clock.h"
#include "base/log.h"

#define RETRY_MS 10000 /* after a failure: a full disk does not empty sooner for being asked */

/* ---- the indexer's thread ---- */

bool
indexer_is_stopping(void *ctx)
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

static av_errc
trim_one(av_indexer *self, const av_open_store *open, av_error *err)
{
    if (self->extractor != NULL)
        av_extractor_trim(self->extractor);
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

    if (id == 0 || indexer_is_stopping(self))
        return AV_STEP_DONE;
    if (av_stores_use_id(self->archive->stores, id, &open, &err) != AV_OK) {
        self->visit = id;
        return AV_STEP_AGAIN;
    }
    if (open->index != NULL)
        rc = self->trim ? trim_one(self, open, &err) : indexer_work(self, open, &done, &err);
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

/* Any thread. */
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
av_indexer_new(av_loop *loop, av_archive *archive, const av_extract_limits *limits, av_indexer **ret, av_error *err)
{
    av_indexer *self = av_xcalloc(1, sizeof *self);
    av_errc rc = av_pool_new(loop, "indexer", 1, &self->pool, err);

    if (rc != AV_OK) {
        free(self);
        return rc;
    }
    self->loop = loop;
    self->archive = archive;
    self->limits = *limits;
    av_buf_init(&self->made_for, AV_INDEX_SETTINGS_MAX);
    atomic_init(&self->posted, false);
    atomic_init(&self->stopping, false);
    self->job.step = on_step;
    self->job.done = on_done;
    archive->committed = on_committed;
    archive->committed_ctx = self;
    av_index_desk_set_wake(archive->desk, on_committed, self);
    *ret = self;
    return AV_OK;
}

void
av_indexer_stop(av_indexer *self)
{
    atomic_store(&self->stopping, true);
    av_index_desk_set_wake(self->archive->desk, NULL, NULL);
    av_loop_remove_timer(&self->retry);
    av_pool_stop(self->pool);
}

void
av_indexer_destroy(av_indexer **self)
{
    if (*self == NULL)
        return;
    av_pool_destroy(&(*self)->pool);
    av_extractor_destroy(&(*self)->extractor);
    av_buf_release(&(*self)->made_for);
    free(*self);
    *self = NULL;
}
