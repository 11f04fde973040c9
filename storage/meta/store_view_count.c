/*
 * store_view_count.c - counting a store's view again: the counters kept with each group against the rows
 */
#include "storage/meta/store_view_priv.h"

static av_errc
count_content(const view_content *content, av_store_counters *ret)
{
    const av_content_row *row = &content->row;

    ret->waiting += row->waiting ? 1U : 0U;
    ret->removed += row->removed;
    if (row->erased)
        return AV_OK;
    ret->stored_bytes += row->stored;
    if (row->kind == AV_RECORD_MESSAGE) {
        ret->messages++;
        ret->message_bytes += row->size;
    } else if (row->kind == AV_RECORD_PART) {
        ret->parts++;
        ret->part_bytes += row->size;
        ret->saved_bytes += row->references > 1 ? (row->references - 1) * row->size : 0;
    }
    return AV_OK;
}

/* Calls one for each row of a table. */
typedef av_errc row_fn(av_span key, av_span value, av_store_counters *ret, av_error *err);

static av_errc
walk(const av_meta_view *view, const char *table, row_fn *one, av_store_counters *ret, av_error *err)
{
    av_meta_iter *iter = av_meta_iter_new(view, av_span_str(table), av_span_str(NULL));
    av_span key, value;
    av_errc rc = AV_OK;

    while (rc == AV_OK && av_meta_iter_next(iter, &key, &value))
        rc = one(key, value, ret, err);
    if (rc == AV_OK)
        rc = av_meta_iter_error(iter, err);
    av_meta_iter_destroy(&iter);
    return rc;
}

static av_errc
one_content(av_span key, av_span value, av_store_counters *ret, av_error *err)
{
    view_content content;
    av_errc rc;

    if (key.n != 9)
        return av_error_set(err, AV_ERR_CORRUPT, "store view: a content's key is damaged");
    rc = view_content_decode(av_meta_key_read(key.p + 1, 8), value, &content, err);
    return rc == AV_OK ? count_content(&content, ret) : rc;
}

static av_errc
one_place(av_span key, av_span value, av_store_counters *ret, av_error *err)
{
    view_place place;
    av_errc rc = view_place_decode(value, &place, err);

    (void)key;
    if (rc != AV_OK || place.removed)
        return rc;
    ret->placements++;
    ret->placement_bytes += place.raw_size;
    return AV_OK;
}

static av_errc
one_hold(av_span key, av_span value, av_store_counters *ret, av_error *err)
{
    (void)key;
    (void)value;
    (void)err;
    ret->holds++;
    return AV_OK;
}

av_errc
av_store_view_recount(const av_meta_view *view, av_store_counters *ret, bool *ret_right, av_error *err)
{
    av_store_counters counted = { 0 }, kept = { 0 };
    av_errc rc = av_store_view_counters(view, &kept, err);

    if (rc == AV_OK)
        rc = walk(view, "c", one_content, &counted, err);
    if (rc == AV_OK)
        rc = walk(view, "u", one_place, &counted, err);
    if (rc == AV_OK)
        rc = walk(view, "H", one_hold, &counted, err);
    if (rc != AV_OK)
        return rc;
    counted.dead_bytes = kept.dead_bytes;
    *ret = counted;
    *ret_right = memcmp(&counted, &kept, sizeof counted) == 0;
    return AV_OK;
}

av_errc
av_store_view_correct(av_store_view *self, bool *ret_right, av_error *err)
{
    av_store_counters counted = { 0 };
    av_errc rc;

    assert(!av_meta_in_group(self->meta));
    rc = av_store_view_recount(av_meta_writer(self->meta), &counted, ret_right, err);
    if (rc != AV_OK || *ret_right)
        return rc;
    self->state.counters = counted;
    return av_store_view_commit(self, err);
}

av_errc
av_store_view_compacted(av_store_view *self, uint32_t container, av_error *err)
{
    uint64_t live = 0, dead = 0;
    av_meta_key key;
    av_span row;
    av_errc rc;

    assert(!av_meta_in_group(self->meta));
    view_key_no(&key, 'K', container);
    rc = av_meta_get(av_meta_writer(self->meta), av_meta_key_span(&key), &self->row, err);
    if (rc != AV_OK)
        return rc == AV_ERR_NOT_FOUND ? AV_OK : rc;
    row = av_buf_span(&self->row);
    if (!av_span_get_u64(&row, &live) || !av_span_get_u64(&row, &dead))
        return av_error_set(err, AV_ERR_CORRUPT, "store view: a container's row is damaged");
    av_store_view_begin(self);
    rc = view_container_add(self, (uint64_t)container << 32, 0, -(int64_t)dead, err);
    if (rc == AV_OK)
        rc = av_store_view_commit(self, err);
    else
        av_store_view_rollback(self);
    return rc;
}
