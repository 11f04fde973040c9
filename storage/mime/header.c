/*
 * header.c - see header.h
 */
#include "storage/mime/header.h"

/* Length of the line at the start of s, its line end included. */
static size_t
line_length(av_span s)
{
    size_t at = av_span_find(s, '\n');

    return at == s.n ? s.n : at + 1;
}

static av_span
without_line_end(av_span line)
{
    if (line.n > 0 && line.p[line.n - 1] == '\n')
        line.n--;
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

static bool
is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

/* Bytes of the field name at the start of line, or 0. RFC 5322, 4.5: blanks may stand before the colon. */
static size_t
name_length(av_span line)
{
    size_t n = 0, colon;

    while (n < line.n && line.p[n] > ' ' && line.p[n] != ':' && line.p[n] != 0x7F)
        n++;
    for (colon = n; colon < line.n && is_blank(line.p[colon]);)
        colon++;
    return colon < line.n && line.p[colon] == ':' ? n : 0;
}

bool
av_header_is_field_line(av_span line)
{
    return name_length(line) > 0;
}

static bool
starts_with(av_span s, const char *prefix)
{
    size_t n = strlen(prefix);

    return s.n >= n && memcmp(s.p, prefix, n) == 0;
}

bool
av_header_is_mbox_from(av_span line)
{
    return starts_with(line, "From ") || starts_with(line, ">From ");
}

bool
av_header_next(av_span *header, av_header_field *ret)
{
    while (header->n > 0) {
        size_t n = line_length(*header), name;
        av_span line = without_line_end(av_span_slice(*header, 0, n));

        if (line.n == 0)
            return false;
        name = name_length(line);
        while (name > 0 && n < header->n && is_blank(header->p[n])) /* folded lines belong to the field */
            n += line_length(av_span_skip(*header, n));
        if (name > 0) {
            ret->whole = av_span_slice(*header, 0, n);
            ret->name = av_span_slice(*header, 0, name);
            ret->value = without_line_end(av_span_skip(ret->whole, av_span_find(ret->whole, ':') + 1));
            *header = av_span_skip(*header, n);
            return true;
        }
        *header = av_span_skip(*header, n);
    }
    return false;
}

bool
av_header_find(av_span header, const char *name, av_header_field *ret)
{
    av_span wanted = av_span_str(name);
    av_header_field field;

    while (av_header_next(&header, &field))
        if (av_span_ieq(field.name, wanted)) {
            *ret = field;
            return true;
        }
    return false;
}

av_span
av_header_value(av_span header, const char *name)
{
    av_header_field field;

    return av_header_find(header, name, &field) ? av_span_trim(field.value) : (av_span){ NULL, 0 };
}

bool
av_header_unfold(av_span value, av_buf *out)
{
    value = av_span_trim(value);
    while (value.n > 0) {
        size_t n = 0;

        while (n < value.n && value.p[n] != '\n' && value.p[n] != '\r' && value.p[n] != '\0')
            n++;
        if (!av_buf_append(out, value.p, n))
            return false;
        value = av_span_skip(value, n);
        if (value.n == 0)
            break;
        if (value.n > 1 && value.p[0] == '\r' && value.p[1] == '\n')
            value = av_span_skip(value, 1);
        n = value.p[0] == '\n' && value.n > 1 && is_blank(value.p[1]); /* a fold: the blank that follows stays */
        value = av_span_skip(value, 1);
        if (n == 0 && !av_buf_putc(out, ' '))
            return false;
    }
    return true;
}
