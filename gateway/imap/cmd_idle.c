/*
 * cmd_idle.c - IDLE (RFC 2177; RFC 9051, 6.3.13): the client waits for news, which come from the instance (watch.h)
 */
#include "gateway/imap/watch.h"

static void
idle_free(void *work)
{
    av_imap_watch_leave(work);
}

static void
on_done_line(av_imap_session *session, av_span line)
{
    av_call_cancel(&session->call);
    if (av_span_ieq_str(line, "DONE"))
        av_imap_session_done(session, "OK", NULL, "done");
    else
        av_imap_session_done(session, "BAD", NULL, "IDLE ends with DONE");
}

void
av_imap_cmd_idle(av_imap_session *session, const av_imap_command *command AV_UNUSED)
{
    av_imap_session_write(session, av_span_str("+ idling\r\n"));
    av_imap_session_wait_line(session, on_done_line);
    session->work = session;
    session->free_work = idle_free;
    session->on_room = av_imap_watch_go_on;
    av_imap_watch_join(session);
}
