/*
 * dropped.c - see dropped.h
 */
#include "storage/container/dropped.h"

static const uint8_t trailer_magic[8] = "AVLTMAP";

static void
put_u32(uint8_t *p, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

void
av_dropped_encode(uint32_t covered, uint32_t count, uint8_t ret[AV_DROPPED_CLEAR])
{
    put_u32(ret, covered);
    put_u32(ret + 4, count);
}

av_errc
av_dropped_decode(av_span body, av_dropped *ret, av_error *err)
{
    av_dropped d = { 0 };

    if (!av_span_get_u32(&body, &d.covered) || !av_span_get_u32(&body, &d.count) || d.count == 0 ||
        d.count > AV_DROPPED_COUNT_MAX || body.n != (size_t)d.count * AV_SHA256_SIZE ||
        d.covered / d.count < AV_RECORD_HEADER)
        return av_error_set(err, AV_ERR_CORRUPT, "the record of what was dropped has a bad count");
    d.digests = body;
    *ret = d;
    return AV_OK;
}

void
av_drop_encode(const av_drop *self, uint8_t ret[AV_DROP_MAP_ENTRY])
{
    put_u32(ret, self->offset);
    put_u32(ret + 4, self->place);
}

/* Between two neighbours stand the dropped record itself and what was kept. */
static bool
may_follow(const av_drop *a, uint32_t offset, uint32_t place)
{
    const uint32_t least = AV_RECORD_HEADER + AV_DROPPED_CLEAR + AV_SHA256_SIZE;

    return offset > a->offset && offset - a->offset >= AV_RECORD_HEADER && place > a->place &&
           place - a->place >= least;
}

av_errc
av_drop_map_decode(av_span body, uint32_t end_offset, uint32_t end_place, av_drop_map *ret, av_error *err)
{
    av_drop_map map = { .end_offset = end_offset, .end_place = end_place };
    av_drop before = { .offset = AV_CONTAINER_HEADER, .place = AV_CONTAINER_HEADER };
    bool ok = body.n % AV_DROP_MAP_ENTRY == 0 && body.n <= AV_RECORD_BODY_MAX;

    map.count = (uint32_t)(body.n / AV_DROP_MAP_ENTRY);
    map.drops = ok ? av_xcalloc(map.count + 1, sizeof *map.drops) : NULL;
    for (uint32_t i = 0; ok && i < map.count; i++) {
        av_drop *d = &map.drops[i];

        (void)av_span_get_u32(&body, &d->offset);
        (void)av_span_get_u32(&body, &d->place);
        if (i == 0) /* what stands before the first one was never moved */
            ok = d->offset == d->place && d->offset >= before.offset;
        else
            ok = may_follow(&before, d->offset, d->place);
        before = *d;
    }
    if (ok)
        ok = map.count == 0 ? end_offset == end_place : may_follow(&before, end_offset, end_place);
    if (!ok) {
        av_drop_map_release(&map);
        return av_error_set(err, AV_ERR_CORRUPT, "the map of the compacted container is damaged");
    }
    *ret = map;
    return AV_OK;
}

void
av_drop_map_release(av_drop_map *self)
{
    free(self->drops);
    *self = (av_drop_map){ 0 };
}

/* Dropped records with an offset up to this one. */
static uint32_t
count_before(const av_drop_map *self, uint32_t offset)
{
    uint32_t low = 0, high = self->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (self->drops[middle].offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool
av_drop_map_locate(const av_drop_map *self, uint32_t offset, uint64_t *ret_place, uint32_t *ret_drop)
{
    uint32_t n = count_before(self, offset);
    av_drop next = { .offset = self->end_offset, .place = self->end_place };

    *ret_drop = n == 0 ? self->count : n - 1;
    if (offset < AV_CONTAINER_HEADER || offset >= self->end_offset)
        return false;
    if (n == 0) {
        *ret_place = offset;
        return true;
    }
    if (n < self->count)
        next = self->drops[n];
    /* Up to the next dropped record (or the end) all stands as close together as it did: so many bytes before it. */
    if (next.offset - offset > next.place - self->drops[n - 1].place - AV_RECORD_HEADER)
        return false;
    *ret_place = next.place - (next.offset - offset);
    return true;
}

void
av_drop_trailer_encode(uint32_t map_place, uint8_t ret[AV_DROP_MAP_TRAILER])
{
    memcpy(ret, trailer_magic, sizeof trailer_magic);
    put_u32(ret + 8, map_place);
    put_u32(ret + 12, av_crc32c(0, av_span_of(ret, 12)));
}

av_errc
av_drop_trailer_decode(const uint8_t in[AV_DROP_MAP_TRAILER], uint32_t *ret_map_place, av_error *err)
{
    av_span s = av_span_of(in, AV_DROP_MAP_TRAILER), magic;
    uint32_t place = 0, crc = 0;

    (void)av_span_get_bytes(&s, sizeof trailer_magic, &magic);
    (void)av_span_get_u32(&s, &place);
    (void)av_span_get_u32(&s, &crc);
    if (memcmp(magic.p, trailer_magic, sizeof trailer_magic) != 0 || crc != av_crc32c(0, av_span_of(in, 12)))
        return av_error_set(err, AV_ERR_CORRUPT, "the trailer of the compacted container is damaged");
    *ret_map_place = place;
    return AV_OK;
}
