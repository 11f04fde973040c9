/*
 * cmd_sort.c - SORT, THREAD, and both by UID
 *
 * Source: RFC 5256, 3; RFC 5267, 3 (SORT RETURN); RFC 5957.
 */
#include "gateway/imap/grammar.h"
#include "gateway/imap/search_run.h"
#include "gateway/imap/sort_keys.h"

/* " charset " between the criteria and the keys. text: room for it. */
static av_errc
take_charset(av_imap_search_wish *wish, av_buf *text, av_error *err)
{
    if (!av_imap_take_char(&wish->keys, ' ') || !av_imap_take_astring(&wish->keys, text, &wish->charset) ||
        wish->charset.n == 0 || !av_imap_take_char(&wish->keys, ' '))
        return av_error_set(err, AV_ERR_SYNTAX, "SORT and THREAD take a charset, then come the keys");
    return AV_OK;
}

static void
run(av_imap_session *session, av_imap_search_wish *wish)
{
    AV_CLEANUP(av_buf_release) av_buf charset = { 0 };
    av_error err;
    av_errc rc = AV_OK;

    av_buf_init(&charset, wish->keys.n + 1);
    (void)av_buf_reserve(&charset, wish->keys.n + 1);
    if (wish->kind == AV_IMAP_ANSWER_SORT) {
        rc = av_imap_take_return(&wish->keys, &wish->returns, &err);
        if (rc == AV_OK)
            rc = av_imap_take_sort_keys(&wish->keys, wish->sort, AV_IMAP_SORT_KEYS_MAX, &wish->sort_count, &err);
    } else {
        rc = av_imap_take_thread_algorithm(&wish->keys, &wish->thread, &err);
    }
    if (rc == AV_OK)
        rc = take_charset(wish, &charset, &err);
    if (rc == AV_OK)
        av_imap_search_run(session, wish);
    else
        av_imap_search_refuse(session, &err);
}

void
av_imap_cmd_sort(av_imap_session *session, const av_imap_command *command)
{
    av_imap_search_wish wish = { .kind = AV_IMAP_ANSWER_SORT, .keys = command->args[0] };

    run(session, &wish);
}

void
av_imap_cmd_uid_sort(av_imap_session *session, const av_imap_command *command)
{
    av_imap_search_wish wish = { .kind = AV_IMAP_ANSWER_SORT, .by_uid = true, .keys = command->args[0] };

    run(session, &wish);
}

void
av_imap_cmd_thread(av_imap_session *session, const av_imap_command *command)
{
    av_imap_search_wish wish = { .kind = AV_IMAP_ANSWER_THREAD, .keys = command->args[0] };

    run(session, &wish);
}

void
av_imap_cmd_uid_thread(av_imap_session *session, const av_imap_command *command)
{
    av_imap_search_wish wish = { .kind = AV_IMAP_ANSWER_THREAD, .by_uid = true, .keys = command->args[0] };

    run(session, &wish);
}
