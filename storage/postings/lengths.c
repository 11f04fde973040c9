/*
 * lengths.c - how many words each document has
 */
#include "storage/postings/lengths.h"

#include "storage/postings/columns.h"

enum { EXACT = 8, STEPS = 8 };

void
av_lengths_release(av_lengths *self)
{
    free(self->codes);
    *self = (av_lengths){ 0 };
}

void
av_lengths_append(av_lengths *self, const uint8_t *codes, uint32_t n)
{
    size_t used = (size_t)self->n * AV_LENGTHS, more = (size_t)n * AV_LENGTHS;

    if (self->cap - used < more || self->codes == NULL) {
        self->cap = AV_MAX(self->cap * 2, used + more + AV_LENGTHS);
        self->codes = av_xrealloc(self->codes, self->cap);
    }
    if (codes != NULL && n > 0)
        memcpy(self->codes + used, codes, more);
    else
        memset(self->codes + used, 0, more);
    self->n += n;
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
av_lengths_read(av_lengths *self, uint32_t count, const av_run_source *source, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    uint8_t key[AV_COLUMN_KEY];
    uint32_t at, n, first = self->n;
    av_errc rc;

    av_buf_init(&row, AV_LENGTHS * (1 + AV_COLUMN_DOCS));
    for (at = 0; at < count; at += n) {
        n = AV_MIN(count - at, (uint32_t)AV_COLUMN_DOCS);
        av_column_key(key, AV_COLUMN_LENGTHS, at / AV_COLUMN_DOCS);
        rc = source->get(source->ctx, av_span_of(key, sizeof key), &row, err);
        if (rc != AV_OK && rc != AV_ERR_NOT_FOUND && rc != AV_ERR_LIMIT)
            return rc;
        if (rc == AV_OK)
            av_lengths_append(self, NULL, n);
        if (rc != AV_OK || !read_block(av_buf_span(&row), self->codes + (size_t)(first + at) * AV_LENGTHS, n))
            return av_error_set(
                err, AV_ERR_CORRUPT, "lengths of a run: block %u is missing or broken", at / AV_COLUMN_DOCS);
    }
    return AV_OK;
}
