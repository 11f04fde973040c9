/*
 * scan_priv.h - what the files of the scan share
 *
 *   scan.c   containers one after another; from the middle     scan_record.c   one record, checked
 *   scan_later.c   what stands behind damage
 */
#ifndef AV_CONTAINER_SCAN_PRIV_H
#define AV_CONTAINER_SCAN_PRIV_H

#include "storage/container/container_priv.h"
#include "storage/container/scan.h"

#define SCAN_WINDOW (256U * 1024)

struct av_scan {
    av_container_files *files; /* NULL: one container alone */
    const uint8_t *uuid, *key;
    av_seal *seal;
    av_scan_tap tap;
    /* the container being read */
    av_place_file *file;
    uint32_t container, generation;
    uint64_t size;
    uint64_t place;     /* in the file, of the next record */
    uint64_t at;        /* its offset by LSN */
    uint32_t next_slot; /* no later record has a lower one */
    uint32_t drops;     /* dropped records so far, */
    uint32_t drops_crc; /* and the CRC of what the map must say of them */
    bool map_read;
    /* window: bytes [from, from + n) of it */
    uint8_t *window;
    uint64_t window_from;
    size_t window_n;
    /* the chain and the group being read */
    av_chain chain;
    uint64_t chain_end;
    uint32_t chain_slot;
    av_sha256_stream *digest;
    uint64_t first_lsn;
    uint32_t count;
    uint8_t record_digest[AV_SHA256_SIZE];
    av_buf body; /* of records that do not fit the window */
};

/*
 * At least `least` bytes (at most SCAN_WINDOW) of the container from `from` on, borrowed until the next call; *ret_n:
 * how many there are, up to most. scan_record.c, as all below
 */
av_errc scan_look(
    av_scan *self, uint64_t from, size_t least, size_t most, const uint8_t **ret, size_t *ret_n, av_error *err);
/* Puts the place in front of err's sentence. */
av_errc scan_bad_record(av_scan *self, av_error *err);
av_errc scan_read_header(av_scan *self, uint8_t bytes[AV_RECORD_HEADER], av_record_header *ret, av_error *err);
/* Of the record whose header was read: body, chain, and on to the next. */
av_errc scan_take_record(
    av_scan *self, const av_record_header *h, const uint8_t bytes[AV_RECORD_HEADER], av_span *ret_body, av_error *err);
/* The map says what was met, and behind it stands the trailer and nothing more. */
av_errc scan_take_map(av_scan *self, const av_record_header *h, av_error *err);
/* The commit whose header was read is authentic: the chain goes on from it. */
av_errc scan_resume(av_scan *self, const av_record_header *h, av_error *err);
/* A dropped record was met. */
void scan_add_drop(av_scan *self, const av_drop *drop);

#endif
