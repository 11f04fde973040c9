/*
 * floor.c - UIDs, MODSEQs, UIDVALIDITYs and the sequence of names that were given, though no log at hand says so
 */
#include "storage/meta/catalog_priv.h"

static av_catalog_floor
floor_of(const catalog_box *box)
{
    av_catalog_floor floor = {
        .uidvalidity = box->box.uidvalidity, .uidnext = box->box.uidnext, .highestmodseq = box->box.highestmodseq
    };

    memcpy(floor.guid, box->box.guid, sizeof floor.guid);
    return floor;
}

av_errc
av_catalog_floors(const av_meta_view *view, uint32_t store_no,
    av_errc (*each)(void *ctx, const av_catalog_floor *floor, av_error *err), void *ctx, av_error *err)
{
    av_meta_key prefix;
    av_meta_iter *it;
    av_span key, value;
    av_errc rc = AV_OK;

    catalog_share_key(&prefix, store_no, NULL);
    it = av_meta_iter_new(view, av_meta_key_span(&prefix), av_span_str(NULL));
    while (rc == AV_OK && av_meta_iter_next(it, &key, &value) && key.n == prefix.n + AV_GUID_SIZE) {
        av_catalog_floor floor;
        catalog_box box;

        rc = catalog_box_get(view, key.p + prefix.n, &box, err);
        if (rc != AV_OK)
            break;
        floor = floor_of(&box);
        rc = each(ctx, &floor, err);
    }
    if (rc == AV_OK)
        rc = av_meta_iter_error(it, err);
    av_meta_iter_destroy(&it);
    return rc;
}

av_errc
av_catalog_all_floors(const av_meta_view *view,
    av_errc (*each)(void *ctx, const av_catalog_floor *floor, av_error *err), void *ctx, av_error *err)
{
    av_meta_iter *it = av_meta_iter_new(view, av_span_str("M"), av_span_str(NULL));
    av_span key, value;
    av_errc rc = AV_OK;

    while (rc == AV_OK && av_meta_iter_next(it, &key, &value)) {
        av_catalog_floor floor;
        catalog_box box;

        if (key.n != 1 + AV_GUID_SIZE)
            continue;
        rc = catalog_box_decode(key.p + 1, value, &box, err);
        if (rc != AV_OK)
            break;
        floor = floor_of(&box);
        rc = each(ctx, &floor, err);
    }
    if (rc == AV_OK)
        rc = av_meta_iter_error(it, err);
    av_meta_iter_destroy(&it);
    return rc;
}

static av_errc
raise_box(av_catalog *self, const av_catalog_floor *floor, av_error *err)
{
    catalog_box box;
    av_errc rc = catalog_box_take(self, floor->guid, &box, err);

    if (rc != AV_OK || (box.box.uidvalidity >= floor->uidvalidity && box.box.uidnext >= floor->uidnext &&
                           box.box.highestmodseq >= floor->highestmodseq))
        return rc;
    box.box.uidvalidity = AV_MAX(box.box.uidvalidity, floor->uidvalidity);
    box.box.uidnext = AV_MAX(box.box.uidnext, floor->uidnext);
    box.box.highestmodseq = AV_MAX(box.box.highestmodseq, floor->highestmodseq);
    catalog_box_put(self, &box);
    return AV_OK;
}

av_errc
av_catalog_raise(av_catalog *self, const av_catalog_floor *floors, size_t n, uint64_t sequence, av_error *err)
{
    av_errc rc = AV_OK;

    assert(!av_meta_in_group(self->meta));
    av_catalog_begin(self);
    self->sequence = AV_MAX(self->sequence, sequence);
    for (size_t i = 0; rc == AV_OK && i < n; i++)
        rc = raise_box(self, &floors[i], err);
    if (rc == AV_OK)
        return catalog_commit_rows(self, err);
    av_catalog_rollback(self);
    return rc;
}

av_errc
av_catalog_highest_uidvalidity(const av_meta_view *view, uint32_t *ret, av_error *err)
{
    av_meta_iter *it = av_meta_iter_new(view, av_span_str("M"), av_span_str(NULL));
    av_span key, value;
    catalog_box box;
    av_errc rc = AV_OK;

    *ret = 0;
    while (rc == AV_OK && av_meta_iter_next(it, &key, &value)) {
        if (key.n != 1 + AV_GUID_SIZE)
            continue;
        rc = catalog_box_decode(key.p + 1, value, &box, err);
        if (rc == AV_OK)
            *ret = AV_MAX(*ret, box.box.uidvalidity);
    }
    if (rc == AV_OK)
        rc = av_meta_iter_error(it, err);
    av_meta_iter_destroy(&it);
    return rc;
}
