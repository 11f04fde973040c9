/*
 * cmd_status.c - STATUS (RFC 3501, 6.3.10; RFC 9051, 6.3.11): counters that the archive keeps, no message is looked at
 */
#include "gateway/imap/session_priv.h"
#include "gateway/imap/status_items.h"

static void
tell(av_imap_session *session, const Archivolt__MailboxInfo *info, av_span name, unsigned items)
{
    av_imap_session_printf(session, "* STATUS ");
    av_imap_session_write_name(session, name);
    av_imap_session_printf(session, " ");
    (void)av_imap_status_items_put(items, info, &session->out);
    av_imap_session_printf(session, "\r\n");
    av_imap_session_done(session, "OK", NULL, "done");
}

void
av_imap_cmd_status(av_imap_session *session, const av_imap_command *command)
{
    av_span in = command->args[1];
    unsigned items;

    if (!av_imap_status_items_take(&in, &items) || in.n > 0) {
        av_imap_session_done(session, "BAD", NULL,
            "STATUS takes a list of MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE HIGHESTMODSEQ MAILBOXID");
        return;
    }
    if ((items & AV_IMAP_STATUS_HIGHESTMODSEQ) != 0) /* RFC 7162, 3.1 */
        session->enabled |= AV_IMAP_ENABLED_CONDSTORE;
    av_imap_session_lookup(session, command->args[0], tell, items);
}
