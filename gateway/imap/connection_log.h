/*
 * connection_log.h - the IMAP connection log of an instance: D/logs/imap-<instance>.log, when its configuration asks for it
 *
 * A line an event: logins, commands with their arguments, answers with their time, ends. Never a password, never a message.
 * One file for all sessions of the instance at this gateway; when it is full it becomes <name>.old and a new one begins. A log
 * that cannot be written is said once in the gateway's own log and harms nobody.
 */
#ifndef AV_GATEWAY_IMAP_CONNECTION_LOG_H
#define AV_GATEWAY_IMAP_CONNECTION_LOG_H

#include "base/error.h"
#include "base/span.h"

typedef struct av_imap_logs av_imap_logs; /* of a gateway */
typedef struct av_imap_log av_imap_log;   /* of an instance, as long as a session holds it */

/* dir is copied. max_bytes: of one file. */
av_imap_logs *av_imap_logs_new(const char *dir, uint64_t max_bytes);
/* All of its logs must have been given back. */
void av_imap_logs_destroy(av_imap_logs **self);

/* instance: an id, which is safe as a part of a file name. Given back by av_imap_log_unref. */
av_imap_log *av_imap_logs_ref(av_imap_logs *self, const char *instance);
void av_imap_log_unref(av_imap_log **self);

/* Who a line is about. */
typedef struct av_imap_log_who {
    uint64_t conn;
    const char *peer, *user; /* user may be NULL */
} av_imap_log_who;

/* Control bytes become '?'; what is longer than a line may be is cut. Blocks on a file's write, into memory as a rule. */
void av_imap_log_put(av_imap_log *self, const av_imap_log_who *who, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
