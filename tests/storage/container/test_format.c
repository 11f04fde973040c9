/*
 * test_format.c - headers, commit body, content table and TLV: round trips, and nothing else is taken
 */
#include "storage/container/format.h"
#include "storage/container/recipe.h"
#include "storage/container/tlv.h"
#include "storage/store/store.h"
#include "tests/check.h"

static const uint8_t uuid[16] = { 1, 2, 3 };

static void
test_container_header(void)
{
    av_container_header h = { .container = 7, .generation = 3, .before = { .commit_lsn = 0x600000080, .group = 99 } },
                        back;
    uint8_t bytes[AV_CONTAINER_HEADER];
    av_error err;

    h.before.digest[3] = 4;
    h.store_uuid[0] = 8;
    av_container_header_encode(&h, bytes);
    AV_CHECK_RC(av_container_header_decode(bytes, &back, &err), AV_OK, &err);
    AV_CHECK_INT(back.container, 7);
    AV_CHECK_INT(back.generation, 3);
    AV_CHECK_INT(back.before.commit_lsn, 0x600000080);
    AV_CHECK_INT(back.before.group, 99);
    AV_CHECK_MEM(back.store_uuid, 16, h.store_uuid, 16);
    AV_CHECK_MEM(back.before.digest, 32, h.before.digest, 32);
    for (size_t i = 0; i < 8 * sizeof bytes; i++) {
        bytes[i / 8] ^= (uint8_t)(1U << i % 8);
        AV_CHECK(av_container_header_decode(bytes, &back, &err) != AV_OK);
        bytes[i / 8] ^= (uint8_t)(1U << i % 8);
    }
    bytes[8] = 2;
    AV_CHECK_RC(av_container_header_decode(bytes, &back, &err), AV_ERR_CORRUPT, &err);
}

/* Well made, but not what this version writes. */
static void
test_unknown_container(void)
{
    static const struct {
        size_t at;
        uint8_t to;
        av_errc want;
    } cases[] = {
        { 8, 2, AV_ERR_VERSION },
        { 8, 0, AV_ERR_VERSION },
        { 9, 0x80, AV_ERR_VERSION }, /* the experimental format */
        { 10, 127, AV_ERR_CORRUPT },
        { 84, 1, AV_ERR_CORRUPT }, /* not zero */
        { 123, 1, AV_ERR_CORRUPT },
    };
    av_error err;

    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        av_container_header h = { .container = 1 }, back;
        uint8_t bytes[AV_CONTAINER_HEADER];
        uint32_t crc;

        av_check_row = (long)i;
        av_container_header_encode(&h, bytes);
        bytes[cases[i].at] = cases[i].to;
        crc = av_crc32c(0, av_span_of(bytes, AV_CONTAINER_HEADER - 4));
        memcpy(bytes + AV_CONTAINER_HEADER - 4, &crc, 4);
        AV_CHECK_RC(av_container_header_decode(bytes, &back, &err), cases[i].want, &err);
    }
    av_check_row = -1;
}

static void
test_record_header(void)
{
    av_record_header h = { .kind = AV_RECORD_PART,
        .flags = AV_RECORD_ONE_PIECE,
        .length = 1000,
        .body_crc = 5,
        .slot = 77,
        .lsn = 0x100000080,
        .group = 12 };
    av_record_header back;
    uint8_t bytes[AV_RECORD_HEADER], other[16] = { 1, 2, 4 };
    av_error err;

    h.salt[7] = 0xEE;
    av_record_header_encode(&h, uuid, bytes);
    AV_CHECK_RC(av_record_header_decode(bytes, uuid, h.lsn, &back, &err), AV_OK, &err);
    AV_CHECK(back.kind == h.kind && back.flags == h.flags && back.length == 1000 && back.body_crc == 5);
    AV_CHECK(back.lsn == h.lsn && back.group == 12 && back.slot == 77);
    AV_CHECK_MEM(back.salt, 8, h.salt, 8);
    for (size_t i = 0; i < 8 * sizeof bytes; i++) {
        bytes[i / 8] ^= (uint8_t)(1U << i % 8);
        AV_CHECK_RC(av_record_header_decode(bytes, uuid, h.lsn, &back, &err), AV_ERR_CORRUPT, &err);
        bytes[i / 8] ^= (uint8_t)(1U << i % 8);
    }
    /* A record of another place or store is none. */
    AV_CHECK_RC(av_record_header_decode(bytes, uuid, h.lsn + 1, &back, &err), AV_ERR_CORRUPT, &err);
    AV_CHECK_RC(av_record_header_decode(bytes, uuid, h.lsn + (1ULL << 32), &back, &err), AV_ERR_CORRUPT, &err);
    AV_CHECK_RC(av_record_header_decode(bytes, other, h.lsn, &back, &err), AV_ERR_CORRUPT, &err);
}

/* Its CRC is right: what a record may be is checked, too. */
static void
test_record_kinds(void)
{
    static const struct {
        uint8_t kind, flags;
        uint32_t length, slot;
        uint64_t group;
        uint8_t salt;
        av_errc want;
    } cases[] = {
        { 1, 0, 20, 0, 1, 1, AV_OK },
        { 1, 1, 20, AV_CONTAINER_SLOTS - 1, 1, 1, AV_OK },
        { 1, 0, 19, 0, 1, 1, AV_ERR_CORRUPT },
        { 1, 0, AV_RECORD_BODY_MAX, 0, 1, 1, AV_OK },
        { 1, 0, AV_RECORD_BODY_MAX + 1, 0, 1, 1, AV_ERR_CORRUPT },
        { 1, 1, AV_ONE_PIECE_BODY_MAX, 0, 1, 1, AV_OK },
        { 1, 1, AV_ONE_PIECE_BODY_MAX + 1, 0, 1, 1, AV_ERR_CORRUPT },
        { 1, 0, 20, AV_CONTAINER_SLOTS, 1, 1, AV_ERR_CORRUPT },
        { 1, 2, 20, 0, 1, 1, AV_ERR_CORRUPT }, /* unknown flag */
        { 1, 0, 20, 0, 0, 1, AV_ERR_CORRUPT }, /* groups begin with 1 */
        { 2, 0, 17, 0, 1, 1, AV_OK },
        { 2, 0, 16, 0, 1, 1, AV_ERR_CORRUPT },
        { 2, 0, 17, 1, 1, 1, AV_ERR_CORRUPT }, /* no slot of its own */
        { 2, 1, 17, 0, 1, 1, AV_ERR_CORRUPT },
        { 2, 0, AV_EVENTS_BODY_MAX + 1, 0, 1, 1, AV_ERR_CORRUPT },
        { 3, 0, AV_SEGMENT_STORED_MAX, 9, 1, 1, AV_OK },
        { 3, 0, AV_SEGMENT_STORED_MAX + 1, 9, 1, 1, AV_ERR_CORRUPT },
        { 3, 1, 100, 9, 1, 1, AV_ERR_CORRUPT },
        { 4, 0, AV_COMMIT_BODY, 0, 1, 1, AV_OK },
        { 4, 0, AV_COMMIT_BODY + 1, 0, 1, 1, AV_ERR_CORRUPT },
        { 5, 1, 300, 9, 1, 1, AV_OK },
        { 6, 0, AV_DICTIONARY_MAX + 16, 0, 1, 1, AV_OK },
        { 6, 0, AV_DICTIONARY_MAX + 17, 0, 1, 1, AV_ERR_CORRUPT },
        { 7, 0, 40, 0, 1, 0, AV_OK },
        { 7, 0, 8, 0, 1, 0, AV_ERR_CORRUPT },
        { 7, 0, 41, 0, 1, 0, AV_ERR_CORRUPT },
        { 7, 0, 40, 0, 1, 1, AV_OK }, /* its salt is a MAC */
        { 7, 0, 40, 1, 1, 0, AV_ERR_CORRUPT },
        { 8, 0, 0, 0, 0, 0, AV_OK },
        { 8, 0, 16, 0, 0, 0, AV_OK },
        { 8, 0, 15, 0, 0, 0, AV_ERR_CORRUPT },
        { 8, 0, 16, 0, 0, 1, AV_ERR_CORRUPT },
        { 8, 0, 16, 0, 1, 0, AV_ERR_CORRUPT }, /* of no group */
        { 0, 0, 100, 0, 1, 0, AV_ERR_CORRUPT },
        { 9, 0, 100, 0, 1, 0, AV_ERR_CORRUPT },
        { 255, 0, 100, 0, 1, 0, AV_ERR_CORRUPT },
    };
    av_error err;

    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        av_record_header back, h = { .kind = cases[i].kind,
            .flags = cases[i].flags,
            .length = cases[i].length,
            .slot = cases[i].slot,
            .group = cases[i].group,
            .lsn = 0x100000080 };
        uint8_t bytes[AV_RECORD_HEADER];

        av_check_row = (long)i;
        h.salt[0] = cases[i].salt;
        av_record_header_encode(&h, uuid, bytes);
        AV_CHECK_RC(av_record_header_decode(bytes, uuid, h.lsn, &back, &err), cases[i].want, &err);
    }
    av_check_row = -1;
}

static void
test_record_digest(void)
{
    uint8_t header[AV_RECORD_HEADER] = { 7 }, both[4 + AV_RECORD_HEADER] = "body", want[32], got[32];

    memcpy(both + 4, header, sizeof header);
    av_sha256(av_span_of(both, sizeof both), want);
    av_record_digest(header, av_span_str("body"), got);
    AV_CHECK_MEM(got, 32, want, 32);
}

static void
test_commit_body(void)
{
    av_commit_body body = { .first_lsn = 0x200000080, .count = 3, .next_slot = 9 }, back;
    uint8_t bytes[AV_COMMIT_CLEAR];
    av_error err;

    body.digest[31] = 6;
    av_commit_body_encode(&body, bytes);
    AV_CHECK_RC(av_commit_body_decode(bytes, &back, &err), AV_OK, &err);
    AV_CHECK(back.first_lsn == body.first_lsn && back.count == 3 && back.next_slot == 9);
    AV_CHECK_MEM(back.digest, 32, body.digest, 32);
    body.count = 0;
    av_commit_body_encode(&body, bytes);
    AV_CHECK_RC(av_commit_body_decode(bytes, &back, &err), AV_ERR_CORRUPT, &err);
    body.count = 1;
    body.next_slot = AV_CONTAINER_SLOTS + 1;
    av_commit_body_encode(&body, bytes);
    AV_CHECK_RC(av_commit_body_decode(bytes, &back, &err), AV_ERR_CORRUPT, &err);
}

#define LSN 0x300000400ULL

static av_record_header
header_of(const av_content_table *table)
{
    return (av_record_header){ .kind = table->is_part ? AV_RECORD_PART : AV_RECORD_MESSAGE,
        .flags = table->form == AV_CONTENT_ONE_PIECE ? AV_RECORD_ONE_PIECE : 0,
        .lsn = LSN };
}

/* Every beginning of a table is refused, and no flipped bit does harm. */
static void
check_mangled(av_span bytes, const av_record_header *header, uint64_t room, bool has_recipe)
{
    av_content_table back = { 0 };
    av_error err;

    for (size_t n = 0; n < bytes.n; n++) {
        av_errc rc = av_content_table_decode(av_span_of(bytes.p, n), header, room, &back, &err);

        AV_CHECK(rc != AV_OK || (has_recipe && back.recipe.n == 0)); /* the last field, which may be absent */
        if (rc == AV_OK)
            av_content_table_release(&back);
    }
    for (size_t bit = 0; bit < 8 * bytes.n; bit++) {
        AV_CLEANUP(av_free) uint8_t *copy = malloc(bytes.n);

        memcpy(copy, bytes.p, bytes.n);
        copy[bit / 8] ^= (uint8_t)(1U << bit % 8);
        if (av_content_table_decode(av_span_of(copy, bytes.n), header, room, &back, &err) == AV_OK)
            av_content_table_release(&back);
    }
}

static void
test_segment_lists(void)
{
    static const struct {
        uint64_t size;
        av_content_form form;
        uint32_t entries, stored;
        uint8_t codec;
        uint64_t room;
        av_errc want;
    } cases[] = {
        { 0, AV_CONTENT_SEGMENTS, 0, 0, 1, 0, AV_OK },
        { 1, AV_CONTENT_SEGMENTS, 1, 17, 0, 17, AV_OK },
        { 1, AV_CONTENT_SEGMENTS, 1, 18, 0, 18, AV_ERR_CORRUPT }, /* raw is as long as it is */
        { 1, AV_CONTENT_SEGMENTS, 1, 17, 0, 18, AV_ERR_CORRUPT }, /* bytes nobody names */
        { 1, AV_CONTENT_SEGMENTS, 2, 17, 0, 34, AV_ERR_CORRUPT }, /* a segment too many */
        { 262145, AV_CONTENT_SEGMENTS, 2, 100, 1, 200, AV_OK },
        { 262145, AV_CONTENT_SEGMENTS, 2, 100, 2, 200, AV_OK },
        { 262145, AV_CONTENT_SEGMENTS, 2, 100, 3, 200, AV_ERR_CORRUPT }, /* codec */
        { 262145, AV_CONTENT_SEGMENTS, 1, 100, 1, 100, AV_ERR_CORRUPT }, /* one too few */
        { 262145, AV_CONTENT_PROVISIONAL, 2, 100, 1, 0, AV_OK },
        { 9, AV_CONTENT_SEGMENTS, 1, 15, 1, 15, AV_ERR_CORRUPT },         /* smaller than its tag */
        { 9, AV_CONTENT_SEGMENTS, 1, 16, 1, 16, AV_ERR_CORRUPT },         /* nothing in it */
        { 9, AV_CONTENT_SEGMENTS, 1, 262161, 1, 262161, AV_ERR_CORRUPT }, /* larger than a segment */
        { UINT64_MAX, AV_CONTENT_PROVISIONAL, 1, 100, 1, 0, AV_ERR_CORRUPT },
    };
    av_buf bytes, list;
    av_error err;

    av_buf_init(&bytes, 4096);
    av_buf_init(&list, 4096);
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        av_content_table table = { .size = cases[i].size, .form = cases[i].form, .is_part = i % 2 }, back = { 0 };
        av_record_header h = header_of(&table);

        av_check_row = (long)i;
        av_buf_clear(&list);
        av_buf_clear(&bytes);
        for (uint32_t k = 0; k < cases[i].entries; k++)
            AV_CHECK(av_segment_put(&list,
                &(av_segment){ .codec = cases[i].codec, .stored = cases[i].stored, .at = 500 + k },
                cases[i].form == AV_CONTENT_PROVISIONAL));
        AV_CHECK(av_content_table_encode(&table, LSN, av_buf_span(&list), &bytes));
        AV_CHECK_RC(av_content_table_decode(av_buf_span(&bytes), &h, cases[i].room, &back, &err), cases[i].want, &err);
        if (cases[i].want == AV_OK) {
            AV_CHECK_INT(back.count, cases[i].entries);
            AV_CHECK(back.form == cases[i].form && back.size == cases[i].size && back.output == cases[i].size);
            for (uint32_t k = 0; k < back.count; k++)
                AV_CHECK_INT(
                    back.segments[k].at, cases[i].form == AV_CONTENT_PROVISIONAL ? 500 + k : k * cases[i].stored);
            check_mangled(av_buf_span(&bytes), &h, cases[i].room, false);
        }
        av_content_table_release(&back);
    }
    av_check_row = -1;
    av_buf_release(&list);
    av_buf_release(&bytes);
}

static void
test_one_piece(void)
{
    av_content_table table = { .size = 10, .codec = AV_CODEC_ZSTD_DICTIONARY, .dictionary = LSN - 300 }, back = { 0 };
    av_record_header h = header_of(&table), part = h;
    AV_CLEANUP(av_buf_release) av_buf recipe = { 0 }, bytes = { 0 }, plain = { 0 };
    av_span packed;
    av_error err;

    av_buf_init(&recipe, 100);
    av_buf_init(&bytes, AV_CONTENT_TABLE_MAX);
    av_buf_init(&plain, 1000);
    AV_CHECK(av_recipe_put(&recipe, &(av_step){ .kind = AV_STEP_SKELETON, .size = 10 }, LSN));
    AV_CHECK(av_recipe_put(&recipe, &(av_step){ .kind = AV_STEP_PART, .size = 1000, .lsn = LSN - 200 }, LSN));
    table.recipe = av_buf_span(&recipe);
    table.digest[31] = 5;
    AV_CHECK(av_content_table_encode(&table, LSN, av_span_of(NULL, 0), &bytes));
    AV_CHECK(av_one_piece_encode(av_buf_span(&bytes), av_span_str("packed"), &plain));
    AV_CHECK_RC(av_one_piece_decode(av_buf_span(&plain), &h, &back, &packed, &err), AV_OK, &err);
    AV_CHECK(av_span_eq_str(packed, "packed"));
    AV_CHECK(
        back.size == 10 && back.output == 1010 && back.dictionary == LSN - 300 && back.form == AV_CONTENT_ONE_PIECE);
    AV_CHECK(back.codec == AV_CODEC_ZSTD_DICTIONARY && !back.is_part);
    AV_CHECK_MEM(back.digest, 32, table.digest, 32);
    AV_CHECK(av_span_eq(back.recipe, table.recipe));
    av_content_table_release(&back);
    check_mangled(av_buf_span(&bytes), &h, 0, true);
    for (size_t n = 0; n < plain.n - 6; n++)
        AV_CHECK(av_one_piece_decode(av_span_of(plain.p, n), &h, &back, &packed, &err) != AV_OK);
    part.kind = AV_RECORD_PART; /* has no recipe, and a shorter digest */
    AV_CHECK_RC(av_one_piece_decode(av_buf_span(&plain), &part, &back, &packed, &err), AV_ERR_CORRUPT, &err);
    h.flags = 0; /* a table of one piece in a segmented record */
    AV_CHECK_RC(av_content_table_decode(av_buf_span(&bytes), &h, 0, &back, &err), AV_ERR_CORRUPT, &err);
}

static void
test_one_piece_sizes(void)
{
    static const struct {
        uint64_t size;
        uint8_t codec;
        uint64_t dictionary;
        const char *packed;
        av_errc want;
    } cases[] = {
        { 0, 0, 0, "", AV_OK },
        { 3, 0, 0, "abc", AV_OK },
        { 3, 0, 0, "ab", AV_ERR_CORRUPT },
        { 3, 0, 0, "abcd", AV_ERR_CORRUPT },
        { 300, 1, 0, "abcd", AV_OK },
        { 300, 1, 0, "", AV_ERR_CORRUPT },
        { 300, 2, 0, "abcd", AV_OK }, /* the built-in dictionary */
        { 300, 3, 0, "abcd", AV_ERR_CORRUPT },
        { 300, 1, 77, "abcd", AV_ERR_CORRUPT }, /* a dictionary for nothing */
        { AV_SEGMENT_PLAIN, 1, 0, "abcd", AV_OK },
        { AV_SEGMENT_PLAIN + 1, 1, 0, "abcd", AV_ERR_CORRUPT },
    };
    av_error err;

    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        av_content_table back = { 0 };
        av_content_table table = {
            .size = cases[i].size, .codec = cases[i].codec, .dictionary = cases[i].dictionary, .is_part = true
        };
        av_record_header h = header_of(&table);
        AV_CLEANUP(av_buf_release) av_buf bytes = { 0 }, plain = { 0 };
        av_span packed;

        av_check_row = (long)i;
        av_buf_init(&bytes, 1000);
        av_buf_init(&plain, 1000);
        AV_CHECK(av_content_table_encode(&table, LSN, av_span_of(NULL, 0), &bytes));
        AV_CHECK(av_one_piece_encode(av_buf_span(&bytes), av_span_str(cases[i].packed), &plain));
        AV_CHECK_RC(av_one_piece_decode(av_buf_span(&plain), &h, &back, &packed, &err), cases[i].want, &err);
        if (cases[i].want == AV_OK)
            av_content_table_release(&back);
    }
    av_check_row = -1;
}

static void
test_varint(void)
{
    static const struct {
        const char *bytes;
        size_t n;
        bool ok;
        uint32_t value;
    } cases[] = {
        { "\x00", 1, true, 0 },
        { "\x7F", 1, true, 127 },
        { "\x80\x01", 2, true, 128 },
        { "\xFF\xFF\xFF\xFF\x0F", 5, true, UINT32_MAX },
        { "\xFF\xFF\xFF\xFF\x1F", 5, false, 0 },
        { "\x80\x00", 2, false, 0 }, /* not the shortest form */
        { "\x80", 1, false, 0 },
        { "", 0, false, 0 },
        { "\x80\x80\x80\x80\x80\x01", 6, false, 0 },
    };

    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        av_span in = av_span_of(cases[i].bytes, cases[i].n);
        uint32_t value = 0;
        av_buf again;

        av_check_row = (long)i;
        AV_CHECK_INT(av_varint_get(&in, &value), cases[i].ok);
        AV_CHECK_INT(value, cases[i].value);
        if (!cases[i].ok)
            continue;
        av_buf_init(&again, 8);
        AV_CHECK(av_varint_put(&again, value));
        AV_CHECK_MEM(again.p, again.n, cases[i].bytes, cases[i].n);
        av_buf_release(&again);
    }
    av_check_row = -1;
}

static void
test_var(void)
{
    static const uint64_t values[] = { 0, 1, 127, 128, 16383, 16384, UINT32_MAX, 1ULL << 62, UINT64_MAX };
    static const struct {
        const char *bytes;
        size_t n;
    } bad[] = {
        { "", 0 },
        { "\x80", 1 },
        { "\x80\x00", 2 },
        { "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02", 10 }, /* bit 64 */
        { "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x81\x00", 11 },
    };

    for (size_t i = 0; i < AV_COUNT(values); i++) {
        AV_CLEANUP(av_buf_release) av_buf out = { 0 };
        av_tlv_reader reader;
        av_tlv_field field = { 0 };
        bool end = false;
        uint64_t value = 1;
        av_error err;

        av_check_row = (long)i;
        av_buf_init(&out, 16);
        AV_CHECK(av_tlv_put_var(&out, 5, values[i]));
        reader = (av_tlv_reader){ .rest = av_buf_span(&out) };
        AV_CHECK_RC(av_tlv_next(&reader, &field, &end, &err), AV_OK, &err);
        AV_CHECK(av_tlv_var(field.value, &value) && value == values[i]);
        AV_CHECK(!av_tlv_var(av_span_of(field.value.p, field.value.n - 1), &value));
    }
    for (size_t i = 0; i < AV_COUNT(bad); i++) {
        av_span in = av_span_of(bad[i].bytes, bad[i].n);
        uint64_t value = 0;

        av_check_row = (long)i;
        AV_CHECK(!av_var_get(&in, &value) && in.n == bad[i].n);
    }
    av_check_row = -1;
}

static void
test_tlv_order(void)
{
    static const struct {
        const char *bytes;
        size_t n;
        int fields; /* -1: refused */
    } cases[] = {
        { "", 0, 0 },
        { "\x01\x00\x82\x01x", 5, 2 },
        { "\x02\x00\x01\x00", 4, -1 }, /* order */
        { "\x01\x00\x81\x00", 4, -1 }, /* twice */
        { "\x00\x00", 2, -1 },         /* number 0 */
        { "\x01\x02x", 3, -1 },        /* cut */
        { "\x01", 1, -1 },
    };

    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        av_tlv_reader reader = { .rest = av_span_of(cases[i].bytes, cases[i].n) };
        av_tlv_field field;
        av_error err;
        bool end = false;
        int fields = 0;
        av_errc rc = AV_OK;

        av_check_row = (long)i;
        while ((rc = av_tlv_next(&reader, &field, &end, &err)) == AV_OK && !end)
            fields++;
        AV_CHECK_INT(rc == AV_OK ? fields : -1, cases[i].fields);
    }
    av_check_row = -1;
}

int
main(void)
{
    AV_RUN(test_container_header);
    AV_RUN(test_unknown_container);
    AV_RUN(test_record_header);
    AV_RUN(test_record_kinds);
    AV_RUN(test_record_digest);
    AV_RUN(test_commit_body);
    AV_RUN(test_segment_lists);
    AV_RUN(test_one_piece);
    AV_RUN(test_one_piece_sizes);
    AV_RUN(test_varint);
    AV_RUN(test_var);
    AV_RUN(test_tlv_order);
    return av_check_done();
}
