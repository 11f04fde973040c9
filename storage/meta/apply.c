/*
 * apply.c - av_catalog_apply: what each event does to the view, live and in replay
 */
#include "storage/meta/catalog_priv.h"

static void
put_mailbox(av_catalog *self, const av_mailbox *mailbox)
{
    av_meta_key key;

    av_buf_clear(&self->row);
    (void)catalog_mailbox_encode(mailbox, &self->row);
    catalog_mailbox_key(&key, mailbox->guid);
    av_meta_put(self->meta, av_meta_key_span(&key), av_buf_span(&self->row));
}

static void
put_path(av_catalog *self, const av_mailbox *mailbox)
{
    av_meta_key key;

    catalog_path_key(&key, av_span_of(mailbox->path, mailbox->path_n));
    av_meta_put(self->meta, av_meta_key_span(&key), av_span_of(mailbox->guid, AV_GUID_SIZE));
}

static av_errc
check_path_free(av_catalog *self, av_span path, av_error *err)
{
    av_meta_key key;
    av_errc rc = av_mailbox_path_check(path, err);

    if (rc != AV_OK)
        return rc;
    catalog_path_key(&key, path);
    rc = av_meta_get(av_meta_writer(self->meta), av_meta_key_span(&key), &self->row, err);
    if (rc == AV_OK)
        return av_error_set(
            err, AV_ERR_EXISTS, "there is a mailbox %.*s already", (int)AV_MIN(path.n, 200), (const char *)path.p);
    return rc == AV_ERR_NOT_FOUND ? AV_OK : rc;
}

static void
set_path(av_mailbox *mailbox, av_span path)
{
    mailbox->path_n = path.n;
    memcpy(mailbox->path, path.p, path.n);
    mailbox->path[path.n] = '\0';
}

static av_errc
apply_created(av_catalog *self, const av_event_mailbox *event, av_error *err)
{
    av_mailbox mailbox;
    av_errc rc = check_path_free(self, event->path, err);

    if (rc != AV_OK)
        return rc;
    rc = av_catalog_mailbox_by_guid(av_meta_writer(self->meta), event->guid, &mailbox, err);
    if (rc == AV_OK)
        return av_error_set(err, AV_ERR_EXISTS, "the mailbox GUID is taken by %s", mailbox.path);
    if (rc != AV_ERR_NOT_FOUND)
        return rc;
    mailbox = (av_mailbox){ .uidvalidity = event->uidvalidity, .uidnext = 1, .highestmodseq = 1 };
    memcpy(mailbox.guid, event->guid, sizeof mailbox.guid);
    set_path(&mailbox, event->path);
    put_mailbox(self, &mailbox);
    put_path(self, &mailbox);
    return AV_OK;
}

static av_errc
apply_renamed(av_catalog *self, const av_event_mailbox *event, av_error *err)
{
    av_mailbox mailbox;
    av_meta_key key;
    av_errc rc = av_catalog_mailbox_by_guid(av_meta_writer(self->meta), event->guid, &mailbox, err);

    if (rc == AV_OK && av_span_eq(event->path, av_span_of(mailbox.path, mailbox.path_n)))
        return AV_OK;
    if (rc == AV_OK)
        rc = check_path_free(self, event->path, err);
    if (rc != AV_OK)
        return rc;
    catalog_path_key(&key, av_span_of(mailbox.path, mailbox.path_n));
    av_meta_delete(self->meta, av_meta_key_span(&key));
    set_path(&mailbox, event->path);
    put_mailbox(self, &mailbox);
    put_path(self, &mailbox);
    return AV_OK;
}

/* Decision 13: archived_at never goes back, which takes the highest one so far. */
static av_errc
note_archived(av_catalog *self, int64_t archived_at_ms, av_error *err)
{
    int64_t last = 0;
    av_errc rc = av_catalog_last_archived(av_meta_writer(self->meta), &last, err);

    if (rc != AV_OK || archived_at_ms <= last)
        return rc;
    av_buf_clear(&self->row);
    (void)av_buf_put_u64(&self->row, (uint64_t)archived_at_ms);
    av_meta_put(self->meta, av_span_str("A"), av_buf_span(&self->row));
    return AV_OK;
}

static void
put_placement(av_catalog *self, const catalog_store *s, const av_event_placement *event, av_span summary)
{
    av_placement row = {
        .store = s->no,
        .content_lsn = event->content_lsn,
        .raw_size = event->raw_size,
        .crlf_size = event->crlf_size,
        .received_at_ms = event->received_at_ms,
        .archived_at_ms = event->archived_at_ms,
        .modseq = event->modseq,
        .flags = event->flags,
    };
    uint8_t token[CATALOG_TOKEN];
    av_meta_key key;

    memcpy(row.digest, event->digest, sizeof row.digest);
    av_buf_clear(&self->row);
    (void)catalog_placement_encode(&row, &self->row);
    catalog_placement_key(&key, event->guid, event->uid);
    av_meta_put(self->meta, av_meta_key_span(&key), av_buf_span(&self->row));
    if (event->keywords.n > 0) {
        catalog_keywords_key(&key, event->guid, event->uid);
        av_meta_put(self->meta, av_meta_key_span(&key), event->keywords);
    }
    catalog_token(self, event->digest, token);
    catalog_token_key(&key, token, event->guid, event->uid);
    av_meta_put(self->meta, av_meta_key_span(&key), av_span_of(NULL, 0));
    catalog_dedup_key(&key, s->store, s->no, event->digest);
    av_buf_clear(&self->row);
    (void)av_buf_put_u64(&self->row, event->content_lsn);
    av_meta_put(self->meta, av_meta_key_span(&key), av_buf_span(&self->row));
    if (summary.n > 0) {
        catalog_summary_key(&key, s->no, event->content_lsn);
        av_meta_put(self->meta, av_meta_key_span(&key), summary);
    }
}

static av_errc
apply_added(av_catalog *self, const catalog_store *s, const av_event_placement *event, av_span summary, av_error *err)
{
    const av_meta_view *view = av_meta_writer(self->meta);
    av_mailbox mailbox;
    av_placement other;
    av_errc rc = av_catalog_mailbox_by_guid(view, event->guid, &mailbox, err);

    if (rc == AV_OK && event->uid < mailbox.uidnext) {
        rc = av_catalog_placement(view, event->guid, event->uid, &other, err);
        if (rc == AV_OK)
            return av_error_set(err, AV_ERR_EXISTS, "UID %u of %s is taken", event->uid, mailbox.path);
        rc = rc == AV_ERR_NOT_FOUND ? AV_OK : rc;
    }
    if (rc == AV_OK && event->uid == UINT32_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "%s has no UIDs left", mailbox.path);
    if (rc == AV_OK && summary.n > CATALOG_ROW_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "a summary of %zu bytes is too large", summary.n);
    if (rc == AV_OK)
        rc = note_archived(self, event->archived_at_ms, err);
    if (rc != AV_OK)
        return rc;
    put_placement(self, s, event, summary);
    mailbox.uidnext = AV_MAX(mailbox.uidnext, event->uid + 1);
    mailbox.highestmodseq = AV_MAX(mailbox.highestmodseq, event->modseq);
    mailbox.messages++;
    mailbox.bytes += event->raw_size;
    put_mailbox(self, &mailbox);
    return AV_OK;
}

/* The content and what is known of it stay: a removed placement can come back. */
static av_errc
apply_removed(av_catalog *self, const av_event_placement *event, av_error *err)
{
    const av_meta_view *view = av_meta_writer(self->meta);
    av_mailbox mailbox;
    av_placement row;
    uint8_t token[CATALOG_TOKEN];
    av_meta_key key;
    av_errc rc = av_catalog_mailbox_by_guid(view, event->guid, &mailbox, err);

    if (rc == AV_OK)
        rc = av_catalog_placement(view, event->guid, event->uid, &row, err);
    if (rc != AV_OK)
        return rc;
    catalog_placement_key(&key, event->guid, event->uid);
    av_meta_delete(self->meta, av_meta_key_span(&key));
    catalog_keywords_key(&key, event->guid, event->uid);
    av_meta_delete(self->meta, av_meta_key_span(&key));
    catalog_token(self, row.digest, token);
    catalog_token_key(&key, token, event->guid, event->uid);
    av_meta_delete(self->meta, av_meta_key_span(&key));
    mailbox.highestmodseq = AV_MAX(mailbox.highestmodseq, event->modseq);
    mailbox.messages--;
    mailbox.bytes -= AV_MIN(mailbox.bytes, row.raw_size);
    put_mailbox(self, &mailbox);
    return AV_OK;
}

static void
put_run_item(av_catalog *self, const uint8_t *run, uint64_t item)
{
    av_meta_key key;

    av_meta_key_init(&key, 'r');
    av_meta_key_bytes(&key, av_span_of(run, AV_GUID_SIZE));
    av_meta_key_u64(&key, item);
    av_meta_put(self->meta, av_meta_key_span(&key), av_buf_span(&self->row));
}

static av_errc
apply_run(av_catalog *self, const av_event_run *event)
{
    av_run run = { .state = event->state,
        .last_item = event->last_item,
        .stored = event->stored,
        .duplicate = event->duplicate,
        .refused = event->refused };
    av_span list = event->refused_items, path, reason;
    uint64_t item = 0;
    av_meta_key key;

    av_buf_clear(&self->row);
    (void)catalog_run_encode(&run, &self->row);
    av_meta_key_init(&key, 'R');
    av_meta_key_bytes(&key, av_span_of(event->run, AV_GUID_SIZE));
    av_meta_put(self->meta, av_meta_key_span(&key), av_buf_span(&self->row));
    while (av_event_list_next_refused(&list, &item, &path, &reason)) {
        av_buf_clear(&self->row);
        (void)av_buf_put_u8(&self->row, 1);
        (void)av_event_list_put_text(&self->row, path);
        (void)av_event_list_put_text(&self->row, reason);
        put_run_item(self, event->run, item);
    }
    list = event->duplicate_items;
    av_buf_clear(&self->row);
    (void)av_buf_put_u8(&self->row, 2);
    while (av_event_list_next_item(&list, &item))
        put_run_item(self, event->run, item);
    return AV_OK;
}

av_errc
av_catalog_apply(
    av_catalog *self, uint32_t store_no, uint64_t lsn, const av_event *event, av_span summary, av_error *err)
{
    const catalog_store *s = catalog_find_no(self, store_no);

    assert(av_meta_in_group(self->meta));
    if (s == NULL || s->store == NULL)
        return av_error_set(err, AV_ERR_INTERNAL, "catalog: store %u is not attached", store_no);
    if (lsn <= s->applied_lsn)
        return av_error_set(err, AV_ERR_INTERNAL, "catalog: LSN %llx was applied before", (unsigned long long)lsn);
    switch (event->kind) {
    case AV_EVENT_MAILBOX_CREATED:
        return apply_created(self, &event->mailbox, err);
    case AV_EVENT_MAILBOX_RENAMED:
        return apply_renamed(self, &event->mailbox, err);
    case AV_EVENT_PLACEMENT_ADDED:
        return apply_added(self, s, &event->placement, summary, err);
    case AV_EVENT_PLACEMENT_REMOVED:
        return apply_removed(self, &event->placement, err);
    case AV_EVENT_RUN_PROGRESS:
        return apply_run(self, &event->run);
    case AV_EVENT_UNKNOWN:
        return AV_OK;
    }
    return av_error_set(err, AV_ERR_INTERNAL, "catalog: event kind %u", (unsigned)event->kind);
}
