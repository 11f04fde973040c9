/*
 * holds.c - SetHold, LiftHold, GetHolds: the rows (holds_follow.c brings them into the stores)
 */
#include "actors/instance/hold_row.h"
#include "actors/instance/holds.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/secret.h"

/* ---- set ---- */

static av_errc
take_message(av_ask *ask, const char *text, av_hold_row *row, av_error *err)
{
    uint8_t id[AV_MESSAGE_ID_BYTES];
    av_catalog_iter *it;
    av_placement placement;

    if (!av_message_id_parse(av_span_str(text), id))
        return av_error_set(err, AV_ERR_INVALID, "\"%.40s\" is not a message id", text);
    it = av_catalog_by_id(ask->archive->catalog, av_catalog_writer(ask->archive->catalog), id);
    row->has_digest = av_catalog_next_placement(it, &placement);
    av_catalog_iter_destroy(&it);
    if (!row->has_digest)
        return av_error_set(err, AV_ERR_NOT_FOUND, "there is no message %s in any mailbox", text);
    memcpy(row->digest, placement.digest, sizeof row->digest);
    return AV_OK;
}

av_errc
av_holds_ask_set(av_ask *ask, av_error *err)
{
    const Archivolt__SetHoldRequest *body = (const void *)ask->body;
    AV_CLEANUP(av_hold_row_release) av_hold_row row = { 0 };
    Archivolt__SetHoldReply *reply;
    char hex[2 * AV_GUID_SIZE + 1];
    av_errc rc = AV_OK;

    if (body->name[0] == '\0' || (body->folder != NULL && body->message != NULL))
        return av_error_set(err, AV_ERR_INVALID, "a hold has a name, and a folder or a message or neither");
    row.has_mailbox = body->folder != NULL;
    if (row.has_mailbox)
        rc = av_archive_mailbox_guid(ask->archive, body->folder, row.mailbox, err);
    else if (body->message != NULL)
        rc = take_message(ask, body->message, &row, err);
    if (rc != AV_OK)
        return rc;
    av_random_bytes(row.id, sizeof row.id);
    row.name = av_xstrdup(body->name);
    row.who = av_xstrdup(ask->caller);
    row.time_ms = av_clock_wall_ms();
    rc = av_hold_row_put(ask->archive->accounts, &row, err);
    if (rc != AV_OK)
        return rc;
    av_hex_encode(av_span_of(row.id, sizeof row.id), hex);
    reply = av_reply_new(&archivolt__set_hold_reply__descriptor);
    reply->id = av_xstrdup(hex);
    ask->reply = &reply->base;
    return AV_OK;
}

/* ---- lift ---- */

av_errc
av_holds_ask_lift(av_ask *ask, av_error *err)
{
    const Archivolt__LiftHoldRequest *body = (const void *)ask->body;
    AV_CLEANUP(av_hold_list_release) av_hold_list list = { 0 };
    uint8_t id[AV_GUID_SIZE];
    av_errc rc;

    if (!av_hex_decode(av_span_str(body->id), id, sizeof id))
        return av_error_set(err, AV_ERR_INVALID, "\"%.40s\" is not the id of a hold", body->id);
    rc = av_hold_list_read(av_accounts_writer(ask->archive->accounts), &list, err);
    if (rc != AV_OK)
        return rc;
    for (size_t i = 0; i < list.n; i++)
        if (memcmp(list.v[i].id, id, sizeof id) == 0 && list.v[i].lifted_ms == 0) {
            list.v[i].lifted_ms = av_clock_wall_ms();
            return av_hold_row_put(ask->archive->accounts, &list.v[i], err);
        }
    return av_error_set(err, AV_ERR_NOT_FOUND, "there is no hold %.40s", body->id);
}

/* ---- list ---- */

static int
oldest_first(const void *a, const void *b)
{
    int64_t x = ((const av_hold_row *)a)->time_ms, y = ((const av_hold_row *)b)->time_ms;

    return x < y ? -1 : x > y;
}

static Archivolt__Hold *
reply_row(const av_meta_view *catalog, const av_hold_row *row)
{
    Archivolt__Hold *out = av_reply_new(&archivolt__hold__descriptor);
    char hex[2 * AV_GUID_SIZE + 1], id[AV_MESSAGE_ID_TEXT + 1];
    av_mailbox mailbox;
    av_error ignored;

    av_hex_encode(av_span_of(row->id, sizeof row->id), hex);
    out->id = av_xstrdup(hex);
    out->name = av_xstrdup(row->name);
    out->by = av_xstrdup(row->who);
    out->set = av_reply_date(row->time_ms);
    if (row->has_mailbox)
        out->folder = av_catalog_mailbox_by_guid(catalog, row->mailbox, &mailbox, &ignored) == AV_OK
                          ? av_span_dup(av_span_of(mailbox.path, mailbox.path_n))
                          : av_xstrdup("(a mailbox that is gone)");
    if (row->has_digest) {
        av_message_id_format(row->digest, id);
        out->message = av_xstrdup(id);
    }
    return out;
}

av_errc
av_holds_ask_list(av_ask *ask, av_error *err)
{
    Archivolt__GetHoldsReply *reply = av_reply_new(&archivolt__get_holds_reply__descriptor);
    AV_CLEANUP(av_hold_list_release) av_hold_list list = { 0 };
    av_meta_view *accounts = av_accounts_snapshot(ask->archive->accounts);
    av_meta_view *catalog = av_catalog_snapshot(ask->archive->catalog);
    av_errc rc = av_hold_list_read(accounts, &list, err);

    ask->reply = &reply->base;
    if (list.n > 0)
        qsort(list.v, list.n, sizeof *list.v, oldest_first);
    for (size_t i = 0; rc == AV_OK && i < list.n; i++)
        if (list.v[i].lifted_ms == 0)
            av_reply_push(&reply->holds, &reply->n_holds, reply_row(catalog, &list.v[i]));
    av_meta_view_destroy(&catalog);
    av_meta_view_destroy(&accounts);
    return rc;
}
