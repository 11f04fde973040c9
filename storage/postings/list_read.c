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
    uint32_t chunks = df / AV_CHUNK_DOCS + (df % AV_CHUNK_DOCS != 0);

    memset(self, 0, sizeof *self);
    self->docs = (av_list_rows){ .source = source, .kind = 'P', .list = list, .chunks = chunks };
    self->positions =
        (av_list_rows){ .source = with_positions ? source : NULL, .kind = 'X', .list = list, .chunks = chunks };
    self->count = count;
    self->df = df;
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

/* The directory is read to its end once, to find where the data begins, where the row ends and that it is all there. */
static av_errc
open_directory(av_list_rows *rows, av_span s, size_t most, av_error *err)
{
    uint64_t v, end = rows->last, total = 0;
    uint32_t i;

    rows->directory = s;
    for (i = 0; i < rows->left; i++) {
        if (rows->kind == 'P') {
            if (!av_var_get(&s, &v) || v >= UINT32_MAX - end)
                return broken(rows, err, "last document of a chunk");
            end += v + 1;
        }
        if (!av_var_get(&s, &v) || v > most)
            return broken(rows, err, "length of a chunk");
        total += v;
    }
    rows->directory.n -= s.n;
    rows->data = s;
    rows->reach = (uint32_t)end - rows->last;
    rows->end = (uint32_t)end - 1;
    return total == s.n ? AV_OK : broken(rows, err, "lengths of its chunks");
}

/* place: what the key says behind the list's number. A row goes on where the one before ended, or further on. */
static av_errc
open_row(av_list_rows *rows, uint32_t place, bool next, av_span value, av_error *err)
{
    uint64_t first = place, chunks;
    av_span s = value;

    if (rows->kind == 'P') {
        if (!av_var_get(&s, &first) || first > UINT32_MAX || place < rows->last || (next && place != rows->last))
            return broken(rows, err, "first document");
        rows->last = place;
    }
    if (!av_var_get(&s, &chunks) || chunks == 0 || chunks > s.n || chunks > rows->chunks ||
        first > rows->chunks - chunks)
        return broken(rows, err, "number of chunks");
    if (rows->kind == 'P' && (first < rows->chunk || (next && first != rows->chunk)))
        return broken(rows, err, "missing");
    rows->chunk = (uint32_t)first;
    rows->left = (uint32_t)chunks;
    return open_directory(rows, s, value.n, err);
}

/* The next row, or (by_key) the last one that begins at or before this place. */
static av_errc
find_row(av_list_rows *rows, bool by_key, uint32_t place, av_error *err)
{
    uint8_t want[AV_LIST_KEY] = { rows->kind };
    av_span key, value;
    av_errc rc;

    av_put_be32(want + 1, rows->list);
    av_put_be32(want + 5, place);
    if (by_key) {
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
    return open_row(rows, av_get_be32(key.p + 5), !by_key, value, err);
}

/* The data of the next chunk; *ret_last: 'P', its last document. */
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

/* A row from which something may be wanted: the next one, or one further on when that is far. */
static av_errc
next_row(av_list_rows *rows, uint32_t from, av_error *err)
{
    bool far = rows->cursor == NULL || (from > rows->last && (from - rows->last) / 2 > rows->reach);

    return find_row(rows, far, AV_MAX(from, rows->last), err);
}

av_errc
av_list_step(av_list *self, uint32_t from, av_error *err)
{
    av_list_rows *rows = &self->docs;
    av_span data;
    av_errc rc;

    for (;;) {
        self->n = 0;
        if (rows->chunk == rows->chunks)
            return AV_OK;
        if (rows->left == 0) {
            rc = next_row(rows, from, err);
            if (rc != AV_OK)
                return rc;
        }
        if (from > rows->end) { /* nothing in this row */
            rows->chunk += rows->left;
            rows->left = 0;
            rows->last = rows->end + 1;
            continue;
        }
        self->number = rows->chunk;
        self->base = rows->last;
        data = take_chunk(rows, &self->last);
        rows->last = self->last + 1;
        if (self->last >= from)
            break;
    }
    if (self->last >= self->count)
        return broken(rows, err, "last document of a chunk");
    self->n = AV_MIN(self->df - self->number * AV_CHUNK_DOCS, (uint32_t)AV_CHUNK_DOCS);
    self->bits = (av_bits_in){ .p = data.p, .n = data.n };
    return AV_OK;
}

av_errc
av_list_docs(av_list *self, av_chunk *ret, av_error *err)
{
    ret->n = self->n;
    return av_chunk_get_dense(&self->bits, ret->docs, self->n, self->base, self->last)
               ? AV_OK
               : broken(&self->docs, err, "documents");
}

av_errc
av_list_set(av_list *self, av_docset *set, av_error *err)
{
    return av_chunk_get_set(&self->bits, set, self->n, self->base, self->last) ? AV_OK
                                                                               : broken(&self->docs, err, "documents");
}

bool
av_list_is_within(const av_list *self, uint32_t fields)
{
    av_bits_in ahead = self->bits;
    uint64_t any[AV_PLANE_WORDS], ones = 0;
    av_fields of;
    uint32_t w;

    if (!av_chunk_skip_map(&ahead, self->base, self->last) || !av_fields_get(&ahead, self->n, fields, &of))
        return false;
    av_fields_any(&of, fields, any);
    for (w = 0; w < AV_PLANE_WORDS; w++)
        ones += av_ones(any[w]);
    return ones == self->n;
}

av_errc
av_list_fields(av_list *self, uint32_t upto, av_fields *ret, av_error *err)
{
    return av_fields_get(&self->bits, self->n, upto, ret) ? AV_OK : broken(&self->docs, err, "fields");
}

/* To this chunk's row, which must have it. */
static av_errc
go_to_positions(av_list_rows *rows, uint32_t number, av_error *err)
{
    uint32_t unused;
    av_errc rc;

    /* A chunk of more than a row's bytes has a row of its own: the next row is near or worth a search. */
    if (rows->left == 0) {
        rc = find_row(rows, rows->cursor == NULL || number > rows->chunk, number, err);
        if (rc != AV_OK)
            return rc;
    }
    if (number < rows->chunk || number - rows->chunk >= rows->left)
        return broken(rows, err, "missing");
    while (rows->chunk < number)
        (void)take_chunk(rows, &unused);
    return AV_OK;
}

av_errc
av_list_positions(
    av_list *self, const av_lengths *lengths, const av_chunk *chunk, av_flat *out, size_t *starts, av_error *err)
{
    av_list_rows *rows = &self->positions;
    uint32_t unused;
    av_bits_in b;
    av_span data;
    av_errc rc;

    assert(rows->source != NULL && self->number >= rows->chunk);
    if (rows->left > 0 && self->number - rows->chunk >= rows->left) {
        rows->chunk += rows->left;
        rows->left = 0;
    }
    rc = go_to_positions(rows, self->number, err);
    if (rc == AV_OK)
        rc = av_lengths_need(lengths, chunk->docs, chunk->n, err);
    if (rc != AV_OK)
        return rc;
    data = take_chunk(rows, &unused);
    b = (av_bits_in){ .p = data.p, .n = data.n };
    if (!av_chunk_get_positions(&b, lengths, chunk, false, out, starts))
        return broken(rows, err, "positions");
    return AV_OK;
}
