/*
 * salvage.h - what can still be read of a container whose framing is damaged
 *
 * Steps over damage to the next record whose header checks; its CRC knows store and place, so none passes for another.
 * Header, map and trailer of the container may be damaged themselves. Proves less than a scan (scan.h): each record by
 * itself, no chain and no tags; whoever opens a record proves that one.
 */
#ifndef AV_CONTAINER_SALVAGE_H
#define AV_CONTAINER_SALVAGE_H

#include "storage/container/files.h"

typedef struct av_salvage av_salvage;

typedef struct av_salvaged {
    bool sound;
    uint64_t from, to; /* LSNs it takes, `to` exclusive; of damage without any record behind it: the next container */
    av_record_header header; /* sound, or damaged in its body alone; else kind 0 */
    av_span body;            /* sound: as av_scan_next gives it; borrowed until the next call */
    char sentence[160];      /* of damage */
} av_salvaged;

/* The container's present file. files: borrowed. AV_ERR_NOT_FOUND: it is missing. AV_ERR_IO. */
av_errc av_salvage_new(av_container_files *files, uint32_t container, av_salvage **ret, av_error *err);
void av_salvage_destroy(av_salvage **self); /* NULL and *NULL are no-ops */
/* In order of the file: records (dropped ones as such, the map not) and damage, that of the container's header first.
 * *ret_end at the end. AV_ERR_IO. */
av_errc av_salvage_next(av_salvage *self, av_salvaged *ret, bool *ret_end, av_error *err);
/* Place in the file behind the last thing given: at the end of a sound compacted container that of its map. */
uint64_t av_salvage_place(const av_salvage *self);

#endif
