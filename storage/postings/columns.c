/*
 * columns.c - blocks of columns, written and read
 */
#include "storage/postings/columns.h"

/* AV_COLUMN_DOCS strings of AV_STRING_MAX bytes with their numbers and lengths. */
enum { BLOCK_CEILING = 2 << 20 };

void
av_column_key(uint8_t key[AV_COLUMN_KEY], unsigned column, uint32_t block)
{
    key[0] = 'C';
    key[1] = (uint8_t)column;
    av_put_be32(key + 2, block);
}

/*
 * What makes a number small: LSNs ascend; dates are near each other; of the bits, the zone (the upper ones) is nearly
 * always there and the lower ones seldom.
 */
static uint64_t
pack_number(unsigned column, uint64_t v, uint64_t before)
{
    uint64_t d = v - before;

    switch (column) {
    case AV_COLUMN_LSN:
        return d;
    case AV_COLUMN_DATE:
        return d << 1 ^ (d >> 63 != 0 ? UINT64_MAX : 0);
    case AV_COLUMN_BITS:
        return v << 16 | v >> 48;
    default:
        return v;
    }
}

static uint64_t
unpack_number(unsigned column, uint64_t v, uint64_t before)
{
    switch (column) {
    case AV_COLUMN_LSN:
        return before + v;
    case AV_COLUMN_DATE:
        return before + (v >> 1 ^ ((v & 1) != 0 ? UINT64_MAX : 0));
    case AV_COLUMN_BITS:
        return v >> 16 | v << 48;
    default:
        return v;
    }
}

bool
av_column_get(av_column which, av_span value, uint32_t n, uint8_t *out)
{
    uint64_t before = 0, v;
    uint32_t i;

    for (i = 0; i < n; i++) {
        if (!av_var_get(&value, &v))
            return false;
        before = unpack_number(which, v, before);
        memcpy(out + (size_t)i * sizeof before, &before, sizeof before);
    }
    return value.n == 0;
}

/* A string is 0, its length and bytes, or the number (from 1) of an equal one that stood there before. */
bool
av_column_get_strings(av_span value, uint32_t n, av_buf *out, uint32_t *ends)
{
    AV_CLEANUP(av_free) av_span *seen = av_xalloc((size_t)AV_COLUMN_DOCS * sizeof *seen);
    uint32_t distinct = 0, i;
    uint64_t number;
    uint8_t length;
    av_span s;

    assert(n <= AV_COLUMN_DOCS);
    for (i = 0; i < n; i++) {
        if (!av_var_get(&value, &number) || number > distinct)
            return false;
        if (number > 0) {
            s = seen[number - 1];
        } else {
            if (!av_span_get_u8(&value, &length) || !av_span_get_bytes(&value, length, &s))
                return false;
            seen[distinct++] = s;
        }
        if (!av_buf_append_span(out, s) || out->n > UINT32_MAX)
            return false;
        ends[i] = (uint32_t)out->n;
    }
    return value.n == 0;
}

void
av_column_out_init(av_column_out *self, const av_run_sink *sink, uint64_t *bytes)
{
    memset(self, 0, sizeof *self);
    self->sink = sink;
    self->bytes = bytes;
    av_buf_init(&self->value, BLOCK_CEILING);
    self->where = av_xalloc((size_t)AV_COLUMN_DOCS * sizeof *self->where);
    self->table = av_xcalloc((size_t)2 * AV_COLUMN_DOCS, sizeof *self->table);
}

void
av_column_out_release(av_column_out *self)
{
    av_buf_release(&self->value);
    free(self->where);
    free(self->table);
    memset(self, 0, sizeof *self);
}

void
av_column_out_begin(av_column_out *self, unsigned column)
{
    assert(self->n == 0);
    self->column = column;
    self->block = 0;
    self->before = 0;
}

static av_errc
flush(av_column_out *self, av_error *err)
{
    uint8_t key[AV_COLUMN_KEY];
    av_errc rc;

    if (self->value.full)
        return av_error_set(err, AV_ERR_LIMIT, "a block of a column is too large");
    av_column_key(key, self->column, self->block++);
    *self->bytes += sizeof key + self->value.n;
    rc = self->sink->put(self->sink->ctx, av_span_of(key, sizeof key), av_buf_span(&self->value), err);
    av_buf_clear(&self->value);
    if (self->distinct > 0)
        memset(self->table, 0, 2 * AV_COLUMN_DOCS * sizeof *self->table);
    self->n = self->distinct = 0;
    self->before = 0;
    return rc;
}

av_errc
av_column_out_number(av_column_out *self, uint64_t v, av_error *err)
{
    (void)av_var_put(&self->value, pack_number(self->column, v, self->before));
    self->before = v;
    return ++self->n == AV_COLUMN_DOCS ? flush(self, err) : AV_OK;
}

/* FNV-1a; who makes strings collide makes one block of 4,096 slower, no more. */
static uint32_t
hash(av_span s)
{
    uint32_t h = 2166136261u;
    size_t i;

    for (i = 0; i < s.n; i++)
        h = (h ^ s.p[i]) * 16777619u;
    return h;
}

av_errc
av_column_out_string(av_column_out *self, av_span s, av_error *err)
{
    const uint32_t slots = 2 * AV_COLUMN_DOCS;
    uint32_t at;

    s.n = AV_MIN(s.n, (size_t)AV_STRING_MAX);
    for (at = hash(s) % slots; self->table[at] != 0; at = (at + 1) % slots) {
        const uint8_t *p = self->value.p + self->where[self->table[at] - 1];

        if (av_span_eq(av_span_of(p + 1, p[0]), s))
            break;
    }
    if (self->table[at] == 0) {
        (void)av_buf_putc(&self->value, 0);
        self->where[self->distinct++] = (uint32_t)self->value.n;
        self->table[at] = (uint16_t)self->distinct;
        (void)av_buf_putc(&self->value, (uint8_t)s.n);
        (void)av_buf_append_span(&self->value, s);
    } else {
        (void)av_var_put(&self->value, self->table[at]);
    }
    return ++self->n == AV_COLUMN_DOCS ? flush(self, err) : AV_OK;
}

av_errc
av_column_out_end(av_column_out *self, av_error *err)
{
    return self->n > 0 ? flush(self, err) : AV_OK;
}
