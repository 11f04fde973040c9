/*
 * intake_item.c - one message of a run: taken in, checked, stored, placed
 *
 * What is wrong with the item itself (too large, other bytes than announced, a folder that cannot be) is a refusal with a
 * reason and the run goes on; what is wrong with the store ends the feed.
 */
#include "actors/instance/intake_priv.h"
#include "base/clock.h"
#include "base/unicode.h"

static const struct {
    const char *name;
    uint32_t bit;
} system_flags[] = {
    { "\\Seen", AV_FLAG_SEEN },
    { "\\Answered", AV_FLAG_ANSWERED },
    { "\\Flagged", AV_FLAG_FLAGGED },
    { "\\Deleted", AV_FLAG_DELETED },
    { "\\Draft", AV_FLAG_DRAFT },
};

/* Valid UTF-8, cut at a whole character. */
static void
copy_text(char ret[AV_INTAKE_TEXT + 1], const char *text)
{
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    av_span rest = av_span_str(text);

    av_buf_init(&out, AV_INTAKE_TEXT);
    while (rest.n > 0 && av_utf8_put(&out, av_utf8_next(&rest)))
        continue;
    if (out.n > 0)
        memcpy(ret, out.p, out.n);
    ret[out.n] = '\0';
}

static void
refuse(av_intake_one *item, const char *reason)
{
    item->mode = AV_ITEM_REFUSED;
    copy_text(item->reason, reason);
}

/* RFC 9051, 9: flag-keyword is an atom; 64 bytes are what an event keeps. */
static bool
is_keyword(av_span s)
{
    size_t i;

    if (s.n == 0 || s.n > 64)
        return false;
    for (i = 0; i < s.n; i++) {
        if (s.p[i] <= ' ' || s.p[i] >= 127 || strchr("(){%*\"\\]", s.p[i]) != NULL)
            return false;
    }
    return true;
}

static void
take_flags(av_intake_one *item, char *const *flags, size_t n)
{
    size_t i, k, keywords = 0;

    item->flags = 0;
    av_buf_clear(&item->keywords);
    for (i = 0; i < n; i++) {
        for (k = 0; k < AV_COUNT(system_flags); k++) {
            if (av_span_ieq_str(av_span_str(flags[i]), system_flags[k].name))
                break;
        }
        if (k < AV_COUNT(system_flags))
            item->flags |= system_flags[k].bit;
        else if (keywords < AV_EVENT_KEYWORDS_MAX && is_keyword(av_span_str(flags[i])) &&
                 av_event_list_put_text(&item->keywords, av_span_str(flags[i])))
            keywords++;
    }
}

/* The item's mailbox; a folder that cannot be one is the item's own trouble. */
static void
take_folder(av_intake *self, const Archivolt__IntakeItem *row)
{
    av_intake_one *item = &self->item;
    av_error why;
    size_t i;

    av_buf_clear(&item->mailbox);
    (void)av_buf_append_span(&item->mailbox, av_buf_span(&self->base));
    for (i = 0; i < row->n_folder; i++) {
        if (av_mailbox_path_append(&item->mailbox, av_span_str(row->folder[i]), &why) != AV_OK) {
            refuse(item, why.msg);
            return;
        }
    }
}

static bool
is_known(const av_intake *self)
{
    const av_open_store *current = NULL;
    uint64_t lsn;
    av_error ignored;

    return self->item.has_sha256 && av_stores_current(self->archive->stores, &current, &ignored) == AV_OK &&
           av_store_view_find_message(
               current->view, av_store_view_writer(current->view), self->item.sha256, &lsn, &ignored) == AV_OK;
}

static av_errc
choose_mode(av_intake *self, av_error *err)
{
    av_intake_one *item = &self->item;
    char reason[120];
    av_errc rc;

    if (item->length > self->archive->max_message_bytes) {
        (void)snprintf(reason, sizeof reason, "the message has %llu bytes, over the limit of %llu",
            (unsigned long long)item->length, (unsigned long long)self->archive->max_message_bytes);
        refuse(item, reason);
        return AV_OK;
    }
    if (item->length <= AV_INTAKE_SPOOL) {
        item->mode = AV_ITEM_MEMORY;
        return AV_OK;
    }
    item->sha = av_sha256_stream_new();
    item->mode = is_known(self) ? AV_ITEM_KNOWN : AV_ITEM_STREAM;
    if (item->mode == AV_ITEM_KNOWN)
        return AV_OK;
    rc = av_group_join(self->group, &self->member, err); /* its first segments belong to a group */
    if (rc == AV_OK)
        rc = av_stores_use_id(self->archive->stores, self->archive->group_store->id, &item->store, err);
    return rc != AV_OK ? rc : av_store_put_begin(item->store->store, item->length, &item->put, err);
}

av_errc
av_intake_item_begin(av_intake *self, const Archivolt__IntakeItem *row, av_error *err)
{
    av_intake_one *item = &self->item;

    if (row->number != self->seen.last_item + 1)
        return av_error_set(err, AV_ERR_SYNTAX, "item %llu came where item %llu was due",
            (unsigned long long)row->number, (unsigned long long)self->seen.last_item + 1);
    if (row->has_sha256 && row->sha256.len != 32)
        return av_error_set(err, AV_ERR_SYNTAX, "item %llu: a SHA-256 has 32 bytes", (unsigned long long)row->number);
    item->number = row->number;
    item->length = row->length;
    copy_text(item->path, row->path);
    item->has_received = row->has_received_unix_ms;
    item->received_ms = row->received_unix_ms;
    item->has_sha256 = row->has_sha256;
    if (row->has_sha256)
        memcpy(item->sha256, row->sha256.data, 32);
    item->crlf = (av_crlf){ 0 };
    item->crlf_size = 0;
    av_buf_clear(&item->bytes);
    take_flags(item, row->flags, row->n_flags);
    item->mode = AV_ITEM_MEMORY;
    if (row->refused != NULL)
        refuse(item, row->refused);
    else
        take_folder(self, row);
    return item->mode == AV_ITEM_REFUSED ? AV_OK : choose_mode(self, err);
}

/* The store lost a part of this message to a rollback; nothing is wrong that sending it again would not heal. */
static av_errc
begin_anew(av_errc rc, av_error *err)
{
    if (rc != AV_ERR_CONFLICT)
        return rc;
    return av_error_set(err, AV_ERR_BUSY, "a part of this message was dropped with an open group: begin anew");
}

/* Another store became current while this message came: its first segments are in the one before. */
static av_errc
check_store(const av_intake *self, av_error *err)
{
    if (self->item.store == NULL || self->item.store->id == self->archive->group_store->id)
        return AV_OK;
    return av_error_set(err, AV_ERR_BUSY, "another archive store is current since this message began: begin anew");
}

/*
 * Each piece belongs to the open group: the one before may have been committed since, by another run or here. A group lies
 * in one container, and large messages of several runs, or one that is larger than a container, would not fit.
 */
static av_errc
write_piece(av_intake *self, av_span bytes, av_error *err)
{
    av_errc rc = av_group_is_full(self->group) ? av_group_commit(self->group, err) : AV_OK;

    if (rc == AV_OK)
        rc = av_group_join(self->group, &self->member, err);
    if (rc == AV_OK)
        rc = check_store(self, err);
    if (rc != AV_OK)
        return rc;
    av_group_count_part(self->group, bytes.n);
    return begin_anew(av_store_put_write(self->item.put, bytes, err), err);
}

av_errc
av_intake_item_bytes(av_intake *self, av_span bytes, av_error *err)
{
    av_intake_one *item = &self->item;

    switch (item->mode) {
    case AV_ITEM_REFUSED:
        return AV_OK;
    case AV_ITEM_MEMORY:
        if (!av_buf_append_span(&item->bytes, bytes))
            return av_error_set(err, AV_ERR_INTERNAL, "item longer than it said");
        return AV_OK;
    case AV_ITEM_STREAM:
    case AV_ITEM_KNOWN:
        break;
    }
    av_sha256_stream_update(item->sha, bytes);
    item->crlf_size += av_crlf_size(&item->crlf, bytes);
    return item->put == NULL ? AV_OK : write_piece(self, bytes, err);
}

void
av_intake_item_drop(av_intake *self)
{
    av_store_put_abort(&self->item.put);
    av_stores_done(self->archive->stores, &self->item.store);
    av_sha256_stream_destroy(&self->item.sha);
}

/* The beginning of a message that went to the log while it came, for its summary. */
static av_errc
read_head(av_intake *self, uint64_t lsn, av_buf *head, av_error *err)
{
    AV_CLEANUP(av_store_reader_close) av_store_reader *reader = NULL;
    size_t n = (size_t)AV_MIN(self->item.length, AV_SCAN_MAX), got = 0;
    uint8_t *room = av_buf_reserve(head, n);
    av_errc rc = av_store_reader_open(self->archive->group_store->store, lsn, &reader, err);

    assert(room != NULL);
    if (rc == AV_OK)
        rc = av_store_reader_read(reader, 0, room, n, &got, err);
    head->n = got;
    return rc;
}

/*
 * Make sure the store has the bytes. ret_new: they were written now, self->summary has their row, and the Date header is
 * known when ret_date_ms is not 0.
 */
static av_errc
store_bytes(av_intake *self, const uint8_t digest[32], uint64_t *ret_lsn, int64_t *ret_date_ms, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf head = { 0 };
    av_intake_one *item = &self->item;
    const av_open_store *store = self->archive->group_store;
    const av_meta_view *view = av_store_view_writer(store->view);
    av_span bytes = av_buf_span(&item->bytes);
    int64_t date_s = 0;
    bool has_date = false, is_new;
    av_summary summary;
    av_errc rc;

    av_buf_init(&head, AV_SCAN_MAX);
    av_buf_clear(&self->summary);
    rc = av_store_view_find_message(store->view, view, digest, ret_lsn, err);
    is_new = rc == AV_ERR_NOT_FOUND;
    if (is_new && item->mode == AV_ITEM_KNOWN)
        return av_error_set(err, AV_ERR_BUSY, "the group in which these bytes were stored was dropped: begin anew");
    if (is_new && item->mode == AV_ITEM_MEMORY) {
        rc = av_store_put_message(store->store, bytes, digest, ret_lsn, err);
    } else if (is_new) {
        rc = begin_anew(av_store_put_finish(&item->put, ret_lsn, NULL, err), err);
        if (rc == AV_OK)
            rc = read_head(self, *ret_lsn, &head, err);
        bytes = av_buf_span(&head);
    }
    if (rc != AV_OK)
        return rc;
    if (is_new) {
        rc = av_summarizer_row(
            &self->tools, bytes, item->length, item->crlf_size, &self->summary, &has_date, &date_s, err);
    } else if (av_store_view_attributes(view, *ret_lsn, &self->summary, err) == AV_OK &&
               av_summary_row_decode(av_buf_span(&self->summary), &summary, err) == AV_OK) {
        has_date = summary.has_date;
        date_s = summary.date_unix_s;
    }
    if (!is_new)
        av_buf_clear(&self->summary); /* the view has it */
    *ret_date_ms = has_date ? date_s * 1000 : 0;
    return rc;
}

/* The source's date, else the Date header when it can be true, else now (IMAP INTERNALDATE must not lie in the future). */
static int64_t
received(const av_intake_one *item, int64_t date_ms, int64_t now)
{
    if (item->has_received)
        return item->received_ms;
    return date_ms > 0 && date_ms <= now + AV_DAY_MS ? date_ms : now;
}

static av_errc
place(av_intake *self, const av_mailbox *mailbox, const uint8_t digest[32], av_error *err)
{
    av_intake_one *item = &self->item;
    av_event event = { .kind = AV_EVENT_PLACEMENT_ADDED };
    av_event_placement *p = &event.placement;
    int64_t date_ms = 0;
    av_errc rc = store_bytes(self, digest, &p->content_lsn, &date_ms, err);

    if (rc != AV_OK)
        return rc;
    if (mailbox->uidnext == 0 || mailbox->uidnext == UINT32_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "mailbox %.200s has no UID left", mailbox->path);
    memcpy(p->guid, mailbox->guid, sizeof p->guid);
    memcpy(p->digest, digest, 32);
    memcpy(p->run, self->run, sizeof p->run);
    memcpy(p->instance, self->archive->uuid, sizeof p->instance);
    p->uid = mailbox->uidnext;
    p->modseq = mailbox->highestmodseq + 1;
    p->flags = item->flags;
    p->keywords = av_buf_span(&item->keywords);
    p->raw_size = item->length;
    p->crlf_size = item->crlf_size;
    p->archived_at_ms = av_archive_now(self->archive);
    p->received_at_ms = received(item, date_ms, p->archived_at_ms);
    p->source = av_span_str(item->path);
    p->has_run = true;
    p->item = item->number;
    p->has_instance = true;
    rc = av_archive_event(self->archive, &event, av_buf_span(&self->summary), err);
    if (rc == AV_OK)
        av_intake_count_stored(self);
    return rc;
}

av_errc
av_intake_item_end(av_intake *self, av_error *err)
{
    av_intake_one *item = &self->item;
    uint8_t digest[32];
    av_mailbox mailbox;
    uint32_t uid;
    av_errc rc;

    rc = av_group_join(self->group, &self->member, err);
    if (rc == AV_OK)
        rc = check_store(self, err);
    if (rc != AV_OK)
        return rc;
    if (item->mode == AV_ITEM_MEMORY) {
        av_sha256(av_buf_span(&item->bytes), digest);
        item->crlf_size = av_crlf_size_of(av_buf_span(&item->bytes));
    } else if (item->mode != AV_ITEM_REFUSED) {
        av_sha256_stream_finish(&item->sha, digest);
    }
    if (item->mode != AV_ITEM_REFUSED && item->has_sha256 && memcmp(digest, item->sha256, 32) != 0)
        refuse(item, "the bytes that came are not those the worker announced: their SHA-256 differs");
    if (item->mode == AV_ITEM_REFUSED) {
        av_intake_item_drop(self);
        return av_intake_count_refused(self, err);
    }
    rc = av_archive_mailbox(self->archive, av_buf_span(&item->mailbox), &mailbox, err);
    if (rc == AV_OK)
        rc = av_catalog_duplicate(
            self->archive->catalog, av_catalog_writer(self->archive->catalog), mailbox.guid, digest, &uid, err);
    if (rc == AV_OK)
        rc = av_intake_count_duplicate(self, err);
    else if (rc == AV_ERR_NOT_FOUND)
        rc = place(self, &mailbox, digest, err);
    av_intake_item_drop(self);
    return rc;
}
