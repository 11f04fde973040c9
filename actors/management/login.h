/*
 * login.h - administrators' logins: throttled, checked, remembered, answered with a ticket
 *
 * An unknown user and a wrong password give the same sentence after the same time (a hash of nobody's password is
 * checked). Failures count per user and per address; a caller who has to wait is refused with LIMIT before anything
 * is checked. A success is remembered for 10 minutes as an HMAC of user, address and password with a key of this
 * start of the process, so that Basic authentication of each API request costs no Argon2id; an address from which
 * nobody logged in has nothing to try that memory with. A ticket is valid for 10 minutes and for the connection it
 * was issued to.
 */
#ifndef AV_ACTORS_MANAGEMENT_LOGIN_H
#define AV_ACTORS_MANAGEMENT_LOGIN_H

#include "actors/bus/bus.h"
#include "actors/management/admins.h"
#include "actors/management/hasher.h"

#define AV_TICKET_MS INT64_C(600000)

typedef struct av_login av_login;

/* All borrowed; secret: AV_SIGN_SECRET bytes. Hashes a password: some 20 ms. */
av_errc av_login_new(const av_admins *admins, av_hasher *hasher, const uint8_t *secret, av_login **ret, av_error *err);
/* After the hasher's end. */
void av_login_destroy(av_login **self);
/* Answers the request (Management.AdminLogin), now or later. */
void av_login_serve(av_login *self, av_request *request, const ProtobufCMessage *body);
/* The password was changed or the administrator deleted. */
void av_login_forget(av_login *self, const char *user_name);

/* 64 bytes of signature and the packed AdminTicket onto out. Pure. */
bool av_ticket_issue(
    const char *user_name, const char *issued_to, int64_t expires_unix_ms, const uint8_t *secret, av_buf *out);

#endif
