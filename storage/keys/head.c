/*
 * head.c - see head.h
 */
#include "storage/keys/head.h"

#include "base/secret.h"
#include "storage/keys/store_keys.h"

static void
free_rows(av_key_epoch *rows, size_t n)
{
    if (rows != NULL)
        av_secret_wipe(rows, n * sizeof *rows);
    free(rows);
}

void
av_key_head_release(av_key_head *self)
{
    free_rows(self->rows, self->n);
    av_secret_wipe(self, sizeof *self);
}

/* Room for one more; realloc would leave a copy behind. */
static void
grow(av_key_head *self, size_t cap)
{
    av_key_epoch *rows = av_xcalloc(cap, sizeof *rows);

    if (self->n > 0)
        memcpy(rows, self->rows, self->n * sizeof *rows);
    free_rows(self->rows, self->n);
    self->rows = rows;
    self->cap = cap;
}

void
av_key_head_copy(const av_key_head *self, av_key_head *ret)
{
    *ret = (av_key_head){ .n = self->n, .cap = AV_MAX(self->n, (size_t)1) };
    memcpy(ret->database, self->database, 32);
    ret->rows = av_xcalloc(ret->cap, sizeof *ret->rows);
    if (self->n > 0)
        memcpy(ret->rows, self->rows, self->n * sizeof *ret->rows);
}

size_t
av_key_head_from(const av_key_head *self, uint32_t from)
{
    size_t lo = 0, hi = self->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (self->rows[mid].container < from)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

av_key_epoch *
av_key_head_find(const av_key_head *self, uint32_t container)
{
    size_t at = av_key_head_from(self, container);

    return at < self->n && self->rows[at].container == container ? &self->rows[at] : NULL;
}

void
av_key_head_add(av_key_head *self, uint32_t container, const uint8_t key[32])
{
    size_t at = av_key_head_from(self, container);

    assert(self->n < AV_KEY_HEAD_CONTAINERS && (at == self->n || self->rows[at].container != container));
    if (self->n == self->cap)
        grow(self, AV_MAX(self->cap * 2, (size_t)16));
    memmove(&self->rows[at + 1], &self->rows[at], (self->n - at) * sizeof *self->rows);
    self->rows[at] = (av_key_epoch){ .container = container };
    memcpy(self->rows[at].key, key, 32);
    self->n++;
}

void
av_key_head_remove(av_key_head *self, uint32_t container)
{
    av_key_epoch *row = av_key_head_find(self, container);

    if (row == NULL)
        return;
    self->n--;
    memmove(row, row + 1, (size_t)(self->rows + self->n - row) * sizeof *row);
    av_secret_wipe(&self->rows[self->n], sizeof *row);
}

bool
av_key_head_encode(const av_key_head *self, av_buf *out)
{
    (void)av_buf_append(out, self->database, 32);
    (void)av_buf_put_u32(out, (uint32_t)self->n);
    for (size_t i = 0; i < self->n; i++) {
        const av_key_epoch *row = &self->rows[i];

        (void)av_buf_put_u32(out, row->container);
        (void)av_buf_put_u8(out, row->pending ? 1 : 0);
        (void)av_buf_append(out, row->key, 32);
        if (row->pending)
            (void)av_buf_append(out, row->next, 32);
    }
    return !out->full;
}

static bool
decode_row(av_span *in, uint32_t after, av_key_epoch *row)
{
    uint8_t flags = 0;
    av_span key, next;

    if (!av_span_get_u32(in, &row->container) || !av_span_get_u8(in, &flags) || flags > 1 || row->container <= after ||
        row->container > AV_STORE_KEYS_CONTAINER || !av_span_get_bytes(in, 32, &key))
        return false;
    memcpy(row->key, key.p, 32);
    row->pending = flags == 1;
    if (!row->pending)
        return true;
    if (!av_span_get_bytes(in, 32, &next))
        return false;
    memcpy(row->next, next.p, 32);
    return true;
}

av_errc
av_key_head_decode(av_span in, av_key_head *ret, av_error *err)
{
    av_key_head head = { 0 };
    av_span database;
    uint32_t n = 0, after = 0;

    if (!av_span_get_bytes(&in, 32, &database) || !av_span_get_u32(&in, &n) || n > AV_KEY_HEAD_CONTAINERS ||
        in.n / 37 < n)
        return av_error_set(err, AV_ERR_CORRUPT, "a list of %u containers in %zu bytes", n, in.n);
    memcpy(head.database, database.p, 32);
    grow(&head, AV_MAX((size_t)n, (size_t)1));
    for (; head.n < n; head.n++) {
        if (!decode_row(&in, after, &head.rows[head.n])) {
            head.n++; /* it may hold a key: wiped, too */
            av_key_head_release(&head);
            return av_error_set(
                err, AV_ERR_CORRUPT, "the list of containers makes no sense behind container %u", after);
        }
        after = head.rows[head.n].container;
    }
    if (in.n > 0) {
        av_key_head_release(&head);
        return av_error_set(err, AV_ERR_CORRUPT, "%zu bytes are left behind the list of containers", in.n);
    }
    *ret = head;
    return AV_OK;
}
