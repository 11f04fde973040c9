/*
 * index.h - the full-text index of one archive store: runs in a sealed RocksDB database, following the store's log
 *
 * It knows the messages of its store by document numbers: ordinals in log order. New messages go into runs in memory
 * (searchable at once), these are merged and written to disk as larger ones. What is in memory is lost with the process and
 * indexed again from the log: the index's own position says from where. It is disposable: missing, broken, of another
 * version or of another store it is thrown away and made again; what an answer covers is always known.
 *
 * Mailboxes, rights, flags and erasures are not here: a search takes the documents it may see from the catalog
 * (storage/index/sets.h). Words of erased messages leave with av_index_purge.
 *
 * Threads: one indexer calls the functions that change it; any thread takes snapshots and reads these. Blocks on disk.
 */
#ifndef AV_STORAGE_INDEX_INDEX_H
#define AV_STORAGE_INDEX_INDEX_H

#include "base/buf.h"
#include "base/error.h"
#include "storage/index/document.h"
#include "storage/postings/run.h"

typedef struct av_index av_index;
typedef struct av_index_view av_index_view;

/* The messages of the store, in log order; the caller's (the store's view and its reader). Called by the indexer. */
typedef struct av_index_source {
    void *ctx;
    /*
     * The next message behind after_lsn: its LSN, its size as it arrived, its bytes (appended to out, as much as fits its
     * ceiling). AV_ERR_NOT_FOUND: there is none. AV_ERR_GONE: *ret_lsn was erased. AV_ERR_CORRUPT: it cannot be read.
     * Both with *ret_lsn set: the index notes the document and goes on. Anything else ends the call, which says so.
     */
    av_errc (*next)(void *ctx, uint64_t after_lsn, uint64_t *ret_lsn, uint64_t *ret_size, av_buf *out, av_error *err);
    /* Text of an attachment beyond what document.h decodes by itself, appended to out; NULL: there is no helper.
     * AV_ERR_UNSUPPORTED: not one of the wanted kinds. Anything else: it could not be read, which is counted. */
    av_errc (*attachment)(void *ctx, av_span name, av_span type, av_span bytes, av_buf *out, av_error *err);
} av_index_source;

typedef struct av_index_config {
    const char *dir;           /* the index's folder, wholly its own; made when missing */
    const uint8_t *key;        /* 32 bytes, seals its files; copied */
    const uint8_t *store_uuid; /* 16 bytes: another store's index is thrown away */
    /*
     * What changes the words, kept with the index; copied, at most 64 KB. Lines: "header: list-id reply-to sender" names
     * the header fields of choice (these three when there is no such line); all others are the caller's own.
     */
    av_span settings;
    size_t memory_bytes;      /* of fresh runs, builder and merges together; 0: 64 MB */
    size_t cache_bytes;       /* block cache; 0: 4 MB */
    size_t text_bytes;        /* ceiling of a message's text, as in document.h */
    uint32_t flush_documents; /* fresh documents from which a run goes to disk; 0: 10,000 */
} av_index_config;

/* Opens or makes it. What is broken is thrown away and made empty (logged as index.discarded, and av_index_state says
 * why). AV_ERR_BUSY, AV_ERR_IO, AV_ERR_NOSPACE. */
av_errc av_index_open(const av_index_config *config, av_index **ret, av_error *err);
/* Fresh runs are written to disk first, when that works. NULL and *NULL are no-ops. No view may be left. */
void av_index_close(av_index **self);

/* --- following the log ------------------------------------------------------------------------------------------- */

typedef struct av_index_progress {
    uint32_t documents; /* taken in by this call */
    bool at_end;        /* the source had nothing more */
} av_index_progress;

/*
 * Take in up to `most` messages and make them searchable. Writes runs and merges as needed. bulk: more is coming, take what
 * memory allows into one run (imports, rebuilds); what was taken in is searchable when that run is full, at the end of the
 * source and after a call without bulk. AV_ERR_NOSPACE, AV_ERR_IO: what is on disk and in memory stays, within the budget
 * more is taken in; call again later.
 */
av_errc av_index_follow(
    av_index *self, const av_index_source *source, uint32_t most, bool bulk, av_index_progress *ret, av_error *err);
/* Everything fresh to disk. */
av_errc av_index_flush(av_index *self, av_error *err);
/* One due merge, or none (*ret_more: call again). cancel as in av_runs_merge. */
av_errc av_index_merge(av_index *self, bool (*cancel)(void *ctx), void *cancel_ctx, bool *ret_more, av_error *err);
/* Throw all away and begin anew from the first message, with these settings (as in the config). Searches go on with the
 * view they have. */
av_errc av_index_rebuild(av_index *self, av_span settings, av_error *err);
/* Write the runs with documents that is_gone(LSN) names anew without their words. Reads all LSNs. */
av_errc av_index_purge(av_index *self, bool (*is_gone)(void *ctx, uint64_t lsn), void *ctx, av_error *err);
/* Flush and give memory back: for an idle timer. */
av_errc av_index_trim(av_index *self, av_error *err);

/* Any thread: the settings it should have been made with (settings_differ); at most 64 KB, copied. */
void av_index_want_settings(av_index *self, av_span settings);
/* Any thread: those it was made with, which hold until av_index_rebuild; appended to out. */
void av_index_made_with(av_index *self, av_buf *out);

typedef struct av_index_state {
    uint64_t lsn;         /* of the last message taken in; 0: none */
    uint64_t flushed_lsn; /* of the last one on disk */
    uint64_t documents, unreadable, truncated, partly_read;
    uint64_t disk_bytes, memory_bytes;
    uint32_t runs;        /* on disk */
    bool settings_differ; /* made with other settings than the config's: a rebuild is due */
    char discarded[160];  /* why it was thrown away at open; empty: it was not */
    bool failed;          /* a table was found broken since open: av_index_rebuild mends it */
} av_index_state;
/* Any thread. */
void av_index_get_state(av_index *self, av_index_state *ret);

/* Read and check all of it. AV_ERR_CORRUPT names the run. digest: SHA-256 over all keys and values of documents on
 * disk in order; two rebuilds from the same log give the same. */
av_errc av_index_verify(
    av_index *self, bool (*cancel)(void *ctx), void *cancel_ctx, uint8_t ret_digest[32], av_error *err);

/* --- reading ----------------------------------------------------------------------------------------------------- */

/* What can be searched now, frozen. Cheap; any thread; ends with av_index_view_release. Must not outlive the index. */
av_index_view *av_index_snapshot(av_index *self);
void av_index_view_release(av_index_view **self);

typedef struct av_index_run {
    const av_run *run;
    uint32_t first; /* document number of its first */
    /* Columns of the run, decoded, loaded when first asked for (av_index_numbers) and shared by all views. */
    void *columns;
} av_index_run;

/* Runs in document order, without holes. */
size_t av_index_runs(const av_index_view *self, const av_index_run **ret);
uint32_t av_index_documents(const av_index_view *self);
/* LSN of the last document: later messages are not covered. */
uint64_t av_index_covered_lsn(const av_index_view *self);
/* Random; another one when documents were numbered anew (rebuilt, discarded): what was kept by number is worth nothing then. */
uint64_t av_index_epoch(const av_index_view *self);
/* Documents with AV_DOC_UNREADABLE. */
uint64_t av_index_unreadable(const av_index_view *self);
/* A column of a run: count values, borrowed until the view's release. NULL: it could not be read (err). */
const uint64_t *av_index_numbers(const av_index_view *self, size_t run, av_column which, av_error *err);
/* The dates of AV_ZONE_DOCS documents side by side (fewer at a run's end); low > high: none of them has one. */
enum { AV_ZONE_DOCS = 1024 };
typedef struct av_date_zone {
    int64_t low, high;
    bool undated; /* one without a readable date is among them */
} av_date_zone;
/* The zones of a run, as av_index_numbers gives its dates. */
const av_date_zone *av_index_date_zones(const av_index_view *self, size_t run, av_error *err);
/* String `doc` (in the run) of a string column; false: could not be read. Borrowed until the view's release. */
bool av_index_string(
    const av_index_view *self, size_t run, av_string_column which, uint32_t doc, av_span *ret, av_error *err);
/* LSN of a document number below av_index_documents; 0: could not be read. */
uint64_t av_index_lsn_of(const av_index_view *self, uint32_t doc, av_error *err);
/* Document number of a message, or AV_ERR_NOT_FOUND. */
av_errc av_index_doc_of(const av_index_view *self, uint64_t lsn, uint32_t *ret, av_error *err);
/* A run of the view could not be read: the index is marked failed (av_index_state). */
void av_index_failed(const av_index_view *self, const av_error *why);

#endif
