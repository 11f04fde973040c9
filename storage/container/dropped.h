/*
 * dropped.h - what stands in compacted containers alone: dropped records, their map, the trailer
 * (docs/format-container.md, 9)
 *
 * Pure. Offsets are by LSN (as first written), places are in the file as it is.
 */
#ifndef AV_CONTAINER_DROPPED_H
#define AV_CONTAINER_DROPPED_H

#include "storage/container/format.h"

#define AV_DROPPED_COUNT_MAX 32768U /* digests of one dropped record */
#define AV_DROPPED_CLEAR     8U     /* bytes of its body before them */
#define AV_DROPPED_BODY_MAX  (AV_DROPPED_CLEAR + AV_DROPPED_COUNT_MAX * AV_SHA256_SIZE)
#define AV_DROP_MAP_ENTRY    8U
#define AV_DROP_MAP_TRAILER  16U

typedef struct av_dropped {
    uint32_t covered; /* bytes the records took, headers and all */
    uint32_t count;
    av_span digests; /* count * AV_SHA256_SIZE bytes, borrowed */
} av_dropped;

void av_dropped_encode(uint32_t covered, uint32_t count, uint8_t ret[AV_DROPPED_CLEAR]);
av_errc av_dropped_decode(av_span body, av_dropped *ret, av_error *err);

typedef struct av_drop {
    uint32_t offset, place; /* of one dropped record */
} av_drop;

typedef struct av_drop_map {
    av_drop *drops; /* owned, ascending; av_drop_map_release */
    uint32_t count;
    uint32_t end_offset, end_place; /* behind the last record: those of the map */
    bool mended;                    /* the map is damaged: made again from the records */
    bool partial;                   /* mended, and no further than damage at end_place */
} av_drop_map;

void av_drop_encode(const av_drop *self, uint8_t ret[AV_DROP_MAP_ENTRY]);
/* body: of the map record. end_offset: its LSN's offset, end_place: where it stands. */
av_errc av_drop_map_decode(av_span body, uint32_t end_offset, uint32_t end_place, av_drop_map *ret, av_error *err);
void av_drop_map_release(av_drop_map *self);

/*
 * Where the record with this offset lies. ret_drop: number of the dropped record before it, count when there is none.
 * false when it can lie nowhere: it was dropped, or never was. A true for an offset that was dropped is possible, as
 * the map does not say how much each dropped record covers: no record with that LSN stands there then, and the dropped
 * record before tells.
 */
bool av_drop_map_locate(const av_drop_map *self, uint32_t offset, uint64_t *ret_place, uint32_t *ret_drop);

void av_drop_trailer_encode(uint32_t map_place, uint8_t ret[AV_DROP_MAP_TRAILER]);
av_errc av_drop_trailer_decode(const uint8_t in[AV_DROP_MAP_TRAILER], uint32_t *ret_map_place, av_error *err);

#endif
