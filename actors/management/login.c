/*
 * login.c - see login.h
 */
#include "actors/management/login.h"

#include <sodium.h>

#include "actors/bus/keys.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/throttle.h"
#include "proto/management.pb-c.h"

#define FREE_TRIES       5
#define USER_WAIT_MAX_S  30 /* a stranger must not be able to shut an administrator out for long */
#define PLACE_WAIT_MAX_S 900
#define REMEMBER_MS      (10 * 60 * 1000)
#define REMEMBERED_MAX   4096
#define WRONG            "the user name or the password is wrong"

struct memory {
    uint8_t mac[crypto_auth_hmacsha256_BYTES];
    int64_t until_mono_ms;
};

struct av_login {
    const av_admins *admins;
    av_hasher *hasher;
    const uint8_t *secret;
    char nobody[AV_PASSWORD_HASH_MAX];
    uint8_t boot_key[crypto_auth_hmacsha256_KEYBYTES];
    av_throttle *users, *places;
    av_map *remembered; /* folded user '\0' address -> struct memory */
};

/* One login at the hasher. */
struct
try {
    av_login *owner;
    av_request *request;
    char *user; /* as the administrator's record spells it, or as typed */
    char *address;
    av_buf folded;
    bool known;
    char hash[AV_PASSWORD_HASH_MAX]; /* what it is checked against */
    uint8_t mac[crypto_auth_hmacsha256_BYTES];
};

av_errc
av_login_new(const av_admins *admins, av_hasher *hasher, const uint8_t *secret, av_login **ret, av_error *err)
{
    av_login *self = av_xcalloc(1, sizeof *self);
    char password[24];
    av_errc rc;

    self->admins = admins;
    self->hasher = hasher;
    self->secret = secret;
    av_random_bytes(self->boot_key, sizeof self->boot_key);
    av_password_generate(password);
    rc = av_password_hash(password, self->nobody, err);
    av_secret_wipe(password, sizeof password);
    self->users = av_throttle_new(FREE_TRIES, USER_WAIT_MAX_S);
    self->places = av_throttle_new(FREE_TRIES, PLACE_WAIT_MAX_S);
    self->remembered = av_map_new();
    if (rc != AV_OK)
        av_login_destroy(&self);
    else
        *ret = self;
    return rc;
}

void
av_login_destroy(av_login **self)
{
    if (*self == NULL)
        return;
    av_map_destroy(&(*self)->remembered, free);
    av_throttle_destroy(&(*self)->users);
    av_throttle_destroy(&(*self)->places);
    av_secret_wipe((*self)->boot_key, sizeof(*self)->boot_key);
    free(*self);
    *self = NULL;
}

/* ---- memory of successes ---- */

static void
memory_key(const struct try *t, av_buf *out)
{
    av_buf_init(out, 4096);
    (void)av_buf_append_span(out, av_buf_span(&t->folded));
    (void)av_buf_putc(out, 0);
    (void)av_buf_puts(out, t->address);
}

static void
make_mac(const av_login *self, const char *password, struct try *t)
{
    crypto_auth_hmacsha256_state state;

    (void)crypto_auth_hmacsha256_init(&state, self->boot_key, sizeof self->boot_key);
    (void)crypto_auth_hmacsha256_update(&state, t->folded.p, t->folded.n);
    (void)crypto_auth_hmacsha256_update(&state, (const uint8_t *)t->address, strlen(t->address) + 1);
    (void)crypto_auth_hmacsha256_update(&state, (const uint8_t *)password, strlen(password));
    (void)crypto_auth_hmacsha256_final(&state, t->mac);
    av_secret_wipe(&state, sizeof state);
}

static bool
is_remembered(const av_login *self, const struct try *t)
{
    AV_CLEANUP(av_buf_release) av_buf key = { 0 };
    const struct memory *m;

    memory_key(t, &key);
    m = av_map_get(self->remembered, av_buf_span(&key));
    return t->known && m != NULL && m->until_mono_ms > av_clock_mono_ms() &&
           av_secret_eq(m->mac, t->mac, sizeof t->mac);
}

static void
forget_old(av_login *self)
{
    int64_t now = av_clock_mono_ms();
    size_t at = 0;
    av_span key;
    void *value;

    while (av_map_next(self->remembered, &at, &key, &value))
        if (((struct memory *)value)->until_mono_ms <= now)
            free(av_map_remove(self->remembered, key));
}

static void
remember(av_login *self, const struct try *t)
{
    AV_CLEANUP(av_buf_release) av_buf key = { 0 };
    struct memory *m;

    memory_key(t, &key);
    if (av_map_count(self->remembered) >= REMEMBERED_MAX)
        forget_old(self);
    if (key.full || av_map_count(self->remembered) >= REMEMBERED_MAX)
        return;
    m = av_xcalloc(1, sizeof *m);
    memcpy(m->mac, t->mac, sizeof m->mac);
    m->until_mono_ms = av_clock_mono_ms() + REMEMBER_MS;
    free(av_map_put(self->remembered, av_buf_span(&key), m));
}

void
av_login_forget(av_login *self, const char *user_name)
{
    AV_CLEANUP(av_buf_release) av_buf folded = { 0 };
    size_t at = 0;
    av_span key;
    void *value;
    av_error err;

    av_buf_init(&folded, 1024);
    if (av_admin_fold(user_name, &folded, &err) != AV_OK)
        return;
    while (av_map_next(self->remembered, &at, &key, &value))
        if (key.n > folded.n && memcmp(key.p, folded.p, folded.n) == 0 && key.p[folded.n] == 0)
            free(av_map_remove(self->remembered, key));
}

/* ---- answers ---- */

bool
av_ticket_issue(
    const char *user_name, const char *issued_to, int64_t expires_unix_ms, const uint8_t *secret, av_buf *out)
{
    Archivolt__AdminTicket ticket = ARCHIVOLT__ADMIN_TICKET__INIT;
    uint8_t signature[AV_SIGNATURE_SIZE];
    AV_CLEANUP(av_free) uint8_t *packed = NULL;
    size_t n;

    ticket.user_name = (char *)(uintptr_t)user_name;
    ticket.issued_to = (char *)(uintptr_t)issued_to;
    ticket.expires_unix_ms = expires_unix_ms;
    n = archivolt__admin_ticket__get_packed_size(&ticket);
    packed = av_xalloc(n);
    (void)archivolt__admin_ticket__pack(&ticket, packed);
    av_sign(av_span_of(packed, n), secret, signature);
    return av_buf_append(out, signature, sizeof signature) && av_buf_append(out, packed, n);
}

static void
reply_ticket(const av_login *self, const struct try *t)
{
    Archivolt__AdminLoginReply reply = ARCHIVOLT__ADMIN_LOGIN_REPLY__INIT;
    AV_CLEANUP(av_buf_release_secret) av_buf ticket = { 0 };

    av_buf_init(&ticket, 4096);
    reply.expires_unix_ms = av_clock_wall_ms() + AV_TICKET_MS;
    (void)av_ticket_issue(t->user, av_request_from(t->request), reply.expires_unix_ms, self->secret, &ticket);
    reply.ticket = (ProtobufCBinaryData){ ticket.n, ticket.p };
    av_request_reply(t->request, &reply.base);
}

static void
try_free(struct try *t)
{
    av_buf_release(&t->folded);
    av_secret_wipe(t->mac, sizeof t->mac);
    free(t->user);
    free(t->address);
    free(t);
}

static void
on_checked(void *ctx, const char *hash AV_UNUSED, bool right)
{
    struct try *t = ctx;
    av_login *self = t->owner;
    int64_t now = av_clock_mono_ms();
    const av_admin *admin = av_admins_find(self->admins, t->user);

    /* The password may have been changed, or the administrator deleted, while the thread worked. */
    if (right && t->known && admin != NULL && strcmp(admin->hash, t->hash) == 0) {
        av_throttle_succeeded(self->users, av_buf_span(&t->folded));
        av_throttle_succeeded(self->places, av_span_str(t->address));
        remember(self, t);
        AV_LOG(AV_LOG_INFO, "login.admin", AV_STR("user", t->user), AV_STR("address", t->address),
            AV_STR("trace", av_request_trace(t->request)));
        reply_ticket(self, t);
    } else {
        av_throttle_failed(self->users, av_buf_span(&t->folded), now);
        av_throttle_failed(self->places, av_span_str(t->address), now);
        AV_LOG(AV_LOG_WARN, "login.admin_failed", AV_STR("user", t->user), AV_STR("address", t->address),
            AV_STR("trace", av_request_trace(t->request)));
        av_request_failf(t->request, AV_ERR_AUTH, WRONG);
    }
    try_free(t);
}

/* Everything before the password is looked at. */
static bool
must_wait(av_login *self, av_request *request, const struct try *t)
{
    int64_t now = av_clock_mono_ms();
    int64_t wait = AV_MAX(av_throttle_wait_ms(self->users, av_buf_span(&t->folded), now),
        av_throttle_wait_ms(self->places, av_span_str(t->address), now));

    if (wait == 0)
        return false;
    /* Not BUSY: the caller's bus library would try that again by itself. */
    av_request_failf(
        request, AV_ERR_LIMIT, "too many failed logins: try again in %lld s", (long long)(wait + 999) / 1000);
    return true;
}

static void
serve_password(av_login *self, av_request *request, struct try *t, const char *password)
{
    const av_admin *admin = av_admins_find(self->admins, t->user);

    (void)snprintf(t->hash, sizeof t->hash, "%s", admin == NULL ? self->nobody : admin->hash);
    t->known = admin != NULL;
    if (admin != NULL) {
        free(t->user);
        t->user = av_xstrdup(admin->config->user_name);
    }
    make_mac(self, password, t);
    t->request = request;
    if (av_throttle_wait_ms(self->places, av_span_str(t->address), av_clock_mono_ms()) == 0 && is_remembered(self, t)) {
        reply_ticket(self, t);
    } else if (!must_wait(self, request, t)) {
        if (av_hasher_check(self->hasher, password, t->hash, on_checked, t))
            return; /* t goes on */
        av_request_failf(request, AV_ERR_BUSY, "too many logins at once: try again in a moment");
    }
    try_free(t);
}

void
av_login_serve(av_login *self, av_request *request, const ProtobufCMessage *body)
{
    const Archivolt__AdminLoginRequest *ask = (const void *)body;
    AV_CLEANUP(av_buf_release_secret) av_buf password = { 0 };
    struct try *t;
    av_error err = { 0 };

    av_buf_init(&password, 4096);
    if (av_unseal(av_span_of(ask->sealed_password.data, ask->sealed_password.len), av_bus_keys(av_request_bus(request)),
            &password, &err) != AV_OK) {
        av_request_fail(request, &err);
        return;
    }
    t = av_xcalloc(1, sizeof *t);
    t->owner = self;
    t->user = av_xstrdup(ask->user_name);
    t->address = av_xstrdup(ask->client_address == NULL ? av_request_from(request) : ask->client_address);
    av_buf_init(&t->folded, 1024);
    if (av_admin_fold(ask->user_name, &t->folded, &err) != AV_OK ||
        av_span_find(av_buf_span(&password), 0) < password.n) {
        av_request_failf(request, AV_ERR_AUTH, WRONG); /* no such name can exist: its time tells nothing */
        try_free(t);
        return;
    }
    serve_password(self, request, t, av_buf_cstr(&password));
}
