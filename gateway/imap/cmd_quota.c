/*
 * cmd_quota.c - GETQUOTAROOT and GETQUOTA (RFC 9208, 4.1.1 and 4.1.2)
 *
 * Nothing limits what a user's archive may hold, so no mailbox has a quota root: the answer RFC 9208, 3.2 has for that.
 */
#include "gateway/imap/session_priv.h"

static void
tell_roots(
    av_imap_session *session, const Archivolt__MailboxInfo *info AV_UNUSED, av_span name, unsigned detail AV_UNUSED)
{
    av_imap_session_printf(session, "* QUOTAROOT ");
    av_imap_session_write_name(session, name);
    av_imap_session_printf(session, "\r\n");
    av_imap_session_done(session, "OK", NULL, "nothing limits this mailbox");
}

void
av_imap_cmd_getquotaroot(av_imap_session *session, const av_imap_command *command)
{
    av_imap_session_lookup(session, command->args[0], tell_roots, 0);
}

void
av_imap_cmd_getquota(av_imap_session *session, const av_imap_command *command AV_UNUSED)
{
    av_imap_session_done(session, "NO", "NONEXISTENT", "there is no such quota root: nothing limits the archive");
}
