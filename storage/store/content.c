/*
 * content.c - one message or part as a record: table and data in one piece, or segments and a table
 */
#include "storage/store/store_priv.h"

av_errc
store_wrote(av_store *self, const av_store_content *about, av_error *err)
{
    av_errc rc = self->watch.wrote == NULL ? AV_OK : self->watch.wrote(self->watch.ctx, about, err);

    self->group.spoiled = self->group.spoiled || rc != AV_OK;
    return rc;
}

static av_errc
table_too_large(av_error *err)
{
    return av_error_set(err, AV_ERR_LIMIT, "the message has more parts or segments than a record can name");
}

static av_errc
put_one_piece(av_store *self, av_content_table *table, av_span data, uint64_t lsn, av_error *err)
{
    store_pack_kind kind = table->is_part ? STORE_PACK_PART : STORE_PACK_SKELETON;
    AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
    uint64_t ignored;
    av_span packed;
    av_errc rc;

    table->form = AV_CONTENT_ONE_PIECE;
    rc = store_pack(self, data, kind, &packed, &table->codec, err);
    if (rc != AV_OK)
        return rc;
    table->dictionary = table->codec == AV_CODEC_ZSTD_DICTIONARY ? self->dictionary[kind] : 0;
    av_buf_init(&bytes, AV_CONTENT_TABLE_MAX);
    av_buf_clear(&self->plain);
    if (!av_content_table_encode(table, lsn, av_span_of(NULL, 0), &bytes))
        return table_too_large(err);
    if (!av_one_piece_encode(av_buf_span(&bytes), packed, &self->plain))
        return av_error_set(err, AV_ERR_NOMEM, "no memory for a record");
    rc = store_record_begin(self, table->is_part ? AV_RECORD_PART : AV_RECORD_MESSAGE, AV_RECORD_ONE_PIECE,
        self->plain.n + AV_SEAL_TAG, err);
    if (rc == AV_OK)
        rc = store_record_piece(self, 0, true, av_buf_span(&self->plain), err);
    return rc == AV_OK ? store_record_end(self, &ignored, err) : rc;
}

/* The sealed table and its length end the record. */
static av_errc
end_segmented(av_store *self, const av_content_table *table, uint64_t lsn, av_span list, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf bytes = { 0 }, length = { 0 };
    uint64_t ignored;
    av_errc rc;

    av_buf_init(&bytes, AV_CONTENT_TABLE_MAX);
    av_buf_init(&length, 4);
    if (!av_content_table_encode(table, lsn, list, &bytes) ||
        !av_buf_put_u32(&length, (uint32_t)(bytes.n + AV_SEAL_TAG))) {
        self->group.spoiled = true;
        return table_too_large(err);
    }
    rc = store_record_piece(self, AV_SEAL_TABLE, false, av_buf_span(&bytes), err);
    if (rc == AV_OK)
        rc = store_record_clear(self, av_buf_span(&length), err);
    return rc == AV_OK ? store_record_end(self, &ignored, err) : rc;
}

static av_errc
put_segments(av_store *self, av_span data, av_buf *list, av_error *err)
{
    for (uint32_t i = 0; data.n > 0; i++) {
        size_t n = AV_MIN(data.n, AV_SEGMENT_PLAIN);
        av_segment segment = { 0 };
        av_span packed;
        av_errc rc = store_pack(self, av_span_slice(data, 0, n), STORE_PACK_PLAIN, &packed, &segment.codec, err);

        segment.stored = (uint32_t)(packed.n + AV_SEAL_TAG);
        if (rc == AV_OK && !av_segment_put(list, &segment, false))
            rc = table_too_large(err);
        if (rc == AV_OK)
            rc = store_record_piece(self, i, n == data.n, packed, err);
        if (rc != AV_OK) {
            self->group.spoiled = true;
            return rc;
        }
        data = av_span_skip(data, n);
    }
    return AV_OK;
}

static av_errc
put_segmented(av_store *self, av_content_table *table, av_span data, uint64_t lsn, av_error *err)
{
    uint64_t segments = data.n / AV_SEGMENT_PLAIN + 1;
    AV_CLEANUP(av_buf_release) av_buf list = { 0 };
    av_errc rc;

    table->form = AV_CONTENT_SEGMENTS;
    table->dictionary = 0;
    av_buf_init(&list, AV_CONTENT_TABLE_MAX);
    rc = store_record_begin(self, table->is_part ? AV_RECORD_PART : AV_RECORD_MESSAGE, 0,
        data.n + segments * (AV_SEAL_TAG + 16) + table->recipe.n + 4096, err);
    if (rc == AV_OK)
        rc = put_segments(self, data, &list, err);
    return rc == AV_OK ? end_segmented(self, table, lsn, av_buf_span(&list), err) : rc;
}

static void
count_content(av_store *self, const av_store_content *about)
{
    if (about->kind == AV_RECORD_PART) {
        self->group.parts++;
        return;
    }
    self->group.messages++;
    self->group.raw_bytes += about->size;
}

static av_errc
tell(av_store *self, const av_content_table *table, uint64_t lsn, uint64_t more, av_store_content *about, av_error *err)
{
    about->lsn = lsn;
    about->stored = more + AV_RECORD_HEADER + self->record.header.length;
    about->dictionary = table->dictionary;
    count_content(self, about);
    return store_wrote(self, about, err);
}

av_errc
store_put_content(av_store *self, av_content_table *table, av_span data, av_store_content *about, av_error *err)
{
    uint64_t lsn = 0;
    av_errc rc = store_next_lsn(self, &lsn, err);

    table->size = data.n;
    if (rc == AV_OK)
        rc = data.n <= AV_SEGMENT_PLAIN ? put_one_piece(self, table, data, lsn, err)
                                        : put_segmented(self, table, data, lsn, err);
    return rc == AV_OK ? tell(self, table, lsn, 0, about, err) : rc;
}

av_errc
store_put_provisional(av_store *self, av_content_table *table, av_span list, uint64_t segment_bytes,
    av_store_content *about, av_error *err)
{
    uint64_t lsn = 0;
    av_errc rc = store_next_lsn(self, &lsn, err);

    table->form = AV_CONTENT_PROVISIONAL;
    if (rc == AV_OK)
        rc = store_record_begin(
            self, table->is_part ? AV_RECORD_PART : AV_RECORD_MESSAGE, 0, list.n + table->recipe.n + 4096, err);
    if (rc == AV_OK)
        rc = end_segmented(self, table, lsn, list, err);
    return rc == AV_OK ? tell(self, table, lsn, segment_bytes, about, err) : rc;
}
