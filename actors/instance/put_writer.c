/*
 * put_writer.c - the writer thread's part of a stream: bytes into the intake, groups committed, counters
 */
#include "actors/instance/put_priv.h"

#include "actors/instance/heal.h"

#define SLICE (256U * 1024) /* fed in one step: others take turns on the writer */

static av_errc
open_intake(av_put *self)
{
    av_errc rc = av_intake_new(&self->config, &self->intake, &self->err);

    if (rc != AV_OK)
        return rc;
    self->counted = *av_intake_durable(self->intake);
    if (self->first_item != self->counted.last_item + 1)
        return av_error_set(&self->err, AV_ERR_BUSY, "item %llu was offered where item %llu is due",
            (unsigned long long)self->first_item, (unsigned long long)self->counted.last_item + 1);
    return AV_OK;
}

static av_step
feed_slice(av_put *self)
{
    size_t n = AV_MIN((size_t)SLICE, self->batch.n - self->fed);

    self->rc = av_intake_feed(self->intake, av_span_of(self->batch.p + self->fed, n), &self->err);
    self->fed += n;
    return self->rc == AV_OK && self->fed < self->batch.n ? AV_STEP_AGAIN : AV_STEP_DONE;
}

/* The process's counters of messages checked and archived. */
static void
count(av_put *self)
{
    av_instance *in = self->runs->in;

    if (self->durable.last_item <= self->counted.last_item)
        return;
    atomic_fetch_add(&in->archived, self->durable.stored - self->counted.stored);
    atomic_fetch_add(&in->checked, self->durable.last_item - self->counted.last_item);
    self->counted = self->durable;
}

/* Whole items stay: they are committed before the intake is let go. */
void
av_put_close_intake(av_put *self)
{
    av_error err;

    (void)av_group_commit(self->runs->in->group, &err);
    if (self->intake != NULL)
        self->durable = *av_intake_durable(self->intake);
    count(self);
    av_intake_destroy(&self->intake);
}

av_step
av_put_step(av_job *job)
{
    av_put *self = AV_CONTAINER(job, av_put, job);
    av_step step = AV_STEP_DONE;

    self->rc = AV_OK;
    if (self->op == PUT_CLOSE) {
        av_put_close_intake(self);
        return AV_STEP_DONE;
    }
    if (self->op == PUT_FEED && atomic_load(&self->closed))
        return AV_STEP_DONE;
    if (self->intake == NULL)
        self->rc = open_intake(self);
    if (self->rc == AV_OK) {
        if (self->op == PUT_FEED)
            step = feed_slice(self);
        else if (self->op == PUT_FLUSH)
            self->rc = av_group_commit(self->runs->in->group, &self->err);
        else
            self->rc = av_intake_end(self->intake, AV_RUN_FINISHED, &self->err);
    }
    if (self->rc != AV_OK)
        self->rc = av_heal_explain(self->runs->in, &self->err);
    if (step == AV_STEP_DONE && self->intake != NULL) {
        self->seen = *av_intake_seen(self->intake);
        self->durable = *av_intake_durable(self->intake);
        count(self);
    }
    return step;
}
