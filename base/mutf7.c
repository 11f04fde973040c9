/*
 * mutf7.c - see mutf7.h
 *
 * Base64 with "," for "/" and no padding, between "&" and "-", of UTF-16 big-endian; "&-" is "&". Only one form of a
 * name is right, so a wrong one is refused: two names must never look the same and be different.
 */
#include "base/mutf7.h"

#include "base/unicode.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static bool
is_plain(uint32_t c)
{
    return c >= 0x20 && c <= 0x7E;
}

/* One unit of UTF-16 arrived; *high holds a first half that waits for its second. */
static bool
put_unit(uint32_t unit, uint32_t *high, av_buf *out)
{
    if (unit >= 0xDC00 && unit <= 0xDFFF) {
        uint32_t c = 0x10000 + ((*high & 0x3FF) << 10) + (unit & 0x3FF);

        if (*high == 0)
            return false;
        *high = 0;
        return av_utf8_put(out, c);
    }
    if (*high != 0 || is_plain(unit) || unit == 0)
        return false;
    if (unit >= 0xD800 && unit <= 0xDBFF) {
        *high = unit;
        return true;
    }
    return av_utf8_put(out, unit);
}

/* The base64 between "&" and "-". */
static bool
decode_run(av_span run, av_buf *out)
{
    uint32_t bits = 0, high = 0;
    unsigned held = 0;

    for (size_t i = 0; i < run.n; i++) {
        const char *at = run.p[i] == 0 ? NULL : strchr(alphabet, run.p[i]);

        if (at == NULL)
            return false;
        bits = bits << 6 | (uint32_t)(at - alphabet);
        held += 6;
        if (held < 16)
            continue;
        held -= 16;
        if (!put_unit(bits >> held & 0xFFFF, &high, out))
            return false;
        bits &= (1U << held) - 1;
    }
    return high == 0 && held < 6 && bits == 0;
}

bool
av_mutf7_decode(av_span in, av_buf *out)
{
    size_t before = out->n;
    bool ok = true;

    while (in.n > 0 && ok) {
        size_t end;

        if (!is_plain(in.p[0])) {
            ok = false;
        } else if (in.p[0] != '&') {
            ok = av_buf_putc(out, in.p[0]);
            in = av_span_skip(in, 1);
        } else {
            end = av_span_find(in, '-');
            ok = end < in.n && (end == 1 ? av_buf_putc(out, '&') : decode_run(av_span_slice(in, 1, end), out));
            in = av_span_skip(in, AV_MIN(end + 1, in.n));
        }
    }
    if (!ok)
        out->n = before;
    return ok;
}

/* Bits of UTF-16 on their way into base64. */
typedef struct pen {
    av_buf *out;
    uint32_t bits;
    unsigned held;
    bool open; /* "&" was written, "-" not yet */
} pen;

static void
write_unit(pen *p, uint32_t unit)
{
    if (!p->open)
        (void)av_buf_putc(p->out, '&');
    p->open = true;
    p->bits = (p->bits << 16 | unit) & 0x3FFFFF;
    for (p->held += 16; p->held >= 6; p->held -= 6)
        (void)av_buf_putc(p->out, (uint8_t)alphabet[p->bits >> (p->held - 6) & 63]);
}

static void
close_run(pen *p)
{
    if (!p->open)
        return;
    if (p->held > 0)
        (void)av_buf_putc(p->out, (uint8_t)alphabet[p->bits << (6 - p->held) & 63]);
    (void)av_buf_putc(p->out, '-');
    p->open = false;
    p->held = 0;
    p->bits = 0;
}

bool
av_mutf7_encode(av_span in, av_buf *out)
{
    size_t before = out->n;
    pen p = { .out = out };

    if (!av_utf8_valid(in))
        return false;
    while (in.n > 0) {
        uint32_t c = av_utf8_next(&in);

        if (is_plain(c)) {
            close_run(&p);
            (void)av_buf_putc(out, (uint8_t)c);
            if (c == '&')
                (void)av_buf_putc(out, '-');
        } else if (c < 0x10000) {
            write_unit(&p, c);
        } else {
            write_unit(&p, 0xD800 + (c - 0x10000) / 0x400);
            write_unit(&p, 0xDC00 + (c - 0x10000) % 0x400);
        }
    }
    close_run(&p);
    if (out->full)
        out->n = before;
    return !out->full;
}
