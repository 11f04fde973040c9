/*
 * crlf.c - see crlf.h
 */
#include "storage/mime/crlf.h"

uint64_t
av_crlf_size(av_crlf *self, av_span in)
{
    uint64_t size = in.n;
    size_t at = 0;

    while (at < in.n) {
        at += av_span_find(av_span_skip(in, at), '\n');
        if (at == in.n)
            break;
        if (at == 0 ? !self->after_cr : in.p[at - 1] != '\r')
            size++;
        at++;
    }
    if (in.n > 0)
        self->after_cr = in.p[in.n - 1] == '\r';
    return size;
}

uint64_t
av_crlf_size_of(av_span in)
{
    av_crlf state = { false };

    return av_crlf_size(&state, in);
}

size_t
av_crlf_convert(av_crlf *self, av_span *in, uint8_t *ret, size_t max)
{
    size_t n = 0;

    assert(max >= 2);
    while (in->n > 0 && n < max) {
        size_t run = av_span_find(*in, '\n');

        run = AV_MIN(run, max - n);
        if (run > 0) {
            memcpy(ret + n, in->p, run);
            self->after_cr = in->p[run - 1] == '\r';
            n += run;
            *in = av_span_skip(*in, run);
            continue;
        }
        if (!self->after_cr) {
            if (max - n < 2)
                break;
            ret[n++] = '\r';
        }
        ret[n++] = '\n';
        self->after_cr = false;
        *in = av_span_skip(*in, 1);
    }
    return n;
}

bool
av_crlf_append(av_span in, av_buf *out)
{
    uint64_t size = av_crlf_size_of(in);
    av_crlf state = { false };
    uint8_t *to = av_buf_reserve(out, size);

    if (to == NULL)
        return false;
    if (in.n > 0)
        out->n += av_crlf_convert(&state, &in, to, AV_MAX(size, 2U));
    return true;
}

bool
av_crlf_append_range(av_span in, uint64_t from, uint64_t n, av_buf *out)
{
    av_crlf state = { false };
    uint8_t chunk[8192];

    while (in.n > 0 && n > 0) {
        size_t got = av_crlf_convert(&state, &in, chunk, sizeof chunk);
        size_t skip = from < got ? (size_t)from : got;
        size_t take = n < got - skip ? (size_t)n : got - skip;

        from -= skip;
        n -= take;
        if (!av_buf_append(out, chunk + skip, take))
            return false;
    }
    return true;
}
