/*
 * part_decoder.c - see part_decoder.h
 */
#include "storage/mime/part_decoder.h"

#include "storage/mime/decode.h"

bool
av_part_decoder_init(av_part_decoder *self, av_mime_encoding encoding)
{
    *self = (av_part_decoder){ .encoding = encoding };
    return encoding != AV_MIME_UUENCODE && encoding != AV_MIME_ENCODING_OTHER;
}

/* ---- quoted-printable, byte by byte ---- */

static int
hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static uint8_t *
put_held(av_part_decoder *self, uint8_t *to)
{
    memcpy(to, self->held, self->held_n);
    to += self->held_n;
    self->held_n = 0;
    return to;
}

/* A line end behind a run of blanks: they were added in transport (RFC 2045, 6.7, rule 3); the CR stays. */
static uint8_t *
end_line(av_part_decoder *self, uint8_t *to)
{
    bool cr = self->held_n > 0 && self->held[self->held_n - 1] == '\r';

    self->held_n -= cr;
    while (self->held_n > 0 && self->held[self->held_n - 1] != '\r')
        self->held_n--;
    to = put_held(self, to);
    if (cr)
        *to++ = '\r';
    *to++ = '\n';
    return to;
}

/* `=` and maybe more is held, and c follows. *ret_taken: c is dealt with; else what was held is not what it looked like. */
static uint8_t *
go_on_escape(av_part_decoder *self, uint8_t c, uint8_t *to, bool *ret_taken)
{
    bool blanks = self->held_n == 1 || is_blank(self->held[1]);

    *ret_taken = true;
    if (!blanks && hex_value(c) >= 0) {
        *to++ = (uint8_t)(hex_value(self->held[1]) * 16 + hex_value(c));
        self->held_n = 0;
        return to;
    }
    if (blanks && c == '\n') { /* a soft line break */
        self->held_n = 0;
        return to;
    }
    if ((blanks && is_blank(c) && self->held_n < sizeof self->held) || (self->held_n == 1 && hex_value(c) >= 0)) {
        self->held[self->held_n++] = c;
        return to;
    }
    *ret_taken = false;
    *to++ = '=';
    memmove(self->held, self->held + 1, --self->held_n);
    return blanks && is_blank(c) ? to : put_held(self, to);
}

static uint8_t *
take_byte(av_part_decoder *self, uint8_t c, uint8_t *to)
{
    bool taken = false;

    if (self->held_n > 0 && self->held[0] == '=')
        to = go_on_escape(self, c, to, &taken);
    if (taken)
        return to;
    if (c == '\n')
        return end_line(self, to);
    if (!is_blank(c) || self->held_n == sizeof self->held)
        to = put_held(self, to);
    if (is_blank(c) || c == '=')
        self->held[self->held_n++] = c;
    else
        *to++ = c;
    return to;
}

static bool
feed_qp(av_part_decoder *self, av_span in, bool last, av_buf *out)
{
    uint8_t *room = av_buf_reserve(out, in.n + sizeof self->held), *to = room;

    if (room == NULL)
        return false;
    for (size_t i = 0; i < in.n; i++)
        to = take_byte(self, in.p[i], to);
    if (last && self->held_n > 0 && self->held[0] == '=' && (self->held_n == 1 || is_blank(self->held[1])))
        self->held_n = 0; /* a soft line break at the end of all */
    if (last)
        to = put_held(self, to);
    out->n += (size_t)(to - room);
    return true;
}

bool
av_part_decoder_feed(av_part_decoder *self, av_span in, bool last, av_buf *out)
{
    switch (self->encoding) {
    case AV_MIME_BASE64:
        return av_decode_base64_some(in, &self->bits, &self->have, out);
    case AV_MIME_QP:
        return feed_qp(self, in, last, out);
    default:
        return av_buf_append_span(out, in);
    }
}
