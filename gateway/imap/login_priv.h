/*
 * login_priv.h - one login in work: shared by login.c (finding the instance, the end), cmd_login.c and scram.c (the ways)
 *
 * Outlives the session while the instance is asked, so that a session the instance has issued for a client that is gone is
 * ended.
 */
#ifndef AV_GATEWAY_IMAP_LOGIN_PRIV_H
#define AV_GATEWAY_IMAP_LOGIN_PRIV_H

#include "gateway/imap/session_priv.h"

typedef struct av_imap_login av_imap_login;

struct av_imap_login {
    av_imap_session *session; /* NULL: it has ended */
    av_bus *bus;
    const char *mechanism;              /* for the log */
    char *user;                         /* without the instance */
    char *password;                     /* of LOGIN and PLAIN; NULL elsewhere */
    char to[AV_ACTOR_NAME_MAX + 1];     /* instance/demo, once found */
    char client[80];                    /* "imap 192.0.2.1" */
    void (*found)(av_imap_login *self); /* the instance is known */
    void *way;                          /* what the mechanism keeps, and its end */
    void (*free_way)(void *way);
    uint8_t token[AV_IMAP_TOKEN_MAX]; /* of a session that was issued and is not in use yet; ended with this */
    size_t token_n;
    bool asked; /* the instance may issue a session: the answer comes here, whatever becomes of the session */
    int64_t began_ms;
    av_error refused;
};

/*
 * A login of this name ("demo/alice") begins, as the session's work: found is called when its instance is known. A name nobody
 * can have, and an address that has failed too often, are answered at once. password: NULL or what is tried. way is taken
 * (may be NULL).
 */
void av_imap_login_begin(av_imap_session *session, const char *mechanism, av_span name, const av_span *password,
    void (*found)(av_imap_login *self), void *way, void (*free_way)(void *way));
/* The password is refused, or something failed: said not before a second has passed since the beginning. */
void av_imap_login_refuse(av_imap_session *session, const av_error *err);
/* The session is logged in with what the instance has issued; the command is over. */
void av_imap_login_admit(av_imap_login *self);
/*
 * The instance's answer has come, with a session or without (empty): it is kept here. false: the client has gone, self too.
 */
bool av_imap_login_answered(av_imap_login *self, av_span token);
/* scram.c: AUTHENTICATE SCRAM-SHA-256, and -PLUS when bound. initial: base64, or NULL. */
void av_imap_scram_begin(av_imap_session *session, bool bound, const av_span *initial);

/* A line of the client in a SASL exchange. false: answered (it gave up, or sent what is no base64). ret is a secret. */
bool av_imap_sasl_line(av_imap_session *session, av_span line, av_buf *ret);

#endif
