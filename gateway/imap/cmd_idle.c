/*
 * cmd_idle.c - IDLE (RFC 2177): the client waits for news, we ask the instance now and then
 *
 * Once a minute: a walk over a mailbox costs the instance something, and mail that is archived is old already.
 */
#include "gateway/imap/session_priv.h"

#define ASK_EVERY_MS 60000

static void
stop_asking(av_imap_session *session)
{
    if (session->timer != NULL)
        av_loop_remove_timer(&session->timer);
    av_call_cancel(&session->call);
}

static void
on_done_line(av_imap_session *session, av_span line)
{
    stop_asking(session);
    if (av_span_ieq_str(line, "DONE"))
        av_imap_session_done(session, "OK", NULL, "done");
    else
        av_imap_session_done(session, "BAD", NULL, "IDLE ends with DONE");
}

/* Trouble is not told: the next question may go well, and the next command says what is wrong. */
static void
after_refresh(av_imap_session *session, const av_error *err)
{
    if (err != NULL && err->code == AV_ERR_AUTH)
        av_imap_session_bye(session, "the session has ended: please log in again");
}

static void
on_time(void *ctx)
{
    av_imap_session *session = ctx;

    if (session->call == NULL && av_imap_session_drained(session))
        av_imap_session_refresh(session, after_refresh);
}

void
av_imap_cmd_idle(av_imap_session *session, const av_imap_command *command AV_UNUSED)
{
    av_imap_session_write(session, av_span_str("+ idling\r\n"));
    session->timer =
        av_loop_add_timer(av_gateway_loop(session->imap->gateway), ASK_EVERY_MS, ASK_EVERY_MS, on_time, session);
    av_imap_session_wait_line(session, on_done_line);
}
