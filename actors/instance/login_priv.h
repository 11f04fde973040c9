/*
 * login_priv.h - one login being checked: shared by login.c (who may try, what comes of it), login_password.c, login_scram.c
 */
#ifndef AV_INSTANCE_LOGIN_PRIV_H
#define AV_INSTANCE_LOGIN_PRIV_H

#include "actors/instance/instance_priv.h"
#include "actors/instance/user_row.h"

typedef struct av_login_try av_login_try;

/* What a kind of login adds; the try is the first member of its own struct. */
typedef struct av_login_kind {
    /* On a reader. user: NULL when there is none of that name. Sets right, which nobody is without it. */
    void (*check)(av_login_try *self, const av_user *user);
    /* On the loop: the session is there; answers the request. */
    void (*admitted)(av_login_try *self, const av_session *session);
    void (*release)(av_login_try *self);
    bool only_looks; /* no login yet: answered by `looked` without a session */
    void (*looked)(av_login_try *self);
} av_login_kind;

struct av_login_try {
    av_job job;
    av_instance *in;
    av_request *request;
    const av_login_kind *kind;
    char *user, *folded, *client;
    char *address;  /* of the client, for the throttle: IPv6 by its /64 */
    bool right;     /* what was sent fits what is kept */
    bool elsewhere; /* the user's password is checked by directory services */
    bool may_login;
    char *stored_name;
    av_errc rc;
    av_error err;
};

/*
 * A try of `size` bytes (its own struct's), zeroed but for what it shares; NULL: the request was failed (stopping, too many
 * at once, to be waited after failures). Ended by _submit or _drop.
 */
av_login_try *av_login_begin(
    av_instance *in, av_request *request, const av_login_kind *kind, size_t size, const char *user, const char *client);
void av_login_submit(av_login_try *self);
/* The request was failed by the caller. */
void av_login_drop(av_login_try *self);

/* login_password.c, login_scram.c */
void av_login_password_serve(av_instance *self);
void av_login_scram_serve(av_instance *self);

#endif
