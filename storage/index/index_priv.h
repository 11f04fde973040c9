/*
 * index_priv.h - what the files of the index share
 *
 *   index.c           open, close, rebuild, state             index_db.c        RocksDB: open again, manifest row
 *   index_change.c    what every change goes through          index_table.c     runs into the database
 *   index_manifest.c  the manifest row's bytes                index_rows.c      reading rows of a run
 *   index_view.c      runs and views, counted                 index_columns.c   columns, loaded once
 *   index_follow.c    messages to runs in memory and on disk  index_words.c     one message to a document
 *   index_merge.c     merge, purge, verify
 *
 * Who owns what: the indexer's thread owns everything but what `lock` guards (the view, all counts, the doomed). Only it
 * writes to the database; any thread reads from it.
 */
#ifndef AV_STORAGE_INDEX_INDEX_PRIV_H
#define AV_STORAGE_INDEX_INDEX_PRIV_H

#include <pthread.h>
#include <rocksdb/c.h>
#include <stdatomic.h>

#include "storage/index/index.h"
#include "storage/sealed/env.h"

#define INDEX_VERSION      2U
#define INDEX_SETTINGS_MAX (64U * 1024)
#define INDEX_MANIFEST_MAX (4U * 1024 * 1024)
#define INDEX_COLUMN_MAX   ((size_t)1 << 36) /* of one run, in memory; a run has at most 2^32 documents */
#define INDEX_FAN_IN       8U                /* runs of one size that are merged */
#define INDEX_DISK_TIER    1024U             /* documents: smaller runs on disk all count as the smallest */
#define INDEX_KEY_PREFIX   5U                /* 'R', run number */
#define INDEX_NEW_TABLE    "run-"            /* how the names of tables begin that are not taken in yet */

/* --- the database ------------------------------------------------------------------------------------------------ */

typedef struct index_db {
    char *dir;
    size_t cache_bytes;
    av_sealed_env *env;
    rocksdb_env_t *threads; /* RocksDB's own, for the size of its pools */
    rocksdb_cache_t *cache;
    rocksdb_options_t *options;
    rocksdb_writeoptions_t *sync;
    rocksdb_readoptions_t *look, *scan; /* what is read is kept in the cache, is not */
    /* Held for reading by who is inside RocksDB; for writing while it is closed and opened again. */
    pthread_rwlock_t lock;
    rocksdb_t *db;          /* NULL: it could not be opened again */
    atomic_uint generation; /* grows when everything in it was thrown away */
    bool stuck;             /* a write failed: RocksDB takes no more until it is opened again */
} index_db;

/* Not open yet: index_db_reopen. */
av_errc index_db_new(const av_index_config *config, index_db **ret, av_error *err);
void index_db_close(index_db **self);
/* Close it if it is open, and open it; with `empty` its files are removed between. AV_ERR_BUSY: readers did not leave.
 * AV_ERR_CORRUPT, AV_ERR_AUTH, AV_ERR_VERSION: to be thrown away. AV_ERR_IO, AV_ERR_NOSPACE: stuck, but when db is set it
 * can be read. */
av_errc index_db_reopen(index_db *self, bool empty, av_error *err);
/* Does the disk take writes? */
av_errc index_db_probe(const index_db *self, av_error *err);
/* The manifest row; AV_ERR_NOT_FOUND. */
av_errc index_db_manifest(index_db *self, av_buf *out, av_error *err);
/* Durable on return. A failure leaves it unknown which one is there. */
av_errc index_db_put_manifest(index_db *self, av_span manifest, av_error *err);
/* Numbers of all runs that have rows, ascending, onto out (uint32_t each, one or more times). */
av_errc index_db_numbers(index_db *self, av_buf *out, av_error *err);
/* Remove the rows of a run. */
av_errc index_db_drop(index_db *self, uint32_t number, av_error *err);
av_errc index_db_closed(av_error *err);               /* what to say when it is */
void index_run_prefix(uint32_t number, uint8_t *ret); /* INDEX_KEY_PREFIX bytes */
uint64_t index_db_bytes(index_db *self);
uint64_t index_db_memory(index_db *self);
void index_db_trim(index_db *self);

/* A run on its way into the database: rows by the sink, then finish, which makes them durable, or abort. */
typedef struct index_table index_table;
index_table *index_table_new(index_db *db, uint32_t number);
av_run_sink index_table_sink(index_table *self);
/* Frees *self in every case. */
av_errc index_table_finish(index_table **self, av_error *err);
void index_table_abort(index_table **self); /* NULL and *NULL are no-ops */

/* --- runs and views ---------------------------------------------------------------------------------------------- */

/* What the manifest says of a run. */
typedef struct index_facts {
    uint32_t number; /* 0: in memory */
    uint32_t first, count;
    uint64_t first_lsn, last_lsn;
    uint64_t bytes, terms;
    uint32_t unreadable, truncated, partly_read;
} index_facts;

/* Where the rows of a run on disk are: the ctx of its av_run_source. */
typedef struct index_place {
    av_index *index;
    uint32_t number;
    unsigned generation;
    bool scan; /* read once: leave the cache alone */
} index_place;
av_run_source index_place_source(index_place *self);

enum { INDEX_COLUMN_SLOTS = AV_COLUMN_NUMBERS + AV_STRINGS };

typedef struct index_run {
    index_facts facts;
    unsigned refs; /* views that have it, under the index's lock */
    bool replaced; /* its rows go with the last view that has it */
    index_place place;
    av_memory_run *memory; /* NULL: on disk */
    av_run *run;
    pthread_mutex_t loading; /* of columns */
    atomic_uint loaded;      /* bit per slot: numbers, then strings */
    av_buf columns[INDEX_COLUMN_SLOTS], offsets[AV_STRINGS];
    av_date_zone *zones; /* beside the dates */
} index_run;

struct av_index_view {
    av_index *index;
    unsigned refs; /* under the index's lock */
    uint64_t epoch;
    uint32_t documents;
    uint64_t lsn;
    size_t n;
    size_t disk; /* the first so many are on disk */
    av_index_run *runs;
    index_run **owners;
};

/* Takes memory (on success). Counts what the manifest needs; facts->number and first are set by the caller. */
av_errc index_run_of_memory(av_index *index, av_memory_run **memory, uint32_t first, index_run **ret, av_error *err);
/* known: what the manifest says of it; of a new run (NULL) it is read. AV_ERR_CORRUPT: it is not there, or another. */
av_errc index_run_of_disk(
    av_index *index, uint32_t number, uint32_t first, const index_facts *known, index_run **ret, av_error *err);
/* The same rows once more, to read them all without a trace in the cache. Ends with av_run_destroy; place is its source. */
av_errc index_run_scan(const index_run *self, index_place *place, av_run **ret, av_error *err);
/* Of a run nobody has yet. */
void index_run_free(index_run **self);
/*
 * A view like the one in force with `count` runs from `at` on replaced by `by` (NULL: nothing); it is in force on
 * return and owns by. Replaced runs on disk are dropped from the database once no view has them.
 */
void index_view_replace(av_index *self, size_t at, size_t count, index_run *by);
/* The view in force, counted; as av_index_snapshot, but not as a reader. */
av_index_view *index_view_hold(av_index *self);
void index_view_drop(av_index_view **view);
/* Frees columns of all runs when there is no reader. */
void index_columns_trim(av_index *self);
uint64_t index_columns_bytes(const index_run *run);

/* --- manifest ---------------------------------------------------------------------------------------------------- */

/* The runs on disk of `view` with [at, at + count) replaced by `by` (NULL: nothing). */
void index_manifest_encode(
    const av_index *self, const av_index_view *view, size_t at, size_t count, const index_facts *by, av_buf *out);
typedef struct index_manifest {
    uint8_t uuid[16];
    av_span settings; /* borrowed */
    uint32_t next_number;
    uint32_t runs;
    av_span rows; /* index_manifest_next */
} index_manifest;
/* AV_ERR_CORRUPT, AV_ERR_VERSION. */
av_errc index_manifest_decode(av_span bytes, index_manifest *ret, av_error *err);
bool index_manifest_next(index_manifest *self, index_facts *ret);

/* --- the index --------------------------------------------------------------------------------------------------- */

struct av_index {
    char *dir;
    index_db *db;
    uint8_t uuid[16];
    av_buf settings, made_with; /* the config's, the manifest's */
    size_t memory_bytes, text_bytes;
    uint32_t flush_documents;
    uint32_t next_number; /* of runs on disk; never the number of one that failed again */
    av_document *reader;  /* NULL between uses */
    av_buf message;
    char **headers;      /* fields of choice, NULL at the end */
    av_builder *builder; /* NULL between uses */
    uint64_t taken_lsn;  /* of the last document in builder, or the view's */
    atomic_size_t builder_bytes;

    pthread_mutex_t lock;
    av_index_view *view;
    unsigned readers; /* snapshots out */
    av_buf doomed;    /* uint32_t: numbers of runs to drop from the database */
    char discarded[160];
    atomic_bool failed;
};

/* Rows of runs that are not in the view (of a process that died between table and manifest) go with the next sweep. */
av_errc index_doom_strangers(av_index *self, av_error *err);
/* After a failed write: open the database again and write down what is known. AV_OK when nothing is to be done. */
av_errc index_heal(av_index *self, av_error *err);
/* Drop the rows of what nobody has any more. Failures are left to the next open. */
void index_sweep(av_index *self);
/* The manifest row with that change, durable. */
av_errc index_commit(av_index *self, size_t at, size_t count, const index_facts *by, av_error *err);
/*
 * [at, at + count) of the view become one run on disk with what is written into the sink by `write`, in order: rows,
 * manifest, view. at and count as in index_view_replace.
 */
typedef av_errc index_write(void *ctx, const av_run_sink *sink, av_error *err);
av_errc index_switch(av_index *self, size_t at, size_t count, index_write *write, void *ctx, av_error *err);
/* A table was found broken. */
void index_mark_failed(av_index *self, const av_error *why);

/* index_words.c: one message into the open builder. rc and err: what the source's next() said. */
void index_take(av_index *self, const av_index_source *source, uint64_t lsn, uint64_t size, av_errc rc);
/* index_follow.c: everything in the builder becomes a run in memory. */
av_errc index_settle(av_index *self, size_t keep_bytes, av_error *err);
/* index_merge.c: how many of the last runs of [from, to) are due to become one; 0: none. least: documents of a step. */
size_t index_due(const av_index_view *view, size_t from, size_t to, uint32_t least);

#endif
