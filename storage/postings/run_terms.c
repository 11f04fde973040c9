/*
 * run_terms.c - from a term to its place: a walk over the blocks, and a reader for either kind of list
 */
#include "storage/postings/run_priv.h"

void
av_term_walk_init(av_term_walk *self, const av_run *run, bool with_positions)
{
    self->run = run;
    self->lengths = with_positions ? &run->lengths : NULL;
    self->cursor = NULL;
    av_buf_init(&self->positions, AV_ROW_CEILING);
}

void
av_term_walk_release(av_term_walk *self)
{
    if (self->cursor != NULL)
        self->run->source.cursor_free(self->cursor);
    self->cursor = NULL;
    av_buf_release(&self->positions);
}

/* The next row of the cursor becomes the block; *ret false: there is none. */
static av_errc
next_block(av_term_walk *self, bool *ret, av_error *err)
{
    const av_run_source *source = &self->run->source;
    uint8_t companion[1 + AV_TERM_MAX] = { 'Q' };
    av_span key, value, positions;
    av_errc rc;

    *ret = false;
    if (!source->next(self->cursor, &key, &value))
        return source->cursor_error(self->cursor, err);
    if (self->lengths != NULL && key.n > 1 && key.n <= sizeof companion) {
        memcpy(companion + 1, key.p + 1, key.n - 1);
        rc = source->get(source->ctx, av_span_of(companion, key.n), &self->positions, err);
        if (rc != AV_OK)
            return rc == AV_ERR_NOT_FOUND ? av_error_set(err, AV_ERR_CORRUPT, "a block of terms without positions")
                                          : rc;
        positions = av_buf_span(&self->positions);
        rc = av_block_open(&self->block, key, value, &positions, self->lengths, self->run->count, err);
    } else {
        rc = av_block_open(&self->block, key, value, NULL, NULL, self->run->count, err);
    }
    *ret = rc == AV_OK;
    return rc;
}

av_errc
av_term_walk_next(av_term_walk *self, bool *ret_more, av_error *err)
{
    av_errc rc = av_block_next(&self->block, ret_more, err);

    if (rc != AV_OK || *ret_more)
        return rc;
    rc = next_block(self, ret_more, err);
    return rc == AV_OK && *ret_more ? av_block_next(&self->block, ret_more, err) : rc;
}

static av_errc
seek_block(av_term_walk *self, av_span term, bool *ret, av_error *err)
{
    const av_run_source *source = &self->run->source;
    uint8_t key[1 + AV_TERM_MAX] = { 'T' };
    size_t n = AV_MIN(term.n, (size_t)AV_TERM_MAX);
    av_errc rc;

    if (self->cursor != NULL)
        source->cursor_free(AV_TAKE(self->cursor));
    if (n > 0)
        memcpy(key + 1, term.p, n);
    rc = source->seek(source->ctx, av_span_of(key, 1 + n), &self->cursor, err);
    if (rc == AV_ERR_NOT_FOUND) {
        *ret = false;
        return AV_OK;
    }
    return rc == AV_OK ? next_block(self, ret, err) : rc;
}

av_errc
av_term_walk_to(av_term_walk *self, av_span term, bool *ret_found, bool *ret_more, av_error *err)
{
    int order = 1;
    bool more;
    av_errc rc;

    *ret_found = *ret_more = false;
    if (self->cursor != NULL && self->block.at > 0 && av_term_compare(av_term_walk_term(self), term) < 0) {
        do {
            rc = av_block_next(&self->block, &more, err);
            if (rc != AV_OK)
                return rc;
        } while (more && (order = av_term_compare(av_term_walk_term(self), term)) < 0);
        if (more) {
            *ret_found = order == 0;
            *ret_more = true;
            return AV_OK;
        }
    }
    rc = seek_block(self, term, &more, err);
    if (rc == AV_OK && more)
        rc = av_block_next(&self->block, &more, err);
    while (rc == AV_OK && more && (order = av_term_compare(av_term_walk_term(self), term)) < 0)
        rc = av_term_walk_next(self, &more, err);
    if (rc != AV_OK)
        return rc;
    *ret_more = more;
    *ret_found = more && order == 0;
    return AV_OK;
}

av_errc
av_reader_open(av_reader *self, av_term_walk *walk, av_error *err)
{
    self->large = walk->block.large;
    self->lengths = walk->lengths;
    self->count = walk->run->count;
    if (!self->large)
        return av_block_list(&walk->block, &self->small, err);
    av_list_open(&self->list, &walk->run->source, walk->block.list, walk->block.df, self->count, self->lengths != NULL);
    return AV_OK;
}

void
av_reader_release(av_reader *self)
{
    if (self->large)
        av_list_release(&self->list);
    self->large = false;
}

av_errc
av_reader_next(av_reader *self, uint32_t from, av_chunk *ret, av_error *err)
{
    av_fields fields;
    av_errc rc;

    if (!self->large)
        return av_inline_next(&self->small, self->count, ret, err);
    rc = av_list_step(&self->list, from, err);
    ret->n = self->list.n;
    if (rc == AV_OK && ret->n > 0)
        rc = av_list_docs(&self->list, ret, err);
    if (rc == AV_OK && ret->n > 0)
        rc = av_list_fields(&self->list, 0, &fields, err);
    if (rc == AV_OK && ret->n > 0 && !av_fields_spread(&fields, ret->masks))
        rc = av_error_set(err, AV_ERR_CORRUPT, "a document of list %u has no field", self->list.docs.list);
    return rc;
}

av_errc
av_reader_positions(av_reader *self, const av_chunk *chunk, av_flat *out, size_t *starts, av_error *err)
{
    assert(self->lengths != NULL);
    if (!self->large)
        return av_inline_positions(&self->small, self->lengths, chunk, out, starts, err);
    return av_list_positions(&self->list, self->lengths, chunk, out, starts, err);
}
