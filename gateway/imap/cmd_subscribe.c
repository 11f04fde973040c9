/*
 * cmd_subscribe.c - SUBSCRIBE (RFC 3501, 6.3.6): every mailbox of the archive is subscribed, so it is done already
 */
#include "gateway/imap/session_priv.h"

static void
tell(av_imap_session *session, const Archivolt__MailboxInfo *info AV_UNUSED, av_span name AV_UNUSED,
    unsigned detail AV_UNUSED)
{
    av_imap_session_done(session, "OK", NULL, "every mailbox is subscribed");
}

void
av_imap_cmd_subscribe(av_imap_session *session, const av_imap_command *command)
{
    av_imap_session_lookup(session, command->args[0], tell, 0);
}
