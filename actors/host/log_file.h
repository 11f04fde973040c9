/*
 * log_file.h - the log of a child: a file it appends to, kept below a size
 *
 * The child writes to it by itself (also while no host runs), so the host cannot rename it away under it: a file that
 * has grown too large is copied to <path>.1 and cut to nothing. O_APPEND makes the child go on at the new end; lines
 * written between copy and cut are lost.
 */
#ifndef AV_ACTORS_HOST_LOG_FILE_H
#define AV_ACTORS_HOST_LOG_FILE_H

#include <stdint.h>

#include "base/error.h"

/* Opens for appending, makes it (0600) when there is none. The caller closes ret_fd. */
av_errc av_log_file_open(const char *path, int *ret_fd, av_error *err);
/* Copy and cut when larger than max_bytes; a missing file is fine. Blocks on disk for max_bytes or a little more. */
av_errc av_log_file_trim(const char *path, uint64_t max_bytes, av_error *err);

#endif
