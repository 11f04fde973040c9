/*
 * meta.h - one RocksDB database: spans in and out, one group of changes at a time, snapshots
 *
 * All options stand in meta.c, in one place: small memory (the idle process stays under 5 MB), a bounded WAL, info
 * log at WARN. Its files are sealed under its key (storage/sealed). A database here is a view or a small truth of its
 * own; it knows nothing of what its keys mean.
 *
 * Threads: one writer calls the group functions; any thread reads through a view of its own. Every function may block
 * on disk.
 */
#ifndef AV_META_META_H
#define AV_META_META_H

#include "base/buf.h"
#include "base/error.h"

typedef struct av_meta av_meta;
typedef struct av_meta_view av_meta_view;
typedef struct av_meta_iter av_meta_iter;

typedef struct av_meta_options {
    const uint8_t *key;        /* 32 bytes: of this database alone; borrowed for the open */
    size_t cache_bytes;        /* block cache, filled as it is used; 0: 8 MB */
    size_t write_buffer_bytes; /* 0: 4 MB */
    bool must_exist;           /* AV_ERR_NOT_FOUND instead of making it */
} av_meta_options;

/*
 * AV_ERR_CORRUPT when the database cannot be opened because of its contents (also: its files are in clear), AV_ERR_AUTH
 * when it is sealed with another key, AV_ERR_VERSION when by a newer version, AV_ERR_BUSY when it is open elsewhere.
 */
av_errc av_meta_open(const char *dir, const av_meta_options *options, av_meta **ret, av_error *err);
/* No view, iterator or group may be left. Flushes, so that the next open has no WAL to read. NULL and *NULL are
 * no-ops. */
void av_meta_close(av_meta **self);
/* Write what is in memory into a table file and give the memory back: for an idle timer, between groups. */
av_errc av_meta_trim(av_meta *self, av_error *err);
/* Close the table files (storage/meta/tables.h), which the next reader opens again, and RocksDB's own threads of the
 * whole process for new ones: for a longer rest. The second one takes 10 ms. */
av_errc av_meta_close_tables(av_meta *self, av_error *err);
void av_meta_renew_threads(void);
/* Write all tables anew, so that the space of deleted rows comes back. Between groups; takes its time. */
av_errc av_meta_compact(av_meta *self, av_error *err);
/*
 * A copy of the database as it stands now, in the folder dir (which must not be there; its parent must). Tables are
 * linked when dir is on the same file system. Sealed under the same key. Beside a writer. AV_ERR_EXISTS.
 */
av_errc av_meta_checkpoint(av_meta *self, const char *dir, av_error *err);

/*
 * A group of changes. Between begin and commit the writer's view sees them and nobody else does. commit: all or
 * nothing; sync = true returns when they are on disk, false when a crash of the process cannot lose them. A failed
 * commit leaves the database as it was and the group dropped; once the disk failed it (AV_ERR_NOSPACE,
 * AV_ERR_IO), every later one is refused with what was said then, until it is opened again: av_meta_is_failed.
 */
void av_meta_begin(av_meta *self);
bool av_meta_in_group(const av_meta *self);
void av_meta_put(av_meta *self, av_span key, av_span value);
void av_meta_delete(av_meta *self, av_span key);
av_errc av_meta_commit(av_meta *self, bool sync, av_error *err);
void av_meta_rollback(av_meta *self);
/* Any thread: the disk failed a write (a commit, or a table of av_meta_trim), so that no change is taken any more. What
 * was committed can be read, and is there when it is opened again. */
bool av_meta_is_failed(const av_meta *self);
size_t av_meta_group_bytes(const av_meta *self);

/* The writer's own view: the newest state with the open group. Owned by self; writer thread only. */
const av_meta_view *av_meta_writer(av_meta *self);
/* A frozen view for any thread. Ends with av_meta_view_destroy; keep it short-lived, it holds old data in place. */
av_meta_view *av_meta_snapshot(av_meta *self);
void av_meta_view_destroy(av_meta_view **self);

/* Replaces out's contents. AV_ERR_NOT_FOUND when absent. */
av_errc av_meta_get(const av_meta_view *view, av_span key, av_buf *out, av_error *err);
/* All keys that begin with prefix, from key `from` on (empty: from the first), in byte order. Not valid past the
 * view's end; a writer's iterator not past the next change. */
av_meta_iter *av_meta_iter_new(const av_meta_view *view, av_span prefix, av_span from);
void av_meta_iter_destroy(av_meta_iter **self);
/* false at the end or at an error (av_meta_iter_error tells). Spans are borrowed until the next call. */
bool av_meta_iter_next(av_meta_iter *self, av_span *ret_key, av_span *ret_value);
av_errc av_meta_iter_error(av_meta_iter *self, av_error *err);

/* Bytes of memory in use by the database (memtables, cache, table readers), and by the table readers of it. */
uint64_t av_meta_memory(const av_meta *self);
uint64_t av_meta_tables_bytes(const av_meta *self);

#endif
