/*
 * store_priv.h - what the files of storage/store/ share
 *
 *   marker.c  the file store.avs               open.c        create, open, close
 *   state.c   what a store tells of itself     append.c      records into the open group
 *   commit.c  commit, rollback, roll           tail.c        what is not in the file yet, and reading any record
 *   pack.c    zstd                             dictionary.c  its dictionaries
 *   put.c     messages in memory               put_stream.c  messages in pieces
 *   put_head.c  heads of copies                put_event.c   events
 *   content.c   one content record             source.c      data of one record
 *   read.c    messages by LSN                  replay.c      the log in order
 *   spare.c   what readers share               train.c       dictionaries out of mail
 */
#ifndef AV_STORE_STORE_PRIV_H
#define AV_STORE_STORE_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#define ZSTD_STATIC_LINKING_ONLY /* ZSTD_c_forceAttachDict */
#include <zstd.h>

#include "base/file.h"
#include "storage/container/files.h"
#include "storage/container/recipe.h"
#include "storage/crypto/seal.h"
#include "storage/mime/split.h"
#include "storage/store/store.h"

/* The open group: everything behind the last commit. */
typedef struct store_group {
    uint64_t start;      /* offset in the container at which it begins */
    uint32_t start_slot; /* next free slot then */
    uint64_t first_lsn;
    uint32_t count;
    bool spoiled; /* a write failed: only rollback helps */
    av_sha256_stream *digest;
    uint64_t messages, raw_bytes, events, parts, known_parts;
} store_group;

/* The record being written. */
typedef struct store_record {
    av_record_header header;
    uint8_t key[AV_SEAL_KEY];
    size_t begin;             /* of its bytes in the tail's buffer */
    uint64_t written;         /* bytes of header and body that are in the file already */
    av_sha256_stream *digest; /* of the body, when it is larger than the buffer */
} store_record;

/* The end of the log that is not in the file yet: whole records for readers, and the one being written. */
typedef struct store_tail {
    pthread_mutex_t lock; /* of all below: the writer changes it, readers look */
    uint32_t container;
    uint64_t at; /* offset in the container of the buffer's first byte */
    size_t whole;
    av_buf out;
} store_tail;

typedef struct store_spare store_spare;
typedef struct store_dictionaries store_dictionaries;
typedef struct store_dictionary store_dictionary;

/* What is packed. The first two are what dictionaries are made for, and index them. */
typedef enum store_pack_kind { STORE_PACK_SKELETON, STORE_PACK_PART, STORE_PACKS, STORE_PACK_PLAIN } store_pack_kind;

struct av_store {
    char *dir;
    av_store_keys *keys;
    uint8_t uuid[AV_STORE_UUID_SIZE];
    uint64_t max_container_bytes, spool_bytes, max_message_bytes;
    int level;
    av_split_options split;
    av_store_watch watch;
    bool read_only;
    int lock_fd;
    av_container_files *files;
    /* the end of the log */
    av_chain chain;
    uint32_t container;
    int fd;
    uint64_t at; /* offset of the next record */
    uint32_t next_slot;
    bool roll; /* with the next group */
    store_group group;
    store_record record;
    uint8_t salts[512]; /* random bytes for records to come: the kernel is asked once for many */
    size_t salts_left;
    store_tail *tail;                 /* shared with readers */
    av_buf events;                    /* not written yet: the list of an events record */
    uint32_t event_count;             /* in it */
    av_store_put *puts;               /* open ones */
    uint64_t dictionary[STORE_PACKS]; /* by store_pack_kind: new small content is packed with it; 0: the built-in one */
    /* Written once by the writer, or while it is opened; other threads ask for them. */
    _Atomic(char *) problem;
    atomic_bool corrupt;
    av_store_stats stats;
    store_spare *spare;               /* shared with readers */
    store_dictionaries *dictionaries; /* shared with readers */
    /* working memory, made when needed */
    av_seal *seal;
    ZSTD_CCtx *zstd;
    av_buf packed; /* of store_pack */
    av_buf plain;  /* table and data of one piece */
    av_splitter *splitter;
};

/* marker.c */
av_errc store_marker_write(const char *dir, const uint8_t *uuid, const uint8_t *log_key, av_error *err);
/* Is it byte for byte what is written today? */
av_errc store_marker_check(const char *dir, const uint8_t *uuid, const uint8_t *log_key, av_error *err);
/* log_key may be NULL: then the check is not looked at. */
av_errc store_marker_read(const char *dir, const uint8_t *log_key, uint8_t ret_uuid[16], av_error *err);
char *store_marker_path(const char *dir);
bool store_is_mailstore(const char *dir); /* a folder of that product's */

/* state.c: the store takes no writes from now on; returns err->code with the sentence in err. */
av_errc store_fail(av_store *self, av_error *err);
void store_mark_corrupt(av_store *self, const char *sentence);

/* spare.c: what reading takes: cipher, unpacker, buffers. One owner at a time; handed from reader to reader. */
typedef struct store_tools {
    av_seal *seal;
    ZSTD_DCtx *zstd;
    uint8_t *stored, *opened; /* a segment as stored, and opened but not unpacked; store_tools_buffers */
    size_t room;              /* bytes of each */
    struct store_tools *next;
} store_tools;

store_spare *store_spare_new(void);
void store_spare_destroy(store_spare **self);
void store_spare_trim(store_spare *self);
av_errc store_spare_take(store_spare *self, store_tools **ret, av_error *err);
void store_spare_give(store_spare *self, store_tools *tools); /* NULL is a no-op */
void store_tools_buffers(store_tools *self, size_t room);     /* at least that many bytes each */

/* tail.c */
store_tail *store_tail_new(void);
void store_tail_destroy(store_tail **self);
void store_tail_trim(store_tail *self); /* empty: its memory goes */
/* As av_container_files_record and _read, for records that stand in memory alone, too. Any thread. */
av_errc store_log_record(
    const av_store *self, uint64_t lsn, av_record_header *ret, void *p, size_t n, size_t *ret_n, av_error *err);
av_errc store_log_read(const av_store *self, uint64_t lsn, uint64_t at, void *p, size_t n, av_error *err);

/* What a group still needs behind a record: the commit; before it, events that wait for it, twice what they can be. */
#define STORE_COMMIT_ROOM (2U * AV_RECORD_HEADER + AV_COMMIT_BODY)
#define STORE_GROUP_ROOM  (STORE_COMMIT_ROOM + 2U * (AV_RECORD_HEADER + AV_EVENTS_BODY_MAX))

/* append.c: a record is begin, pieces, end. What fails spoils the group (or fails the store) and says so in err. */
av_errc store_writable(av_store *self, av_error *err);
/* The group is begun; LSN that the next record will have. */
av_errc store_next_lsn(av_store *self, uint64_t *ret, av_error *err);
/* most: upper bound of the record's body */
av_errc store_record_begin(av_store *self, av_record_kind kind, uint8_t flags, uint64_t most, av_error *err);
/* The piece as it lies in the record is plain.n + AV_SEAL_TAG bytes. */
av_errc store_record_piece(av_store *self, uint32_t piece, bool last, av_span plain, av_error *err);
av_errc store_record_clear(av_store *self, av_span bytes, av_error *err);
av_errc store_record_end(av_store *self, uint64_t *ret_lsn, av_error *err);
/* The tag of an empty piece bound to more, for commits. */
av_errc store_record_tag(av_store *self, av_span more, uint8_t ret[AV_SEAL_TAG], av_error *err);
/* All that stands in the tail's buffer into the file. */
av_errc store_flush(av_store *self, av_error *err);
/* Go on in a new container; no group is open. */
av_errc store_roll_now(av_store *self, av_error *err);
av_seal_place store_place(const av_store *self, const av_record_header *h, uint32_t piece, bool last);
/* Key of a record of any kind. The caller wipes ret. AV_ERR_GONE: erased. */
av_errc store_record_key(const av_store *self, const av_record_header *h, uint8_t ret[AV_SEAL_KEY], av_error *err);

/* pack.c: plain packed or as it is, borrowed until the next call. What is small uses the dictionary in force for kind. */
av_errc store_pack(
    av_store *self, av_span plain, store_pack_kind kind, av_span *ret, uint8_t *ret_codec, av_error *err);
/* ret has room for want bytes, which is what must come out. dictionary: LSN, for codec 2. */
av_errc store_unpack(const av_store *self, store_tools *tools, uint8_t codec, uint64_t dictionary, av_span packed,
    uint8_t *ret, size_t want, av_error *err);

/* dictionary.c: by LSN, 0 is the built-in one; few are kept; any thread. */
store_dictionaries *store_dictionaries_new(void);
void store_dictionaries_destroy(store_dictionaries **self);
void store_dictionaries_trim(store_dictionaries *self);
/* What was read behind this LSN is not there any more. */
void store_dictionaries_forget(store_dictionaries *self, uint64_t after_lsn);
av_errc store_dictionary_take(const av_store *store, uint64_t lsn, store_dictionary **ret, av_error *err);
void store_dictionary_give(const av_store *store, store_dictionary **self);
/* What a dictionary with these bytes is for. */
av_dictionary_use store_dictionary_use(av_span bytes);
const ZSTD_DDict *store_dictionary_unpacker(store_dictionary *self);
const ZSTD_CDict *store_dictionary_packer(const av_store *store, store_dictionary *self); /* NULL: no memory */

/* content.c: one message or part as a record. table: all but what data and codec decide; about: all but LSN, stored and
 * dictionary, which are set here. The watch is told. */
av_errc store_put_content(
    av_store *self, av_content_table *table, av_span data, av_store_content *about, av_error *err);
/* The watch is told. What it refuses spoils the group. */
av_errc store_wrote(av_store *self, const av_store_content *about, av_error *err);
/* The same for data whose segments stand in the log; segment_bytes: what their records take. */
av_errc store_put_provisional(av_store *self, av_content_table *table, av_span list, uint64_t segment_bytes,
    av_store_content *about, av_error *err);

/* put.c: how a message is taken apart, in memory and in pieces alike. */
typedef struct store_step {
    uint64_t lsn, size;
    uint8_t kind, line, form; /* av_step_kind; base64 */
} store_step;

typedef struct store_recipe {
    av_buf skeleton;
    av_buf steps;          /* store_step */
    uint64_t output;       /* bytes of the message they make */
    uint32_t parts, known; /* known: of these, found in the store */
} store_recipe;

void store_recipe_init(store_recipe *self);
void store_recipe_release(store_recipe *self);
av_errc store_recipe_literal(store_recipe *self, av_span bytes, av_error *err);
av_errc store_recipe_part(store_recipe *self, uint64_t lsn, const av_split_part *part, av_error *err);
/* The message's record. whole: the message, when it is in memory; digest of it. */
av_errc store_recipe_finish(av_store *self, store_recipe *recipe, const av_span *whole, uint64_t size,
    const uint8_t *digest, uint64_t *ret_lsn, av_error *err);
/* put_head.c: the head below the trace fields becomes a part. */
av_errc store_recipe_cut_head(av_store *self, store_recipe *recipe, av_error *err);
/* A part in memory: found or written. */
av_errc store_put_part(av_store *self, av_span data, uint64_t *ret_lsn, av_error *err);
/* Is a part with this SHA-256 known? 0: no. */
av_errc store_find_part(
    av_store *self, const uint8_t *digest, uint8_t ret_dedup[AV_STORE_DEDUP_SIZE], uint64_t *ret_lsn, av_error *err);
/* LSNs of a message's distinct parts, ascending, as uint64_t; out is empty. false: no memory. */
bool store_recipe_lsns(av_span recipe, uint64_t record_lsn, av_buf *out);

/* put_event.c */
av_errc store_flush_events(av_store *self, av_error *err);

/* put_stream.c */
void store_puts_rolled_back(av_store *self);

/* source.c: the data of one content record, segment by segment. */
typedef struct store_source {
    av_record_header header;
    uint8_t key[AV_SEAL_KEY];
    av_content_table table;
    uint8_t *plain;       /* one piece: what was sealed; the recipe and raw data borrow from it */
    uint8_t *table_plain; /* segmented: the table, opened */
    uint8_t *segment;     /* unpacked; one piece: all of the data */
    uint32_t held;        /* segment it is */
    uint64_t stored;      /* bytes of its records */
} store_source;

#define STORE_NO_SEGMENT UINT32_MAX

/* AV_ERR_NOT_FOUND: no record of this kind there. AV_ERR_GONE: erased; ret->header is set. */
av_errc store_source_open(
    const av_store *store, store_tools *tools, uint64_t lsn, av_record_kind kind, store_source *ret, av_error *err);
/* Table of the record `header`, of which body is what av_scan_next gives; no data is unpacked. */
av_errc store_source_table(const av_store *store, store_tools *tools, const av_record_header *header, av_span body,
    store_source *ret, av_error *err);
void store_source_close(store_source *self);
/* Bytes [from, from + n) of the data, all in one segment (of 256 KB). Borrowed until the next call. */
av_errc store_source_look(const av_store *store, store_tools *tools, store_source *self, uint64_t from, size_t n,
    const uint8_t **ret, av_error *err);

#endif
