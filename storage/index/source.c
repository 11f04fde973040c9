/*
 * source.c - see source.h
 */
#include "storage/index/source.h"

struct av_store_source {
    av_store_view *view;
    const av_store *store;
    av_errc (*attachment)(void *ctx, av_span name, av_span type, av_span bytes, av_buf *out, av_error *err);
    void *attachment_ctx;
    av_meta_view *snapshot; /* NULL: none is kept */
    av_store_view_iter *walk;
    uint64_t at; /* LSN behind which the walk goes on */
};

av_store_source *
av_store_source_new(av_store_view *view, const av_store *store,
    av_errc (*attachment)(void *ctx, av_span name, av_span type, av_span bytes, av_buf *out, av_error *err),
    void *attachment_ctx)
{
    av_store_source *self = av_xcalloc(1, sizeof *self);

    self->view = view;
    self->store = store;
    self->attachment = attachment;
    self->attachment_ctx = attachment_ctx;
    return self;
}

void
av_store_source_rest(av_store_source *self)
{
    av_store_view_iter_destroy(&self->walk);
    av_meta_view_destroy(&self->snapshot);
}

void
av_store_source_destroy(av_store_source **self)
{
    if (*self == NULL)
        return;
    av_store_source_rest(*self);
    free(*self);
    *self = NULL;
}

uint64_t
av_store_source_at(const av_store_source *self)
{
    return self->at;
}

static void
walk_from(av_store_source *self, uint64_t after_lsn, bool renew)
{
    av_store_view_iter_destroy(&self->walk);
    if (renew)
        av_meta_view_destroy(&self->snapshot);
    if (self->snapshot == NULL)
        self->snapshot = av_store_view_snapshot(self->view);
    self->walk = av_store_view_messages(self->snapshot, after_lsn + 1);
    self->at = after_lsn;
}

/* The row of the next message. A walk that has come to its end is tried once more with what is there by now. */
static av_errc
next_row(av_store_source *self, uint64_t after_lsn, av_content_row *ret, av_error *err)
{
    bool fresh = self->snapshot == NULL;

    if (self->walk == NULL || self->at != after_lsn)
        walk_from(self, after_lsn, false);
    for (;;) {
        av_errc rc;

        if (av_store_view_next_message(self->walk, ret)) {
            self->at = ret->lsn;
            return AV_OK;
        }
        rc = av_store_view_iter_error(self->walk, err);
        if (rc == AV_ERR_CORRUPT) /* of the view, not of one message */
            rc = err->code = AV_ERR_IO;
        if (rc != AV_OK || fresh)
            return rc != AV_OK ? rc : av_error_set(err, AV_ERR_NOT_FOUND, "the store has no later message");
        walk_from(self, after_lsn, true);
        fresh = true;
    }
}

/* As much of the message as out has room for. */
static av_errc
read_message(const av_store *store, uint64_t lsn, uint64_t *ret_size, av_buf *out, av_error *err)
{
    AV_CLEANUP(av_store_reader_close) av_store_reader *reader = NULL;
    av_errc rc = av_store_reader_open(store, lsn, &reader, err);
    size_t n, got = 0;
    uint8_t *p;

    if (rc != AV_OK)
        return rc;
    *ret_size = av_store_reader_size(reader);
    n = (size_t)AV_MIN(*ret_size, (uint64_t)(out->max - out->n));
    if (n == 0)
        return AV_OK;
    p = av_buf_reserve(out, n);
    if (p == NULL)
        return av_error_set(err, AV_ERR_LIMIT, "no room for %zu bytes", n);
    rc = av_store_reader_read(reader, 0, p, n, &got, err);
    if (rc == AV_OK)
        out->n += got;
    return rc;
}

static av_errc
next_message(void *ctx, uint64_t after_lsn, uint64_t *ret_lsn, uint64_t *ret_size, av_buf *out, av_error *err)
{
    av_store_source *self = ctx;
    av_content_row row;
    av_errc rc = next_row(self, after_lsn, &row, err);

    if (rc != AV_OK)
        return rc;
    *ret_lsn = row.lsn;
    *ret_size = 0;
    rc = row.erased ? AV_ERR_NOT_FOUND : read_message(self->store, row.lsn, ret_size, out, err);
    if (rc == AV_ERR_NOT_FOUND)
        return av_error_set(err, AV_ERR_GONE, "the message at LSN %llx was erased", (unsigned long long)row.lsn);
    if (rc != AV_OK)
        self->at = 0; /* it will be asked for again */
    return rc;
}

static av_errc
ask(void *ctx, av_span name, av_span type, av_span bytes, av_buf *out, av_error *err)
{
    av_store_source *self = ctx;

    return self->attachment(self->attachment_ctx, name, type, bytes, out, err);
}

av_index_source
av_store_source_of(av_store_source *self)
{
    return (av_index_source){ .ctx = self, .next = next_message, .attachment = self->attachment == NULL ? NULL : ask };
}
