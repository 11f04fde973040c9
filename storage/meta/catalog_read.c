/*
 * catalog_read.c - everything that reads the catalog, through a view
 */
#include "storage/meta/catalog_priv.h"

av_catalog_iter *
catalog_iter_new(const av_meta_view *view, av_span prefix, av_span from)
{
    av_catalog_iter *self = av_xcalloc(1, sizeof *self);

    self->view = view;
    self->it = av_meta_iter_new(view, prefix, from);
    av_buf_init(&self->row, CATALOG_ROW_MAX);
    return self;
}

void
av_catalog_iter_destroy(av_catalog_iter **self)
{
    if (*self == NULL)
        return;
    av_meta_iter_destroy(&(*self)->it);
    av_buf_release(&(*self)->row);
    free(*self);
    *self = NULL;
}

av_errc
av_catalog_iter_error(av_catalog_iter *self, av_error *err)
{
    if (self->error.code != AV_OK) {
        *err = self->error;
        return err->code;
    }
    return av_meta_iter_error(self->it, err);
}

/* A row that does not decode ends the walk; the error is kept. */
bool
catalog_iter_keep(av_catalog_iter *self, av_errc rc)
{
    if (rc == AV_OK)
        return true;
    self->error.code = rc;
    return false;
}

bool
catalog_iter_damaged(av_catalog_iter *self, const char *what)
{
    return catalog_iter_keep(self, av_error_set(&self->error, AV_ERR_CORRUPT, "catalog: %s is damaged", what));
}

/* --- mailboxes -------------------------------------------------------------------------------------------------- */

av_errc
catalog_box_get(const av_meta_view *view, const uint8_t *guid, catalog_box *ret, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    av_meta_key key;
    av_errc rc;

    av_buf_init(&row, sizeof *ret);
    catalog_mailbox_key(&key, guid);
    rc = av_meta_get(view, av_meta_key_span(&key), &row, err);
    if (rc == AV_ERR_NOT_FOUND)
        return av_error_set(err, rc, "there is no such mailbox");
    return rc == AV_OK ? catalog_box_decode(guid, av_buf_span(&row), ret, err) : rc;
}

bool
catalog_box_is_shown(const catalog_box *self)
{
    return !self->removed && self->claim_n > 0 && self->box.uidvalidity != 0;
}

av_errc
av_catalog_mailbox_by_guid(const av_meta_view *view, const uint8_t guid[AV_GUID_SIZE], av_mailbox *ret, av_error *err)
{
    catalog_box box = { .removed = true };
    av_errc rc = catalog_box_get(view, guid, &box, err);

    if (rc == AV_OK && !catalog_box_is_shown(&box))
        return av_error_set(err, AV_ERR_NOT_FOUND, "there is no such mailbox");
    if (rc == AV_OK)
        *ret = box.box;
    return rc;
}

av_errc
av_catalog_mailbox_by_path(const av_meta_view *view, av_span path, av_mailbox *ret, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf guid = { 0 };
    av_meta_key key;
    av_errc rc;

    if (path.n == 0 || path.n > AV_MAILBOX_PATH_MAX)
        return av_error_set(err, AV_ERR_NOT_FOUND, "there is no mailbox with such a name");
    av_buf_init(&guid, AV_GUID_SIZE);
    catalog_path_key(&key, 'N', path);
    rc = av_meta_get(view, av_meta_key_span(&key), &guid, err);
    if (rc == AV_ERR_NOT_FOUND)
        return av_error_set(err, rc, "there is no mailbox %.*s", (int)AV_MIN(path.n, 200), (const char *)path.p);
    if (rc == AV_OK && guid.n != AV_GUID_SIZE)
        return av_error_set(err, AV_ERR_CORRUPT, "catalog: a path row is damaged");
    return rc == AV_OK ? av_catalog_mailbox_by_guid(view, guid.p, ret, err) : rc;
}

av_catalog_iter *
av_catalog_mailboxes(const av_meta_view *view, av_span under)
{
    av_meta_key key;

    catalog_path_key(&key, 'N', av_span_slice(under, 0, AV_MIN(under.n, AV_MAILBOX_PATH_MAX)));
    return catalog_iter_new(view, av_meta_key_span(&key), av_span_str(NULL));
}

bool
av_catalog_next_mailbox(av_catalog_iter *self, av_mailbox *ret)
{
    av_span key, value;
    catalog_box box = { .removed = true };

    while (self->error.code == AV_OK && av_meta_iter_next(self->it, &key, &value)) {
        if (value.n != AV_GUID_SIZE)
            return catalog_iter_damaged(self, "a path row");
        if (!catalog_iter_keep(self, catalog_box_get(self->view, value.p, &box, &self->error)))
            return false;
        if (!catalog_box_is_shown(&box))
            continue; /* named before it was created, as far as the logs were read */
        *ret = box.box;
        return true;
    }
    return false;
}

/* --- placements ------------------------------------------------------------------------------------------------- */

av_errc
av_catalog_placement(
    const av_meta_view *view, const uint8_t guid[AV_GUID_SIZE], uint32_t uid, av_placement *ret, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    av_meta_key key;
    av_errc rc;

    av_buf_init(&row, sizeof *ret);
    catalog_placement_key(&key, guid, uid);
    rc = av_meta_get(view, av_meta_key_span(&key), &row, err);
    if (rc == AV_ERR_NOT_FOUND)
        return av_error_set(err, rc, "there is no message with UID %u", uid);
    return rc == AV_OK ? catalog_placement_decode(guid, uid, av_buf_span(&row), ret, err) : rc;
}

av_errc
av_catalog_keywords(
    const av_meta_view *view, const uint8_t guid[AV_GUID_SIZE], uint32_t uid, av_buf *out, av_error *err)
{
    av_meta_key key;
    av_errc rc;

    catalog_keywords_key(&key, guid, uid);
    rc = av_meta_get(view, av_meta_key_span(&key), out, err);
    return rc == AV_ERR_NOT_FOUND ? AV_OK : rc;
}

av_catalog_iter *
av_catalog_placements(const av_meta_view *view, const uint8_t guid[AV_GUID_SIZE], uint32_t from_uid, uint32_t to_uid)
{
    av_catalog_iter *self;
    av_meta_key prefix, from;

    catalog_placement_key(&from, guid, from_uid);
    prefix = from;
    prefix.n -= 4;
    self = catalog_iter_new(view, av_meta_key_span(&prefix), av_meta_key_span(&from));
    self->to_uid = to_uid;
    return self;
}

/* Table P: the UID stands behind the GUID. */
static bool
next_place(av_catalog_iter *self, uint32_t *ret_uid, av_span *ret_value)
{
    av_span key;

    if (self->error.code != AV_OK || !av_meta_iter_next(self->it, &key, ret_value))
        return false;
    if (key.n != 1 + AV_GUID_SIZE + 4)
        return catalog_iter_damaged(self, "a placement's key");
    memcpy(self->guid, key.p + 1, AV_GUID_SIZE);
    *ret_uid = (uint32_t)av_meta_key_read(key.p + 1 + AV_GUID_SIZE, 4);
    return true;
}

/* Table J: the next UID of the mailbox at hand, or of the next mailbox. */
static bool
next_token(av_catalog_iter *self, uint32_t *ret_uid)
{
    av_span key, value;

    for (;;) {
        if (av_span_get_u32(&self->uids, ret_uid))
            return true;
        if (self->error.code != AV_OK || !av_meta_iter_next(self->it, &key, &value))
            return false;
        if (key.n != 1 + CATALOG_TOKEN + AV_GUID_SIZE || value.n % 4 != 0)
            return catalog_iter_damaged(self, "a message id's row");
        memcpy(self->guid, key.p + 1 + CATALOG_TOKEN, AV_GUID_SIZE);
        self->uids = value; /* the iterator stands still while they are walked */
    }
}

/* Two ids may share a token: the row says whose it is. */
static bool
next_by_id(av_catalog_iter *self, av_placement *ret)
{
    uint32_t uid = 0;

    while (next_token(self, &uid)) {
        if (!catalog_iter_keep(self, av_catalog_placement(self->view, self->guid, uid, ret, &self->error)))
            return false;
        if (memcmp(ret->digest, self->id, sizeof self->id) == 0)
            return true;
    }
    return false;
}

bool
av_catalog_next_placement(av_catalog_iter *self, av_placement *ret)
{
    av_span value;
    uint32_t uid = 0;

    if (self->by == CATALOG_BY_ID)
        return next_by_id(self, ret);
    if (self->by == CATALOG_BY_THREAD)
        return catalog_thread_next(self, ret);
    if (!next_place(self, &uid, &value) || uid > self->to_uid)
        return false;
    return catalog_iter_keep(self, catalog_placement_decode(self->guid, uid, value, ret, &self->error));
}

bool
av_catalog_next_uid(av_catalog_iter *self, uint32_t *ret)
{
    av_span value;
    uint32_t uid = 0;

    assert(self->by == CATALOG_BY_UID);
    if (!next_place(self, &uid, &value) || uid > self->to_uid)
        return false;
    *ret = uid;
    return true;
}

av_errc
av_catalog_last_archived(const av_meta_view *view, int64_t *ret, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    av_span s;
    uint64_t value = 0;
    av_errc rc;

    av_buf_init(&row, 8);
    rc = av_meta_get(view, av_span_str("A"), &row, err);
    if (rc != AV_OK && rc != AV_ERR_NOT_FOUND)
        return rc;
    s = av_buf_span(&row);
    if (rc == AV_OK && !av_span_get_u64(&s, &value))
        return av_error_set(err, AV_ERR_CORRUPT, "catalog: the last date is damaged");
    *ret = (int64_t)value;
    return AV_OK;
}

av_errc
av_catalog_duplicate(const av_catalog *self, const av_meta_view *view, const uint8_t guid[AV_GUID_SIZE],
    const uint8_t digest[32], uint32_t *ret_uid, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    uint8_t token[CATALOG_TOKEN];
    av_placement placement;
    uint32_t uid = 0;
    av_meta_key key;
    av_span uids;
    av_errc rc;

    av_buf_init(&row, CATALOG_ROW_MAX);
    catalog_token(self, digest, token);
    catalog_token_key(&key, token, guid);
    rc = av_meta_get(view, av_meta_key_span(&key), &row, err);
    if (rc != AV_OK && rc != AV_ERR_NOT_FOUND)
        return rc;
    for (uids = av_buf_span(&row); av_span_get_u32(&uids, &uid);) {
        rc = av_catalog_placement(view, guid, uid, &placement, err);
        if (rc != AV_OK)
            return rc;
        if (memcmp(placement.digest, digest, sizeof placement.digest) != 0)
            continue;
        *ret_uid = uid;
        return AV_OK;
    }
    return av_error_set(err, AV_ERR_NOT_FOUND, "the mailbox does not have this message");
}

av_catalog_iter *
av_catalog_by_id(const av_catalog *self, const av_meta_view *view, const uint8_t id[AV_MESSAGE_ID_BYTES])
{
    av_catalog_iter *iter;
    uint8_t token[CATALOG_TOKEN];
    av_meta_key key;

    catalog_token(self, id, token);
    catalog_token_key(&key, token, NULL);
    iter = catalog_iter_new(view, av_meta_key_span(&key), av_span_str(NULL));
    iter->by = CATALOG_BY_ID;
    memcpy(iter->id, id, sizeof iter->id);
    return iter;
}

/* --- runs ------------------------------------------------------------------------------------------------------- */

/* A run has a row of each store it wrote to: the one that tells most counts. */
static bool
next_run_row(av_catalog_iter *self, av_run *ret)
{
    av_span key, value;

    if (self->has_run) {
        *ret = self->run;
        self->has_run = false;
        return true;
    }
    if (self->error.code != AV_OK || !av_meta_iter_next(self->it, &key, &value))
        return false;
    if (key.n != 1 + AV_GUID_SIZE + 4)
        return catalog_iter_damaged(self, "a run's key");
    return catalog_iter_keep(self, catalog_run_decode(key.p + 1, value, ret, &self->error));
}

bool
av_catalog_next_run(av_catalog_iter *self, av_run *ret)
{
    if (!next_run_row(self, ret))
        return false;
    while (next_run_row(self, &self->run)) {
        if (memcmp(self->run.run, ret->run, sizeof ret->run) != 0) {
            self->has_run = true;
            break;
        }
        if (catalog_run_is_ahead(&self->run, ret))
            *ret = self->run;
    }
    return self->error.code == AV_OK;
}

av_catalog_iter *
av_catalog_runs(const av_meta_view *view)
{
    return catalog_iter_new(view, av_span_str("R"), av_span_str(NULL));
}

av_errc
av_catalog_run(const av_meta_view *view, const uint8_t run[AV_GUID_SIZE], av_run *ret, av_error *err)
{
    AV_CLEANUP(av_catalog_iter_destroy) av_catalog_iter *iter = NULL;
    av_meta_key key;
    av_errc rc;

    catalog_run_key(&key, run);
    iter = catalog_iter_new(view, av_meta_key_span(&key), av_span_str(NULL));
    if (av_catalog_next_run(iter, ret))
        return AV_OK;
    rc = av_catalog_iter_error(iter, err);
    return rc != AV_OK ? rc : av_error_set(err, AV_ERR_NOT_FOUND, "there is no such run");
}

av_catalog_iter *
av_catalog_run_items(const av_meta_view *view, const uint8_t run[AV_GUID_SIZE], uint64_t from_item)
{
    av_meta_key prefix, from;

    av_meta_key_init(&from, 'r');
    av_meta_key_bytes(&from, av_span_of(run, AV_GUID_SIZE));
    prefix = from;
    av_meta_key_u64(&from, from_item);
    return catalog_iter_new(view, av_meta_key_span(&prefix), av_meta_key_span(&from));
}

bool
av_catalog_next_run_item(av_catalog_iter *self, av_run_item *ret)
{
    av_span key, value;
    uint8_t outcome = 0;

    if (self->error.code != AV_OK || !av_meta_iter_next(self->it, &key, &value))
        return false;
    *ret = (av_run_item){ 0 };
    if (key.n != 1 + AV_GUID_SIZE + 8 || !av_span_get_u8(&value, &outcome) ||
        (outcome == 1 &&
            (!av_event_list_next_text(&value, &ret->path) || !av_event_list_next_text(&value, &ret->reason))))
        return catalog_iter_damaged(self, "an item of a run");
    ret->item = av_meta_key_read(key.p + 1 + AV_GUID_SIZE, 8);
    ret->refused = outcome == 1;
    return true;
}
