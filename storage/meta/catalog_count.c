/*
 * catalog_count.c - the catalog's counters: kept with each placement, read, counted again
 */
#include "storage/meta/catalog_priv.h"

static void
add(av_catalog_totals *self, uint64_t messages, uint64_t bytes, int sign)
{
    self->messages += sign > 0 ? messages : 0 - messages;
    self->bytes += sign > 0 ? bytes : 0 - bytes;
}

static av_errc
get_totals(const av_meta_view *view, const av_meta_key *key, av_catalog_totals *ret, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    av_errc rc;

    av_buf_init(&row, 32);
    rc = av_meta_get(view, av_meta_key_span(key), &row, err);
    return rc == AV_OK ? catalog_totals_decode(av_buf_span(&row), ret, err) : rc;
}

static void
put_totals(av_catalog *self, const av_meta_key *key, const av_catalog_totals *totals)
{
    av_buf_clear(&self->row);
    (void)catalog_totals_encode(totals, &self->row);
    av_meta_put(self->meta, av_meta_key_span(key), av_buf_span(&self->row));
}

/* An archive without messages has no row; a mailbox that was announced to a store keeps its row there. */
static av_errc
change(av_catalog *self, const av_meta_key *key, uint64_t messages, uint64_t bytes, int sign, av_error *err)
{
    av_catalog_totals totals = { 0 };
    av_errc rc = get_totals(av_meta_writer(self->meta), key, &totals, err);

    if (rc != AV_OK && rc != AV_ERR_NOT_FOUND)
        return rc;
    add(&totals, messages, bytes, sign);
    if (key->p[0] == 'T' && totals.messages == 0)
        av_meta_delete(self->meta, av_meta_key_span(key));
    else
        put_totals(self, key, &totals);
    return AV_OK;
}

av_errc
catalog_count_top(av_catalog *self, const catalog_box *box, int sign, av_error *err)
{
    av_meta_key key;

    if (box->box.path_n == 0 || box->box.messages == 0)
        return AV_OK;
    catalog_top_key(&key, av_span_of(box->box.path, box->box.path_n));
    return change(self, &key, box->box.messages, box->box.bytes, sign, err);
}

/* Numbers wrap around as they are taken away, and back. */
static void
count_box(av_mailbox *box, const catalog_weight *weight, int sign)
{
    uint64_t one = sign > 0 ? 1U : UINT64_MAX;

    box->messages += one;
    box->bytes += one * weight->bytes;
    box->crlf_bytes += one * weight->crlf_bytes;
    box->unseen += (weight->flags & AV_FLAG_SEEN) == 0 ? one : 0;
    box->deleted += (weight->flags & AV_FLAG_DELETED) != 0 ? one : 0;
}

av_errc
catalog_count(av_catalog *self, catalog_box *box, uint32_t no, const catalog_weight *weight, int sign, av_error *err)
{
    catalog_store *s = catalog_find_no(self, no);
    av_meta_key key;
    av_errc rc;

    catalog_share_key(&key, no, box->box.guid);
    rc = change(self, &key, 1, weight->bytes, sign, err);
    if (rc == AV_OK && box->box.path_n > 0) {
        catalog_top_key(&key, av_span_of(box->box.path, box->box.path_n));
        rc = change(self, &key, 1, weight->bytes, sign, err);
    }
    if (rc != AV_OK)
        return rc;
    if (s != NULL)
        add(&s->totals, 1, weight->bytes, sign);
    count_box(&box->box, weight, sign);
    return AV_OK;
}

/* --- reading ---------------------------------------------------------------------------------------------------- */

av_errc
av_catalog_archive_totals(const av_meta_view *view, av_span top, av_catalog_totals *ret, av_error *err)
{
    av_meta_key key;
    av_errc rc;

    *ret = (av_catalog_totals){ 0 };
    if (top.n > AV_MAILBOX_PATH_MAX)
        return AV_OK;
    catalog_top_key(&key, top);
    rc = get_totals(view, &key, ret, err);
    return rc == AV_ERR_NOT_FOUND ? AV_OK : rc;
}

av_errc
av_catalog_store_totals(const av_meta_view *view, uint32_t store_no, const uint8_t guid[AV_GUID_SIZE],
    av_catalog_totals *ret, av_error *err)
{
    av_meta_key key;
    av_errc rc;

    *ret = (av_catalog_totals){ 0 };
    catalog_share_key(&key, store_no, guid);
    rc = get_totals(view, &key, ret, err);
    return rc == AV_ERR_NOT_FOUND ? AV_OK : rc;
}

av_errc
av_catalog_is_announced(
    const av_meta_view *view, uint32_t store_no, const uint8_t guid[AV_GUID_SIZE], bool *ret, av_error *err)
{
    av_catalog_totals totals;
    av_meta_key key;
    av_errc rc;

    catalog_share_key(&key, store_no, guid);
    rc = get_totals(view, &key, &totals, err);
    *ret = rc == AV_OK;
    return rc == AV_ERR_NOT_FOUND ? AV_OK : rc;
}

/* --- counting again --------------------------------------------------------------------------------------------- */

struct recount {
    av_catalog *catalog;
    av_catalog_totals *shares; /* of the mailbox at hand, by place in catalog->stores */
    av_catalog_totals *stores;
    av_catalog_totals top; /* of the archive at hand */
    char top_name[AV_MAILBOX_COMPONENT_MAX + 1];
    bool right;
};

static bool
same(const av_catalog_totals *a, const av_catalog_totals *b)
{
    return a->messages == b->messages && a->bytes == b->bytes;
}

/* What the placements of a mailbox sum up to, in all and by store. */
static av_errc
sum_placements(struct recount *self, const uint8_t *guid, av_mailbox *sum, av_error *err)
{
    av_catalog_iter *it = av_catalog_placements(av_meta_writer(self->catalog->meta), guid, 0, UINT32_MAX);
    av_placement row;
    av_errc rc;

    memset(self->shares, 0, self->catalog->store_count * sizeof *self->shares);
    sum->messages = sum->unseen = sum->bytes = sum->crlf_bytes = sum->deleted = 0;
    while (av_catalog_next_placement(it, &row)) {
        count_box(sum, &(catalog_weight){ row.raw_size, row.crlf_size, row.flags }, 1);
        for (size_t i = 0; i < self->catalog->store_count; i++)
            if (self->catalog->stores[i].no == row.store)
                add(&self->shares[i], 1, row.raw_size, 1);
    }
    rc = av_catalog_iter_error(it, err);
    av_catalog_iter_destroy(&it);
    return rc;
}

static av_errc
check_totals(struct recount *self, const av_meta_key *key, const av_catalog_totals *right, av_error *err)
{
    av_catalog_totals kept = { 0 };
    av_errc rc = get_totals(av_meta_writer(self->catalog->meta), key, &kept, err);

    if (rc != AV_OK && rc != AV_ERR_NOT_FOUND)
        return rc;
    if (same(&kept, right))
        return AV_OK;
    self->right = false;
    put_totals(self->catalog, key, right);
    return AV_OK;
}

static bool
same_box(const av_mailbox *a, const av_mailbox *b)
{
    return a->messages == b->messages && a->bytes == b->bytes && a->unseen == b->unseen &&
           a->crlf_bytes == b->crlf_bytes && a->deleted == b->deleted;
}

static av_errc
check_box(struct recount *self, const uint8_t *guid, catalog_box *box, av_error *err)
{
    const av_catalog *catalog = self->catalog;
    av_mailbox sum;
    av_meta_key key;
    av_errc rc = sum_placements(self, guid, &sum, err);

    if (rc != AV_OK)
        return rc;
    if (!same_box(&sum, &box->box)) {
        self->right = false;
        box->box.messages = sum.messages;
        box->box.bytes = sum.bytes;
        box->box.unseen = sum.unseen;
        box->box.crlf_bytes = sum.crlf_bytes;
        box->box.deleted = sum.deleted;
        catalog_box_put(self->catalog, box);
    }
    for (size_t i = 0; rc == AV_OK && i < catalog->store_count; i++) {
        catalog_share_key(&key, catalog->stores[i].no, guid);
        add(&self->stores[i], self->shares[i].messages, self->shares[i].bytes, 1);
        rc = check_totals(self, &key, &self->shares[i], err);
    }
    return rc;
}

static av_errc
end_top(struct recount *self, av_error *err)
{
    av_meta_key key;

    if (self->top_name[0] == '\0')
        return AV_OK;
    catalog_top_key(&key, av_span_str(self->top_name));
    return check_totals(self, &key, &self->top, err);
}

/* Mailboxes by path come archive after archive. */
static av_errc
check_tops(struct recount *self, const av_buf *guids, av_error *err)
{
    av_span list = av_buf_span(guids), guid;
    catalog_box box;
    av_errc rc = AV_OK;

    while (rc == AV_OK && av_span_get_bytes(&list, AV_GUID_SIZE, &guid)) {
        size_t n;

        rc = catalog_box_get(av_meta_writer(self->catalog->meta), guid.p, &box, err);
        if (rc != AV_OK)
            return rc;
        n = av_span_find(av_span_of(box.box.path, box.box.path_n), '/');
        if (n != strlen(self->top_name) || memcmp(box.box.path, self->top_name, n) != 0) {
            rc = end_top(self, err);
            self->top = (av_catalog_totals){ 0 };
            n = AV_MIN(n, sizeof self->top_name - 1);
            memcpy(self->top_name, box.box.path, n);
            self->top_name[n] = '\0';
        }
        add(&self->top, box.box.messages, box.box.bytes, 1);
    }
    return rc == AV_OK ? end_top(self, err) : rc;
}

/* GUIDs of all rows of a table: of the keys of M, or of the values of N. */
static av_errc
list_guids(av_catalog *self, const char *table, av_buf *out, av_error *err)
{
    av_meta_iter *it = av_meta_iter_new(av_meta_writer(self->meta), av_span_str(table), av_span_str(NULL));
    av_span key, value;
    bool fits = true;
    av_errc rc;

    while (fits && av_meta_iter_next(it, &key, &value)) {
        av_span guid = table[0] == 'M' ? av_span_skip(key, 1) : value;

        fits = guid.n == AV_GUID_SIZE && av_buf_append_span(out, guid);
    }
    rc = av_meta_iter_error(it, err);
    av_meta_iter_destroy(&it);
    return rc != AV_OK || fits ? rc : av_error_set(err, AV_ERR_CORRUPT, "catalog: a mailbox's key is damaged");
}

static av_errc
check_boxes(struct recount *self, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf guids = { 0 };
    av_span list, guid;
    catalog_box box;
    av_errc rc;

    av_buf_init(&guids, SIZE_MAX / 2);
    rc = list_guids(self->catalog, "M", &guids, err);
    for (list = av_buf_span(&guids); rc == AV_OK && av_span_get_bytes(&list, AV_GUID_SIZE, &guid);) {
        rc = catalog_box_get(av_meta_writer(self->catalog->meta), guid.p, &box, err);
        if (rc == AV_OK)
            rc = check_box(self, guid.p, &box, err);
    }
    if (rc != AV_OK)
        return rc;
    av_buf_clear(&guids);
    rc = list_guids(self->catalog, "N", &guids, err);
    return rc == AV_OK ? check_tops(self, &guids, err) : rc;
}

av_errc
av_catalog_recount(av_catalog *self, bool *ret_right, av_error *err)
{
    struct recount work = { .catalog = self, .right = true };
    AV_CLEANUP(av_free) av_catalog_totals *shares = av_xcalloc(self->store_count + 1, sizeof *shares);
    AV_CLEANUP(av_free) av_catalog_totals *stores = av_xcalloc(self->store_count + 1, sizeof *stores);
    av_errc rc;

    work.shares = shares;
    work.stores = stores;
    av_catalog_begin(self);
    rc = check_boxes(&work, err);
    for (size_t i = 0; rc == AV_OK && i < self->store_count; i++) {
        if (same(&stores[i], &self->stores[i].totals))
            continue;
        work.right = false;
        self->stores[i].totals = stores[i];
    }
    if (rc == AV_OK && !work.right)
        rc = catalog_commit_rows(self, err);
    else
        av_catalog_rollback(self);
    if (rc != AV_OK)
        return av_error_prefix(err, "catalog");
    *ret_right = work.right;
    return AV_OK;
}
