/*
 * split_proof.c - canonical base64, proved a line at a time
 *
 * Pure: a line and what is known of the lines before it in, its decoded bytes and whether more may follow out. Where
 * all is one line without an end, a step is a group of four characters.
 */
#include "storage/mime/split_priv.h"

enum {
    UNBROKEN_END = 6 /* the last group and its line end: what must be seen together where there are no lines */
};

static unsigned
newline_size(const av_base64_lines *lines)
{
    return lines->crlf ? 2 : 1;
}

size_t
split_step_size(const av_base64_lines *lines)
{
    return lines->line_chars == 0 ? UNBROKEN_END : lines->line_chars + newline_size(lines);
}

bool
split_decode_line(const av_base64_lines *lines, const uint8_t *p, uint8_t *ret)
{
    uint32_t n = lines->line_chars;

    return p[n + newline_size(lines) - 1] == '\n' && (!lines->crlf || p[n] == '\r') &&
           av_base64_decode_groups(av_span_of(p, n), ret) == n;
}

/* The last line, or no base64 line at all. */
static split_step
last_line(const av_base64_lines *lines, av_span in, bool at_end, uint8_t *ret)
{
    static const split_step deviates = { .end = true, .newline = true };
    size_t chars = av_span_find(in, '\n'), decoded;
    bool newline = chars < in.n;

    if (!newline && !at_end)
        return deviates;
    if (newline && lines->crlf) {
        if (chars == 0 || in.p[chars - 1] != '\r')
            return deviates;
        chars--;
    }
    if (chars == 0 || chars % 4 != 0 || chars > lines->line_chars ||
        !av_base64_decode_end(av_span_slice(in, 0, chars), ret, &decoded))
        return deviates;
    return (split_step){
        .used = chars + (newline ? newline_size(lines) : 0), .decoded = decoded, .end = true, .newline = newline
    };
}

/* The end of a line that had no end so far; it tells what its line end is. */
static split_step
unbroken_end(av_base64_lines *lines, av_span in, uint8_t *ret)
{
    split_step s = { .end = true };
    size_t n;

    if (in.n >= 4 && av_base64_decode_end(av_span_slice(in, 0, 4), ret, &n)) {
        s.used = 4;
        s.decoded = n;
    }
    in = av_span_skip(in, s.used);
    if (in.n > 0 && in.p[0] == '\n') {
        s.newline = true;
        s.used += 1;
    } else if (in.n > 1 && in.p[0] == '\r' && in.p[1] == '\n') {
        s.newline = lines->crlf = true;
        s.used += 2;
    }
    return s;
}

/*
 * One step of the proof over in: step_size bytes, or fewer at_end (the body ends with them). ret has room for a line
 * decoded and a byte.
 */
split_step
split_prove(av_base64_lines *lines, av_span in, bool at_end, uint8_t *ret)
{
    if (lines->line_chars == 0) {
        if (in.n >= 4 && av_base64_decode_groups(av_span_slice(in, 0, 4), ret) == 4)
            return (split_step){ .used = 4, .decoded = 3 };
        return unbroken_end(lines, in, ret);
    }
    if (in.n == split_step_size(lines) && split_decode_line(lines, in.p, ret))
        return (split_step){ .used = in.n, .decoded = lines->line_chars / 4 * 3 };
    return last_line(lines, in, at_end, ret);
}

bool
split_guess_lines(av_span head, av_base64_lines *ret)
{
    size_t chars = av_span_find(av_span_slice(head, 0, AV_MIN(head.n, AV_BASE64_LINE_MAX + 2U)), '\n');

    *ret = (av_base64_lines){ .line_chars = 0 };
    if (chars == AV_MIN(head.n, AV_BASE64_LINE_MAX + 2U))
        return true;
    ret->crlf = chars > 0 && head.p[chars - 1] == '\r';
    chars -= ret->crlf;
    ret->line_chars = (uint32_t)chars;
    return chars > 0 && chars % 4 == 0 && chars <= AV_BASE64_LINE_MAX;
}
