/*
 * encode.h - hex, base64, base64url, SHA-256
 */
#ifndef AV_BASE_ENCODE_H
#define AV_BASE_ENCODE_H

#include "base/buf.h"

#define AV_SHA256_SIZE 32

void av_sha256(av_span in, uint8_t ret[AV_SHA256_SIZE]);
/* Streaming form; av_sha256_stream is heap memory, end with _finish (which frees) or _destroy. */
typedef struct av_sha256_stream av_sha256_stream;
av_sha256_stream *av_sha256_stream_new(void);
void av_sha256_stream_update(av_sha256_stream *self, av_span in);
void av_sha256_stream_finish(av_sha256_stream **self, uint8_t ret[AV_SHA256_SIZE]);
void av_sha256_stream_destroy(av_sha256_stream **self);

/* ret gets 2 * n + 1 bytes. */
void av_hex_encode(av_span in, char *ret);
/* Exactly 2 * n hex digits of either case into n bytes. */
bool av_hex_decode(av_span in, uint8_t *ret, size_t n);
bool av_base64_encode(av_span in, av_buf *out);
/* RFC 4648, 5, no padding. */
bool av_base64url_encode(av_span in, av_buf *out);
/* Strict RFC 4648, 4: padding needed, no white space. false on anything else or a full buffer. */
bool av_base64_decode(av_span in, av_buf *out);
/* Either alphabet, padding optional. */
bool av_base64url_decode(av_span in, av_buf *out);
uint32_t av_crc32c(uint32_t crc, av_span in);

#endif
