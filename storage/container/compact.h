/*
 * compact.h - one sealed container written again without the records nobody needs (docs/format-container.md, 9)
 *
 * Streaming: memory does not depend on the container's size. Readers go on all the time. What nobody needs is the
 * caller's knowledge; the bytes of what stays are not touched and no key but the log's is needed.
 */
#ifndef AV_CONTAINER_COMPACT_H
#define AV_CONTAINER_COMPACT_H

#include "storage/container/files.h"

typedef struct av_compaction {
    av_container_files *files;
    const uint8_t *log_key; /* 32 bytes: the container is checked while it is read, and what was written after */
    uint32_t container;
    void *ctx;
    /* Asked for each message, part, segment and dictionary, in log order; events and commits always stay. */
    bool (*keep)(void *ctx, uint64_t lsn, uint8_t kind);
    /* May be NULL. Bytes read of all to be read (the check of what was written included); false gives up. */
    bool (*progress)(void *ctx, uint64_t done, uint64_t total);
} av_compaction;

typedef struct av_compaction_result {
    uint64_t bytes_before, bytes_after; /* of the file */
    uint64_t dropped;                   /* records dropped now */
    uint64_t dropped_bytes;             /* they took in the old file */
    uint32_t generation;                /* that counts now; the old one when there was nothing to drop */
} av_compaction_result;

/*
 * Write the container's next generation, check it record by record, and make it the one that counts: durable on return.
 * When nothing is to be dropped nothing is written. The generation before stays until av_container_compact_finish.
 * AV_ERR_BUSY: the container is being written, or a compaction of this store runs. AV_ERR_NOT_FOUND. AV_ERR_CORRUPT: it does not check; nothing changed.
 * AV_ERR_CANCELLED: progress said so. AV_ERR_IO, AV_ERR_NOSPACE. On failure what was written is removed, and the
 * container is what it was.
 */
av_errc av_container_compact(const av_compaction *job, av_compaction_result *ret, av_error *err);

/* Remove the generations of a container that do not count any more. Reads that run stay whole. */
av_errc av_container_compact_finish(av_container_files *files, uint32_t container, av_error *err);

#endif
