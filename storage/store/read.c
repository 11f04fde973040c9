/*
 * read.c - messages by LSN, any range, every byte authenticated
 *
 * Touches only what does not change while a store is open (folder, UUID, key), so that any thread may read.
 */
#include "base/secret.h"
#include "storage/store/store_priv.h"

#define FIRST_READ (64U * 1024) /* most messages are whole in it: one system call */
#define NO_SEGMENT UINT32_MAX

struct av_store_reader {
    const av_store *store;
    av_seal *seal;
    ZSTD_DCtx *zstd;
    int fd; /* of the content record's container */
    av_record_header header;
    uint8_t key[AV_SEAL_KEY];
    av_content_table table;
    uint8_t *first; /* the record's first bytes, header included */
    size_t first_n;
    uint8_t *stored, *plain; /* one segment, sealed and opened; made when needed */
    uint8_t *opened;         /* between: opened and not yet unpacked */
    uint32_t held;           /* segment in plain */
};

static av_seal_place
place_of(const av_store_reader *self, const av_record_header *h, uint32_t piece, bool last)
{
    return (av_seal_place){
        .store_uuid = self->store->uuid,
        .format = AV_FORMAT_NUMBER,
        .kind = h->kind,
        .last = last,
        .container = av_lsn_container(h->lsn),
        .lsn = h->lsn,
        .group = h->group,
        .piece = piece,
    };
}

static av_errc
check_record(const uint8_t *bytes, uint64_t lsn, av_record_kind kind, av_record_header *ret, av_error *err)
{
    av_errc rc = av_record_header_decode(bytes, ret, err);

    if (rc == AV_OK && (ret->lsn != lsn || ret->kind != kind))
        rc = av_error_set(err, AV_ERR_CORRUPT, "another record stands here");
    return rc == AV_OK ? AV_OK : av_error_prefix(err, "LSN %llx", (unsigned long long)lsn);
}

/* n bytes of the content record's body. */
static av_errc
read_body(const av_store_reader *self, void *p, size_t n, uint64_t at, av_error *err)
{
    uint64_t from = AV_RECORD_HEADER + at;

    if (from + n <= self->first_n) {
        memcpy(p, self->first + from, n);
        return AV_OK;
    }
    return av_file_read_at(self->fd, p, n, av_lsn_offset(self->header.lsn) + from, err);
}

static av_errc
read_first(av_store_reader *self, uint64_t lsn, av_error *err)
{
    av_errc rc =
        av_container_open(self->store->dir, av_lsn_container(lsn), self->store->uuid, O_RDONLY, &self->fd, NULL, err);

    if (rc != AV_OK)
        return rc;
    self->first = av_xalloc(FIRST_READ);
    rc = av_file_read_some(self->fd, self->first, FIRST_READ, av_lsn_offset(lsn), &self->first_n, err);
    if (rc != AV_OK)
        return rc;
    if (self->first_n < AV_RECORD_HEADER)
        return av_error_set(err, AV_ERR_NOT_FOUND, "the log has no record at LSN %llx", (unsigned long long)lsn);
    rc = check_record(self->first, lsn, AV_RECORD_CONTENT, &self->header, err);
    if (rc != AV_OK)
        return rc;
    self->first_n = AV_MIN(self->first_n, AV_RECORD_HEADER + (size_t)self->header.length);
    self->first = av_xrealloc(self->first, self->first_n);
    return AV_OK;
}

static av_errc
read_table(av_store_reader *self, av_error *err)
{
    av_seal_place place = place_of(self, &self->header, AV_SEAL_TABLE, false);
    AV_CLEANUP(av_free) uint8_t *sealed = NULL;
    AV_CLEANUP(av_free) uint8_t *plain = NULL;
    uint8_t tail[4];
    av_span tail_span = av_span_of(tail, sizeof tail);
    uint32_t n = 0, length = self->header.length;
    av_errc rc = AV_OK;

    if (length < sizeof tail + AV_SEAL_TAG)
        return av_error_set(err, AV_ERR_CORRUPT, "the content record is too short");
    rc = read_body(self, tail, sizeof tail, length - sizeof tail, err);
    if (rc != AV_OK)
        return rc;
    (void)av_span_get_u32(&tail_span, &n);
    if (n < AV_SEAL_TAG || n > length - sizeof tail || n > AV_CONTENT_TABLE_MAX + AV_SEAL_TAG)
        return av_error_set(err, AV_ERR_CORRUPT, "the content record's table has an impossible length");
    sealed = av_xalloc(n);
    plain = av_xalloc(n);
    rc = read_body(self, sealed, n, length - sizeof tail - n, err);
    if (rc == AV_OK)
        rc = av_seal_open(self->seal, self->key, &place, av_span_of(NULL, 0), av_span_of(sealed, n), plain, err);
    if (rc == AV_OK)
        rc = av_content_table_decode(av_span_of(plain, n - AV_SEAL_TAG), length - sizeof tail - n, &self->table, err);
    return rc;
}

av_errc
av_store_reader_open(const av_store *store, uint64_t lsn, av_store_reader **ret, av_error *err)
{
    AV_CLEANUP(av_store_reader_close) av_store_reader *self = av_xcalloc(1, sizeof *self);
    av_errc rc;

    self->store = store;
    self->fd = -1;
    self->held = NO_SEGMENT;
    if (av_lsn_container(lsn) == 0 || av_lsn_offset(lsn) < AV_CONTAINER_HEADER)
        return av_error_set(err, AV_ERR_NOT_FOUND, "%llx is no LSN of a record", (unsigned long long)lsn);
    rc = read_first(self, lsn, err);
    if (rc == AV_OK)
        rc = av_seal_new(&self->seal, err);
    if (rc != AV_OK)
        return rc;
    av_seal_record_key(store->key, self->header.salt, self->key);
    rc = read_table(self, err);
    if (rc != AV_OK)
        return av_error_prefix(err, "message at LSN %llx", (unsigned long long)lsn);
    *ret = AV_TAKE(self);
    return AV_OK;
}

void
av_store_reader_close(av_store_reader **self)
{
    av_store_reader *r = *self;

    if (r == NULL)
        return;
    av_file_close(&r->fd);
    av_seal_destroy(&r->seal);
    if (r->zstd != NULL)
        store_spare_give(r->store->spare, r->zstd);
    av_content_table_release(&r->table);
    av_secret_wipe(r->key, sizeof r->key);
    free(r->first);
    free(r->stored);
    free(r->opened);
    free(r->plain);
    free(r);
    *self = NULL;
}

uint64_t
av_store_reader_size(const av_store_reader *self)
{
    return self->table.size;
}

const uint8_t *
av_store_reader_digest(const av_store_reader *self)
{
    return self->table.digest;
}

/* The record of a provisional segment: its header decides its key. */
static av_errc
read_provisional(
    av_store_reader *self, const av_segment *s, uint8_t key[AV_SEAL_KEY], av_record_header *h, av_error *err)
{
    uint8_t bytes[AV_RECORD_HEADER];
    int fd = -1;
    av_errc rc =
        av_container_open(self->store->dir, av_lsn_container(s->at), self->store->uuid, O_RDONLY, &fd, NULL, err);

    if (rc != AV_OK)
        return rc;
    rc = av_file_read_at(fd, bytes, sizeof bytes, av_lsn_offset(s->at), err);
    if (rc == AV_OK)
        rc = check_record(bytes, s->at, AV_RECORD_SEGMENT, h, err);
    if (rc == AV_OK && h->length != s->stored)
        rc = av_error_set(err, AV_ERR_CORRUPT, "the segment has another length than its message says");
    if (rc == AV_OK)
        rc = av_file_read_at(fd, self->stored, s->stored, (uint64_t)av_lsn_offset(s->at) + AV_RECORD_HEADER, err);
    av_file_close(&fd);
    if (rc == AV_OK)
        av_seal_record_key(self->store->key, h->salt, key);
    return rc;
}

static av_errc
unpack(av_store_reader *self, uint8_t codec, size_t n, size_t want, av_error *err)
{
    size_t got = n;

    if (codec == AV_CODEC_RAW) {
        if (n == want)
            memcpy(self->plain, self->opened, n);
    } else {
        if (self->zstd == NULL)
            self->zstd = store_spare_take(self->store->spare);
        if (self->zstd == NULL)
            return av_error_set(err, AV_ERR_NOMEM, "no memory for zstd");
        got = ZSTD_decompressDCtx(self->zstd, self->plain, want, self->opened, n);
    }
    if (ZSTD_isError(got) || got != want)
        return av_error_set(err, AV_ERR_CORRUPT, "a segment does not unpack to its %zu bytes", want);
    return AV_OK;
}

static void
make_buffers(av_store_reader *self)
{
    size_t plain = (size_t)AV_MIN(self->table.size, AV_SEGMENT_PLAIN);

    if (self->plain != NULL)
        return;
    self->plain = av_xalloc(plain);
    self->opened = av_xalloc(plain + AV_SEAL_TAG);
    self->stored = av_xalloc(plain + AV_SEAL_TAG);
}

static av_errc
load_segment(av_store_reader *self, uint32_t i, av_error *err)
{
    const av_segment *s = &self->table.segments[i];
    uint32_t want = av_segment_plain(self->table.size, i);
    av_record_header header = self->header;
    uint8_t key[AV_SEAL_KEY];
    av_seal_place place;
    av_errc rc;

    make_buffers(self);
    self->held = NO_SEGMENT;
    if (s->stored > AV_MIN(self->table.size, AV_SEGMENT_PLAIN) + AV_SEAL_TAG)
        return av_error_set(err, AV_ERR_CORRUPT, "segment %u is larger than it can be", i);
    memcpy(key, self->key, sizeof key);
    rc = self->table.provisional ? read_provisional(self, s, key, &header, err)
                                 : read_body(self, self->stored, s->stored, s->at, err);
    place = place_of(self, &header, i, self->table.provisional || i + 1 == self->table.count);
    if (rc == AV_OK)
        rc = av_seal_open(
            self->seal, key, &place, av_span_of(NULL, 0), av_span_of(self->stored, s->stored), self->opened, err);
    av_secret_wipe(key, sizeof key);
    if (rc == AV_OK)
        rc = unpack(self, s->codec, s->stored - AV_SEAL_TAG, want, err);
    if (rc != AV_OK)
        return av_error_prefix(err, "message at LSN %llx, segment %u", (unsigned long long)self->header.lsn, i);
    self->held = i;
    return AV_OK;
}

av_errc
av_store_reader_read(av_store_reader *self, uint64_t offset, void *buf, size_t n, size_t *got, av_error *err)
{
    size_t done = 0;

    if (offset >= self->table.size)
        n = 0;
    n = (size_t)AV_MIN((uint64_t)n, self->table.size - AV_MIN(offset, self->table.size));
    while (done < n) {
        uint32_t i = (uint32_t)((offset + done) / AV_SEGMENT_PLAIN);
        size_t skip = (size_t)((offset + done) % AV_SEGMENT_PLAIN), take;

        if (self->held != i) {
            av_errc rc = load_segment(self, i, err);

            if (rc != AV_OK)
                return rc;
        }
        take = AV_MIN(n - done, av_segment_plain(self->table.size, i) - skip);
        memcpy((uint8_t *)buf + done, self->plain + skip, take);
        done += take;
    }
    *got = done;
    return AV_OK;
}

av_errc
av_store_reader_verify(av_store_reader *self, av_error *err)
{
    AV_CLEANUP(av_sha256_stream_destroy) av_sha256_stream *stream = av_sha256_stream_new();
    uint8_t digest[AV_SHA256_SIZE];

    for (uint32_t i = 0; i < self->table.count; i++) {
        av_errc rc = load_segment(self, i, err);

        if (rc != AV_OK)
            return rc;
        av_sha256_stream_update(stream, av_span_of(self->plain, av_segment_plain(self->table.size, i)));
    }
    av_sha256_stream_finish(&stream, digest);
    if (memcmp(digest, self->table.digest, sizeof digest) != 0)
        return av_error_set(err, AV_ERR_CORRUPT, "the message at LSN %llx is not the one its digest names",
            (unsigned long long)self->header.lsn);
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
    if (reader->table.size == 0)
        return AV_OK;
    to = reader->table.size > SIZE_MAX / 2 ? NULL : av_buf_reserve(out, (size_t)reader->table.size);
    if (to == NULL)
        return av_error_set(err, AV_ERR_LIMIT, "the message has %llu bytes, more than %zu",
            (unsigned long long)reader->table.size, out->max);
    rc = av_store_reader_read(reader, 0, to, (size_t)reader->table.size, &got, err);
    if (rc == AV_OK)
        out->n += got;
    return rc;
}
