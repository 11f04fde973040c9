/*
 * decode.c - see decode.h
 */
#include "storage/mime/decode.h"

enum { SKIP = 64, PAD = 65 };

static const uint8_t base64_value[256] = {
#define X4  SKIP, SKIP, SKIP, SKIP
#define X16 X4, X4, X4, X4
    X16,
    X16,
    X4,
    X4,
    SKIP,
    SKIP,
    SKIP,
    62,
    SKIP,
    SKIP,
    SKIP,
    63, /* '+' and '/' */
    52,
    53,
    54,
    55,
    56,
    57,
    58,
    59,
    60,
    61,
    SKIP,
    SKIP,
    SKIP,
    PAD,
    SKIP,
    SKIP,
    SKIP,
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    11,
    12,
    13,
    14,
    15,
    16,
    17,
    18,
    19,
    20,
    21,
    22,
    23,
    24,
    25,
    SKIP,
    SKIP,
    SKIP,
    SKIP,
    SKIP,
    SKIP,
    26,
    27,
    28,
    29,
    30,
    31,
    32,
    33,
    34,
    35,
    36,
    37,
    38,
    39,
    40,
    41,
    42,
    43,
    44,
    45,
    46,
    47,
    48,
    49,
    50,
    51,
    SKIP,
    SKIP,
    SKIP,
    SKIP,
    SKIP,
    X16,
    X16,
    X16,
    X16,
    X16,
    X16,
    X16,
    X16,
#undef X16
#undef X4
};

/* Room for n bytes or, when the ceiling is nearer, for what is left of it; ret_cut tells. */
static uint8_t *
reserve_most(av_buf *out, size_t n, bool *ret_cut)
{
    size_t left = out->full ? 0 : out->max - out->n;

    *ret_cut = n > left;
    return av_buf_reserve(out, AV_MIN(n, left));
}

bool
av_decode_base64_some(av_span in, uint32_t *bits, unsigned *have, av_buf *out)
{
    bool short_of;
    size_t room = in.n / 4 * 3 + 3, n = 0, i = 0;
    uint8_t *to = reserve_most(out, room, &short_of);
    uint32_t group = *bits;
    unsigned got = *have;

    if (to == NULL)
        return false;
    if (short_of)
        room = out->max - out->n;
    for (; i < in.n; i++) {
        uint8_t v = base64_value[in.p[i]];

        if (v == SKIP)
            continue;
        if (v == PAD) { /* the end of a run; some mailers glue several runs together */
            got = 0;
            continue;
        }
        group = group << 6 | v;
        got += 6;
        if (got < 8)
            continue;
        got -= 8;
        if (n == room)
            break;
        to[n++] = (uint8_t)(group >> got);
    }
    out->n += n;
    out->full = out->full || i < in.n;
    *bits = group;
    *have = got;
    return i == in.n;
}

bool
av_decode_base64(av_span in, av_buf *out)
{
    uint32_t bits = 0;
    unsigned have = 0;

    return av_decode_base64_some(in, &bits, &have, out);
}

static int
hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that `=XY` at the start of in stands for, or -1. */
static int
escape(av_span in)
{
    int high, low;

    if (in.n < 3)
        return -1;
    high = hex_value(in.p[1]);
    low = hex_value(in.p[2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* Bytes of the soft line break (`=`, blanks, line end or end of the text) at the start of in, or 0. */
static size_t
soft_break(av_span in)
{
    size_t i = 1;

    while (i < in.n && (in.p[i] == ' ' || in.p[i] == '\t' || in.p[i] == '\r'))
        i++;
    return i == in.n ? i : in.p[i] == '\n' ? i + 1 : 0;
}

/* RFC 2045, 6.7, rule 3: blanks at the end of an encoded line were added in transport. */
static size_t
trim_line(const uint8_t *line, size_t n)
{
    while (n > 0 && (line[n - 1] == ' ' || line[n - 1] == '\t'))
        n--;
    return n;
}

/* The part of one line without escapes: appended, blanks before its line end dropped. */
static bool
put_plain(av_span in, size_t n, av_buf *out)
{
    size_t keep = n, end = n;

    if (n < in.n && in.p[n] == '\n') {
        if (end > 0 && in.p[end - 1] == '\r')
            end--;
        keep = trim_line(in.p, end);
    }
    return av_buf_append(out, in.p, keep) && av_buf_append(out, in.p + end, n - end);
}

bool
av_decode_qp(av_span in, av_buf *out)
{
    bool short_of;
    uint8_t *room = reserve_most(out, in.n, &short_of); /* one growth instead of many */

    if (room == NULL)
        return false;
    while (in.n > 0) {
        size_t n = 0, soft;
        int byte;

        while (n < in.n && in.p[n] != '=' && in.p[n] != '\n')
            n++;
        if (!put_plain(in, n, out))
            return false;
        in = av_span_skip(in, n);
        if (in.n == 0)
            break;
        byte = in.p[0] == '=' ? escape(in) : -1;
        soft = in.p[0] == '=' && byte < 0 ? soft_break(in) : 0;
        if (soft == 0 && !av_buf_putc(out, byte >= 0 ? (uint8_t)byte : in.p[0]))
            return false;
        in = av_span_skip(in, soft > 0 ? soft : byte >= 0 ? 3 : 1);
    }
    return true;
}

bool
av_decode_q(av_span in, av_buf *out)
{
    while (in.n > 0) {
        int byte = in.p[0] == '=' ? escape(in) : -1;

        if (!av_buf_putc(out, byte >= 0 ? (uint8_t)byte : in.p[0] == '_' ? ' ' : in.p[0]))
            return false;
        in = av_span_skip(in, byte >= 0 ? 3 : 1);
    }
    return true;
}

static av_span
take_line(av_span *in)
{
    size_t n = av_span_find(*in, '\n');
    av_span line = av_span_slice(*in, 0, n);

    *in = av_span_skip(*in, n < in->n ? n + 1 : n);
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

/* One uuencoded line: a length character, then groups of four. */
static bool
uu_line(av_span line, av_buf *out)
{
    size_t want = (line.p[0] - 32U) & 63, got = 0;

    for (size_t i = 1; got < want; i += 4) {
        uint32_t bits = 0;

        for (size_t k = 0; k < 4; k++)
            bits = bits << 6 | (i + k < line.n ? (line.p[i + k] - 32U) & 63 : 0);
        for (unsigned k = 0; k < 3 && got < want; k++, got++)
            if (!av_buf_putc(out, (uint8_t)(bits >> (16 - 8 * k))))
                return false;
    }
    return true;
}

bool
av_decode_uu(av_span in, av_buf *out)
{
    bool inside = false;

    while (in.n > 0) {
        av_span line = take_line(&in);

        if (!inside)
            inside = line.n > 6 && memcmp(line.p, "begin ", 6) == 0;
        else if (line.n == 0 || av_span_eq_str(line, "end"))
            inside = false;
        else if (!uu_line(line, out))
            return false;
    }
    return true;
}

bool
av_mime_decode_head(const av_mime *self, uint32_t i, size_t max_in, av_buf *out, av_span *ret_bytes)
{
    av_span body = av_mime_body(self, i);
    bool ok;

    body.n = AV_MIN(body.n, max_in);
    av_buf_clear(out);
    switch (self->parts[i].encoding) {
    case AV_MIME_QP:
        ok = av_decode_qp(body, out);
        break;
    case AV_MIME_BASE64:
        ok = av_decode_base64(body, out);
        break;
    case AV_MIME_UUENCODE:
        ok = av_decode_uu(body, out);
        break;
    default:
        *ret_bytes = body;
        return true;
    }
    *ret_bytes = av_buf_span(out);
    return ok;
}

bool
av_mime_decode(const av_mime *self, uint32_t i, av_buf *out, av_span *ret_bytes)
{
    return av_mime_decode_head(self, i, SIZE_MAX, out, ret_bytes);
}
