/*
 * login.c - Login and Logout: sealed password in, session out
 *
 * The password is checked on a reader (Argon2id). A success is remembered for some minutes as an HMAC with a key that lives
 * and dies with the process (decisions.md 26): the same password for the same stored hash then costs no Argon2id. Unknown
 * user, user without a password and wrong password take the same time and give the same sentence.
 */
#include <sodium.h>

#include "actors/instance/instance_priv.h"
#include "actors/instance/privileges.h"
#include "actors/instance/user_row.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/unicode.h"

#define LOGINS_MAX   64   /* being checked at once */
#define PASSWORD_MAX 1024 /* bytes */

/* Argon2id of a random password nobody knows, with the parameters of av_password_hash: what an unknown user is checked by. */
static const char decoy[] =
    "$argon2id$v=19$m=19456,t=2,p=1$WbzNKKYSBanqeCPpR2ZTSg$R7hE3H45LantsVe4mp3rK6zjgSwk8xslN942Viuhlf0";

typedef struct remembered {
    uint8_t hmac[32];
    int64_t until_mono_ms;
} remembered;

typedef struct login {
    av_job job;
    av_instance *in;
    av_request *request;
    char *user, *folded, *address; /* address: client's, for the throttle */
    av_buf password;
    bool has_remembered;
    uint8_t remembered[32], hmac[32];
    bool right, may_login;
    char *stored_name;
    av_errc rc;
    av_error err;
} login;

static void
login_free(login *l)
{
    av_buf_release_secret(&l->password);
    av_secret_wipe(l->hmac, sizeof l->hmac);
    av_secret_wipe(l->remembered, sizeof l->remembered);
    free(l->user);
    free(l->folded);
    free(l->address);
    free(l->stored_name);
    free(l);
}

/* What is remembered of a success: bound to the stored hash, so that a new password is not covered by an old success. */
static void
hmac_of(const login *l, const char *hash, uint8_t ret[32])
{
    crypto_auth_hmacsha256_state state;

    (void)crypto_auth_hmacsha256_init(&state, l->in->boot_key, sizeof l->in->boot_key);
    (void)crypto_auth_hmacsha256_update(&state, (const uint8_t *)l->folded, strlen(l->folded) + 1);
    (void)crypto_auth_hmacsha256_update(&state, (const uint8_t *)hash, strlen(hash) + 1);
    (void)crypto_auth_hmacsha256_update(&state, l->password.p, l->password.n);
    (void)crypto_auth_hmacsha256_final(&state, ret);
    av_secret_wipe(&state, sizeof state);
}

static void
check(login *l, const av_user *user)
{
    bool known = user != NULL && user->password[0] != '\0' &&
                 user->authentication == ARCHIVOLT__AUTHENTICATION__AUTHENTICATION_INTEGRATED;
    const char *hash = known ? user->password : decoy;

    hmac_of(l, hash, l->hmac);
    if (l->has_remembered && known && av_secret_eq(l->hmac, l->remembered, sizeof l->hmac))
        l->right = true;
    else
        l->right = av_password_verify(hash, av_buf_cstr(&l->password)) && known;
    if (!l->right)
        return;
    l->stored_name = av_xstrdup(user->name);
    l->may_login = av_privileges_may_login(user->privileges);
}

static av_step
on_step(av_job *job)
{
    login *l = AV_CONTAINER(job, login, job);
    AV_CLEANUP(av_user_destroy) av_user *user = NULL;
    av_meta_view *view = av_accounts_snapshot(l->in->archive->accounts);

    l->rc = av_user_load(view, av_span_str(l->user), &user, &l->err);
    av_meta_view_destroy(&view);
    if (l->rc == AV_ERR_NOT_FOUND || l->rc == AV_ERR_INVALID)
        l->rc = AV_OK;
    if (l->rc == AV_OK)
        check(l, user);
    return AV_STEP_DONE;
}

static void
remember(login *l, int64_t now)
{
    remembered *r = av_map_get_str(l->in->remembered, l->folded);

    if (r == NULL) {
        r = av_xcalloc(1, sizeof *r);
        (void)av_map_put_str(l->in->remembered, l->folded, r);
    }
    memcpy(r->hmac, l->hmac, sizeof r->hmac);
    r->until_mono_ms = now + (int64_t)l->in->settings.remember_login_s * 1000;
}

static void
refuse(login *l, int64_t now)
{
    av_throttle_failed(l->in->by_user, av_span_str(l->folded), now);
    av_throttle_failed(l->in->by_address, av_span_str(l->address), now);
    AV_LOG(AV_LOG_WARN, "login.failed", AV_STR("user", l->user), AV_STR("client", l->address),
        AV_STR("from", av_request_from(l->request)), AV_STR("trace", av_request_trace(l->request)));
    av_request_failf(l->request, AV_ERR_AUTH, "user name or password is wrong");
}

static void
admit(login *l, int64_t now)
{
    Archivolt__LoginReply reply = ARCHIVOLT__LOGIN_REPLY__INIT;
    av_session *session;
    av_error err;

    av_throttle_succeeded(l->in->by_user, av_span_str(l->folded));
    remember(l, now);
    if (!l->may_login) {
        av_request_failf(
            l->request, AV_ERR_DENIED, "user \"%s\" may not log in: he lacks the privilege \"login\"", l->stored_name);
        return;
    }
    if (av_sessions_issue(l->in->sessions, av_request_from(l->request), l->stored_name, now, &session, &err) != AV_OK) {
        av_request_fail(l->request, &err);
        return;
    }
    AV_LOG(AV_LOG_INFO, "login", AV_STR("user", l->stored_name), AV_STR("client", l->address),
        AV_STR("from", av_request_from(l->request)), AV_STR("trace", av_request_trace(l->request)));
    reply.session.data = session->token;
    reply.session.len = sizeof session->token;
    reply.user_name = (char *)session->user;
    reply.idle_timeout_s = (uint32_t)l->in->settings.session_idle_s;
    av_request_reply(l->request, &reply.base);
}

static void
on_done(av_job *job)
{
    login *l = AV_CONTAINER(job, login, job);
    int64_t now = av_clock_mono_ms();

    l->in->logins--;
    l->in->answered++;
    av_instance_touch(l->in);
    if (job->dropped)
        av_request_failf(l->request, AV_ERR_UNAVAILABLE, "the instance is stopping");
    else if (l->rc != AV_OK)
        av_request_fail(l->request, &l->err);
    else if (!l->right)
        refuse(l, now);
    else
        admit(l, now);
    login_free(l);
}

/* "imap 192.0.2.1" -> the address; without one the calling actor stands for it. */
static char *
address_of(const char *client, const char *from)
{
    const char *blank = client == NULL ? NULL : strrchr(client, ' ');

    if (blank != NULL && blank[1] != '\0')
        return av_xstrdup(blank + 1);
    return av_span_dup(av_span_of(from, strcspn(from, "#")));
}

static bool
take_password(login *l, const Archivolt__LoginRequest *body)
{
    av_error why;

    av_buf_init(&l->password, PASSWORD_MAX + 1);
    if (av_unseal(av_span_of(body->sealed_password.data, body->sealed_password.len), av_bus_keys(l->in->bus),
            &l->password, &why) != AV_OK) {
        av_request_failf(l->request, AV_ERR_INVALID, "the password is not sealed to this instance's key, or too long");
        return false;
    }
    return true;
}

static bool
is_throttled(login *l)
{
    int64_t now = av_clock_mono_ms();
    int64_t wait = AV_MAX(av_throttle_wait_ms(l->in->by_user, av_span_str(l->folded), now),
        av_throttle_wait_ms(l->in->by_address, av_span_str(l->address), now));

    if (wait == 0)
        return false;
    av_request_failf(
        l->request, AV_ERR_LIMIT, "too many failed logins: try again in %lld s", (long long)(wait + 999) / 1000);
    return true;
}

static void
on_login(void *self, av_request *request, const ProtobufCMessage *message)
{
    const Archivolt__LoginRequest *body = (const Archivolt__LoginRequest *)message;
    AV_CLEANUP(av_buf_release) av_buf folded = { 0 };
    av_instance *in = self;
    remembered *r;
    login *l;

    if (!av_instance_admit(in, request, in->readers))
        return;
    if (in->logins >= LOGINS_MAX) {
        av_request_failf(request, AV_ERR_BUSY, "too many logins are being checked: try again");
        return;
    }
    av_buf_init(&folded, 8192);
    (void)av_unicode_fold(av_span_str(body->user_name), &folded);
    l = av_xcalloc(1, sizeof *l);
    l->in = in;
    l->request = request;
    l->job.step = on_step;
    l->job.done = on_done;
    l->user = av_xstrdup(body->user_name);
    l->folded = av_span_dup(av_buf_span(&folded));
    l->address = address_of(body->client, av_request_from(request));
    l->job.lane = av_lane_of(av_span_str(l->address));
    if (is_throttled(l) || !take_password(l, body)) {
        login_free(l);
        return;
    }
    r = av_map_get_str(in->remembered, l->folded);
    l->has_remembered = r != NULL && av_clock_mono_ms() < r->until_mono_ms;
    if (l->has_remembered)
        memcpy(l->remembered, r->hmac, sizeof l->remembered);
    in->logins++;
    av_pool_submit(in->readers, &l->job);
}

static void
on_logout(void *self, av_request *request, AV_UNUSED const ProtobufCMessage *message)
{
    Archivolt__Empty reply = ARCHIVOLT__EMPTY__INIT;
    av_instance *in = self;
    av_session *session = av_request_session(request);

    av_instance_touch(in);
    in->answered++;
    /* Looked up again: the session may have ended since the bus checked it. */
    session = av_sessions_check(
        in->sessions, av_request_from(request), av_span_of(session->token, sizeof session->token), av_clock_mono_ms());
    if (session != NULL)
        av_sessions_end(in->sessions, session);
    av_request_reply(request, &reply.base);
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
av_login_serve(av_instance *self)
{
    static const av_handler handlers[] = {
        { "archivolt.Instance.Login", on_login },
        { "archivolt.Instance.Logout", on_logout },
    };

    av_bus_serve(self->bus, handlers, AV_COUNT(handlers), self);
}
