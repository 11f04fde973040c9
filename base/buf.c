/*
 * buf.c - see buf.h
 */
#include "base/buf.h"

#include <endian.h>
#include <stdarg.h>

void
av_buf_init(av_buf *self, size_t max_bytes)
{
    *self = (av_buf){ .max = max_bytes };
}

void
av_buf_release(av_buf *self)
{
    free(self->p);
    *self = (av_buf){ .max = self->max };
}

void
av_buf_release_secret(av_buf *self)
{
    if (self->p != NULL)
        explicit_bzero(self->p, self->cap);
    av_buf_release(self);
}

void
av_buf_clear(av_buf *self)
{
    self->n = 0;
    self->full = false;
}

uint8_t *
av_buf_reserve(av_buf *self, size_t n)
{
    size_t want, cap;
    uint8_t *p;

    if (self->full || n > self->max || self->n > self->max - n) {
        self->full = true;
        return NULL;
    }
    want = self->n + n + 1; /* one more for av_buf_cstr's NUL */
    if (want > self->cap) {
        cap = self->cap < 64 ? 64 : self->cap;
        while (cap < want)
            cap = cap > SIZE_MAX / 2 ? want : cap * 2;
        if (cap > self->max + 1)
            cap = self->max + 1;
        p = realloc(self->p, cap);
        if (p == NULL) {
            self->full = true;
            return NULL;
        }
        self->p = p;
        self->cap = cap;
    }
    return self->p + self->n;
}

bool
av_buf_append(av_buf *self, const void *p, size_t n)
{
    uint8_t *to = av_buf_reserve(self, n);

    if (to == NULL)
        return false;
    if (n > 0)
        memcpy(to, p, n);
    self->n += n;
    return true;
}

bool
av_buf_append_span(av_buf *self, av_span s)
{
    return av_buf_append(self, s.p, s.n);
}

bool
av_buf_puts(av_buf *self, const char *s)
{
    return av_buf_append(self, s, strlen(s));
}

bool
av_buf_putc(av_buf *self, uint8_t c)
{
    if (!self->full && self->cap - self->n > 1 && self->cap > 0) { /* the usual case: there is room (cap <= max + 1) */
        self->p[self->n++] = c;
        return true;
    }
    return av_buf_append(self, &c, 1);
}

bool
av_buf_printf(av_buf *self, const char *fmt, ...)
{
    char small[256];
    va_list ap, again;
    uint8_t *to;
    int n;

    va_start(ap, fmt);
    va_copy(again, ap);
    n = vsnprintf(small, sizeof small, fmt, ap);
    va_end(ap);
    to = n < 0 ? NULL : av_buf_reserve(self, (size_t)n);
    if (to != NULL) {
        if ((size_t)n < sizeof small)
            memcpy(to, small, (size_t)n);
        else
            (void)vsnprintf((char *)to, (size_t)n + 1, fmt, again);
        self->n += (size_t)n;
    }
    va_end(again);
    return to != NULL;
}

void
av_buf_consume(av_buf *self, size_t n)
{
    assert(n <= self->n);
    if (n == 0)
        return;
    memmove(self->p, self->p + n, self->n - n);
    self->n -= n;
}

const char *
av_buf_cstr(av_buf *self)
{
    if (self->p == NULL)
        return "";
    self->p[self->n] = '\0'; /* reserve() always leaves one byte */
    return (const char *)self->p;
}

bool
av_buf_put_u8(av_buf *self, uint8_t v)
{
    return av_buf_append(self, &v, 1);
}

bool
av_buf_put_u16(av_buf *self, uint16_t v)
{
    v = htole16(v);
    return av_buf_append(self, &v, sizeof v);
}

bool
av_buf_put_u32(av_buf *self, uint32_t v)
{
    v = htole32(v);
    return av_buf_append(self, &v, sizeof v);
}

bool
av_buf_put_u64(av_buf *self, uint64_t v)
{
    v = htole64(v);
    return av_buf_append(self, &v, sizeof v);
}

bool
av_span_get_bytes(av_span *s, size_t n, av_span *ret)
{
    if (n > s->n)
        return false;
    *ret = av_span_slice(*s, 0, n);
    *s = av_span_skip(*s, n);
    return true;
}

bool
av_span_get_u8(av_span *s, uint8_t *ret)
{
    if (s->n < 1)
        return false;
    *ret = s->p[0];
    *s = av_span_skip(*s, 1);
    return true;
}

bool
av_span_get_u16(av_span *s, uint16_t *ret)
{
    uint16_t v;

    if (s->n < sizeof v)
        return false;
    memcpy(&v, s->p, sizeof v);
    *ret = le16toh(v);
    *s = av_span_skip(*s, sizeof v);
    return true;
}

bool
av_span_get_u32(av_span *s, uint32_t *ret)
{
    uint32_t v;

    if (s->n < sizeof v)
        return false;
    memcpy(&v, s->p, sizeof v);
    *ret = le32toh(v);
    *s = av_span_skip(*s, sizeof v);
    return true;
}

bool
av_span_get_u64(av_span *s, uint64_t *ret)
{
    uint64_t v;

    if (s->n < sizeof v)
        return false;
    memcpy(&v, s->p, sizeof v);
    *ret = le64toh(v);
    *s = av_span_skip(*s, sizeof v);
    return true;
}
