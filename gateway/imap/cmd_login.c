/*
 * cmd_login.c - LOGIN, AUTHENTICATE: which mechanism, and those that send the password (sealed to the instance at once)
 *
 * Source: RFC 3501, 6.2.2, 6.2.3; RFC 4616 (PLAIN); RFC 4959 (initial response). SCRAM: scram.c; what follows: login.c.
 */
#include "actors/bus/login.h"
#include "base/encode.h"
#include "base/secret.h"
#include "gateway/imap/login_priv.h"

#define RESPONSE_MAX 4096 /* bytes of a SASL response, decoded */

/* ---- the password to the instance ---- */

static void
on_login(void *ctx, av_span token, int64_t expires_unix_ms AV_UNUSED, const av_error *err)
{
    av_imap_login *self = ctx;

    if (!av_imap_login_answered(self, err == NULL ? token : av_span_of(NULL, 0)))
        return;
    if (err == NULL)
        av_imap_login_admit(self);
    else
        av_imap_login_refuse(self->session, err);
}

/* The password is wiped as soon as it is handed on. */
static void
send_password(av_imap_login *self)
{
    self->asked = true;
    av_login(self->bus, &(av_login_spec){ .instance_id = self->to + strlen("instance/"),
                            .user = self->user,
                            .password = self->password,
                            .client = self->client,
                            .trace = av_span_of(self->session->trace, sizeof self->session->trace),
                            .done = on_login,
                            .ctx = self });
    av_secret_free(&self->password);
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
        av_imap_login_begin(session, "LOGIN", command->args[0], &command->args[1], send_password, NULL, NULL);
}

/* ---- AUTHENTICATE ---- */

bool
av_imap_sasl_line(av_imap_session *session, av_span line, av_buf *ret)
{
    if (av_span_eq_str(line, "*")) { /* RFC 3501, 6.2.2: the client gives up */
        av_imap_session_done(session, "BAD", NULL, "cancelled");
        return false;
    }
    av_buf_init(ret, RESPONSE_MAX);
    if (av_base64_decode(line, ret))
        return true;
    av_imap_session_done(session, "BAD", NULL, "the response is not base64, or too long");
    return false;
}

/* [authzid] NUL authcid NUL passwd (RFC 4616, 2). */
static void
take_plain(av_imap_session *session, av_span response)
{
    size_t first = av_span_find(response, '\0'), second;
    av_span rest, as, name, password;

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
    password = av_span_skip(rest, second + 1);
    if (as.n > 0 && !av_span_eq(as, name))
        av_imap_session_done(session, "NO", "AUTHORIZATIONFAILED", "nobody may act for another user");
    else
        av_imap_login_begin(session, "PLAIN", name, &password, send_password, NULL, NULL);
}

static void
on_plain(av_imap_session *session, av_span line)
{
    AV_CLEANUP(av_buf_release_secret) av_buf decoded = { 0 };

    if (av_imap_sasl_line(session, line, &decoded))
        take_plain(session, av_buf_span(&decoded));
}

static void
begin_plain(av_imap_session *session, const av_span *initial)
{
    if (initial != NULL) {
        on_plain(session, *initial);
        return;
    }
    av_imap_session_write(session, av_span_str("+ \r\n"));
    av_imap_session_wait_line(session, on_plain);
}

void
av_imap_cmd_authenticate(av_imap_session *session, const av_imap_command *command)
{
    bool scram = av_gateway_get_settings(session->imap->gateway)->imap_scram;
    av_span name = command->args[0], initial = { 0 };
    const av_span *given = NULL;

    if (!is_secure(session))
        return;
    if (command->arg_count == 2) { /* RFC 4959, 3: "=" is an empty response */
        initial = av_span_eq_str(command->args[1], "=") ? av_span_of("", 0) : command->args[1];
        given = &initial;
    }
    if (av_span_ieq_str(name, "PLAIN"))
        begin_plain(session, given);
    else if (scram && av_span_ieq_str(name, "SCRAM-SHA-256"))
        av_imap_scram_begin(session, false, given);
    else if (scram && av_span_ieq_str(name, "SCRAM-SHA-256-PLUS"))
        av_imap_scram_begin(session, true, given);
    else
        av_imap_session_done(session, "NO", "CANNOT", "CAPABILITY names the mechanisms that are known");
}
