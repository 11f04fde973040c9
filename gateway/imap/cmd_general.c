/*
 * cmd_general.c - CAPABILITY, NOOP and CHECK, LOGOUT, ID, NAMESPACE
 */
#include "gateway/imap/grammar.h"
#include "gateway/imap/session_priv.h"

#define ID_PAIRS_MAX 30 /* RFC 2971, 3.3 */

void
av_imap_cmd_capability(av_imap_session *session, const av_imap_command *command AV_UNUSED)
{
    av_imap_session_write(session, av_span_str("* "));
    av_imap_session_write_capabilities(session);
    av_imap_session_write(session, av_span_str("\r\n"));
    av_imap_session_done(session, "OK", NULL, "done");
}

void
av_imap_cmd_logout(av_imap_session *session, const av_imap_command *command AV_UNUSED)
{
    av_imap_session_bye(session, "good-bye");
    av_imap_session_done(session, "OK", NULL, "done");
}

/* "(" string SP nstring ... ")" or NIL. */
static bool
id_is_well_formed(av_span in)
{
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    av_span key, value;
    bool nil;

    av_buf_init(&text, in.n + 1);
    if (av_imap_take_keyword(&in, "NIL"))
        return in.n == 0;
    if (!av_imap_take_char(&in, '('))
        return false;
    for (int pairs = 0; pairs <= ID_PAIRS_MAX && !av_imap_take_char(&in, ')'); pairs++) {
        if ((pairs > 0 && !av_imap_take_char(&in, ' ')) || !av_imap_take_string(&in, &text, &key) ||
            !av_imap_take_char(&in, ' ') || !av_imap_take_nstring(&in, &text, &value, &nil))
            return false;
        if (in.n == 0)
            return false;
    }
    return in.n == 0;
}

/* RFC 2971: what a client says of itself is not kept; what we say is no secret. */
void
av_imap_cmd_id(av_imap_session *session, const av_imap_command *command)
{
    if (!id_is_well_formed(command->args[0])) {
        av_imap_session_done(session, "BAD", NULL, "ID takes NIL or a list of at most %d pairs", ID_PAIRS_MAX);
        return;
    }
    av_imap_session_printf(session, "* ID (\"name\" \"Archivolt\" \"version\" \"%s\")\r\n", AV_VERSION);
    av_imap_session_done(session, "OK", NULL, "done");
}

/* RFC 2342: everything the user may read is in one personal name space. */
void
av_imap_cmd_namespace(av_imap_session *session, const av_imap_command *command AV_UNUSED)
{
    av_imap_session_printf(session, "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");
    av_imap_session_done(session, "OK", NULL, "done");
}

static void
after_refresh(av_imap_session *session, const av_error *err)
{
    if (err != NULL)
        av_imap_session_fail(session, err);
    else
        av_imap_session_done(session, "OK", NULL, "done");
}

void
av_imap_cmd_noop(av_imap_session *session, const av_imap_command *command AV_UNUSED)
{
    av_imap_session_refresh(session, after_refresh);
}
