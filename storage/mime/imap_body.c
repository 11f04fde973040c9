/*
 * imap_body.c - BODY out of a stored BODYSTRUCTURE: the same without extension data (imap_items.h)
 *
 * So that BODY, like BODYSTRUCTURE, takes no look at the message. No recursion: an open body is one level of a stack.
 * Source: RFC 9051, 9 (body, body-type-1part, body-type-mpart).
 */
#include "storage/mime/imap_items.h"

#define LEVELS (2 * AV_MIME_DEPTH_MAX + 2)

typedef struct level {
    bool multi;
    unsigned fields, keep; /* taken; of a body that is no multipart: how many belong to BODY, 0 until that is known */
    av_span type;
} level;

typedef struct reader {
    av_span in;
    av_buf *out;
    level levels[LEVELS];
    size_t depth;
} reader;

/* Bytes of the string at the start of in, quoted or literal; 0: it is none. */
static size_t
string_size(av_span in)
{
    uint64_t n = 0;
    size_t i = 1;

    if (in.n > 0 && in.p[0] == '"') {
        while (i < in.n && in.p[i] != '"')
            i += in.p[i] == '\\' ? 2 : 1;
        return i < in.n ? i + 1 : 0;
    }
    if (in.n == 0 || in.p[0] != '{')
        return 0;
    i = av_span_find(in, '}');
    if (i + 3 > in.n || !av_span_u64(av_span_slice(in, 1, i), in.n, &n) || n > in.n - i - 3)
        return 0;
    return i + 3 + (size_t)n;
}

/* Bytes of the value at the start of in: a string, NIL, a number, or a list with all in it; 0: it is none. */
static size_t
value_size(av_span in)
{
    size_t at = 0, depth = 0;

    do {
        av_span rest = av_span_skip(in, at);
        size_t n = string_size(rest);

        if (n == 0) {
            if (rest.n == 0 || rest.p[0] == '"' || rest.p[0] == '{' ||
                (depth == 0 && (rest.p[0] == ')' || rest.p[0] == ' ')))
                return 0;
            depth += rest.p[0] == '(';
            depth -= rest.p[0] == ')';
            n = 1;
            if (depth == 0 && rest.p[0] != ')') /* an atom */
                while (n < rest.n && rest.p[n] != ' ' && rest.p[n] != ')' && rest.p[n] != '(')
                    n++;
        }
        at += n;
    } while (depth > 0);
    return at;
}

static bool
take(reader *self, char c)
{
    if (self->in.n == 0 || self->in.p[0] != (uint8_t)c)
        return false;
    self->in = av_span_skip(self->in, 1);
    return true;
}

static bool
open_body(reader *self)
{
    if (self->depth == LEVELS || !take(self, '('))
        return false;
    self->levels[self->depth++] = (level){ .multi = self->in.n > 0 && self->in.p[0] == '(' };
    return av_buf_putc(self->out, '(');
}

/* Extension data up to the end of the body, which is copied. */
static bool
close_body(reader *self)
{
    while (take(self, ' ')) {
        size_t n = value_size(self->in);

        if (n == 0)
            return false;
        self->in = av_span_skip(self->in, n);
    }
    self->depth--;
    return take(self, ')') && av_buf_putc(self->out, ')');
}

/* A value of the body at hand, with the blank before it. *ret is it. */
static bool
copy_value(reader *self, av_span *ret)
{
    level *l = &self->levels[self->depth - 1];
    size_t n;

    if (l->fields > 0 || l->multi) {
        if (!take(self, ' ') || !av_buf_putc(self->out, ' '))
            return false;
    }
    n = value_size(self->in);
    *ret = av_span_slice(self->in, 0, n);
    self->in = av_span_skip(self->in, n);
    l->fields++;
    return n > 0 && av_buf_append_span(self->out, *ret);
}

/* The next of a body that is no multipart. Its media type says what it has: "text" lines, a message three more. */
static bool
go_on_single(reader *self)
{
    level *l = &self->levels[self->depth - 1];
    av_span value;

    if (l->fields == 8 && l->keep == 10) { /* the body of the message in it */
        l->fields++;
        return take(self, ' ') && av_buf_putc(self->out, ' ') && open_body(self);
    }
    if (l->keep > 0 && l->fields == l->keep)
        return close_body(self);
    if (!copy_value(self, &value))
        return false;
    if (l->fields == 1)
        l->type = value;
    if (l->fields == 2)
        l->keep = av_span_ieq_str(l->type, "\"text\"") ? 8
                  : av_span_ieq_str(l->type, "\"message\"") &&
                          (av_span_ieq_str(value, "\"rfc822\"") || av_span_ieq_str(value, "\"global\""))
                      ? 10
                      : 7;
    return true;
}

static bool
go_on_multi(reader *self)
{
    av_span subtype;

    if (self->in.n > 0 && self->in.p[0] == '(')
        return open_body(self);
    return copy_value(self, &subtype) && close_body(self);
}

bool
av_imap_body_of(av_span bodystructure, av_buf *out)
{
    reader self = { .in = bodystructure, .out = out };
    bool ok = open_body(&self);

    while (ok && self.depth > 0)
        ok = self.levels[self.depth - 1].multi ? go_on_multi(&self) : go_on_single(&self);
    return ok && self.in.n == 0;
}
