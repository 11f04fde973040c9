/*
 * wake.c - calls whose instance sleeps: its host is asked to start it, once for all of them (decisions.md 22)
 *
 * The first of the calls owns the question (waker); when it ends early, another takes the question over.
 */
#include "actors/bus/bus_priv.h"
#include "base/clock.h"
#include "proto/host.pb-c.h"

void
av_call_hand_over_waker(av_call *self)
{
    for (av_link *l = self->bus->call_list.next; self->waker != NULL && l != &self->bus->call_list; l = l->next) {
        av_call *other = AV_CONTAINER(l, av_call, link);

        if (other == self || other->state != AV_CALL_WAKING || strcmp(other->to, self->to) != 0)
            continue;
        other->waker = AV_TAKE(self->waker);
        other->waker->ctx = other;
    }
    av_call_cancel(&self->waker);
}

static void
on_woken(void *ctx, av_call *waker, const ProtobufCMessage *reply, const av_error *err)
{
    av_call *asker = ctx;
    av_bus *bus = asker->bus;
    char to[AV_SENDER_MAX];
    av_link *l;

    (void)waker;
    (void)reply;
    asker->waker = NULL;
    memcpy(to, asker->to, sizeof to);
    for (l = bus->call_list.next; l != &bus->call_list;) {
        av_call *call = AV_CONTAINER(l, av_call, link);

        if (call->state != AV_CALL_WAKING || strcmp(call->to, to) != 0) {
            l = l->next;
            continue;
        }
        if (err == NULL)
            av_call_send(call);
        else
            av_call_finish(call, NULL, err);
        l = bus->call_list.next; /* a callback may have changed the list; nothing sent is in this state any more */
    }
}

void
av_call_wake(av_call *self, const char *host)
{
    Archivolt__InstanceIdRequest body = ARCHIVOLT__INSTANCE_ID_REQUEST__INIT;
    av_call_spec spec = { .to = host, .method = "archivolt.Host.Wake", .done = on_woken, .ctx = self };
    int64_t left = self->deadline_ms - av_clock_mono_ms();
    bool asked = false;

    for (av_link *l = self->bus->call_list.next; l != &self->bus->call_list; l = l->next) {
        const av_call *other = AV_CONTAINER(l, av_call, link);

        asked = asked || (other->waker != NULL && strcmp(other->to, self->to) == 0);
    }
    self->state = AV_CALL_WAKING;
    self->next_ms = AV_CALL_NEVER;
    av_call_arm(self);
    if (asked)
        return;
    body.instance_id = self->to + strlen("instance/");
    spec.body = &body.base;
    spec.timeout_ms = (uint32_t)AV_MAX(left, 1);
    spec.trace = av_span_of(self->trace, sizeof self->trace);
    self->waker = av_bus_call(self->bus, &spec);
}
