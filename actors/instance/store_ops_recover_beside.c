/*
 * store_ops_recover_beside.c - the part of a recovery that runs beside the writer: the engine (storage/care/recover.h),
 *                              fed with what the catalog knows of the damaged store
 */
#include "actors/instance/store_ops_recover_priv.h"

/* ---- what the catalog knows ---- */

static av_errc
on_mailbox(void *ctx, const uint8_t guid[AV_GUID_SIZE], av_event *ret, av_error *err)
{
    store_recovery *self = ctx;
    av_mailbox mailbox;
    av_errc rc = av_catalog_mailbox_by_guid(self->catalog, guid, &mailbox, err);

    if (rc != AV_OK)
        return rc;
    *ret = (av_event){ .kind = AV_EVENT_MAILBOX_CREATED };
    memcpy(self->path, mailbox.path, mailbox.path_n);
    memcpy(ret->mailbox.guid, guid, AV_GUID_SIZE);
    memcpy(ret->mailbox.instance, self->op->archive->uuid, sizeof ret->mailbox.instance);
    ret->mailbox.has_instance = true;
    ret->mailbox.path = av_span_of(self->path, mailbox.path_n);
    ret->mailbox.uidvalidity = mailbox.uidvalidity;
    ret->mailbox.sequence = mailbox.sequence;
    return AV_OK;
}

static av_errc
put_placement(store_recovery *self, const av_placement *p, av_buf *keywords,
    av_errc (*put)(void *put_ctx, const av_event_placement *placement, av_error *err), void *put_ctx, av_error *err)
{
    av_event_placement e = { .uid = p->uid,
        .modseq = p->modseq,
        .flags = p->flags,
        .content_lsn = p->content_lsn,
        .raw_size = p->raw_size,
        .crlf_size = p->crlf_size,
        .received_at_ms = p->received_at_ms,
        .archived_at_ms = p->archived_at_ms,
        .has_instance = true };
    av_errc rc = av_catalog_keywords(self->catalog, p->guid, p->uid, keywords, err);

    if (rc != AV_OK)
        return rc;
    e.keywords = av_buf_span(keywords);
    memcpy(e.guid, p->guid, sizeof e.guid);
    memcpy(e.digest, p->digest, sizeof e.digest);
    memcpy(e.instance, self->op->archive->uuid, sizeof e.instance);
    return put(put_ctx, &e, err);
}

/* The placements of the damaged store, by mailbox and UID. */
static av_errc
on_placements(void *ctx, av_errc (*put)(void *put_ctx, const av_event_placement *placement, av_error *err),
    void *put_ctx, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf keywords = { 0 };
    store_recovery *self = ctx;
    av_catalog_iter *boxes = av_catalog_mailboxes(self->catalog, (av_span){ NULL, 0 });
    av_mailbox mailbox;
    av_placement p;
    av_errc rc = AV_OK;

    av_buf_init(&keywords, AV_ROW_MAX);
    while (rc == AV_OK && av_catalog_next_mailbox(boxes, &mailbox)) {
        av_catalog_iter *it = av_catalog_placements(self->catalog, mailbox.guid, 1, UINT32_MAX);

        while (rc == AV_OK && av_catalog_next_placement(it, &p))
            if (p.store == self->no)
                rc = put_placement(self, &p, &keywords, put, put_ctx, err);
        if (rc == AV_OK)
            rc = av_catalog_iter_error(it, err);
        av_catalog_iter_destroy(&it);
    }
    if (rc == AV_OK)
        rc = av_catalog_iter_error(boxes, err);
    av_catalog_iter_destroy(&boxes);
    return rc;
}

/* ---- the engine ---- */

static av_errc
on_lost(void *ctx, uint64_t lsn, const uint8_t digest[AV_SHA256_SIZE], const char *sentence, AV_UNUSED av_error *err)
{
    char id[AV_MESSAGE_ID_TEXT + 1];

    av_message_id_format(digest, id);
    store_op_say(((store_recovery *)ctx)->op, "lost: message %s at %llx: %s", id, (unsigned long long)lsn, sentence);
    return AV_OK;
}

av_errc
store_recovery_beside(store_op *op, av_error *err)
{
    store_recovery *self = op->state;
    const av_care_watch watch = { .ctx = op, .go_on = store_op_on_go_on, .say = store_op_on_say };
    const av_recover_job job = { .source_dir = self->source_dir,
        .source_keys = self->source_keys,
        .witnessed_lsn = self->witnessed,
        .work_dir = self->work_dir,
        .target = self->store,
        .target_view = self->view,
        .with_deleted = self->with_deleted,
        .ctx = self,
        .mailbox = on_mailbox,
        .placements = self->no == 0 ? NULL : on_placements,
        .lost = on_lost };
    av_errc rc = AV_OK;

    op->again = true;
    if (av_store_view_applied_lsn(self->view) != av_store_committed_lsn(self->store)) /* cut short the last time */
        rc = av_care_rebuild_view(self->store, self->view, &watch, err);
    return rc == AV_OK ? av_care_recover(&job, &watch, &self->result, err) : rc;
}
