/*
 * auth.c - see auth.h
 *
 * An entry is one (user, password): QUEUED -> ASKING -> HELD until use_until_ms, or gone. In the map under its HMAC
 * from birth to end; the password is held only while QUEUED.
 */
#include "gateway/api/auth.h"

#include <sodium.h>

#include "actors/bus/login.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/secret.h"
#include "base/unicode.h"

#define TICKET_MAX        4096
#define MARGIN_MS         30000 /* a ticket is not used in its last half minute: the call must arrive before it ends */
#define LONGEST_MS        600000
#define ENTRIES_MAX       1000
#define SWEEP_MS          10000
#define NAME_MAX_BYTES    4096
#define QUEUED_PER_CLIENT 32 /* different logins of one address in line; more are refused */

typedef enum entry_state { QUEUED, ASKING, HELD } entry_state;

typedef struct entry {
    av_api_auth *auth;
    entry_state state;
    uint8_t key[crypto_auth_hmacsha256_BYTES];
    char *user, *password, *client;
    uint8_t trace[16]; /* of the request that asked first */
    char *folded;      /* user name as it is compared */
    av_buf ticket;
    int64_t use_until_ms;
    bool dropped; /* while ASKING: answer the waiters, do not keep */
    av_api_wait *waits;
    struct entry *next; /* in the queue, or among those asked */
} entry;

struct av_api_wait {
    entry *from;
    av_api_wait *next;
    av_api_auth_fn *fn;
    void *ctx;
};

struct av_api_auth {
    av_gateway *gateway;
    uint8_t boot_key[crypto_auth_hmacsha256_KEYBYTES];
    av_map *entries;
    uint64_t asking;
    entry *asked; /* those in state ASKING */
    entry *queue; /* oldest first */
    av_loop_timer *sweep;
};

static char *
fold(const char *user)
{
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };

    av_buf_init(&out, NAME_MAX_BYTES);
    if (!av_unicode_fold(av_span_str(user), &out))
        return av_xstrdup(user);
    return av_xstrdup(av_buf_cstr(&out));
}

static void
make_key(const av_api_auth *self, const char *user, const char *password, uint8_t *ret)
{
    crypto_auth_hmacsha256_state st;

    (void)crypto_auth_hmacsha256_init(&st, self->boot_key, sizeof self->boot_key);
    (void)crypto_auth_hmacsha256_update(&st, (const uint8_t *)user, strlen(user) + 1); /* the NUL parts the two */
    (void)crypto_auth_hmacsha256_update(&st, (const uint8_t *)password, strlen(password));
    (void)crypto_auth_hmacsha256_final(&st, ret);
    av_secret_wipe(&st, sizeof st);
}

static av_span
key_span(const entry *e)
{
    return av_span_of(e->key, sizeof e->key);
}

static void
free_entry(void *p)
{
    entry *e = p;

    assert(e->waits == NULL);
    av_secret_free(&e->password);
    free(e->user);
    free(e->client);
    free(e->folded);
    av_buf_release_secret(&e->ticket);
    free(e);
}

/* Tells every waiter; one may forget another of the list meanwhile. */
static void
tell(entry *e, const av_error *err)
{
    while (e->waits != NULL) {
        av_api_wait *w = e->waits;

        e->waits = w->next;
        w->fn(w->ctx, err == NULL ? av_buf_span(&e->ticket) : (av_span){ 0 }, err);
        free(w);
    }
}

static void
leave_asked(entry *e)
{
    entry **at = &e->auth->asked;

    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    e->next = NULL;
    e->auth->asking--;
}

static void start_queued(av_api_auth *self);

static void
on_login(void *ctx, av_span session, int64_t expires_unix_ms, const av_error *err)
{
    entry *e = ctx;
    av_api_auth *self = e->auth;
    int64_t left = AV_MIN(expires_unix_ms - av_clock_wall_ms(), LONGEST_MS) - MARGIN_MS;

    assert(e->state == ASKING);
    leave_asked(e);
    (void)av_map_remove(self->entries, key_span(e));
    if (err == NULL && !av_buf_append_span(&e->ticket, session)) {
        av_error too_long;

        (void)av_error_set(&too_long, AV_ERR_LIMIT, "management's ticket is longer than %d bytes", TICKET_MAX);
        tell(e, &too_long);
        free_entry(e);
    } else {
        e->state = HELD;
        e->use_until_ms = av_clock_mono_ms() + left;
        tell(e, err);
        if (err == NULL && !e->dropped && left > 0 && av_map_count(self->entries) < ENTRIES_MAX &&
            av_map_get(self->entries, key_span(e)) == NULL)
            (void)av_map_put(self->entries, key_span(e), e);
        else
            free_entry(e);
    }
    start_queued(self);
}

static void
ask(entry *e)
{
    av_api_auth *self = e->auth;

    e->state = ASKING;
    e->next = self->asked;
    self->asked = e;
    self->asking++;
    av_login(av_gateway_bus(self->gateway), &(av_login_spec){ .user = e->user,
                                                .password = e->password,
                                                .client = e->client,
                                                .trace = av_span_of(e->trace, sizeof e->trace),
                                                .done = on_login,
                                                .ctx = e });
    av_secret_free(&e->password);
}

static unsigned
count_client(const entry *list, const char *client)
{
    unsigned n = 0;

    for (; list != NULL; list = list->next)
        n += strcmp(list->client, client) == 0;
    return n;
}

/* One address gets a quarter of the places: who guesses passwords waits for himself alone. */
static bool
may_ask(const av_api_auth *self, const entry *e)
{
    uint64_t most = av_gateway_get_settings(self->gateway)->api_logins;

    return count_client(self->asked, e->client) < AV_MAX(most / 4, 1U);
}

static void
start_queued(av_api_auth *self)
{
    uint64_t most = av_gateway_get_settings(self->gateway)->api_logins;
    entry **at = &self->queue;

    while (*at != NULL && self->asking < most) {
        entry *e = *at;

        if (e->waits != NULL && !may_ask(self, e)) {
            at = &e->next;
            continue;
        }
        *at = e->next;
        if (e->waits != NULL) {
            ask(e);
            continue;
        }
        (void)av_map_remove(self->entries, key_span(e)); /* all who asked have gone */
        free_entry(e);
    }
}

static void
sweep(void *ctx)
{
    av_api_auth *self = ctx;
    int64_t now = av_clock_mono_ms();
    size_t at = 0;
    av_span key;
    void *value;

    while (av_map_next(self->entries, &at, &key, &value)) {
        entry *e = value;

        if (e->state == HELD && e->use_until_ms <= now) {
            (void)av_map_remove(self->entries, key_span(e));
            free_entry(e);
        }
    }
}

av_api_auth *
av_api_auth_new(av_gateway *gateway)
{
    av_api_auth *self = av_xcalloc(1, sizeof *self);

    self->gateway = gateway;
    self->entries = av_map_new();
    av_random_bytes(self->boot_key, sizeof self->boot_key);
    self->sweep = av_loop_add_timer(av_gateway_loop(gateway), SWEEP_MS, SWEEP_MS, sweep, self);
    return self;
}

void
av_api_auth_destroy(av_api_auth **self)
{
    av_api_auth *s = *self;

    if (s == NULL)
        return;
    assert(s->asking == 0);
    av_loop_remove_timer(&s->sweep);
    av_map_destroy(&s->entries, free_entry);
    av_secret_wipe(s->boot_key, sizeof s->boot_key);
    free(s);
    *self = NULL;
}

static av_api_wait *
add_wait(entry *e, av_api_auth_fn *fn, void *ctx)
{
    av_api_wait *w = av_xcalloc(1, sizeof *w);

    *w = (av_api_wait){ .from = e, .next = e->waits, .fn = fn, .ctx = ctx };
    e->waits = w;
    return w;
}

static entry *
new_entry(av_api_auth *self, const av_api_who *who, const uint8_t *key)
{
    entry *e = av_xcalloc(1, sizeof *e);

    e->auth = self;
    e->user = av_xstrdup(who->user);
    e->password = av_xstrdup(who->password);
    e->client = av_xstrdup(who->client);
    memcpy(e->trace, who->trace, sizeof e->trace);
    e->folded = fold(who->user);
    memcpy(e->key, key, sizeof e->key);
    av_buf_init(&e->ticket, TICKET_MAX);
    (void)av_map_put(self->entries, key_span(e), e);
    return e;
}

static void
enqueue(entry *e)
{
    entry **at = &e->auth->queue;

    while (*at != NULL)
        at = &(*at)->next;
    *at = e;
}

av_api_wait *
av_api_auth_get(av_api_auth *self, const av_api_who *who, av_api_auth_fn *fn, void *ctx)
{
    uint8_t key[crypto_auth_hmacsha256_BYTES];
    entry *e;
    av_api_wait *w;

    make_key(self, who->user, who->password, key);
    e = av_map_get(self->entries, av_span_of(key, sizeof key));
    if (e != NULL && e->state == HELD && e->use_until_ms > av_clock_mono_ms()) {
        fn(ctx, av_buf_span(&e->ticket), NULL);
        return NULL;
    }
    if (e != NULL && e->state == HELD) {
        (void)av_map_remove(self->entries, key_span(e));
        free_entry(e);
        e = NULL;
    }
    if (e != NULL)
        return add_wait(e, fn, ctx);
    if (av_map_count(self->entries) >= ENTRIES_MAX || count_client(self->queue, who->client) >= QUEUED_PER_CLIENT) {
        av_error err;

        (void)av_error_set(&err, AV_ERR_BUSY, "too many logins are under way; try again later");
        fn(ctx, (av_span){ 0 }, &err);
        return NULL;
    }
    e = new_entry(self, who, key);
    w = add_wait(e, fn, ctx);
    enqueue(e);
    start_queued(self);
    return w;
}

void
av_api_auth_forget(av_api_wait **wait)
{
    av_api_wait *w = *wait, **at;

    if (w == NULL)
        return;
    *wait = NULL;
    at = &w->from->waits;
    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    free(w);
}

void
av_api_auth_refused(av_api_auth *self, av_span ticket)
{
    size_t at = 0;
    av_span key;
    void *value;

    while (av_map_next(self->entries, &at, &key, &value)) {
        entry *e = value;

        if (e->state == HELD && av_span_eq(av_buf_span(&e->ticket), ticket)) {
            (void)av_map_remove(self->entries, key_span(e));
            free_entry(e);
            return;
        }
    }
}

void
av_api_auth_drop_user(av_api_auth *self, const char *user)
{
    AV_CLEANUP(av_free) char *folded = fold(user);
    size_t at = 0;
    av_span key;
    void *value;

    while (av_map_next(self->entries, &at, &key, &value)) {
        entry *e = value;

        if (strcmp(e->folded, folded) != 0)
            continue;
        e->dropped = true;
        if (e->state != HELD)
            continue;
        (void)av_map_remove(self->entries, key_span(e));
        free_entry(e);
    }
}
