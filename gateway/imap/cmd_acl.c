/*
 * cmd_acl.c - MYRIGHTS (RFC 4314, 3.5)
 *
 * Who may read what is told and changed by the archive's administration, so GETACL and its kin, which need the right "a",
 * are refused by their rows in the table.
 */
#include "gateway/imap/acl.h"
#include "gateway/imap/session_priv.h"

void
av_imap_session_write_myrights(av_imap_session *session, av_span name)
{
    av_imap_session_printf(session, "* MYRIGHTS ");
    av_imap_session_write_name(session, name);
    av_imap_session_printf(session, " lr\r\n");
}

static void
tell(av_imap_session *session, const Archivolt__MailboxInfo *info AV_UNUSED, av_span name, unsigned detail AV_UNUSED)
{
    av_imap_session_write_myrights(session, name);
    av_imap_session_done(session, "OK", NULL, "done");
}

void
av_imap_cmd_myrights(av_imap_session *session, const av_imap_command *command)
{
    av_imap_session_lookup(session, command->args[0], tell, 0);
}
