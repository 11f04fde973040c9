/*
 * store_view_index.c - the place in the log up to which the store's index has read it
 */
#include "storage/meta/store_view_priv.h"

av_errc
av_store_view_index_position(const av_meta_view *view, uint64_t *ret_lsn, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    uint64_t lsn = 0;
    av_span value;
    av_errc rc;

    av_buf_init(&row, 64);
    rc = av_meta_get(view, av_span_str("I"), &row, err);
    if (rc != AV_OK && rc != AV_ERR_NOT_FOUND)
        return rc;
    value = av_buf_span(&row);
    if (rc == AV_OK && (!av_span_get_u64(&value, &lsn) || value.n != 0))
        return av_error_set(err, AV_ERR_CORRUPT, "store view: the index's position is damaged");
    *ret_lsn = lsn;
    return AV_OK;
}

av_errc
av_store_view_index_position_set(av_store_view *self, uint64_t lsn, av_error *err)
{
    assert(!av_meta_in_group(self->meta));
    if (lsn > self->committed.applied_lsn)
        return av_error_set(err, AV_ERR_INVALID, "the index cannot be at LSN %llx of a log that is known up to %llx",
            (unsigned long long)lsn, (unsigned long long)self->committed.applied_lsn);
    av_store_view_begin(self);
    av_buf_clear(&self->out);
    (void)av_buf_put_u64(&self->out, lsn);
    av_meta_put(self->meta, av_span_str("I"), av_buf_span(&self->out));
    return av_store_view_commit(self, err);
}
