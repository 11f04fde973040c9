/*
 * store_priv.h - what the files of storage/store/ share
 *
 *   marker.c   the file store.avs            open.c    create, open, close, state
 *   append.c   records into the open group   put.c     messages and events
 *   commit.c   commit, rollback              replay.c  the log in order        read.c  messages by LSN
 *   spare.c    what readers share
 */
#ifndef AV_STORE_STORE_PRIV_H
#define AV_STORE_STORE_PRIV_H

#include <pthread.h>
#include <zstd.h>

#include "base/file.h"
#include "storage/container/container.h"
#include "storage/crypto/seal.h"
#include "storage/store/store.h"

/* The open group: everything behind the last commit. */
typedef struct store_group {
    uint64_t start; /* offset in the container at which it begins */
    uint64_t first_lsn;
    uint32_t count;
    bool spoiled; /* a write failed: only rollback helps */
    av_sha256_stream *digest;
    uint64_t messages, raw_bytes, events;
} store_group;

/* The record being written; `out` holds what was not written yet. */
typedef struct store_record {
    av_record_header header;
    uint8_t key[AV_SEAL_KEY];
    uint64_t written; /* bytes of header and body that are in the file */
} store_record;

/* One unpacking state between readers: making one costs as much as unpacking a small message. */
typedef struct store_spare {
    pthread_mutex_t lock;
    ZSTD_DCtx *zstd; /* NULL: none, or some reader has it */
} store_spare;

struct av_store {
    char *dir;
    uint8_t key[AV_STORE_KEY_SIZE], uuid[AV_STORE_UUID_SIZE];
    uint64_t max_container_bytes, spool_bytes, max_message_bytes;
    int lock_fd;
    /* the end of the log */
    av_chain chain;
    uint32_t container;
    int fd;
    uint64_t at;           /* offset of the next record */
    uint64_t sealed_bytes; /* of the containers before */
    store_group group;
    store_record record;
    av_buf out;
    av_store_put *puts; /* open ones */
    char *problem;
    bool corrupt;
    av_store_stats stats;
    store_spare *spare; /* shared with readers */
    /* working memory, made when needed */
    av_seal *seal;
    ZSTD_CCtx *zstd;
    uint8_t *packed; /* AV_SEGMENT_PLAIN bytes */
};

struct av_store_put {
    av_store *store;
    av_store_put *next;
    uint64_t size; /* announced */
    uint64_t got;
    bool provisional;  /* segments go to the log as they fill */
    bool lost;         /* a rollback took segments of this one */
    uint64_t last_lsn; /* of the newest segment written */
    uint32_t count;
    av_buf plain; /* the message so far, or the segment being filled */
    av_buf list;  /* its segment table */
    av_sha256_stream *digest;
};

/* marker.c */
av_errc store_marker_write(const char *dir, const uint8_t *uuid, const uint8_t *key, av_error *err);
av_errc store_marker_read(const char *dir, const uint8_t *key, uint8_t ret_uuid[16], av_error *err);
char *store_marker_path(const char *dir);

/* spare.c */
store_spare *store_spare_new(void);
void store_spare_destroy(store_spare **self);
void store_spare_trim(store_spare *self);
ZSTD_DCtx *store_spare_take(store_spare *self); /* NULL: no memory */
void store_spare_give(store_spare *self, ZSTD_DCtx *zstd);

/* open.c: the store takes no writes from now on; returns err->code with the sentence in err. */
av_errc store_fail(av_store *self, av_error *err);

/* append.c: a record is begin, pieces, end. What fails spoils the group (or fails the store) and says so in err. */
av_errc store_writable(av_store *self, av_error *err);
/* most: upper bound of the record's body */
av_errc store_record_begin(av_store *self, av_record_kind kind, uint64_t most, av_error *err);
/* The piece as it lies in the record is plain.n + AV_SEAL_TAG bytes. */
av_errc store_record_piece(av_store *self, uint32_t piece, bool last, av_span plain, av_error *err);
av_errc store_record_clear(av_store *self, av_span bytes, av_error *err);
av_errc store_record_end(av_store *self, uint64_t *ret_lsn, av_error *err);
/* The tag of an empty piece bound to more, for commits. */
av_errc store_record_tag(av_store *self, av_span more, uint8_t ret[AV_SEAL_TAG], av_error *err);
/* plain packed or as it is, borrowed until the next call. */
av_errc store_pack(av_store *self, av_span plain, av_span *ret, uint8_t *ret_codec, av_error *err);

#endif
