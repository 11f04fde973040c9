/*
 * container.h - the files of the log: their names, making one, opening one
 *
 * What stands in them: format.h; reading them in order: scan.h.
 */
#ifndef AV_CONTAINER_CONTAINER_H
#define AV_CONTAINER_CONTAINER_H

#include "storage/container/format.h"

#define AV_CONTAINER_NUMBER_MAX 99999999U

/* "<dir>/00000001.avc"; owned by the caller. */
char *av_container_path(const char *dir, uint32_t container);

/* Highest number in dir (0: none) and the lowest number missing below it (0: no gap). */
av_errc av_container_list(const char *dir, uint32_t *ret_highest, uint32_t *ret_missing, av_error *err);

/* Made whole: beside, synced, renamed, folder synced. Afterwards it is there with its header or not at all. ret_fd is
 * open for reading and writing. */
av_errc av_container_create(const char *dir, const av_container_header *header, int *ret_fd, av_error *err);

/* Open and check the header: number and store must be the wanted ones. ret_header may be NULL. */
av_errc av_container_open(const char *dir, uint32_t container, const uint8_t store_uuid[16], int flags, int *ret_fd,
    av_container_header *ret_header, av_error *err);

#endif
