/*
 * bundle_write.c - files into a sealed bundle, beside it at first
 */
#include <sys/stat.h>

#include "base/file.h"
#include "storage/backup/bundle_priv.h"

struct av_bundle_writer {
    char *path, *beside;
    int fd;
    uint64_t at;
    crypto_secretstream_xchacha20poly1305_state stream;
    av_sha256_stream *digest; /* of the whole file */
    av_buf head;              /* additional data of the first piece */
    uint8_t piece[BUNDLE_PIECE];
    size_t n;
    size_t files;
    bool failed;
};

void
av_bundle_destroy(av_bundle_writer **self)
{
    av_bundle_writer *w = *self;

    if (w == NULL)
        return;
    if (w->fd >= 0)
        (void)av_file_ops_get()->unlink(w->beside);
    av_file_close(&w->fd);
    av_sha256_stream_destroy(&w->digest);
    av_buf_release(&w->head);
    free(w->path);
    free(w->beside);
    sodium_memzero(w, sizeof *w);
    free(w);
    *self = NULL;
}

static av_errc
put_raw(av_bundle_writer *self, const void *p, size_t n, av_error *err)
{
    av_errc rc = av_file_write_at(self->fd, p, n, self->at, err);

    self->failed = self->failed || rc != AV_OK;
    self->at += n;
    av_sha256_stream_update(self->digest, av_span_of(p, n));
    return rc;
}

static av_errc
put_piece(av_bundle_writer *self, bool last, av_error *err)
{
    AV_CLEANUP(av_free) uint8_t *sealed = av_xalloc(BUNDLE_SEALED);
    unsigned long long n = 0;

    (void)crypto_secretstream_xchacha20poly1305_push(&self->stream, sealed, &n, self->piece, self->n, self->head.p,
        self->head.n, last ? crypto_secretstream_xchacha20poly1305_TAG_FINAL : 0);
    self->n = self->head.n = 0;
    return put_raw(self, sealed, (size_t)n, err);
}

static av_errc
put(av_bundle_writer *self, av_span bytes, av_error *err)
{
    av_errc rc = AV_OK;

    while (rc == AV_OK && bytes.n > 0) {
        size_t take = AV_MIN(bytes.n, BUNDLE_PIECE - self->n);

        memcpy(self->piece + self->n, bytes.p, take);
        self->n += take;
        bytes = av_span_skip(bytes, take);
        if (self->n == BUNDLE_PIECE)
            rc = put_piece(self, false, err);
    }
    return rc;
}

av_errc
av_bundle_create(const char *path, const av_bundle_secret *secret, av_bundle_writer **ret, av_error *err)
{
    AV_CLEANUP(av_bundle_destroy) av_bundle_writer *self = av_xcalloc(1, sizeof *self);
    bundle_head head = { 0 };
    uint8_t key[32];
    av_errc rc;

    self->fd = -1;
    self->path = av_xstrdup(path);
    self->beside = av_xasprintf("%s.new", path);
    self->digest = av_sha256_stream_new();
    av_buf_init(&self->head, BUNDLE_HEADER);
    rc = bundle_make_key(secret, &head, key, err);
    if (rc == AV_OK)
        rc = av_file_open(self->beside, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600, &self->fd, err);
    if (rc == AV_OK) {
        (void)crypto_secretstream_xchacha20poly1305_init_push(&self->stream, head.stream, key);
        bundle_head_encode(&head, &self->head);
        rc = put_raw(self, self->head.p, self->head.n, err);
    }
    sodium_memzero(key, sizeof key);
    if (rc != AV_OK)
        return rc;
    *ret = AV_TAKE(self);
    return AV_OK;
}

/* A file of the list: length of the name (2), name, mode (4), size (8), bytes. A name of no bytes ends the list. */
av_errc
av_bundle_add(av_bundle_writer *self, const char *name, const char *from, av_error *err)
{
    AV_CLEANUP(av_buf_release_secret) av_buf front = { 0 };
    AV_CLEANUP(av_fd_close) int fd = -1;
    uint8_t chunk[8192];
    struct stat st;
    uint64_t at = 0;
    av_errc rc;

    if (!av_backup_path_valid(av_span_str(name)) || self->files == AV_BUNDLE_FILES_MAX)
        return av_error_set(err, AV_ERR_INVALID, "%.200s cannot be backed up", name);
    rc = av_file_open(from, O_RDONLY, 0, &fd, err);
    if (rc != AV_OK)
        return rc;
    if (fstat(fd, &st) != 0)
        return av_error_errno(err, "%s", from);
    av_buf_init(&front, AV_BACKUP_PATH_MAX + 64);
    av_buf_put_u16(&front, (uint16_t)strlen(name));
    av_buf_puts(&front, name);
    av_buf_put_u32(&front, (uint32_t)(st.st_mode & 0777));
    av_buf_put_u64(&front, (uint64_t)st.st_size);
    rc = put(self, av_buf_span(&front), err);
    while (rc == AV_OK && at < (uint64_t)st.st_size) {
        size_t n = (size_t)AV_MIN((uint64_t)st.st_size - at, (uint64_t)sizeof chunk);

        rc = av_file_read_at(fd, chunk, n, at, err);
        if (rc == AV_OK)
            rc = put(self, av_span_of(chunk, n), err);
        at += n;
    }
    sodium_memzero(chunk, sizeof chunk);
    self->failed = self->failed || rc != AV_OK;
    self->files++;
    return rc == AV_OK ? AV_OK : av_error_prefix(err, "%s", from);
}

av_errc
av_bundle_finish(av_bundle_writer **self, av_error *err)
{
    AV_CLEANUP(av_bundle_destroy) av_bundle_writer *w = AV_TAKE(*self);
    AV_CLEANUP(av_free) char *folder = backup_parent(w->path);
    uint8_t digest[AV_SHA256_SIZE], again[AV_SHA256_SIZE];
    uint64_t size = 0;
    av_errc rc = AV_OK;

    if (w->failed)
        return av_error_set(err, AV_ERR_IO, "a write of %s failed before", w->path);
    rc = put(w, av_span_of("\0", 2), err);
    if (rc == AV_OK)
        rc = put_piece(w, true, err);
    if (rc == AV_OK)
        rc = av_file_datasync(w->fd, err);
    if (rc != AV_OK)
        return av_error_prefix(err, "%s", w->path);
    av_sha256_stream_finish(&w->digest, digest);
    (void)posix_fadvise(w->fd, 0, 0, POSIX_FADV_DONTNEED);
    rc = backup_digest(w->beside, UINT64_MAX, NULL, again, &size, err);
    if (rc == AV_OK && (size != w->at || memcmp(digest, again, sizeof digest) != 0))
        rc = av_error_set(err, AV_ERR_CORRUPT, "%s reads back different from what was written", w->beside);
    if (rc == AV_OK && av_file_ops_get()->rename(w->beside, w->path) != 0)
        rc = av_error_errno(err, "rename to %s", w->path);
    if (rc != AV_OK)
        return rc;
    av_file_close(&w->fd); /* nothing is left to be removed */
    return av_dir_sync(folder, err);
}
