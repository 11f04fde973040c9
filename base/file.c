/*
 * file.c - see file.h
 */
#include "base/file.h"

#include <errno.h>
#include <ftw.h>
#include <unistd.h>

static int
real_open(const char *path, int flags, mode_t mode)
{
    return open(path, flags, mode);
}

static const av_file_ops real_ops = {
    .open = real_open,
    .close = close,
    .pread = pread,
    .pwrite = pwrite,
    .fdatasync = fdatasync,
    .fsync = fsync,
    .ftruncate = ftruncate,
    .rename = rename,
    .unlink = unlink,
    .link = link,
    .mkdir = mkdir,
    .rmdir = rmdir,
};

static const av_file_ops *ops = &real_ops;

const av_file_ops *
av_file_ops_get(void)
{
    return ops;
}

void
av_file_ops_set(const av_file_ops *replacement)
{
    ops = replacement == NULL ? &real_ops : replacement;
}

void
av_fd_close(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

av_errc
av_file_open(const char *path, int flags, mode_t mode, int *ret, av_error *err)
{
    int fd;

    do
        fd = ops->open(path, flags | O_CLOEXEC, mode);
    while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        bool missing = errno == ENOENT, denied = errno == EACCES || errno == EPERM;

        av_error_errno(err, "open %s", path);
        if (missing)
            err->code = AV_ERR_NOT_FOUND;
        else if (denied)
            err->code = AV_ERR_DENIED;
        return err->code;
    }
    *ret = fd;
    return AV_OK;
}

void
av_file_close(int *fd)
{
    if (*fd >= 0)
        (void)ops->close(*fd);
    *fd = -1;
}

av_errc
av_file_read_some(int fd, void *p, size_t n, uint64_t at, size_t *ret_n, av_error *err)
{
    size_t done = 0;

    while (done < n) {
        ssize_t got = ops->pread(fd, (uint8_t *)p + done, n - done, (off_t)(at + done));

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return av_error_errno(err, "read at byte %llu", (unsigned long long)at);
        if (got == 0)
            break;
        done += (size_t)got;
    }
    *ret_n = done;
    return AV_OK;
}

av_errc
av_file_read_at(int fd, void *p, size_t n, uint64_t at, av_error *err)
{
    size_t got = 0;
    av_errc rc = av_file_read_some(fd, p, n, at, &got, err);

    if (rc != AV_OK)
        return rc;
    if (got < n)
        return av_error_set(err, AV_ERR_CORRUPT, "the file ends at byte %llu, %zu bytes too early",
            (unsigned long long)at + got, n - got);
    return AV_OK;
}

av_errc
av_file_write_at(int fd, const void *p, size_t n, uint64_t at, av_error *err)
{
    size_t done = 0;

    while (done < n) {
        ssize_t put = ops->pwrite(fd, (const uint8_t *)p + done, n - done, (off_t)(at + done));

        if (put < 0 && errno == EINTR)
            continue;
        if (put == 0)
            errno = ENOSPC; /* POSIX allows it; without this line we would loop */
        if (put <= 0)
            return av_error_errno(err, "write at byte %llu", (unsigned long long)at);
        done += (size_t)put;
    }
    return AV_OK;
}

av_errc
av_file_datasync(int fd, av_error *err)
{
    if (ops->fdatasync(fd) != 0)
        return av_error_errno(err, "fdatasync");
    return AV_OK;
}

av_errc
av_file_truncate(int fd, uint64_t n, av_error *err)
{
    int rc;

    do
        rc = ops->ftruncate(fd, (off_t)n);
    while (rc < 0 && errno == EINTR);
    return rc < 0 ? av_error_errno(err, "truncate to %llu", (unsigned long long)n) : AV_OK;
}

av_errc
av_file_size(int fd, uint64_t *ret, av_error *err)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return av_error_errno(err, "stat");
    *ret = (uint64_t)st.st_size;
    return AV_OK;
}

av_errc
av_dir_sync(const char *dir, av_error *err)
{
    int fd = -1, rc;
    av_errc code = av_file_open(dir, O_RDONLY | O_DIRECTORY, 0, &fd, err);

    if (code != AV_OK)
        return code;
    rc = ops->fsync(fd);
    if (rc != 0)
        code = av_error_errno(err, "fsync %s", dir);
    av_file_close(&fd);
    return code;
}

/* "a/b/c" -> "a/b"; "c" -> "."; "/c" -> "/". Owned by the caller. */
static char *
parent_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        return av_xstrdup(".");
    if (slash == path)
        return av_xstrdup("/");
    return av_span_dup(av_span_of(path, (size_t)(slash - path)));
}

av_errc
av_dir_make(const char *dir, av_error *err)
{
    AV_CLEANUP(av_free) char *copy = av_xstrdup(dir);

    for (char *p = copy + 1;; p++) {
        char kept = *p;

        if (kept != '/' && kept != '\0')
            continue;
        *p = '\0';
        if (ops->mkdir(copy, 0700) == 0) {
            AV_CLEANUP(av_free) char *up = parent_of(copy);
            av_errc rc = av_dir_sync(up, err);

            if (rc != AV_OK)
                return rc;
        } else if (errno != EEXIST) {
            return av_error_errno(err, "make folder %s", copy);
        }
        *p = kept;
        if (kept == '\0')
            return AV_OK;
    }
}

av_errc
av_file_read_all(const char *path, av_buf *out, av_error *err)
{
    int fd = -1;
    uint8_t chunk[8192];
    uint64_t at = 0;
    size_t got = 0;
    av_errc rc = av_file_open(path, O_RDONLY, 0, &fd, err);

    while (rc == AV_OK) {
        rc = av_file_read_some(fd, chunk, sizeof chunk, at, &got, err);
        if (rc != AV_OK || got == 0)
            break;
        if (!av_buf_append(out, chunk, got))
            rc = av_error_set(err, AV_ERR_LIMIT, "%s is larger than %zu bytes", path, out->max);
        at += got;
    }
    explicit_bzero(chunk, sizeof chunk); /* it may have been a key */
    av_file_close(&fd);
    return rc;
}

av_errc
av_file_replace(const char *path, av_span contents, mode_t mode, av_error *err)
{
    AV_CLEANUP(av_free) char *temp = av_xasprintf("%s.new", path);
    AV_CLEANUP(av_free) char *dir = parent_of(path);
    int fd = -1;
    av_errc rc = av_file_open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode, &fd, err);

    if (rc != AV_OK)
        return rc;
    rc = av_file_write_at(fd, contents.p, contents.n, 0, err);
    if (rc == AV_OK)
        rc = av_file_datasync(fd, err);
    av_file_close(&fd);
    if (rc == AV_OK && ops->rename(temp, path) != 0)
        rc = av_error_errno(err, "rename to %s", path);
    if (rc == AV_OK)
        return av_dir_sync(dir, err);
    (void)ops->unlink(temp);
    return av_error_prefix(err, "write %s", path);
}

bool
av_file_exists(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0;
}

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

av_errc
av_dir_remove(const char *path, const char *inside, av_error *err)
{
    size_t n = strlen(inside);

    if (n < 2 || strncmp(path, inside, n) != 0 || path[n] != '/' || strstr(path, "/../") != NULL)
        return av_error_set(err, AV_ERR_INVALID, "%s is not inside %s", path, inside);
    if (!av_file_exists(path))
        return AV_OK;
    if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) != 0)
        return av_error_errno(err, "remove %s", path);
    return AV_OK;
}
