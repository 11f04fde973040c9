/*
 * limits.c - the raw limits of the machine for this job: a plain loop over the same messages, and zstd alone
 */
#include "tools/bench/store/bench.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>
#include <zstd.h>

#include "base/encode.h"
#include "base/secret.h"

#define LEVEL       3
#define MESSAGE_MAX (64U * 1024 * 1024)
#define GROUP_MAX   (512U * 1024 * 1024)
#define TAG         16

typedef struct loop {
    ZSTD_CCtx *zstd;
    EVP_CIPHER_CTX *cipher;
    uint8_t key[32];
    uint64_t number;
    av_buf packed, group;
} loop;

static void
loop_init(loop *self)
{
    *self = (loop){ .zstd = ZSTD_createCCtx(), .cipher = EVP_CIPHER_CTX_new() };
    if (self->zstd == NULL || self->cipher == NULL)
        bench_fail("out of memory");
    (void)ZSTD_CCtx_setParameter(self->zstd, ZSTD_c_compressionLevel, LEVEL);
    av_random_bytes(self->key, sizeof self->key);
    av_buf_init(&self->packed, ZSTD_COMPRESSBOUND(MESSAGE_MAX));
    av_buf_init(&self->group, GROUP_MAX);
}

static void
loop_release(loop *self)
{
    (void)ZSTD_freeCCtx(self->zstd);
    EVP_CIPHER_CTX_free(self->cipher);
    av_buf_release(&self->packed);
    av_buf_release(&self->group);
}

static size_t
pack(loop *self, av_span message)
{
    uint8_t *room;
    size_t n;

    av_buf_clear(&self->packed);
    room = av_buf_reserve(&self->packed, ZSTD_compressBound(message.n));
    if (room == NULL)
        bench_fail("a message is too large");
    n = ZSTD_compress2(self->zstd, room, self->packed.cap, message.p, message.n);
    if (ZSTD_isError(n))
        bench_fail("zstd: %s", ZSTD_getErrorName(n));
    self->packed.n = n;
    return n;
}

/* Length, CRC, ciphertext and tag to the end of the group. */
static void
seal(loop *self)
{
    uint8_t nonce[12] = { 0 }, *room = av_buf_reserve(&self->group, self->packed.n + TAG + 8);
    uint32_t length = (uint32_t)(self->packed.n + TAG), crc;
    int n;

    memcpy(nonce, &self->number, sizeof self->number);
    self->number++;
    if (room == NULL)
        bench_fail("a group is too large");
    if (EVP_EncryptInit_ex(self->cipher, EVP_aes_256_gcm(), NULL, self->key, nonce) != 1 ||
        EVP_EncryptUpdate(self->cipher, room + 8, &n, self->packed.p, (int)self->packed.n) != 1 ||
        EVP_EncryptFinal_ex(self->cipher, room + 8 + n, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(self->cipher, EVP_CTRL_GCM_GET_TAG, TAG, room + 8 + self->packed.n) != 1)
        bench_fail("AES-256-GCM failed");
    crc = av_crc32c(0, av_span_of(room + 8, length));
    memcpy(room, &length, sizeof length);
    memcpy(room + 4, &crc, sizeof crc);
    self->group.n += 8 + length;
}

static void
flush_group(loop *self, int fd)
{
    if (write(fd, self->group.p, self->group.n) != (ssize_t)self->group.n || fdatasync(fd) != 0)
        bench_fail("writing failed");
    av_buf_clear(&self->group);
}

static void
report(const char *what, const bench_lap *lap, uint64_t messages, uint64_t raw, uint64_t stored)
{
    double mb = (double)raw / 1e6;

    bench_json_begin(what);
    bench_json_number("messages", (double)messages);
    bench_json_number("raw_bytes", (double)raw);
    bench_json_number("seconds", lap->wall_s);
    bench_json_number("cpu_seconds", lap->cpu_s);
    bench_json_number("messages_per_s", (double)messages / lap->wall_s);
    bench_json_number("mb_per_s", mb / lap->wall_s);
    bench_json_number("messages_per_cpu_s", (double)messages / lap->cpu_s);
    bench_json_number("mb_per_cpu_s", mb / lap->cpu_s);
    bench_json_number("stored_ratio", (double)stored / (double)raw);
    bench_json_number("peak_mb", bench_peak_mb());
    bench_json_end();
}

void
bench_loop(const char *path, const char *dir)
{
    bench_mail *mail = bench_mail_pack(path);
    uint8_t digest[AV_SHA256_SIZE];
    uint64_t messages = 0, raw = 0, stored = 0;
    bench_lap lap = { 0 };
    char file[PATH_MAX];
    uint32_t mailbox;
    av_span message;
    loop self;
    int fd;

    loop_init(&self);
    (void)snprintf(file, sizeof file, "%s/loop", dir);
    fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        bench_fail("cannot write %s", file);
    while (bench_mail_next(mail, &message, &mailbox)) {
        bench_lap_start(&lap);
        av_sha256(message, digest);
        stored += pack(&self, message) + TAG + 8;
        seal(&self);
        if (++messages % BENCH_GROUP == 0)
            flush_group(&self, fd);
        bench_lap_stop(&lap);
        raw += message.n;
    }
    bench_lap_start(&lap);
    flush_group(&self, fd);
    bench_lap_stop(&lap);
    (void)close(fd);
    (void)unlink(file);
    report("loop", &lap, messages, raw, stored);
    loop_release(&self);
    bench_mail_close(&mail);
}

void
bench_zstd(const char *path)
{
    bench_mail *mail = bench_mail_pack(path);
    uint64_t messages = 0, raw = 0, stored = 0;
    bench_lap lap = { 0 };
    uint32_t mailbox;
    av_span message;
    loop self;

    loop_init(&self);
    while (bench_mail_next(mail, &message, &mailbox)) {
        bench_lap_start(&lap);
        stored += pack(&self, message);
        bench_lap_stop(&lap);
        messages++;
        raw += message.n;
    }
    report("zstd", &lap, messages, raw, stored);
    loop_release(&self);
    bench_mail_close(&mail);
}
