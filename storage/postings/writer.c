/*
 * writer.c - terms and documents in order become the rows of a run
 */
#include "storage/postings/writer.h"

void
av_run_writer_init(av_run_writer *self, const av_run_sink *sink, uint32_t count)
{
    memset(self, 0, sizeof *self);
    self->sink = sink;
    self->count = count;
    av_block_out_init(&self->block, count);
    av_list_out_init(&self->list);
    av_column_out_init(&self->columns, sink, &self->bytes);
    av_steps_out_init(&self->steps, sink, &self->bytes);
}

void
av_run_writer_release(av_run_writer *self)
{
    av_block_out_release(&self->block);
    av_list_out_release(&self->list);
    av_column_out_release(&self->columns);
    av_steps_out_release(&self->steps);
    av_lengths_release(&self->lengths);
    av_flat_release(&self->flat);
}

void
av_run_writer_term(av_run_writer *self, av_span term)
{
    assert(term.n > 0 && term.n <= AV_TERM_MAX);
    memcpy(self->term, term.p, term.n);
    self->term_n = term.n;
    self->df = self->pending = 0;
    self->large = false;
    self->flat.n = 0;
}

/* Write the first n pending documents of a long list as chunks; the others move to the front. */
static av_errc
write_chunks(av_run_writer *self, uint32_t n, av_error *err)
{
    uint32_t i, some;
    size_t from;
    av_errc rc;

    for (i = 0; i < n; i += some) {
        some = AV_MIN(n - i, (uint32_t)AV_CHUNK_DOCS);
        rc = av_list_out_chunk(&self->list, &self->lengths, self->docs + i, self->masks + i,
            self->flat.v + self->starts[i], some, self->sink, &self->bytes, err);
        if (rc != AV_OK)
            return rc;
    }
    self->starts[self->pending] = self->flat.n;
    from = self->starts[n];
    for (i = n; i < self->pending; i++) {
        self->docs[i - n] = self->docs[i];
        self->masks[i - n] = self->masks[i];
        self->starts[i - n] = self->starts[i] - from;
    }
    memmove(self->flat.v, self->flat.v + from, (self->flat.n - from) * sizeof *self->flat.v);
    self->flat.n -= from;
    self->pending -= n;
    return AV_OK;
}

av_errc
av_run_writer_doc(av_run_writer *self, uint32_t doc, uint16_t mask, const uint32_t *flat, size_t n, av_error *err)
{
    assert(doc < self->count && mask != 0 && (self->pending == 0 || doc > self->docs[self->pending - 1]));
    self->docs[self->pending] = doc;
    self->masks[self->pending] = mask;
    self->starts[self->pending] = self->flat.n;
    self->pending++;
    self->df++;
    av_flat_grow(&self->flat, n);
    memcpy(self->flat.v + self->flat.n, flat, n * sizeof *flat);
    self->flat.n += n;
    if (!self->large && (self->pending > AV_INLINE_DOCS || self->flat.n > AV_INLINE_POSITIONS)) {
        self->large = true;
        av_list_out_begin(&self->list, self->block.lists);
    }
    if (self->large && self->pending >= AV_CHUNK_DOCS)
        return write_chunks(self, self->pending - self->pending % AV_CHUNK_DOCS, err);
    return AV_OK;
}

av_errc
av_run_writer_term_end(av_run_writer *self, av_error *err)
{
    uint32_t list;
    av_errc rc = AV_OK;

    if (self->df == 0)
        return AV_OK;
    self->terms++;
    if (self->large) {
        rc = write_chunks(self, self->pending, err);
        if (rc == AV_OK)
            rc = av_list_out_end(&self->list, self->sink, &self->bytes, err);
        if (rc != AV_OK)
            return rc;
    }
    av_block_out_term(&self->block, av_span_of(self->term, self->term_n), self->df, self->large, &list);
    if (!self->large)
        av_block_out_list(&self->block, &self->lengths, self->docs, self->masks, self->flat.v, self->starts, self->df);
    if (av_block_out_full(&self->block))
        rc = av_block_out_flush(&self->block, self->sink, &self->bytes, err);
    return rc;
}

/* version (1), documents (4), terms (8), long lists (4), bytes of all other rows (8) */
av_errc
av_run_writer_finish(av_run_writer *self, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf head = { 0 };
    const uint8_t key = AV_RUN_HEAD;
    av_errc rc = av_block_out_flush(&self->block, self->sink, &self->bytes, err);

    if (rc != AV_OK)
        return rc;
    av_buf_init(&head, AV_RUN_HEAD_BYTES);
    (void)av_buf_put_u8(&head, AV_RUN_VERSION);
    (void)av_buf_put_u32(&head, self->count);
    (void)av_buf_put_u64(&head, self->terms);
    (void)av_buf_put_u32(&head, self->block.lists);
    (void)av_buf_put_u64(&head, self->bytes);
    return self->sink->put(self->sink->ctx, av_span_of(&key, 1), av_buf_span(&head), err);
}
