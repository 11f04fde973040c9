/*
 * watch.c - see watch.h
 */
#include "actors/instance/watch.h"

#include "base/clock.h"

#define WATCHERS_MOST 64    /* a gateway has one; a further one is told busy */
#define WAIT_MS       25000 /* then an answer without news, which shows that the instance lives */
#define GATHER_MS     250   /* from a change to its answer: what follows it closely goes along */

typedef struct watcher {
    struct watcher *next;
    av_request *request;
    uint64_t number;
    int64_t until_mono_ms;
} watcher;

struct av_watch {
    av_instance *in;
    watcher *first;
    size_t count;
    av_loop_timer *timer;
    atomic_bool posted; /* a change is on its way from the writer's thread */
};

/* ---- answers ---- */

static void
answer(av_watch *self, av_request *request, uint64_t since, bool anew)
{
    Archivolt__WatchReply reply = ARCHIVOLT__WATCH_REPLY__INIT;
    uint8_t guids[AV_CHANGES_MOST][AV_CHANGES_GUID];
    ProtobufCBinaryData list[AV_CHANGES_MOST];
    size_t n = 0;

    reply.process = self->in->process_id;
    if (anew) {
        reply.number = av_changes_number(self->in->archive->changes);
    } else if (!av_changes_since(self->in->archive->changes, since, guids, &n, &reply.number)) {
        reply.has_all = 1;
        reply.all = 1;
    }
    for (size_t i = 0; i < n; i++)
        list[i] = (ProtobufCBinaryData){ sizeof guids[i], guids[i] };
    reply.mailboxes = list;
    reply.n_mailboxes = n;
    av_request_reply(request, &reply.base);
}

static void
unlink_watcher(av_watch *self, watcher **at)
{
    watcher *w = *at;

    *at = w->next;
    self->count--;
    free(w);
}

static void
on_time(void *ctx)
{
    av_watch *self = ctx;
    uint64_t number = av_changes_number(self->in->archive->changes);

    self->timer = NULL; /* one shot */
    for (watcher **at = &self->first; *at != NULL;) {
        av_request *request = (*at)->request;
        uint64_t since = (*at)->number;

        if (since == number) {
            at = &(*at)->next;
            continue;
        }
        unlink_watcher(self, at);
        answer(self, request, since, false);
    }
}

static void
arm(av_watch *self)
{
    if (self->timer == NULL && self->first != NULL)
        self->timer = av_loop_add_timer(self->in->loop, GATHER_MS, 0, on_time, self);
}

static void
on_posted(void *ctx)
{
    av_watch *self = ctx;

    atomic_store(&self->posted, false);
    arm(self);
}

/* Writer's thread. */
static void
on_change(void *ctx)
{
    av_watch *self = ctx;

    if (!atomic_exchange(&self->posted, true))
        av_loop_post(self->in->loop, on_posted, self);
}

/* ---- questions ---- */

/* The gateway does not want it any more, or is gone. */
static void
on_gone(void *ctx, av_request *request)
{
    av_watch *self = ctx;

    for (watcher **at = &self->first; *at != NULL; at = &(*at)->next) {
        if ((*at)->request != request)
            continue;
        unlink_watcher(self, at);
        break;
    }
    av_request_failf(request, AV_ERR_CANCELLED, "nobody waits any more");
}

static void
on_watch(void *owner, av_request *request, const ProtobufCMessage *message)
{
    av_watch *self = owner;
    const Archivolt__WatchRequest *body = (const Archivolt__WatchRequest *)message;
    watcher *w;

    if (self->in->stopping) {
        av_request_failf(request, AV_ERR_UNAVAILABLE, "the instance is stopping");
        return;
    }
    if (body->process == NULL || !body->has_number || strcmp(body->process, self->in->process_id) != 0) {
        answer(self, request, 0, true);
        return;
    }
    if (self->count == WATCHERS_MOST) {
        av_request_failf(request, AV_ERR_BUSY, "%d gateways watch this instance: try again later", WATCHERS_MOST);
        return;
    }
    w = av_xcalloc(1, sizeof *w);
    *w = (watcher){ self->first, request, body->number, av_clock_mono_ms() + WAIT_MS };
    self->first = w;
    self->count++;
    av_request_on_gone(request, on_gone, self);
    if (av_changes_number(self->in->archive->changes) != w->number)
        arm(self);
}

void
av_watch_tick(av_watch *self, int64_t now_mono_ms)
{
    for (watcher **at = &self->first; *at != NULL;) {
        av_request *request = (*at)->request;
        uint64_t since = (*at)->number;

        if (now_mono_ms < (*at)->until_mono_ms) {
            at = &(*at)->next;
            continue;
        }
        unlink_watcher(self, at);
        answer(self, request, since, false);
    }
}

/* ---- life ---- */

av_watch *
av_watch_new(av_instance *in)
{
    static const av_handler handlers[] = { { "archivolt.Instance.Watch", on_watch } };
    av_watch *self = av_xcalloc(1, sizeof *self);

    self->in = in;
    atomic_init(&self->posted, false);
    av_changes_set_wake(in->archive->changes, on_change, self);
    av_bus_serve(in->bus, handlers, AV_COUNT(handlers), self);
    return self;
}

void
av_watch_stop(av_watch *self)
{
    if (self == NULL)
        return;
    if (self->timer != NULL)
        av_loop_remove_timer(&self->timer);
    while (self->first != NULL) {
        av_request *request = self->first->request;

        unlink_watcher(self, &self->first);
        av_request_failf(request, AV_ERR_UNAVAILABLE, "the instance is stopping");
    }
}

void
av_watch_destroy(av_watch **self)
{
    if (*self == NULL)
        return;
    av_watch_stop(*self);
    free(*self);
    *self = NULL;
}
