/*
 * watch.c - see watch.h
 *
 * The question is asked again after each answer. When it fails (the instance was restarted, sleeps, is busy) it is asked
 * after a pause, and then every session asks for itself: one whose session has ended with the instance is told so.
 */
#include "gateway/imap/watch.h"

#include "proto/instance.pb-c.h"

#define WATCH_TIMEOUT_MS 40000 /* an answer comes after 25 s at the latest: the instance has died or hangs */
#define REFRESHES_MOST   8     /* sessions asked about at the same time */
#define PAUSE_MS         2000
#define PAUSE_MAX_MS     60000

struct av_imap_watch {
    av_imap_watch *next;
    av_imap *imap;
    char *instance;
    size_t sessions, refreshing;
    av_call *call;
    av_loop_timer *pause;
    uint32_t pause_ms;
    char process[64]; /* empty: nothing is known */
    uint64_t number;
};

/* ---- sessions ---- */

static void pump(av_imap_watch *self);

/* Trouble is not told: the next question may go well, and the next command says what is wrong. */
static void
after_refresh(av_imap_session *session, const av_error *err)
{
    av_imap_watch *self = session->watch;

    session->refreshing = false;
    self->refreshing--;
    if (err != NULL && err->code == AV_ERR_AUTH)
        av_imap_session_bye(session, "the session has ended: please log in again");
    pump(self);
}

static bool
may_refresh(const av_imap_watch *self, const av_imap_session *session)
{
    return session->watch == self && session->stale && !session->refreshing && !session->ending &&
           session->call == NULL && av_imap_session_drained(session);
}

static void
pump(av_imap_watch *self)
{
    av_imap_session *session = self->imap->sessions;

    for (; session != NULL && self->refreshing < REFRESHES_MOST; session = session->next) {
        if (!may_refresh(self, session))
            continue;
        session->stale = false;
        session->refreshing = true;
        self->refreshing++;
        av_imap_session_refresh(session, after_refresh);
    }
}

static bool
has_mailbox(const av_imap_session *session)
{
    return session->mailbox != NULL && !session->mailbox->is_empty_inbox;
}

static bool
is_named(const av_imap_session *session, const Archivolt__WatchReply *reply)
{
    for (size_t i = 0; i < reply->n_mailboxes; i++) {
        if (reply->mailboxes[i].len == AV_IMAP_GUID_SIZE &&
            memcmp(reply->mailboxes[i].data, session->mailbox->guid, AV_IMAP_GUID_SIZE) == 0)
            return true;
    }
    return false;
}

/* reply NULL: any mailbox may have changed. */
static void
mark(av_imap_watch *self, const Archivolt__WatchReply *reply)
{
    for (av_imap_session *session = self->imap->sessions; session != NULL; session = session->next) {
        if (session->watch == self && has_mailbox(session) && (reply == NULL || is_named(session, reply)))
            session->stale = true;
    }
    pump(self);
}

/* ---- the question ---- */

static void ask(av_imap_watch *self);

static void
on_pause(void *ctx)
{
    av_imap_watch *self = ctx;

    self->pause = NULL; /* one shot */
    ask(self);
}

static void
on_answer(void *ctx, av_call *call AV_UNUSED, const ProtobufCMessage *message, const av_error *err)
{
    av_imap_watch *self = ctx;
    const Archivolt__WatchReply *reply = (const Archivolt__WatchReply *)message;
    bool anew;

    self->call = NULL;
    if (err != NULL) {
        self->process[0] = '\0';
        self->pause = av_loop_add_timer(av_gateway_loop(self->imap->gateway), self->pause_ms, 0, on_pause, self);
        self->pause_ms = AV_MIN(2 * self->pause_ms, (uint32_t)PAUSE_MAX_MS);
        mark(self, NULL);
        return;
    }
    anew = strcmp(self->process, reply->process) != 0;
    (void)snprintf(self->process, sizeof self->process, "%s", reply->process);
    self->number = reply->number;
    self->pause_ms = PAUSE_MS;
    ask(self);
    mark(self, anew || (reply->has_all && reply->all) ? NULL : reply);
}

static void
ask(av_imap_watch *self)
{
    Archivolt__WatchRequest body = ARCHIVOLT__WATCH_REQUEST__INIT;
    av_call_spec spec = {
        .to = self->instance,
        .method = "archivolt.Instance.Watch",
        .body = &body.base,
        .timeout_ms = WATCH_TIMEOUT_MS,
        .no_retry = true,
        .done = on_answer,
        .ctx = self,
    };

    if (self->process[0] != '\0') {
        body.process = self->process;
        body.has_number = 1;
        body.number = self->number;
    }
    self->call = av_bus_call(av_gateway_bus(self->imap->gateway), &spec);
}

/* ---- joining ---- */

static av_imap_watch *
watch_of(av_imap_session *session)
{
    av_imap_watch *self = session->imap->watches;

    while (self != NULL && strcmp(self->instance, session->instance) != 0)
        self = self->next;
    if (self != NULL)
        return self;
    self = av_xcalloc(1, sizeof *self);
    self->imap = session->imap;
    self->instance = av_xstrdup(session->instance);
    self->pause_ms = PAUSE_MS;
    self->next = session->imap->watches;
    session->imap->watches = self;
    ask(self);
    return self;
}

static void
destroy(av_imap_watch *self)
{
    av_imap_watch **at = &self->imap->watches;

    while (*at != self)
        at = &(*at)->next;
    *at = self->next;
    av_call_cancel(&self->call);
    if (self->pause != NULL)
        av_loop_remove_timer(&self->pause);
    free(self->instance);
    free(self);
}

void
av_imap_watch_join(av_imap_session *session)
{
    assert(session->watch == NULL);
    session->watch = watch_of(session);
    session->watch->sessions++;
    session->stale = has_mailbox(session); /* what came before it joined */
    pump(session->watch);
}

void
av_imap_watch_leave(av_imap_session *session)
{
    av_imap_watch *self = AV_TAKE(session->watch);

    if (self == NULL)
        return;
    if (session->refreshing)
        self->refreshing--;
    session->refreshing = session->stale = false;
    if (--self->sessions == 0)
        destroy(self);
    else
        pump(self);
}

void
av_imap_watch_go_on(av_imap_session *session)
{
    if (session->stale)
        pump(session->watch);
}
