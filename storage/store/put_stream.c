/*
 * put_stream.c - messages that arrive in pieces
 *
 * Held in memory up to the store's spool size, then taken apart as they come: the part being received is held up to one
 * segment, beyond that its segments go to the log. What memory a message takes is so bounded whatever its size.
 */
#include "storage/store/inspect.h"
#include "storage/store/store_priv.h"

struct av_store_put {
    av_store *store;
    av_store_put *next;
    uint64_t size; /* announced */
    uint64_t got;
    bool lost;         /* a rollback took something of this one, or it failed */
    uint64_t last_lsn; /* of the newest record written for it, or found */
    uint64_t part_lsn; /* of the first segment of the part being received; 0: none yet */
    av_buf plain;      /* the message so far, until it is taken apart as it comes */
    av_sha256_stream *digest;
    av_splitter *splitter; /* set: taken apart as it comes */
    store_recipe recipe;
    /* the part being received */
    av_buf segment; /* its bytes that are not in the log */
    av_sha256_stream *part_digest;
    uint64_t part_size;
    uint32_t count; /* segments in the log */
    uint64_t segment_bytes;
    av_buf list; /* its segment table */
};

void
store_puts_rolled_back(av_store *self)
{
    for (av_store_put *p = self->puts; p != NULL; p = p->next)
        p->lost = p->lost || p->last_lsn > self->chain.commit_lsn;
}

uint64_t
av_store_open_puts_lsn(const av_store *self)
{
    uint64_t lowest = UINT64_MAX;

    for (const av_store_put *p = self->puts; p != NULL; p = p->next)
        lowest = AV_MIN(lowest, p->part_lsn == 0 ? UINT64_MAX : p->part_lsn);
    return lowest;
}

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
    put->digest = av_sha256_stream_new();
    av_buf_init(&put->plain, self->spool_bytes);
    put->next = self->puts;
    self->puts = put;
    *ret = put;
    return AV_OK;
}

/* --- a part as it comes ------------------------------------------------------------------------------------------- */

static av_errc
put_segment(av_store_put *put, av_error *err)
{
    av_store *store = put->store;
    av_segment segment = { 0 };
    av_span packed;
    av_errc rc = store_record_begin(store, AV_RECORD_SEGMENT, 0, AV_SEGMENT_STORED_MAX, err);

    if (rc == AV_OK) {
        put->last_lsn = store->record.header.lsn;
        put->part_lsn = put->part_lsn == 0 ? put->last_lsn : put->part_lsn;
        rc = store_pack(store, av_buf_span(&put->segment), STORE_PACK_PLAIN, &packed, &segment.codec, err);
        if (rc != AV_OK)
            store->group.spoiled = true;
    }
    if (rc == AV_OK)
        rc = store_record_piece(store, put->count, true, packed, err);
    if (rc == AV_OK)
        rc = store_record_end(store, &segment.at, err);
    if (rc != AV_OK)
        return rc;
    segment.stored = (uint32_t)(packed.n + AV_SEAL_TAG);
    put->segment_bytes += AV_RECORD_HEADER + (uint64_t)segment.stored;
    put->count++;
    av_buf_clear(&put->segment);
    if (!av_segment_put(&put->list, &segment, true))
        return av_error_set(err, AV_ERR_LIMIT, "the message has more segments than a record can name");
    return AV_OK;
}

static av_errc
take_literal(void *ctx, av_span bytes, av_error *err)
{
    av_store_put *put = ctx;

    return store_recipe_literal(&put->recipe, bytes, err);
}

static av_errc
take_begin(void *ctx, AV_UNUSED av_split_coding coding, AV_UNUSED av_error *err)
{
    av_store_put *put = ctx;

    av_buf_clear(&put->segment);
    av_buf_clear(&put->list);
    av_sha256_stream_destroy(&put->part_digest);
    put->part_digest = av_sha256_stream_new();
    put->part_size = put->segment_bytes = put->part_lsn = 0;
    put->count = 0;
    return AV_OK;
}

static av_errc
take_data(void *ctx, av_span bytes, av_error *err)
{
    av_store_put *put = ctx;

    av_sha256_stream_update(put->part_digest, bytes);
    put->part_size += bytes.n;
    while (bytes.n > 0) {
        size_t n;

        if (put->segment.n == AV_SEGMENT_PLAIN) { /* full, and more comes: what is at most one segment stays whole */
            av_errc rc = put_segment(put, err);

            if (rc != AV_OK)
                return rc;
        }
        n = AV_MIN(bytes.n, AV_SEGMENT_PLAIN - put->segment.n);
        if (!av_buf_append(&put->segment, bytes.p, n))
            return av_error_set(err, AV_ERR_NOMEM, "no memory for a message");
        bytes = av_span_skip(bytes, n);
    }
    return AV_OK;
}

static av_errc
end_large_part(av_store_put *put, uint64_t *ret_lsn, av_error *err)
{
    av_store_content about = { .kind = AV_RECORD_PART, .size = put->part_size };
    av_content_table table = { .is_part = true, .size = put->part_size };
    uint8_t digest[AV_SHA256_SIZE];
    av_errc rc;

    av_sha256_stream_finish(&put->part_digest, digest);
    rc = store_find_part(put->store, digest, about.dedup, ret_lsn, err);
    if (rc != AV_OK || *ret_lsn != 0)
        return rc; /* known: its segments are dead bytes */
    rc = put_segment(put, err);
    if (rc != AV_OK)
        return rc;
    memcpy(table.digest, about.dedup, AV_PART_DIGEST);
    rc = store_put_provisional(put->store, &table, av_buf_span(&put->list), put->segment_bytes, &about, err);
    *ret_lsn = about.lsn;
    return rc;
}

static av_errc
take_end(void *ctx, const av_split_part *part, av_error *err)
{
    av_store_put *put = ctx;
    uint64_t lsn = 0;
    av_errc rc = put->count > 0 ? end_large_part(put, &lsn, err)
                                : store_put_part(put->store, av_buf_span(&put->segment), &lsn, err);

    if (rc != AV_OK)
        return rc;
    put->last_lsn = AV_MAX(put->last_lsn, lsn);
    av_buf_clear(&put->segment);
    return store_recipe_part(&put->recipe, lsn, part, err);
}

/* --- the message -------------------------------------------------------------------------------------------------- */

/* It is more than is held in memory: from now on it is taken apart as it comes. */
static av_errc
begin_splitting(av_store_put *put, av_error *err)
{
    av_split_sink sink = { put, take_literal, take_begin, take_data, take_end };
    av_errc rc;

    put->splitter = av_splitter_new();
    store_recipe_init(&put->recipe);
    av_buf_init(&put->segment, AV_SEGMENT_PLAIN);
    av_buf_init(&put->list, AV_CONTENT_TABLE_MAX);
    av_splitter_begin(put->splitter, &put->store->split, &sink);
    rc = av_splitter_feed(put->splitter, av_buf_span(&put->plain), err);
    av_buf_release(&put->plain);
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
    uint64_t expect = self->size != AV_STORE_SIZE_UNKNOWN ? self->size : self->got + bytes.n;
    av_errc rc = check_put(self, err);

    if (rc != AV_OK)
        return rc;
    if (bytes.n > most - self->got)
        return av_error_set(
            err, AV_ERR_LIMIT, "more bytes of the message came than the %llu it may have", (unsigned long long)most);
    if (self->splitter == NULL && expect > self->store->spool_bytes)
        rc = begin_splitting(self, err);
    if (rc == AV_OK && self->splitter != NULL)
        rc = av_splitter_feed(self->splitter, bytes, err);
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
finish(av_store_put *put, const uint8_t *digest, uint64_t *ret_lsn, av_error *err)
{
    av_errc rc;

    if (put->splitter == NULL)
        return av_store_put_message(put->store, av_buf_span(&put->plain), digest, ret_lsn, err);
    rc = store_writable(put->store, err);
    if (rc == AV_OK)
        rc = av_splitter_end(put->splitter, err);
    return rc == AV_OK ? store_recipe_finish(put->store, &put->recipe, NULL, put->got, digest, ret_lsn, err) : rc;
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
        rc = finish(put, digest, ret_lsn, err);
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
    av_splitter_destroy(&put->splitter);
    store_recipe_release(&put->recipe);
    av_sha256_stream_destroy(&put->digest);
    av_sha256_stream_destroy(&put->part_digest);
    av_buf_release(&put->plain);
    av_buf_release(&put->segment);
    av_buf_release(&put->list);
    free(put);
    *self = NULL;
}
