/*
 * map.c - the map of a compacted container out of its file (dropped.h tells what it says)
 */
#include <stdio.h>

#include "storage/container/container_priv.h"
#include "storage/store/store.h"

static av_errc
read_exactly(av_place_file *file, void *p, size_t n, uint64_t at, av_error *err)
{
    size_t got = 0;
    av_errc rc = av_place_read(file, p, n, at, &got, err);

    if (rc == AV_OK && got < n)
        rc = av_error_set(err, AV_ERR_CORRUPT, "the file ends at byte %llu", (unsigned long long)at + got);
    return rc;
}

av_errc
container_drop_read(av_place_file *file, uint32_t container, const uint8_t store_uuid[16], const av_drop *drop,
    av_record_header *ret, av_dropped *ret_dropped, av_error *err)
{
    uint8_t bytes[AV_RECORD_HEADER + AV_DROPPED_CLEAR] = { 0 };
    av_span clear = av_span_of(bytes + AV_RECORD_HEADER, AV_DROPPED_CLEAR);
    av_errc rc = read_exactly(file, bytes, sizeof bytes, drop->place, err);

    if (rc == AV_OK)
        rc = av_record_header_decode(bytes, store_uuid, av_lsn(container, drop->offset), ret, err);
    if (rc == AV_OK && ret->kind != AV_RECORD_DROPPED)
        rc = av_error_set(err, AV_ERR_CORRUPT, "the map names a record of kind %u", ret->kind);
    if (rc != AV_OK)
        return av_error_prefix(err, "byte %u", drop->place);
    (void)av_span_get_u32(&clear, &ret_dropped->covered);
    (void)av_span_get_u32(&clear, &ret_dropped->count);
    ret_dropped->digests = (av_span){ 0 };
    return AV_OK;
}

/* The place of the map, by the trailer; ret_size: of the file. */
static av_errc
read_trailer(av_place_file *file, uint32_t *ret_place, uint64_t *ret_size, av_error *err)
{
    uint8_t trailer[AV_DROP_MAP_TRAILER];
    av_errc rc = av_place_size(file, ret_size, err);

    if (rc == AV_OK && (*ret_size < AV_CONTAINER_HEADER + AV_RECORD_HEADER + sizeof trailer || *ret_size > UINT32_MAX))
        rc = av_error_set(
            err, AV_ERR_CORRUPT, "a compacted container cannot have %llu bytes", (unsigned long long)*ret_size);
    if (rc == AV_OK)
        rc = read_exactly(file, trailer, sizeof trailer, *ret_size - sizeof trailer, err);
    if (rc == AV_OK)
        rc = av_drop_trailer_decode(trailer, ret_place, err);
    if (rc == AV_OK &&
        (*ret_place < AV_CONTAINER_HEADER || *ret_place > *ret_size - sizeof trailer - AV_RECORD_HEADER ||
            (*ret_size - sizeof trailer - AV_RECORD_HEADER - *ret_place) % AV_DROP_MAP_ENTRY != 0))
        rc = av_error_set(err, AV_ERR_CORRUPT, "the trailer names byte %u, where no map can be", *ret_place);
    return rc;
}

/* The map's own LSN, which its header's CRC begins with: what stands behind the last dropped record did not move. */
static av_errc
find_end(av_place_file *file, uint32_t container, const uint8_t store_uuid[16], av_span body, uint32_t map_place,
    uint32_t *ret_offset, av_error *err)
{
    av_record_header header = { 0 };
    av_dropped dropped = { 0 };
    av_drop last = { 0 };
    av_span tail;
    uint64_t end;
    av_errc rc;

    *ret_offset = map_place;
    if (body.n == 0)
        return AV_OK;
    tail = av_span_skip(body, body.n - AV_DROP_MAP_ENTRY);
    (void)av_span_get_u32(&tail, &last.offset);
    (void)av_span_get_u32(&tail, &last.place);
    rc = container_drop_read(file, container, store_uuid, &last, &header, &dropped, err);
    if (rc != AV_OK)
        return rc;
    end = (uint64_t)last.offset + dropped.covered + map_place - last.place - AV_RECORD_HEADER - header.length;
    if (last.place + (uint64_t)AV_RECORD_HEADER + header.length > map_place || end > UINT32_MAX)
        return av_error_set(err, AV_ERR_CORRUPT, "the map does not fit the last dropped record");
    *ret_offset = (uint32_t)end;
    return AV_OK;
}

static av_errc
read_map(av_place_file *file, uint32_t container, const uint8_t store_uuid[16], uint8_t **body, av_drop_map *ret,
    av_error *err)
{
    uint8_t bytes[AV_RECORD_HEADER];
    av_record_header header = { 0 };
    uint32_t place = 0, end = 0;
    uint64_t size = 0;
    size_t n = 0;
    av_errc rc = read_trailer(file, &place, &size, err);

    if (rc == AV_OK) {
        n = (size_t)(size - AV_DROP_MAP_TRAILER - AV_RECORD_HEADER - place);
        if (n > AV_RECORD_BODY_MAX)
            return av_error_set(err, AV_ERR_CORRUPT, "a map cannot have %zu bytes", n);
        *body = av_xalloc(n + 1);
        rc = read_exactly(file, bytes, sizeof bytes, place, err);
    }
    if (rc == AV_OK)
        rc = read_exactly(file, *body, n, place + AV_RECORD_HEADER, err);
    if (rc == AV_OK)
        rc = find_end(file, container, store_uuid, av_span_of(*body, n), place, &end, err);
    if (rc == AV_OK)
        rc = av_record_header_decode(bytes, store_uuid, av_lsn(container, end), &header, err);
    if (rc == AV_OK &&
        (header.kind != AV_RECORD_MAP || header.length != n || header.body_crc != av_crc32c(0, av_span_of(*body, n))))
        rc = av_error_set(err, AV_ERR_CORRUPT, "the map is damaged (CRC-32C)");
    if (rc == AV_OK)
        rc = av_drop_map_decode(av_span_of(*body, n), end, place, ret, err);
    return rc;
}

/* One record met while the map is made again; *ret_end: the map, or damage. */
static av_errc
step(av_place_file *file, uint32_t container, const uint8_t store_uuid[16], uint64_t size, av_drop_map *map,
    bool *ret_end, av_error *err)
{
    uint8_t bytes[AV_RECORD_HEADER + AV_DROPPED_CLEAR] = { 0 };
    av_span clear = av_span_of(bytes + AV_RECORD_HEADER, AV_DROPPED_CLEAR);
    uint32_t covered = 0;
    av_record_header h;
    av_error ignored;
    size_t got = 0;
    av_errc rc = av_place_read(file, bytes, sizeof bytes, map->end_place, &got, err);

    if (rc != AV_OK)
        return rc;
    *ret_end = true;
    map->partial = true;
    if (got < AV_RECORD_HEADER ||
        av_record_header_decode(bytes, store_uuid, av_lsn(container, map->end_offset), &h, &ignored) != AV_OK)
        return AV_OK;
    map->partial = false;
    if (h.kind == AV_RECORD_MAP)
        return AV_OK;
    (void)av_span_get_u32(&clear, &covered);
    if (h.kind != AV_RECORD_DROPPED)
        covered = AV_RECORD_HEADER + h.length;
    map->partial = h.length > size - map->end_place - AV_RECORD_HEADER || covered < AV_RECORD_HEADER ||
                   covered > UINT32_MAX - map->end_offset;
    if (map->partial)
        return AV_OK;
    if (h.kind == AV_RECORD_DROPPED) {
        if (map->count % 64 == 0)
            map->drops = av_xrealloc(map->drops, (map->count + 64) * sizeof *map->drops);
        map->drops[map->count++] = (av_drop){ .offset = map->end_offset, .place = map->end_place };
    }
    map->end_offset += covered; /* a wrong number is met by the next record, whose header knows its LSN */
    map->end_place += AV_RECORD_HEADER + h.length;
    *ret_end = false;
    return AV_OK;
}

static av_errc
mend(av_place_file *file, uint32_t container, const uint8_t store_uuid[16], av_drop_map *ret, av_error *err)
{
    av_drop_map map = { .end_offset = AV_CONTAINER_HEADER, .end_place = AV_CONTAINER_HEADER, .mended = true };
    uint64_t size = 0;
    bool end = false;
    av_errc rc = av_place_size(file, &size, err);

    size = AV_MIN(size, UINT32_MAX);
    while (rc == AV_OK && !end)
        rc = step(file, container, store_uuid, size, &map, &end, err);
    if (rc != AV_OK) {
        av_drop_map_release(&map);
        return rc;
    }
    *ret = map;
    return AV_OK;
}

av_errc
container_map_read(
    av_place_file *file, uint32_t container, const uint8_t store_uuid[16], av_drop_map *ret, av_error *err)
{
    AV_CLEANUP(av_free) uint8_t *body = NULL;
    av_errc rc = read_map(file, container, store_uuid, &body, ret, err);

    if (rc == AV_ERR_CORRUPT)
        rc = mend(file, container, store_uuid, ret, err);
    return rc == AV_OK ? AV_OK : av_error_prefix(err, "%08u.avc, compacted", container);
}
