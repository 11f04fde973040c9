/*
 * test_format.c - headers, commit body and segment table: round trips, and nothing else is taken
 */
#include "storage/container/format.h"
#include "storage/container/tlv.h"
#include "tests/check.h"

static void
test_container_header(void)
{
    av_container_header h = { .container = 7, .before = { .commit_lsn = 0x600000080, .group = 99 } }, back;
    uint8_t bytes[AV_CONTAINER_HEADER];
    av_error err;

    h.before.digest[3] = 4;
    h.store_uuid[0] = 8;
    av_container_header_encode(&h, bytes);
    AV_CHECK_RC(av_container_header_decode(bytes, &back, &err), AV_OK, &err);
    AV_CHECK_INT(back.container, 7);
    AV_CHECK_INT(back.before.commit_lsn, 0x600000080);
    AV_CHECK_INT(back.before.group, 99);
    AV_CHECK_MEM(back.store_uuid, 16, h.store_uuid, 16);
    AV_CHECK_MEM(back.before.digest, 32, h.before.digest, 32);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] ^= 0x10;
        AV_CHECK(av_container_header_decode(bytes, &back, &err) != AV_OK);
        bytes[i] ^= 0x10;
    }
    bytes[8] = 2; /* another format, well made */
    AV_CHECK_RC(av_container_header_decode(bytes, &back, &err), AV_ERR_CORRUPT, &err);
}

static void
test_newer_container(void)
{
    av_container_header h = { .container = 1 }, back;
    uint8_t bytes[AV_CONTAINER_HEADER];
    uint32_t crc;
    av_error err;

    av_container_header_encode(&h, bytes);
    bytes[8] = 2;
    crc = av_crc32c(0, av_span_of(bytes, AV_CONTAINER_HEADER - 4));
    memcpy(bytes + AV_CONTAINER_HEADER - 4, &crc, 4);
    AV_CHECK_RC(av_container_header_decode(bytes, &back, &err), AV_ERR_VERSION, &err);
}

static void
test_record_header(void)
{
    av_record_header h = { .kind = 3, .length = 1000, .body_crc = 5, .lsn = 0x100000080, .group = 12 }, back;
    uint8_t bytes[AV_RECORD_HEADER];
    av_error err;

    h.salt[15] = 0xEE;
    av_record_header_encode(&h, bytes);
    AV_CHECK_RC(av_record_header_decode(bytes, &back, &err), AV_OK, &err);
    AV_CHECK(back.kind == 3 && back.length == 1000 && back.body_crc == 5 && back.lsn == h.lsn && back.group == 12);
    AV_CHECK_MEM(back.salt, 16, h.salt, 16);
    for (size_t i = 0; i < 8 * sizeof bytes; i++) {
        bytes[i / 8] ^= (uint8_t)(1U << i % 8);
        AV_CHECK_RC(av_record_header_decode(bytes, &back, &err), AV_ERR_CORRUPT, &err);
        bytes[i / 8] ^= (uint8_t)(1U << i % 8);
    }
    h.kind = 5;
    av_record_header_encode(&h, bytes);
    AV_CHECK_RC(av_record_header_decode(bytes, &back, &err), AV_ERR_CORRUPT, &err);
    h.kind = 1;
    h.length = AV_RECORD_BODY_MAX + 1;
    av_record_header_encode(&h, bytes);
    AV_CHECK_RC(av_record_header_decode(bytes, &back, &err), AV_ERR_CORRUPT, &err);
}

static void
encode_table(av_content_table *table, uint32_t entries, uint32_t stored, av_buf *out)
{
    av_buf list;

    av_buf_init(&list, 4096);
    for (uint32_t i = 0; i < entries; i++)
        (void)av_segment_put(&list, &(av_segment){ .codec = 1, .stored = stored, .at = 500 + i }, table->provisional);
    av_buf_clear(out);
    AV_CHECK(av_content_table_encode(table, av_buf_span(&list), out));
    av_buf_release(&list);
}

static void
test_content_table(void)
{
    static const struct {
        uint64_t size;
        bool provisional;
        uint32_t entries, stored;
        uint64_t room;
        av_errc want;
    } cases[] = {
        { 0, false, 0, 0, 0, AV_OK },
        { 1, false, 1, 17, 17, AV_OK },
        { 1, false, 1, 17, 18, AV_ERR_CORRUPT }, /* bytes nobody names */
        { 1, false, 2, 17, 34, AV_ERR_CORRUPT }, /* a segment too many */
        { 262145, false, 2, 100, 200, AV_OK },
        { 262145, false, 1, 100, 100, AV_ERR_CORRUPT }, /* one too few */
        { 262145, true, 2, 100, 0, AV_OK },
        { 1, false, 1, 15, 15, AV_ERR_CORRUPT },         /* smaller than its tag */
        { 1, false, 1, 262161, 262161, AV_ERR_CORRUPT }, /* larger than a segment */
        { UINT64_MAX, true, 1, 100, 0, AV_ERR_CORRUPT },
    };
    av_buf bytes;
    av_error err;

    av_buf_init(&bytes, 4096);
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        av_content_table table = { .size = cases[i].size, .provisional = cases[i].provisional }, back = { 0 };

        av_check_row = (long)i;
        encode_table(&table, cases[i].entries, cases[i].stored, &bytes);
        AV_CHECK_RC(av_content_table_decode(av_buf_span(&bytes), cases[i].room, &back, &err), cases[i].want, &err);
        if (cases[i].want == AV_OK)
            AV_CHECK_INT(back.count, cases[i].entries);
        av_content_table_release(&back);
        for (size_t n = 0; n < bytes.n; n++)
            AV_CHECK(av_content_table_decode(av_span_of(bytes.p, n), cases[i].room, &back, &err) != AV_OK);
    }
    av_check_row = -1;
    av_buf_release(&bytes);
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
    AV_RUN(test_newer_container);
    AV_RUN(test_record_header);
    AV_RUN(test_content_table);
    AV_RUN(test_varint);
    AV_RUN(test_tlv_order);
    return av_check_done();
}
