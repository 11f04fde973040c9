/*
 * login.c - see login_priv.h: the name taken apart, the instance found, the end of a login
 *
 *   demo/alice -> Management.ResolveInstance -> found (the mechanism asks the instance) -> admit or refuse
 *
 * Unknown instance, unknown user and wrong password get one sentence, and not before a second has passed, so that time does
 * not tell them apart. The instance slows down who guesses at its users; here an address is slowed down that tries name after
 * name, of whichever instance: a success does not make its failures forgotten, else one right password would pay for ten
 * wrong ones. Source: RFC 3501, 6.2; RFC 5530.
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/unicode.h"
#include "gateway/imap/login_priv.h"
#include "gateway/limits.h"
#include "proto/instance.pb-c.h"
#include "proto/management.pb-c.h"

#define INSTANCE_MAX       63 /* decisions: names */
#define USER_MAX           255
#define PASSWORD_MAX       512
#define RESOLVE_TIMEOUT_MS 15000
#define REFUSE_AFTER_MS    1000

/* A session the instance has issued, of which nobody will make use. */
static void
log_out(const av_imap_login *self)
{
    Archivolt__Empty body = ARCHIVOLT__EMPTY__INIT;
    av_call_spec spec = {
        .to = self->to,
        .method = "archivolt.Instance.Logout",
        .body = &body.base,
        .session = av_span_of(self->token, self->token_n),
        .no_retry = true,
    };

    (void)av_bus_call(self->bus, &spec);
}

static void
login_destroy(av_imap_login *self)
{
    if (self->token_n > 0)
        log_out(self);
    av_secret_wipe(self->token, sizeof self->token);
    if (self->free_way != NULL)
        self->free_way(self->way);
    free(self->user);
    av_secret_free(&self->password);
    free(self);
}

/* The session lets go of it. */
static void
login_leave(void *work)
{
    av_imap_login *self = work;

    self->session = NULL;
    if (!self->asked)
        login_destroy(self);
}

/* ---- the end ---- */

static void
tell_refusal(void *ctx)
{
    av_imap_session *session = ctx;
    const av_error err = ((av_imap_login *)session->work)->refused;

    session->timer = NULL;
    if (++session->failed_logins >= av_gateway_get_settings(session->imap->gateway)->imap_failed_logins)
        av_imap_session_bye(session, "too many failed logins");
    if (err.code == AV_ERR_AUTH)
        av_imap_session_done(session, "NO", "AUTHENTICATIONFAILED", "user name or password is wrong");
    else if (err.code == AV_ERR_DENIED)
        av_imap_session_done(session, "NO", "AUTHORIZATIONFAILED", "%s", err.msg);
    else if (err.code == AV_ERR_UNSUPPORTED)
        av_imap_session_done(session, "NO", "CONTACTADMIN", "%s", err.msg);
    else
        av_imap_session_done(session, "NO", "UNAVAILABLE", "%s", err.msg);
}

static av_address_key
address_of(const av_imap_session *session)
{
    socklen_t size;

    return av_address_key_of(av_conn_sockaddr(session->conn, &size));
}

void
av_imap_login_refuse(av_imap_session *session, const av_error *err)
{
    av_imap_login *self = session->work;
    av_address_key key = address_of(session);
    int64_t now = av_clock_mono_ms(), wait = self->began_ms + REFUSE_AFTER_MS - now;

    if (err->code == AV_ERR_AUTH || err->code == AV_ERR_UNSUPPORTED)
        av_throttle_failed(session->imap->by_address, av_span_of(key.bytes, key.n), now);
    AV_LOG(AV_LOG_INFO, "imap.login_failed", AV_U64("conn", av_conn_number(session->conn)),
        AV_STR("peer", av_conn_peer(session->conn)), AV_STR("user", session->user), AV_STR("by", self->mechanism),
        AV_STR("trace", av_imap_session_trace(session).hex), AV_ERRF(err));
    av_imap_session_note(session, "login by %s failed: %s", self->mechanism, err->msg);
    self->refused = *err;
    assert(session->timer == NULL);
    session->timer =
        av_loop_add_timer(av_gateway_loop(session->imap->gateway), (uint64_t)AV_MAX(wait, 0), 0, tell_refusal, session);
}

void
av_imap_login_admit(av_imap_login *self)
{
    av_imap_session *session = self->session;

    AV_LOG(AV_LOG_INFO, "imap.login", AV_U64("conn", av_conn_number(session->conn)),
        AV_STR("peer", av_conn_peer(session->conn)), AV_STR("user", session->user), AV_STR("instance", self->to),
        AV_STR("by", self->mechanism), AV_STR("tls", av_conn_tls_version(session->conn)),
        AV_STR("trace", av_imap_session_trace(session).hex));
    av_imap_session_note(session, "login by %s, %s", self->mechanism, av_conn_tls_version(session->conn));
    av_imap_session_logged_in(session, self->to, av_span_of(self->token, self->token_n));
    self->token_n = 0; /* the session's, now */
    av_imap_session_write(session, av_span_str("* "));
    av_imap_session_write_capabilities(session);
    av_imap_session_write(session, av_span_str("\r\n"));
    av_imap_session_done(session, "OK", NULL, "logged in");
}

bool
av_imap_login_answered(av_imap_login *self, av_span token)
{
    self->asked = false;
    self->token_n = AV_MIN(token.n, sizeof self->token);
    if (self->token_n > 0)
        memcpy(self->token, token.p, self->token_n);
    if (self->session != NULL)
        return true;
    login_destroy(self);
    return false;
}

/* ---- the beginning ---- */

static void
refuse_name(av_imap_session *session)
{
    av_error err;

    (void)av_error_set(&err, AV_ERR_AUTH, "no such instance, or the name is not instance/user");
    av_imap_login_refuse(session, &err);
}

static void
on_instance(av_imap_session *session, const ProtobufCMessage *reply, const av_error *err)
{
    av_imap_login *self = session->work;

    if (err != NULL && (err->code == AV_ERR_NOT_FOUND || err->code == AV_ERR_INVALID)) {
        refuse_name(session);
        return;
    }
    if (err != NULL) {
        av_imap_login_refuse(session, err);
        return;
    }
    (void)snprintf(
        self->to, sizeof self->to, "instance/%s", ((const Archivolt__ResolveInstanceReply *)reply)->instance_id);
    av_imap_log_unref(&session->log);
    if (((const Archivolt__ResolveInstanceReply *)reply)->imap_connection_log)
        session->log = av_imap_logs_ref(session->imap->logs, self->to + strlen("instance/"));
    self->found(self);
}

/* What can be a name or a password of somebody. */
static bool
is_possible(av_span text, size_t most)
{
    return text.n > 0 && text.n <= most && av_utf8_valid(text) && memchr(text.p, '\0', text.n) == NULL;
}

/* An address that has failed too often is not listened to for a while. */
static bool
is_throttled(av_imap_session *session)
{
    av_address_key key = address_of(session);
    int64_t wait = av_throttle_wait_ms(session->imap->by_address, av_span_of(key.bytes, key.n), av_clock_mono_ms());
    av_error err;

    if (wait == 0)
        return false;
    (void)av_error_set(&err, AV_ERR_LIMIT, "too many failed logins from this address: try again in %lld s",
        (long long)(wait + 999) / 1000);
    av_imap_login_refuse(session, &err);
    return true;
}

/* instance/user: split at the first slash (decisions: names). */
static void
resolve(av_imap_session *session, av_span name, const av_span *password)
{
    Archivolt__ResolveInstanceRequest body = ARCHIVOLT__RESOLVE_INSTANCE_REQUEST__INIT;
    AV_CLEANUP(av_free) char *instance = NULL;
    av_imap_login *self = session->work;
    size_t slash = av_span_find(name, '/');
    av_span user = av_span_skip(name, AV_MIN(slash + 1, name.n));

    if (!is_possible(av_span_slice(name, 0, slash), INSTANCE_MAX) || !is_possible(user, USER_MAX) ||
        (password != NULL && !is_possible(*password, PASSWORD_MAX))) {
        refuse_name(session);
        return;
    }
    instance = av_span_dup(av_span_slice(name, 0, slash));
    self->user = av_span_dup(user);
    self->password = password == NULL ? NULL : av_span_dup(*password);
    body.name = instance;
    av_imap_session_call(
        session, "management", "archivolt.Management.ResolveInstance", &body.base, RESOLVE_TIMEOUT_MS, on_instance);
}

void
av_imap_login_begin(av_imap_session *session, const char *mechanism, av_span name, const av_span *password,
    void (*found)(av_imap_login *self), void *way, void (*free_way)(void *way))
{
    av_imap_login *self = av_xcalloc(1, sizeof *self);

    self->session = session;
    self->bus = av_gateway_bus(session->imap->gateway);
    self->mechanism = mechanism;
    self->found = found;
    self->way = way;
    self->free_way = free_way;
    self->began_ms = av_clock_mono_ms();
    (void)snprintf(self->client, sizeof self->client, "imap %s", av_conn_peer(session->conn));
    session->work = self;
    session->free_work = login_leave;
    free(session->user);
    session->user = av_span_dup(av_span_slice(name, 0, AV_MIN(name.n, (size_t)(INSTANCE_MAX + 1 + USER_MAX))));
    if (!is_throttled(session))
        resolve(session, name, password);
}
