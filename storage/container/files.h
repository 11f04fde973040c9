/*
 * files.h - the containers of one store, kept open: a record by its LSN costs one read
 *
 * Knows which generation of each container counts and the maps of compacted ones. Holds at most so many files open and
 * so many bytes of maps, the least recently used go first (one file per reading thread may come on top). Thread safe:
 * any number of threads read while the writer adds a container and a compaction replaces one.
 */
#ifndef AV_CONTAINER_FILES_H
#define AV_CONTAINER_FILES_H

#include "storage/container/container.h"

typedef struct av_container_files av_container_files;

#define AV_CONTAINER_FILES_OPEN 64U         /* by default */
#define AV_CONTAINER_FILES_MAPS (32U << 20) /* bytes of maps */

/*
 * The containers in dir, listed now. max_open: 0 for the default. Nothing is removed: av_container_files_clean.
 * dir and store_uuid (16 bytes) are copied.
 */
av_errc av_container_files_new(
    const char *dir, const uint8_t store_uuid[16], unsigned max_open, av_container_files **ret, av_error *err);
void av_container_files_destroy(av_container_files **self); /* NULL and *NULL are no-ops */
/* Remove lower generations and what was in the making: at open, by the one who may write. Where the generation that
 * counts is damaged the one before it stays, for recovery: that is no error here, whoever reads finds the damage. */
av_errc av_container_files_clean(av_container_files *self, av_error *err);

const uint8_t *av_container_files_uuid(const av_container_files *self);
av_place *av_container_files_place(const av_container_files *self);
const char *av_container_files_dir(const av_container_files *self);
uint32_t av_container_files_highest(av_container_files *self); /* the container being written; 0: none */
uint32_t av_container_files_missing(av_container_files *self); /* lowest number missing below it; 0: no gap */
uint32_t av_container_files_generation(av_container_files *self, uint32_t container);
/* Bytes of all containers, as files. */
av_errc av_container_files_bytes(av_container_files *self, uint64_t *ret, av_error *err);

/* The writer made this container: it is the highest now. */
void av_container_files_add(av_container_files *self, uint32_t container);
/* The writer gave up the highest container (made, but never written into) and removed its file. */
void av_container_files_drop(av_container_files *self, uint32_t container);
/* Another generation of a container stands in the place: reads that begin now find it. */
void av_container_files_replace(av_container_files *self, uint32_t container, uint32_t generation);
/* Of compactions of a store's containers one runs at a time: two would write into one file. false: one runs. */
bool av_container_files_begin_compaction(av_container_files *self);
void av_container_files_end_compaction(av_container_files *self);
/* Let go of all files that nobody reads now: for an idle timer, and before a disk is taken away. */
void av_container_files_trim(av_container_files *self);

/*
 * The record at lsn: its header, checked, and in the same read the beginning of its bytes: up to n (at least
 * AV_RECORD_HEADER) into p, the header's own first. *ret_n: how many came, at most header and body. Whether the body's
 * CRC or seals are right is the caller's business.
 * AV_ERR_NOT_FOUND: no record there: compaction dropped it, or there is no such container or place in it.
 * AV_ERR_CORRUPT: what stands there is no sound record. AV_ERR_IO.
 */
av_errc av_container_files_record(
    av_container_files *self, uint64_t lsn, av_record_header *ret, void *p, size_t n, size_t *ret_n, av_error *err);
/* Exactly n bytes of the record at lsn from its byte `at` (the header counts). */
av_errc av_container_files_read(av_container_files *self, uint64_t lsn, uint64_t at, void *p, size_t n, av_error *err);

/* For scan and compaction: the container's present file as one of the caller's own (av_place_close), its header
 * checked. */
av_errc av_container_files_open(av_container_files *self, uint32_t container, bool sequential, av_place_file **ret,
    av_container_header *ret_header, av_error *err);

#endif
