/*
 * container_priv.h - what the files of storage/container/ share
 */
#ifndef AV_CONTAINER_PRIV_H
#define AV_CONTAINER_PRIV_H

#include "storage/container/dropped.h"
#include "storage/container/files.h"

/*
 * The map of a compacted container, checked; a damaged one is made again from the records as far as they are sound
 * (`mended`, which takes a read for each). ret: av_drop_map_release. map.c
 */
av_errc container_map_read(
    av_place_file *file, uint32_t container, const uint8_t store_uuid[16], av_drop_map *ret, av_error *err);

/* The dropped record itself: its header and what it covers. map.c */
av_errc container_drop_read(av_place_file *file, uint32_t container, const uint8_t store_uuid[16], const av_drop *drop,
    av_record_header *ret, av_dropped *ret_dropped, av_error *err);

#endif
