/*
 * recover_content.c - one message out of the damaged store into the new one, its digest compared on the way
 */
#include "storage/care/recover_priv.h"

#define PIECE (256U * 1024)

static bool
has_message(recovery *self, const uint8_t *digest, av_errc *ret_rc, av_error *err)
{
    uint64_t lsn = 0;
    av_store_view *view = self->job->target_view;
    av_errc rc = av_store_view_find_message(view, av_store_view_writer(view), digest, &lsn, err);

    *ret_rc = rc == AV_ERR_NOT_FOUND ? AV_OK : rc;
    return rc == AV_OK;
}

/* Of a size that memory takes. */
static av_errc
put_whole(recovery *self, av_store_reader *reader, size_t size, av_error *err)
{
    uint8_t digest[AV_SHA256_SIZE], *to;
    uint64_t lsn;
    size_t got = 0;
    av_errc rc;

    av_buf_clear(&self->bytes);
    to = av_buf_reserve(&self->bytes, size + 1);
    if (to == NULL)
        return av_error_set(err, AV_ERR_NOMEM, "no memory for a message");
    rc = av_store_reader_read(reader, 0, to, size, &got, err);
    if (rc != AV_OK)
        return rc;
    av_sha256(av_span_of(to, got), digest);
    if (memcmp(digest, av_store_reader_digest(reader), sizeof digest) != 0)
        return av_error_set(err, AV_ERR_CORRUPT, "the message is not the one its digest names");
    return av_store_put_message(self->job->target, av_span_of(to, got), digest, &lsn, err);
}

static av_errc
put_pieces(recovery *self, av_store_reader *reader, uint64_t size, av_error *err)
{
    av_store_put *put = NULL;
    uint8_t *piece;
    uint64_t lsn;
    /* First all of it is read, so that nothing that fails half way goes into the new log. */
    av_errc rc = av_store_reader_verify(reader, err);

    if (rc == AV_OK)
        rc = av_store_put_begin(self->job->target, size, &put, err);
    if (rc != AV_OK)
        return rc;
    piece = av_xalloc(PIECE);
    for (uint64_t at = 0; rc == AV_OK && at < size;) {
        size_t got = 0;

        rc = av_store_reader_read(reader, at, piece, PIECE, &got, err);
        if (rc == AV_OK)
            rc = av_store_put_write(put, av_span_of(piece, got), err);
        at += got;
    }
    free(piece);
    if (rc == AV_OK)
        return av_store_put_finish(&put, &lsn, NULL, err);
    av_store_put_abort(&put);
    return rc;
}

/* Is it the source that cannot be read (then the message is lost), and not the target that cannot be written? */
static bool
is_of_source(av_errc rc)
{
    return rc == AV_ERR_CORRUPT || rc == AV_ERR_NOT_FOUND || rc == AV_ERR_GONE || rc == AV_ERR_VERSION;
}

av_errc
recover_message(recovery *self, uint64_t lsn, av_error *err)
{
    AV_CLEANUP(av_store_reader_close) av_store_reader *reader = NULL;
    uint64_t size;
    av_errc rc = av_store_reader_open(self->source, lsn, &reader, err);

    if (rc == AV_OK && has_message(self, av_store_reader_digest(reader), &rc, err))
        return AV_OK;
    if (rc == AV_OK) {
        size = av_store_reader_size(reader);
        rc = size < self->bytes.max ? put_whole(self, reader, (size_t)size, err) : put_pieces(self, reader, size, err);
        self->group_bytes += size;
        self->group_events++;
    }
    if (!is_of_source(rc))
        return rc;
    if (rc == AV_ERR_CORRUPT) /* its placement tells of it as lost */
        av_care_say(self->watch, AV_LOG_WARN, lsn, "%s", err->msg);
    return AV_OK;
}
