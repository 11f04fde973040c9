/*
 * put.c - messages and events into the open group
 */
#include "storage/store/store_priv.h"

/* Body of a content record of so many bytes, at most. */
static uint64_t
most_body(uint64_t size)
{
    uint64_t segments = size / AV_SEGMENT_PLAIN + 1;

    return size + segments * (AV_SEAL_TAG + 16) + 4096;
}

/* The sealed table and its length end the record. */
static av_errc
put_table(av_store *self, const av_content_table *table, av_span list, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf bytes = { 0 }, length = { 0 };
    av_errc rc;

    av_buf_init(&bytes, AV_CONTENT_TABLE_MAX);
    av_buf_init(&length, 4);
    if (!av_content_table_encode(table, list, &bytes) || !av_buf_put_u32(&length, (uint32_t)(bytes.n + AV_SEAL_TAG))) {
        self->group.spoiled = true;
        return av_error_set(err, AV_ERR_LIMIT, "the message has more segments than a record can name");
    }
    rc = store_record_piece(self, AV_SEAL_TABLE, false, av_buf_span(&bytes), err);
    return rc == AV_OK ? store_record_clear(self, av_buf_span(&length), err) : rc;
}

static av_errc
put_segments(av_store *self, av_span bytes, av_buf *list, av_error *err)
{
    for (uint32_t i = 0; bytes.n > 0; i++) {
        size_t n = AV_MIN(bytes.n, AV_SEGMENT_PLAIN);
        av_segment segment = { 0 };
        av_span packed;
        av_errc rc = store_pack(self, av_span_slice(bytes, 0, n), &packed, &segment.codec, err);

        segment.stored = (uint32_t)(packed.n + AV_SEAL_TAG);
        if (rc == AV_OK && !av_segment_put(list, &segment, false))
            rc = av_error_set(err, AV_ERR_LIMIT, "the message has more segments than a record can name");
        if (rc == AV_OK)
            rc = store_record_piece(self, i, n == bytes.n, packed, err);
        if (rc != AV_OK) {
            self->group.spoiled = true;
            return rc;
        }
        bytes = av_span_skip(bytes, n);
    }
    return AV_OK;
}

static av_errc
end_content(av_store *self, const av_content_table *table, av_span list, uint64_t *ret_lsn, av_error *err)
{
    av_errc rc = put_table(self, table, list, err);

    if (rc == AV_OK)
        rc = store_record_end(self, ret_lsn, err);
    if (rc != AV_OK)
        return rc;
    self->group.messages++;
    self->group.raw_bytes += table->size;
    return AV_OK;
}

av_errc
av_store_put_message(
    av_store *self, av_span bytes, const uint8_t digest[AV_SHA256_SIZE], uint64_t *ret_lsn, av_error *err)
{
    av_content_table table = { .size = bytes.n };
    AV_CLEANUP(av_buf_release) av_buf list = { 0 };
    av_errc rc;

    av_buf_init(&list, AV_CONTENT_TABLE_MAX);
    if (bytes.n > self->spool_bytes || bytes.n > self->max_message_bytes)
        return av_error_set(err, AV_ERR_LIMIT, "a message of %zu bytes is more than %llu", bytes.n,
            (unsigned long long)AV_MIN(self->spool_bytes, self->max_message_bytes));
    if (digest != NULL)
        memcpy(table.digest, digest, AV_SHA256_SIZE);
    else
        av_sha256(bytes, table.digest);
    rc = store_record_begin(self, AV_RECORD_CONTENT, most_body(bytes.n), err);
    if (rc == AV_OK)
        rc = put_segments(self, bytes, &list, err);
    return rc == AV_OK ? end_content(self, &table, av_buf_span(&list), ret_lsn, err) : rc;
}

av_errc
av_store_put_event(av_store *self, av_span body, uint64_t *ret_lsn, av_error *err)
{
    av_errc rc;

    if (body.n > AV_STORE_EVENT_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "an event of %zu bytes is more than %u", body.n, AV_STORE_EVENT_MAX);
    rc = store_record_begin(self, AV_RECORD_EVENT, body.n + AV_SEAL_TAG, err);
    if (rc == AV_OK)
        rc = store_record_piece(self, 0, true, body, err);
    if (rc == AV_OK)
        rc = store_record_end(self, ret_lsn, err);
    if (rc == AV_OK)
        self->group.events++;
    return rc;
}

/* --- in pieces -------------------------------------------------------------------------------------------------- */

av_errc
av_store_put_begin(av_store *self, uint64_t size, av_store_put **ret, av_error *err)
{
    av_store_put *put;
    av_errc rc = store_writable(self, err);

    if (rc != AV_OK)
        return rc;
    if (size != AV_STORE_SIZE_UNKNOWN && size > self->max_message_bytes)
        return av_error_set(err, AV_ERR_LIMIT, "a message of %llu bytes is more than the %llu this store takes",
            (unsigned long long)size, (unsigned long long)self->max_message_bytes);
    put = av_xcalloc(1, sizeof *put);
    put->store = self;
    put->size = size;
    put->provisional = size != AV_STORE_SIZE_UNKNOWN && size > self->spool_bytes;
    put->digest = av_sha256_stream_new();
    av_buf_init(&put->plain, put->provisional ? AV_SEGMENT_PLAIN : self->spool_bytes);
    av_buf_init(&put->list, AV_CONTENT_TABLE_MAX);
    put->next = self->puts;
    self->puts = put;
    *ret = put;
    return AV_OK;
}

static av_errc
put_provisional(av_store_put *put, av_span plain, av_error *err)
{
    av_store *store = put->store;
    av_segment segment = { 0 };
    av_span packed;
    av_errc rc = store_record_begin(store, AV_RECORD_SEGMENT, AV_SEGMENT_STORED_MAX, err);

    if (rc == AV_OK)
        rc = store_pack(store, plain, &packed, &segment.codec, err);
    if (rc == AV_OK)
        rc = store_record_piece(store, put->count, true, packed, err);
    if (rc == AV_OK)
        rc = store_record_end(store, &segment.at, err);
    if (rc != AV_OK)
        return rc;
    segment.stored = (uint32_t)(packed.n + AV_SEAL_TAG);
    put->last_lsn = segment.at;
    put->count++;
    if (!av_segment_put(&put->list, &segment, true))
        return av_error_set(err, AV_ERR_LIMIT, "the message has more segments than a record can name");
    return AV_OK;
}

/* What was held in memory is more than may be: from now on it goes to the log. */
static av_errc
turn_provisional(av_store_put *put, av_error *err)
{
    av_buf held = put->plain;
    av_span rest = av_buf_span(&held);
    av_errc rc = AV_OK;

    put->provisional = true;
    av_buf_init(&put->plain, AV_SEGMENT_PLAIN);
    while (rc == AV_OK && rest.n >= AV_SEGMENT_PLAIN) {
        rc = put_provisional(put, av_span_slice(rest, 0, AV_SEGMENT_PLAIN), err);
        rest = av_span_skip(rest, AV_SEGMENT_PLAIN);
    }
    if (rc == AV_OK && !av_buf_append_span(&put->plain, rest))
        rc = av_error_set(err, AV_ERR_NOMEM, "no memory for a message");
    av_buf_release(&held);
    return rc;
}

static av_errc
write_provisional(av_store_put *put, av_span bytes, av_error *err)
{
    av_errc rc = AV_OK;

    while (rc == AV_OK && bytes.n > 0) {
        size_t n = AV_MIN(bytes.n, AV_SEGMENT_PLAIN - put->plain.n);

        if (!av_buf_append(&put->plain, bytes.p, n))
            return av_error_set(err, AV_ERR_NOMEM, "no memory for a message");
        bytes = av_span_skip(bytes, n);
        if (put->plain.n < AV_SEGMENT_PLAIN)
            break;
        rc = put_provisional(put, av_buf_span(&put->plain), err);
        av_buf_clear(&put->plain);
    }
    return rc;
}

static av_errc
check_put(av_store_put *put, av_error *err)
{
    if (put->lost)
        return av_error_set(err, AV_ERR_CONFLICT, "a part of this message was rolled back: send it again");
    return AV_OK;
}

av_errc
av_store_put_write(av_store_put *self, av_span bytes, av_error *err)
{
    uint64_t most = self->size != AV_STORE_SIZE_UNKNOWN ? self->size : self->store->max_message_bytes;
    av_errc rc = check_put(self, err);

    if (rc != AV_OK)
        return rc;
    if (bytes.n > most - self->got)
        return av_error_set(
            err, AV_ERR_LIMIT, "more bytes of the message came than the %llu it may have", (unsigned long long)most);
    if (!self->provisional && bytes.n > self->store->spool_bytes - self->plain.n)
        rc = turn_provisional(self, err);
    if (rc == AV_OK && self->provisional)
        rc = write_provisional(self, bytes, err);
    else if (rc == AV_OK && !av_buf_append_span(&self->plain, bytes))
        rc = av_error_set(err, AV_ERR_NOMEM, "no memory for a message");
    if (rc != AV_OK) {
        self->lost = true;
        return rc;
    }
    av_sha256_stream_update(self->digest, bytes);
    self->got += bytes.n;
    return AV_OK;
}

static av_errc
finish_provisional(av_store_put *put, const uint8_t *digest, uint64_t *ret_lsn, av_error *err)
{
    av_content_table table = { .size = put->got, .provisional = true };
    av_errc rc = AV_OK;

    if (put->plain.n > 0)
        rc = put_provisional(put, av_buf_span(&put->plain), err);
    if (rc == AV_OK)
        rc = store_record_begin(put->store, AV_RECORD_CONTENT, put->list.n + 4096, err);
    if (rc != AV_OK)
        return rc;
    memcpy(table.digest, digest, AV_SHA256_SIZE);
    return end_content(put->store, &table, av_buf_span(&put->list), ret_lsn, err);
}

av_errc
av_store_put_finish(av_store_put **self, uint64_t *ret_lsn, uint8_t ret_digest[AV_SHA256_SIZE], av_error *err)
{
    av_store_put *put = *self;
    uint8_t digest[AV_SHA256_SIZE];
    av_errc rc = check_put(put, err);

    if (rc == AV_OK && put->size != AV_STORE_SIZE_UNKNOWN && put->got != put->size)
        rc = av_error_set(err, AV_ERR_INVALID, "the message has %llu bytes where %llu were announced",
            (unsigned long long)put->got, (unsigned long long)put->size);
    if (rc == AV_OK) {
        av_sha256_stream_finish(&put->digest, digest);
        rc = put->provisional ? finish_provisional(put, digest, ret_lsn, err)
                              : av_store_put_message(put->store, av_buf_span(&put->plain), digest, ret_lsn, err);
    }
    if (rc == AV_OK && ret_digest != NULL)
        memcpy(ret_digest, digest, sizeof digest);
    av_store_put_abort(self);
    return rc;
}

void
av_store_put_abort(av_store_put **self)
{
    av_store_put *put = *self;

    if (put == NULL)
        return;
    for (av_store_put **p = &put->store->puts; *p != NULL; p = &(*p)->next) {
        if (*p != put)
            continue;
        *p = put->next;
        break;
    }
    av_sha256_stream_destroy(&put->digest);
    av_buf_release(&put->plain);
    av_buf_release(&put->list);
    free(put);
    *self = NULL;
}
