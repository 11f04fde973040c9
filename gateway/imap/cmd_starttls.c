/*
 * cmd_starttls.c - STARTTLS (RFC 3501, 6.2.1)
 */
#include "gateway/imap/session_priv.h"

void
av_imap_cmd_starttls(av_imap_session *session, const av_imap_command *command AV_UNUSED)
{
    av_error err;

    if (av_conn_is_secure(session->conn)) {
        av_imap_session_done(session, "BAD", NULL, "the connection is encrypted already");
        return;
    }
    /* What came in clear behind the command is dropped: it may be an attacker's, meant to run after the handshake. */
    session->in_at = session->in.n;
    session->starting_tls = true;
    av_imap_session_done(session, "OK", NULL, "begin the handshake now");
    (void)av_imap_session_flush(session);
    if (av_conn_start_tls(session->conn, &err) != AV_OK)
        av_conn_close(session->conn);
}
