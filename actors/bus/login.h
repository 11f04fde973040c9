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

/* instance_id names the instance (not an alias). password is copied sealed; client: "imap 192.0.2.1". */
void av_login_user(av_bus *bus, const char *instance_id, const char *user, const char *password, const char *client,
    av_login_fn *done, void *ctx);
void av_login_admin(
    av_bus *bus, const char *user, const char *password, const char *client, av_login_fn *done, void *ctx);

#endif
