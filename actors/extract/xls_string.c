/*
 * xls_string.c - see xls_priv.h
 */
#include "actors/extract/xls_priv.h"

#include "storage/mime/charset.h"

#define CONTINUE 0x003C

bool
xls_take_record(av_span *rest, uint16_t *ret_type, av_span *ret_body)
{
    av_span s = *rest;
    uint16_t n;

    if (!av_span_get_u16(&s, ret_type) || !av_span_get_u16(&s, &n))
        return false;
    *ret_body = av_span_slice(s, 0, AV_MIN((size_t)n, s.n));
    *rest = av_span_skip(s, ret_body->n);
    return ret_body->n == n;
}

bool
xls_go_on(xls_reader *self)
{
    av_span rest = self->rest, body;
    uint16_t type;

    if (!xls_take_record(&rest, &type, &body) || type != CONTINUE)
        return false;
    self->rest = rest;
    self->body = body;
    return true;
}

static void
skip(xls_reader *self, uint64_t n)
{
    while (n > 0) {
        size_t here = (size_t)AV_MIN(n, (uint64_t)self->body.n);

        self->body = av_span_skip(self->body, here);
        n -= here;
        if (n > 0 && !xls_go_on(self))
            return;
    }
}

bool
xls_take_chars(xls_reader *self, uint32_t count, bool wide, av_buf *out)
{
    while (count > 0) {
        size_t width = wide ? 2 : 1, here = AV_MIN((size_t)count, self->body.n / width);
        av_span s = av_span_slice(self->body, 0, here * width);

        if (wide)
            (void)av_charset_to_utf8(av_span_str("UTF-16LE"), s, out);
        else
            (void)av_charset_to_utf8(av_span_str("iso-8859-1"), s, out);
        self->body = av_span_skip(self->body, here * width);
        count -= (uint32_t)here;
        if (count == 0)
            return true;
        if (!xls_go_on(self) || self->body.n == 0)
            return false;
        wide = (self->body.p[0] & 1) != 0;
        self->body = av_span_skip(self->body, 1);
    }
    return true;
}

bool
xls_take_string(xls_reader *self, uint32_t count, av_buf *out)
{
    uint8_t flags = 0;
    uint16_t runs = 0;
    uint32_t extra = 0;
    bool whole;

    if (!self->biff8) {
        size_t n = AV_MIN((size_t)count, self->body.n);

        (void)av_charset_to_utf8(av_span_str(self->charset), av_span_slice(self->body, 0, n), out);
        self->body = av_span_skip(self->body, n);
        return n == count;
    }
    if (self->body.n == 0 && !xls_go_on(self))
        return false;
    if (!av_span_get_u8(&self->body, &flags) || ((flags & 8) != 0 && !av_span_get_u16(&self->body, &runs)) ||
        ((flags & 4) != 0 && !av_span_get_u32(&self->body, &extra)))
        return false;
    whole = xls_take_chars(self, count, (flags & 1) != 0, out);
    skip(self, (uint64_t)runs * 4 + extra);
    return whole;
}

void
xls_read_shared(xls_reader *self)
{
    uint32_t total, count;

    if (!av_span_get_u32(&self->body, &total) || !av_span_get_u32(&self->body, &count))
        return;
    while (count-- > 0 && !self->strings.full && !self->ends.full) {
        uint16_t n;
        bool whole;

        if (self->body.n < 2 && !xls_go_on(self))
            return;
        if (!av_span_get_u16(&self->body, &n))
            return;
        whole = xls_take_string(self, n, &self->strings);
        (void)av_buf_put_u32(&self->ends, (uint32_t)self->strings.n);
        if (!whole)
            return;
    }
}

void
xls_put_shared(xls_reader *self, uint32_t i)
{
    av_span ends = av_buf_span(&self->ends);
    uint32_t from = 0, to;

    if (i >= ends.n / 4)
        return;
    if (i > 0) {
        av_span before = av_span_skip(ends, ((size_t)i - 1) * 4);

        (void)av_span_get_u32(&before, &from);
    }
    ends = av_span_skip(ends, (size_t)i * 4);
    (void)av_span_get_u32(&ends, &to);
    (void)av_job_utf8(self->job, av_span_slice(av_buf_span(&self->strings), from, to));
}
