/*
 * format.h - container header, record header, commit body, content table: bytes to values and back
 *
 * Pure; does no I/O and knows no key. The bytes are those of docs/format-container.md. Recipes: recipe.h; what stands
 * in compacted containers alone: dropped.h.
 */
#ifndef AV_CONTAINER_FORMAT_H
#define AV_CONTAINER_FORMAT_H

#include "base/buf.h"
#include "base/encode.h"
#include "base/error.h"

#define AV_FORMAT_NUMBER           1U
#define AV_CONTAINER_HEADER        128U
#define AV_CONTAINER_SLOTS         (1U << 24) /* key slots of one container: 0 to this, exclusive */
#define AV_RECORD_HEADER           36U
#define AV_RECORD_BODY_MAX         (64U * 1024 * 1024)
#define AV_RECORD_ONE_PIECE        1U /* flag */
#define AV_RECORD_SALT             8U
#define AV_COMMIT_CLEAR            48U /* the clear part of a commit body */
#define AV_COMMIT_BODY             64U
#define AV_EVENTS_LIST_MAX         (1024U * 1024)                  /* events of one record, unpacked */
#define AV_EVENTS_BODY_MAX         (1U + AV_EVENTS_LIST_MAX + 16U) /* codec, list, tag */
#define AV_DICTIONARY_MAX          (128U * 1024)
/* zstd dictionary IDs of what was trained for one kind of content. A hint for writers; readers go by LSNs. */
#define AV_DICTIONARY_ID_SKELETONS 0x41560001U
#define AV_DICTIONARY_ID_PARTS     0x41560002U
#define AV_SEGMENT_PLAIN           (256U * 1024)
#define AV_SEGMENT_STORED_MAX      (AV_SEGMENT_PLAIN + 16U)
#define AV_CONTENT_TABLE_MAX       (1024U * 1024)
#define AV_ONE_PIECE_BODY_MAX                                                                                          \
    (3U + AV_CONTENT_TABLE_MAX + AV_SEGMENT_PLAIN + 16U) /* table's length, table, data, tag */
#define AV_PART_DIGEST 16U                               /* bytes of a part's digest; a message's has AV_SHA256_SIZE */

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
    uint32_t generation; /* 0: as first written */
    uint8_t store_uuid[16];
    av_chain before;
} av_container_header;

void av_container_header_encode(const av_container_header *self, uint8_t ret[AV_CONTAINER_HEADER]);
/* AV_ERR_VERSION for another format, AV_ERR_CORRUPT for the rest. */
av_errc av_container_header_decode(const uint8_t in[AV_CONTAINER_HEADER], av_container_header *ret, av_error *err);

typedef struct av_record_header {
    uint8_t kind;  /* av_record_kind */
    uint8_t flags; /* AV_RECORD_ONE_PIECE */
    uint32_t length, body_crc;
    uint32_t slot; /* messages, parts, segments */
    uint64_t lsn;  /* does not stand in the bytes: their CRC is seeded with it and the store's UUID */
    uint64_t group;
    uint8_t salt[AV_RECORD_SALT]; /* of dropped records a MAC: av_seal_dropped */
} av_record_header;

/* Does the record have a key of its own (and so a slot)? Else its key comes of the log key. */
bool av_record_has_slot(uint8_t kind);
void av_record_header_encode(const av_record_header *self, const uint8_t store_uuid[16], uint8_t ret[AV_RECORD_HEADER]);
/* in: what was read at lsn. AV_ERR_CORRUPT for all that may not stand there, lengths its kind cannot have too. */
av_errc av_record_header_decode(const uint8_t in[AV_RECORD_HEADER], const uint8_t store_uuid[16], uint64_t lsn,
    av_record_header *ret, av_error *err);
/* What the chain is made of: SHA-256 of body, then header. */
void av_record_digest(const uint8_t header[AV_RECORD_HEADER], av_span body, uint8_t ret[AV_SHA256_SIZE]);

typedef struct av_commit_body {
    uint64_t first_lsn;
    uint32_t count;
    uint32_t next_slot; /* of the container */
    uint8_t digest[AV_SHA256_SIZE];
} av_commit_body;

void av_commit_body_encode(const av_commit_body *self, uint8_t ret[AV_COMMIT_CLEAR]);
av_errc av_commit_body_decode(const uint8_t in[AV_COMMIT_CLEAR], av_commit_body *ret, av_error *err);

enum { AV_CODEC_RAW = 0, AV_CODEC_ZSTD = 1, AV_CODEC_ZSTD_DICTIONARY = 2 };

typedef struct av_segment {
    uint8_t codec;
    uint32_t stored; /* bytes with tag */
    uint64_t at;     /* provisional: LSN of its record; else offset in the content record's body */
} av_segment;

typedef enum av_content_form {
    AV_CONTENT_ONE_PIECE,  /* the record's one piece holds table and data */
    AV_CONTENT_SEGMENTS,   /* segments in the record */
    AV_CONTENT_PROVISIONAL /* segments in records of their own */
} av_content_form;

typedef struct av_content_table {
    uint64_t size; /* of the data: a part's bytes, a message's skeleton */
    av_content_form form;
    bool is_part;
    uint8_t digest[AV_SHA256_SIZE]; /* message: SHA-256 of all of it; part: AV_PART_DIGEST bytes */
    uint8_t codec;                  /* one piece */
    uint64_t dictionary;            /* LSN of the dictionary record; 0: none needed or the built-in one */
    av_span recipe;                 /* message, recipe.h; empty: the message is its data. decoded: borrowed from in */
    uint64_t output;                /* decoded: bytes of the whole message or part: the recipe's output, or size */
    uint32_t count;
    av_segment *segments; /* decoded: owned, av_content_table_release; encode takes a list instead */
} av_content_table;

/* Plaintext bytes of segment i of data of that size. */
static inline uint32_t
av_segment_plain(uint64_t size, uint32_t i)
{
    return (uint32_t)AV_MIN(size - (uint64_t)i * AV_SEGMENT_PLAIN, AV_SEGMENT_PLAIN);
}

/* Bytes per segment in the table's list: what collects the list while content is written. */
bool av_segment_put(av_buf *list, const av_segment *segment, bool provisional);
/*
 * lsn: of the record. list: what av_segment_put collected; empty for one piece. false when out is full; keep out's
 * ceiling at AV_CONTENT_TABLE_MAX.
 */
bool av_content_table_encode(const av_content_table *self, uint64_t lsn, av_span list, av_buf *out);
/*
 * header: of the record it was read from (kind, flags, LSN). body_room: segmented: bytes of the record's body before
 * its table, which inline segments fill exactly; not looked at for one piece. The recipe is checked against the size, too.
 */
av_errc av_content_table_decode(
    av_span in, const av_record_header *header, uint64_t body_room, av_content_table *ret, av_error *err);
void av_content_table_release(av_content_table *self);

/* Plaintext of the one piece: table and packed data. false when out is full. */
bool av_one_piece_encode(av_span table, av_span packed, av_buf *out);
/* ret's recipe and ret_packed are borrowed from plain. */
av_errc av_one_piece_decode(
    av_span plain, const av_record_header *header, av_content_table *ret, av_span *ret_packed, av_error *err);

#endif
