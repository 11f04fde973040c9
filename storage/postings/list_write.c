/*
 * list_write.c - the rows of a frequent word's list, written
 */
#include "storage/postings/list.h"

/* AV_CHUNK_DOCS times AV_POSITIONS_MAX positions of at most 8 bytes are what a chunk can be at worst. */
enum { ROW_CEILING = 96 << 20 };

static void
rows_init(av_rows_out *self, uint8_t kind, size_t full)
{
    self->kind = kind;
    self->full = full;
    av_buf_init(&self->directory, ROW_CEILING);
    av_buf_init(&self->data, ROW_CEILING);
    av_buf_init(&self->value, ROW_CEILING);
}

static void
rows_release(av_rows_out *self)
{
    av_buf_release(&self->directory);
    av_buf_release(&self->data);
    av_buf_release(&self->value);
}

void
av_list_out_init(av_list_out *self)
{
    memset(self, 0, sizeof *self);
    rows_init(&self->docs, 'P', AV_LIST_ROW_BYTES);
    rows_init(&self->positions, 'X', AV_LIST_POSITION_BYTES);
}

void
av_list_out_release(av_list_out *self)
{
    rows_release(&self->docs);
    rows_release(&self->positions);
}

void
av_list_out_begin(av_list_out *self, uint32_t list)
{
    self->list = list;
    self->last = 0;
    self->docs.first = self->docs.chunks = self->docs.base = 0;
    self->positions.first = self->positions.chunks = 0;
}

static av_errc
rows_flush(av_rows_out *self, uint32_t list, const av_run_sink *sink, uint64_t *bytes, av_error *err)
{
    uint8_t key[AV_LIST_KEY] = { self->kind };

    if (self->chunks == 0)
        return AV_OK;
    av_buf_clear(&self->value);
    if (self->kind == 'P') {
        av_put_be32(key + 5, self->base);
        (void)av_var_put(&self->value, self->first);
    } else {
        av_put_be32(key + 5, self->first);
    }
    (void)av_var_put(&self->value, self->chunks);
    (void)av_buf_append_span(&self->value, av_buf_span(&self->directory));
    (void)av_buf_append_span(&self->value, av_buf_span(&self->data));
    if (self->directory.full || self->data.full || self->value.full)
        return av_error_set(err, AV_ERR_LIMIT, "the positions of 128 documents are too many for a row");
    av_put_be32(key + 1, list);
    self->first += self->chunks;
    self->chunks = 0;
    av_buf_clear(&self->directory);
    av_buf_clear(&self->data);
    *bytes += sizeof key + self->value.n;
    return sink->put(sink->ctx, av_span_of(key, sizeof key), av_buf_span(&self->value), err);
}

/* What was put behind `from` is one more chunk. */
static av_errc
rows_chunk(av_rows_out *self, uint32_t list, size_t from, const av_run_sink *sink, uint64_t *bytes, av_error *err)
{
    (void)av_var_put(&self->directory, self->data.n - from);
    self->chunks++;
    if (self->data.n + self->directory.n < self->full)
        return AV_OK;
    return rows_flush(self, list, sink, bytes, err);
}

av_errc
av_list_out_chunk(av_list_out *self, const av_lengths *lengths, const uint32_t *docs, const uint16_t *masks,
    const uint32_t *flat, uint32_t n, const av_run_sink *sink, uint64_t *bytes, av_error *err)
{
    av_bits_out b = { .buf = &self->docs.data };
    size_t from = self->docs.data.n;
    av_errc rc;

    if (self->docs.chunks == 0)
        self->docs.base = self->last;
    av_chunk_put_dense(&b, docs, n, self->last);
    av_fields_put(&b, masks, n);
    av_bits_flush(&b);
    (void)av_var_put(&self->docs.directory, docs[n - 1] - self->last);
    self->last = docs[n - 1] + 1;
    rc = rows_chunk(&self->docs, self->list, from, sink, bytes, err);
    if (rc != AV_OK)
        return rc;
    b = (av_bits_out){ .buf = &self->positions.data };
    from = self->positions.data.n;
    av_chunk_put_positions(&b, lengths, docs, masks, n, flat, false);
    av_bits_flush(&b);
    return rows_chunk(&self->positions, self->list, from, sink, bytes, err);
}

av_errc
av_list_out_end(av_list_out *self, const av_run_sink *sink, uint64_t *bytes, av_error *err)
{
    av_errc rc = rows_flush(&self->docs, self->list, sink, bytes, err);

    if (rc == AV_OK)
        rc = rows_flush(&self->positions, self->list, sink, bytes, err);
    return rc;
}
