/*
 * source_names.c - folder names fit for an archive, paths fit for people, and what a mail looks like
 *
 * Pure.
 */
#include "actors/worker/source_priv.h"

#include "actors/worker/mbox_split.h"
#include "base/unicode.h"
#include "storage/mime/header.h"

#include <stdio.h>

enum { DIVISION_SLASH = 0x2215, SOURCE_PATH_MAX = 8192, LOOK_LINES = 20 };

/* Characters of raw, which may be no UTF-8 at all: bytes are then Latin-1. */
static uint32_t
next_char(av_span *raw, bool utf8)
{
    uint32_t c = utf8 ? av_utf8_next(raw) : raw->p[0];

    if (!utf8)
        *raw = av_span_skip(*raw, 1);
    return c;
}

static bool
is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029;
}

/* s cut to at most n bytes at a whole character. */
static av_span
cut_at_char(av_span s, size_t n)
{
    if (s.n <= n)
        return s;
    while (n > 0 && (s.p[n] & 0xC0) == 0x80)
        n--;
    return av_span_slice(s, 0, n);
}

bool
av_source_folder_push(av_source_folder *self, av_span raw)
{
    AV_CLEANUP(av_buf_release) av_buf clean = { 0 };
    AV_CLEANUP(av_buf_release) av_buf nfc = { 0 };
    bool utf8 = av_utf8_valid(raw);
    av_span name;

    if (self->depth == AV_SOURCE_DEPTH_MAX)
        return false;
    av_buf_init(&clean, 8192);
    av_buf_init(&nfc, 32768);
    while (raw.n > 0) {
        uint32_t c = next_char(&raw, utf8);

        if (!av_utf8_put(&clean, c == '/' ? DIVISION_SLASH : is_control(c) ? '_' : c))
            break;
    }
    name = av_unicode_nfc(av_buf_span(&clean), &nfc) ? av_buf_span(&nfc) : av_buf_span(&clean);
    name = cut_at_char(name, AV_SOURCE_NAME_MAX);
    self->names[self->depth++] = av_span_dup(name.n == 0 ? av_span_str("_") : name);
    return true;
}

void
av_source_folder_cut(av_source_folder *self, size_t depth)
{
    while (self->depth > depth) {
        free(self->names[--self->depth]);
        self->names[self->depth] = NULL;
    }
}

void
av_source_folder_copy(const av_source_folder *self, av_source_folder *ret)
{
    *ret = (av_source_folder){ .depth = self->depth };
    for (size_t i = 0; i < self->depth; i++)
        ret->names[i] = av_xstrdup(self->names[i]);
}

void
av_source_show(const char *raw, av_buf *out)
{
    av_span rest = av_span_str(raw);
    bool utf8 = av_utf8_valid(rest);

    while (rest.n > 0) {
        uint32_t c = next_char(&rest, utf8);

        (void)av_utf8_put(out, is_control(c) ? '_' : c);
    }
}

bool
av_source_has_extension(const char *name, const char *ext)
{
    size_t n = strlen(name), m = strlen(ext);

    return n > m && strcasecmp(name + n - m, ext) == 0;
}

/* A field that is in nearly every mail: with one of these a text is no prose with a colon in it. */
static bool
is_mail_field(av_span line)
{
    static const char *const names[] = { "Received", "From", "To", "Date", "Subject", "Message-ID", "Return-Path",
        "MIME-Version", "Content-Type", "Delivered-To", "Sender", "Reply-To", "Cc", "X-Mailer" };
    av_span name = av_span_slice(line, 0, av_span_find(line, ':'));

    for (size_t i = 0; i < AV_COUNT(names); i++)
        if (name.n < line.n && av_span_ieq_str(name, names[i]))
            return true;
    return false;
}

bool
av_source_is_mail(av_span in)
{
    bool first = true;

    if (in.p == NULL)
        return false;
    if (in.n >= 3 && memcmp(in.p, "\xef\xbb\xbf", 3) == 0)
        in = av_span_skip(in, 3);
    for (int i = 0; i < LOOK_LINES && in.n > 0; i++) {
        size_t n = av_span_find(in, '\n');
        av_span line = av_span_slice(in, 0, n);

        in = av_span_skip(in, AV_MIN(n + 1, in.n));
        if (line.n > 0 && line.p[line.n - 1] == '\r')
            line.n--;
        if (line.n == 0)
            return false;
        if (av_header_is_mbox_from(line))
            continue;
        if ((first && av_mbox_line_is_field(line)) || is_mail_field(line))
            return true;
        first = false;
    }
    return false;
}

/* Letters in a Status or X-Status field, as mutt, pine and dovecot write them. */
static uint32_t
letter_flags(av_span letters)
{
    uint32_t flags = 0;

    for (size_t i = 0; i < letters.n; i++)
        flags |= letters.p[i] == 'R'   ? (uint32_t)AV_SOURCE_SEEN
                 : letters.p[i] == 'A' ? (uint32_t)AV_SOURCE_ANSWERED
                 : letters.p[i] == 'F' ? (uint32_t)AV_SOURCE_FLAGGED
                 : letters.p[i] == 'D' ? (uint32_t)AV_SOURCE_DELETED
                 : letters.p[i] == 'T' ? (uint32_t)AV_SOURCE_DRAFT
                                       : 0;
    return flags;
}

/* nsMsgMessageFlags: read 1, replied 2, marked 4, expunged 8, forwarded 1000 (hexadecimal). */
static uint32_t
mozilla_flags(av_span hex)
{
    uint32_t bits = 0;

    for (size_t i = 0; i < hex.n && i < 8; i++) {
        const char *digits = "0123456789abcdef", *at = hex.p[i] == 0 ? NULL : strchr(digits, hex.p[i] | 0x20);

        if (at == NULL)
            return 0;
        bits = bits << 4 | (uint32_t)(at - digits);
    }
    return ((bits & 1) != 0 ? (uint32_t)AV_SOURCE_SEEN : 0) | ((bits & 2) != 0 ? (uint32_t)AV_SOURCE_ANSWERED : 0) |
           ((bits & 4) != 0 ? (uint32_t)AV_SOURCE_FLAGGED : 0) | ((bits & 8) != 0 ? (uint32_t)AV_SOURCE_DELETED : 0) |
           ((bits & 0x1000) != 0 ? (uint32_t)AV_SOURCE_FORWARDED : 0);
}

uint32_t
av_source_header_flags(av_span header)
{
    return mozilla_flags(av_header_value(header, "X-Mozilla-Status")) |
           letter_flags(av_header_value(header, "Status")) | letter_flags(av_header_value(header, "X-Status"));
}
