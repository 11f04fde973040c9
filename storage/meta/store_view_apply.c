/*
 * store_view_apply.c - what contents, events and the ends of groups do to a store's view, live and in replay
 */
#include "storage/meta/store_view_priv.h"

/* --- rows in the open group -------------------------------------------------------------------------------------- */

void
view_put(av_store_view *self, const av_meta_key *key, const av_buf *row)
{
    av_meta_put(self->meta, av_meta_key_span(key), row == NULL ? av_span_of("", 0) : av_buf_span(row));
}

av_errc
view_load(av_store_view *self, uint64_t lsn, av_buf *buf, view_content *ret, av_error *err)
{
    av_meta_key key;
    av_errc rc;

    view_key_lsn(&key, 'c', lsn);
    rc = av_meta_get(av_meta_writer(self->meta), av_meta_key_span(&key), buf, err);
    if (rc == AV_ERR_NOT_FOUND)
        return av_error_set(err, rc, "the store has no content at LSN %llx", (unsigned long long)lsn);
    return rc == AV_OK ? view_content_decode(lsn, av_buf_span(buf), ret, err) : rc;
}

void
view_store(av_store_view *self, const view_content *content)
{
    av_meta_key key;

    view_content_encode(content, &self->out);
    view_key_lsn(&key, 'c', content->row.lsn);
    view_put(self, &key, &self->out);
}

void
view_wait(av_store_view *self, view_content *content, int64_t ms)
{
    av_meta_key key;

    assert(!content->row.waiting);
    content->row.waiting = true;
    content->row.waiting_since_ms = AV_MAX(ms, 0);
    view_key_waiting(&key, ms, content->row.lsn);
    view_put(self, &key, NULL);
    self->state.counters.waiting++;
}

void
view_unwait(av_store_view *self, view_content *content)
{
    av_meta_key key;

    if (!content->row.waiting)
        return;
    view_key_waiting(&key, content->row.waiting_since_ms, content->row.lsn);
    av_meta_delete(self->meta, av_meta_key_span(&key));
    content->row.waiting = false;
    content->row.waiting_since_ms = 0;
    self->state.counters.waiting--;
}

av_errc
view_container_add(av_store_view *self, uint64_t lsn, int64_t live, int64_t dead, av_error *err)
{
    uint64_t have_live = 0, have_dead = 0;
    av_meta_key key;
    av_span row;
    av_errc rc;

    self->state.counters.stored_bytes += (uint64_t)live;
    self->state.counters.dead_bytes += (uint64_t)dead;
    view_key_no(&key, 'K', (uint32_t)(lsn >> 32));
    rc = av_meta_get(av_meta_writer(self->meta), av_meta_key_span(&key), &self->out, err);
    row = av_buf_span(&self->out);
    if (rc == AV_OK && (!av_span_get_u64(&row, &have_live) || !av_span_get_u64(&row, &have_dead)))
        return av_error_set(err, AV_ERR_CORRUPT, "store view: a container's row is damaged");
    if (rc != AV_OK && rc != AV_ERR_NOT_FOUND)
        return rc;
    av_buf_clear(&self->out);
    (void)av_buf_put_u64(&self->out, have_live + (uint64_t)live);
    (void)av_buf_put_u64(&self->out, have_dead + (uint64_t)dead);
    view_put(self, &key, &self->out);
    return AV_OK;
}

/* Rows G and g: numbers are given in the order of the log. */
static void
number_mailbox(av_store_view *self, const uint8_t *guid, uint32_t no)
{
    av_meta_key key;

    av_buf_clear(&self->out);
    (void)av_buf_put_u32(&self->out, no);
    view_key_guid(&key, 'g', guid);
    view_put(self, &key, &self->out);
    av_buf_clear(&self->out);
    (void)av_buf_append(&self->out, guid, AV_GUID_SIZE);
    view_key_no(&key, 'G', no);
    view_put(self, &key, &self->out);
}

av_errc
view_mailbox_no(av_store_view *self, const uint8_t *guid, bool make, uint32_t *ret, av_error *err)
{
    av_meta_key key;
    uint32_t no = 0;
    av_span row;
    av_errc rc;

    *ret = self->box_no;
    if (self->box_no != 0 && memcmp(self->box_guid, guid, AV_GUID_SIZE) == 0)
        return AV_OK;
    *ret = 0;
    view_key_guid(&key, 'g', guid);
    rc = av_meta_get(av_meta_writer(self->meta), av_meta_key_span(&key), &self->out, err);
    row = av_buf_span(&self->out);
    if (rc == AV_OK && (!av_span_get_u32(&row, &no) || no == 0))
        return av_error_set(err, AV_ERR_CORRUPT, "store view: a mailbox's number is damaged");
    if (rc == AV_ERR_NOT_FOUND && make) {
        no = (uint32_t)self->state.next_mailbox++;
        number_mailbox(self, guid, no);
    } else if (rc != AV_OK) {
        return rc == AV_ERR_NOT_FOUND ? AV_OK : rc;
    }
    memcpy(self->box_guid, guid, AV_GUID_SIZE);
    *ret = self->box_no = no;
    return AV_OK;
}

/* --- contents ---------------------------------------------------------------------------------------------------- */

/* A message uses a part, or a content a dictionary. */
static av_errc
refer(av_store_view *self, uint64_t lsn, const char *what, av_error *err)
{
    view_content used = { 0 };
    av_errc rc = view_load(self, lsn, &self->part_row, &used, err);

    if (rc == AV_ERR_NOT_FOUND || (rc == AV_OK && used.row.erased)) {
        if (self->replaying) /* what the log says of it is not ours to mend */
            return AV_OK;
        return av_error_set(err, AV_ERR_CONFLICT, "the message needs a %s that was erased meanwhile", what);
    }
    if (rc != AV_OK)
        return rc;
    used.row.references++;
    if (used.row.kind == AV_RECORD_PART && used.row.references > 1)
        self->state.counters.saved_bytes += used.row.size;
    view_unwait(self, &used);
    view_store(self, &used);
    return AV_OK;
}

static av_errc
refer_all(av_store_view *self, const av_store_content *content, av_error *err)
{
    av_errc rc = AV_OK;

    av_buf_clear(&self->parts);
    for (uint32_t i = 0; rc == AV_OK && i < content->part_count; i++) {
        if (content->parts[i] == 0 || content->parts[i] >= content->lsn)
            return av_error_set(err, AV_ERR_CORRUPT, "a message names a part that stands behind it");
        (void)av_var_put(&self->parts, content->lsn - content->parts[i]);
        rc = refer(self, content->parts[i], "part", err);
    }
    if (rc == AV_OK && content->dictionary != 0)
        rc = refer(self, content->dictionary, "dictionary", err);
    return rc;
}

/* The same bytes twice happen when nobody asked before: both stay known, the first is found. */
static av_errc
know(av_store_view *self, const av_store_content *content, av_error *err)
{
    av_meta_key key;
    av_errc rc;

    view_key_dedup(&key, content->kind, content->dedup);
    rc = av_meta_get(av_meta_writer(self->meta), av_meta_key_span(&key), &self->out, err);
    if (rc != AV_OK && rc != AV_ERR_NOT_FOUND)
        return rc;
    if (!av_buf_put_u64(&self->out, content->lsn))
        return av_error_set(err, AV_ERR_LIMIT, "store view: the same content too many times");
    view_put(self, &key, &self->out);
    return AV_OK;
}

static void
count_content(av_store_view *self, const av_store_content *content)
{
    av_store_counters *n = &self->state.counters;

    if (content->kind == AV_RECORD_MESSAGE) {
        n->messages++;
        n->message_bytes += content->size;
    } else if (content->kind == AV_RECORD_PART) {
        n->parts++;
        n->part_bytes += content->size;
    } else {
        uint64_t *newest = self->state.dictionary;

        if (content->use != AV_DICTIONARY_PARTS)
            newest[0] = AV_MAX(newest[0], content->lsn);
        if (content->use != AV_DICTIONARY_SKELETONS)
            newest[1] = AV_MAX(newest[1], content->lsn);
    }
}

av_errc
av_store_view_content(av_store_view *self, const av_store_content *content, av_error *err)
{
    view_content c = { .row = { .lsn = content->lsn, .kind = content->kind, .stored = content->stored } };
    bool live = !content->erased;
    int64_t stored = (int64_t)content->stored;
    av_errc rc = AV_OK;

    av_store_view_begin(self);
    c.row.erased = content->erased;
    if (live) {
        memcpy(c.row.dedup, content->dedup, sizeof c.row.dedup);
        c.row.size = content->size;
        c.row.dictionary = content->dictionary;
        c.row.part_count = content->part_count;
        count_content(self, content);
        rc = refer_all(self, content, err);
        c.parts = av_buf_span(&self->parts);
        if (rc == AV_OK && content->kind != AV_RECORD_DICTIONARY)
            rc = know(self, content, err);
    }
    if (rc == AV_OK)
        rc = view_container_add(self, content->lsn, live ? stored : 0, live ? 0 : stored, err);
    if (rc != AV_OK)
        return av_error_prefix(err, "store view");
    view_store(self, &c);
    if (content->kind != AV_RECORD_DICTIONARY)
        (void)av_buf_append(&self->fresh, &content->lsn, sizeof content->lsn);
    return AV_OK;
}

/* --- events and groups ------------------------------------------------------------------------------------------- */

av_errc
av_store_view_event(av_store_view *self, const av_event *event, av_error *err)
{
    av_errc rc = AV_OK;

    av_store_view_begin(self);
    switch (event->kind) {
    case AV_EVENT_PLACEMENT_ADDED:
        rc = view_apply_added(self, &event->placement, err);
        break;
    case AV_EVENT_PLACEMENT_REMOVED:
        rc = view_apply_removed(self, &event->placement, err);
        break;
    case AV_EVENT_HOLD_SET:
        rc = view_apply_hold_set(self, &event->hold, err);
        break;
    case AV_EVENT_HOLD_LIFTED:
        rc = view_apply_hold_lifted(self, &event->hold, err);
        break;
    case AV_EVENT_CONTENT_ERASED:
        rc = view_apply_erased(self, &event->erased, err);
        break;
    case AV_EVENT_UNKNOWN:
    case AV_EVENT_MAILBOX_CREATED:
    case AV_EVENT_MAILBOX_RENAMED:
    case AV_EVENT_MAILBOX_REMOVED:
    case AV_EVENT_RUN_PROGRESS:
        break;
    }
    return rc == AV_OK ? AV_OK : av_error_prefix(err, "store view");
}

av_errc
av_store_view_group_end(av_store_view *self, uint64_t committed_lsn, av_error *err)
{
    av_span list = av_buf_span(&self->fresh);
    av_errc rc = AV_OK;

    av_store_view_begin(self);
    while (rc == AV_OK && list.n > 0) {
        view_content content = { 0 };
        uint64_t lsn;

        memcpy(&lsn, list.p, sizeof lsn);
        list = av_span_skip(list, sizeof lsn);
        rc = view_load(self, lsn, &self->row, &content, err);
        if (rc == AV_OK && content.row.references == 0 && !content.row.waiting) {
            view_wait(self, &content, self->state.last_ms);
            view_store(self, &content);
        }
        rc = rc == AV_ERR_NOT_FOUND ? AV_OK : rc; /* erased in the group that brought it */
    }
    av_buf_clear(&self->fresh);
    self->state.applied_lsn = committed_lsn;
    return rc == AV_OK ? AV_OK : av_error_prefix(err, "store view");
}
