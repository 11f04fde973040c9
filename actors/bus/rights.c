/*
 * rights.c - see rights.h
 */
#include "actors/bus/rights.h"

#include "actors/bus/envelope.h"
#include "actors/bus/names.h"

static bool
takes(const av_method_info *method, int caller)
{
    return caller >= 0 && (method->callers & AV_CALLER_BIT(caller)) != 0;
}

/* 64 bytes of Ed25519 signature, then a packed AdminTicket. */
static av_errc
check_ticket(const av_rights_ask *ask, Archivolt__AdminTicket **ret, av_error *err)
{
    Archivolt__AdminTicket *ticket;
    av_span packed;

    if (ask->session.n <= AV_SIGNATURE_SIZE)
        return av_error_set(err, AV_ERR_AUTH, "not an administrator's ticket; log in again");
    packed = av_span_skip(ask->session, AV_SIGNATURE_SIZE);
    if (!av_sign_verify(packed, ask->session.p, ask->registry_key))
        return av_error_set(err, AV_ERR_AUTH, "the administrator's ticket is not signed by management; log in again");
    ticket = archivolt__admin_ticket__unpack(NULL, packed.n, packed.p);
    if (ticket == NULL)
        return av_error_set(err, AV_ERR_AUTH, "not an administrator's ticket; log in again");
    if (strcmp(ticket->issued_to, ask->from) != 0 || ticket->expires_unix_ms <= ask->now_unix_ms) {
        bool expired = ticket->expires_unix_ms <= ask->now_unix_ms;

        archivolt__admin_ticket__free_unpacked(ticket, NULL);
        return av_error_set(err, AV_ERR_AUTH, "the administrator's ticket %s; log in again",
            expired ? "has expired" : "was issued to another connection");
    }
    *ret = ticket;
    return AV_OK;
}

static av_errc
check_session(const av_rights_ask *ask, void **ret, av_error *err)
{
    if (ask->session_check != NULL)
        *ret = ask->session_check(ask->session_ctx, ask->from, ask->session);
    if (*ret == NULL)
        return av_error_set(err, AV_ERR_AUTH, "the session is not known, or has ended; log in again");
    return AV_OK;
}

av_errc
av_rights_check(const av_rights_ask *ask, av_rights *ret, av_error *err)
{
    av_span name = av_sender_name(av_span_str(ask->from));
    int own = av_actor_name_class(name);
    bool is_gateway = own == ARCHIVOLT__CALLER__CALLER_GATEWAY, is_operator = own == ARCHIVOLT__CALLER__CALLER_OPERATOR;
    bool admin = is_gateway && takes(ask->method, ARCHIVOLT__CALLER__CALLER_ADMIN);
    bool user = (is_gateway || is_operator) && takes(ask->method, ARCHIVOLT__CALLER__CALLER_SESSION);
    av_rights rights = { .caller = (Archivolt__Caller)own };
    av_errc rc;

    if (own < 0)
        return av_error_set(err, AV_ERR_DENIED, "%.*s is not an actor that may call", (int)name.n, name.p);
    if (ask->session.n > 0 && (admin || user)) {
        rc = user ? check_session(ask, &rights.session, err) : check_ticket(ask, &rights.ticket, err);
        if (rc != AV_OK && user && admin)
            rc = check_ticket(ask, &rights.ticket, err);
        if (rc != AV_OK)
            return rc;
        rights.caller = rights.ticket != NULL ? ARCHIVOLT__CALLER__CALLER_ADMIN : ARCHIVOLT__CALLER__CALLER_SESSION;
    } else if (!takes(ask->method, own) && !takes(ask->method, ARCHIVOLT__CALLER__CALLER_ANY)) {
        if (admin || user)
            return av_error_set(err, AV_ERR_AUTH, "%s needs a login", ask->method->method);
        return av_error_set(err, AV_ERR_DENIED, "%.*s may not call %s", (int)name.n, name.p, ask->method->method);
    }
    *ret = rights;
    return AV_OK;
}
