/*
 * apply.c - av_catalog_apply: what each event does to the view, live and in replay
 */
#include "storage/meta/catalog_priv.h"

/* --- mailboxes -------------------------------------------------------------------------------------------------- */

av_errc
catalog_box_take(av_catalog *self, const uint8_t *guid, catalog_box *ret, av_error *err)
{
    av_errc rc = catalog_box_get(av_meta_writer(self->meta), guid, ret, err);

    if (rc != AV_ERR_NOT_FOUND)
        return rc;
    ret->removed = false;
    ret->claim_n = 0;
    ret->claim[0] = '\0';
    ret->box.uidvalidity = 0;
    ret->box.uidnext = 1;
    ret->box.highestmodseq = 1;
    ret->box.messages = ret->box.unseen = ret->box.bytes = ret->box.sequence = 0;
    ret->box.crlf_bytes = ret->box.deleted = ret->box.removed_modseq = 0;
    ret->box.provisional = false;
    memcpy(ret->box.guid, guid, AV_GUID_SIZE);
    catalog_box_name(ret);
    return AV_OK;
}

static av_errc
check_path_free(av_catalog *self, av_span path, av_error *err)
{
    av_meta_key key;
    av_errc rc = av_mailbox_path_check(path, err);

    if (rc != AV_OK)
        return rc;
    catalog_path_key(&key, 'N', path);
    rc = av_meta_get(av_meta_writer(self->meta), av_meta_key_span(&key), &self->row, err);
    if (rc == AV_OK)
        return av_error_set(
            err, AV_ERR_EXISTS, "there is a mailbox %.*s already", (int)AV_MIN(path.n, 200), (const char *)path.p);
    return rc == AV_ERR_NOT_FOUND ? AV_OK : rc;
}

/* A name that is new, live: free (or the mailbox's own), and the newest. */
static av_errc
check_name(av_catalog *self, const av_event_mailbox *event, const catalog_box *box, av_error *err)
{
    bool own = av_span_eq(event->path, av_span_of(box->box.path, box->box.path_n));
    av_errc rc = own ? AV_OK : check_path_free(self, event->path, err);

    if (rc == AV_OK && event->sequence <= self->sequence)
        return av_error_set(err, AV_ERR_CONFLICT, "a name with sequence %llu after %llu",
            (unsigned long long)event->sequence, (unsigned long long)self->sequence);
    return rc;
}

static av_errc
check_created(av_catalog *self, const av_event_mailbox *event, const catalog_box *box, av_error *err)
{
    if (box->removed)
        return av_error_set(err, AV_ERR_EXISTS, "the mailbox GUID is one of a removed mailbox");
    if (box->claim_n == 0)
        return check_name(self, event, box, err);
    if (!av_span_eq(event->path, av_span_of(box->claim, box->claim_n)))
        return av_error_set(err, AV_ERR_EXISTS, "the mailbox GUID is taken by %s", box->box.path);
    if (event->sequence > box->box.sequence && event->sequence <= self->sequence)
        return av_error_set(err, AV_ERR_CONFLICT, "the sequence of an announcement is that of the mailbox's name");
    return AV_OK;
}

static av_errc
announce(av_catalog *self, uint32_t no, const uint8_t *guid, av_error *err)
{
    av_meta_key key;
    av_errc rc;

    catalog_share_key(&key, no, guid);
    rc = av_meta_get(av_meta_writer(self->meta), av_meta_key_span(&key), &self->row, err);
    if (rc != AV_ERR_NOT_FOUND)
        return rc;
    av_buf_clear(&self->row);
    (void)catalog_totals_encode(&(av_catalog_totals){ 0 }, &self->row);
    av_meta_put(self->meta, av_meta_key_span(&key), av_buf_span(&self->row));
    return AV_OK;
}

/* The newest name counts, whichever log told it; of two with one number the path decides, as no log could. */
static av_errc
take_name(av_catalog *self, catalog_box *box, const av_event_mailbox *event, av_error *err)
{
    av_span claim = av_span_of(box->claim, box->claim_n);
    bool newer = event->sequence > box->box.sequence;

    self->sequence = AV_MAX(self->sequence, event->sequence);
    if (!newer && event->sequence == box->box.sequence)
        newer = claim.n == 0 || event->path.n > claim.n ||
                (event->path.n == claim.n && memcmp(event->path.p, claim.p, claim.n) > 0);
    if (box->removed || !newer) {
        catalog_box_put(self, box);
        return AV_OK;
    }
    return catalog_name_claim(self, box, event->path, event->sequence, err);
}

static av_errc
apply_created(av_catalog *self, uint32_t no, const av_event_mailbox *event, av_error *err)
{
    catalog_box box;
    av_errc rc = catalog_box_take(self, event->guid, &box, err);

    if (rc == AV_OK)
        rc = self->replaying ? av_mailbox_path_check(event->path, err) : check_created(self, event, &box, err);
    if (rc == AV_OK)
        rc = announce(self, no, event->guid, err);
    if (rc != AV_OK)
        return rc;
    box.box.uidvalidity = AV_MAX(box.box.uidvalidity, event->uidvalidity);
    return take_name(self, &box, event, err);
}

static av_errc
apply_renamed(av_catalog *self, const av_event_mailbox *event, av_error *err)
{
    catalog_box box;
    av_errc rc = catalog_box_take(self, event->guid, &box, err);

    if (rc == AV_OK && !self->replaying && !catalog_box_is_shown(&box))
        return av_error_set(err, AV_ERR_NOT_FOUND, "there is no such mailbox");
    if (rc == AV_OK)
        rc = self->replaying ? av_mailbox_path_check(event->path, err) : check_name(self, event, &box, err);
    return rc == AV_OK ? take_name(self, &box, event, err) : rc;
}

static av_errc
apply_mailbox_removed(av_catalog *self, const av_event_mailbox *event, av_error *err)
{
    catalog_box box;
    av_errc rc = catalog_box_take(self, event->guid, &box, err);

    if (rc != AV_OK)
        return rc;
    if (!self->replaying && !catalog_box_is_shown(&box))
        return av_error_set(err, AV_ERR_NOT_FOUND, "there is no such mailbox");
    if (!self->replaying && box.box.messages > 0)
        return av_error_set(
            err, AV_ERR_CONFLICT, "%s still has %llu messages", box.box.path, (unsigned long long)box.box.messages);
    return catalog_name_drop(self, &box, err);
}

/* --- placements ------------------------------------------------------------------------------------------------- */

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

/* UIDs of the mailbox's messages with this token: one, unless the same bytes were placed twice. */
static av_errc
token_uids(av_catalog *self, const uint8_t *digest, const uint8_t *guid, av_meta_key *key, av_error *err)
{
    uint8_t token[CATALOG_TOKEN];
    av_errc rc;

    catalog_token(self, digest, token);
    catalog_token_key(key, token, guid);
    rc = av_meta_get(av_meta_writer(self->meta), av_meta_key_span(key), &self->row, err);
    return rc == AV_ERR_NOT_FOUND ? AV_OK : rc; /* the row is empty then */
}

/* with: the UID joins the row, else it leaves it. Rows are sorted, so that no order of replay shows in them. */
static av_errc
change_token(av_catalog *self, const uint8_t *digest, const uint8_t *guid, uint32_t uid, bool with, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    uint32_t have = 0;
    bool fits = true, put = !with;
    av_meta_key key;
    av_span list;
    av_errc rc = token_uids(self, digest, guid, &key, err);

    if (rc != AV_OK)
        return rc;
    av_buf_init(&out, CATALOG_ROW_MAX);
    for (list = av_buf_span(&self->row); fits && av_span_get_u32(&list, &have);) {
        if (!put && have > uid)
            fits = put = av_buf_put_u32(&out, uid);
        if (have != uid)
            fits = fits && av_buf_put_u32(&out, have);
    }
    if (!put)
        fits = fits && av_buf_put_u32(&out, uid);
    if (!fits)
        return av_error_set(err, AV_ERR_LIMIT, "the same message is in one folder too many times");
    if (out.n == 0)
        av_meta_delete(self->meta, av_meta_key_span(&key));
    else
        av_meta_put(self->meta, av_meta_key_span(&key), av_buf_span(&out));
    return AV_OK;
}

av_errc
catalog_take_placement(av_catalog *self, catalog_box *box, const av_placement *row, av_error *err)
{
    av_meta_key key;
    av_errc rc = change_token(self, row->digest, row->guid, row->uid, false, err);

    if (rc == AV_OK)
        rc = catalog_uid_take(self, row->guid, row->uid, err);
    if (rc == AV_OK)
        rc = catalog_count(
            self, box, row->store, &(catalog_weight){ row->raw_size, row->crlf_size, row->flags }, -1, err);
    if (rc != AV_OK)
        return rc;
    catalog_placement_key(&key, row->guid, row->uid);
    av_meta_delete(self->meta, av_meta_key_span(&key));
    catalog_keywords_key(&key, row->guid, row->uid);
    av_meta_delete(self->meta, av_meta_key_span(&key));
    catalog_thread_key(&key, row);
    av_meta_delete(self->meta, av_meta_key_span(&key));
    return AV_OK;
}

static av_errc
put_placement(av_catalog *self, uint32_t no, const av_event_placement *event, const uint8_t *thread, av_error *err)
{
    av_placement row = {
        .uid = event->uid,
        .store = no,
        .content_lsn = event->content_lsn,
        .raw_size = event->raw_size,
        .crlf_size = event->crlf_size,
        .received_at_ms = event->received_at_ms,
        .archived_at_ms = event->archived_at_ms,
        .modseq = event->modseq,
        .flags = event->flags,
    };
    av_meta_key key;

    memcpy(row.guid, event->guid, sizeof row.guid);
    memcpy(row.digest, event->digest, sizeof row.digest);
    catalog_thread_set(&row, thread);
    catalog_thread_key(&key, &row);
    av_meta_put(self->meta, av_meta_key_span(&key), av_span_str(NULL));
    av_buf_clear(&self->row);
    (void)catalog_placement_encode(&row, &self->row);
    catalog_placement_key(&key, event->guid, event->uid);
    av_meta_put(self->meta, av_meta_key_span(&key), av_buf_span(&self->row));
    if (event->keywords.n > 0) {
        catalog_keywords_key(&key, event->guid, event->uid);
        av_meta_put(self->meta, av_meta_key_span(&key), event->keywords);
    }
    if (catalog_uid_put(self, event->guid, event->uid, event->modseq, err) != AV_OK)
        return err->code;
    return change_token(self, event->digest, event->guid, event->uid, true, err);
}

static bool
is_foreign(const av_catalog *self, bool has_instance, const uint8_t *instance)
{
    return has_instance && memcmp(instance, self->instance, sizeof self->instance) != 0;
}

static av_errc
check_added(
    av_catalog *self, uint32_t no, const av_event_placement *event, const catalog_box *box, bool taken, av_error *err)
{
    bool announced = false;
    av_errc rc;

    if (!catalog_box_is_shown(box))
        return av_error_set(err, AV_ERR_NOT_FOUND, "there is no such mailbox");
    if (taken)
        return av_error_set(err, AV_ERR_EXISTS, "UID %u of %s is taken", event->uid, box->box.path);
    if (event->uid == UINT32_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "%s has no UIDs left", box->box.path);
    rc = av_catalog_is_announced(av_meta_writer(self->meta), no, event->guid, &announced, err);
    if (rc == AV_OK && !announced)
        return av_error_set(err, AV_ERR_NOT_FOUND, "%s was not announced to this store", box->box.path);
    return rc;
}

/* A message that moves from one store to another may be in both logs: the later change counts. */
static av_errc
apply_added(av_catalog *self, uint32_t no, const av_event_placement *event, const uint8_t *thread, av_error *err)
{
    bool taken = false;
    catalog_box box;
    av_placement other;
    av_errc rc = catalog_box_take(self, event->guid, &box, err);

    if (rc == AV_OK && event->uid < box.box.uidnext) {
        rc = av_catalog_placement(av_meta_writer(self->meta), event->guid, event->uid, &other, err);
        taken = rc == AV_OK;
        rc = rc == AV_ERR_NOT_FOUND ? AV_OK : rc;
    }
    if (rc == AV_OK && !self->replaying)
        rc = check_added(self, no, event, &box, taken, err);
    if (rc == AV_OK)
        rc = note_archived(self, event->archived_at_ms, err);
    if (rc != AV_OK)
        return rc;
    if (event->uid >= box.box.uidnext)
        box.box.uidnext = event->uid == UINT32_MAX ? event->uid : event->uid + 1;
    box.box.highestmodseq = AV_MAX(box.box.highestmodseq, event->modseq);
    if (taken && other.modseq < event->modseq) {
        rc = catalog_take_placement(self, &box, &other, err);
        taken = false;
    }
    if (rc == AV_OK && !taken)
        rc = put_placement(self, no, event, thread, err);
    if (rc == AV_OK && !taken)
        rc =
            catalog_count(self, &box, no, &(catalog_weight){ event->raw_size, event->crlf_size, event->flags }, 1, err);
    if (rc == AV_OK)
        catalog_box_put(self, &box);
    return rc;
}

/* Nothing is kept here: what can be restored is in the store's view. */
static av_errc
apply_removed(av_catalog *self, uint32_t no, const av_event_placement *event, av_error *err)
{
    const av_meta_view *view = av_meta_writer(self->meta);
    catalog_box box;
    av_placement row;
    av_errc rc = catalog_box_get(view, event->guid, &box, err), found;

    if (rc == AV_ERR_NOT_FOUND && self->replaying)
        return AV_OK; /* of another instance */
    if (rc != AV_OK)
        return rc;
    found = av_catalog_placement(view, event->guid, event->uid, &row, err);
    if (found == AV_OK && row.store != no)
        found = av_error_set(err, AV_ERR_NOT_FOUND, "UID %u of %s is in another store", event->uid, box.box.path);
    if (found != AV_OK && (found != AV_ERR_NOT_FOUND || !self->replaying))
        return found;
    box.box.highestmodseq = AV_MAX(box.box.highestmodseq, event->modseq);
    box.box.removed_modseq = AV_MAX(box.box.removed_modseq, event->modseq);
    if (found == AV_OK)
        rc = catalog_take_placement(self, &box, &row, err);
    if (rc == AV_OK)
        catalog_box_put(self, &box);
    return rc;
}

/* --- runs ------------------------------------------------------------------------------------------------------- */

/* One of two logs that tell of the same item: the lesser row, so that their order does not show. */
static av_errc
put_run_item(av_catalog *self, const uint8_t *run, uint64_t item, const av_buf *row, av_error *err)
{
    av_meta_key key;
    av_errc rc;

    catalog_run_key(&key, run);
    key.p[0] = 'r';
    av_meta_key_u64(&key, item);
    rc = av_meta_get(av_meta_writer(self->meta), av_meta_key_span(&key), &self->row, err);
    if (rc != AV_OK && rc != AV_ERR_NOT_FOUND)
        return rc;
    if (rc == AV_OK) {
        int order = memcmp(self->row.p, row->p, AV_MIN(self->row.n, row->n));

        if (order < 0 || (order == 0 && self->row.n <= row->n))
            return AV_OK;
    }
    av_meta_put(self->meta, av_meta_key_span(&key), av_buf_span(row));
    return AV_OK;
}

static av_errc
put_run_items(av_catalog *self, const av_event_run *event, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    av_span list = event->refused_items, path, reason;
    uint64_t item = 0;
    av_errc rc = AV_OK;

    av_buf_init(&row, CATALOG_ROW_MAX);
    while (rc == AV_OK && av_event_list_next_refused(&list, &item, &path, &reason)) {
        av_buf_clear(&row);
        (void)av_buf_put_u8(&row, 1);
        (void)av_event_list_put_text(&row, path);
        (void)av_event_list_put_text(&row, reason);
        rc = put_run_item(self, event->run, item, &row, err);
    }
    list = event->duplicate_items;
    av_buf_clear(&row);
    (void)av_buf_put_u8(&row, 2);
    while (rc == AV_OK && av_event_list_next_item(&list, &item))
        rc = put_run_item(self, event->run, item, &row, err);
    return rc;
}

static av_errc
apply_run(av_catalog *self, uint32_t no, const av_event_run *event, av_error *err)
{
    av_run run = { .state = event->state,
        .last_item = event->last_item,
        .stored = event->stored,
        .duplicate = event->duplicate,
        .refused = event->refused };
    av_meta_key key;

    av_buf_clear(&self->row);
    (void)catalog_run_encode(&run, &self->row);
    catalog_run_key(&key, event->run);
    av_meta_key_u32(&key, no);
    av_meta_put(self->meta, av_meta_key_span(&key), av_buf_span(&self->row));
    return put_run_items(self, event, err);
}

/* --- events ----------------------------------------------------------------------------------------------------- */

static av_errc
apply_mailbox(av_catalog *self, uint32_t store_no, const av_event *event, av_error *err)
{
    if (is_foreign(self, event->mailbox.has_instance, event->mailbox.instance))
        return AV_OK;
    if (event->kind == AV_EVENT_MAILBOX_CREATED)
        return apply_created(self, store_no, &event->mailbox, err);
    if (event->kind == AV_EVENT_MAILBOX_RENAMED)
        return apply_renamed(self, &event->mailbox, err);
    return apply_mailbox_removed(self, &event->mailbox, err);
}

av_errc
av_catalog_apply(av_catalog *self, uint32_t store_no, const av_event *event, const uint8_t *thread, av_error *err)
{
    const catalog_store *s = catalog_find_no(self, store_no);

    assert(av_meta_in_group(self->meta));
    if (s == NULL || s->store == NULL)
        return av_error_set(err, AV_ERR_INTERNAL, "catalog: store %u is not attached", store_no);
    switch (event->kind) {
    case AV_EVENT_MAILBOX_CREATED:
    case AV_EVENT_MAILBOX_RENAMED:
    case AV_EVENT_MAILBOX_REMOVED:
        return apply_mailbox(self, store_no, event, err);
    case AV_EVENT_PLACEMENT_ADDED:
        if (is_foreign(self, event->placement.has_instance, event->placement.instance))
            return AV_OK;
        return apply_added(self, store_no, &event->placement, thread, err);
    case AV_EVENT_PLACEMENT_REMOVED:
        return apply_removed(self, store_no, &event->placement, err);
    case AV_EVENT_RUN_PROGRESS:
        return apply_run(self, store_no, &event->run, err);
    case AV_EVENT_UNKNOWN:
    case AV_EVENT_HOLD_SET:
    case AV_EVENT_HOLD_LIFTED:
    case AV_EVENT_CONTENT_ERASED:
        return AV_OK;
    }
    return av_error_set(err, AV_ERR_INTERNAL, "catalog: event kind %u", (unsigned)event->kind);
}
