/*
 * rights.h - who may call a method: the method table's callers against the sender as the broker stamped it; pure
 */
#ifndef AV_ACTORS_BUS_RIGHTS_H
#define AV_ACTORS_BUS_RIGHTS_H

#include "actors/bus/bus.h"
#include "proto/management.pb-c.h"

typedef struct av_rights_ask {
    const av_method_info *method;
    const char *from; /* name and connection */
    av_span session;  /* end user's session or administrator's ticket, or empty */
    const uint8_t *registry_key;
    int64_t now_unix_ms;
    av_session_check_fn *session_check; /* may be NULL */
    void *session_ctx;
} av_rights_ask;

typedef struct av_rights {
    Archivolt__Caller caller;       /* what admitted it */
    Archivolt__AdminTicket *ticket; /* owned by the caller; NULL unless CALLER_ADMIN */
    void *session;                  /* NULL unless CALLER_SESSION */
} av_rights;

/*
 * A session or ticket that the method takes but that does not hold is refused with AV_ERR_AUTH, even where the sender's
 * own class would do: it asked to act for somebody. AV_ERR_DENIED: the sender may not call this method.
 */
av_errc av_rights_check(const av_rights_ask *ask, av_rights *ret, av_error *err);

#endif
