/*
 * file.h - every durable read and write goes through here
 *
 * One seam for fault injection: the system calls are reached by a table (av_file_ops) that tests replace by one that
 * fails, tears, drops or reorders. Nothing else in base/, storage/ or actors/ calls write, fsync, rename on durable data.
 * All functions loop over EINTR and short counts. A failed fsync is final: the caller must not take the file's contents
 * for durable later and must not retry.
 */
#ifndef AV_BASE_FILE_H
#define AV_BASE_FILE_H

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"

typedef struct av_file_ops {
    int (*open)(const char *path, int flags, mode_t mode);
    int (*close)(int fd);
    ssize_t (*pread)(int fd, void *p, size_t n, off_t at);
    ssize_t (*pwrite)(int fd, const void *p, size_t n, off_t at);
    int (*fdatasync)(int fd);
    int (*fsync)(int fd);
    int (*ftruncate)(int fd, off_t n);
    int (*rename)(const char *from, const char *to);
    int (*unlink)(const char *path);
    int (*link)(const char *from, const char *to);
    int (*mkdir)(const char *path, mode_t mode);
    int (*rmdir)(const char *path);
} av_file_ops;

/* The table in force; the real system calls unless a test set another. set(NULL) goes back to the real ones. */
const av_file_ops *av_file_ops_get(void);
void av_file_ops_set(const av_file_ops *ops);

/* Opens with O_CLOEXEC. ret is the descriptor; close with av_file_close. */
av_errc av_file_open(const char *path, int flags, mode_t mode, int *ret, av_error *err);
void av_file_close(int *fd); /* -1 is a no-op; leaves -1 */
/* Exactly n bytes at the offset; AV_ERR_CORRUPT when the file ends before. */
av_errc av_file_read_at(int fd, void *p, size_t n, uint64_t at, av_error *err);
/* Up to n bytes; ret_n is less only at the end of the file. */
av_errc av_file_read_some(int fd, void *p, size_t n, uint64_t at, size_t *ret_n, av_error *err);
av_errc av_file_write_at(int fd, const void *p, size_t n, uint64_t at, av_error *err);
av_errc av_file_datasync(int fd, av_error *err);
av_errc av_file_truncate(int fd, uint64_t n, av_error *err);
av_errc av_file_size(int fd, uint64_t *ret, av_error *err);
/* fsync of the folder, so that names made or changed in it survive a power cut. */
av_errc av_dir_sync(const char *dir, av_error *err);
/* mkdir -p, mode 0700 for what is made; existing folders are left as they are. Parents are synced. */
av_errc av_dir_make(const char *dir, av_error *err);
/* Whole file into out (whose ceiling bounds it). AV_ERR_NOT_FOUND when there is none. */
av_errc av_file_read_all(const char *path, av_buf *out, av_error *err);
/* Written beside, synced, renamed over, folder synced: afterwards either the old or the new contents, never a mix. */
av_errc av_file_replace(const char *path, av_span contents, mode_t mode, av_error *err);
bool av_file_exists(const char *path);
/* rm -r of a folder inside `inside` (a safety belt: path must begin with it). Missing is fine. */
av_errc av_dir_remove(const char *path, const char *inside, av_error *err);

#endif
