/*
 * slot.c - where one word of a phrase stands, document by document
 */
#include "storage/postings/slot.h"

enum { DOC_SHIFT = 40, FIELD_SHIFT = 36 };

void
av_slot_init(av_slot *self, const av_run *run, const av_terms *terms)
{
    memset(self, 0, sizeof *self);
    self->terms = terms;
    av_term_walk_init(&self->walk, run, true);
}

void
av_slot_release(av_slot *self)
{
    if (self->open)
        av_reader_release(&self->reader);
    av_term_walk_release(&self->walk);
    av_flat_release(&self->flat);
    av_flat_release(&self->found);
    free(self->hits);
}

/* --- a single word --- */

static av_errc
open_single(av_slot *self, av_error *err)
{
    av_span term = self->terms->terms[0];
    bool found = false, more;
    av_errc rc = AV_OK;

    if (self->open || self->over)
        return AV_OK;
    if (term.n > 0 && term.n <= AV_TERM_MAX)
        rc = av_term_walk_to(&self->walk, term, &found, &more, err);
    if (rc == AV_OK && found)
        rc = av_reader_open(&self->reader, &self->walk, err);
    self->open = rc == AV_OK && found;
    self->over = !self->open;
    return rc;
}

/* Positions of short lists stand one behind the other: they are read with each chunk. */
static av_errc
next_chunk(av_slot *self, uint32_t doc, av_error *err)
{
    av_errc rc = av_reader_next(&self->reader, doc, &self->chunk, err);

    self->at = 0;
    self->has_positions = false;
    if (rc == AV_OK && self->chunk.n > 0 && !self->reader.large)
        rc = av_slot_need(self, err);
    return rc;
}

static av_errc
go_single(av_slot *self, uint32_t doc, uint32_t *ret_fields, av_error *err)
{
    const av_chunk *chunk = &self->chunk;
    av_errc rc;

    *ret_fields = 0;
    while (!self->over && (chunk->n == 0 || chunk->docs[chunk->n - 1] < doc)) {
        rc = next_chunk(self, doc, err);
        if (rc != AV_OK)
            return rc;
        self->over = chunk->n == 0;
    }
    if (self->over)
        return AV_OK;
    while (chunk->docs[self->at] < doc)
        self->at++;
    if (chunk->docs[self->at] == doc)
        *ret_fields = chunk->masks[self->at];
    return AV_OK;
}

static uint32_t
positions_single(av_slot *self, unsigned field, const uint32_t **ret)
{
    const uint32_t *flat = self->flat.v + self->starts[self->at];
    uint32_t mask = self->chunk.masks[self->at], before;

    if ((mask & 1u << field) == 0)
        return 0;
    for (before = mask & ((1u << field) - 1); before != 0; before &= before - 1)
        flat += flat[0] + 1;
    *ret = flat + 1;
    return flat[0];
}

/* --- alternatives --- */

static bool
add_hits(av_slot *self, uint32_t i, uint32_t mask, const uint32_t *flat, uint32_t fields)
{
    uint32_t count, j;
    uint64_t key;

    for (; mask != 0; mask &= mask - 1) {
        count = *flat++;
        if ((fields & mask & -mask) != 0) {
            if (self->n + count > AV_SLOT_HITS)
                return false;
            if (self->cap - self->n < count) {
                self->cap = AV_MAX(self->n + count, AV_MAX(self->cap * 2, 256));
                self->hits = av_xrealloc(self->hits, self->cap * sizeof *self->hits);
            }
            key = (uint64_t)i << DOC_SHIFT | (uint64_t)__builtin_ctz(mask) << FIELD_SHIFT;
            for (j = 0; j < count; j++)
                self->hits[self->n++] = key | flat[j];
        }
        flat += count;
    }
    return true;
}

/* A chunk against the batch; *from: the first document of the batch that may still come. */
static av_errc
take_chunk(
    av_slot *self, av_reader *reader, const uint32_t *docs, uint32_t n, uint32_t *from, uint32_t fields, av_error *err)
{
    av_chunk *chunk = &self->chunk;
    uint32_t i = *from, j = 0;
    av_errc rc;

    while (i < n && docs[i] < chunk->docs[0])
        i++;
    if (!reader->large || (i < n && docs[i] <= chunk->docs[chunk->n - 1])) {
        self->flat.n = 0;
        rc = av_reader_positions(reader, chunk, &self->flat, self->starts, err);
        if (rc != AV_OK)
            return rc;
        for (; i < n && j < chunk->n;) {
            if (docs[i] == chunk->docs[j] &&
                !add_hits(self, i, chunk->masks[j], self->flat.v + self->starts[j], fields))
                return av_error_set(
                    err, AV_ERR_LIMIT, "the words of a phrase stand at more than %d places", AV_SLOT_HITS);
            if (docs[i] <= chunk->docs[j])
                i++;
            else
                j++;
        }
    }
    *from = i;
    return AV_OK;
}

static av_errc
take_term(av_slot *self, av_span term, const uint32_t *docs, uint32_t n, uint32_t fields, av_error *err)
{
    av_reader reader;
    bool found, more;
    uint32_t from = 0;
    av_errc rc;

    rc = av_term_walk_to(&self->walk, term, &found, &more, err);
    if (rc != AV_OK || !found)
        return rc;
    rc = av_reader_open(&reader, &self->walk, err);
    if (rc != AV_OK)
        return rc;
    while (from < n) {
        rc = av_reader_next(&reader, docs[from], &self->chunk, err);
        if (rc != AV_OK || self->chunk.n == 0)
            break;
        rc = take_chunk(self, &reader, docs, n, &from, fields, err);
        if (rc != AV_OK)
            break;
    }
    av_reader_release(&reader);
    return rc;
}

static int
compare_hits(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

av_errc
av_slot_batch(av_slot *self, const uint32_t *docs, uint32_t n, uint32_t fields, av_error *err)
{
    size_t i;
    av_errc rc;

    if (self->terms->n == 1)
        return open_single(self, err);
    self->n = self->next = 0;
    for (i = 0; i < self->terms->n; i++) {
        if (self->terms->terms[i].n == 0 || self->terms->terms[i].n > AV_TERM_MAX)
            continue;
        rc = take_term(self, self->terms->terms[i], docs, n, fields, err);
        if (rc != AV_OK)
            return rc;
    }
    if (self->n > 0)
        qsort(self->hits, self->n, sizeof *self->hits, compare_hits);
    return AV_OK;
}

av_errc
av_slot_go(av_slot *self, AV_UNUSED uint32_t i, uint32_t doc, uint32_t *ret_fields, av_error *err)
{
    *ret_fields = AV_FIELD_ALL;
    return self->terms->n == 1 ? go_single(self, doc, ret_fields, err) : AV_OK;
}

av_errc
av_slot_need(av_slot *self, av_error *err)
{
    av_errc rc;

    if (self->terms->n != 1 || self->has_positions)
        return AV_OK;
    self->flat.n = 0;
    rc = av_reader_positions(&self->reader, &self->chunk, &self->flat, self->starts, err);
    self->has_positions = rc == AV_OK;
    return rc;
}

uint32_t
av_slot_positions(av_slot *self, uint32_t i, unsigned field, const uint32_t **ret)
{
    uint64_t key = (uint64_t)i << DOC_SHIFT | (uint64_t)field << FIELD_SHIFT;

    if (self->terms->n == 1)
        return positions_single(self, field, ret);
    while (self->next < self->n && self->hits[self->next] < key)
        self->next++;
    self->found.n = 0;
    while (self->next < self->n && self->hits[self->next] >> FIELD_SHIFT == key >> FIELD_SHIFT) {
        av_flat_grow(&self->found, 1);
        self->found.v[self->found.n++] = (uint32_t)self->hits[self->next++];
    }
    *ret = self->found.v;
    return (uint32_t)self->found.n;
}
