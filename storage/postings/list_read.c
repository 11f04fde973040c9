/*
 * list_read.c - the rows of a frequent word's list, read
 *
 * Rows are hostile. Chunks and rows that nobody wants are passed by their directory alone.
 */
#include "storage/postings/list.h"

static av_errc
broken(const av_list_rows *rows, av_error *err, const char *what)
{
    return av_error_set(
        err, AV_ERR_CORRUPT, "list %u, row %c at chunk %u: %s", rows->list, rows->kind, rows->chunk, what);
}

void
av_list_open(
    av_list *self, const av_run_source *source, uint32_t list, uint32_t df, uint32_t count, bool with_positions)
{
    memset(self, 0, sizeof *self);
    self->docs = (av_list_rows){ .source = source, .kind = 'P', .list = list };
    self->positions = (av_list_rows){ .source = with_positions ? source : NULL, .kind = 'X', .list = list };
    self->count = count;
    self->left = df;
}

void
av_list_release(av_list *self)
{
    if (self->docs.cursor != NULL)
        self->docs.source->cursor_free(self->docs.cursor);
    if (self->positions.cursor != NULL)
        self->positions.source->cursor_free(self->positions.cursor);
    self->docs.cursor = self->positions.cursor = NULL;
}

static void
make_key(const av_list_rows *rows, uint8_t key[AV_LIST_KEY])
{
    key[0] = rows->kind;
    av_put_be32(key + 1, rows->list);
    av_put_be32(key + 5, rows->chunk);
}

/* The directory is read to its end once, to find where the data begins and that it is all there. */
static av_errc
open_row(av_list_rows *rows, av_span value, av_error *err)
{
    uint64_t chunks, v, base = 0, total = 0;
    av_span s = value;
    uint32_t i;

    if (!av_var_get(&s, &chunks) || chunks == 0 || chunks > s.n)
        return broken(rows, err, "number of chunks");
    if (rows->kind == 'P' && (!av_var_get(&s, &base) || base < rows->last || base > UINT32_MAX))
        return broken(rows, err, "first document");
    rows->left = (uint32_t)chunks;
    rows->last = (uint32_t)base;
    rows->directory = s;
    for (i = 0; i < chunks; i++) {
        if (rows->kind == 'P') {
            if (!av_var_get(&s, &v) || v >= UINT32_MAX - base)
                return broken(rows, err, "last document of a chunk");
            base += v + 1;
        }
        if (!av_var_get(&s, &v) || v > value.n)
            return broken(rows, err, "length of a chunk");
        total += v;
    }
    rows->directory.n -= s.n;
    rows->data = s;
    return total == s.n ? AV_OK : broken(rows, err, "lengths of its chunks");
}

/* The row that holds rows->chunk: the next one, or the one found by its key. */
static av_errc
find_row(av_list_rows *rows, bool by_key, av_error *err)
{
    uint8_t want[AV_LIST_KEY];
    uint32_t chunk, passed;
    av_span key, value;
    uint64_t v;
    av_errc rc;

    make_key(rows, want);
    if (rows->cursor == NULL || by_key) {
        if (rows->cursor != NULL)
            rows->source->cursor_free(AV_TAKE(rows->cursor));
        rc = rows->source->seek(rows->source->ctx, av_span_of(want, sizeof want), &rows->cursor, err);
        if (rc != AV_OK)
            return rc == AV_ERR_NOT_FOUND ? broken(rows, err, "missing") : rc;
    }
    if (!rows->source->next(rows->cursor, &key, &value)) {
        rc = rows->source->cursor_error(rows->cursor, err);
        return rc == AV_OK ? broken(rows, err, "missing") : rc;
    }
    if (key.n != AV_LIST_KEY || memcmp(key.p, want, 5) != 0)
        return broken(rows, err, "missing");
    chunk = av_get_be32(key.p + 5);
    if (chunk > rows->chunk)
        return broken(rows, err, "missing");
    passed = rows->chunk - chunk;
    rc = open_row(rows, value, err);
    if (rc != AV_OK)
        return rc;
    if (passed >= rows->left || (passed > 0 && rows->kind == 'P'))
        return broken(rows, err, "missing");
    for (rows->left -= passed; passed > 0; passed--) {
        (void)av_var_get(&rows->directory, &v);
        rows->data = av_span_skip(rows->data, (size_t)v);
    }
    return AV_OK;
}

/* The data of the next chunk; *last_less_base: 'P', from rows->last to its last document. */
static av_span
take_chunk(av_list_rows *rows, uint32_t *ret_last)
{
    uint64_t v = 0, length = 0;
    av_span data = rows->data;

    if (rows->kind == 'P')
        (void)av_var_get(&rows->directory, &v);
    (void)av_var_get(&rows->directory, &length);
    *ret_last = rows->last + (uint32_t)v;
    data.n = (size_t)length;
    rows->data = av_span_skip(rows->data, data.n);
    rows->left--;
    rows->chunk++;
    return data;
}

av_errc
av_list_next(av_list *self, uint32_t from, av_chunk *ret, av_error *err)
{
    uint32_t base, last;
    av_span data;
    av_errc rc;

    for (;;) {
        ret->n = AV_MIN(self->left, (uint32_t)AV_CHUNK_DOCS);
        if (ret->n == 0)
            return AV_OK;
        if (self->docs.left == 0) {
            rc = find_row(&self->docs, false, err);
            if (rc != AV_OK)
                return rc;
        }
        self->number = self->docs.chunk;
        base = self->docs.last;
        data = take_chunk(&self->docs, &last);
        self->docs.last = last + 1;
        self->left -= ret->n;
        if (last >= from)
            break;
    }
    self->masks = (av_bits_in){ .p = data.p, .n = data.n };
    if (last >= self->count || !av_chunk_get_docs(&self->masks, ret->docs, ret->n, base, self->count) ||
        ret->docs[ret->n - 1] != last)
        return broken(&self->docs, err, "documents");
    return AV_OK;
}

av_errc
av_list_palette(av_list *self, const av_chunk *chunk, av_palette *ret, av_error *err)
{
    return av_palette_get(&self->masks, chunk->n, ret) ? AV_OK : broken(&self->docs, err, "fields");
}

av_errc
av_list_masks(av_list *self, const av_palette *palette, av_chunk *chunk, av_error *err)
{
    return av_palette_spread(&self->masks, palette, chunk->masks, chunk->n) ? AV_OK
                                                                            : broken(&self->docs, err, "fields");
}

av_errc
av_list_positions(
    av_list *self, const av_lengths *lengths, const av_chunk *chunk, av_flat *out, size_t *starts, av_error *err)
{
    av_list_rows *rows = &self->positions;
    uint32_t unused, far;
    av_bits_in b;
    av_span data;
    av_errc rc;

    assert(rows->source != NULL && self->number >= rows->chunk);
    while (rows->left > 0 && rows->chunk < self->number)
        (void)take_chunk(rows, &unused);
    if (rows->left == 0) {
        /* A chunk of more than a row's bytes has a row of its own: the next row is near or worth a search. */
        far = self->number - rows->chunk;
        rows->chunk = self->number;
        rc = find_row(rows, far > 0, err);
        if (rc != AV_OK)
            return rc;
    }
    data = take_chunk(rows, &unused);
    b = (av_bits_in){ .p = data.p, .n = data.n };
    if (!av_chunk_get_positions(&b, lengths, chunk, false, out, starts))
        return broken(rows, err, "positions");
    return AV_OK;
}
