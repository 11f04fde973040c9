/*
 * fuzz_format.c - any bytes to each of the pure parsers; the first byte says to which
 *
 * What has one form only is written again and compared.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/container/container.h"
#include "storage/container/dropped.h"
#include "storage/container/recipe.h"
#include "storage/container/tlv.h"
#include "storage/store/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LSN 0x100000000000ULL

static const uint8_t uuid[16] = { 1 };

static void
must(bool ok)
{
    if (!ok)
        abort();
}

/* The CRC at the end of the n bytes is made right, or nothing behind it would ever be reached. */
static void
seal_header(uint8_t *p, size_t n, uint32_t crc)
{
    crc = av_crc32c(crc, av_span_of(p, n - 4));
    for (unsigned i = 0; i < 4; i++)
        p[n - 4 + i] = (uint8_t)(crc >> (8 * i));
}

static void
try_container_header(av_span in)
{
    uint8_t bytes[AV_CONTAINER_HEADER], again[AV_CONTAINER_HEADER];
    av_container_header h;
    av_error err;

    if (in.n < sizeof bytes)
        return;
    memcpy(bytes, in.p, sizeof bytes);
    seal_header(bytes, sizeof bytes, 0);
    if (av_container_header_decode(bytes, &h, &err) != AV_OK)
        return;
    av_container_header_encode(&h, again);
    must(memcmp(bytes, again, sizeof bytes) == 0);
}

static void
try_record_header(av_span in)
{
    uint8_t bytes[AV_RECORD_HEADER], again[AV_RECORD_HEADER], seed[24] = { 1 };
    av_record_header h;
    av_error err;

    if (in.n < sizeof bytes)
        return;
    memcpy(bytes, in.p, sizeof bytes);
    for (unsigned i = 0; i < 8; i++)
        seed[16 + i] = (uint8_t)(LSN >> (8 * i));
    seal_header(bytes, sizeof bytes, av_crc32c(0, av_span_of(seed, sizeof seed)));
    if (av_record_header_decode(bytes, uuid, LSN, &h, &err) != AV_OK)
        return;
    must(h.length <= AV_RECORD_BODY_MAX && h.slot < AV_CONTAINER_SLOTS);
    av_record_header_encode(&h, uuid, again);
    must(memcmp(bytes, again, sizeof bytes) == 0);
}

static void
try_commit(av_span in)
{
    uint8_t again[AV_COMMIT_CLEAR];
    av_commit_body body;
    av_error err;

    if (in.n < sizeof again || av_commit_body_decode(in.p, &body, &err) != AV_OK)
        return;
    av_commit_body_encode(&body, again);
    must(memcmp(in.p, again, sizeof again) == 0);
}

static void
try_table(av_span in, bool part, bool one_piece)
{
    av_record_header h = {
        .kind = part ? AV_RECORD_PART : AV_RECORD_MESSAGE, .flags = one_piece ? AV_RECORD_ONE_PIECE : 0, .lsn = LSN
    };
    av_content_table table = { 0 };
    av_span packed;
    av_error err;

    if (one_piece) {
        if (av_one_piece_decode(in, &h, &table, &packed, &err) != AV_OK)
            return;
        must(packed.n <= in.n && table.size <= AV_SEGMENT_PLAIN && table.segments == NULL);
    } else {
        uint64_t sum = 0;

        if (av_content_table_decode(in, &h, 1000, &table, &err) != AV_OK)
            return;
        for (uint32_t i = 0; i < table.count; i++)
            sum += table.segments[i].stored;
        must(table.form == AV_CONTENT_PROVISIONAL || sum == 1000);
    }
    must(table.dictionary < LSN && (table.recipe.n > 0 || table.output == table.size));
    av_content_table_release(&table);
}

static void
try_recipe(av_span in)
{
    av_recipe_reader reader = av_recipe_reader_of(in, LSN);
    av_buf again;
    uint64_t output = 0, size = 0;
    av_error err;

    av_buf_init(&again, in.n + 16);
    for (;;) {
        av_step step;
        bool end = false;

        if (av_recipe_next(&reader, &step, &end, &err) != AV_OK)
            break;
        if (end) {
            must(av_span_eq(av_buf_span(&again), in)); /* one recipe, one form */
            must(av_recipe_check(in, LSN, reader.skeleton_offset, &size, &err) == AV_OK && size == output);
            break;
        }
        must(step.size > 0 && step.message_offset == output && step.lsn < LSN);
        output += step.output;
        must(av_recipe_put(&again, &step, LSN));
    }
    av_buf_release(&again);
}

static void
try_dropped(av_span in)
{
    av_dropped d;
    av_error err;

    if (av_dropped_decode(in, &d, &err) == AV_OK)
        must(d.digests.n == (size_t)d.count * AV_SHA256_SIZE && d.covered >= d.count * AV_RECORD_HEADER);
}

static void
try_map(av_span in)
{
    uint32_t end_offset = 0, end_place = 0;
    av_drop_map map = { 0 };
    av_error err;

    if (!av_span_get_u32(&in, &end_offset) || !av_span_get_u32(&in, &end_place) ||
        av_drop_map_decode(in, end_offset, end_place, &map, &err) != AV_OK)
        return;
    for (uint32_t i = 0; i <= map.count; i++) {
        uint32_t around = i < map.count ? map.drops[i].offset : map.end_offset;

        for (uint32_t by = 0; by < 300; by++) {
            uint64_t place = 0;
            uint32_t drop = 0;

            if (av_drop_map_locate(&map, around + by - 150, &place, &drop))
                must(place >= AV_CONTAINER_HEADER && place < map.end_place && drop <= map.count);
        }
    }
    av_drop_map_release(&map);
}

static void
try_tlv(av_span in)
{
    av_tlv_reader reader = { .rest = in };
    av_tlv_field field;
    bool end = false;
    uint64_t value;
    av_error err;

    while (av_tlv_next(&reader, &field, &end, &err) == AV_OK && !end) {
        must(field.value.n <= in.n && field.number > 0);
        (void)av_tlv_var(field.value, &value);
    }
}

static void
try_name(av_span in)
{
    AV_CLEANUP(av_free) char *name = av_span_dup(in);
    char again[AV_CONTAINER_NAME];
    uint32_t container = 0, generation = 0;

    if (!av_container_name_parse(name, &container, &generation))
        return;
    av_container_name(container, generation, again);
    must(strcmp(name, again) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    av_span in;

    if (size == 0)
        return 0;
    in = av_span_of(data + 1, size - 1);
    switch (data[0] % 12) {
    case 0:
        try_container_header(in);
        break;
    case 1:
        try_record_header(in);
        break;
    case 2:
        try_commit(in);
        break;
    case 3:
    case 4:
    case 5:
    case 6:
        try_table(in, data[0] % 2 == 0, data[0] % 12 >= 5);
        break;
    case 7:
        try_recipe(in);
        break;
    case 8:
        try_dropped(in);
        break;
    case 9:
        try_map(in);
        break;
    case 10:
        try_tlv(in);
        break;
    default:
        try_name(in);
        break;
    }
    return 0;
}
