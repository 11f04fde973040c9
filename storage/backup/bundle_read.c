/*
 * bundle_read.c - a sealed bundle back into files; what follows its end is refused
 */
#include <errno.h>
#include <unistd.h>

#include "base/file.h"
#include "storage/backup/bundle_priv.h"

typedef struct bundle_reader {
    int fd;
    uint64_t at;
    uint8_t head[BUNDLE_HEADER];
    crypto_secretstream_xchacha20poly1305_state stream;
    uint8_t sealed[BUNDLE_SEALED], piece[BUNDLE_PIECE];
    size_t from, n; /* of piece: [from, n) is not taken yet */
    bool first, last;
} bundle_reader;

static void
reader_free(bundle_reader **self)
{
    if (*self == NULL)
        return;
    av_file_close(&(*self)->fd);
    sodium_memzero(*self, sizeof **self);
    free(*self);
    *self = NULL;
}

static av_errc
next_piece(bundle_reader *self, av_error *err)
{
    unsigned long long n = 0;
    unsigned char tag = 0;
    size_t got = 0;
    av_errc rc = av_file_read_some(self->fd, self->sealed, BUNDLE_SEALED, self->at, &got, err);

    if (rc != AV_OK)
        return rc;
    if (self->last || got < crypto_secretstream_xchacha20poly1305_ABYTES ||
        crypto_secretstream_xchacha20poly1305_pull(&self->stream, self->piece, &n, &tag, self->sealed, got,
            self->first ? self->head : NULL, self->first ? BUNDLE_HEADER : 0) != 0)
        return self->first
                   ? av_error_set(err, AV_ERR_AUTH, "the passphrase is wrong, or the file is damaged")
                   : av_error_set(err, AV_ERR_CORRUPT, "it is damaged at byte %llu", (unsigned long long)self->at);
    self->at += got;
    self->first = false;
    self->last = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
    self->from = 0;
    self->n = (size_t)n;
    return AV_OK;
}

/* Up to n bytes that stand in one piece, borrowed until the next call; never none. */
static av_errc
take_some(bundle_reader *self, uint64_t n, av_span *ret, av_error *err)
{
    while (self->from == self->n) {
        av_errc rc = next_piece(self, err);

        if (rc != AV_OK)
            return rc;
    }
    *ret = av_span_of(self->piece + self->from, (size_t)AV_MIN(n, (uint64_t)(self->n - self->from)));
    self->from += ret->n;
    return AV_OK;
}

static av_errc
take(bundle_reader *self, void *p, size_t n, av_error *err)
{
    uint8_t *to = p;
    av_span some;

    while (n > 0) {
        av_errc rc = take_some(self, n, &some, err);

        if (rc != AV_OK)
            return rc;
        memcpy(to, some.p, some.n);
        to += some.n;
        n -= some.n;
    }
    return AV_OK;
}

/* One file's bytes to the descriptor; -1: nowhere. */
static av_errc
take_file(bundle_reader *self, int fd, uint64_t size, av_error *err)
{
    uint64_t at = 0;
    av_span some;
    av_errc rc = AV_OK;

    while (rc == AV_OK && at < size) {
        rc = take_some(self, size - at, &some, err);
        if (rc == AV_OK && fd >= 0)
            rc = av_file_write_at(fd, some.p, some.n, at, err);
        if (rc == AV_OK)
            at += some.n;
    }
    return rc == AV_OK && fd >= 0 ? av_file_datasync(fd, err) : rc;
}

static av_errc
unpack_file(bundle_reader *self, const char *dir, const char *name, uint32_t mode, uint64_t size, av_error *err)
{
    AV_CLEANUP(av_free) char *to = NULL;
    AV_CLEANUP(av_free) char *folder = NULL;
    int fd = -1;
    av_errc rc;

    if (dir == NULL)
        return take_file(self, -1, size, err);
    to = av_xasprintf("%s/%s", dir, name);
    folder = backup_parent(to);
    rc = av_dir_make(folder, err);
    if (rc == AV_OK)
        rc = av_file_open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, (mode_t)(mode & 0755), &fd, err);
    if (rc == AV_OK)
        rc = take_file(self, fd, size, err);
    av_file_close(&fd);
    return rc == AV_OK ? av_dir_sync(folder, err) : rc;
}

static av_errc
unpack_all(bundle_reader *self, const char *dir, size_t *ret_files, av_error *err)
{
    char name[AV_BACKUP_PATH_MAX + 1];
    uint8_t fixed[12];
    av_errc rc = AV_OK;

    for (*ret_files = 0;; ++*ret_files) {
        uint16_t n = 0;
        uint32_t mode = 0;
        uint64_t size = 0;
        av_span in = av_span_of(fixed, 2);

        rc = take(self, fixed, 2, err);
        if (rc != AV_OK)
            return rc;
        (void)av_span_get_u16(&in, &n);
        if (n == 0)
            break;
        if (n > AV_BACKUP_PATH_MAX || *ret_files == AV_BUNDLE_FILES_MAX)
            return av_error_set(err, AV_ERR_CORRUPT, "its list of files is damaged");
        rc = take(self, name, n, err);
        if (rc == AV_OK)
            rc = take(self, fixed, sizeof fixed, err);
        if (rc != AV_OK)
            return rc;
        name[n] = '\0';
        in = av_span_of(fixed, sizeof fixed);
        (void)av_span_get_u32(&in, &mode);
        (void)av_span_get_u64(&in, &size);
        if (!av_backup_path_valid(av_span_of(name, n)))
            return av_error_set(err, AV_ERR_CORRUPT, "its list of files is damaged");
        rc = unpack_file(self, dir, name, mode, size, err);
        if (rc != AV_OK)
            return rc;
    }
    if (!self->last || self->from != self->n)
        return av_error_set(err, AV_ERR_CORRUPT, "something stands behind its end");
    return AV_OK;
}

static av_errc
open_head(const char *path, int *ret_fd, uint8_t ret[BUNDLE_HEADER], bundle_head *ret_head, av_error *err)
{
    size_t n = 0;
    av_errc rc = av_file_open(path, O_RDONLY, 0, ret_fd, err);

    if (rc == AV_OK)
        rc = av_file_read_some(*ret_fd, ret, BUNDLE_HEADER, 0, &n, err);
    return rc == AV_OK ? bundle_head_decode(av_span_of(ret, n), ret_head, err) : rc;
}

av_errc
av_bundle_wants_recovery(const char *path, bool *ret, av_error *err)
{
    AV_CLEANUP(av_fd_close) int fd = -1;
    uint8_t bytes[BUNDLE_HEADER];
    bundle_head head;
    av_errc rc = open_head(path, &fd, bytes, &head, err);

    if (rc == AV_OK)
        *ret = head.kind == BUNDLE_BY_RECOVERY;
    return rc == AV_OK ? AV_OK : av_error_prefix(err, "%s", path);
}

static av_errc
unpack_beside(bundle_reader *self, const char *dir, size_t *ret_files, av_error *err)
{
    AV_CLEANUP(av_free) char *beside = av_xasprintf("%s.restoring", dir);
    AV_CLEANUP(av_free) char *parent = backup_parent(dir);
    av_error other;
    av_errc rc;

    if (!backup_is_empty(dir))
        return av_error_set(err, AV_ERR_EXISTS, "%s is not empty", dir);
    rc = backup_is_empty(beside) ? AV_OK : av_error_set(err, AV_ERR_EXISTS, "%s is in the way: remove it", beside);
    if (rc != AV_OK)
        return rc;
    rc = av_dir_make(beside, err);
    if (rc == AV_OK)
        rc = unpack_all(self, beside, ret_files, err);
    if (rc == AV_OK && rmdir(dir) != 0 && errno != ENOENT)
        rc = av_error_errno(err, "%s", dir);
    if (rc == AV_OK && av_file_ops_get()->rename(beside, dir) != 0)
        rc = av_error_errno(err, "rename to %s", dir);
    if (rc == AV_OK)
        return av_dir_sync(parent, err);
    (void)backup_wipe(beside, parent, &other);
    return rc;
}

av_errc
av_bundle_unpack(const char *path, const av_bundle_secret *secret, const char *dir, size_t *ret_files, av_error *err)
{
    AV_CLEANUP(reader_free) bundle_reader *self = av_xcalloc(1, sizeof *self);
    uint8_t key[32];
    bundle_head head;
    av_errc rc;

    self->fd = -1;
    self->at = BUNDLE_HEADER;
    self->first = true;
    rc = open_head(path, &self->fd, self->head, &head, err);
    if (rc == AV_OK)
        rc = bundle_find_key(secret, &head, key, err);
    if (rc == AV_OK && crypto_secretstream_xchacha20poly1305_init_pull(&self->stream, head.stream, key) != 0)
        rc = av_error_set(err, AV_ERR_CORRUPT, "its header is damaged");
    sodium_memzero(key, sizeof key);
    if (rc == AV_OK)
        rc = dir == NULL ? unpack_all(self, NULL, ret_files, err) : unpack_beside(self, dir, ret_files, err);
    return rc == AV_OK ? AV_OK : av_error_prefix(err, "%s", path);
}
