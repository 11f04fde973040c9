/*
 * block_write.c - a block of terms, written
 */
#include "storage/postings/block.h"

/* A block is full long before; a single list of AV_INLINE_POSITIONS is the most it can be over. */
enum { BLOCK_CEILING = 64 << 20 };

void
av_block_out_init(av_block_out *self, uint32_t count)
{
    memset(self, 0, sizeof *self);
    self->count = count;
    av_buf_init(&self->heads, BLOCK_CEILING);
    av_buf_init(&self->docs_buf, BLOCK_CEILING);
    av_buf_init(&self->positions_buf, BLOCK_CEILING);
    av_buf_init(&self->value, BLOCK_CEILING);
    self->docs.buf = &self->docs_buf;
    self->positions.buf = &self->positions_buf;
}

void
av_block_out_release(av_block_out *self)
{
    av_buf_release(&self->heads);
    av_buf_release(&self->docs_buf);
    av_buf_release(&self->positions_buf);
    av_buf_release(&self->value);
}

/* What of the term is new: shared bytes in 4 bits, new ones in 3, one bit for a single document. */
static void
put_head(av_block_out *self, av_span term, uint32_t df, bool large)
{
    size_t shared = 0, rest;

    if (self->n > 0) {
        while (shared < term.n && shared < self->last_n && term.p[shared] == self->last[shared])
            shared++;
        rest = term.n - shared;
        (void)av_buf_putc(&self->heads,
            (uint8_t)(AV_MIN(shared, 15) << 4 | (rest < 8 ? rest << 1 : 0) | (df == 1 && !large ? 1 : 0)));
        if (shared >= 15)
            (void)av_var_put(&self->heads, shared);
        if (rest >= 8)
            (void)av_var_put(&self->heads, rest);
        (void)av_buf_append(&self->heads, term.p + shared, rest);
        if (df == 1 && !large)
            return;
    }
    (void)av_var_put(&self->heads, (uint64_t)df << 1 | (large ? 1 : 0));
}

void
av_block_out_term(av_block_out *self, av_span term, uint32_t df, bool large, uint32_t *ret_list)
{
    assert(term.n > 0 && term.n <= AV_TERM_MAX && df > 0 && self->n < AV_BLOCK_TERMS);
    if (self->n % AV_BLOCK_GROUP == 0) {
        self->docs_at[self->n / AV_BLOCK_GROUP] = (uint32_t)av_bits_out_at(&self->docs);
        self->positions_at[self->n / AV_BLOCK_GROUP] = (uint32_t)av_bits_out_at(&self->positions);
    }
    if (self->n == 0) {
        memcpy(self->first, term.p, term.n);
        self->first_n = term.n;
        self->first_list = self->lists;
    }
    put_head(self, term, df, large);
    memcpy(self->last, term.p, term.n);
    self->last_n = term.n;
    self->n++;
    if (large)
        *ret_list = self->lists++;
}

void
av_block_out_list(av_block_out *self, const av_lengths *lengths, const uint32_t *docs, const uint16_t *masks,
    const uint32_t *flat, const size_t *starts, uint32_t df)
{
    uint32_t i, n, base = 0;

    if (df == 1) {
        av_bits_put(&self->docs, docs[0], av_number_bits(self->count));
        av_mask_put(&self->docs, masks[0]);
        av_chunk_put_positions(&self->positions, lengths, docs, masks, 1, flat, true);
        return;
    }
    for (i = 0; i < df; i += n) {
        n = AV_MIN(df - i, (uint32_t)AV_CHUNK_DOCS);
        av_chunk_put_docs(&self->docs, docs + i, n, base);
        av_fields_put(&self->docs, masks + i, n);
        av_chunk_put_positions(&self->positions, lengths, docs + i, masks + i, n, flat + starts[i], df <= AV_FEW_DOCS);
        base = docs[i + n - 1] + 1;
    }
}

bool
av_block_out_full(const av_block_out *self)
{
    return self->heads.n + self->docs_buf.n >= AV_BLOCK_BYTES || self->positions_buf.n >= AV_BLOCK_POSITION_BYTES ||
           self->n == AV_BLOCK_TERMS;
}

static void
put_offsets(av_buf *out, const uint32_t *at, uint32_t n)
{
    uint32_t i;

    for (i = 1; i <= (n - 1) / AV_BLOCK_GROUP; i++)
        (void)av_var_put(out, at[i] - at[i - 1]);
}

static av_errc
put_row(av_block_out *self, const av_run_sink *sink, uint8_t kind, uint64_t *bytes, av_error *err)
{
    uint8_t key[1 + AV_TERM_MAX];

    if (self->heads.full || self->docs_buf.full || self->positions_buf.full || self->value.full)
        return av_error_set(err, AV_ERR_LIMIT, "a block of terms is too large");
    key[0] = kind;
    memcpy(key + 1, self->first, self->first_n);
    *bytes += 1 + self->first_n + self->value.n;
    return sink->put(sink->ctx, av_span_of(key, 1 + self->first_n), av_buf_span(&self->value), err);
}

av_errc
av_block_out_flush(av_block_out *self, const av_run_sink *sink, uint64_t *bytes, av_error *err)
{
    av_errc rc;

    if (self->n == 0)
        return AV_OK;
    av_bits_flush(&self->docs);
    av_bits_flush(&self->positions);
    av_buf_clear(&self->value);
    put_offsets(&self->value, self->positions_at, self->n);
    (void)av_buf_append_span(&self->value, av_buf_span(&self->positions_buf));
    rc = put_row(self, sink, 'Q', bytes, err);
    if (rc != AV_OK)
        return rc;
    av_buf_clear(&self->value);
    (void)av_var_put(&self->value, self->n);
    (void)av_var_put(&self->value, self->first_list);
    (void)av_var_put(&self->value, self->heads.n);
    (void)av_buf_append_span(&self->value, av_buf_span(&self->heads));
    put_offsets(&self->value, self->docs_at, self->n);
    (void)av_buf_append_span(&self->value, av_buf_span(&self->docs_buf));
    rc = put_row(self, sink, 'T', bytes, err);
    av_buf_clear(&self->heads);
    av_buf_clear(&self->docs_buf);
    av_buf_clear(&self->positions_buf);
    self->n = 0;
    self->last_n = 0;
    return rc;
}
