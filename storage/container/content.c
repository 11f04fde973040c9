/*
 * content.c - the table of a message or part, and the one piece of small ones (format.h)
 */
#include "storage/container/format.h"
#include "storage/container/recipe.h"
#include "storage/container/tlv.h"
#include "storage/store/store.h"

enum {
    TABLE_SIZE = 1,
    TABLE_DIGEST,
    TABLE_DICTIONARY,
    TABLE_SEGMENTS,
    TABLE_PROVISIONAL,
    TABLE_CODEC,
    TABLE_RECIPE,
};

#define INLINE_ENTRY      5U
#define PROVISIONAL_ENTRY 13U
#define TAG               16U
#define BIT(number)       (1U << (number))

bool
av_segment_put(av_buf *list, const av_segment *segment, bool provisional)
{
    return av_buf_put_u8(list, segment->codec) && av_buf_put_u32(list, segment->stored) &&
           (!provisional || av_buf_put_u64(list, segment->at));
}

bool
av_content_table_encode(const av_content_table *self, uint64_t lsn, av_span list, av_buf *out)
{
    av_span digest = av_span_of(self->digest, self->is_part ? AV_PART_DIGEST : AV_SHA256_SIZE);

    assert(self->dictionary < lsn && (self->recipe.n == 0 || !self->is_part));
    if (!av_tlv_put_var(out, AV_TLV_CRITICAL | TABLE_SIZE, self->size) ||
        !av_tlv_put(out, AV_TLV_CRITICAL | TABLE_DIGEST, digest))
        return false;
    if (self->dictionary != 0 && !av_tlv_put_var(out, AV_TLV_CRITICAL | TABLE_DICTIONARY, lsn - self->dictionary))
        return false;
    if (self->form == AV_CONTENT_SEGMENTS && !av_tlv_put(out, AV_TLV_CRITICAL | TABLE_SEGMENTS, list))
        return false;
    if (self->form == AV_CONTENT_PROVISIONAL && !av_tlv_put(out, AV_TLV_CRITICAL | TABLE_PROVISIONAL, list))
        return false;
    if (self->form == AV_CONTENT_ONE_PIECE && !av_tlv_put_u8(out, AV_TLV_CRITICAL | TABLE_CODEC, self->codec))
        return false;
    return self->recipe.n == 0 || av_tlv_put(out, AV_TLV_CRITICAL | TABLE_RECIPE, self->recipe);
}

static bool
segment_is_sound(const av_segment *s, uint32_t plain)
{
    if (s->codec == AV_CODEC_RAW)
        return s->stored == plain + TAG;
    return s->codec <= AV_CODEC_ZSTD_DICTIONARY && s->stored > TAG && s->stored <= AV_SEGMENT_STORED_MAX;
}

/* ret_dictionary: a segment needs one. */
static av_errc
decode_segments(av_span list, const av_record_header *header, uint64_t body_room, av_content_table *table,
    bool *ret_dictionary, av_error *err)
{
    bool provisional = table->form == AV_CONTENT_PROVISIONAL;
    size_t entry = provisional ? PROVISIONAL_ENTRY : INLINE_ENTRY;
    uint64_t want = (table->size + AV_SEGMENT_PLAIN - 1) / AV_SEGMENT_PLAIN, at = 0;

    if (table->size > UINT64_MAX / 2 || list.n % entry != 0 || list.n / entry != want)
        return av_error_set(err, AV_ERR_CORRUPT, "the segment table does not fit the content's size");
    table->count = (uint32_t)want;
    table->segments = av_xcalloc(want + 1, sizeof *table->segments);
    for (uint32_t i = 0; i < table->count; i++) {
        av_segment *s = &table->segments[i];

        (void)av_span_get_u8(&list, &s->codec);
        (void)av_span_get_u32(&list, &s->stored);
        s->at = at;
        if (provisional)
            (void)av_span_get_u64(&list, &s->at);
        at += s->stored;
        *ret_dictionary |= s->codec == AV_CODEC_ZSTD_DICTIONARY;
        if (!segment_is_sound(s, av_segment_plain(table->size, i)) ||
            (provisional && (s->at == 0 || s->at >= header->lsn)))
            return av_error_set(err, AV_ERR_CORRUPT, "segment %u of the content has a bad entry", i);
    }
    if (at != body_room && !provisional)
        return av_error_set(err, AV_ERR_CORRUPT, "the segments do not fill the record");
    return AV_OK;
}

static bool
take_dictionary(av_span value, uint64_t lsn, uint64_t *ret)
{
    uint64_t distance = 0;

    if (!av_tlv_var(value, &distance) || distance == 0 || distance >= lsn)
        return false;
    *ret = lsn - distance;
    return true;
}

static av_errc
take_table_field(const av_tlv_field *f, uint64_t lsn, av_content_table *table, av_span *list, av_error *err)
{
    bool ok = true;

    switch (f->number) {
    case TABLE_SIZE:
        ok = av_tlv_var(f->value, &table->size);
        break;
    case TABLE_DIGEST:
        ok = f->value.n == (table->is_part ? AV_PART_DIGEST : AV_SHA256_SIZE);
        if (ok)
            memcpy(table->digest, f->value.p, f->value.n);
        break;
    case TABLE_DICTIONARY:
        ok = take_dictionary(f->value, lsn, &table->dictionary);
        break;
    case TABLE_SEGMENTS:
    case TABLE_PROVISIONAL:
        table->form = f->number == TABLE_SEGMENTS ? AV_CONTENT_SEGMENTS : AV_CONTENT_PROVISIONAL;
        *list = f->value;
        break;
    case TABLE_CODEC:
        ok = av_tlv_u8(f->value, &table->codec) && table->codec <= AV_CODEC_ZSTD_DICTIONARY;
        break;
    case TABLE_RECIPE:
        ok = !table->is_part && f->value.n > 0;
        table->recipe = f->value;
        break;
    default:
        return f->critical ? av_error_set(err, AV_ERR_VERSION, "content field %u is of a newer version", f->number)
                           : AV_OK;
    }
    if (!ok || !f->critical)
        return av_error_set(err, AV_ERR_CORRUPT, "content field %u has a bad value", f->number);
    return AV_OK;
}

static av_errc
take_fields(av_span in, uint64_t lsn, av_content_table *table, av_span *list, unsigned *seen, av_error *err)
{
    av_tlv_reader reader = { .rest = in };

    for (;;) {
        av_tlv_field field;
        bool end = false;
        av_errc rc = av_tlv_next(&reader, &field, &end, err);

        if (rc == AV_OK && !end)
            rc = take_table_field(&field, lsn, table, list, err);
        if (rc != AV_OK || end)
            return rc;
        if (field.number <= TABLE_RECIPE)
            *seen |= BIT(field.number);
    }
}

/* The fields are there that this form of content must have, and no others. */
static bool
fields_fit(unsigned seen, bool one_piece)
{
    unsigned needed = seen & ~(BIT(TABLE_DICTIONARY) | BIT(TABLE_RECIPE));
    unsigned common = BIT(TABLE_SIZE) | BIT(TABLE_DIGEST);

    if (one_piece)
        return needed == (common | BIT(TABLE_CODEC));
    return needed == (common | BIT(TABLE_SEGMENTS)) || needed == (common | BIT(TABLE_PROVISIONAL));
}

static av_errc
check_table(av_content_table *table, uint64_t lsn, bool uses_dictionary, av_error *err)
{
    table->output = table->size;
    if (table->dictionary != 0 && !uses_dictionary)
        return av_error_set(err, AV_ERR_CORRUPT, "the content names a dictionary that it does not use");
    if (table->recipe.n > 0)
        return av_recipe_check(table->recipe, lsn, table->size, &table->output, err);
    return AV_OK;
}

av_errc
av_content_table_decode(
    av_span in, const av_record_header *header, uint64_t body_room, av_content_table *ret, av_error *err)
{
    bool one_piece = (header->flags & AV_RECORD_ONE_PIECE) != 0, uses_dictionary = false;
    av_content_table table = { .is_part = header->kind == AV_RECORD_PART };
    av_span list = { 0 };
    unsigned seen = 0;
    av_errc rc = take_fields(in, header->lsn, &table, &list, &seen, err);

    if (rc == AV_OK && !fields_fit(seen, one_piece))
        rc = av_error_set(err, AV_ERR_CORRUPT, "the content record lacks a field or has one too many");
    if (rc != AV_OK)
        return rc;
    if (one_piece) {
        uses_dictionary = table.codec == AV_CODEC_ZSTD_DICTIONARY;
        if (table.size > AV_SEGMENT_PLAIN)
            rc = av_error_set(err, AV_ERR_CORRUPT, "content of %llu bytes is too large for one piece",
                (unsigned long long)table.size);
    } else {
        rc = decode_segments(list, header, body_room, &table, &uses_dictionary, err);
    }
    if (rc == AV_OK)
        rc = check_table(&table, header->lsn, uses_dictionary, err);
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

bool
av_one_piece_encode(av_span table, av_span packed, av_buf *out)
{
    return table.n <= AV_CONTENT_TABLE_MAX && av_varint_put(out, (uint32_t)table.n) && av_buf_append_span(out, table) &&
           av_buf_append_span(out, packed);
}

av_errc
av_one_piece_decode(
    av_span plain, const av_record_header *header, av_content_table *ret, av_span *ret_packed, av_error *err)
{
    av_span bytes;
    uint32_t n = 0;
    av_errc rc;

    if (!av_varint_get(&plain, &n) || n > AV_CONTENT_TABLE_MAX || !av_span_get_bytes(&plain, n, &bytes))
        return av_error_set(err, AV_ERR_CORRUPT, "the content's table is cut short");
    rc = av_content_table_decode(bytes, header, 0, ret, err);
    if (rc != AV_OK)
        return rc;
    if (ret->codec == AV_CODEC_RAW ? plain.n != ret->size : plain.n == 0 || plain.n > AV_SEGMENT_PLAIN) {
        av_content_table_release(ret);
        return av_error_set(err, AV_ERR_CORRUPT, "the content's data does not fit its size");
    }
    *ret_packed = plain;
    return AV_OK;
}
