/*
 * expunge.c - a store leaves the catalog: its placements are taken away, batch after batch
 *
 * Rows m say which mailboxes the store has placements of; one goes when its mailbox is done, so a crash costs the
 * scan of one mailbox at most.
 */
#include "base/log.h"
#include "storage/meta/catalog_priv.h"

/* The first mailbox the store still has a row of. */
static av_errc
first_share(av_catalog *self, uint32_t no, uint8_t *ret_guid, av_catalog_totals *ret, bool *ret_found, av_error *err)
{
    av_meta_key prefix;
    av_meta_iter *it;
    av_span key, value;
    av_errc rc;

    catalog_share_key(&prefix, no, NULL);
    it = av_meta_iter_new(av_meta_writer(self->meta), av_meta_key_span(&prefix), av_span_str(NULL));
    *ret_found = av_meta_iter_next(it, &key, &value) && key.n == prefix.n + AV_GUID_SIZE;
    rc = av_meta_iter_error(it, err);
    if (rc == AV_OK && *ret_found) {
        memcpy(ret_guid, key.p + prefix.n, AV_GUID_SIZE);
        rc = catalog_totals_decode(value, ret, err);
    }
    av_meta_iter_destroy(&it);
    return rc;
}

/* UIDs of the store in a mailbox, among the next `most` placements behind the cursor. *ret_end: none is left behind. */
static av_errc
list_uids(av_catalog *self, uint32_t no, const uint8_t *guid, uint64_t share, size_t most, av_buf *out,
    size_t *ret_looked, bool *ret_end, av_error *err)
{
    bool same = self->expunge_no == no && memcmp(self->expunge_guid, guid, AV_GUID_SIZE) == 0;
    av_catalog_iter *it =
        av_catalog_placements(av_meta_writer(self->meta), guid, same ? self->expunge_uid : 0, UINT32_MAX);
    av_placement row = { 0 };
    av_errc rc;

    *ret_looked = 0;
    *ret_end = false;
    while (*ret_looked < most && !*ret_end) {
        *ret_end = out->n / 4 >= share || !av_catalog_next_placement(it, &row);
        if (*ret_end)
            break;
        ++*ret_looked;
        if (row.store == no)
            (void)av_buf_put_u32(out, row.uid);
    }
    rc = av_catalog_iter_error(it, err);
    av_catalog_iter_destroy(&it);
    memcpy(self->expunge_guid, guid, AV_GUID_SIZE);
    self->expunge_no = no;
    self->expunge_uid = *ret_end ? 0 : row.uid;
    return rc;
}

static av_errc
take_uids(av_catalog *self, const uint8_t *guid, const av_buf *uids, av_error *err)
{
    av_span list = av_buf_span(uids);
    uint32_t uid = 0;
    catalog_box box;
    av_placement row;
    av_errc rc = catalog_box_get(av_meta_writer(self->meta), guid, &box, err);

    while (rc == AV_OK && av_span_get_u32(&list, &uid)) {
        rc = av_catalog_placement(av_meta_writer(self->meta), guid, uid, &row, err);
        if (rc == AV_OK)
            rc = catalog_take_placement(self, &box, &row, err);
    }
    if (rc == AV_OK && uids->n > 0) {
        /* A change like any other (RFC 7162, 3.2.10), though no log tells it. */
        box.box.removed_modseq = ++box.box.highestmodseq;
        catalog_box_put(self, &box);
    }
    return rc;
}

/* One mailbox, or as much of it as fits; its row m goes when nothing of the store is left in it. */
static av_errc
expunge_some(av_catalog *self, uint32_t no, size_t most, size_t *ret_looked, bool *ret_done, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf uids = { 0 };
    uint8_t guid[AV_GUID_SIZE];
    av_catalog_totals share;
    av_meta_key key;
    bool found = false, end = true;
    av_errc rc = first_share(self, no, guid, &share, &found, err);

    *ret_done = rc == AV_OK && !found;
    *ret_looked = 0;
    if (rc != AV_OK || !found)
        return rc;
    av_buf_init(&uids, SIZE_MAX / 2);
    if (share.messages > 0)
        rc = list_uids(self, no, guid, share.messages, most, &uids, ret_looked, &end, err);
    if (rc == AV_OK)
        rc = take_uids(self, guid, &uids, err);
    if (rc == AV_OK && end) {
        catalog_share_key(&key, no, guid);
        av_meta_delete(self->meta, av_meta_key_span(&key));
    }
    return rc;
}

av_errc
av_catalog_expunge(av_catalog *self, uint32_t store_no, size_t most, uint64_t *ret_left, av_error *err)
{
    catalog_store *s = catalog_find_no(self, store_no);
    size_t looked = 0, boxes = 0;
    bool done = false;
    av_errc rc = AV_OK;

    assert(most > 0 && !av_meta_in_group(self->meta));
    if (s == NULL)
        return av_error_set(err, AV_ERR_NOT_FOUND, "the catalog has no store %u", store_no);
    if (s->store != NULL)
        return av_error_set(err, AV_ERR_BUSY, "store %u is in use", store_no);
    av_catalog_begin(self);
    catalog_forget_applied(self, s); /* attached again half way, it is replayed as a whole */
    while (rc == AV_OK && !done && looked < most && boxes < most) {
        size_t n = 0;

        rc = expunge_some(self, store_no, most - looked, &n, &done, err);
        looked += n;
        boxes++;
    }
    *ret_left = AV_MAX(s->totals.messages, done ? 0U : 1U);
    if (rc == AV_OK)
        rc = done ? catalog_drop_store(self, store_no, err) : catalog_commit_rows(self, err);
    else
        av_catalog_rollback(self);
    if (rc != AV_OK)
        self->expunge_uid = 0; /* what was passed is there again */
    if (rc == AV_OK && done)
        AV_LOG(AV_LOG_INFO, "catalog.store_expunged", AV_U64("store", store_no));
    return rc;
}
