/*
 * messages.c - see messages.h
 */
#include "actors/instance/messages.h"

#include <time.h>

#include "base/encode.h"
#include "proto/instance.pb-c.h"

#define REPLY_BYTES (8U * 1024 * 1024 - 4096) /* a caller takes 8 MB (bus.h) */
#define ROW_BYTES   144U                      /* at most, packed, but for the folder */

/* "2026-11-22T11:33:31", UTC. */
static char *
format_time(int64_t ms)
{
    time_t t = (time_t)(ms / 1000);
    char text[32];
    struct tm tm;

    (void)gmtime_r(&t, &tm);
    (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    return av_xstrdup(text);
}

static Archivolt__MessageIdentity *
make_row(const av_placement *placement, av_span folder)
{
    Archivolt__MessageIdentity *row = av_reply_new(&archivolt__message_identity__descriptor);
    char id[AV_MESSAGE_ID_TEXT + 1], sha256[2 * sizeof placement->digest + 1];

    av_message_id_format(placement->digest, id);
    av_hex_encode(av_span_of(placement->digest, sizeof placement->digest), sha256);
    row->id = av_xstrdup(id);
    row->sha256 = av_xstrdup(sha256);
    row->size = placement->raw_size;
    row->uid = placement->uid;
    row->folder = av_span_dup(folder);
    row->received = format_time(placement->received_at_ms);
    return row;
}

static av_errc
list(const av_meta_view *view, const av_mailbox *mailbox, uint32_t after_uid, size_t limit,
    Archivolt__GetMessagesReply *reply, av_error *err)
{
    av_span folder = av_span_of(mailbox->path, mailbox->path_n);
    av_catalog_iter *it;
    av_placement placement;
    av_errc rc;

    if (after_uid == UINT32_MAX)
        return AV_OK;
    limit = AV_MIN(limit, REPLY_BYTES / (ROW_BYTES + folder.n));
    it = av_catalog_placements(view, mailbox->guid, after_uid + 1, UINT32_MAX);
    while (reply->n_messages < limit && av_catalog_next_placement(it, &placement))
        av_reply_push(&reply->messages, &reply->n_messages, make_row(&placement, folder));
    rc = av_catalog_iter_error(it, err);
    av_catalog_iter_destroy(&it);
    return rc;
}

av_errc
av_messages_list(av_ask *ask, av_error *err)
{
    const Archivolt__GetMessagesRequest *body = (const Archivolt__GetMessagesRequest *)ask->body;
    uint32_t limit = body->has_limit ? body->limit : AV_MESSAGES_LIMIT_DEFAULT;
    Archivolt__GetMessagesReply *reply;
    av_meta_view *view;
    av_mailbox mailbox;
    av_errc rc;

    if (limit > AV_MESSAGES_LIMIT_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "at most %u messages are listed at once: ask again behind the last",
            AV_MESSAGES_LIMIT_MAX);
    reply = av_reply_new(&archivolt__get_messages_reply__descriptor);
    ask->reply = &reply->base;
    view = av_catalog_snapshot(ask->archive->catalog);
    rc = av_catalog_mailbox_by_path(view, av_span_str(body->folder), &mailbox, err);
    if (rc == AV_OK)
        rc = list(view, &mailbox, body->has_after_uid ? body->after_uid : 0, limit, reply, err);
    else if (rc == AV_ERR_NOT_FOUND)
        rc = av_error_set(err, rc, "there is no folder of this path: GetFolderStatistics lists them");
    av_meta_view_destroy(&view);
    return rc;
}
