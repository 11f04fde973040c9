/*
 * base64_lines.c - see base64_lines.h
 *
 * Source: RFC 4648, 4; RFC 2045, 6.8. Tables of bytes, eight characters a step: 1.5 to 2 GB/s, far above what the
 * digests and the compression behind it take.
 */
#include "storage/mime/base64_lines.h"

enum { BAD = 0x80 }; /* a bit no value of the alphabet has */

/* clang-format off */
#define VALUE(c) ((uint8_t)(                                                                                           \
    (c) >= 'A' && (c) <= 'Z' ? (c) - 'A' :                                                                             \
    (c) >= 'a' && (c) <= 'z' ? (c) - 'a' + 26 :                                                                        \
    (c) >= '0' && (c) <= '9' ? (c) - '0' + 52 :                                                                        \
    (c) == '+' ? 62 : (c) == '/' ? 63 : BAD))
#define VALUE4(c)  VALUE(c), VALUE((c) + 1), VALUE((c) + 2), VALUE((c) + 3)
#define VALUE16(c) VALUE4(c), VALUE4((c) + 4), VALUE4((c) + 8), VALUE4((c) + 12)
#define VALUE64(c) VALUE16(c), VALUE16((c) + 16), VALUE16((c) + 32), VALUE16((c) + 48)
/* clang-format on */

static const uint8_t values[256] = { VALUE64(0), VALUE64(64), VALUE64(128), VALUE64(192) };
static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The 24 bits of the group at in; *bad gathers the bits that tell of foreign characters. */
static inline uint32_t
group_value(const uint8_t *in, uint32_t *bad)
{
    uint32_t a = values[in[0]], b = values[in[1]], c = values[in[2]], d = values[in[3]];

    *bad |= a | b | c | d;
    return a << 18 | b << 12 | c << 6 | d;
}

/* Three bytes, and a zero behind them: one store instead of three. */
static inline void
put_group(uint32_t value, uint8_t *ret)
{
    uint32_t big = __builtin_bswap32(value << 8);

    memcpy(ret, &big, sizeof big);
}

size_t
av_base64_decode_groups(av_span in, uint8_t *ret)
{
    size_t at = 0;
    uint32_t bad = 0;

    for (; in.n - at >= 8; at += 8, ret += 6) {
        uint32_t first = group_value(in.p + at, &bad), second = group_value(in.p + at + 4, &bad);

        if (bad >= BAD)
            break;
        put_group(first, ret);
        put_group(second, ret + 3);
    }
    for (bad = 0; in.n - at >= 4; at += 4, ret += 3) { /* the last group, or the one before a bad one */
        uint32_t value = group_value(in.p + at, &bad);

        if (bad >= BAD)
            break;
        put_group(value, ret);
    }
    return at;
}

bool
av_base64_decode_end(av_span in, uint8_t *ret, size_t *ret_n)
{
    uint8_t last[4];
    size_t n = 0;

    assert(in.n > 0 && in.n % 4 == 0);
    if (av_base64_decode_groups(av_span_slice(in, 0, in.n - 4), ret) != in.n - 4)
        return false;
    ret += in.n / 4 * 3 - 3;
    memcpy(last, in.p + in.n - 4, sizeof last);
    while (n < 2 && last[3 - n] == '=')
        last[3 - n++] = 'A';
    if (av_base64_decode_groups(av_span_of(last, sizeof last), ret) != sizeof last)
        return false;
    for (size_t i = 0; i < n; i++) /* RFC 4648, 3.5: what padding leaves over is zero, or it would not come back */
        if (ret[2 - i] != 0)
            return false;
    *ret_n = in.n / 4 * 3 - n;
    return true;
}

bool
av_base64_lines_valid(const av_base64_lines *self, uint64_t decoded_size)
{
    return self->line_chars <= AV_BASE64_LINE_MAX && self->line_chars % 4 == 0 && decoded_size <= AV_BASE64_DECODED_MAX;
}

/* The body as rows of characters, a line end behind each. */
typedef struct rows {
    uint64_t chars; /* of the whole body, line ends apart */
    uint64_t row;   /* characters of each row but the last; at least 1 */
    unsigned newline;
} rows;

static rows
rows_of(const av_base64_lines *self, uint64_t decoded_size)
{
    uint64_t chars = (decoded_size + 2) / 3 * 4;

    assert(av_base64_lines_valid(self, decoded_size));
    return (rows){ chars, self->line_chars != 0 ? self->line_chars : AV_MAX(chars, 1U), self->crlf ? 2 : 1 };
}

/* Characters before place `at` of the body. */
static uint64_t
chars_before(const rows *r, uint64_t at)
{
    uint64_t row = at / (r->row + r->newline), column = at % (r->row + r->newline);

    return AV_MIN(row * r->row + AV_MIN(column, r->row), r->chars);
}

uint64_t
av_base64_lines_size(const av_base64_lines *self, uint64_t decoded_size)
{
    rows r = rows_of(self, decoded_size);
    uint64_t lines = (r.chars + r.row - 1) / r.row;

    return lines == 0 ? 0 : r.chars + (lines - (self->last_newline ? 0 : 1)) * r.newline;
}

void
av_base64_lines_range(
    const av_base64_lines *self, uint64_t decoded_size, uint64_t at, uint64_t n, uint64_t *ret_from, uint64_t *ret_n)
{
    rows r = rows_of(self, decoded_size);
    uint64_t first = chars_before(&r, at), end = chars_before(&r, at + n), from = first / 4 * 3;

    *ret_from = first == end ? 0 : from;
    *ret_n = first == end ? 0 : AV_MIN((end + 3) / 4 * 3, decoded_size) - from;
}

/* The group of the 1 to 3 bytes at in. */
static void
encode_group(const uint8_t *in, size_t n, uint8_t ret[4])
{
    uint32_t value = (uint32_t)in[0] << 16 | (n > 1 ? (uint32_t)in[1] << 8 : 0) | (n > 2 ? in[2] : 0);

    ret[0] = (uint8_t)alphabet[value >> 18];
    ret[1] = (uint8_t)alphabet[value >> 12 & 63];
    ret[2] = n > 1 ? (uint8_t)alphabet[value >> 6 & 63] : '=';
    ret[3] = n > 2 ? (uint8_t)alphabet[value & 63] : '=';
}

/* Characters [at, at + n) of what decoded gives; all of them are there. */
static void
encode_chars(av_span decoded, size_t at, size_t n, uint8_t *ret)
{
    while (n > 0) {
        size_t from = at / 4 * 3, skip = at % 4, take = AV_MIN(4 - skip, n);
        uint8_t group[4];

        if (skip == 0)
            for (; n >= 4 && decoded.n - from >= 3; n -= 4, at += 4, from += 3, ret += 4)
                encode_group(decoded.p + from, 3, ret);
        take = AV_MIN(take, n);
        if (take == 0)
            return;
        encode_group(decoded.p + from, AV_MIN(decoded.n - from, 3U), group);
        memcpy(ret, group + skip, take);
        ret += take;
        at += take;
        n -= take;
    }
}

void
av_base64_lines_encode(
    const av_base64_lines *self, uint64_t decoded_size, av_span decoded, uint64_t at, size_t n, uint8_t *ret)
{
    rows r = rows_of(self, decoded_size);
    uint64_t start = chars_before(&r, at) / 4 * 4; /* the character that decoded begins with */

    assert(at + n <= av_base64_lines_size(self, decoded_size));
    while (n > 0) {
        uint64_t row = at / (r.row + r.newline), column = at % (r.row + r.newline);
        uint64_t in_row = AV_MIN(r.row, r.chars - row * r.row);
        size_t take;

        if (column < in_row) {
            take = (size_t)AV_MIN(in_row - column, n);
            encode_chars(decoded, (size_t)(row * r.row + column - start), take, ret);
        } else {
            take = 1;
            *ret = r.newline == 2 && column == in_row ? '\r' : '\n';
        }
        ret += take;
        at += take;
        n -= take;
    }
}
