/*
 * login.c - see login.h
 */
#include "actors/bus/login.h"

#include "base/clock.h"
#include "base/secret.h"
#include "proto/instance.pb-c.h"
#include "proto/management.pb-c.h"

#define SEALED_MAX 1024
#define TRACE_SIZE 16

typedef struct login {
    av_bus *bus;
    bool admin;
    char to[AV_ACTOR_NAME_MAX + 1];
    char *user, *password, *client;
    uint8_t trace[TRACE_SIZE];
    size_t trace_n;
    av_login_fn *done;
    void *ctx;
} login;

static void
end_login(login *self, av_span session, int64_t expires_unix_ms, const av_error *err)
{
    self->done(self->ctx, session, expires_unix_ms, err);
    free(self->user);
    av_secret_free(&self->password);
    free(self->client);
    free(self);
}

static void
on_session(void *ctx, av_call *call, const ProtobufCMessage *reply, const av_error *err)
{
    login *self = ctx;

    (void)call;
    if (err != NULL) {
        end_login(self, av_span_of(NULL, 0), 0, err);
    } else if (self->admin) {
        const Archivolt__AdminLoginReply *r = (const Archivolt__AdminLoginReply *)reply;

        end_login(self, av_span_of(r->ticket.data, r->ticket.len), r->expires_unix_ms, NULL);
    } else {
        const Archivolt__LoginReply *r = (const Archivolt__LoginReply *)reply;

        end_login(self, av_span_of(r->session.data, r->session.len),
            av_clock_wall_ms() + (int64_t)r->idle_timeout_s * 1000, NULL);
    }
}

static void
call(login *self, const char *method, const ProtobufCMessage *body)
{
    const av_call_spec spec = {
        .to = self->to,
        .method = method,
        .body = body,
        .trace = av_span_of(self->trace, self->trace_n),
        .done = on_session,
        .ctx = self,
    };

    (void)av_bus_call(self->bus, &spec);
}

static void
ask_instance(login *self, ProtobufCBinaryData sealed)
{
    Archivolt__LoginRequest body = ARCHIVOLT__LOGIN_REQUEST__INIT;

    body.user_name = self->user;
    body.sealed_password = sealed;
    body.client = self->client;
    call(self, "archivolt.Instance.Login", &body.base);
}

static void
ask_management(login *self, ProtobufCBinaryData sealed)
{
    Archivolt__AdminLoginRequest body = ARCHIVOLT__ADMIN_LOGIN_REQUEST__INIT;

    body.user_name = self->user;
    body.sealed_password = sealed;
    body.client_address = self->client;
    call(self, "archivolt.Management.AdminLogin", &body.base);
}

static void
on_key(void *ctx, const uint8_t public_key[AV_KEY_SIZE], const av_error *err)
{
    login *self = ctx;
    AV_CLEANUP(av_buf_release) av_buf sealed = { 0 };
    av_error bad;

    av_buf_init(&sealed, SEALED_MAX);
    if (err == NULL && !av_seal(av_span_str(self->password), public_key, &sealed)) {
        (void)av_error_set(&bad, AV_ERR_LIMIT, "the password is too long");
        err = &bad;
    }
    if (err != NULL) {
        end_login(self, av_span_of(NULL, 0), 0, err);
        return;
    }
    if (self->admin)
        ask_management(self, (ProtobufCBinaryData){ sealed.n, sealed.p });
    else
        ask_instance(self, (ProtobufCBinaryData){ sealed.n, sealed.p });
}

void
av_login(av_bus *bus, const av_login_spec *spec)
{
    login *self = av_xcalloc(1, sizeof *self);

    self->bus = bus;
    self->admin = spec->instance_id == NULL;
    if (self->admin)
        (void)snprintf(self->to, sizeof self->to, "management");
    else
        (void)snprintf(self->to, sizeof self->to, "instance/%s", spec->instance_id);
    self->user = av_xstrdup(spec->user);
    self->password = av_xstrdup(spec->password);
    self->client = spec->client == NULL ? NULL : av_xstrdup(spec->client);
    if (spec->trace.n == sizeof self->trace) {
        memcpy(self->trace, spec->trace.p, sizeof self->trace);
        self->trace_n = sizeof self->trace;
    }
    self->done = spec->done;
    self->ctx = spec->ctx;
    av_bus_lookup(bus, self->to, on_key, self);
}

void
av_login_user(av_bus *bus, const char *instance_id, const char *user, const char *password, const char *client,
    av_login_fn *done, void *ctx)
{
    av_login(bus, &(av_login_spec){ .instance_id = instance_id,
                      .user = user,
                      .password = password,
                      .client = client,
                      .done = done,
                      .ctx = ctx });
}

void
av_login_admin(av_bus *bus, const char *user, const char *password, const char *client, av_login_fn *done, void *ctx)
{
    av_login(bus, &(av_login_spec){ .user = user, .password = password, .client = client, .done = done, .ctx = ctx });
}
