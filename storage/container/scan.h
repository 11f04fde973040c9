/*
 * scan.h - the log's records in order, each checked: framing, place, CRC, and at each commit count, chain and tag
 *
 * Reads through a window of 256 KB: bounded memory for any log. Decides nothing: where the reading ended and whether a
 * later group stands behind that place is what the store decides with.
 */
#ifndef AV_CONTAINER_SCAN_H
#define AV_CONTAINER_SCAN_H

#include "storage/container/format.h"
#include "storage/crypto/seal.h"

typedef struct av_scan av_scan;

/* dir, uuid (16 bytes) and key (32) are borrowed until destroy. highest: the last container's number. Starts before the
 * first record. */
av_errc av_scan_new(const char *dir, const uint8_t *store_uuid, const uint8_t *store_key, uint32_t highest,
    av_scan **ret, av_error *err);
void av_scan_destroy(av_scan **self);

/* Start behind the commit record at commit_lsn. AV_ERR_CORRUPT when no sound commit record is there. */
av_errc av_scan_from(av_scan *self, uint64_t commit_lsn, av_error *err);

/*
 * The next record. body: of events and commits, borrowed until the next call; empty for others. ret_end: the log's end
 * was met at a record boundary (perhaps inside a group: av_scan_open_records). AV_ERR_CORRUPT: what stands at
 * av_scan_place does not check; the scan is over then.
 */
av_errc av_scan_next(av_scan *self, av_record_header *ret, av_span *ret_body, bool *ret_end, av_error *err);

const av_chain *av_scan_chain(const av_scan *self); /* last good commit */
uint64_t av_scan_place(const av_scan *self);        /* LSN of the next, or of the bad, record */
uint64_t av_scan_chain_end(const av_scan *self);    /* LSN of the first byte behind the last good commit */
uint32_t av_scan_open_records(const av_scan *self); /* records since the last good commit */

/* Does a record of a later group than the one being read stand behind the place, in the same container? */
av_errc av_scan_find_later_group(av_scan *self, bool *ret, av_error *err);

#endif
