/*
 * registrar_push.c - registry entries to the broker, in order, until it has them on disk
 */
#include "actors/management/registrar_priv.h"

#include "base/log.h"

#define BATCH_BYTES 32768 /* a request is one blob of at most 64 KB */
#define CALL_MS     10000
#define RETRY_MS    1000
#define WAIT_MS     20000

struct av_reg_waiter {
    av_registrar *owner;
    uint64_t serial;
    void (*done)(void *ctx, const av_error *err);
    void *ctx;
    av_loop_timer *timer;
    struct av_reg_waiter *next;
};

/* Takes the waiter at *at out of the list; it is the caller's then. */
static void
take_out(struct av_reg_waiter **at)
{
    struct av_reg_waiter *w = *at;

    *at = w->next;
    av_loop_remove_timer(&w->timer);
}

static void
unlink_waiter(struct av_reg_waiter *w)
{
    struct av_reg_waiter **at = &w->owner->waiters;

    while (*at != w)
        at = &(*at)->next;
    take_out(at);
}

static void
on_wait_over(void *ctx)
{
    struct av_reg_waiter *w = ctx;
    av_error err;

    w->timer = NULL;
    unlink_waiter(w);
    (void)av_error_set(&err, AV_ERR_UNAVAILABLE, "the broker has not confirmed registry entry %llu within %d s",
        (unsigned long long)w->serial, WAIT_MS / 1000);
    w->done(w->ctx, &err);
    free(w);
}

void
av_registrar_when_held(av_registrar *self, uint64_t serial, void (*done)(void *ctx, const av_error *err), void *ctx)
{
    struct av_reg_waiter *w;

    if (serial <= self->held) {
        done(ctx, NULL);
        return;
    }
    w = av_xcalloc(1, sizeof *w);
    *w = (struct av_reg_waiter){ .owner = self, .serial = serial, .done = done, .ctx = ctx, .next = self->waiters };
    w->timer = av_loop_add_timer(av_bus_loop(self->bus), WAIT_MS, 0, on_wait_over, w);
    self->waiters = w;
}

/* One at a time, from the front again each time: done may add waiters. */
static void
tell_waiters(av_registrar *self)
{
    for (struct av_reg_waiter **at = &self->waiters; *at != NULL;) {
        struct av_reg_waiter *w = *at;

        if (w->serial > self->held) {
            at = &w->next;
            continue;
        }
        take_out(at);
        w->done(w->ctx, NULL);
        free(w);
        at = &self->waiters;
    }
}

static void
on_retry(void *ctx)
{
    av_registrar *self = ctx;

    self->retry = NULL;
    av_registrar_pump(self);
}

static void
take_answer(av_registrar *self, uint64_t serial)
{
    av_error err;

    self->asked = true;
    self->held = serial;
    if (serial <= self->serial)
        return;
    AV_LOG(AV_LOG_WARN, "registry.broker_ahead", AV_U64("broker", serial), AV_U64("own", self->serial));
    if (av_registrar_raise(self, serial, &err) != AV_OK)
        AV_LOG(AV_LOG_ERROR, "registry.serial_not_saved", AV_ERRF(&err));
}

static void
on_answer(void *ctx, av_call *call AV_UNUSED, const ProtobufCMessage *reply, const av_error *err)
{
    av_registrar *self = ctx;

    self->call = NULL;
    if (err == NULL) {
        take_answer(self, ((const Archivolt__UpdateRegistryReply *)(const void *)reply)->serial);
        tell_waiters(self);
        av_registrar_pump(self);
        return;
    }
    if (err->code == AV_ERR_CANCELLED)
        return; /* the bus ends */
    AV_LOG(AV_LOG_WARN, "registry.not_pushed", AV_ERRF(err));
    if (self->retry == NULL)
        self->retry = av_loop_add_timer(av_bus_loop(self->bus), RETRY_MS, 0, on_retry, self);
}

/* Entries above what the broker holds, as many as fit. */
static size_t
fill_batch(const av_registrar *self, Archivolt__SignedEntry **batch, size_t most)
{
    size_t n = 0, bytes = 0;

    for (size_t i = 0; i < self->count && n < most; i++) {
        const av_reg_entry *e = self->ordered[i];

        if (e->fields->serial <= self->held)
            continue;
        bytes += e->packed_n + 4;
        if (n > 0 && bytes > BATCH_BYTES)
            break;
        batch[n++] = archivolt__signed_entry__unpack(NULL, e->packed_n, e->packed);
    }
    return n;
}

void
av_registrar_pump(av_registrar *self)
{
    enum { MOST = 256 };
    Archivolt__SignedEntry *batch[MOST];
    Archivolt__UpdateRegistryRequest body = ARCHIVOLT__UPDATE_REGISTRY_REQUEST__INIT;
    av_call_spec spec = { .to = "broker",
        .method = "archivolt.Broker.UpdateRegistry",
        .body = &body.base,
        .timeout_ms = CALL_MS,
        .done = on_answer,
        .ctx = self };
    size_t n;

    if (self->bus == NULL || self->call != NULL || self->retry != NULL || !av_bus_is_ready(self->bus))
        return;
    /* The first question after a connection has no entries: its answer says what the broker holds. */
    n = self->asked ? fill_batch(self, batch, MOST) : 0;
    if (self->asked && n == 0)
        return;
    body.entries = batch;
    body.n_entries = n;
    self->call = av_bus_call(self->bus, &spec);
    for (size_t i = 0; i < n; i++)
        archivolt__signed_entry__free_unpacked(batch[i], NULL);
}

void
av_registrar_attach(av_registrar *self, av_bus *bus)
{
    self->bus = bus;
}

void
av_registrar_connected(av_registrar *self)
{
    av_call_cancel(&self->call);
    av_loop_remove_timer(&self->retry);
    self->asked = false;
    self->held = 0;
    av_registrar_pump(self);
}

void
av_registrar_push_end(av_registrar *self)
{
    av_loop_remove_timer(&self->retry);
    while (self->waiters != NULL) {
        struct av_reg_waiter *w = self->waiters;

        take_out(&self->waiters);
        free(w);
    }
}
