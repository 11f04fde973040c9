/*
 * envelope_read.c - see envelope_read.h
 */
#include "actors/instance/envelope_read.h"

#include "storage/index/casemap.h"
#include "storage/mime/words.h"

enum { PARTS = 4, NAME = 0, MAILBOX = 2, HOST = 3 };
#define PART_MAX 4096U

static bool
take(av_span *in, char c)
{
    if (in->n == 0 || in->p[0] != (uint8_t)c)
        return false;
    *in = av_span_skip(*in, 1);
    return true;
}

static bool
take_quoted(av_span *in, av_buf *out)
{
    size_t i = 1;

    for (; i < in->n && in->p[i] != '"'; i++) {
        if (in->p[i] == '\\' && ++i == in->n)
            return false;
        if (out != NULL)
            (void)av_buf_putc(out, in->p[i]);
    }
    if (i == in->n)
        return false;
    *in = av_span_skip(*in, i + 1);
    return true;
}

static bool
take_literal(av_span *in, av_buf *out)
{
    size_t at = av_span_find(*in, '}');
    uint64_t n;

    if (at == in->n || !av_span_u64(av_span_slice(*in, 1, at), UINT32_MAX, &n) || in->n - at < 3 || in->n - at - 3 < n)
        return false;
    if (out != NULL)
        (void)av_buf_append_span(out, av_span_slice(*in, at + 3, at + 3 + (size_t)n));
    *in = av_span_skip(*in, at + 3 + (size_t)n);
    return true;
}

/* nstring; out NULL: skipped. */
static bool
take_nstring(av_span *in, av_buf *out)
{
    if (in->n > 0 && in->p[0] == '"')
        return take_quoted(in, out);
    if (in->n > 0 && in->p[0] == '{')
        return take_literal(in, out);
    if (in->n < 3 || memcmp(in->p, "NIL", 3) != 0)
        return false;
    *in = av_span_skip(*in, 3);
    return true;
}

static bool
take_address(av_span *in, av_buf *parts)
{
    bool ok = take(in, '(');

    for (size_t i = 0; ok && i < PARTS; i++)
        ok = (i == 0 || take(in, ' ')) && take_nstring(in, parts == NULL ? NULL : &parts[i]);
    return ok && take(in, ')');
}

/* Up to where field number `field` begins. */
static bool
skip_to(av_span *in, unsigned field)
{
    bool ok = take(in, '(');

    for (unsigned i = 0; ok && i < field; i++) {
        if (take(in, '(')) {
            while (ok && in->n > 0 && in->p[0] == '(')
                ok = take_address(in, NULL);
            ok = ok && take(in, ')');
        } else {
            ok = take_nstring(in, NULL);
        }
        ok = ok && take(in, ' ');
    }
    return ok;
}

static void
put_display(const av_buf *parts, av_buf *out)
{
    AV_CLEANUP(av_buf_release) av_buf name = { 0 };

    av_buf_init(&name, PART_MAX);
    (void)av_words_decode(av_buf_span(&parts[NAME]), &name);
    if (name.n > 0) {
        (void)av_casemap(av_buf_span(&name), out);
        return;
    }
    (void)av_casemap(av_buf_span(&parts[MAILBOX]), out);
    if (parts[HOST].n > 0 && av_buf_putc(out, '@'))
        (void)av_casemap(av_buf_span(&parts[HOST]), out);
}

void
av_envelope_sort_text(av_span envelope, av_envelope_field field, bool display, av_buf *out)
{
    av_buf parts[PARTS] = { { 0 } };

    for (size_t i = 0; i < PARTS; i++)
        av_buf_init(&parts[i], PART_MAX);
    if (skip_to(&envelope, field) && take(&envelope, '(') && take_address(&envelope, parts)) {
        if (display)
            put_display(parts, out);
        else
            (void)av_casemap(av_buf_span(&parts[MAILBOX]), out);
    }
    for (size_t i = 0; i < PARTS; i++)
        av_buf_release(&parts[i]);
}
