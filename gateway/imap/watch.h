/*
 * watch.h - news for clients in IDLE: one question to each instance (Instance.Watch), whatever the number of its clients
 *
 * A session that joins is asked about at once, and again whenever its mailbox has changed; a few at a time, so that many
 * clients of one mailbox are no storm. Loop's thread.
 */
#ifndef AV_GATEWAY_IMAP_WATCH_H
#define AV_GATEWAY_IMAP_WATCH_H

#include "gateway/imap/session_priv.h"

typedef struct av_imap_watch av_imap_watch;

/* The session, in IDLE, wants to know of its mailbox. */
void av_imap_watch_join(av_imap_session *session);
/* No more; a refresh in work is given up. A session that did not join is a no-op. */
void av_imap_watch_leave(av_imap_session *session);
/* The session's connection has room again. */
void av_imap_watch_go_on(av_imap_session *session);

#endif
