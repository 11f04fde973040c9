/*
 * test_dropped.c - dropped records, map and trailer: round trips, places, and what is refused
 */
#include "storage/container/dropped.h"
#include "tests/check.h"

static void
test_dropped(void)
{
    static const struct {
        uint32_t covered, count;
        size_t digests;
        av_errc want;
    } cases[] = {
        { 52, 1, 1, AV_OK },
        { 36, 1, 1, AV_OK },
        { 35, 1, 1, AV_ERR_CORRUPT }, /* less than headers alone */
        { 72, 2, 2, AV_OK },
        { 71, 2, 2, AV_ERR_CORRUPT },
        { 1000, 0, 0, AV_ERR_CORRUPT },
        { 1000, 2, 1, AV_ERR_CORRUPT },
        { 1000, 1, 2, AV_ERR_CORRUPT },
        { UINT32_MAX, UINT32_MAX, 1, AV_ERR_CORRUPT },
        { UINT32_MAX, 0x8000001, 1, AV_ERR_CORRUPT },
    };
    uint8_t body[AV_DROPPED_CLEAR + 2 * AV_SHA256_SIZE] = { 0 };
    av_error err;

    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        av_dropped d;

        av_check_row = (long)i;
        av_dropped_encode(cases[i].covered, cases[i].count, body);
        AV_CHECK_RC(av_dropped_decode(av_span_of(body, AV_DROPPED_CLEAR + cases[i].digests * AV_SHA256_SIZE), &d, &err),
            cases[i].want, &err);
        if (cases[i].want == AV_OK)
            AV_CHECK(d.covered == cases[i].covered && d.count == cases[i].count && d.digests.n == d.count * 32);
    }
    av_check_row = -1;
    AV_CHECK_RC(av_dropped_decode(av_span_of(body, 3), &(av_dropped){ 0 }, &err), AV_ERR_CORRUPT, &err);
}

/* As first written: ten records of 100 bytes from 128 on. 2, 3 and 6 were dropped: the first run is 108 bytes for 200,
 * the second 76 for 100. */
static const av_drop some_drops[] = { { 328, 328 }, { 728, 636 } };
#define END_OFFSET 1128
#define END_PLACE  1012

static av_drop_map
some_map(void)
{
    uint8_t body[2 * AV_DROP_MAP_ENTRY];
    av_drop_map map = { 0 };
    av_error err;

    for (size_t i = 0; i < 2; i++)
        av_drop_encode(&some_drops[i], body + i * AV_DROP_MAP_ENTRY);
    AV_CHECK_RC(av_drop_map_decode(av_span_of(body, sizeof body), END_OFFSET, END_PLACE, &map, &err), AV_OK, &err);
    return map;
}

static void
test_locate(void)
{
    static const struct {
        uint32_t offset;
        uint64_t place; /* 0: nowhere */
        uint32_t drop;
    } cases[] = {
        { 0, 0, 2 },
        { 127, 0, 2 },
        { 128, 128, 2 },
        { 228, 228, 2 },
        { 528, 436, 0 },
        { 628, 536, 0 },
        { 828, 712, 1 },
        { 1028, 912, 1 },
        { 1128, 0, 1 },
        { UINT32_MAX, 0, 1 },
    };
    av_drop_map map = some_map();

    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        uint64_t place = 0;
        uint32_t drop = 77;

        av_check_row = (long)i;
        AV_CHECK_INT(av_drop_map_locate(&map, cases[i].offset, &place, &drop), cases[i].place != 0);
        AV_CHECK_INT(place, cases[i].place);
        AV_CHECK_INT(drop, cases[i].drop);
    }
    av_check_row = -1;
    for (uint32_t offset = 328; offset < 528; offset++) { /* dropped: nowhere, or inside the dropped record */
        uint64_t place = 0;
        uint32_t drop = 77;

        if (av_drop_map_locate(&map, offset, &place, &drop))
            AV_CHECK(place >= 328 + AV_RECORD_HEADER && place < 436);
        AV_CHECK_INT(drop, 0);
    }
    av_drop_map_release(&map);
}

static void
test_bad_maps(void)
{
    static const struct {
        av_drop drops[2];
        size_t n, cut;
        uint32_t end_offset, end_place;
        av_errc want;
    } cases[] = {
        { { { 0 } }, 0, 0, 128, 128, AV_OK },
        { { { 0 } }, 0, 0, 500, 500, AV_OK },
        { { { 0 } }, 0, 0, 500, 501, AV_ERR_CORRUPT }, /* nothing dropped, yet moved */
        { { { 128, 128 } }, 1, 0, 200, 204, AV_OK },
        { { { 128, 129 } }, 1, 0, 200, 204, AV_ERR_CORRUPT },
        { { { 127, 127 } }, 1, 0, 200, 204, AV_ERR_CORRUPT }, /* inside the container's header */
        { { { 128, 128 } }, 1, 0, 200, 203, AV_ERR_CORRUPT }, /* no room for a dropped record */
        { { { 128, 128 } }, 1, 0, 128, 204, AV_ERR_CORRUPT },
        { { { 128, 128 } }, 1, 1, 200, 204, AV_ERR_CORRUPT },
        { { { 128, 128 }, { 200, 204 } }, 2, 0, 400, 400, AV_OK },
        { { { 128, 128 }, { 128, 204 } }, 2, 0, 400, 400, AV_ERR_CORRUPT },
        { { { 128, 128 }, { 200, 128 } }, 2, 0, 400, 400, AV_ERR_CORRUPT },
        { { { 200, 200 }, { 128, 300 } }, 2, 0, 400, 400, AV_ERR_CORRUPT },
        { { { 128, 128 }, { UINT32_MAX, UINT32_MAX } }, 2, 0, 400, 400, AV_ERR_CORRUPT },
    };
    av_error err;

    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        uint8_t body[2 * AV_DROP_MAP_ENTRY];
        av_drop_map map = { 0 };

        av_check_row = (long)i;
        for (size_t k = 0; k < 2; k++)
            av_drop_encode(&cases[i].drops[k], body + k * AV_DROP_MAP_ENTRY);
        AV_CHECK_RC(av_drop_map_decode(av_span_of(body, cases[i].n * AV_DROP_MAP_ENTRY - cases[i].cut),
                        cases[i].end_offset, cases[i].end_place, &map, &err),
            cases[i].want, &err);
        av_drop_map_release(&map);
    }
    av_check_row = -1;
}

static void
test_trailer(void)
{
    uint8_t bytes[AV_DROP_MAP_TRAILER];
    uint32_t place = 0;
    av_error err;

    av_drop_trailer_encode(0x12345678, bytes);
    AV_CHECK_RC(av_drop_trailer_decode(bytes, &place, &err), AV_OK, &err);
    AV_CHECK_INT(place, 0x12345678);
    for (size_t i = 0; i < 8 * sizeof bytes; i++) {
        bytes[i / 8] ^= (uint8_t)(1U << i % 8);
        AV_CHECK_RC(av_drop_trailer_decode(bytes, &place, &err), AV_ERR_CORRUPT, &err);
        bytes[i / 8] ^= (uint8_t)(1U << i % 8);
    }
}

int
main(void)
{
    AV_RUN(test_dropped);
    AV_RUN(test_locate);
    AV_RUN(test_bad_maps);
    AV_RUN(test_trailer);
    return av_check_done();
}
