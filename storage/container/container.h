/*
 * container.h - the files of the log: their names, what is there, making one, opening one
 *
 * What stands in them: format.h; reading records at random: files.h; in order: scan.h; without what nobody needs:
 * compact.h.
 */
#ifndef AV_CONTAINER_CONTAINER_H
#define AV_CONTAINER_CONTAINER_H

#include "storage/container/format.h"
#include "storage/container/place.h"

#define AV_CONTAINER_NUMBER_MAX 99999999U
#define AV_CONTAINER_NAME       32U /* bytes of a name with NUL */

/* "00000001.avc", "00000001-2.avc" */
void av_container_name(uint32_t container, uint32_t generation, char ret[AV_CONTAINER_NAME]);
/* false when the name is not a container's (none of its generations, nothing in the making). */
bool av_container_name_parse(const char *name, uint32_t *ret_container, uint32_t *ret_generation);
/* "<dir>/00000001.avc"; owned by the caller. */
char *av_container_path(const char *dir, uint32_t container, uint32_t generation);

typedef struct av_container_entry {
    uint32_t container, generation; /* the highest of it */
} av_container_entry;

typedef struct av_container_list {
    av_container_entry *entries; /* owned, ascending */
    size_t count;
    uint32_t highest; /* number; 0: none */
    uint32_t missing; /* the lowest number missing below it; 0: no gap */
    char **stale;     /* owned: names of lower generations and of what was in the making */
    size_t stale_count;
} av_container_list;

/* What containers a place has. ret: av_container_list_release. */
av_errc av_container_list_read(av_place *place, av_container_list *ret, av_error *err);
void av_container_list_release(av_container_list *self);

/* Made whole: beside, synced, renamed, folder synced. Afterwards it is there with its header or not at all. ret_fd is
 * open for reading and writing. */
av_errc av_container_create(const char *dir, const av_container_header *header, int *ret_fd, av_error *err);

/* Open the container that is written (generation 0) and check the header: number and store must be the wanted ones.
 * ret_header may be NULL. */
av_errc av_container_open(const char *dir, uint32_t container, const uint8_t store_uuid[16], int flags, int *ret_fd,
    av_container_header *ret_header, av_error *err);

/* Header of an open file, checked to be of this container, generation and store. */
av_errc av_container_check(av_place_file *file, uint32_t container, uint32_t generation, const uint8_t store_uuid[16],
    av_container_header *ret, av_error *err);

#endif
