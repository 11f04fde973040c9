/*
 * store.h - one archive store: an append-only log of messages, parts and events, sealed record by record
 *
 * Promise: what av_store_commit acknowledged is on disk (one fdatasync) and is never lost and never changed. A torn
 * tail is cut at open; damage to anything acknowledged is told apart from it and opens the store write protected. The
 * format is docs/format-container.md.
 *
 * Not here: names, UIDs, rights (storage/meta/catalog.h); which content is known (storage/meta/store_view.h, reached by
 * av_store_watch); what a message says (storage/mime/); verify, compact, recover (storage/care/).
 *
 * Threads: one writer calls everything but the reader functions, which any thread may call at any time between open and
 * close on records that were put. All functions block on disk.
 */
#ifndef AV_STORE_STORE_H
#define AV_STORE_STORE_H

#include "base/buf.h"
#include "base/encode.h"
#include "base/error.h"
#include "storage/keys/store_keys.h"

#define AV_STORE_UUID_SIZE   16
#define AV_STORE_DEDUP_SIZE  16
#define AV_STORE_EVENT_MAX   (1024U * 1024)
#define AV_STORE_MESSAGE_MAX (1024ULL * 1024 * 1024) /* by default, and the most a setting may allow */

typedef struct av_store av_store;
typedef struct av_store_put av_store_put;
typedef struct av_store_reader av_store_reader;

typedef enum av_record_kind {
    AV_RECORD_MESSAGE = 1,
    AV_RECORD_EVENTS = 2,
    AV_RECORD_SEGMENT = 3,
    AV_RECORD_COMMIT = 4,
    AV_RECORD_PART = 5,
    AV_RECORD_DICTIONARY = 6,
    AV_RECORD_DROPPED = 7,
    AV_RECORD_MAP = 8
} av_record_kind;

/* What a dictionary was made for; its zstd dictionary ID says so. */
typedef enum av_dictionary_use {
    AV_DICTIONARY_ALL = 0,
    AV_DICTIONARY_SKELETONS = 1, /* what messages consist of besides their parts */
    AV_DICTIONARY_PARTS = 2
} av_dictionary_use;

/* One content or dictionary record as a view keeps it: the same value when it is written and when it is replayed. */
typedef struct av_store_content {
    uint64_t lsn;
    av_record_kind kind;                /* MESSAGE, PART or DICTIONARY */
    uint8_t dedup[AV_STORE_DEDUP_SIZE]; /* of the part's bytes, or of the whole message: av_store_dedup_of */
    uint64_t size;                      /* message: bytes as they arrived; part: its bytes */
    uint64_t stored;                    /* bytes of its records in the containers, headers and segments included */
    uint64_t dictionary;                /* LSN of the dictionary it needs, 0: none */
    const uint64_t *parts;              /* message: LSNs of its distinct parts, ascending; borrowed for the call */
    uint32_t part_count;
    av_dictionary_use use; /* dictionary: what it is made for */
    bool erased;           /* replay: its key is gone; only lsn, kind, stored are set */
} av_store_content;

/* Who knows which content the store has: asked while messages are split, told what was written. The writer calls. */
typedef struct av_store_watch {
    void *ctx;
    /* LSN of this part (parts of the open group included), 0 when the store does not have it. */
    av_errc (*find_part)(void *ctx, const uint8_t dedup[AV_STORE_DEDUP_SIZE], uint64_t *ret_lsn, av_error *err);
    /* A content record stands in the open group. */
    av_errc (*wrote)(void *ctx, const av_store_content *content, av_error *err);
} av_store_watch;

typedef struct av_store_config {
    const char *dir;              /* content folder; made by create */
    av_store_keys *keys;          /* borrowed until close */
    uint64_t max_container_bytes; /* 0: 512 MB; at least 64 KB, at most 2 GB; met at group ends */
    uint64_t spool_bytes;         /* 0: 8 MB; larger input goes to the log while it arrives; at most 32 MB */
    uint64_t max_message_bytes;   /* 0: AV_STORE_MESSAGE_MAX, which is also the most */
    int level;                    /* zstd; 0: 3 */
    uint32_t min_part_bytes;      /* 0: the measured default; shorter bodies stay in the skeleton */
    bool read_only; /* no lock on writes is taken, nothing is cut: for write protected stores and checks */
} av_store_config;

/*
 * Make an empty store (the UUID is that of config->keys) in config->dir (made when missing). AV_ERR_EXISTS when there
 * is a store, AV_ERR_INVALID when the folder holds containers without a marker or files of another product. On failure
 * nothing that looks like a store stays.
 */
av_errc av_store_create(const av_store_config *config, av_error *err);

/* UUID of the store in a content folder, from its marker, without keys. AV_ERR_NOT_FOUND, AV_ERR_VERSION,
 * AV_ERR_CORRUPT; AV_ERR_UNSUPPORTED for a MailStore folder ("this is a MailStore store, export it from there"). */
av_errc av_store_identify(const char *dir, uint8_t ret_uuid[AV_STORE_UUID_SIZE], av_error *err);

/*
 * Open a store.
 *
 * witnessed_lsn  the LSN the caller knows to have been acknowledged (its view's); reading starts there. 0: the whole
 *                log is read and checked
 * ret            set on success; ends with av_store_close
 *
 * Damage to acknowledged groups is no failure: the store opens, av_store_problem says what is wrong, writes are
 * refused. Returns AV_ERR_NOT_FOUND (no store), AV_ERR_BUSY (open elsewhere), AV_ERR_VERSION (another format),
 * AV_ERR_AUTH (wrong key), AV_ERR_CORRUPT (marker unreadable), AV_ERR_IO, AV_ERR_NOSPACE.
 */
av_errc av_store_open(const av_store_config *config, uint64_t witnessed_lsn, av_store **ret, av_error *err);
/* Drops what is not committed. NULL and *NULL are no-ops. No reader and no put may be left. */
void av_store_close(av_store **self);

const uint8_t *av_store_uuid(const av_store *self); /* AV_STORE_UUID_SIZE bytes */
uint64_t av_store_committed_lsn(const av_store *self);
/* NULL, or the sentence why the store takes no writes: corruption found at open, or a write that failed since. */
const char *av_store_problem(const av_store *self);
/* The problem is damage to acknowledged records (and not a failed write, which opening again may heal). */
bool av_store_is_corrupt(const av_store *self);
/* Dedup key of bytes with this SHA-256 in this store: the first 16 bytes of HMAC-SHA-256(dedup key, digest). */
void av_store_dedup_of(const av_store *self, const uint8_t digest[AV_SHA256_SIZE], uint8_t ret[AV_STORE_DEDUP_SIZE]);

typedef struct av_store_stats {
    uint64_t containers;
    uint64_t bytes;              /* of all containers, as files */
    uint64_t messages;           /* put and committed since open */
    uint64_t raw_bytes;          /* of these, as they arrived */
    uint64_t parts, known_parts; /* written, found; since open */
    uint64_t events;
    uint64_t commits;
    uint64_t cut_bytes; /* of a torn tail, at open */
} av_store_stats;
void av_store_get_stats(const av_store *self, av_store_stats *ret);
/* Give back working memory; it comes back with the next put. For an idle timer. */
void av_store_trim(av_store *self);

/* --- writer ------------------------------------------------------------------------------------------------------ */

/* Before the first put; copied. Without one nothing is ever found: parts are stored once per message. */
void av_store_set_watch(av_store *self, const av_store_watch *watch);
/*
 * Pack new small content with the dictionary at this LSN: all of it or, with a dictionary that was trained for it,
 * skeletons or parts alone (the other one stays in force for the rest). 0: the built-in one for all.
 * AV_ERR_NOT_FOUND, AV_ERR_CORRUPT.
 */
av_errc av_store_use_dictionary(av_store *self, uint64_t lsn, av_error *err);
/* A trained dictionary of 256 bytes to 128 KB into the open group. */
av_errc av_store_put_dictionary(av_store *self, av_span dictionary, uint64_t *ret_lsn, av_error *err);

/*
 * Errors of the writer, all functions below:
 *   AV_ERR_NOSPACE   the group cannot be finished: av_store_rollback, then go on when there is room again
 *   AV_ERR_READONLY  write protected or failed before; av_store_problem says why
 *   AV_ERR_IO        a write or fdatasync failed: the store is failed until it is opened again; or a key or dictionary
 *                    could not be read: av_store_problem is NULL then, and rollback is enough
 *   AV_ERR_CONFLICT  the group is spoiled by an earlier failure: av_store_rollback first
 *   AV_ERR_LIMIT     message or event too large; nothing was written, the group is not spoiled
 */

/* One message held in memory, at most spool_bytes (else AV_ERR_LIMIT: use the streaming form). digest may be NULL: then
 * it is computed here; a digest given is stored as it is. Whether the store has the whole message already is the
 * caller's question (av_store_dedup_of); parts are asked for through the watch. */
av_errc av_store_put_message(
    av_store *self, av_span bytes, const uint8_t digest[AV_SHA256_SIZE], uint64_t *ret_lsn, av_error *err);

/*
 * A message that arrives in pieces. size: its length, or AV_STORE_SIZE_UNKNOWN. Several may be open at once, and
 * commits may happen between their writes; the message exists with the commit after av_store_put_finish. Memory:
 * spool_bytes at most for a message up to that size, else 2 MB.
 */
#define AV_STORE_SIZE_UNKNOWN UINT64_MAX
av_errc av_store_put_begin(av_store *self, uint64_t size, av_store_put **ret, av_error *err);
av_errc av_store_put_write(av_store_put *self, av_span bytes, av_error *err);
/* AV_ERR_INVALID when size was given and another number of bytes came. Frees *self in every case. ret_digest may be
 * NULL. */
av_errc av_store_put_finish(av_store_put **self, uint64_t *ret_lsn, uint8_t ret_digest[AV_SHA256_SIZE], av_error *err);
/* Give up; its segments are dead bytes until compaction. NULL and *NULL are no-ops. */
void av_store_put_abort(av_store_put **self);

/* body: an event of storage/store/event.h, at most AV_STORE_EVENT_MAX - 64. Events are gathered and written as one
 * record before the group's commit (or when 256 KB have come together); order among events is kept, and contents put
 * before an event stand before it. */
av_errc av_store_put_event(av_store *self, av_span body, av_error *err);
/* Commit record and one fdatasync. AV_OK only when all of the group is on disk. An empty group costs nothing. */
av_errc av_store_commit(av_store *self, uint64_t *ret_committed_lsn, av_error *err);
/*
 * Destroy the keys of committed messages and parts and of their segments, durable on return: after the event that says
 * so (content erased) is committed. What is erased already is fine; after a crash the same call goes on. Records that use
 * an erased part cannot be read any more: the caller knows who does (av_store_view_erase_plan). Besides the errors of
 * reading: those of av_store_keys_erase.
 */
av_errc av_store_erase(av_store *self, const uint64_t *lsns, size_t n, av_error *err);
/* Drop everything since the last commit. Puts that wrote into the dropped group fail at their next write. */
av_errc av_store_rollback(av_store *self, av_error *err);
/* Go on in a new container with the next group (for backups and compaction); nothing to do when this one is empty. */
av_errc av_store_roll(av_store *self, av_error *err);

/* --- replay ------------------------------------------------------------------------------------------------------ */

/* What a replay tells, in log order; NULL members are skipped. Anything but AV_OK ends it. */
typedef struct av_store_visitor {
    void *ctx;
    av_errc (*content)(void *ctx, const av_store_content *content, av_error *err);
    av_errc (*event)(void *ctx, uint64_t lsn, av_span body, av_error *err); /* lsn: of the record it stands in */
    av_errc (*commit)(void *ctx, uint64_t lsn, av_error *err);
} av_store_visitor;

/*
 * Visit what stands behind after_lsn (the LSN of a commit, or 0), up to the last commit. Every visited group is whole:
 * its commit is visited last. Damage on the way ends it with AV_ERR_CORRUPT.
 */
av_errc av_store_replay(av_store *self, uint64_t after_lsn, const av_store_visitor *visitor, av_error *err);

/* --- readers ----------------------------------------------------------------------------------------------------- */

/* lsn: of a message, as put gave it (committed or not). AV_ERR_NOT_FOUND when no message is there or it was erased (the
 * sentence tells which); AV_ERR_CORRUPT. The reader belongs to one thread at a time; it costs up to 1.5 MB while it
 * reads large messages, a few KB for small. */
av_errc av_store_reader_open(const av_store *store, uint64_t lsn, av_store_reader **ret, av_error *err);
void av_store_reader_close(av_store_reader **self);
uint64_t av_store_reader_size(const av_store_reader *self);
/* SHA-256 of the whole message as it stands in the record. */
const uint8_t *av_store_reader_digest(const av_store_reader *self);
/* Up to n bytes from offset; *got is less than n only at the end. Every byte given has passed its AEAD. O(1) segments a
 * range. */
av_errc av_store_reader_read(av_store_reader *self, uint64_t offset, void *buf, size_t n, size_t *got, av_error *err);
/* Read all and compare with the digest; AV_ERR_CORRUPT when it differs. */
av_errc av_store_reader_verify(av_store_reader *self, av_error *err);
/* The whole message appended to out; AV_ERR_LIMIT when it does not fit out's ceiling. */
av_errc av_store_read_message(const av_store *store, uint64_t lsn, av_buf *out, av_error *err);

#endif
