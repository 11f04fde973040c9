/*
 * instance_asks.c - start, stop, restart, sleep, wake: "wanted" is written down, then done
 *
 * Callers who wake a sleeping instance at the same time share one start.
 */
#include "actors/host/instances_priv.h"

#include "actors/host/base_dir.h"

/* A caller was told "asleep" while the process runs: it has not said hello to the broker yet. Answering at once
   would send the caller straight back to the broker, in a circle as fast as the machine can. */
#define WAKE_PAUSE_MS 50

/* Written before it is done: a host that is killed in between does what was asked. */
static bool
set_wanted(av_host_instance *self, av_wanted wanted, av_host_answer_fn *done, void *ctx)
{
    av_wanted before = self->wanted;
    av_error err = { 0 };

    if (wanted == before)
        return true;
    self->wanted = wanted;
    if (av_host_save(self->host, &err) == AV_OK)
        return true;
    self->wanted = before;
    done(ctx, NULL, &err);
    return false;
}

void
av_host_instance_start(av_host_instance *self, av_host_answer_fn *done, void *ctx)
{
    if (self->mode == ARCHIVOLT__START_MODE__START_MODE_DISABLED) {
        av_host_answer_error(
            done, ctx, AV_ERR_INVALID, self->id, "is disabled: set its start mode to automatic or manual first");
        return;
    }
    if (!set_wanted(self, AV_WANTED_RUNNING, done, ctx))
        return;
    (void)av_host_wait(self, WAIT_START, done, ctx);
    av_host_start_or_queue(self);
    av_host_answer_settled(self); /* it may run already */
}

static void
stop_for(av_host_instance *self, av_wanted wanted, av_host_answer_fn *done, void *ctx)
{
    if (!set_wanted(self, wanted, done, ctx))
        return;
    self->queued = false;
    (void)av_host_wait(self, WAIT_STOP, done, ctx);
    av_supervisor_stop(self->supervisor, (uint32_t)(self->host->settings.stop_timeout_s * 1000));
    av_host_answer_settled(self);
}

void
av_host_instance_stop(av_host_instance *self, av_host_answer_fn *done, void *ctx)
{
    stop_for(self, AV_WANTED_STOPPED, done, ctx);
}

void
av_host_instance_restart(av_host_instance *self, av_host_answer_fn *done, void *ctx)
{
    if (self->mode != ARCHIVOLT__START_MODE__START_MODE_DISABLED) /* else the start refuses, and it goes on as it was */
        av_supervisor_stop(self->supervisor, (uint32_t)(self->host->settings.stop_timeout_s * 1000));
    av_host_instance_start(self, done, ctx);
}

void
av_host_instance_sleep(av_host_instance *self, av_host_answer_fn *done, void *ctx)
{
    if (!self->sleep_allowed)
        av_host_answer_error(done, ctx, AV_ERR_INVALID, self->id, "may not sleep: its configuration does not allow it");
    else if (self->wanted == AV_WANTED_STOPPED)
        av_host_answer_error(done, ctx, AV_ERR_INVALID, self->id, "is stopped, not running");
    else
        stop_for(self, AV_WANTED_ASLEEP, done, ctx);
}

static void
on_pause_over(void *ctx)
{
    struct waiter *w = ctx, **at = &w->instance->waiters;

    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    av_host_answer(w->instance, w->done, w->ctx);
    free(w);
}

void
av_host_instance_wake(av_host_instance *self, av_host_answer_fn *done, void *ctx)
{
    if (self->host->stopping) { /* BUSY is tried again: the next host does it */
        av_host_answer_error(done, ctx, AV_ERR_BUSY, self->id, "cannot be started now: its host is ending");
        return;
    }
    if (self->mode == ARCHIVOLT__START_MODE__START_MODE_DISABLED) {
        av_host_answer_error(done, ctx, AV_ERR_UNAVAILABLE, self->id, "is disabled");
        return;
    }
    if (self->wanted == AV_WANTED_STOPPED) {
        av_host_answer_error(done, ctx, AV_ERR_UNAVAILABLE, self->id, "is stopped: an administrator must start it");
        return;
    }
    if (av_supervisor_get_state(self->supervisor) == AV_SUPERVISOR_UP) {
        struct waiter *w = av_host_wait(self, WAIT_PAUSE, done, ctx);

        w->pause = av_loop_add_timer(self->host->loop, WAKE_PAUSE_MS, 0, on_pause_over, w);
        return;
    }
    if (!set_wanted(self, AV_WANTED_RUNNING, done, ctx))
        return;
    (void)av_host_wait(self, WAIT_WAKE, done, ctx);
    if (av_supervisor_get_state(self->supervisor) !=
        AV_SUPERVISOR_BACKOFF) /* its delay is not shortened by strangers */
        av_host_start_or_queue(self);
    av_host_answer_settled(self);
}

/* Written with the path without links: a link in it may be gone when the deletion is gone on with. */
static bool
set_deleting(av_host_instance *self, av_host_answer_fn *done, void *ctx)
{
    char *before = self->base_dir, *real = NULL;
    av_error err = { 0 };

    if (self->wanted == AV_WANTED_DELETING)
        return true;
    if (av_base_dir_resolve(before, &real, &err) != AV_OK) {
        err.code = AV_ERR_CONFLICT;
        (void)av_error_prefix(&err, "nothing of instance %s was deleted", self->id);
        done(ctx, NULL, &err);
        return false;
    }
    self->base_dir = real;
    if (set_wanted(self, AV_WANTED_DELETING, done, ctx)) {
        free(before);
        return true;
    }
    self->base_dir = before;
    free(real);
    return false;
}

void
av_host_instance_remove(av_host_instance *self, bool delete_files, av_host_answer_fn *done, void *ctx)
{
    if (self->removing) {
        av_host_answer_error(done, ctx, AV_ERR_BUSY, self->id, "is being removed");
        return;
    }
    delete_files = delete_files || self->wanted == AV_WANTED_DELETING; /* what is left of them is no archive */
    if (!(delete_files ? set_deleting(self, done, ctx) : set_wanted(self, AV_WANTED_STOPPED, done, ctx)))
        return;
    self->removing = true;
    self->delete_files = delete_files;
    self->removed = done;
    self->removed_ctx = ctx;
    self->queued = false;
    av_host_workers_drop(self->host, self->id);
    if (av_supervisor_get_state(self->supervisor) == AV_SUPERVISOR_DOWN)
        av_host_begin_removal(self);
    else
        av_supervisor_stop(self->supervisor, (uint32_t)(self->host->settings.stop_timeout_s * 1000));
}
