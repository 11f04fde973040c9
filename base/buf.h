/*
 * buf.h - a growing byte buffer that is born with its ceiling
 *
 * Embedded: AV_CLEANUP(av_buf_release) av_buf b = { 0 }; av_buf_init(&b, ceiling) ... The zero matters: a way out before
 * the init releases it too. Growth beyond the ceiling is refused and leaves
 * the contents as they were; after a refusal every further append is refused too (`full`), so that a run of appends
 * may be checked once at its end.
 */
#ifndef AV_BASE_BUF_H
#define AV_BASE_BUF_H

#include "base/span.h"

typedef struct av_buf {
    uint8_t *p;
    size_t n, cap;
    size_t max; /* ceiling in bytes */
    bool full;  /* an append was refused */
} av_buf;

void av_buf_init(av_buf *self, size_t max_bytes);
/* Frees the contents; self may be used again after av_buf_init. A zeroed av_buf is fine. */
void av_buf_release(av_buf *self);
/* Wipes (explicit_bzero) and frees: for secrets. */
void av_buf_release_secret(av_buf *self);
/* Empty, keeps memory and ceiling, clears `full`. */
void av_buf_clear(av_buf *self);
bool av_buf_append(av_buf *self, const void *p, size_t n);
bool av_buf_append_span(av_buf *self, av_span s);
bool av_buf_puts(av_buf *self, const char *s);
bool av_buf_putc(av_buf *self, uint8_t c);
bool av_buf_printf(av_buf *self, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Room for n more bytes at p+n, which the caller then fills and adds to self->n; NULL when over the ceiling. */
uint8_t *av_buf_reserve(av_buf *self, size_t n);
/* Drop the first n bytes. */
void av_buf_consume(av_buf *self, size_t n);
/* Contents as a C string: a NUL stands after the last byte (not counted). Never NULL, even when empty or full. */
const char *av_buf_cstr(av_buf *self);

static inline av_span
av_buf_span(const av_buf *self)
{
    return (av_span){ self->p, self->n };
}

/* Little-endian integers, for our own formats. */
bool av_buf_put_u8(av_buf *self, uint8_t v);
bool av_buf_put_u16(av_buf *self, uint16_t v);
bool av_buf_put_u32(av_buf *self, uint32_t v);
bool av_buf_put_u64(av_buf *self, uint64_t v);
/* Take one off the front; false and nothing moved when too short. */
bool av_span_get_u8(av_span *s, uint8_t *ret);
bool av_span_get_u16(av_span *s, uint16_t *ret);
bool av_span_get_u32(av_span *s, uint32_t *ret);
bool av_span_get_u64(av_span *s, uint64_t *ret);
bool av_span_get_bytes(av_span *s, size_t n, av_span *ret);

#endif
