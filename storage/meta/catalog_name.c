/*
 * catalog_name.c - which mailbox has which path
 *
 * Each mailbox claims the path its newest event gave it. Of all that claim a path the newest claim has it; the others
 * go by a provisional name, which is a claim too, behind all real ones. So who has which name depends on what the logs
 * say and not on the order in which they were read.
 */
#include "storage/meta/catalog_priv.h"

static av_span
claim_of(const catalog_box *box)
{
    return av_span_of(box->claim, box->claim_n);
}

static av_span
path_of(const catalog_box *box)
{
    return av_span_of(box->box.path, box->box.path_n);
}

void
catalog_box_put(av_catalog *self, const catalog_box *box)
{
    av_meta_key key;

    av_buf_clear(&self->row);
    (void)catalog_box_encode(box, &self->row);
    catalog_mailbox_key(&key, box->box.guid);
    av_meta_put(self->meta, av_meta_key_span(&key), av_buf_span(&self->row));
}

static void
put_claim(av_catalog *self, const catalog_box *box, av_span path, bool provisional)
{
    av_meta_key key;

    catalog_claim_key(&key, path, provisional, box->box.sequence, box->box.guid);
    av_meta_put(self->meta, av_meta_key_span(&key), av_span_of("", 0));
}

static void
delete_claim(av_catalog *self, const catalog_box *box, av_span path, bool provisional)
{
    av_meta_key key;

    catalog_claim_key(&key, path, provisional, box->box.sequence, box->box.guid);
    av_meta_delete(self->meta, av_meta_key_span(&key));
}

/* Who should have the path; *ret_found false: nobody. */
static av_errc
first_claim(av_catalog *self, av_span path, uint8_t *ret_guid, bool *ret_provisional, bool *ret_found, av_error *err)
{
    av_meta_key prefix;
    av_meta_iter *iter;
    av_span key, value;
    av_errc rc;

    catalog_claim_key(&prefix, path, false, 0, NULL);
    iter = av_meta_iter_new(av_meta_writer(self->meta), av_meta_key_span(&prefix), av_span_str(NULL));
    *ret_found = av_meta_iter_next(iter, &key, &value) && key.n == prefix.n + 9 + AV_GUID_SIZE;
    if (*ret_found) {
        *ret_provisional = key.p[prefix.n] != 0;
        memcpy(ret_guid, key.p + prefix.n + 9, AV_GUID_SIZE);
    }
    rc = av_meta_iter_error(iter, err);
    av_meta_iter_destroy(&iter);
    return rc;
}

/* Who has it now. */
static av_errc
holder(av_catalog *self, av_span path, uint8_t *ret_guid, bool *ret_found, av_error *err)
{
    av_meta_key key;
    av_errc rc;

    catalog_path_key(&key, 'N', path);
    rc = av_meta_get(av_meta_writer(self->meta), av_meta_key_span(&key), &self->row, err);
    *ret_found = rc == AV_OK;
    if (rc == AV_OK && self->row.n != AV_GUID_SIZE)
        return av_error_set(err, AV_ERR_CORRUPT, "catalog: a path row is damaged");
    if (rc == AV_OK)
        memcpy(ret_guid, self->row.p, AV_GUID_SIZE);
    return rc == AV_ERR_NOT_FOUND ? AV_OK : rc;
}

static void
put_holder(av_catalog *self, av_span path, const uint8_t *guid)
{
    av_meta_key key;

    catalog_path_key(&key, 'N', path);
    if (guid == NULL)
        av_meta_delete(self->meta, av_meta_key_span(&key));
    else
        av_meta_put(self->meta, av_meta_key_span(&key), av_span_of(guid, AV_GUID_SIZE));
}

/* Between its own path and the provisional one, with its archive's counters. The claim of the provisional name is made
 * or taken away; who gets that name is for the caller to settle. */
static av_errc
turn(av_catalog *self, catalog_box *box, bool provisional, av_error *err)
{
    av_errc rc = catalog_count_top(self, box, -1, err);

    if (rc != AV_OK)
        return rc;
    if (box->box.provisional)
        delete_claim(self, box, path_of(box), true);
    box->box.provisional = provisional;
    catalog_box_name(box);
    if (provisional)
        put_claim(self, box, path_of(box), true);
    catalog_box_put(self, box);
    return catalog_count_top(self, box, 1, err);
}

/* Give the path to whom it belongs. Each step settles the provisional name of one mailbox more, and such a name is
 * claimed by others only when somebody called a folder so: the depth is what such names are nested. */
static av_errc
settle(av_catalog *self, av_span path, av_error *err)
{
    uint8_t first[AV_GUID_SIZE], now[AV_GUID_SIZE];
    AV_CLEANUP(av_free) catalog_box *box = av_xcalloc(1, sizeof *box);
    AV_CLEANUP(av_free) char *old = NULL;
    bool provisional = false, claimed = false, held = false;
    av_errc rc = first_claim(self, path, first, &provisional, &claimed, err);

    if (rc == AV_OK)
        rc = holder(self, path, now, &held, err);
    if (rc != AV_OK || (claimed && held && memcmp(first, now, sizeof now) == 0))
        return rc;
    if (held && claimed && !provisional) { /* the other yields, unless it only had a provisional name here */
        rc = catalog_box_get(av_meta_writer(self->meta), now, box, err);
        if (rc == AV_OK && !box->box.provisional && av_span_eq(claim_of(box), path)) {
            rc = turn(self, box, true, err);
            if (rc == AV_OK)
                rc = settle(self, path_of(box), err);
        }
        if (rc != AV_OK)
            return rc;
    }
    put_holder(self, path, claimed ? first : NULL);
    if (!claimed || provisional)
        return AV_OK;
    rc = catalog_box_get(av_meta_writer(self->meta), first, box, err);
    if (rc != AV_OK || !box->box.provisional)
        return rc;
    old = av_span_dup(path_of(box));
    rc = turn(self, box, false, err);
    return rc == AV_OK ? settle(self, av_span_str(old), err) : rc;
}

/* Without claims, in none of the counters of an archive; the row is stored by who goes on. */
static av_errc
leave(av_catalog *self, catalog_box *box, av_error *err)
{
    AV_CLEANUP(av_free) char *claim = av_span_dup(claim_of(box));
    AV_CLEANUP(av_free) char *path = av_span_dup(path_of(box));
    bool provisional = box->box.provisional;
    av_errc rc;

    if (box->claim_n == 0)
        return AV_OK;
    rc = catalog_count_top(self, box, -1, err);
    if (rc != AV_OK)
        return rc;
    delete_claim(self, box, claim_of(box), false);
    if (provisional)
        delete_claim(self, box, path_of(box), true);
    box->claim_n = 0;
    box->claim[0] = '\0';
    box->box.provisional = false;
    catalog_box_name(box);
    catalog_box_put(self, box);
    rc = settle(self, av_span_str(claim), err);
    return rc == AV_OK && provisional ? settle(self, av_span_str(path), err) : rc;
}

av_errc
catalog_name_drop(av_catalog *self, catalog_box *box, av_error *err)
{
    av_errc rc = leave(self, box, err);

    box->removed = true;
    box->box.sequence = 0;
    if (rc == AV_OK)
        catalog_box_put(self, box);
    return rc;
}

av_errc
catalog_name_claim(av_catalog *self, catalog_box *box, av_span path, uint64_t sequence, av_error *err)
{
    uint8_t first[AV_GUID_SIZE];
    bool provisional = false, claimed = false;
    av_errc rc;

    assert(!box->removed && path.n > 0 && path.n <= AV_MAILBOX_PATH_MAX);
    rc = leave(self, box, err);
    if (rc != AV_OK)
        return rc;
    memcpy(box->claim, path.p, path.n);
    box->claim[path.n] = '\0';
    box->claim_n = path.n;
    box->box.sequence = sequence;
    put_claim(self, box, claim_of(box), false);
    rc = first_claim(self, claim_of(box), first, &provisional, &claimed, err);
    if (rc != AV_OK)
        return rc;
    box->box.provisional = memcmp(first, box->box.guid, sizeof first) != 0;
    catalog_box_name(box);
    if (box->box.provisional)
        put_claim(self, box, path_of(box), true);
    catalog_box_put(self, box);
    rc = catalog_count_top(self, box, 1, err);
    return rc == AV_OK ? settle(self, path_of(box), err) : rc;
}
