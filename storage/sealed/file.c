/*
 * file.c - one sealed file on disk: a header, then ciphertext of the same length as what it holds
 *
 * Only appended to, never written twice at one place: each byte of the key stream is used once. That is also why a file
 * with a failed write is given up: what half a write left on disk would be written again.
 *
 * The witness of a guarded file is the one thing written in place. The first one goes to disk with the bytes it speaks for,
 * as nothing refers to the file before its first sync is done; a later one follows them with a sync of its own, so that at
 * every moment the one on disk speaks for bytes that are there.
 */
#include "base/file.h"

#include <stdatomic.h>

#include "storage/sealed/sealed_priv.h"

#define ROOM_MIN   4096U
#define ROOM_MAX   (256U * 1024)
#define CHECK_ROOM 16384U

struct sealed_file {
    char *path;
    int fd;
    sealed_cipher *cipher; /* NULL: reads as empty */
    uint64_t size;         /* of one that is written */
    uint64_t end;          /* of one that is read: where it ends at the latest */
    sealed_mac *mac;       /* of a guarded one that is written */
    uint64_t witnessed;    /* bytes that the witness on disk speaks for */
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
    self->end = (uint64_t)INT64_MAX - SEALED_HEADER;
    return self;
}

av_errc
sealed_file_create(const sealed_base *base, const char *path, bool guarded, sealed_file **ret, av_error *err)
{
    AV_CLEANUP(sealed_file_close) sealed_file *self = file_new(path);
    uint8_t header[SEALED_HEADER];
    av_errc rc = av_file_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600, &self->fd, err);

    if (rc != AV_OK)
        return rc;
    self->cipher = sealed_cipher_new(base, guarded, header);
    if (guarded)
        self->mac = sealed_mac_new(self->cipher);
    rc = av_file_write_at(self->fd, header, sizeof header, 0, err);
    if (rc != AV_OK)
        return av_error_prefix(err, "%s", path);
    *ret = AV_TAKE(self);
    return AV_OK;
}

/* Read a guarded file through; afterwards it ends where the witness says. */
static av_errc
check_witness(sealed_file *self, const uint8_t witness[SEALED_WITNESS], av_error *err)
{
    AV_CLEANUP(sealed_mac_destroy) sealed_mac *mac = sealed_mac_new(self->cipher);
    AV_CLEANUP(av_free) uint8_t *room = av_xalloc(CHECK_ROOM);
    uint8_t seen[SEALED_WITNESS];
    size_t n = CHECK_ROOM;
    av_errc rc = AV_OK;

    self->end = sealed_witness_length(witness);
    for (uint64_t at = 0; rc == AV_OK && at < self->end && n > 0; at += n) {
        rc = av_file_read_some(self->fd, room, (size_t)AV_MIN(CHECK_ROOM, self->end - at), at + SEALED_HEADER, &n, err);
        if (rc == AV_OK)
            sealed_mac_add(mac, room, n);
    }
    if (rc != AV_OK)
        return rc;
    if (self->end == 0)
        return AV_OK;
    sealed_mac_witness(mac, seen);
    if (memcmp(seen, witness, sizeof seen) != 0)
        return av_error_set(
            err, AV_ERR_CORRUPT, "this " AV_SEALED_SAYS_DAMAGED ": its bytes are not those it was closed with");
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
    if (rc == AV_OK && self->cipher != NULL && sealed_cipher_is_guarded(self->cipher))
        rc = check_witness(self, header + SEALED_HEADER - SEALED_WITNESS, err);
    if (rc != AV_OK)
        return av_error_prefix(err, "%s", path);
    *ret = AV_TAKE(self);
    return AV_OK;
}

static av_errc
write_witness(sealed_file *self, av_error *err)
{
    uint8_t witness[SEALED_WITNESS];
    av_errc rc;

    sealed_mac_witness(self->mac, witness);
    rc = av_file_write_at(self->fd, witness, sizeof witness, SEALED_HEADER - SEALED_WITNESS, err);
    if (rc == AV_OK)
        self->witnessed = self->size;
    return rc;
}

void
sealed_file_close(sealed_file **self)
{
    sealed_file *f = *self;
    av_error ignored;

    if (f == NULL)
        return;
    if (f->mac != NULL && f->size != f->witnessed && !atomic_load(&f->failed))
        (void)write_witness(f, &ignored); /* closed without a sync: it has no promise, but it is not empty */
    av_file_close(&f->fd);
    sealed_mac_destroy(&f->mac);
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
    if (self->cipher == NULL || at >= self->end)
        return AV_OK;
    n = (size_t)AV_MIN(n, self->end - at);
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
        if (rc == AV_OK && self->mac != NULL)
            sealed_mac_add(self->mac, self->room, part);
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
    av_errc rc = AV_OK;

    if (atomic_load(&self->failed))
        return refuse_failed(self, err);
    if (self->mac != NULL && self->witnessed == 0)
        rc = write_witness(self, err);
    if (rc == AV_OK)
        rc = av_file_datasync(self->fd, err);
    if (rc == AV_OK && self->mac != NULL && self->witnessed != self->size) {
        rc = write_witness(self, err);
        if (rc == AV_OK)
            rc = av_file_datasync(self->fd, err);
    }
    if (rc == AV_OK)
        return AV_OK;
    atomic_store(&self->failed, true);
    return av_error_prefix(err, "%s", self->path);
}

uint64_t
sealed_file_size(const sealed_file *self)
{
    return self->size;
}
