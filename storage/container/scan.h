/*
 * scan.h - the log's records in order, each checked: framing, place, CRC, slots; at each commit count, chain and tag
 *
 * Reads through a window of 256 KB: bounded memory for any log. Compacted containers read like the original without
 * what was dropped: the chain is checked over the digests left of it, dropped records, map and trailer with them. Decides
 * nothing: where the reading ended and whether a later group stands behind that place is what the store decides with.
 */
#ifndef AV_CONTAINER_SCAN_H
#define AV_CONTAINER_SCAN_H

#include "storage/container/files.h"
#include "storage/crypto/seal.h"

/* The end of a segmented content's body that a scan hands out: more than any table takes. */
#define AV_SCAN_TAIL (AV_CONTENT_TABLE_MAX + AV_SEAL_TAG + 4U)

typedef struct av_scan av_scan;

/* files and log_key (32 bytes; NULL: tags of commits and of dropped records are not checked, all else is) are borrowed
 * until destroy. Reads up to the container that is the highest now. Starts before the first record. */
av_errc av_scan_new(av_container_files *files, const uint8_t *log_key, av_scan **ret, av_error *err);
/* One container alone, the chain taken from its header. file: of that container and generation; becomes the scan's in
 * every case. */
av_errc av_scan_new_one(av_place_file *file, uint32_t container, uint32_t generation, const uint8_t *store_uuid,
    const uint8_t *log_key, av_scan **ret, av_error *err);
void av_scan_destroy(av_scan **self);

/* Start behind the commit record at commit_lsn. AV_ERR_CORRUPT when no sound commit record is there. */
av_errc av_scan_from(av_scan *self, uint64_t commit_lsn, av_error *err);

/*
 * The next record; dropped records come as such (AV_RECORD_DROPPED, body as in dropped.h), the map does not.
 * ret_body: the whole body; of segmented content (no AV_RECORD_ONE_PIECE) only its end, AV_SCAN_TAIL bytes at most; of
 * segments nothing. Borrowed until the next call.
 * ret_end: the log's end was met at a record boundary (perhaps inside a group: av_scan_open_records).
 * AV_ERR_CORRUPT: what stands at av_scan_place does not check; the scan is over then.
 */
av_errc av_scan_next(av_scan *self, av_record_header *ret, av_span *ret_body, bool *ret_end, av_error *err);

const av_chain *av_scan_chain(const av_scan *self); /* last good commit */
uint64_t av_scan_place(const av_scan *self);        /* LSN of the next, or of the bad, record */
uint64_t av_scan_chain_end(const av_scan *self);    /* LSN of the first byte behind the last good commit */
uint32_t av_scan_chain_slot(const av_scan *self);   /* next free key slot of that container, by that commit */
uint32_t av_scan_open_records(const av_scan *self); /* records since the last good commit, dropped ones too */
/* Of the record av_scan_next gave last; not of dropped ones. AV_SHA256_SIZE bytes. */
const uint8_t *av_scan_record_digest(const av_scan *self);

/* What is told every byte of a record while it is read, before its CRC is known to be right. An error ends the scan. */
typedef struct av_scan_tap {
    void *ctx;
    av_errc (*record)(void *ctx, const av_record_header *header, const uint8_t bytes[AV_RECORD_HEADER], av_error *err);
    av_errc (*body)(void *ctx, av_span bytes, av_error *err);
} av_scan_tap;
void av_scan_set_tap(av_scan *self, const av_scan_tap *tap); /* copied */

/* Does a record of a later group than the one being read stand behind the place, in the same container? */
av_errc av_scan_find_later_group(av_scan *self, bool *ret, av_error *err);

#endif
