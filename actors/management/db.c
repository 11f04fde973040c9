/*
 * db.c - see db.h
 */
#include "actors/management/db.h"

static void
put_key(av_buf *out, char table, av_span key)
{
    av_buf_init(out, 1024);
    (void)av_buf_putc(out, (uint8_t)table);
    (void)av_buf_putc(out, '/');
    (void)av_buf_append_span(out, key);
    assert(!out->full);
}

void
av_db_put(av_meta *db, char table, av_span key, av_span row)
{
    AV_CLEANUP(av_buf_release) av_buf full = { 0 };

    put_key(&full, table, key);
    av_meta_put(db, av_buf_span(&full), row);
}

void
av_db_delete(av_meta *db, char table, av_span key)
{
    AV_CLEANUP(av_buf_release) av_buf full = { 0 };

    put_key(&full, table, key);
    av_meta_delete(db, av_buf_span(&full));
}

av_errc
av_db_get(av_meta *db, char table, av_span key, av_buf *out, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf full = { 0 };

    put_key(&full, table, key);
    return av_meta_get(av_meta_writer(db), av_buf_span(&full), out, err);
}

av_errc
av_db_each(av_meta *db, char table, av_db_row_fn *fn, void *ctx, av_error *err)
{
    const char prefix[2] = { table, '/' };
    av_meta_iter *iter = av_meta_iter_new(av_meta_writer(db), av_span_of(prefix, 2), av_span_of(NULL, 0));
    av_errc rc = AV_OK;
    av_span key, row;

    while (rc == AV_OK && av_meta_iter_next(iter, &key, &row))
        rc = fn(ctx, av_span_skip(key, 2), row, err);
    if (rc == AV_OK)
        rc = av_meta_iter_error(iter, err);
    av_meta_iter_destroy(&iter);
    return rc;
}

bool
av_db_put_blob(av_buf *row, av_span bytes)
{
    return av_buf_put_u32(row, (uint32_t)bytes.n) && av_buf_append_span(row, bytes);
}

bool
av_db_get_blob(av_span *row, av_span *ret)
{
    uint32_t n = 0;

    return av_span_get_u32(row, &n) && av_span_get_bytes(row, n, ret);
}

bool
av_db_put_message(av_buf *row, const ProtobufCMessage *message)
{
    size_t n = protobuf_c_message_get_packed_size(message);
    uint8_t *at;

    if (!av_buf_put_u32(row, (uint32_t)n))
        return false;
    at = av_buf_reserve(row, n);
    if (at == NULL)
        return false;
    row->n += protobuf_c_message_pack(message, at);
    return true;
}

bool
av_db_get_message(av_span *row, const ProtobufCMessageDescriptor *type, ProtobufCMessage **ret)
{
    av_span packed;
    ProtobufCMessage *message;

    if (!av_db_get_blob(row, &packed))
        return false;
    message = protobuf_c_message_unpack(type, NULL, packed.n, packed.p);
    if (message == NULL)
        return false;
    *ret = message;
    return true;
}

ProtobufCMessage *
av_message_clone(const ProtobufCMessage *message)
{
    size_t n = protobuf_c_message_get_packed_size(message);
    AV_CLEANUP(av_free) uint8_t *packed = av_xalloc(n);
    ProtobufCMessage *copy;

    (void)protobuf_c_message_pack(message, packed);
    copy = protobuf_c_message_unpack(message->descriptor, NULL, n, packed);
    assert(copy != NULL); /* what we packed ourselves */
    return copy;
}
