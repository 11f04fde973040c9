/*
 * memory.c - a run in memory: the rows of each kind one behind another, found by halving
 */
#include "storage/postings/block.h"

typedef struct row {
    size_t at; /* of its key in bytes; the value follows */
    uint32_t key_n, value_n;
} row;

typedef struct kind {
    row *rows;
    size_t n, cap;
} kind;

struct av_memory_run {
    av_buf bytes;
    kind kinds[sizeof AV_RUN_KINDS - 1];
};

struct av_run_cursor {
    const av_memory_run *run;
    const kind *kind;
    size_t at;
};

av_memory_run *
av_memory_run_new(void)
{
    av_memory_run *self = av_xcalloc(1, sizeof *self);

    av_buf_init(&self->bytes, SIZE_MAX / 2);
    return self;
}

void
av_memory_run_destroy(av_memory_run **self)
{
    size_t i;

    if (self == NULL || *self == NULL)
        return;
    for (i = 0; i < AV_COUNT((*self)->kinds); i++)
        free((*self)->kinds[i].rows);
    av_buf_release(&(*self)->bytes);
    free(*self);
    *self = NULL;
}

/* NULL: no key of a run. */
static const kind *
kind_of(const av_memory_run *self, av_span key)
{
    const char *at = key.n == 0 || key.p[0] == '\0' ? NULL : strchr(AV_RUN_KINDS, key.p[0]);

    return at == NULL ? NULL : &self->kinds[at - AV_RUN_KINDS];
}

static av_span
key_of(const av_memory_run *self, const row *r)
{
    return av_span_of(self->bytes.p + r->at, r->key_n);
}

static av_span
value_of(const av_memory_run *self, const row *r)
{
    return av_span_of(self->bytes.p + r->at + r->key_n, r->value_n);
}

static av_errc
put(void *ctx, av_span key, av_span value, av_error *err)
{
    av_memory_run *self = ctx;
    kind *k = (kind *)(uintptr_t)kind_of(self, key);

    if (k == NULL || key.n > UINT32_MAX || value.n > UINT32_MAX)
        return av_error_set(err, AV_ERR_INTERNAL, "a run in memory got a row of an unknown kind");
    assert(k->n == 0 || av_term_compare(key, key_of(self, &k->rows[k->n - 1])) > 0);
    if (k->n == k->cap) {
        k->cap = AV_MAX(k->cap * 2, 16);
        k->rows = av_xrealloc(k->rows, k->cap * sizeof *k->rows);
    }
    k->rows[k->n] = (row){ .at = self->bytes.n, .key_n = (uint32_t)key.n, .value_n = (uint32_t)value.n };
    if (!av_buf_append_span(&self->bytes, key) || !av_buf_append_span(&self->bytes, value))
        return av_error_set(err, AV_ERR_NOMEM, "no memory for a run");
    k->n++;
    return AV_OK;
}

av_run_sink
av_memory_run_sink(av_memory_run *self)
{
    return (av_run_sink){ .ctx = self, .put = put };
}

/* How many rows have a key <= key. */
static size_t
rows_up_to(const av_memory_run *self, const kind *k, av_span key)
{
    size_t low = 0, high = k->n, mid;

    while (low < high) {
        mid = low + (high - low) / 2;
        if (av_term_compare(key_of(self, &k->rows[mid]), key) <= 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static av_errc
get(void *ctx, av_span key, av_buf *out, av_error *err)
{
    const av_memory_run *self = ctx;
    const kind *k = kind_of(self, key);
    size_t n = k == NULL ? 0 : rows_up_to(self, k, key);

    if (n == 0 || !av_span_eq(key_of(self, &k->rows[n - 1]), key))
        return av_error_set(err, AV_ERR_NOT_FOUND, "no such row in a run");
    av_buf_clear(out);
    if (!av_buf_append_span(out, value_of(self, &k->rows[n - 1])))
        return av_error_set(err, AV_ERR_LIMIT, "a row of a run is too large");
    return AV_OK;
}

static av_errc
seek(void *ctx, av_span key, av_run_cursor **ret, av_error *err)
{
    const av_memory_run *self = ctx;
    const kind *k = kind_of(self, key);
    av_run_cursor *cursor;
    size_t n;

    if (k == NULL)
        return av_error_set(err, AV_ERR_NOT_FOUND, "no such row in a run");
    n = rows_up_to(self, k, key);
    cursor = av_xalloc(sizeof *cursor);
    *cursor = (av_run_cursor){ .run = self, .kind = k, .at = n == 0 ? 0 : n - 1 };
    *ret = cursor;
    return AV_OK;
}

static bool
next(av_run_cursor *cursor, av_span *ret_key, av_span *ret_value)
{
    const row *r;

    if (cursor->at >= cursor->kind->n)
        return false;
    r = &cursor->kind->rows[cursor->at++];
    *ret_key = key_of(cursor->run, r);
    *ret_value = value_of(cursor->run, r);
    return true;
}

static av_errc
cursor_error(AV_UNUSED av_run_cursor *cursor, AV_UNUSED av_error *err)
{
    return AV_OK;
}

static void
cursor_free(av_run_cursor *cursor)
{
    free(cursor);
}

av_run_source
av_memory_run_source(const av_memory_run *self)
{
    return (av_run_source){ .ctx = (void *)(uintptr_t)self,
        .get = get,
        .seek = seek,
        .next = next,
        .cursor_error = cursor_error,
        .cursor_free = cursor_free };
}

size_t
av_memory_run_bytes(const av_memory_run *self)
{
    size_t bytes = sizeof *self + self->bytes.cap, i;

    for (i = 0; i < AV_COUNT(self->kinds); i++)
        bytes += self->kinds[i].cap * sizeof(row);
    return bytes;
}
