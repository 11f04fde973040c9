/*
 * key_write.c - key files on disk: replaced durably, the old bytes overwritten (docs/format-keys.md, 4)
 *
 * Overwriting is best effort by nature: the bytes are out of every reader's reach by then, and a disk that moves what
 * is written keeps them anyhow. So its failure is no failure of the write.
 */
#include <dirent.h>
#include <errno.h>

#include "base/file.h"
#include "storage/keys/keys_priv.h"

av_errc
keys_path(const char *dir, const char *name, char ret[KEYS_PATH], av_error *err)
{
    int n = snprintf(ret, KEYS_PATH, "%s/%s", dir, name);

    if (n < 0 || (size_t)n >= KEYS_PATH - sizeof ".new")
        return av_error_set(err, AV_ERR_INVALID, "the path of the key folder is too long");
    return AV_OK;
}

void
keys_tree_name(uint32_t container, char *ret)
{
    (void)snprintf(ret, 24, "%08u.avk", container);
}

av_errc
keys_file_write(const char *path, av_span contents, av_error *err)
{
    int fd = -1;
    av_errc rc = av_file_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600, &fd, err);

    if (rc != AV_OK)
        return rc;
    rc = av_file_write_at(fd, contents.p, contents.n, 0, err);
    if (rc == AV_OK)
        rc = av_file_datasync(fd, err);
    av_file_close(&fd);
    if (rc != AV_OK) {
        (void)av_file_ops_get()->unlink(path);
        return av_error_prefix(err, "write %s", path);
    }
    return AV_OK;
}

int
keys_old_open(const char *path)
{
    av_error ignored;
    int fd = -1;

    (void)av_file_open(path, O_WRONLY | O_NOFOLLOW, 0, &fd, &ignored);
    return fd;
}

void
keys_old_wipe(int *fd)
{
    static const uint8_t zeros[65536];
    av_error ignored;
    uint64_t size = 0;
    av_errc rc = *fd < 0 ? AV_ERR_NOT_FOUND : av_file_size(*fd, &size, &ignored);

    for (uint64_t at = 0; rc == AV_OK && at < size; at += sizeof zeros)
        rc = av_file_write_at(*fd, zeros, (size_t)AV_MIN((uint64_t)sizeof zeros, size - at), at, &ignored);
    if (rc == AV_OK && size > 0)
        (void)av_file_datasync(*fd, &ignored);
    av_file_close(fd);
}

av_errc
keys_file_replace(const char *dir, const char *name, av_span contents, bool *ret_renamed, av_error *err)
{
    char path[KEYS_PATH], beside[KEYS_PATH + 8];
    int old = -1;
    av_errc rc = keys_path(dir, name, path, err);

    if (rc != AV_OK)
        return rc;
    (void)snprintf(beside, sizeof beside, "%s.new", path);
    rc = keys_file_write(beside, contents, err);
    if (rc != AV_OK)
        return rc;
    old = keys_old_open(path);
    if (av_file_ops_get()->rename(beside, path) != 0) {
        rc = av_error_errno(err, "rename to %s", path);
        av_file_close(&old);
        (void)av_file_ops_get()->unlink(beside);
        return rc;
    }
    if (ret_renamed != NULL)
        *ret_renamed = true;
    rc = av_dir_sync(dir, err);
    if (rc == AV_OK)
        keys_old_wipe(&old);
    av_file_close(&old);
    return rc;
}

void
keys_file_wipe(const char *path)
{
    int fd = keys_old_open(path);

    if (fd < 0)
        return;
    keys_old_wipe(&fd);
    (void)av_file_ops_get()->unlink(path);
}

av_errc
keys_folder_wipe(const char *dir, const char *parent, av_error *err)
{
    char path[KEYS_PATH];
    DIR *d = opendir(dir);
    struct dirent *entry;
    av_errc rc;

    if (d == NULL && errno == ENOENT)
        return AV_OK;
    if (d == NULL)
        return av_error_errno(err, "open folder %s", dir);
    while ((entry = readdir(d)) != NULL)
        if (entry->d_name[0] != '.' && keys_path(dir, entry->d_name, path, err) == AV_OK)
            keys_file_wipe(path);
    (void)closedir(d);
    rc = av_dir_remove(dir, parent, err);
    return rc == AV_OK ? av_dir_sync(parent, err) : rc;
}
