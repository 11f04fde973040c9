/*
 * basic.c - see basic.h
 */
#include "gateway/http/basic.h"

#include "base/encode.h"
#include "base/secret.h"
#include "base/unicode.h"

static bool
is_clean(av_span text)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] < ' ' || text.p[i] == 0x7f) /* RFC 7617, 2: no control characters */
            return false;
    return av_utf8_valid(text);
}

static bool
split(av_span plain, av_http_basic *ret)
{
    size_t colon = av_span_find(plain, ':');

    if (colon == 0 || colon == plain.n || !is_clean(plain))
        return false;
    ret->user = av_span_dup(av_span_slice(plain, 0, colon));
    ret->password = av_span_dup(av_span_skip(plain, colon + 1));
    return true;
}

bool
av_http_basic_parse(av_span header, av_http_basic *ret)
{
    static const char scheme[] = "basic";
    av_buf plain;
    bool ok;

    if (header.n > AV_HTTP_BASIC_MAX || header.n < sizeof scheme ||
        !av_span_ieq_str(av_span_slice(header, 0, sizeof scheme - 1), scheme) || header.p[sizeof scheme - 1] != ' ')
        return false;
    av_buf_init(&plain, AV_HTTP_BASIC_MAX);
    ok = av_base64_decode(av_span_trim(av_span_skip(header, sizeof scheme)), &plain) && split(av_buf_span(&plain), ret);
    av_buf_release_secret(&plain);
    return ok;
}

void
av_http_basic_release(av_http_basic *self)
{
    av_secret_free(&self->user);
    av_secret_free(&self->password);
}
