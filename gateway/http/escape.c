/*
 * escape.c - see escape.h
 */
#include "gateway/http/escape.h"

#include "base/encode.h"

bool
av_http_unescape(av_span in, bool plus_is_space, av_buf *out)
{
    for (size_t i = 0; i < in.n; i++) {
        uint8_t c = in.p[i];

        if (c == '%') {
            if (in.n - i < 3 || !av_hex_decode(av_span_slice(in, i + 1, i + 3), &c, 1))
                return false;
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if (!av_buf_putc(out, c))
            return false;
    }
    return true;
}
