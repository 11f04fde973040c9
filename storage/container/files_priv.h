/*
 * files_priv.h - what the files of the cache share
 *
 *   files.c   what containers there are, and which files are open     files_read.c   a record by its LSN
 */
#ifndef AV_CONTAINER_FILES_PRIV_H
#define AV_CONTAINER_FILES_PRIV_H

#include <pthread.h>

#include "storage/container/container_priv.h"

/* One generation of one container, open. */
typedef struct open_file {
    struct open_file *next;
    uint32_t container, generation;
    unsigned refs;
    uint64_t used; /* tick of the last use */
    av_place_file *file;
    av_drop_map map;
} open_file;

typedef struct known_container {
    uint32_t container, generation;
    uint64_t bytes; /* of the file; 0: not asked yet. Not kept for the highest, which grows */
} known_container;

struct av_container_files {
    char *dir;
    uint8_t uuid[16];
    av_place *place;
    unsigned max_open;
    pthread_mutex_t lock;   /* all below */
    known_container *known; /* ascending */
    size_t count, room;
    uint32_t missing;
    av_container_list list; /* what is stale in it, until it is cleaned */
    open_file *open;
    unsigned open_count;
    size_t map_bytes;
    uint64_t tick;
    bool compacting;
};

/* The present generation of a container, open, with its map; files_release it. AV_ERR_NOT_FOUND: no such container. */
av_errc files_acquire(av_container_files *self, uint32_t container, open_file **ret, av_error *err);
void files_release(av_container_files *self, open_file *f);

#endif
