/*
 * block_read.c - a block of terms, read
 *
 * Rows are hostile: every count is held against what is there before it is used.
 */
#include "storage/postings/block.h"

static av_errc
broken(av_error *err, const char *what)
{
    return av_error_set(err, AV_ERR_CORRUPT, "a block of terms: %s", what);
}

/* Bit offsets of all groups but the first; what is left of s are the bits. */
static bool
get_offsets(av_span *s, uint32_t n, uint32_t *at)
{
    uint64_t step;
    uint32_t i;

    at[0] = 0;
    for (i = 1; i <= (n - 1) / AV_BLOCK_GROUP; i++) {
        if (!av_var_get(s, &step) || step > UINT32_MAX - at[i - 1])
            return false;
        at[i] = at[i - 1] + (uint32_t)step;
    }
    return true;
}

av_errc
av_block_open(av_block *self, av_span key, av_span value, const av_span *positions, const av_lengths *lengths,
    uint32_t count, av_error *err)
{
    uint64_t n, lists, heads;
    av_span rest;

    if (key.n < 2 || key.n > 1 + AV_TERM_MAX)
        return broken(err, "its key");
    if (!av_var_get(&value, &n) || n == 0 || n > AV_BLOCK_TERMS || !av_var_get(&value, &lists) ||
        lists > UINT32_MAX - AV_BLOCK_TERMS || !av_var_get(&value, &heads) || heads > value.n)
        return broken(err, "its head");
    self->count = count;
    self->lengths = lengths;
    self->n = (uint32_t)n;
    self->at = 0;
    self->known = 0;
    self->known_docs = self->known_positions = 0;
    self->lists = (uint32_t)lists;
    self->heads = av_span_slice(value, 0, (size_t)heads);
    value = av_span_skip(value, (size_t)heads);
    if (!get_offsets(&value, self->n, self->docs_at))
        return broken(err, "offsets of its lists");
    self->docs = (av_bits_in){ .p = value.p, .n = value.n };
    self->positions = (av_bits_in){ 0 };
    if (positions != NULL) {
        rest = *positions;
        if (!get_offsets(&rest, self->n, self->positions_at))
            return broken(err, "offsets of its positions");
        self->positions = (av_bits_in){ .p = rest.p == NULL ? (const uint8_t *)"" : rest.p, .n = rest.n };
    }
    memcpy(self->term, key.p + 1, key.n - 1);
    self->term_n = (uint32_t)key.n - 1;
    return AV_OK;
}

/* The words of a term after the first: what it shares with the one before, and what is its own. */
static bool
get_word(av_block *self, bool *ret_single)
{
    uint64_t shared, rest;
    uint8_t head, before;

    if (!av_span_get_u8(&self->heads, &head))
        return false;
    shared = head >> 4;
    rest = head >> 1 & 7;
    if ((shared == 15 && !av_var_get(&self->heads, &shared)) || (rest == 0 && !av_var_get(&self->heads, &rest)))
        return false;
    if (shared > self->term_n || rest == 0 || rest > AV_TERM_MAX || shared + rest > AV_TERM_MAX || rest > self->heads.n)
        return false;
    /* In order: it goes on where the one before ended, or has a higher byte there. */
    before = shared < self->term_n ? self->term[shared] : 0;
    if (shared < self->term_n && self->heads.p[0] <= before)
        return false;
    memcpy(self->term + shared, self->heads.p, (size_t)rest);
    self->heads = av_span_skip(self->heads, (size_t)rest);
    self->term_n = (uint32_t)(shared + rest);
    *ret_single = (head & 1) != 0;
    return true;
}

av_errc
av_block_next(av_block *self, bool *ret, av_error *err)
{
    uint64_t v = 2;
    bool single = false;

    if (self->at == self->n) {
        *ret = false;
        return self->heads.n == 0 ? AV_OK : broken(err, "bytes behind its words");
    }
    if (self->at > 0 && !get_word(self, &single))
        return broken(err, "a word");
    if (!single && !av_var_get(&self->heads, &v))
        return broken(err, "a count");
    self->large = (v & 1) != 0;
    v >>= 1;
    if (v == 0 || v > self->count || (!self->large && v > AV_INLINE_DOCS))
        return broken(err, "a count");
    self->df = (uint32_t)v;
    self->list = self->lists;
    self->lists += self->large;
    self->group_df[self->at % AV_BLOCK_GROUP] = self->large ? 0 : self->df;
    self->at++;
    *ret = true;
    return AV_OK;
}

av_errc
av_inline_next(av_inline_list *self, uint32_t count, av_chunk *ret, av_error *err)
{
    av_fields fields;

    ret->n = AV_MIN(self->left, (uint32_t)AV_CHUNK_DOCS);
    if (ret->n == 0)
        return AV_OK;
    if (self->df == 1) {
        assert(ret->n == 1);
        ret->docs[0] = av_bits_get(&self->docs, av_number_bits(count));
        ret->masks[0] = av_mask_get(&self->docs);
        if (ret->docs[0] >= count || !av_bits_fine(&self->docs))
            return broken(err, "a document");
    } else if (!av_chunk_get_docs(&self->docs, ret->docs, ret->n, self->base, count) ||
               !av_fields_get(&self->docs, ret->n, 0, &fields) || !av_fields_spread(&fields, ret->masks)) {
        return broken(err, "a list of documents");
    }
    self->base = ret->docs[ret->n - 1] + 1;
    self->left -= ret->n;
    return AV_OK;
}

av_errc
av_inline_positions(
    av_inline_list *self, const av_lengths *lengths, const av_chunk *chunk, av_flat *out, size_t *starts, av_error *err)
{
    av_errc rc = av_lengths_need(lengths, chunk->docs, chunk->n, err);

    if (rc != AV_OK)
        return rc;
    if (!av_chunk_get_positions(&self->positions, lengths, chunk, self->df <= AV_FEW_DOCS, out, starts))
        return broken(err, "positions");
    return AV_OK;
}

/* The list before the one that is wanted is read past. */
static av_errc
skip_list(av_block *self, av_inline_list *list, av_error *err)
{
    AV_CLEANUP(av_flat_release) av_flat flat = { 0 };
    av_chunk chunk;
    av_errc rc;

    for (;;) {
        rc = av_inline_next(list, self->count, &chunk, err);
        if (rc != AV_OK || chunk.n == 0)
            return rc;
        if (list->positions.p == NULL)
            continue;
        flat.n = 0;
        rc = av_inline_positions(list, self->lengths, &chunk, &flat, NULL, err);
        if (rc != AV_OK)
            return rc;
    }
}

av_errc
av_block_list(av_block *self, av_inline_list *ret, av_error *err)
{
    uint32_t want, i;
    av_errc rc;

    assert(self->at > 0 && !self->large);
    want = self->at - 1;
    i = want - want % AV_BLOCK_GROUP;
    ret->docs = self->docs;
    ret->docs.at = self->docs_at[i / AV_BLOCK_GROUP];
    ret->positions = self->positions;
    if (self->positions.p != NULL)
        ret->positions.at = self->positions_at[i / AV_BLOCK_GROUP];
    if (self->known > i && self->known <= want) {
        i = self->known;
        ret->docs.at = self->known_docs;
        ret->positions.at = self->known_positions;
    }
    for (;; i++) {
        ret->df = ret->left = self->group_df[i % AV_BLOCK_GROUP];
        ret->base = 0;
        if (i == want)
            return AV_OK;
        rc = skip_list(self, ret, err);
        if (rc != AV_OK)
            return rc;
    }
}

void
av_block_done(av_block *self, const av_inline_list *list)
{
    assert(list->left == 0);
    self->known = self->at;
    self->known_docs = list->docs.at;
    self->known_positions = list->positions.at;
}
