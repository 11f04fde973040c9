/*
 * login.h - log an end user or an administrator in: look up the key, seal the password, ask for a session
 *
 * The password is sealed to the receiver's public key, whose registry entry is checked by signature: no broker sees it.
 */
#ifndef AV_ACTORS_BUS_LOGIN_H
#define AV_ACTORS_BUS_LOGIN_H

#include "actors/bus/bus.h"

/* session: 32 bytes (user) or a ticket (administrator); err NULL on success. Both are valid during the call only. */
typedef void av_login_fn(void *ctx, av_span session, int64_t expires_unix_ms, const av_error *err);

typedef struct av_login_spec {
    const char *instance_id; /* of an end user: the instance's id, not an alias; NULL: an administrator */
    const char *user, *password;
    const char *client; /* "imap 192.0.2.1", or NULL */
    av_span trace;      /* 16 bytes, or empty: a new one */
    av_login_fn *done;
    void *ctx;
} av_login_spec;

/* Everything in spec is copied, the password sealed. */
void av_login(av_bus *bus, const av_login_spec *spec);

/* The same without a trace. */
void av_login_user(av_bus *bus, const char *instance_id, const char *user, const char *password, const char *client,
    av_login_fn *done, void *ctx);
void av_login_admin(
    av_bus *bus, const char *user, const char *password, const char *client, av_login_fn *done, void *ctx);

#endif
