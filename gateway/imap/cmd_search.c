/*
 * cmd_search.c - SEARCH and UID SEARCH
 *
 * Source: RFC 3501, 6.4.4, 6.4.8, 7.2.5; RFC 9051, 6.4.4; RFC 4731, 3.1.
 */
#include "gateway/imap/search_run.h"

static void
run(av_imap_session *session, const av_imap_command *command, bool by_uid)
{
    av_imap_search_wish wish = { .kind = AV_IMAP_ANSWER_SEARCH, .by_uid = by_uid, .keys = command->args[0] };
    av_error err;

    if (av_imap_take_return(&wish.keys, &wish.returns, &err) != AV_OK) {
        av_imap_search_refuse(session, &err);
        return;
    }
    if (!wish.returns.given && (session->enabled & AV_IMAP_ENABLED_IMAP4REV2) != 0) /* RFC 9051, 6.4.4 */
        wish.returns = (av_imap_return){ .given = true, .options = AV_IMAP_RETURN_ALL };
    av_imap_search_run(session, &wish);
}

void
av_imap_cmd_search(av_imap_session *session, const av_imap_command *command)
{
    run(session, command, false);
}

void
av_imap_cmd_uid_search(av_imap_session *session, const av_imap_command *command)
{
    run(session, command, true);
}
