/*
 * status.h - what RocksDB says of a failure, as an error of ours
 */
#ifndef AV_SEALED_STATUS_H
#define AV_SEALED_STATUS_H

#include <stdbool.h>

#include "base/error.h"

/*
 * Takes a status of RocksDB's C API (NULL: AV_OK), frees it and sets err to "database: <its words>". AV_ERR_NOSPACE,
 * AV_ERR_AUTH, AV_ERR_VERSION, AV_ERR_CORRUPT, AV_ERR_BUSY (locked), AV_ERR_NOT_FOUND (not to be made), else AV_ERR_IO.
 */
av_errc av_sealed_status(char *text, av_error *err);
/* The file system failed it (NULL: no). After such an answer to a write RocksDB takes no further one before it is opened
 * again. Borrows text. */
bool av_sealed_status_is_disk(const char *text);
/* The same of a failed rocksdb_open: a file that the manifest names and that is not there is AV_ERR_CORRUPT. */
av_errc av_sealed_status_of_open(char *text, av_error *err);

#endif
