/*
 * rest.c - see rest.h
 *
 * Two steps. The first, after a few seconds: what is in memory is written out, caches and working states go. The second,
 * as the first may have started a compaction and those who come every few seconds should not pay for it: the same again,
 * open tables are closed, and threads change for new ones, as glibc gives back what it keeps for a thread with that
 * thread alone.
 */
#include "actors/instance/rest.h"

#include "actors/instance/reach.h"
#include "actors/instance/trim.h"
#include "base/clock.h"
#include "base/log.h"

#define SECOND    3             /* times rest_after_s */
#define SETS_KEPT (256U * 1024) /* bytes of sets of documents: reading a large mailbox again takes a while */

static void
note(av_errc rc, const av_error *err)
{
    if (rc != AV_OK)
        AV_LOG(AV_LOG_WARN, "instance.trim", AV_ERRF(err));
}

static void
trim_current(av_instance *self)
{
    const av_open_store *current = NULL;
    av_error err;

    if (av_stores_current(self->archive->stores, &current, &err) != AV_OK)
        return;
    av_store_trim(current->store);
    note(av_store_view_trim(current->view, &err), &err);
    if (self->rests_long)
        note(av_store_view_close_tables(current->view, &err), &err);
}

/* Writer: between groups, as no run is active. */
static av_step
on_trim_step(av_job *job)
{
    av_instance *self = AV_CONTAINER(job, av_instance, trim);
    int64_t began_ms = av_clock_mono_ms();
    av_error err;

    if (av_group_is_open(self->group))
        return AV_STEP_DONE;
    trim_current(self);
    av_stores_trim(self->archive->stores, true);
    note(av_catalog_trim(self->archive->catalog, &err), &err);
    if (self->rests_long) {
        note(av_catalog_close_tables(self->archive->catalog, &err), &err);
        note(av_accounts_trim(self->archive->accounts, &err), &err);
        av_meta_renew_threads();
    }
    AV_LOG(AV_LOG_DEBUG, "instance.trimmed", AV_U64("ms", (uint64_t)(av_clock_mono_ms() - began_ms)));
    return AV_STEP_DONE;
}

static void
on_trim_done(av_job *job)
{
    av_instance *self = AV_CONTAINER(job, av_instance, trim);

    if (job->dropped)
        return;
    if (self->rests_long) {
        av_pool_renew(self->readers);
        av_pool_renew(self->writer);
        av_indexer_renew(self->indexer);
    }
    av_memory_trim();
}

void
av_rest_init(av_instance *self)
{
    self->trim.step = on_trim_step;
    self->trim.done = on_trim_done;
}

void
av_rest_tick(av_instance *self, int64_t now_ms)
{
    int64_t first_ms = self->active_mono_ms + (int64_t)self->settings.rest_after_s * 1000;
    int64_t second_ms = first_ms + (int64_t)self->settings.rest_after_s * 1000 * (SECOND - 1);
    bool second = now_ms >= second_ms && self->trimmed_mono_ms < second_ms;

    if (!second && (now_ms < first_ms || self->trimmed_mono_ms >= first_ms))
        return;
    self->rests_long = second;
    av_doc_sets_trim(self->archive->doc_sets, SETS_KEPT);
    av_indexer_trim(self->indexer);
    self->trimmed_mono_ms = now_ms;
    av_pool_submit(self->writer, &self->trim);
}
