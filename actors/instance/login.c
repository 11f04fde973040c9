/*
 * login.c - who may try to log in, what comes of it, Logout
 *
 * login_password.c and login_scram.c check; here are the throttle by user and by address, the session, the log. Unknown user,
 * user without a password and wrong password give the same sentence. A user whom directory services check is told so: no
 * mail client could find out otherwise, and the try counts as a failed one.
 */
#include <arpa/inet.h>

#include "actors/instance/login_priv.h"
#include "actors/instance/privileges.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/unicode.h"

#define LOGINS_MAX 64 /* being checked at once */

static void
try_free(av_login_try *l)
{
    if (l->kind->release != NULL)
        l->kind->release(l);
    free(l->user);
    free(l->folded);
    free(l->client);
    free(l->address);
    free(l->stored_name);
    free(l);
}

/* ---- the check, on a reader ---- */

static av_step
on_step(av_job *job)
{
    av_login_try *l = AV_CONTAINER(job, av_login_try, job);
    AV_CLEANUP(av_user_destroy) av_user *user = NULL;
    av_meta_view *view = av_accounts_snapshot(l->in->archive->accounts);

    l->rc = av_user_load(view, av_span_str(l->user), &user, &l->err);
    av_meta_view_destroy(&view);
    if (l->rc == AV_ERR_NOT_FOUND || l->rc == AV_ERR_INVALID)
        l->rc = AV_OK;
    if (l->rc != AV_OK)
        return AV_STEP_DONE;
    l->elsewhere = user != NULL && user->authentication != ARCHIVOLT__AUTHENTICATION__AUTHENTICATION_INTEGRATED;
    l->kind->check(l, l->elsewhere ? NULL : user);
    if (l->right && user != NULL) {
        l->stored_name = av_xstrdup(user->name);
        l->may_login = av_privileges_may_login(user->privileges);
    }
    return AV_STEP_DONE;
}

/* ---- what comes of it ---- */

static void
refuse(av_login_try *l, int64_t now)
{
    av_throttle_failed(l->in->by_user, av_span_str(l->folded), now);
    av_throttle_failed(l->in->by_address, av_span_str(l->address), now);
    AV_LOG(AV_LOG_WARN, "login.failed", AV_STR("user", l->user), AV_STR("client", l->client),
        AV_STR("from", av_request_from(l->request)), AV_STR("trace", av_request_trace(l->request)));
    if (l->elsewhere)
        av_request_failf(l->request, AV_ERR_UNSUPPORTED,
            "this user logs in by an outside identity provider, which cannot be asked here; an app password made for "
            "him "
            "will serve in its place");
    else
        av_request_failf(l->request, AV_ERR_AUTH, "user name or password is wrong");
}

static void
admit(av_login_try *l, int64_t now)
{
    av_session *session;
    av_error err;

    av_throttle_succeeded(l->in->by_user, av_span_str(l->folded));
    if (!l->may_login) {
        av_request_failf(
            l->request, AV_ERR_DENIED, "user \"%s\" may not log in: he lacks the privilege \"login\"", l->stored_name);
        return;
    }
    if (av_sessions_issue(
            l->in->sessions, av_request_from(l->request), l->stored_name, l->client, now, &session, &err) != AV_OK) {
        av_request_fail(l->request, &err);
        return;
    }
    AV_LOG(AV_LOG_INFO, "login", AV_STR("user", l->stored_name), AV_STR("client", l->client),
        AV_STR("from", av_request_from(l->request)), AV_STR("trace", av_request_trace(l->request)));
    l->kind->admitted(l, session);
}

static void
on_done(av_job *job)
{
    av_login_try *l = AV_CONTAINER(job, av_login_try, job);
    int64_t now = av_clock_mono_ms();

    l->in->logins--;
    l->in->answered++;
    av_instance_touch(l->in);
    if (job->dropped)
        av_request_failf(l->request, AV_ERR_UNAVAILABLE, "the instance is stopping");
    else if (l->rc != AV_OK)
        av_request_fail(l->request, &l->err);
    else if (l->kind->only_looks)
        l->kind->looked(l);
    else if (!l->right)
        refuse(l, now);
    else
        admit(l, now);
    try_free(l);
}

/* ---- who may try ---- */

/* "imap 192.0.2.1" -> the address, of IPv6 what one customer gets; without one the calling actor stands for it. */
static char *
address_of(const char *client, const char *from)
{
    const char *blank = strrchr(client, ' ');
    struct in6_addr v6;

    if (blank == NULL || blank[1] == '\0')
        return av_span_dup(av_span_of(from, strcspn(from, "#")));
    if (inet_pton(AF_INET6, blank + 1, &v6) == 1)
        return av_xasprintf("%02x%02x:%02x%02x:%02x%02x:%02x%02x::/64", v6.s6_addr[0], v6.s6_addr[1], v6.s6_addr[2],
            v6.s6_addr[3], v6.s6_addr[4], v6.s6_addr[5], v6.s6_addr[6], v6.s6_addr[7]);
    return av_xstrdup(blank + 1);
}

static bool
is_throttled(const av_login_try *l)
{
    int64_t now = av_clock_mono_ms();
    int64_t by_user = av_throttle_wait_ms(l->in->by_user, av_span_str(l->folded), now);
    int64_t by_address = av_throttle_wait_ms(l->in->by_address, av_span_str(l->address), now);
    int64_t wait = AV_MAX(by_user, by_address);

    if (wait == 0)
        return false;
    av_request_failf(
        l->request, AV_ERR_LIMIT, "too many failed logins: try again in %lld s", (long long)(wait + 999) / 1000);
    return true;
}

av_login_try *
av_login_begin(
    av_instance *in, av_request *request, const av_login_kind *kind, size_t size, const char *user, const char *client)
{
    AV_CLEANUP(av_buf_release) av_buf folded = { 0 };
    av_login_try *l;

    if (!av_instance_admit(in, request, in->readers))
        return NULL;
    if (in->logins >= LOGINS_MAX) {
        av_request_failf(request, AV_ERR_BUSY, "too many logins are being checked: try again");
        return NULL;
    }
    av_buf_init(&folded, 8192);
    (void)av_unicode_fold(av_span_str(user), &folded);
    l = av_xcalloc(1, size);
    l->in = in;
    l->request = request;
    l->kind = kind;
    l->job.step = on_step;
    l->job.done = on_done;
    l->user = av_xstrdup(user);
    l->folded = av_span_dup(av_buf_span(&folded));
    l->client = av_xstrdup(client == NULL ? "" : client);
    l->address = address_of(l->client, av_request_from(request));
    l->job.lane = av_lane_of(av_span_str(l->address));
    if (!is_throttled(l))
        return l;
    try_free(l);
    return NULL;
}

void
av_login_submit(av_login_try *self)
{
    self->in->logins++;
    av_pool_submit(self->in->readers, &self->job);
}

void
av_login_drop(av_login_try *self)
{
    try_free(self);
}

/* ---- Logout ---- */

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
av_login_serve(av_instance *self)
{
    static const av_handler handlers[] = { { "archivolt.Instance.Logout", on_logout } };

    av_bus_serve(self->bus, handlers, AV_COUNT(handlers), self);
    av_login_password_serve(self);
    av_login_scram_serve(self);
}
