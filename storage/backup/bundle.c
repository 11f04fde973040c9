/*
 * bundle.c - see bundle.h
 *
 * XChaCha20-Poly1305 as libsodium's secretstream: pieces of 64 KB, the last one tagged, the clear header as additional
 * data of the first. The plain stream is a list of files; what follows its end is refused.
 */
#include "storage/backup/bundle.h"

#include <errno.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/secret.h"
#include "storage/backup/backup_priv.h"

#define MAGIC         "AVLTMGMT"
#define FORMAT        1U
#define PIECE         65536U
#define SEALED        (PIECE + crypto_secretstream_xchacha20poly1305_ABYTES)
#define BOX           (crypto_box_SEALBYTES + 32U)
#define HEADER        (8U + 2U + 2U + 4U + 4U + 16U + BOX + crypto_secretstream_xchacha20poly1305_HEADERBYTES)
#define OPSLIMIT      3U
#define MEMLIMIT      (256U << 20)
#define BY_PASSPHRASE 1U
#define BY_RECOVERY   2U

/* Clear header: magic, format, kind, then what each kind needs, then the stream's own header. */
typedef struct bundle_head {
    uint16_t kind;
    uint32_t ops, mem_kb;
    uint8_t salt[16];
    uint8_t box[BOX];
    uint8_t stream[crypto_secretstream_xchacha20poly1305_HEADERBYTES];
} bundle_head;

static void
head_encode(const bundle_head *self, av_buf *out)
{
    av_buf_append(out, MAGIC, 8);
    av_buf_put_u16(out, FORMAT);
    av_buf_put_u16(out, self->kind);
    av_buf_put_u32(out, self->ops);
    av_buf_put_u32(out, self->mem_kb);
    av_buf_append(out, self->salt, sizeof self->salt);
    av_buf_append(out, self->box, sizeof self->box);
    av_buf_append(out, self->stream, sizeof self->stream);
    assert(!out->full && out->n == HEADER);
}

static av_errc
head_decode(av_span in, bundle_head *ret, av_error *err)
{
    uint16_t format = 0;
    av_span part;

    *ret = (bundle_head){ 0 };
    if (in.n != HEADER || memcmp(in.p, MAGIC, 8) != 0)
        return av_error_set(err, AV_ERR_CORRUPT, "it is no backup of the management database");
    in = av_span_skip(in, 8);
    (void)av_span_get_u16(&in, &format);
    if (format != FORMAT)
        return av_error_set(err, AV_ERR_VERSION, "it has format %u, this version reads %u", format, FORMAT);
    (void)av_span_get_u16(&in, &ret->kind);
    (void)av_span_get_u32(&in, &ret->ops);
    (void)av_span_get_u32(&in, &ret->mem_kb);
    (void)av_span_get_bytes(&in, sizeof ret->salt, &part);
    memcpy(ret->salt, part.p, part.n);
    (void)av_span_get_bytes(&in, sizeof ret->box, &part);
    memcpy(ret->box, part.p, part.n);
    (void)av_span_get_bytes(&in, sizeof ret->stream, &part);
    memcpy(ret->stream, part.p, part.n);
    if ((ret->kind != BY_PASSPHRASE && ret->kind != BY_RECOVERY) || ret->ops > 16 || ret->mem_kb > 4U << 20)
        return av_error_set(err, AV_ERR_CORRUPT, "its header is damaged");
    return AV_OK;
}

static av_errc
key_of_passphrase(const bundle_head *head, const char *passphrase, uint8_t ret[32], av_error *err)
{
    if (crypto_pwhash(ret, 32, passphrase, strlen(passphrase), head->salt, head->ops, (size_t)head->mem_kb << 10,
            crypto_pwhash_ALG_ARGON2ID13) != 0)
        return av_error_set(err, AV_ERR_NOMEM, "no memory to make a key of the passphrase");
    return AV_OK;
}

/* A key for a new bundle; what leads back to it goes into head. */
static av_errc
make_key(const av_bundle_secret *secret, bundle_head *head, uint8_t ret[32], av_error *err)
{
    if (secret->recovery != NULL) {
        head->kind = BY_RECOVERY;
        av_random_bytes(ret, 32);
        if (crypto_box_seal(head->box, ret, 32, secret->recovery) != 0)
            return av_error_set(err, AV_ERR_INVALID, "this is no recovery key");
        return AV_OK;
    }
    if (strlen(secret->passphrase) < AV_BUNDLE_PASSPHRASE_MIN)
        return av_error_set(
            err, AV_ERR_INVALID, "the passphrase needs at least %d characters", AV_BUNDLE_PASSPHRASE_MIN);
    head->kind = BY_PASSPHRASE;
    head->ops = OPSLIMIT;
    head->mem_kb = MEMLIMIT >> 10;
    av_random_bytes(head->salt, sizeof head->salt);
    return key_of_passphrase(head, secret->passphrase, ret, err);
}

static av_errc
find_key(const av_bundle_secret *secret, const bundle_head *head, uint8_t ret[32], av_error *err)
{
    uint8_t public_half[32];

    if (head->kind == BY_PASSPHRASE)
        return secret->passphrase != NULL
                   ? key_of_passphrase(head, secret->passphrase, ret, err)
                   : av_error_set(err, AV_ERR_AUTH, "it is sealed under a passphrase, not to a recovery key");
    if (secret->recovery == NULL)
        return av_error_set(err, AV_ERR_AUTH, "it is sealed to a recovery key, not under a passphrase");
    if (crypto_scalarmult_base(public_half, secret->recovery) != 0 ||
        crypto_box_seal_open(ret, head->box, BOX, public_half, secret->recovery) != 0)
        return av_error_set(err, AV_ERR_AUTH, "it is sealed to another recovery key");
    return AV_OK;
}

/* ---- writing ---- */

struct av_bundle_writer {
    char *path, *beside;
    int fd;
    uint64_t at;
    crypto_secretstream_xchacha20poly1305_state stream;
    av_sha256_stream *digest; /* of the whole file */
    av_buf head;              /* additional data of the first piece */
    uint8_t piece[PIECE];
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
    AV_CLEANUP(av_free) uint8_t *sealed = av_xalloc(SEALED);
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
        size_t take = AV_MIN(bytes.n, PIECE - self->n);

        memcpy(self->piece + self->n, bytes.p, take);
        self->n += take;
        bytes = av_span_skip(bytes, take);
        if (self->n == PIECE)
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
    av_buf_init(&self->head, HEADER);
    rc = make_key(secret, &head, key, err);
    if (rc == AV_OK)
        rc = av_file_open(self->beside, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600, &self->fd, err);
    if (rc == AV_OK) {
        (void)crypto_secretstream_xchacha20poly1305_init_push(&self->stream, head.stream, key);
        head_encode(&head, &self->head);
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

/* ---- reading ---- */

typedef struct bundle_reader {
    int fd;
    uint64_t at;
    uint8_t head[HEADER];
    crypto_secretstream_xchacha20poly1305_state stream;
    uint8_t sealed[SEALED], piece[PIECE];
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
    av_errc rc = av_file_read_some(self->fd, self->sealed, SEALED, self->at, &got, err);

    if (rc != AV_OK)
        return rc;
    if (self->last || got < crypto_secretstream_xchacha20poly1305_ABYTES ||
        crypto_secretstream_xchacha20poly1305_pull(&self->stream, self->piece, &n, &tag, self->sealed, got,
            self->first ? self->head : NULL, self->first ? HEADER : 0) != 0)
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
open_head(const char *path, int *ret_fd, uint8_t ret[HEADER], bundle_head *ret_head, av_error *err)
{
    size_t n = 0;
    av_errc rc = av_file_open(path, O_RDONLY, 0, ret_fd, err);

    if (rc == AV_OK)
        rc = av_file_read_some(*ret_fd, ret, HEADER, 0, &n, err);
    return rc == AV_OK ? head_decode(av_span_of(ret, n), ret_head, err) : rc;
}

av_errc
av_bundle_wants_recovery(const char *path, bool *ret, av_error *err)
{
    AV_CLEANUP(av_fd_close) int fd = -1;
    uint8_t bytes[HEADER];
    bundle_head head;
    av_errc rc = open_head(path, &fd, bytes, &head, err);

    if (rc == AV_OK)
        *ret = head.kind == BY_RECOVERY;
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
    self->at = HEADER;
    self->first = true;
    rc = open_head(path, &self->fd, self->head, &head, err);
    if (rc == AV_OK)
        rc = find_key(secret, &head, key, err);
    if (rc == AV_OK && crypto_secretstream_xchacha20poly1305_init_pull(&self->stream, head.stream, key) != 0)
        rc = av_error_set(err, AV_ERR_CORRUPT, "its header is damaged");
    sodium_memzero(key, sizeof key);
    if (rc == AV_OK)
        rc = dir == NULL ? unpack_all(self, NULL, ret_files, err) : unpack_beside(self, dir, ret_files, err);
    return rc == AV_OK ? AV_OK : av_error_prefix(err, "%s", path);
}
