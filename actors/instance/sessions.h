/*
 * sessions.h - end users' sessions: 32 random bytes, good on the connection they were issued to, ended by time without use
 *
 * In memory alone: they end with the process. Loop's thread. The caller says what time it is.
 */
#ifndef AV_INSTANCE_SESSIONS_H
#define AV_INSTANCE_SESSIONS_H

#include "base/error.h"
#include "base/span.h"

#define AV_SESSION_SIZE 32

typedef struct av_session {
    uint8_t token[AV_SESSION_SIZE];
    uint64_t lane;
    int64_t began_mono_ms, used_mono_ms;
    const char *last_function; /* of the contract's tables; NULL: none yet */
    char *mailbox;             /* opened last; NULL: none; av_session_set_mailbox */
    const char *from;          /* gateway@n1#0000002a */
    const char *user;          /* as stored */
    const char *folded;        /* compared */
    const char *client;        /* "imap 192.0.2.1" */
    char texts[];              /* the four: a session is one piece of the heap, as many may live for long */
} av_session;

/* The mailbox it opened, for the list of sessions: the beginning of a long path. */
void av_session_set_mailbox(av_session *self, const char *path);

typedef struct av_sessions av_sessions;

/* per_user: beyond it the one of that user not used for the longest ends; total: beyond it nobody gets in. */
av_sessions *av_sessions_new(int64_t idle_ms, size_t per_user, size_t total);
void av_sessions_destroy(av_sessions **self);
/* client: door and address, "" when not known. ret is borrowed until the session ends. AV_ERR_LIMIT. */
av_errc av_sessions_issue(av_sessions *self, const char *from, const char *user, const char *client,
    int64_t now_mono_ms, av_session **ret, av_error *err);
/* The session, marked as used; NULL when it is unknown, has run out or belongs to another connection. */
av_session *av_sessions_check(av_sessions *self, const char *from, av_span token, int64_t now_mono_ms);
void av_sessions_end(av_sessions *self, av_session *session);
/* All of a user (name compared without case); returns how many. */
size_t av_sessions_end_user(av_sessions *self, const char *user);
size_t av_sessions_expire(av_sessions *self, int64_t now_mono_ms);
size_t av_sessions_count(const av_sessions *self);
/* All of them, the oldest first; the array (free) and its length. Good until one ends. */
av_session **av_sessions_all(const av_sessions *self, size_t *ret_count);

#endif
