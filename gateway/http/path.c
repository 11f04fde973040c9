/*
 * path.c - see path.h
 */
#include "gateway/http/path.h"

#include "base/unicode.h"
#include "gateway/http/escape.h"

static bool
is_dots(av_span segment)
{
    return av_span_eq_str(segment, ".") || av_span_eq_str(segment, "..");
}

static bool
decode_segment(av_span segment, av_buf *out)
{
    size_t from = out->n;
    av_span got;

    if (!av_http_unescape(segment, false, out))
        return false;
    got = av_span_slice(av_buf_span(out), from, out->n);
    for (size_t i = 0; i < got.n; i++)
        if (got.p[i] < ' ' || got.p[i] == 0x7f || got.p[i] == '/')
            return false;
    return !is_dots(got) && av_utf8_valid(got);
}

static bool
walk(av_span raw, av_buf *out)
{
    while (raw.n > 0) {
        size_t end;

        raw = av_span_skip(raw, 1); /* the slash */
        end = av_span_find(raw, '/');
        if (end > 0 && (!av_buf_putc(out, '/') || !decode_segment(av_span_slice(raw, 0, end), out)))
            return false;
        raw = av_span_skip(raw, end);
    }
    return out->n > 0 || av_buf_putc(out, '/');
}

bool
av_http_path_normalise(av_span raw, av_buf *out)
{
    AV_CLEANUP(av_buf_release) av_buf path = { 0 };

    av_buf_init(&path, AV_HTTP_PATH_MAX);
    if (raw.n == 0 || raw.p[0] != '/' || !walk(raw, &path))
        return false;
    return av_buf_append_span(out, av_buf_span(&path));
}
