/*
 * tables.h - what RocksDB keeps beside its caches and has no function in C to give back
 *
 * Tables a database holds open: some 10 KB each with index, filter and properties, in small pieces all over the heap.
 * Threads RocksDB works in: each keeps up to 200 KB of malloc's free pieces and the stack of its deepest call.
 */
#ifndef AV_META_TABLES_H
#define AV_META_TABLES_H

#include <rocksdb/c.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Close the tables nobody reads at this moment, except the few that RocksDB ties to the list of its files (a quarter of
 * most_open); they are opened again by whoever reads them next. most_open: as the database was opened with,
 * max_open_files. Beside readers and writers; writes the database's OPTIONS file twice. status: as with RocksDB's own
 * functions, set to a text for rocksdb_free() on failure.
 */
void av_tables_close(rocksdb_t *db, int most_open, char **status);

/*
 * End RocksDB's background threads, one of each kind for all databases of the process, and start new ones. A thread that
 * works stays, and ends when it is through only if that is within this call: some 10 ms, in which no work is begun.
 */
void av_tables_renew_threads(void);

#ifdef __cplusplus
}
#endif

#endif
