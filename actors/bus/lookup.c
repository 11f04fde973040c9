/*
 * lookup.c - see lookup.h
 *
 * The broker only carries the entry: its signature, name and state are checked here, so a broker cannot put its own key
 * in the place of an instance's.
 */
#include "actors/bus/lookup.h"

#include "actors/bus/bus_priv.h"
#include "base/clock.h"

#define REMEMBER_MS 60000
#define KNOWN_MAX   1024

struct known {
    uint8_t public_key[AV_KEY_SIZE];
    int64_t until_ms;
};

struct job {
    av_link link;
    av_lookups *lookups;
    char name[AV_ACTOR_NAME_MAX + 1];
    av_call *call;        /* the broker is asked */
    av_loop_timer *timer; /* the key is known; told from the loop */
    uint8_t public_key[AV_KEY_SIZE];
    av_lookup_fn *done;
    void *ctx;
};

struct av_lookups {
    av_bus *bus;
    av_map *known; /* name -> struct known */
    av_link jobs;
};

av_lookups *
av_lookups_new(av_bus *bus)
{
    av_lookups *self = av_xcalloc(1, sizeof *self);

    self->bus = bus;
    self->known = av_map_new();
    av_link_init(&self->jobs);
    return self;
}

static void
end_job(struct job *job, const uint8_t *public_key, const av_error *err)
{
    av_link_remove(&job->link);
    av_loop_remove_timer(&job->timer);
    av_call_cancel(&job->call);
    job->done(job->ctx, public_key, err);
    free(job);
}

void
av_lookups_end_all(av_lookups *self)
{
    av_link *first;
    av_error err;

    (void)av_error_set(&err, AV_ERR_CANCELLED, "the actor is stopping");
    while ((first = av_link_pop(&self->jobs)) != NULL)
        end_job(AV_CONTAINER(first, struct job, link), NULL, &err);
}

void
av_lookups_destroy(av_lookups **self)
{
    if (*self == NULL)
        return;
    av_map_destroy(&(*self)->known, free);
    free(*self);
    *self = NULL;
}

void
av_lookups_forget(av_lookups *self, const char *actor_name)
{
    free(av_map_remove_str(self->known, actor_name));
}

static void
remember(av_lookups *self, const char *name, const uint8_t public_key[AV_KEY_SIZE])
{
    struct known *known;

    if (av_map_count(self->known) >= KNOWN_MAX) {
        av_map_destroy(&self->known, free);
        self->known = av_map_new();
    }
    known = av_xcalloc(1, sizeof *known);
    memcpy(known->public_key, public_key, AV_KEY_SIZE);
    known->until_ms = av_clock_mono_ms() + REMEMBER_MS;
    free(av_map_put_str(self->known, name, known));
}

static av_errc
check_entry(const struct job *job, const Archivolt__LookupReply *reply, uint8_t ret[AV_KEY_SIZE], av_error *err)
{
    Archivolt__RegistryEntry *entry = NULL;
    av_errc rc = av_registry_entry_open(reply->entry, job->lookups->bus->config.registry_key, &entry, err);

    if (rc != AV_OK)
        return rc;
    if (strcmp(entry->name, job->name) != 0)
        rc = av_error_set(err, AV_ERR_INVALID, "the broker gave the entry of %s for %s", entry->name, job->name);
    else if (entry->has_revoked && entry->revoked)
        rc = av_error_set(err, AV_ERR_DENIED, "the key of %s is revoked", job->name);
    else
        memcpy(ret, entry->public_key.data, AV_KEY_SIZE);
    archivolt__registry_entry__free_unpacked(entry, NULL);
    return rc;
}

static void
on_entry(void *ctx, av_call *call, const ProtobufCMessage *reply, const av_error *err)
{
    struct job *job = ctx;
    uint8_t key[AV_KEY_SIZE];
    av_error bad;

    (void)call;
    job->call = NULL;
    if (err == NULL && check_entry(job, (const Archivolt__LookupReply *)reply, key, &bad) != AV_OK)
        err = &bad;
    if (err == NULL)
        remember(job->lookups, job->name, key);
    end_job(job, err == NULL ? key : NULL, err);
}

static void
on_known(void *ctx)
{
    struct job *job = ctx;
    av_bus *bus = job->lookups->bus;

    job->timer = NULL;
    av_bus_enter(bus);
    end_job(job, job->public_key, NULL);
    av_bus_leave(bus);
}

void
av_lookups_ask(av_lookups *self, const char *actor_name, av_lookup_fn *done, void *ctx)
{
    struct known *known = av_map_get_str(self->known, actor_name);
    Archivolt__LookupRequest body = ARCHIVOLT__LOOKUP_REQUEST__INIT;
    struct job *job = av_xcalloc(1, sizeof *job);
    av_call_spec spec = { .to = "broker", .method = "archivolt.Broker.Lookup", .body = &body.base, .done = on_entry };

    job->lookups = self;
    job->done = done;
    job->ctx = ctx;
    (void)snprintf(job->name, sizeof job->name, "%s", actor_name);
    av_link_init(&job->link);
    av_link_add(&self->jobs, &job->link);
    if (known != NULL && known->until_ms > av_clock_mono_ms()) {
        memcpy(job->public_key, known->public_key, AV_KEY_SIZE);
        job->timer = av_loop_add_timer(self->bus->config.loop, 0, 0, on_known, job);
        return;
    }
    body.name = job->name;
    spec.ctx = job;
    job->call = av_bus_call(self->bus, &spec);
}

void
av_bus_lookup(av_bus *self, const char *actor_name, av_lookup_fn *done, void *ctx)
{
    av_lookups_ask(self->lookups, actor_name, done, ctx);
}
