/*
 * read.c - messages by LSN, any range, put together again from skeleton and parts
 */
#include "storage/mime/base64_lines.h"
#include "storage/store/store_priv.h"

#define CHUNK (48U * 1024) /* characters of base64 made at once */

struct av_store_reader {
    const av_store *store;
    store_tools *tools;
    store_source message;
    store_source part; /* of the present step, when part_lsn is not 0 */
    uint64_t part_lsn;
    uint64_t size;
    av_recipe_reader recipe; /* behind the present step */
    av_step step;            /* output 0: none yet */
    uint8_t *decoded;        /* bytes that base64 is made of, across two segments */
};

static av_errc
open_message(av_store_reader *self, uint64_t lsn, av_error *err)
{
    av_errc rc = store_source_open(self->store, self->tools, lsn, AV_RECORD_MESSAGE, &self->message, err);

    if (rc == AV_ERR_GONE)
        err->code = rc = AV_ERR_NOT_FOUND; /* its sentence says that it was erased */
    if (rc != AV_OK)
        return rc;
    self->size = self->message.table.output;
    self->recipe = av_recipe_reader_of(self->message.table.recipe, lsn);
    return AV_OK;
}

av_errc
av_store_reader_open(const av_store *store, uint64_t lsn, av_store_reader **ret, av_error *err)
{
    AV_CLEANUP(av_store_reader_close) av_store_reader *self = av_xcalloc(1, sizeof *self);
    av_errc rc;

    self->store = store;
    rc = store_spare_take(store->spare, &self->tools, err);
    if (rc == AV_OK)
        rc = open_message(self, lsn, err);
    if (rc == AV_OK)
        *ret = AV_TAKE(self);
    return rc;
}

void
av_store_reader_close(av_store_reader **self)
{
    av_store_reader *r = *self;

    if (r == NULL)
        return;
    store_source_close(&r->message);
    store_source_close(&r->part);
    store_spare_give(r->store->spare, r->tools);
    free(r->decoded);
    free(r);
    *self = NULL;
}

uint64_t
av_store_reader_size(const av_store_reader *self)
{
    return self->size;
}

const uint8_t *
av_store_reader_digest(const av_store_reader *self)
{
    return self->message.table.digest;
}

/* The step that makes the byte at offset. Forward from the present one where that is enough. */
static av_errc
seek(av_store_reader *self, uint64_t offset, av_error *err)
{
    if (self->message.table.recipe.n == 0) {
        self->step = (av_step){ .kind = AV_STEP_SKELETON, .size = self->size, .output = self->size };
        return AV_OK;
    }
    if (offset < self->step.message_offset) {
        self->recipe = av_recipe_reader_of(self->message.table.recipe, self->message.header.lsn);
        self->step = (av_step){ 0 };
    }
    while (offset - self->step.message_offset >= self->step.output) {
        bool end = false;
        av_errc rc = av_recipe_next(&self->recipe, &self->step, &end, err);

        if (rc != AV_OK)
            return rc;
        if (end)
            return av_error_set(err, AV_ERR_CORRUPT, "the recipe ends before the message does");
    }
    return AV_OK;
}

static av_errc
check_part(const av_store_reader *self, av_error *err)
{
    if (self->part.table.size != self->step.size)
        return av_error_set(err, AV_ERR_CORRUPT, "it has %llu bytes where the message wants %llu",
            (unsigned long long)self->part.table.size, (unsigned long long)self->step.size);
    return AV_OK;
}

static av_errc
open_part(av_store_reader *self, av_error *err)
{
    uint64_t lsn = self->step.lsn;
    av_errc rc;

    if (self->part_lsn == lsn)
        return check_part(self, err);
    self->part_lsn = 0;
    store_source_close(&self->part);
    rc = store_source_open(self->store, self->tools, lsn, AV_RECORD_PART, &self->part, err);
    if (rc == AV_OK)
        rc = check_part(self, err);
    if (rc == AV_ERR_NOT_FOUND || rc == AV_ERR_GONE)
        err->code = AV_ERR_CORRUPT; /* a message that stands has all of its parts */
    if (rc != AV_OK)
        return av_error_prefix(err, "message at LSN %llx, its part at LSN %llx",
            (unsigned long long)self->message.header.lsn, (unsigned long long)lsn);
    self->part_lsn = lsn;
    return AV_OK;
}

static av_errc
copy_data(av_store_reader *self, store_source *source, uint64_t from, uint8_t *to, size_t n, av_error *err)
{
    while (n > 0) {
        size_t take = (size_t)AV_MIN((uint64_t)n, AV_SEGMENT_PLAIN - from % AV_SEGMENT_PLAIN);
        const uint8_t *p = NULL;
        av_errc rc = store_source_look(self->store, self->tools, source, from, take, &p, err);

        if (rc != AV_OK)
            return rc;
        memcpy(to, p, take);
        to += take;
        from += take;
        n -= take;
    }
    return AV_OK;
}

/* Characters [at, at + n) of the present step, n at most CHUNK. */
static av_errc
encode_chunk(av_store_reader *self, const av_base64_lines *lines, uint64_t at, uint8_t *to, size_t n, av_error *err)
{
    uint64_t from = 0, count = 0;
    const uint8_t *p = NULL;
    av_errc rc = AV_OK;

    av_base64_lines_range(lines, self->step.size, at, n, &from, &count);
    if (count > 0 && from / AV_SEGMENT_PLAIN == (from + count - 1) / AV_SEGMENT_PLAIN) {
        rc = store_source_look(self->store, self->tools, &self->part, from, (size_t)count, &p, err);
    } else if (count > 0) {
        if (self->decoded == NULL)
            self->decoded = av_xalloc(CHUNK);
        assert(count <= CHUNK);
        p = self->decoded;
        rc = copy_data(self, &self->part, from, self->decoded, (size_t)count, err);
    }
    if (rc == AV_OK)
        av_base64_lines_encode(lines, self->step.size, av_span_of(p, (size_t)count), at, n, to);
    return rc;
}

static av_errc
encode(av_store_reader *self, uint64_t at, uint8_t *to, size_t n, av_error *err)
{
    av_base64_lines lines = {
        .line_chars = 4U * self->step.line,
        .crlf = (self->step.form & AV_BASE64_CRLF) != 0,
        .last_newline = (self->step.form & AV_BASE64_END) != 0,
    };

    if (!av_base64_lines_valid(&lines, self->step.size) ||
        av_base64_lines_size(&lines, self->step.size) != self->step.output)
        return av_error_set(err, AV_ERR_CORRUPT, "the recipe has a bad base64 step");
    while (n > 0) {
        size_t take = AV_MIN(n, CHUNK);
        av_errc rc = encode_chunk(self, &lines, at, to, take, err);

        if (rc != AV_OK)
            return rc;
        at += take;
        to += take;
        n -= take;
    }
    return AV_OK;
}

/* n bytes from `at` of what the present step makes. */
static av_errc
make(av_store_reader *self, uint64_t at, uint8_t *to, size_t n, av_error *err)
{
    av_errc rc;

    if (self->step.kind == AV_STEP_SKELETON)
        return copy_data(self, &self->message, self->step.skeleton_offset + at, to, n, err);
    rc = open_part(self, err);
    if (rc != AV_OK)
        return rc;
    return self->step.kind == AV_STEP_PART ? copy_data(self, &self->part, at, to, n, err)
                                           : encode(self, at, to, n, err);
}

av_errc
av_store_reader_read(av_store_reader *self, uint64_t offset, void *buf, size_t n, size_t *got, av_error *err)
{
    size_t done = 0;

    n = (size_t)AV_MIN((uint64_t)n, self->size - AV_MIN(offset, self->size));
    while (done < n) {
        uint64_t at;
        size_t take;
        av_errc rc = seek(self, offset + done, err);

        if (rc != AV_OK)
            return rc;
        at = offset + done - self->step.message_offset;
        take = (size_t)AV_MIN((uint64_t)(n - done), self->step.output - at);
        rc = make(self, at, (uint8_t *)buf + done, take, err);
        if (rc != AV_OK)
            return rc;
        done += take;
    }
    *got = done;
    return AV_OK;
}

av_errc
av_store_reader_verify(av_store_reader *self, av_error *err)
{
    AV_CLEANUP(av_sha256_stream_destroy) av_sha256_stream *stream = av_sha256_stream_new();
    size_t room = (size_t)AV_MIN(AV_MAX(self->size, 1ULL), (uint64_t)AV_SEGMENT_PLAIN);
    AV_CLEANUP(av_free) uint8_t *bytes = av_xalloc(room);
    uint8_t digest[AV_SHA256_SIZE];

    for (uint64_t at = 0; at < self->size;) {
        size_t got = 0;
        av_errc rc = av_store_reader_read(self, at, bytes, room, &got, err);

        if (rc != AV_OK)
            return rc;
        av_sha256_stream_update(stream, av_span_of(bytes, got));
        at += got;
    }
    av_sha256_stream_finish(&stream, digest);
    if (memcmp(digest, self->message.table.digest, sizeof digest) != 0)
        return av_error_set(err, AV_ERR_CORRUPT, "the message at LSN %llx is not the one its digest names",
            (unsigned long long)self->message.header.lsn);
    return AV_OK;
}

av_errc
av_store_read_message(const av_store *store, uint64_t lsn, av_buf *out, av_error *err)
{
    AV_CLEANUP(av_store_reader_close) av_store_reader *reader = NULL;
    size_t got = 0;
    uint8_t *to;
    av_errc rc = av_store_reader_open(store, lsn, &reader, err);

    if (rc != AV_OK)
        return rc;
    assert(reader != NULL);
    if (reader->size == 0)
        return AV_OK;
    to = reader->size > SIZE_MAX / 2 ? NULL : av_buf_reserve(out, (size_t)reader->size);
    if (to == NULL)
        return av_error_set(
            err, AV_ERR_LIMIT, "the message has %llu bytes, more than %zu", (unsigned long long)reader->size, out->max);
    rc = av_store_reader_read(reader, 0, to, (size_t)reader->size, &got, err);
    if (rc == AV_OK)
        out->n += got;
    return rc;
}
