/*
 * cmd_refuse.c - everything that would change the archive: refused with a sentence
 *
 * Arguments are not looked at: the answer is the same for all of them, and a literal that would follow is not let come.
 */
#include "gateway/imap/session_priv.h"

void
av_imap_cmd_refuse(av_imap_session *session, const av_imap_command *command)
{
    const bool of_mailbox = command->row->states == AV_IMAP_SELECTED;

    av_imap_session_done(
        session, "NO", of_mailbox ? "READ-ONLY" : "NOPERM", "%s: %s", command->row->name, command->row->detail);
}
