/*
 * store_view_read.c - everything that reads a store's view
 */
#include "storage/meta/store_view_priv.h"

struct av_store_view_iter {
    const av_meta_view *view;
    av_meta_iter *it;
    size_t prefix_n; /* of the walk's keys: what stands before its own numbers */
    av_buf row, removal;
    av_error error; /* code AV_OK: none of our own */
};

static av_store_view_iter *
iter_new(const av_meta_view *view, const av_meta_key *prefix, const av_meta_key *from)
{
    av_store_view_iter *self = av_xcalloc(1, sizeof *self);

    self->view = view;
    self->prefix_n = prefix->n;
    self->it =
        av_meta_iter_new(view, av_meta_key_span(prefix), from == NULL ? av_span_str(NULL) : av_meta_key_span(from));
    av_buf_init(&self->row, STORE_VIEW_ROW_MAX);
    av_buf_init(&self->removal, STORE_VIEW_ROW_MAX);
    return self;
}

void
av_store_view_iter_destroy(av_store_view_iter **self)
{
    if (*self == NULL)
        return;
    av_meta_iter_destroy(&(*self)->it);
    av_buf_release(&(*self)->row);
    av_buf_release(&(*self)->removal);
    free(*self);
    *self = NULL;
}

av_errc
av_store_view_iter_error(av_store_view_iter *self, av_error *err)
{
    if (self->error.code != AV_OK) {
        *err = self->error;
        return err->code;
    }
    return av_meta_iter_error(self->it, err);
}

/* A row that does not decode ends the walk; the error is kept. */
static bool
keep(av_store_view_iter *self, av_errc rc)
{
    if (rc == AV_OK)
        return true;
    self->error.code = rc == AV_ERR_NOT_FOUND ? AV_ERR_CORRUPT : rc;
    return false;
}

static bool
next_row(av_store_view_iter *self, size_t key_n, av_span *ret_key, av_span *ret_value)
{
    if (self->error.code != AV_OK || !av_meta_iter_next(self->it, ret_key, ret_value))
        return false;
    if (ret_key->n == key_n)
        return true;
    return keep(self, av_error_set(&self->error, AV_ERR_CORRUPT, "store view: a key of %zu bytes", ret_key->n));
}

/* --- contents ---------------------------------------------------------------------------------------------------- */

static bool
unpack_parts(const view_content *content, av_buf *out)
{
    av_span parts = content->parts;
    uint64_t distance = 0, lsn;

    av_buf_clear(out);
    for (uint32_t i = 0; i < content->row.part_count; i++) {
        if (!av_var_get(&parts, &distance) || distance >= content->row.lsn)
            return false;
        lsn = content->row.lsn - distance;
        if (!av_buf_append(out, &lsn, sizeof lsn))
            return false;
    }
    return parts.n == 0;
}

av_errc
av_store_view_get(const av_meta_view *view, uint64_t lsn, av_content_row *ret, av_buf *parts, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    view_content content;
    av_meta_key key;
    av_errc rc;

    av_buf_init(&row, STORE_VIEW_ROW_MAX);
    view_key_lsn(&key, 'c', lsn);
    rc = av_meta_get(view, av_meta_key_span(&key), &row, err);
    if (rc == AV_ERR_NOT_FOUND)
        return av_error_set(err, rc, "the store has no content at LSN %llx", (unsigned long long)lsn);
    if (rc == AV_OK)
        rc = view_content_decode(lsn, av_buf_span(&row), &content, err);
    if (rc != AV_OK)
        return rc;
    if (parts != NULL && !unpack_parts(&content, parts))
        return av_error_set(
            err, AV_ERR_CORRUPT, "store view: the parts of LSN %llx are damaged", (unsigned long long)lsn);
    *ret = content.row;
    return AV_OK;
}

av_store_view_iter *
av_store_view_messages(const av_meta_view *view, uint64_t from_lsn)
{
    av_meta_key prefix, from;

    av_meta_key_init(&prefix, 'c');
    view_key_lsn(&from, 'c', from_lsn);
    return iter_new(view, &prefix, &from);
}

bool
av_store_view_next_message(av_store_view_iter *self, av_content_row *ret)
{
    view_content content;
    av_span key, value;

    while (next_row(self, 9, &key, &value)) {
        if (!keep(self, view_content_decode(av_meta_key_read(key.p + 1, 8), value, &content, &self->error)))
            return false;
        if (content.row.kind != AV_RECORD_MESSAGE)
            continue;
        *ret = content.row;
        return true;
    }
    return false;
}

av_errc
av_store_view_find_message(const av_store_view *self, const av_meta_view *view, const uint8_t digest[AV_SHA256_SIZE],
    uint64_t *ret_lsn, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    uint8_t dedup[AV_STORE_DEDUP_SIZE];
    av_meta_key key;
    av_span value;
    av_errc rc;

    view_dedup_of(self, digest, dedup);
    view_key_dedup(&key, AV_RECORD_MESSAGE, dedup);
    av_buf_init(&row, STORE_VIEW_ROW_MAX);
    rc = av_meta_get(view, av_meta_key_span(&key), &row, err);
    value = av_buf_span(&row);
    if (rc == AV_ERR_NOT_FOUND)
        return av_error_set(err, rc, "the store does not have this message");
    if (rc == AV_OK && !av_span_get_u64(&value, ret_lsn))
        return av_error_set(err, AV_ERR_CORRUPT, "store view: the row of a known message is damaged");
    return rc;
}

static av_errc
get_state(const av_meta_view *view, view_state *ret, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    av_errc rc;

    av_buf_init(&row, 1024);
    rc = av_meta_get(view, av_span_str("L"), &row, err);
    return rc == AV_OK ? view_state_decode(av_buf_span(&row), ret, err) : rc;
}

av_errc
av_store_view_dictionaries(const av_meta_view *view, uint64_t ret_lsns[2], av_error *err)
{
    view_state state;
    av_errc rc = get_state(view, &state, err);

    if (rc != AV_OK)
        return rc;
    ret_lsns[0] = AV_MIN(state.dictionary[0], state.dictionary[1]);
    ret_lsns[1] = AV_MAX(state.dictionary[0], state.dictionary[1]);
    return AV_OK;
}

av_errc
av_store_view_counters(const av_meta_view *view, av_store_counters *ret, av_error *err)
{
    view_state state;
    av_errc rc = get_state(view, &state, err);

    if (rc == AV_OK)
        *ret = state.counters;
    return rc;
}

av_errc
av_store_view_is_needed(const av_meta_view *view, uint64_t lsn, av_record_kind kind, bool *ret, av_error *err)
{
    uint64_t newest[2] = { 0 };
    av_content_row row = { 0 };
    av_errc rc;

    *ret = true;
    if (kind != AV_RECORD_MESSAGE && kind != AV_RECORD_PART && kind != AV_RECORD_DICTIONARY)
        return AV_OK;
    rc = av_store_view_get(view, lsn, &row, NULL, err);
    if (rc == AV_ERR_NOT_FOUND || (rc == AV_OK && row.erased)) {
        *ret = false;
        return AV_OK;
    }
    if (rc != AV_OK || kind != AV_RECORD_DICTIONARY)
        return rc;
    rc = av_store_view_dictionaries(view, newest, err);
    *ret = row.references > 0 || lsn == newest[0] || lsn == newest[1];
    return rc;
}

/* --- attributes -------------------------------------------------------------------------------------------------- */

av_errc
av_store_view_attributes_put(av_store_view *self, uint64_t lsn, av_span row, av_error *err)
{
    av_meta_key key;
    view_content content;
    av_errc rc;

    if (row.n < AV_THREAD_KEY_SIZE)
        return av_error_set(err, AV_ERR_INVALID, "attributes begin with the message's thread key");
    if (row.n > STORE_VIEW_ATTRIBUTES_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "attributes of %zu bytes are too large", row.n);
    rc = view_load(self, lsn, &self->row, &content, err);
    if (rc != AV_OK)
        return rc;
    if (content.row.erased || content.row.kind != AV_RECORD_MESSAGE)
        return av_error_set(err, AV_ERR_NOT_FOUND, "there is no message at LSN %llx", (unsigned long long)lsn);
    av_store_view_begin(self);
    view_key_lsn(&key, 'a', lsn);
    av_meta_put(self->meta, av_meta_key_span(&key), row);
    return AV_OK;
}

av_errc
av_store_view_attributes(const av_meta_view *view, uint64_t lsn, av_buf *out, av_error *err)
{
    av_meta_key key;

    view_key_lsn(&key, 'a', lsn);
    return av_meta_get(view, av_meta_key_span(&key), out, err);
}

av_errc
av_store_view_thread(const av_meta_view *view, uint64_t lsn, uint8_t ret[AV_THREAD_KEY_SIZE], av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    av_errc rc;

    av_buf_init(&row, STORE_VIEW_ATTRIBUTES_MAX);
    rc = av_store_view_attributes(view, lsn, &row, err);
    if (rc != AV_OK && rc != AV_ERR_NOT_FOUND)
        return rc;
    memset(ret, 0, AV_THREAD_KEY_SIZE);
    if (rc == AV_OK && row.n < AV_THREAD_KEY_SIZE)
        return av_error_set(err, AV_ERR_CORRUPT, "store view: the attributes of a message are damaged");
    if (rc == AV_OK)
        memcpy(ret, row.p, AV_THREAD_KEY_SIZE);
    return AV_OK;
}

av_store_view_iter *
av_store_view_all_attributes(const av_meta_view *view, uint64_t from_lsn)
{
    av_meta_key prefix, from;

    av_meta_key_init(&prefix, 'a');
    view_key_lsn(&from, 'a', from_lsn);
    return iter_new(view, &prefix, &from);
}

bool
av_store_view_next_attributes(av_store_view_iter *self, uint64_t *ret_lsn, av_span *ret_row)
{
    av_span key;

    if (!next_row(self, 9, &key, ret_row))
        return false;
    *ret_lsn = av_meta_key_read(key.p + 1, 8);
    return true;
}

/* --- placements -------------------------------------------------------------------------------------------------- */

static av_errc
mailbox_no(const av_meta_view *view, const uint8_t *guid, uint32_t *ret, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    av_meta_key key;
    av_span value;
    av_errc rc;

    av_buf_init(&row, 16);
    view_key_guid(&key, 'g', guid);
    rc = av_meta_get(view, av_meta_key_span(&key), &row, err);
    value = av_buf_span(&row);
    if (rc == AV_OK && !av_span_get_u32(&value, ret))
        return av_error_set(err, AV_ERR_CORRUPT, "store view: a mailbox's number is damaged");
    return rc;
}

static av_errc
mailbox_guid(const av_meta_view *view, uint32_t no, uint8_t *ret, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    av_meta_key key;
    av_errc rc;

    av_buf_init(&row, AV_GUID_SIZE);
    view_key_no(&key, 'G', no);
    rc = av_meta_get(view, av_meta_key_span(&key), &row, err);
    if (rc == AV_ERR_NOT_FOUND || (rc == AV_OK && row.n != AV_GUID_SIZE))
        return av_error_set(err, AV_ERR_CORRUPT, "store view: mailbox %u has no GUID", no);
    if (rc == AV_OK)
        memcpy(ret, row.p, AV_GUID_SIZE);
    return rc;
}

/* Row u, and d for a removed one; ret borrows from both buffers. */
static av_errc
read_place(const av_meta_view *view, uint32_t no, uint32_t uid, av_buf *row, av_buf *removed, av_store_placement *ret,
    av_error *err)
{
    view_place place = { 0 };
    view_removal removal = { 0 };
    av_meta_key key;
    av_errc rc;

    view_key_place(&key, 'u', no, uid);
    rc = av_meta_get(view, av_meta_key_span(&key), row, err);
    if (rc == AV_OK)
        rc = view_place_decode(av_buf_span(row), &place, err);
    if (rc == AV_OK && place.removed) {
        view_key_place(&key, 'd', no, uid);
        rc = av_meta_get(view, av_meta_key_span(&key), removed, err);
        if (rc == AV_ERR_NOT_FOUND)
            return av_error_set(err, AV_ERR_CORRUPT, "store view: a removed placement does not say when");
        if (rc == AV_OK)
            rc = view_removal_decode(av_buf_span(removed), &removal, err);
    }
    if (rc != AV_OK)
        return rc;
    *ret = (av_store_placement){ .uid = uid,
        .content_lsn = place.content_lsn,
        .flags = place.flags,
        .raw_size = place.raw_size,
        .crlf_size = place.crlf_size,
        .received_at_ms = place.received_at_ms,
        .archived_at_ms = place.archived_at_ms,
        .keywords = place.keywords,
        .removed = place.removed,
        .removed_at_ms = removal.time_ms,
        .modseq = removal.modseq,
        .who = removal.who,
        .reason = removal.reason };
    return mailbox_guid(view, no, ret->guid, err);
}

av_errc
av_store_view_placement(const av_meta_view *view, const uint8_t guid[AV_GUID_SIZE], uint32_t uid, av_buf *row,
    av_store_placement *ret, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf place = { 0 };
    AV_CLEANUP(av_buf_release) av_buf removal = { 0 };
    uint32_t no = 0;
    av_errc rc = mailbox_no(view, guid, &no, err);

    av_buf_init(&place, STORE_VIEW_ROW_MAX);
    av_buf_init(&removal, STORE_VIEW_ROW_MAX);
    if (rc == AV_OK)
        rc = read_place(view, no, uid, &place, &removal, ret, err);
    if (rc == AV_ERR_NOT_FOUND)
        return av_error_set(err, rc, "the store has no message with UID %u in this folder", uid);
    if (rc != AV_OK)
        return rc;
    /* What ret borrows goes into the caller's buffer, one after another. */
    av_buf_clear(row);
    if (!av_buf_append_span(row, ret->keywords) || !av_buf_append_span(row, ret->who) ||
        !av_buf_append_span(row, ret->reason))
        return av_error_set(err, AV_ERR_LIMIT, "a placement's texts are more than %zu bytes", row->max);
    ret->keywords = av_span_slice(av_buf_span(row), 0, ret->keywords.n);
    ret->who = av_span_slice(av_buf_span(row), ret->keywords.n, ret->keywords.n + ret->who.n);
    ret->reason = av_span_skip(av_buf_span(row), ret->keywords.n + ret->who.n);
    return AV_OK;
}

av_store_view_iter *
av_store_view_recoverable(const av_meta_view *view, const uint8_t guid[AV_GUID_SIZE], uint32_t from_uid)
{
    av_store_view_iter *self;
    av_meta_key prefix, from;
    uint32_t no = 0; /* no mailbox has it: nothing is found */
    av_error err;
    av_errc rc;

    if (guid == NULL) {
        av_meta_key_init(&prefix, 'd');
        return iter_new(view, &prefix, NULL);
    }
    rc = mailbox_no(view, guid, &no, &err);
    view_key_no(&prefix, 'd', no);
    view_key_place(&from, 'd', no, from_uid);
    self = iter_new(view, &prefix, &from);
    if (rc != AV_OK && rc != AV_ERR_NOT_FOUND)
        self->error = err;
    return self;
}

av_store_view_iter *
av_store_view_placements_of(const av_meta_view *view, uint64_t content_lsn)
{
    av_meta_key prefix;

    view_key_lsn(&prefix, 'q', content_lsn);
    return iter_new(view, &prefix, NULL);
}

/* Tables d and q: mailbox number and UID stand at a key's end in both. */
bool
av_store_view_next_placement(av_store_view_iter *self, av_store_placement *ret)
{
    size_t key_n = self->prefix_n == 9 ? 17 : 9;
    av_span key, value;
    uint32_t no, uid;

    if (!next_row(self, key_n, &key, &value))
        return false;
    no = (uint32_t)av_meta_key_read(key.p + key_n - 8, 4);
    uid = (uint32_t)av_meta_key_read(key.p + key_n - 4, 4);
    return keep(self, read_place(self->view, no, uid, &self->row, &self->removal, ret, &self->error));
}

/* --- holds and containers ---------------------------------------------------------------------------------------- */

av_store_view_iter *
av_store_view_holds(const av_meta_view *view)
{
    av_meta_key prefix;

    av_meta_key_init(&prefix, 'H');
    return iter_new(view, &prefix, NULL);
}

bool
av_store_view_next_hold(av_store_view_iter *self, av_hold *ret)
{
    av_span key, value;

    return next_row(self, 1 + AV_GUID_SIZE, &key, &value) &&
           keep(self, view_hold_decode(key.p + 1, value, ret, &self->error));
}

av_store_view_iter *
av_store_view_containers(const av_meta_view *view)
{
    av_meta_key prefix;

    av_meta_key_init(&prefix, 'K');
    return iter_new(view, &prefix, NULL);
}

bool
av_store_view_next_container(av_store_view_iter *self, av_container_bytes *ret)
{
    av_span key, value;

    if (!next_row(self, 5, &key, &value))
        return false;
    ret->container = (uint32_t)av_meta_key_read(key.p + 1, 4);
    if (av_span_get_u64(&value, &ret->live) && av_span_get_u64(&value, &ret->dead))
        return true;
    return keep(self, av_error_set(&self->error, AV_ERR_CORRUPT, "store view: a container's row is damaged"));
}
