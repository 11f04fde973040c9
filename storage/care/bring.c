/*
 * bring.c - see bring.h
 */
#include "storage/care/bring.h"

#define PIECE (256U * 1024)

static av_errc
put_whole(av_store_reader *reader, size_t size, av_store *target, av_buf *room, uint64_t *ret_lsn, av_error *err)
{
    uint8_t digest[AV_SHA256_SIZE], *to;
    size_t got = 0;
    av_errc rc;

    av_buf_clear(room);
    to = av_buf_reserve(room, size + 1);
    if (to == NULL)
        return av_error_set(err, AV_ERR_NOMEM, "no memory for a message");
    rc = av_store_reader_read(reader, 0, to, size, &got, err);
    if (rc != AV_OK)
        return rc;
    av_sha256(av_span_of(to, got), digest);
    if (memcmp(digest, av_store_reader_digest(reader), sizeof digest) != 0)
        return av_error_set(err, AV_ERR_CORRUPT, "the message is not the one its digest names");
    return av_store_put_message(target, av_span_of(to, got), digest, ret_lsn, err);
}

static av_errc
put_pieces(av_store_reader *reader, uint64_t size, av_store *target, uint64_t *ret_lsn, av_error *err)
{
    av_store_put *put = NULL;
    uint8_t *piece;
    av_errc rc = av_store_reader_verify(reader, err); /* nothing that fails half way goes into the target */

    if (rc == AV_OK)
        rc = av_store_put_begin(target, size, &put, err);
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
        return av_store_put_finish(&put, ret_lsn, NULL, err);
    av_store_put_abort(&put);
    return rc;
}

av_errc
av_care_bring(av_store_reader *reader, av_store *target, av_buf *room, uint64_t *ret_lsn, av_error *err)
{
    uint64_t size = av_store_reader_size(reader);

    return size < room->max ? put_whole(reader, (size_t)size, target, room, ret_lsn, err)
                            : put_pieces(reader, size, target, ret_lsn, err);
}
