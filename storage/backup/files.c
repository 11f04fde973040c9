/*
 * files.c - copying one file with its digest, walking and wiping folders (backup_priv.h)
 */
#include <errno.h>
#include <fts.h>
#include <unistd.h>

#include "base/file.h"
#include "storage/backup/backup_priv.h"

av_errc
backup_go_on(backup_progress *self, uint64_t bytes, av_error *err)
{
    if (self == NULL)
        return AV_OK;
    self->done += bytes;
    if (self->watch == NULL || self->watch->go_on == NULL ||
        self->watch->go_on(self->watch->ctx, self->done, AV_MAX(self->done, self->total)))
        return AV_OK;
    return av_error_set(err, AV_ERR_CANCELLED, "cancelled");
}

void
backup_say(const av_care_watch *watch, av_log_level level, const char *fmt, ...)
{
    char text[600];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (watch != NULL && watch->say != NULL)
        watch->say(watch->ctx, level, 0, text);
}

char *
backup_parent(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL   ? av_xstrdup(".")
           : slash == path ? av_xstrdup("/")
                           : av_span_dup(av_span_of(path, (size_t)(slash - path)));
}

/* Reads in, tells each piece to `to` (-1: nobody) and to the digest. */
static av_errc
pump(int in, int to, uint64_t size, backup_progress *progress, uint8_t ret_digest[AV_SHA256_SIZE], uint64_t *ret_size,
    av_error *err)
{
    AV_CLEANUP(av_free) uint8_t *chunk = av_xalloc(BACKUP_CHUNK);
    AV_CLEANUP(av_sha256_stream_destroy) av_sha256_stream *digest = av_sha256_stream_new();
    uint64_t at = 0;
    size_t got = 1;
    av_errc rc = AV_OK;

    while (rc == AV_OK && at < size && got > 0) {
        rc = av_file_read_some(in, chunk, (size_t)AV_MIN(size - at, (uint64_t)BACKUP_CHUNK), at, &got, err);
        if (rc == AV_OK && to >= 0)
            rc = av_file_write_at(to, chunk, got, at, err);
        if (rc != AV_OK)
            break;
        av_sha256_stream_update(digest, av_span_of(chunk, got));
        at += got;
        rc = backup_go_on(progress, got, err);
    }
    if (rc != AV_OK)
        return rc;
    av_sha256_stream_finish(&digest, ret_digest);
    *ret_size = at;
    return AV_OK;
}

av_errc
backup_digest(const char *path, uint64_t size, backup_progress *progress, uint8_t ret[AV_SHA256_SIZE],
    uint64_t *ret_size, av_error *err)
{
    int fd = -1;
    av_errc rc = av_file_open(path, O_RDONLY | O_NOFOLLOW, 0, &fd, err);

    if (rc != AV_OK)
        return rc;
    rc = pump(fd, -1, size, progress, ret, ret_size, err);
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED); /* a large backup does not push everything else out of memory */
    av_file_close(&fd);
    return rc == AV_OK ? AV_OK : av_error_prefix(err, "%s", path);
}

av_errc
backup_copy(const char *from, const char *to, uint64_t size, mode_t mode, backup_progress *progress,
    uint8_t ret_digest[AV_SHA256_SIZE], uint64_t *ret_size, av_error *err)
{
    uint8_t again[AV_SHA256_SIZE];
    uint64_t bytes = 0;
    int in = -1, out = -1;
    av_errc rc = av_file_open(from, O_RDONLY, 0, &in, err);

    if (rc != AV_OK)
        return rc;
    rc = av_file_open(to, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, mode, &out, err);
    if (rc == AV_OK)
        rc = pump(in, out, size, progress, ret_digest, ret_size, err);
    if (rc == AV_OK)
        rc = av_file_datasync(out, err);
    if (rc == AV_OK) /* what is on disk by now is read from there */
        (void)posix_fadvise(out, 0, 0, POSIX_FADV_DONTNEED);
    if (rc == AV_OK)
        rc = pump(out, -1, UINT64_MAX, NULL, again, &bytes, err);
    if (rc == AV_OK && (bytes != *ret_size || memcmp(again, ret_digest, sizeof again) != 0))
        rc = av_error_set(err, AV_ERR_CORRUPT, "it reads back different from what was written: the disk is not sound");
    (void)posix_fadvise(in, 0, 0, POSIX_FADV_DONTNEED);
    av_file_close(&in);
    av_file_close(&out);
    return rc == AV_OK ? AV_OK : av_error_prefix(err, "copy %s to %s", from, to);
}

/* ---- folders ---- */

void
backup_names_release(backup_names *self)
{
    for (size_t i = 0; i < self->count; i++)
        free(self->names[i]);
    free(self->names);
    *self = (backup_names){ 0 };
}

static int
by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static av_errc
take_entry(const FTSENT *entry, size_t skip, backup_names *ret, av_error *err)
{
    if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR || entry->fts_info == FTS_NS) {
        if (entry->fts_errno == ENOENT)
            return AV_OK; /* went while we looked */
        errno = entry->fts_errno;
        return av_error_errno(err, "look through %s", entry->fts_path);
    }
    if (entry->fts_info != FTS_F)
        return AV_OK;
    ret->names = av_xrealloc(ret->names, (ret->count + 1) * sizeof *ret->names);
    ret->names[ret->count++] = av_xstrdup(entry->fts_path + skip);
    return AV_OK;
}

av_errc
backup_walk(const char *dir, backup_names *ret, av_error *err)
{
    AV_CLEANUP(av_free) char *top = av_xstrdup(dir);
    char *tops[] = { top, NULL };
    const FTSENT *entry;
    av_errc rc = AV_OK;
    FTS *walk;

    *ret = (backup_names){ 0 };
    if (!av_file_exists(dir))
        return AV_OK;
    walk = fts_open(tops, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
    if (walk == NULL)
        return av_error_errno(err, "look through %s", dir);
    while (rc == AV_OK && (entry = fts_read(walk)) != NULL)
        rc = take_entry(entry, strlen(dir) + 1, ret, err);
    (void)fts_close(walk);
    if (rc != AV_OK)
        backup_names_release(ret);
    return rc;
}

bool
backup_is_empty(const char *dir)
{
    char *top = (char *)(uintptr_t)dir;
    char *tops[] = { top, NULL };
    const FTSENT *children;
    bool empty;
    FTS *walk;

    if (!av_file_exists(dir))
        return true;
    walk = fts_open(tops, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (walk == NULL)
        return false;
    (void)fts_read(walk);
    errno = 0;
    children = fts_children(walk, FTS_NAMEONLY);
    empty = children == NULL && errno == 0;
    (void)fts_close(walk);
    return empty;
}

static void
wipe_file(const char *path)
{
    uint8_t zeros[4096] = { 0 };
    uint64_t size = 0;
    int fd = -1;
    av_error err;

    if (av_file_open(path, O_WRONLY | O_NOFOLLOW, 0, &fd, &err) != AV_OK)
        return;
    if (av_file_size(fd, &size, &err) == AV_OK) {
        for (uint64_t at = 0; at < size; at += sizeof zeros)
            if (av_file_write_at(fd, zeros, (size_t)AV_MIN(size - at, (uint64_t)sizeof zeros), at, &err) != AV_OK)
                break;
        (void)av_file_datasync(fd, &err);
    }
    av_file_close(&fd);
}

av_errc
backup_wipe(const char *dir, const char *inside, av_error *err)
{
    AV_CLEANUP(backup_names_release) backup_names list = { 0 };
    av_errc rc = backup_walk(dir, &list, err);

    if (rc != AV_OK)
        return rc;
    for (size_t i = 0; i < list.count; i++) {
        AV_CLEANUP(av_free) char *path = av_xasprintf("%s/%s", dir, list.names[i]);

        wipe_file(path);
    }
    return av_dir_remove(dir, inside, err);
}
