/*
 * lengths.c - how many words each document has
 */
#include "storage/postings/lengths.h"

enum { EXACT = 8, STEPS = 8 };

enum { BLOCK_BYTES = AV_COLUMN_DOCS * AV_LENGTHS };

static void
room_for(av_lengths *self, uint32_t blocks)
{
    uint32_t cap = AV_MAX(blocks, self->cap * 2), i;

    if (blocks <= self->cap)
        return;
    self->blocks = av_xrealloc(self->blocks, (size_t)cap * sizeof *self->blocks);
    for (i = self->cap; i < cap; i++)
        atomic_init(&self->blocks[i], NULL);
    self->cap = cap;
}

void
av_lengths_init(av_lengths *self, const av_run_source *source, uint32_t count)
{
    *self = (av_lengths){ .source = source, .n = count };
    room_for(self, count / AV_COLUMN_DOCS + 1);
}

void
av_lengths_forget(av_lengths *self)
{
    uint32_t i;

    for (i = 0; i < self->cap; i++)
        free(atomic_exchange(&self->blocks[i], NULL));
}

void
av_lengths_release(av_lengths *self)
{
    av_lengths_forget(self);
    free(self->blocks);
    *self = (av_lengths){ 0 };
}

size_t
av_lengths_bytes(const av_lengths *self)
{
    size_t bytes = self->cap * sizeof *self->blocks;
    uint32_t i;

    for (i = 0; i < self->cap; i++)
        bytes += atomic_load(&self->blocks[i]) != NULL ? BLOCK_BYTES : 0;
    return bytes;
}

void
av_lengths_append(av_lengths *self, const uint8_t *codes, uint32_t n)
{
    uint32_t at, some;
    uint8_t *block;

    for (at = 0; at < n; at += some, self->n += some) {
        room_for(self, self->n / AV_COLUMN_DOCS + 1);
        block = atomic_load(&self->blocks[self->n / AV_COLUMN_DOCS]);
        if (block == NULL) {
            block = av_xcalloc(1, BLOCK_BYTES);
            atomic_store(&self->blocks[self->n / AV_COLUMN_DOCS], block);
        }
        some = AV_MIN(n - at, AV_COLUMN_DOCS - self->n % AV_COLUMN_DOCS);
        if (codes != NULL)
            memcpy(block + (size_t)(self->n % AV_COLUMN_DOCS) * AV_LENGTHS, codes + (size_t)at * AV_LENGTHS,
                (size_t)some * AV_LENGTHS);
    }
}

/* Exact up to 8; above, eight steps for each power of two. */
uint8_t
av_length_code(uint32_t length)
{
    unsigned e;

    if (length <= EXACT)
        return (uint8_t)length;
    e = 31u - (unsigned)__builtin_clz(length - 1) - 3;
    return (uint8_t)(EXACT + 1 + STEPS * e + ((length - 1) >> e) - STEPS);
}

uint32_t
av_length_limit(uint8_t code)
{
    unsigned e;
    uint64_t limit;

    if (code <= EXACT)
        return code;
    e = (code - EXACT - 1u) / STEPS;
    limit = (uint64_t)(STEPS + (code - EXACT - 1u) % STEPS + 1) << e;
    return (uint32_t)AV_MIN(limit, (uint64_t)UINT32_MAX);
}

/* A block: for each of the three a byte, then the codes one after another when that is 1 and none (all are 0) when it is 0. */
av_errc
av_lengths_write(const av_lengths *self, const av_run_sink *sink, uint64_t *bytes, av_error *err)
{
    uint8_t key[AV_COLUMN_KEY], value[AV_LENGTHS * (1 + AV_COLUMN_DOCS)];
    uint32_t first, n, i;
    unsigned which;
    size_t used;
    uint8_t any;
    av_errc rc;

    for (first = 0; first < self->n; first += n) {
        n = AV_MIN(self->n - first, (uint32_t)AV_COLUMN_DOCS);
        for (which = 0, used = 0; which < AV_LENGTHS; which++) {
            for (i = 0, any = 0; i < n; i++) {
                value[used + 1 + i] = av_lengths_at(self, first + i)[which];
                any |= value[used + 1 + i];
            }
            value[used] = any != 0;
            used += any != 0 ? 1 + n : 1;
        }
        av_column_key(key, AV_COLUMN_LENGTHS, first / AV_COLUMN_DOCS);
        *bytes += sizeof key + used;
        rc = sink->put(sink->ctx, av_span_of(key, sizeof key), av_span_of(value, used), err);
        if (rc != AV_OK)
            return rc;
    }
    return AV_OK;
}

static bool
read_block(av_span s, uint8_t *codes, uint32_t n)
{
    unsigned which;
    uint8_t any;
    av_span plane;
    uint32_t i;

    for (which = 0; which < AV_LENGTHS; which++) {
        if (!av_span_get_u8(&s, &any) || any > 1)
            return false;
        if (any == 0)
            continue;
        if (!av_span_get_bytes(&s, n, &plane))
            return false;
        for (i = 0; i < n; i++)
            codes[(size_t)i * AV_LENGTHS + which] = plane.p[i];
    }
    return s.n == 0;
}

av_errc
av_lengths_load(const av_lengths *self, uint32_t block, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    AV_CLEANUP(av_free) uint8_t *codes = NULL;
    uint32_t n = AV_MIN(self->n - block * AV_COLUMN_DOCS, (uint32_t)AV_COLUMN_DOCS);
    uint8_t key[AV_COLUMN_KEY], *none = NULL;
    av_errc rc;

    assert(self->source != NULL);
    av_buf_init(&row, AV_LENGTHS * (1 + AV_COLUMN_DOCS));
    av_column_key(key, AV_COLUMN_LENGTHS, block);
    rc = self->source->get(self->source->ctx, av_span_of(key, sizeof key), &row, err);
    if (rc != AV_OK && rc != AV_ERR_NOT_FOUND && rc != AV_ERR_LIMIT)
        return rc;
    codes = av_xcalloc(n, AV_LENGTHS);
    if (rc != AV_OK || !read_block(av_buf_span(&row), codes, n))
        return av_error_set(err, AV_ERR_CORRUPT, "lengths of a run: block %u is missing or broken", block);
    if (atomic_compare_exchange_strong(&self->blocks[block], &none, codes))
        codes = NULL; /* else another thread was first */
    return AV_OK;
}

av_errc
av_lengths_need(const av_lengths *self, const uint32_t *docs, uint32_t n, av_error *err)
{
    uint32_t i, block;
    av_errc rc;

    for (i = 0; i < n; i++) {
        block = docs[i] / AV_COLUMN_DOCS;
        if (atomic_load_explicit(&self->blocks[block], memory_order_acquire) != NULL)
            continue;
        rc = av_lengths_load(self, block, err);
        if (rc != AV_OK)
            return rc;
    }
    return AV_OK;
}
