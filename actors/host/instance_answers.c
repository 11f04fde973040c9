/*
 * instance_answers.c - who waits for an instance, and what they are told once it has come to rest
 */
#include "actors/host/instances_priv.h"

#define WAKE_PATIENCE 4 /* failures in a row that a caller who wakes an instance waits through */

static Archivolt__InstanceState
state_of(const av_host_instance *self)
{
    switch (av_supervisor_get_state(self->supervisor)) {
    case AV_SUPERVISOR_STARTING:
        return ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_STARTING;
    case AV_SUPERVISOR_UP:
        return ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_RUNNING;
    case AV_SUPERVISOR_STOPPING:
        return ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_STOPPING;
    case AV_SUPERVISOR_BACKOFF:
        return ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_FAILED;
    case AV_SUPERVISOR_DOWN:
        break;
    }
    if (self->queued)
        return ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_STARTING;
    return self->wanted == AV_WANTED_ASLEEP ? ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_ASLEEP
                                            : ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_STOPPED;
}

void
av_host_instance_describe(const av_host_instance *self, Archivolt__HostInstance *ret)
{
    archivolt__host_instance__init(ret);
    ret->instance_id = (char *)(uintptr_t)self->id;
    ret->state = state_of(self);
    ret->pid = (uint32_t)av_supervisor_pid(self->supervisor);
    ret->has_pid = ret->pid != 0;
    ret->error = (char *)(uintptr_t)av_supervisor_error(self->supervisor);
    ret->restarts = av_supervisor_restarts(self->supervisor);
    ret->has_restarts = true;
}

void
av_host_answer(av_host_instance *self, av_host_answer_fn *done, void *ctx)
{
    Archivolt__HostInstance reply;

    av_host_instance_describe(self, &reply);
    done(ctx, &reply, NULL);
}

void
av_host_answer_error(av_host_answer_fn *done, void *ctx, av_errc code, const char *id, const char *why)
{
    av_error err;

    (void)av_error_set(&err, code, "instance %s %s", id, why);
    done(ctx, NULL, &err);
}

struct waiter *
av_host_wait(av_host_instance *self, enum waiting kind, av_host_answer_fn *done, void *ctx)
{
    struct waiter *w = av_xcalloc(1, sizeof *w);

    *w = (struct waiter){ .instance = self, .kind = kind, .done = done, .ctx = ctx, .next = self->waiters };
    self->waiters = w;
    return w;
}

static bool
is_settled(const av_host_instance *self, enum waiting kind)
{
    av_supervisor_state state = av_supervisor_get_state(self->supervisor);

    if (kind == WAIT_PAUSE)
        return false; /* its timer answers */
    if (kind == WAIT_WAKE && state == AV_SUPERVISOR_BACKOFF)
        return av_supervisor_failures(self->supervisor) > WAKE_PATIENCE;
    if (kind == WAIT_STOP)
        return state != AV_SUPERVISOR_STOPPING;
    return state == AV_SUPERVISOR_UP || state == AV_SUPERVISOR_BACKOFF ||
           (state == AV_SUPERVISOR_DOWN && !self->queued);
}

static void
answer_waiter(av_host_instance *self, const struct waiter *w)
{
    const char *trouble = av_supervisor_error(self->supervisor);

    if (w->kind != WAIT_WAKE || av_supervisor_get_state(self->supervisor) == AV_SUPERVISOR_UP)
        av_host_answer(self, w->done, w->ctx);
    else
        av_host_answer_error(w->done, w->ctx, AV_ERR_UNAVAILABLE, self->id, trouble == NULL ? "was stopped" : trouble);
}

/* Answers may lead to new calls, which add waiters: those are not looked at in this round. */
void
av_host_answer_settled(av_host_instance *self)
{
    struct waiter *ready = NULL, **at = &self->waiters;

    while (*at != NULL) {
        struct waiter *w = *at;

        if (!is_settled(self, w->kind)) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        w->next = ready;
        ready = w;
    }
    while (ready != NULL) {
        struct waiter *w = ready;

        ready = w->next;
        answer_waiter(self, w);
        free(w);
    }
}

void
av_host_waiters_free(av_host_instance *self)
{
    while (self->waiters != NULL) { /* their requests were failed by the bus when it ended */
        struct waiter *w = self->waiters;

        self->waiters = w->next;
        av_loop_remove_timer(&w->pause);
        free(w);
    }
}
