/*
 * file.c - one sealed file on disk: a header, then ciphertext of the same length as what it holds
 *
 * Only appended to, never written twice at one place: each byte of the key stream is used once. That is also why a file
 * with a failed write is given up: what half a write left on disk would be written again.
 */
#include "base/file.h"

#include <stdatomic.h>

#include "storage/sealed/sealed_priv.h"

#define ROOM_MIN 4096U
#define ROOM_MAX (256U * 1024)

struct sealed_file {
    char *path;
    int fd;
    sealed_cipher *cipher; /* NULL: reads as empty */
    uint64_t size;         /* of one that is written */
    uint8_t *room;         /* ciphertext on its way to the disk */
    size_t room_n;
    atomic_bool failed;
};

static sealed_file *
file_new(const char *path)
{
    sealed_file *self = av_xcalloc(1, sizeof *self);

    self->path = av_xstrdup(path);
    self->fd = -1;
    return self;
}

av_errc
sealed_file_create(const sealed_base *base, const char *path, sealed_file **ret, av_error *err)
{
    AV_CLEANUP(sealed_file_close) sealed_file *self = file_new(path);
    uint8_t header[SEALED_HEADER];
    av_errc rc = av_file_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600, &self->fd, err);

    if (rc != AV_OK)
        return rc;
    self->cipher = sealed_cipher_new(base, header);
    rc = av_file_write_at(self->fd, header, sizeof header, 0, err);
    if (rc != AV_OK)
        return av_error_prefix(err, "%s", path);
    *ret = AV_TAKE(self);
    return AV_OK;
}

av_errc
sealed_file_open(const sealed_base *base, const char *path, sealed_file **ret, av_error *err)
{
    AV_CLEANUP(sealed_file_close) sealed_file *self = file_new(path);
    uint8_t header[SEALED_HEADER] = { 0 };
    size_t n = 0;
    av_errc rc = av_file_open(path, O_RDONLY | O_NOFOLLOW, 0, &self->fd, err);

    if (rc != AV_OK)
        return rc;
    rc = av_file_read_some(self->fd, header, sizeof header, 0, &n, err);
    if (rc == AV_OK && !sealed_header_is_torn(header, n))
        rc = sealed_cipher_open(base, header, &self->cipher, err);
    if (rc != AV_OK)
        return av_error_prefix(err, "%s", path);
    *ret = AV_TAKE(self);
    return AV_OK;
}

void
sealed_file_close(sealed_file **self)
{
    sealed_file *f = *self;

    if (f == NULL)
        return;
    av_file_close(&f->fd);
    sealed_cipher_destroy(&f->cipher);
    free(f->room);
    free(f->path);
    free(f);
    *self = NULL;
}

av_errc
sealed_file_read(sealed_file *self, void *p, size_t n, uint64_t at, size_t *ret_n, av_error *err)
{
    av_errc rc;

    *ret_n = 0;
    if (self->cipher == NULL || at > (uint64_t)INT64_MAX - SEALED_HEADER)
        return AV_OK;
    rc = av_file_read_some(self->fd, p, n, at + SEALED_HEADER, ret_n, err);
    if (rc == AV_OK && *ret_n > 0)
        rc = sealed_cipher_run(self->cipher, at, p, p, *ret_n, err);
    return rc == AV_OK ? AV_OK : av_error_prefix(err, "%s", self->path);
}

static av_errc
refuse_failed(const sealed_file *self, av_error *err)
{
    return av_error_set(err, AV_ERR_IO, "%s: a write or sync failed before; it takes no more", self->path);
}

static void
make_room(sealed_file *self, size_t n)
{
    size_t want = self->room_n == 0 ? ROOM_MIN : self->room_n;

    while (want < n && want < ROOM_MAX)
        want *= 2;
    if (want == self->room_n)
        return;
    self->room = av_xrealloc(self->room, want);
    self->room_n = want;
}

av_errc
sealed_file_append(sealed_file *self, const void *p, size_t n, av_error *err)
{
    const uint8_t *in = p;
    av_errc rc = AV_OK;

    if (atomic_load(&self->failed))
        return refuse_failed(self, err);
    make_room(self, n);
    for (size_t done = 0; rc == AV_OK && done < n;) {
        size_t part = AV_MIN(n - done, self->room_n);

        rc = sealed_cipher_run(self->cipher, self->size, in + done, self->room, part, err);
        if (rc == AV_OK)
            rc = av_file_write_at(self->fd, self->room, part, self->size + SEALED_HEADER, err);
        done += part;
        self->size += part;
    }
    if (rc == AV_OK)
        return AV_OK;
    atomic_store(&self->failed, true);
    return av_error_prefix(err, "%s", self->path);
}

av_errc
sealed_file_sync(sealed_file *self, av_error *err)
{
    if (atomic_load(&self->failed))
        return refuse_failed(self, err);
    if (av_file_datasync(self->fd, err) == AV_OK)
        return AV_OK;
    atomic_store(&self->failed, true);
    return av_error_prefix(err, "%s", self->path);
}

uint64_t
sealed_file_size(const sealed_file *self)
{
    return self->size;
}
