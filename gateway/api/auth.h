/*
 * auth.h - system administrators at the gateway: password in, ticket out, remembered for as long as the ticket is good
 *
 * The password goes sealed to management (actors/bus/login.h), which checks, throttles and signs a ticket. The ticket
 * is remembered under an HMAC of user and password with a key of this run, until shortly before it ends (10 minutes at
 * most): a changed password lives on no longer than that, and not at all when it was changed through this gateway.
 * Requests with the same password share one login; at most api_logins are under way, more wait in line.
 */
#ifndef AV_GATEWAY_API_AUTH_H
#define AV_GATEWAY_API_AUTH_H

#include "gateway/gateway.h"

typedef struct av_api_auth av_api_auth;
typedef struct av_api_wait av_api_wait;

typedef struct av_api_who {
    const char *user, *password;
    const char *client;   /* "api 192.0.2.1" */
    const uint8_t *trace; /* 16 bytes: of the request that needs the ticket */
} av_api_who;

/* ticket: valid during the call. err: NULL on success. */
typedef void av_api_auth_fn(void *ctx, av_span ticket, const av_error *err);

av_api_auth *av_api_auth_new(av_gateway *gateway);
/* The bus must be gone, or nothing under way. */
void av_api_auth_destroy(av_api_auth **self);
/*
 * A ticket for the administrator. Known: fn is called before this returns, and NULL is returned. Else fn is called
 * later; the handle is for av_api_auth_forget alone and is gone once fn is called. Errors: AUTH (wrong), LIMIT or BUSY
 * (too many at once), and what the bus says.
 */
av_api_wait *av_api_auth_get(av_api_auth *self, const av_api_who *who, av_api_auth_fn *fn, void *ctx);
/* fn is not called any more. NULL is a no-op. */
void av_api_auth_forget(av_api_wait **wait);
/* An actor refused this ticket (the gateway's connection to the broker was made anew): it is not given out again. */
void av_api_auth_refused(av_api_auth *self, av_span ticket);
/* All tickets of this administrator; letter case is ignored. */
void av_api_auth_drop_user(av_api_auth *self, const char *user);

#endif
