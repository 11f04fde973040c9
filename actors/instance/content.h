/*
 * content.h - a message's bytes for those who have to see them at once (structure, search)
 *
 * Up to 8 MB freely; up to a limit one at a time in the whole process, for the time of one step; of a longer one its
 * head. Limit and head are AV_SCAN_MAX and AV_CONTENT_HEAD, for a search both are the archive's search_bytes.
 * Who only passes bytes on uses av_store_reader and holds 64 KB.
 */
#ifndef AV_INSTANCE_CONTENT_H
#define AV_INSTANCE_CONTENT_H

#include "actors/instance/uses.h"
#include "actors/instance/summary_row.h"

#define AV_CONTENT_FREE (8ULL * 1024 * 1024)
#define AV_CONTENT_HEAD (8ULL * 1024 * 1024)

typedef struct av_content {
    av_archive *archive;
    av_uses *uses; /* borrowed */
    av_buf bytes;
    uint64_t limit, head;
    bool whole; /* else: the head of a message over the limit */
    bool leased;
} av_content;

void av_content_init(av_content *self, av_uses *uses);
void av_content_init_search(av_content *self, av_uses *uses);
/* store: its number in the catalog. Reads anew; may wait for another thread that holds a large one. AV_ERR_CORRUPT,
 * AV_ERR_IO, AV_ERR_NOT_FOUND, AV_ERR_UNAVAILABLE. */
av_errc av_content_load(av_content *self, uint32_t store, uint64_t lsn, av_error *err);
/* Ends a lease; memory of small messages is kept for the next. Call at the end of each step. */
void av_content_drop(av_content *self);
void av_content_release(av_content *self);

#endif
