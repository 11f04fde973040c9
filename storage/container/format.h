/*
 * format.h - container header, record header, commit body, content table: bytes to values and back
 *
 * Pure; does no I/O and knows no key. The bytes are those of docs/format-container.md.
 */
#ifndef AV_CONTAINER_FORMAT_H
#define AV_CONTAINER_FORMAT_H

#include "base/buf.h"
#include "base/encode.h"
#include "base/error.h"

#define AV_FORMAT_NUMBER      0x8001U /* bit 15: experimental */
#define AV_CONTAINER_HEADER   128U
#define AV_RECORD_HEADER      52U
#define AV_RECORD_BODY_MAX    (64U * 1024 * 1024)
#define AV_COMMIT_CLEAR       48U /* the clear part of a commit body */
#define AV_COMMIT_BODY        64U
#define AV_SEGMENT_PLAIN      (256U * 1024)
#define AV_SEGMENT_STORED_MAX (AV_SEGMENT_PLAIN + 16U)
#define AV_CONTENT_TABLE_MAX  (1024U * 1024)

static inline uint64_t
av_lsn(uint32_t container, uint64_t offset)
{
    return (uint64_t)container << 32 | offset;
}

static inline uint32_t
av_lsn_container(uint64_t lsn)
{
    return (uint32_t)(lsn >> 32);
}

static inline uint32_t
av_lsn_offset(uint64_t lsn)
{
    return (uint32_t)lsn;
}

/* Where the chain of groups stands. */
typedef struct av_chain {
    uint64_t commit_lsn; /* 0: nothing committed yet */
    uint64_t group;      /* number of the last committed group */
    uint8_t digest[AV_SHA256_SIZE];
} av_chain;

typedef struct av_container_header {
    uint32_t container;
    uint8_t store_uuid[16];
    av_chain before;
} av_container_header;

void av_container_header_encode(const av_container_header *self, uint8_t ret[AV_CONTAINER_HEADER]);
/* AV_ERR_VERSION for another format, AV_ERR_CORRUPT for the rest. */
av_errc av_container_header_decode(const uint8_t in[AV_CONTAINER_HEADER], av_container_header *ret, av_error *err);

typedef struct av_record_header {
    uint8_t kind; /* av_record_kind */
    uint32_t length, body_crc;
    uint64_t lsn, group;
    uint8_t salt[16];
} av_record_header;

void av_record_header_encode(const av_record_header *self, uint8_t ret[AV_RECORD_HEADER]);
av_errc av_record_header_decode(const uint8_t in[AV_RECORD_HEADER], av_record_header *ret, av_error *err);

typedef struct av_commit_body {
    uint64_t first_lsn;
    uint32_t count;
    uint8_t digest[AV_SHA256_SIZE];
} av_commit_body;

void av_commit_body_encode(const av_commit_body *self, uint8_t ret[AV_COMMIT_CLEAR]);
av_errc av_commit_body_decode(const uint8_t in[AV_COMMIT_CLEAR], av_commit_body *ret, av_error *err);

enum { AV_CODEC_RAW = 0, AV_CODEC_ZSTD = 1 };

typedef struct av_segment {
    uint8_t codec;
    uint32_t stored; /* bytes with tag */
    uint64_t at;     /* provisional: LSN of its record; else offset in the content record's body */
} av_segment;

typedef struct av_content_table {
    uint64_t size;
    uint8_t digest[AV_SHA256_SIZE];
    bool provisional;
    uint32_t count;
    av_segment *segments; /* owned: av_content_table_release */
} av_content_table;

/* Plaintext bytes of segment i of a message of that size. */
static inline uint32_t
av_segment_plain(uint64_t size, uint32_t i)
{
    return (uint32_t)AV_MIN(size - (uint64_t)i * AV_SEGMENT_PLAIN, AV_SEGMENT_PLAIN);
}

/* Bytes per segment in the table's list: what collects the list while a message is written. */
bool av_segment_put(av_buf *list, const av_segment *segment, bool provisional);
/* list: what av_segment_put collected. false when out is full. */
bool av_content_table_encode(const av_content_table *self, av_span list, av_buf *out);
/* body_room: bytes of the record's body before its table, which inline segments fill exactly. */
av_errc av_content_table_decode(av_span in, uint64_t body_room, av_content_table *ret, av_error *err);
void av_content_table_release(av_content_table *self);

#endif
