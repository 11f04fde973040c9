/*
 * view_range.c - a range of a stored message in the CRLF view
 */
#include "actors/instance/view_range.h"

#define READ_SIZE 32768

av_view_range *
av_view_range_new(uint32_t store, uint64_t lsn, uint64_t at, uint64_t end, uint64_t skip, uint64_t length)
{
    av_view_range *self = av_xcalloc(1, sizeof *self);

    self->store = store;
    self->lsn = lsn;
    self->at = at;
    self->end = end;
    self->skip = skip;
    self->left = length;
    return self;
}

void
av_view_range_destroy(av_view_range **self)
{
    if (*self == NULL)
        return;
    av_store_reader_close(&(*self)->reader);
    av_stores_done((*self)->stores, &(*self)->open);
    free((*self)->in);
    free(*self);
    *self = NULL;
}

void
av_view_range_set_plain(av_view_range *self)
{
    self->plain = true;
    self->at += self->skip;
    self->skip = 0;
}

/* A reader lives as long as its store is in use: the range holds it itself, since `uses` may let go of it. */
static av_errc
open_reader(av_view_range *self, av_uses *uses, av_error *err)
{
    av_errc rc;

    self->stores = uses->archive->stores;
    rc = av_stores_use(self->stores, self->store, &self->open, err);
    return rc != AV_OK ? rc : av_store_reader_open(self->open->store, self->lsn, &self->reader, err);
}

static av_errc
fill(av_view_range *self, av_error *err)
{
    size_t n = (size_t)AV_MIN((uint64_t)READ_SIZE, self->end - self->at);
    av_errc rc;

    if (self->in == NULL)
        self->in = av_xalloc(READ_SIZE);
    rc = av_store_reader_read(self->reader, self->at, self->in, n, &self->in_n, err);
    self->in_at = 0;
    if (rc == AV_OK && self->in_n < n)
        return av_error_set(err, AV_ERR_CORRUPT, "the message is shorter than its record says");
    self->at += self->in_n;
    return rc;
}

/* Convert what is in `in` into room; bytes before `skip` are converted and forgotten. */
static size_t
convert(av_view_range *self, uint8_t *room, size_t max)
{
    av_span in = av_span_of(self->in + self->in_at, self->in_n - self->in_at);
    size_t n = av_crlf_convert(&self->state, &in, room, max), drop;

    self->in_at = self->in_n - in.n;
    drop = (size_t)AV_MIN(self->skip, (uint64_t)n);
    self->skip -= drop;
    memmove(room, room + drop, n - drop);
    return (size_t)AV_MIN((uint64_t)(n - drop), self->left);
}

static av_errc
read_plain(av_view_range *self, av_buf *out, av_error *err)
{
    size_t n = (size_t)AV_MIN((uint64_t)(out->max - out->n), self->left), got = 0;
    uint8_t *room = av_buf_reserve(out, n);
    av_errc rc;

    assert(room != NULL);
    if (n > self->end - self->at)
        return av_error_set(err, AV_ERR_CORRUPT, "the message ends before its size in the CRLF view");
    rc = av_store_reader_read(self->reader, self->at, room, n, &got, err);
    if (rc == AV_OK && got < n)
        rc = av_error_set(err, AV_ERR_CORRUPT, "the message is shorter than its record says");
    out->n += got;
    self->at += got;
    self->left -= got;
    return rc;
}

av_errc
av_view_range_read(av_view_range *self, av_uses *uses, av_buf *out, av_error *err)
{
    uint8_t *room;
    size_t max, n;
    av_errc rc;

    if (self->reader == NULL && self->left > 0) {
        rc = open_reader(self, uses, err);
        if (rc != AV_OK)
            return rc;
    }
    if (self->plain && self->left > 0)
        return read_plain(self, out, err);
    while (self->left > 0 && out->max - out->n >= 2) {
        if (self->in_at == self->in_n) {
            if (self->at == self->end)
                return av_error_set(err, AV_ERR_CORRUPT, "the message ends before its size in the CRLF view");
            rc = fill(self, err);
            if (rc != AV_OK)
                return rc;
        }
        max = AV_MIN(out->max - out->n, (size_t)32768);
        room = av_buf_reserve(out, max);
        assert(room != NULL);
        n = convert(self, room, max);
        out->n += n;
        self->left -= n;
    }
    return AV_OK;
}

av_errc
av_view_range_size(av_uses *uses, uint32_t store, uint64_t lsn, uint64_t at, uint64_t end, uint64_t *ret, av_error *err)
{
    AV_CLEANUP(av_view_range_destroy) av_view_range *range = av_view_range_new(store, lsn, at, end, 0, 1);
    uint64_t size = 0;
    av_errc rc = open_reader(range, uses, err);

    while (rc == AV_OK && range->at < range->end) {
        rc = fill(range, err);
        if (rc == AV_OK)
            size += av_crlf_size(&range->state, av_span_of(range->in, range->in_n));
    }
    *ret = size;
    return rc;
}
