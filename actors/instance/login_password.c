/*
 * login_password.c - Login: sealed password in, session out
 *
 * The password is checked on a reader (Argon2id). A success is remembered for some minutes as an HMAC with a key that lives
 * and dies with the process (decisions.md 26): the same password for the same stored hash then costs no Argon2id. Unknown
 * user, user without a password and wrong password take the same time.
 */
#include <sodium.h>

#include "actors/instance/login_priv.h"
#include "base/clock.h"
#include "base/secret.h"
#include "base/unicode.h"

#define PASSWORD_MAX 1024 /* bytes */

/* Argon2id of a random password nobody knows, with the parameters of av_password_hash: what an unknown user is checked by. */
static const char decoy[] =
    "$argon2id$v=19$m=19456,t=2,p=1$WbzNKKYSBanqeCPpR2ZTSg$R7hE3H45LantsVe4mp3rK6zjgSwk8xslN942Viuhlf0";

typedef struct remembered {
    uint8_t hmac[32];
    int64_t until_mono_ms;
} remembered;

typedef struct password_try {
    av_login_try base;
    av_buf password;
    bool has_remembered;
    uint8_t remembered[32], hmac[32];
} password_try;

static void
release(av_login_try *base)
{
    password_try *l = AV_CONTAINER(base, password_try, base);

    av_buf_release_secret(&l->password);
    av_secret_wipe(l->hmac, sizeof l->hmac);
    av_secret_wipe(l->remembered, sizeof l->remembered);
}

/* What is remembered of a success: bound to the stored hash, so that a new password is not covered by an old success. */
static void
hmac_of(const password_try *l, const char *hash, uint8_t ret[32])
{
    crypto_auth_hmacsha256_state state;

    (void)crypto_auth_hmacsha256_init(&state, l->base.in->boot_key, sizeof l->base.in->boot_key);
    (void)crypto_auth_hmacsha256_update(&state, (const uint8_t *)l->base.folded, strlen(l->base.folded) + 1);
    (void)crypto_auth_hmacsha256_update(&state, (const uint8_t *)hash, strlen(hash) + 1);
    (void)crypto_auth_hmacsha256_update(&state, l->password.p, l->password.n);
    (void)crypto_auth_hmacsha256_final(&state, ret);
    av_secret_wipe(&state, sizeof state);
}

static void
check(av_login_try *base, const av_user *user)
{
    password_try *l = AV_CONTAINER(base, password_try, base);
    bool known = user != NULL && user->password[0] != '\0';
    const char *hash = known ? user->password : decoy;

    hmac_of(l, hash, l->hmac);
    if (l->has_remembered && known && av_secret_eq(l->hmac, l->remembered, sizeof l->hmac))
        base->right = true;
    else
        base->right = av_password_verify(hash, av_buf_cstr(&l->password)) && known;
}

static void
remember(const password_try *l)
{
    av_instance *in = l->base.in;
    remembered *r = av_map_get_str(in->remembered, l->base.folded);

    if (r == NULL) {
        r = av_xcalloc(1, sizeof *r);
        (void)av_map_put_str(in->remembered, l->base.folded, r);
    }
    memcpy(r->hmac, l->hmac, sizeof r->hmac);
    r->until_mono_ms = av_clock_mono_ms() + (int64_t)in->settings.remember_login_s * 1000;
}

static void
admitted(av_login_try *base, const av_session *session)
{
    Archivolt__LoginReply reply = ARCHIVOLT__LOGIN_REPLY__INIT;

    remember(AV_CONTAINER(base, password_try, base));
    reply.session.data = (uint8_t *)(uintptr_t)session->token;
    reply.session.len = sizeof session->token;
    reply.user_name = (char *)(uintptr_t)session->user;
    reply.idle_timeout_s = (uint32_t)base->in->settings.session_idle_s;
    av_request_reply(base->request, &reply.base);
}

static bool
take_password(password_try *l, const Archivolt__LoginRequest *body)
{
    av_error why;

    av_buf_init(&l->password, PASSWORD_MAX + 1);
    if (av_unseal(av_span_of(body->sealed_password.data, body->sealed_password.len), av_bus_keys(l->base.in->bus),
            &l->password, &why) != AV_OK) {
        av_request_failf(
            l->base.request, AV_ERR_INVALID, "the password is not sealed to this instance's key, or too long");
        return false;
    }
    return true;
}

static void
on_login(void *self, av_request *request, const ProtobufCMessage *message)
{
    static const av_login_kind kind = { .check = check, .admitted = admitted, .release = release };
    const Archivolt__LoginRequest *body = (const Archivolt__LoginRequest *)message;
    av_login_try *base = av_login_begin(self, request, &kind, sizeof(password_try), body->user_name, body->client);
    password_try *l;
    remembered *r;

    if (base == NULL)
        return;
    l = AV_CONTAINER(base, password_try, base);
    if (!take_password(l, body)) {
        av_login_drop(base);
        return;
    }
    r = av_map_get_str(base->in->remembered, base->folded);
    l->has_remembered = r != NULL && av_clock_mono_ms() < r->until_mono_ms;
    if (l->has_remembered)
        memcpy(l->remembered, r->hmac, sizeof l->remembered);
    av_login_submit(base);
}

void
av_login_forget(av_instance *self, const char *user)
{
    AV_CLEANUP(av_buf_release) av_buf folded = { 0 };
    int64_t now = av_clock_mono_ms();
    size_t at = 0;
    av_span key;
    void *value;

    av_buf_init(&folded, 8192);
    if (user != NULL)
        (void)av_unicode_fold(av_span_str(user), &folded);
    while (av_map_next(self->remembered, &at, &key, &value)) {
        if (user != NULL ? av_span_eq(key, av_buf_span(&folded)) : ((remembered *)value)->until_mono_ms < now)
            free(av_map_remove(self->remembered, key));
    }
}

void
av_login_destroy(av_instance *self)
{
    av_map_destroy(&self->remembered, free);
    av_secret_wipe(self->boot_key, sizeof self->boot_key);
}

void
av_login_password_serve(av_instance *self)
{
    static const av_handler handlers[] = { { "archivolt.Instance.Login", on_login } };

    av_bus_serve(self->bus, handlers, AV_COUNT(handlers), self);
}
