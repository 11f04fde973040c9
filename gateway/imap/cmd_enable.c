/*
 * cmd_enable.c - ENABLE (RFC 5161, 3.1; RFC 9051, 6.3.1)
 *
 * What can be enabled stands in the table of capabilities. Names that are not known are passed over. What is on stays on.
 */
#include "gateway/imap/grammar.h"
#include "gateway/imap/session_priv.h"

/* All the words, each well formed; then again to act on them: a command that is BAD enables nothing. */
static bool
is_well_formed(av_span in)
{
    av_span word;

    do {
        if (!av_imap_take_atom(&in, &word))
            return false;
    } while (av_imap_take_char(&in, ' '));
    return in.n == 0;
}

void
av_imap_cmd_enable(av_imap_session *session, const av_imap_command *command)
{
    const av_imap_standing where = av_imap_session_standing(session);
    const unsigned before = session->enabled;
    av_span in = command->args[0], word;

    if (!is_well_formed(in)) {
        av_imap_session_done(session, "BAD", NULL, "ENABLE takes the names of extensions");
        return;
    }
    av_imap_session_write(session, av_span_str("* ENABLED"));
    while (av_imap_take_atom(&in, &word)) {
        const av_imap_capability *row = av_imap_capabilities_to_enable(&where, word);

        (void)av_imap_take_char(&in, ' ');
        if (row == NULL || (session->enabled & row->enables) == row->enables)
            continue;
        session->enabled |= row->enables;
        av_imap_session_printf(session, " %s", row->name);
    }
    av_imap_session_printf(session, "\r\n");
    av_imap_session_done(session, "OK", NULL, before == session->enabled ? "nothing new is enabled" : "enabled");
}
