/*
 * log_file.c - see log_file.h
 */
#include "actors/host/log_file.h"

#include "base/file.h"

#define COPY_BYTES 65536

av_errc
av_log_file_open(const char *path, int *ret_fd, av_error *err)
{
    return av_file_open(path, O_WRONLY | O_APPEND | O_CREAT, 0600, ret_fd, err);
}

static av_errc
copy_all(int from, int to, av_error *err)
{
    AV_CLEANUP(av_free) uint8_t *piece = av_xalloc(COPY_BYTES);
    uint64_t at = 0;
    size_t n = 0;

    do {
        av_errc rc = av_file_read_some(from, piece, COPY_BYTES, at, &n, err);

        if (rc == AV_OK && n > 0)
            rc = av_file_write_at(to, piece, n, at, err);
        if (rc != AV_OK)
            return rc;
        at += n;
    } while (n == COPY_BYTES);
    return AV_OK;
}

av_errc
av_log_file_trim(const char *path, uint64_t max_bytes, av_error *err)
{
    AV_CLEANUP(av_free) char *older = av_xasprintf("%s.1", path);
    AV_CLEANUP(av_fd_close) int from = -1;
    AV_CLEANUP(av_fd_close) int to = -1;
    uint64_t size = 0;
    av_errc rc;

    if (!av_file_exists(path))
        return AV_OK;
    rc = av_file_open(path, O_RDWR, 0, &from, err);
    if (rc == AV_OK)
        rc = av_file_size(from, &size, err);
    if (rc != AV_OK || size <= max_bytes)
        return rc;
    rc = av_file_open(older, O_WRONLY | O_CREAT | O_TRUNC, 0600, &to, err);
    if (rc == AV_OK)
        rc = copy_all(from, to, err);
    if (rc == AV_OK)
        rc = av_file_truncate(from, 0, err);
    return rc;
}
