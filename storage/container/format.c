/*
 * format.c - see format.h
 */
#include "storage/container/format.h"

#include "storage/container/dropped.h"
#include "storage/store/store.h"

#define TAG 16U

static const uint8_t container_magic[8] = "AVLTLOG";
static const uint8_t record_magic[2] = { 'A', 'V' };

/* Lengths a body can have. Compacted containers are checked further by dropped.h. */
static const struct kind_row {
    bool has_slot;
    uint32_t min, max;
} kinds[] = {
    [AV_RECORD_MESSAGE] = { true, TAG + 4, AV_RECORD_BODY_MAX },
    [AV_RECORD_EVENTS] = { false, TAG + 1, AV_EVENTS_BODY_MAX },
    [AV_RECORD_SEGMENT] = { true, TAG + 1, AV_SEGMENT_STORED_MAX },
    [AV_RECORD_COMMIT] = { false, AV_COMMIT_BODY, AV_COMMIT_BODY },
    [AV_RECORD_PART] = { true, TAG + 4, AV_RECORD_BODY_MAX },
    [AV_RECORD_DICTIONARY] = { false, TAG + 1, AV_DICTIONARY_MAX + TAG },
    [AV_RECORD_DROPPED] = { false, AV_DROPPED_CLEAR + AV_SHA256_SIZE, AV_DROPPED_BODY_MAX },
    [AV_RECORD_MAP] = { false, 0, AV_RECORD_BODY_MAX },
};

static bool
all_zero(av_span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != 0)
            return false;
    return true;
}

/* A buffer over fixed memory of the caller's would be a third kind of buffer; these records are small and few. */
static void
copy_out(av_buf *b, uint8_t *ret, size_t n)
{
    assert(!b->full && b->n == n);
    memcpy(ret, b->p, n);
    av_buf_release(b);
}

void
av_container_header_encode(const av_container_header *self, uint8_t ret[AV_CONTAINER_HEADER])
{
    static const uint8_t zeros[40];
    av_buf b;

    av_buf_init(&b, AV_CONTAINER_HEADER);
    (void)av_buf_append(&b, container_magic, sizeof container_magic);
    (void)av_buf_put_u16(&b, AV_FORMAT_NUMBER);
    (void)av_buf_put_u16(&b, AV_CONTAINER_HEADER);
    (void)av_buf_put_u32(&b, self->container);
    (void)av_buf_append(&b, self->store_uuid, sizeof self->store_uuid);
    (void)av_buf_put_u64(&b, self->before.commit_lsn);
    (void)av_buf_put_u64(&b, self->before.group);
    (void)av_buf_append(&b, self->before.digest, sizeof self->before.digest);
    (void)av_buf_put_u32(&b, self->generation);
    (void)av_buf_append(&b, zeros, sizeof zeros);
    (void)av_buf_put_u32(&b, av_crc32c(0, av_buf_span(&b)));
    copy_out(&b, ret, AV_CONTAINER_HEADER);
}

av_errc
av_container_header_decode(const uint8_t in[AV_CONTAINER_HEADER], av_container_header *ret, av_error *err)
{
    av_span s = av_span_of(in, AV_CONTAINER_HEADER), magic, uuid, digest, zeros;
    uint16_t format = 0, size = 0;
    uint32_t crc = 0;
    av_container_header h = { 0 };

    (void)av_span_get_bytes(&s, sizeof container_magic, &magic);
    (void)av_span_get_u16(&s, &format);
    (void)av_span_get_u16(&s, &size);
    (void)av_span_get_u32(&s, &h.container);
    (void)av_span_get_bytes(&s, sizeof h.store_uuid, &uuid);
    (void)av_span_get_u64(&s, &h.before.commit_lsn);
    (void)av_span_get_u64(&s, &h.before.group);
    (void)av_span_get_bytes(&s, sizeof h.before.digest, &digest);
    (void)av_span_get_u32(&s, &h.generation);
    (void)av_span_get_bytes(&s, 40, &zeros);
    (void)av_span_get_u32(&s, &crc);
    if (memcmp(magic.p, container_magic, sizeof container_magic) != 0)
        return av_error_set(err, AV_ERR_CORRUPT, "this is not a container: it does not begin with AVLTLOG");
    if (crc != av_crc32c(0, av_span_of(in, AV_CONTAINER_HEADER - 4)))
        return av_error_set(err, AV_ERR_CORRUPT, "the container's header is damaged (CRC-32C)");
    if (format != AV_FORMAT_NUMBER)
        return av_error_set(
            err, AV_ERR_VERSION, "container format %u; this version reads format %u alone", format, AV_FORMAT_NUMBER);
    if (size != AV_CONTAINER_HEADER || !all_zero(zeros))
        return av_error_set(err, AV_ERR_CORRUPT, "the container's header has unknown contents");
    memcpy(h.store_uuid, uuid.p, uuid.n);
    memcpy(h.before.digest, digest.p, digest.n);
    *ret = h;
    return AV_OK;
}

bool
av_record_has_slot(uint8_t kind)
{
    return kind < AV_COUNT(kinds) && kinds[kind].has_slot;
}

/* The CRC of a record's header begins with what it does not say itself: whose it is and where it stands. */
static uint32_t
header_crc(const uint8_t bytes[AV_RECORD_HEADER], const uint8_t store_uuid[16], uint64_t lsn)
{
    uint8_t seed[24];

    memcpy(seed, store_uuid, 16);
    for (unsigned i = 0; i < 8; i++)
        seed[16 + i] = (uint8_t)(lsn >> (8 * i));
    return av_crc32c(av_crc32c(0, av_span_of(seed, sizeof seed)), av_span_of(bytes, AV_RECORD_HEADER - 4));
}

void
av_record_header_encode(const av_record_header *self, const uint8_t store_uuid[16], uint8_t ret[AV_RECORD_HEADER])
{
    av_buf b;
    uint32_t crc;

    av_buf_init(&b, AV_RECORD_HEADER);
    (void)av_buf_append(&b, record_magic, sizeof record_magic);
    (void)av_buf_put_u8(&b, self->kind);
    (void)av_buf_put_u8(&b, self->flags);
    (void)av_buf_put_u32(&b, self->length);
    (void)av_buf_put_u32(&b, self->body_crc);
    (void)av_buf_put_u64(&b, self->group);
    (void)av_buf_put_u32(&b, self->slot);
    (void)av_buf_append(&b, self->salt, sizeof self->salt);
    crc = header_crc(b.p, store_uuid, self->lsn);
    (void)av_buf_put_u32(&b, crc);
    copy_out(&b, ret, AV_RECORD_HEADER);
}

/* The header is whole: may a record be like that? */
static av_errc
check_header(const av_record_header *h, av_error *err)
{
    static const uint8_t no_salt[AV_RECORD_SALT];
    bool content = h->kind == AV_RECORD_MESSAGE || h->kind == AV_RECORD_PART;
    bool one_piece = (h->flags & AV_RECORD_ONE_PIECE) != 0;

    if (h->kind == 0 || h->kind >= AV_COUNT(kinds))
        return av_error_set(err, AV_ERR_CORRUPT, "records of kind %u are unknown", h->kind);
    if ((h->flags & ~AV_RECORD_ONE_PIECE) != 0 || (one_piece && !content))
        return av_error_set(err, AV_ERR_CORRUPT, "a record of kind %u has unknown flags 0x%02x", h->kind, h->flags);
    if (h->length < kinds[h->kind].min || h->length > (one_piece ? AV_ONE_PIECE_BODY_MAX : kinds[h->kind].max) ||
        (h->kind == AV_RECORD_DROPPED && (h->length - AV_DROPPED_CLEAR) % AV_SHA256_SIZE != 0) ||
        (h->kind == AV_RECORD_MAP && h->length % AV_DROP_MAP_ENTRY != 0))
        return av_error_set(err, AV_ERR_CORRUPT, "a record of kind %u cannot have %u bytes", h->kind, h->length);
    if (h->slot >= (kinds[h->kind].has_slot ? AV_CONTAINER_SLOTS : 1))
        return av_error_set(err, AV_ERR_CORRUPT, "a record of kind %u cannot have key slot %u", h->kind, h->slot);
    if ((h->group == 0) != (h->kind == AV_RECORD_MAP) ||
        (h->kind == AV_RECORD_MAP && memcmp(h->salt, no_salt, sizeof no_salt) != 0))
        return av_error_set(err, AV_ERR_CORRUPT, "a record of kind %u has a bad group or salt", h->kind);
    return AV_OK;
}

av_errc
av_record_header_decode(const uint8_t in[AV_RECORD_HEADER], const uint8_t store_uuid[16], uint64_t lsn,
    av_record_header *ret, av_error *err)
{
    av_span s = av_span_of(in, AV_RECORD_HEADER), magic, salt;
    uint32_t crc = 0;
    av_record_header h = { .lsn = lsn };
    av_errc rc;

    (void)av_span_get_bytes(&s, sizeof record_magic, &magic);
    (void)av_span_get_u8(&s, &h.kind);
    (void)av_span_get_u8(&s, &h.flags);
    (void)av_span_get_u32(&s, &h.length);
    (void)av_span_get_u32(&s, &h.body_crc);
    (void)av_span_get_u64(&s, &h.group);
    (void)av_span_get_u32(&s, &h.slot);
    (void)av_span_get_bytes(&s, sizeof h.salt, &salt);
    (void)av_span_get_u32(&s, &crc);
    if (memcmp(magic.p, record_magic, sizeof record_magic) != 0)
        return av_error_set(err, AV_ERR_CORRUPT, "no record begins here");
    if (crc != header_crc(in, store_uuid, lsn))
        return av_error_set(err, AV_ERR_CORRUPT, "the record's header is damaged or belongs elsewhere (CRC-32C)");
    memcpy(h.salt, salt.p, salt.n);
    rc = check_header(&h, err);
    if (rc == AV_OK)
        *ret = h;
    return rc;
}

void
av_record_digest(const uint8_t header[AV_RECORD_HEADER], av_span body, uint8_t ret[AV_SHA256_SIZE])
{
    av_sha256_stream *stream = av_sha256_stream_new();

    av_sha256_stream_update(stream, body);
    av_sha256_stream_update(stream, av_span_of(header, AV_RECORD_HEADER));
    av_sha256_stream_finish(&stream, ret);
}

void
av_commit_body_encode(const av_commit_body *self, uint8_t ret[AV_COMMIT_CLEAR])
{
    av_buf b;

    av_buf_init(&b, AV_COMMIT_CLEAR);
    (void)av_buf_put_u64(&b, self->first_lsn);
    (void)av_buf_put_u32(&b, self->count);
    (void)av_buf_put_u32(&b, self->next_slot);
    (void)av_buf_append(&b, self->digest, sizeof self->digest);
    copy_out(&b, ret, AV_COMMIT_CLEAR);
}

av_errc
av_commit_body_decode(const uint8_t in[AV_COMMIT_CLEAR], av_commit_body *ret, av_error *err)
{
    av_span s = av_span_of(in, AV_COMMIT_CLEAR), digest;

    (void)av_span_get_u64(&s, &ret->first_lsn);
    (void)av_span_get_u32(&s, &ret->count);
    (void)av_span_get_u32(&s, &ret->next_slot);
    (void)av_span_get_bytes(&s, sizeof ret->digest, &digest);
    memcpy(ret->digest, digest.p, digest.n);
    if (ret->count == 0 || ret->next_slot > AV_CONTAINER_SLOTS)
        return av_error_set(err, AV_ERR_CORRUPT, "the commit record is of %u records and key slot %u, which cannot be",
            ret->count, ret->next_slot);
    return AV_OK;
}
