/*
 * run_columns.c - the columns of a run, read
 */
#include "storage/postings/columns.h"
#include "storage/postings/run_priv.h"

static av_errc
broken(av_error *err, unsigned column, uint32_t block)
{
    return av_error_set(err, AV_ERR_CORRUPT, "column %u of a run: block %u is missing or broken", column, block);
}

/* One row at a time; what a head says of the number of documents is believed only as far as there are rows. */
av_errc
av_run_column_block(const av_run *self, unsigned column, uint32_t block, av_buf *row, av_error *err)
{
    uint8_t key[AV_COLUMN_KEY];
    av_errc rc;

    av_column_key(key, column, block);
    rc = self->source.get(self->source.ctx, av_span_of(key, sizeof key), row, err);
    return rc == AV_ERR_NOT_FOUND ? broken(err, column, block) : rc;
}

av_errc
av_run_column(const av_run *self, av_column which, av_buf *out, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    uint32_t first, n, block;
    uint8_t *to;
    av_errc rc;

    av_buf_init(&row, AV_ROW_CEILING);
    for (first = block = 0; first < self->count; first += n, block++) {
        n = AV_MIN(self->count - first, (uint32_t)AV_COLUMN_DOCS);
        rc = av_run_column_block(self, which, block, &row, err);
        if (rc != AV_OK)
            return rc;
        to = av_buf_reserve(out, (size_t)n * sizeof(uint64_t));
        if (to == NULL)
            return av_error_set(err, AV_ERR_LIMIT, "no room for a column of %u documents", self->count);
        if (!av_column_get(which, av_buf_span(&row), n, to))
            return broken(err, which, block);
        out->n += (size_t)n * sizeof(uint64_t);
    }
    return AV_OK;
}

av_errc
av_run_strings(const av_run *self, av_string_column which, av_buf *out, av_buf *offsets, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    AV_CLEANUP(av_free) uint32_t *ends = av_xalloc((size_t)AV_COLUMN_DOCS * sizeof *ends);
    unsigned column = AV_STRING_COLUMN_FIRST + (unsigned)which;
    uint32_t first, n, block;
    av_errc rc;

    av_buf_init(&row, AV_ROW_CEILING);
    if (!av_buf_put_u32(offsets, (uint32_t)out->n))
        return av_error_set(err, AV_ERR_LIMIT, "no room for a column of %u documents", self->count);
    for (first = block = 0; first < self->count; first += n, block++) {
        n = AV_MIN(self->count - first, (uint32_t)AV_COLUMN_DOCS);
        rc = av_run_column_block(self, column, block, &row, err);
        if (rc != AV_OK)
            return rc;
        if (!av_column_get_strings(av_buf_span(&row), n, out, ends)) {
            if (out->full || out->n > UINT32_MAX)
                return av_error_set(err, AV_ERR_LIMIT, "no room for a column of %u documents", self->count);
            return broken(err, column, block);
        }
        if (!av_buf_append(offsets, ends, (size_t)n * sizeof *ends))
            return av_error_set(err, AV_ERR_LIMIT, "no room for a column of %u documents", self->count);
    }
    return AV_OK;
}
