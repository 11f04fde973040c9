/*
 * cmd_login.c - LOGIN and AUTHENTICATE PLAIN: name taken apart, instance found, password sealed to it
 *
 *   demo/alice -> Management.ResolveInstance -> av_login -> session of the instance
 *
 * Unknown instance, unknown user and wrong password get one sentence, and not before a second has passed, so that time does
 * not tell them apart; the instance itself slows down who guesses on. The password is wiped as soon as it is handed on.
 * Source: RFC 3501, 6.2.2, 6.2.3; RFC 4616 (PLAIN); RFC 4959 (initial response); RFC 5530.
 */
#include "actors/bus/login.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/unicode.h"
#include "gateway/imap/session_priv.h"
#include "proto/instance.pb-c.h"
#include "proto/management.pb-c.h"

#define INSTANCE_MAX       63 /* decisions: names */
#define USER_MAX           255
#define PASSWORD_MAX       512
#define RESPONSE_MAX       2048 /* bytes of a SASL response, decoded */
#define RESOLVE_TIMEOUT_MS 15000
#define REFUSE_AFTER_MS    1000
#define FAILED_LOGINS_MAX  5

/* Outlives the session while the instance is asked: av_login cannot be called back. */
typedef struct login {
    av_imap_session *session; /* NULL: it has ended */
    av_bus *bus;
    char *user, *password;
    char to[AV_ACTOR_NAME_MAX + 1];
    bool asked; /* av_login holds it */
    int64_t began_ms;
    av_error refused;
} login;

static void
login_destroy(login *self)
{
    free(self->user);
    av_secret_free(&self->password);
    free(self);
}

/* The session lets go of it. */
static void
login_leave(void *work)
{
    login *self = work;

    self->session = NULL;
    if (!self->asked)
        login_destroy(self);
}

/* ---- the end ---- */

static void
tell_refusal(void *ctx)
{
    av_imap_session *session = ctx;
    const av_error *err = &((login *)session->work)->refused;

    session->timer = NULL;
    if (++session->failed_logins >= FAILED_LOGINS_MAX)
        av_imap_session_bye(session, "too many failed logins");
    if (err->code == AV_ERR_AUTH)
        av_imap_session_done(session, "NO", "AUTHENTICATIONFAILED", "user name or password is wrong");
    else if (err->code == AV_ERR_DENIED)
        av_imap_session_done(session, "NO", "AUTHORIZATIONFAILED", "%s", err->msg);
    else
        av_imap_session_done(session, "NO", "UNAVAILABLE", "%s", err->msg);
}

static void
refuse(av_imap_session *session, const av_error *err)
{
    login *self = session->work;
    int64_t wait = self->began_ms + REFUSE_AFTER_MS - av_clock_mono_ms();

    AV_LOG(AV_LOG_INFO, "imap.login_failed", AV_U64("conn", av_conn_number(session->conn)),
        AV_STR("peer", av_conn_peer(session->conn)), AV_STR("user", session->user),
        AV_STR("trace", av_imap_session_trace(session).hex), AV_ERRF(err));
    self->refused = *err;
    assert(session->timer == NULL);
    session->timer =
        av_loop_add_timer(av_gateway_loop(session->imap->gateway), (uint64_t)AV_MAX(wait, 0), 0, tell_refusal, session);
}

static void
refuse_name(av_imap_session *session)
{
    av_error err;

    (void)av_error_set(&err, AV_ERR_AUTH, "no such instance, or the name is not instance/user");
    refuse(session, &err);
}

static void
admit(av_imap_session *session, const char *instance, av_span token)
{
    AV_LOG(AV_LOG_INFO, "imap.login", AV_U64("conn", av_conn_number(session->conn)),
        AV_STR("peer", av_conn_peer(session->conn)), AV_STR("user", session->user), AV_STR("instance", instance),
        AV_STR("tls", av_conn_tls_version(session->conn)), AV_STR("trace", av_imap_session_trace(session).hex));
    av_imap_session_logged_in(session, instance, token);
    av_imap_session_write(session, av_span_str("* "));
    av_imap_session_write_capabilities(session);
    av_imap_session_write(session, av_span_str("\r\n"));
    av_imap_session_done(session, "OK", NULL, "logged in");
}

/* ---- asking ---- */

/* The client has gone while the instance checked: its session ends at once. */
static void
log_out(const login *self, av_span token)
{
    Archivolt__Empty body = ARCHIVOLT__EMPTY__INIT;
    av_call_spec spec = {
        .to = self->to,
        .method = "archivolt.Instance.Logout",
        .body = &body.base,
        .session = token,
        .no_retry = true,
    };

    (void)av_bus_call(self->bus, &spec);
}

static void
on_login(void *ctx, av_span token, int64_t expires_unix_ms AV_UNUSED, const av_error *err)
{
    login *self = ctx;
    av_imap_session *session = self->session;

    self->asked = false;
    if (session == NULL) {
        if (err == NULL)
            log_out(self, token);
        login_destroy(self);
    } else if (err == NULL && token.n <= AV_IMAP_TOKEN_MAX) {
        admit(session, self->to, token);
    } else {
        av_error odd;

        if (err == NULL)
            (void)av_error_set(&odd, AV_ERR_INTERNAL, "the instance's session is too long");
        refuse(session, err == NULL ? &odd : err);
    }
}

static void
on_instance(av_imap_session *session, const ProtobufCMessage *reply, const av_error *err)
{
    login *self = session->work;
    const char *id;
    char client[80];

    if (err != NULL && (err->code == AV_ERR_NOT_FOUND || err->code == AV_ERR_INVALID)) {
        refuse_name(session);
        return;
    }
    if (err != NULL) {
        refuse(session, err);
        return;
    }
    id = ((const Archivolt__ResolveInstanceReply *)reply)->instance_id;
    (void)snprintf(self->to, sizeof self->to, "instance/%s", id);
    (void)snprintf(client, sizeof client, "imap %s", av_conn_peer(session->conn));
    self->asked = true;
    av_login(self->bus, &(av_login_spec){ .instance_id = id,
                            .user = self->user,
                            .password = self->password,
                            .client = client,
                            .trace = av_span_of(session->trace, sizeof session->trace),
                            .done = on_login,
                            .ctx = self });
    av_secret_free(&self->password);
    self->password = NULL;
}

/* What cannot be a name or a password of anybody. */
static bool
is_possible(av_span instance, av_span user, av_span password)
{
    const av_span all[] = { instance, user, password };
    const size_t most[] = { INSTANCE_MAX, USER_MAX, PASSWORD_MAX };

    for (size_t i = 0; i < AV_COUNT(all); i++) {
        if (all[i].n == 0 || all[i].n > most[i] || !av_utf8_valid(all[i]) || memchr(all[i].p, '\0', all[i].n) != NULL)
            return false;
    }
    return true;
}

/* instance/user: split at the first slash (decisions: names). */
static void
begin(av_imap_session *session, av_span name, av_span password)
{
    Archivolt__ResolveInstanceRequest body = ARCHIVOLT__RESOLVE_INSTANCE_REQUEST__INIT;
    AV_CLEANUP(av_free) char *instance = NULL;
    size_t slash = av_span_find(name, '/');
    login *self = av_xcalloc(1, sizeof *self);
    av_span user;

    self->session = session;
    self->bus = av_gateway_bus(session->imap->gateway);
    self->began_ms = av_clock_mono_ms();
    session->work = self;
    session->free_work = login_leave;
    free(session->user);
    session->user = av_span_dup(av_span_slice(name, 0, AV_MIN(name.n, (size_t)USER_MAX)));
    user = av_span_skip(name, AV_MIN(slash + 1, name.n));
    if (!is_possible(av_span_slice(name, 0, slash), user, password)) {
        refuse_name(session);
        return;
    }
    instance = av_span_dup(av_span_slice(name, 0, slash));
    self->user = av_span_dup(user);
    self->password = av_span_dup(password);
    body.name = instance;
    av_imap_session_call(
        session, "management", "archivolt.Management.ResolveInstance", &body.base, RESOLVE_TIMEOUT_MS, on_instance);
}

/* Passwords are not taken in clear, on no network (RFC 3501, 6.2.3: LOGINDISABLED). */
static bool
is_secure(av_imap_session *session)
{
    if (av_conn_is_secure(session->conn))
        return true;
    av_imap_session_done(session, "NO", "PRIVACYREQUIRED", "passwords are taken over TLS only: STARTTLS first");
    return false;
}

void
av_imap_cmd_login(av_imap_session *session, const av_imap_command *command)
{
    if (is_secure(session))
        begin(session, command->args[0], command->args[1]);
}

/* ---- AUTHENTICATE PLAIN ---- */

/* [authzid] NUL authcid NUL passwd (RFC 4616, 2). */
static void
take_plain(av_imap_session *session, av_span response)
{
    size_t first = av_span_find(response, '\0'), second;
    av_span rest, as, name;

    if (first == response.n) {
        av_imap_session_done(session, "BAD", NULL, "PLAIN is [authorize-id] NUL user NUL password");
        return;
    }
    as = av_span_slice(response, 0, first);
    rest = av_span_skip(response, first + 1);
    second = av_span_find(rest, '\0');
    if (second == rest.n) {
        av_imap_session_done(session, "BAD", NULL, "PLAIN is [authorize-id] NUL user NUL password");
        return;
    }
    name = av_span_slice(rest, 0, second);
    if (as.n > 0 && !av_span_eq(as, name))
        av_imap_session_done(session, "NO", "AUTHORIZATIONFAILED", "nobody may act for another user");
    else
        begin(session, name, av_span_skip(rest, second + 1));
}

static void
on_response(av_imap_session *session, av_span line)
{
    av_buf decoded;

    if (av_span_eq_str(line, "*")) { /* RFC 3501, 6.2.2: the client gives up */
        av_imap_session_done(session, "BAD", NULL, "cancelled");
        return;
    }
    av_buf_init(&decoded, RESPONSE_MAX);
    if (av_base64_decode(line, &decoded))
        take_plain(session, av_buf_span(&decoded));
    else
        av_imap_session_done(session, "BAD", NULL, "the response is not base64, or too long");
    av_buf_release_secret(&decoded);
}

void
av_imap_cmd_authenticate(av_imap_session *session, const av_imap_command *command)
{
    if (!av_span_ieq_str(command->args[0], "PLAIN")) {
        av_imap_session_done(session, "NO", "CANNOT", "the only mechanism is PLAIN");
        return;
    }
    if (!is_secure(session))
        return;
    if (command->arg_count == 2) { /* RFC 4959, 3: "=" is an empty response */
        on_response(session, av_span_eq_str(command->args[1], "=") ? av_span_of("", 0) : command->args[1]);
        return;
    }
    av_imap_session_write(session, av_span_str("+ \r\n"));
    av_imap_session_wait_line(session, on_response);
}
