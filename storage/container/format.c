/*
 * format.c - see format.h
 */
#include "storage/container/format.h"

#include "storage/container/tlv.h"

enum { TABLE_SIZE = 1, TABLE_DIGEST, TABLE_SEGMENT_SIZE, TABLE_INLINE, TABLE_PROVISIONAL };

#define INLINE_ENTRY      5U
#define PROVISIONAL_ENTRY 13U

static const uint8_t container_magic[8] = "AVLTLOG";
static const uint8_t record_magic[4] = { 'A', 'V', 'R', 'C' };

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
    static const uint8_t zeros[44];
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
    (void)av_span_get_bytes(&s, 44, &zeros);
    (void)av_span_get_u32(&s, &crc);
    if (memcmp(magic.p, container_magic, sizeof container_magic) != 0)
        return av_error_set(err, AV_ERR_CORRUPT, "this is not a container: it does not begin with AVLTLOG");
    if (crc != av_crc32c(0, av_span_of(in, AV_CONTAINER_HEADER - 4)))
        return av_error_set(err, AV_ERR_CORRUPT, "the container's header is damaged (CRC-32C)");
    if (format != AV_FORMAT_NUMBER)
        return av_error_set(
            err, AV_ERR_VERSION, "container format 0x%04x; this version reads 0x%04x alone", format, AV_FORMAT_NUMBER);
    if (size != AV_CONTAINER_HEADER || !all_zero(zeros))
        return av_error_set(err, AV_ERR_CORRUPT, "the container's header has unknown contents");
    memcpy(h.store_uuid, uuid.p, uuid.n);
    memcpy(h.before.digest, digest.p, digest.n);
    *ret = h;
    return AV_OK;
}

void
av_record_header_encode(const av_record_header *self, uint8_t ret[AV_RECORD_HEADER])
{
    av_buf b;

    av_buf_init(&b, AV_RECORD_HEADER);
    (void)av_buf_append(&b, record_magic, sizeof record_magic);
    (void)av_buf_put_u32(&b, self->kind); /* the kind and three zeros */
    (void)av_buf_put_u32(&b, self->length);
    (void)av_buf_put_u32(&b, self->body_crc);
    (void)av_buf_put_u64(&b, self->lsn);
    (void)av_buf_put_u64(&b, self->group);
    (void)av_buf_append(&b, self->salt, sizeof self->salt);
    (void)av_buf_put_u32(&b, av_crc32c(0, av_buf_span(&b)));
    copy_out(&b, ret, AV_RECORD_HEADER);
}

av_errc
av_record_header_decode(const uint8_t in[AV_RECORD_HEADER], av_record_header *ret, av_error *err)
{
    av_span s = av_span_of(in, AV_RECORD_HEADER), magic, salt;
    uint32_t kind = 0, crc = 0;
    av_record_header h = { 0 };

    (void)av_span_get_bytes(&s, sizeof record_magic, &magic);
    (void)av_span_get_u32(&s, &kind);
    (void)av_span_get_u32(&s, &h.length);
    (void)av_span_get_u32(&s, &h.body_crc);
    (void)av_span_get_u64(&s, &h.lsn);
    (void)av_span_get_u64(&s, &h.group);
    (void)av_span_get_bytes(&s, sizeof h.salt, &salt);
    (void)av_span_get_u32(&s, &crc);
    if (memcmp(magic.p, record_magic, sizeof record_magic) != 0)
        return av_error_set(err, AV_ERR_CORRUPT, "no record begins here");
    if (crc != av_crc32c(0, av_span_of(in, AV_RECORD_HEADER - 4)))
        return av_error_set(err, AV_ERR_CORRUPT, "the record's header is damaged (CRC-32C)");
    if (kind < 1 || kind > 4)
        return av_error_set(err, AV_ERR_CORRUPT, "records of kind %u are unknown", kind);
    if (h.length > AV_RECORD_BODY_MAX)
        return av_error_set(err, AV_ERR_CORRUPT, "the record says it has %u bytes, more than any may have", h.length);
    h.kind = (uint8_t)kind;
    memcpy(h.salt, salt.p, salt.n);
    *ret = h;
    return AV_OK;
}

void
av_commit_body_encode(const av_commit_body *self, uint8_t ret[AV_COMMIT_CLEAR])
{
    av_buf b;

    av_buf_init(&b, AV_COMMIT_CLEAR);
    (void)av_buf_put_u64(&b, self->first_lsn);
    (void)av_buf_put_u32(&b, self->count);
    (void)av_buf_put_u32(&b, 0);
    (void)av_buf_append(&b, self->digest, sizeof self->digest);
    copy_out(&b, ret, AV_COMMIT_CLEAR);
}

av_errc
av_commit_body_decode(const uint8_t in[AV_COMMIT_CLEAR], av_commit_body *ret, av_error *err)
{
    av_span s = av_span_of(in, AV_COMMIT_CLEAR), digest;
    uint32_t zero = 0;

    (void)av_span_get_u64(&s, &ret->first_lsn);
    (void)av_span_get_u32(&s, &ret->count);
    (void)av_span_get_u32(&s, &zero);
    (void)av_span_get_bytes(&s, sizeof ret->digest, &digest);
    memcpy(ret->digest, digest.p, digest.n);
    return zero == 0 ? AV_OK : av_error_set(err, AV_ERR_CORRUPT, "the commit record has unknown contents");
}

bool
av_segment_put(av_buf *list, const av_segment *segment, bool provisional)
{
    return av_buf_put_u8(list, segment->codec) && av_buf_put_u32(list, segment->stored) &&
           (!provisional || av_buf_put_u64(list, segment->at));
}

bool
av_content_table_encode(const av_content_table *self, av_span list, av_buf *out)
{
    uint8_t tag = self->provisional ? TABLE_PROVISIONAL : TABLE_INLINE;

    return av_tlv_put_u64(out, AV_TLV_CRITICAL | TABLE_SIZE, self->size) &&
           av_tlv_put(out, AV_TLV_CRITICAL | TABLE_DIGEST, av_span_of(self->digest, sizeof self->digest)) &&
           av_tlv_put_u32(out, AV_TLV_CRITICAL | TABLE_SEGMENT_SIZE, AV_SEGMENT_PLAIN) &&
           av_tlv_put(out, (uint8_t)(AV_TLV_CRITICAL | tag), list);
}

static av_errc
decode_segments(av_span list, uint64_t body_room, av_content_table *table, av_error *err)
{
    size_t entry = table->provisional ? PROVISIONAL_ENTRY : INLINE_ENTRY;
    uint64_t want = (table->size + AV_SEGMENT_PLAIN - 1) / AV_SEGMENT_PLAIN, at = 0;

    if (table->size > UINT64_MAX / 2 || list.n % entry != 0 || list.n / entry != want)
        return av_error_set(err, AV_ERR_CORRUPT, "the segment table does not fit the message's size");
    table->count = (uint32_t)want;
    table->segments = av_xcalloc(want + 1, sizeof *table->segments);
    for (uint32_t i = 0; i < table->count; i++) {
        av_segment *s = &table->segments[i];

        (void)av_span_get_u8(&list, &s->codec);
        (void)av_span_get_u32(&list, &s->stored);
        if (table->provisional)
            (void)av_span_get_u64(&list, &s->at);
        else
            s->at = at;
        at += s->stored;
        if (s->codec > AV_CODEC_ZSTD || s->stored < 16 || s->stored > AV_SEGMENT_STORED_MAX)
            return av_error_set(err, AV_ERR_CORRUPT, "segment %u of the message has a bad entry", i);
    }
    if (at != body_room && !table->provisional)
        return av_error_set(err, AV_ERR_CORRUPT, "the segments do not fill the record");
    return AV_OK;
}

static av_errc
take_table_field(const av_tlv_field *f, av_content_table *table, av_span *list, unsigned *seen, av_error *err)
{
    uint32_t segment_size = 0;
    bool ok = true;

    switch (f->number) {
    case TABLE_SIZE:
        ok = av_tlv_u64(f->value, &table->size);
        break;
    case TABLE_DIGEST:
        ok = f->value.n == sizeof table->digest;
        if (ok)
            memcpy(table->digest, f->value.p, f->value.n);
        break;
    case TABLE_SEGMENT_SIZE:
        ok = av_tlv_u32(f->value, &segment_size) && segment_size == AV_SEGMENT_PLAIN;
        break;
    case TABLE_INLINE:
    case TABLE_PROVISIONAL:
        table->provisional = f->number == TABLE_PROVISIONAL;
        *list = f->value;
        break;
    default:
        return f->critical ? av_error_set(err, AV_ERR_VERSION, "content field %u is of a newer version", f->number)
                           : AV_OK;
    }
    *seen |= 1U << f->number;
    return ok ? AV_OK : av_error_set(err, AV_ERR_CORRUPT, "content field %u has a bad value", f->number);
}

av_errc
av_content_table_decode(av_span in, uint64_t body_room, av_content_table *ret, av_error *err)
{
    const unsigned common = 1U << TABLE_SIZE | 1U << TABLE_DIGEST | 1U << TABLE_SEGMENT_SIZE;
    av_tlv_reader reader = { .rest = in };
    av_content_table table = { 0 };
    av_span list = { 0 };
    unsigned seen = 0;
    av_errc rc;

    for (;;) {
        av_tlv_field field;
        bool end = false;

        rc = av_tlv_next(&reader, &field, &end, err);
        if (rc == AV_OK && !end)
            rc = take_table_field(&field, &table, &list, &seen, err);
        if (rc != AV_OK)
            return rc;
        if (end)
            break;
    }
    if (seen != (common | 1U << TABLE_INLINE) && seen != (common | 1U << TABLE_PROVISIONAL))
        return av_error_set(err, AV_ERR_CORRUPT, "the content record lacks a field or has two segment lists");
    rc = decode_segments(list, body_room, &table, err);
    if (rc != AV_OK) {
        av_content_table_release(&table);
        return rc;
    }
    *ret = table;
    return AV_OK;
}

void
av_content_table_release(av_content_table *self)
{
    free(self->segments);
    *self = (av_content_table){ 0 };
}
