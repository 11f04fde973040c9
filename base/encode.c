/*
 * encode.c - see encode.h
 *
 * Hashing is OpenSSL's plain SHA-256: its EVP functions, SHA256() among them, look the algorithm up for each digest,
 * which costs as much as hashing half a kilobyte.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* SHA256_Init and its kin, see above */
#include "base/encode.h"

#include <openssl/sha.h>

#include "base/secret.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char alphabet_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

struct av_sha256_stream {
    SHA256_CTX ctx;
};

void
av_sha256(av_span in, uint8_t ret[AV_SHA256_SIZE])
{
    av_sha256_stream stream;

    (void)SHA256_Init(&stream.ctx);
    av_sha256_stream_update(&stream, in);
    (void)SHA256_Final(ret, &stream.ctx);
    av_secret_wipe(&stream, sizeof stream);
}

av_sha256_stream *
av_sha256_stream_new(void)
{
    av_sha256_stream *self = av_xalloc(sizeof *self);

    (void)SHA256_Init(&self->ctx);
    return self;
}

void
av_sha256_stream_update(av_sha256_stream *self, av_span in)
{
    if (in.n > 0)
        (void)SHA256_Update(&self->ctx, in.p, in.n);
}

void
av_sha256_stream_finish(av_sha256_stream **self, uint8_t ret[AV_SHA256_SIZE])
{
    (void)SHA256_Final(ret, &(*self)->ctx);
    av_sha256_stream_destroy(self);
}

void
av_sha256_stream_destroy(av_sha256_stream **self)
{
    if (*self == NULL)
        return;
    av_secret_wipe(*self, sizeof **self);
    free(*self);
    *self = NULL;
}

void
av_hex_encode(av_span in, char *ret)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < in.n; i++) {
        ret[2 * i] = digits[in.p[i] >> 4];
        ret[2 * i + 1] = digits[in.p[i] & 15];
    }
    ret[2 * in.n] = '\0';
}

static int
hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
av_hex_decode(av_span in, uint8_t *ret, size_t n)
{
    if (in.n != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++) {
        int hi = hex_value(in.p[2 * i]), lo = hex_value(in.p[2 * i + 1]);

        if (hi < 0 || lo < 0)
            return false;
        ret[i] = (uint8_t)(hi << 4 | lo);
    }
    return true;
}

static bool
encode64(av_span in, const char *abc, bool pad, av_buf *out)
{
    uint8_t *to = av_buf_reserve(out, (in.n + 2) / 3 * 4);
    size_t o = 0, i;

    if (to == NULL)
        return false;
    for (i = 0; i + 3 <= in.n; i += 3) {
        uint32_t v = (uint32_t)in.p[i] << 16 | (uint32_t)in.p[i + 1] << 8 | in.p[i + 2];

        to[o++] = (uint8_t)abc[v >> 18];
        to[o++] = (uint8_t)abc[v >> 12 & 63];
        to[o++] = (uint8_t)abc[v >> 6 & 63];
        to[o++] = (uint8_t)abc[v & 63];
    }
    if (i < in.n) {
        uint32_t v = (uint32_t)in.p[i] << 16 | (i + 1 < in.n ? (uint32_t)in.p[i + 1] << 8 : 0);

        to[o++] = (uint8_t)abc[v >> 18];
        to[o++] = (uint8_t)abc[v >> 12 & 63];
        if (i + 1 < in.n)
            to[o++] = (uint8_t)abc[v >> 6 & 63];
        else if (pad)
            to[o++] = '=';
        if (pad)
            to[o++] = '=';
    }
    out->n += o;
    return true;
}

bool
av_base64_encode(av_span in, av_buf *out)
{
    return encode64(in, alphabet, true, out);
}

bool
av_base64url_encode(av_span in, av_buf *out)
{
    return encode64(in, alphabet_url, false, out);
}

static int
value64(uint8_t c, bool url)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || (url && c == '-'))
        return 62;
    if (c == '/' || (url && c == '_'))
        return 63;
    return -1;
}

static bool
decode64(av_span in, bool url, av_buf *out)
{
    uint32_t v = 0;
    unsigned bits = 0;

    if (!url && in.n % 4 != 0)
        return false;
    for (unsigned pads = 0; in.n > 0 && in.p[in.n - 1] == '=' && pads < 2; pads++)
        in.n--;
    if (in.n % 4 == 1)
        return false;
    for (size_t i = 0; i < in.n; i++) {
        int d = value64(in.p[i], url);

        if (d < 0)
            return false;
        v = v << 6 | (uint32_t)d;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            if (!av_buf_putc(out, (uint8_t)(v >> bits)))
                return false;
        }
    }
    return (v & ((1U << bits) - 1)) == 0; /* left-over bits must be zero, or two texts would mean one value */
}

bool
av_base64_decode(av_span in, av_buf *out)
{
    return decode64(in, false, out);
}

bool
av_base64url_decode(av_span in, av_buf *out)
{
    return decode64(in, true, out);
}

#if defined(__x86_64__)
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t
crc32c_hardware(uint32_t crc, av_span in)
{
    uint64_t c = crc;

    while (in.n >= 8) {
        uint64_t word;

        memcpy(&word, in.p, 8);
        c = _mm_crc32_u64(c, word);
        in = av_span_skip(in, 8);
    }
    for (size_t i = 0; i < in.n; i++)
        c = _mm_crc32_u8((uint32_t)c, in.p[i]);
    return (uint32_t)c;
}
#endif

static uint32_t
crc32c_table(uint32_t crc, av_span in)
{
    for (size_t i = 0; i < in.n; i++) {
        crc ^= in.p[i];
        for (int k = 0; k < 8; k++)
            crc = crc & 1 ? crc >> 1 ^ 0x82F63B78U : crc >> 1;
    }
    return crc;
}

uint32_t
av_crc32c(uint32_t crc, av_span in)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        return ~crc32c_hardware(~crc, in);
#endif
    return ~crc32c_table(~crc, in);
}
