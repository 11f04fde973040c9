/*
 * split_lines.c - where headers, boundary lines and bodies begin and end
 *
 * Reads the structure as scan.c does, but with a window instead of the message: a line is told by its first
 * AV_SPLIT_LINE_LOOK bytes, and of headers only Content-Type and Content-Transfer-Encoding are kept.
 * Source: RFC 2045, RFC 2046, 5.1; RFC 5322.
 */
#include "storage/mime/split_priv.h"

#include "storage/mime/header.h"

/* The beginning of a line. */
typedef struct look {
    av_span line; /* without its line end; what is longer than AV_SPLIT_LINE_LOOK is cut */
    size_t n;     /* with its line end */
    bool whole;   /* not cut */
} look;

static void
begin_header(split_lines *self, unsigned depth, bool digest)
{
    self->place = SPLIT_HEADER;
    self->first_line = true;
    self->mid_line = false;
    self->depth = depth;
    self->digest = digest;
    split_fields_begin(&self->fields);
}

void
split_lines_begin(split_lines *self)
{
    self->message_start = true;
    self->frame_count = self->held = 0;
    begin_header(self, 0, false);
}

static void
begin_body(split_lines *self, bool base64)
{
    self->place = SPLIT_BODY;
    self->mid_line = false;
    self->held = 0;
    split_body_begin(self->body, base64);
}

/* Look at the line at the front of w (not empty). false: more of it must be there to tell. */
static bool
look_at(av_span w, bool final, look *ret)
{
    size_t n = av_span_find(av_span_slice(w, 0, AV_MIN(w.n, (size_t)AV_SPLIT_LINE_LOOK)), '\n');

    if (n < AV_SPLIT_LINE_LOOK && n < w.n) {
        *ret = (look){ av_span_slice(w, 0, n), n + 1, true };
        if (n > 0 && w.p[n - 1] == '\r')
            ret->line.n--;
        return true;
    }
    *ret = (look){ av_span_slice(w, 0, n), n, n == w.n && final };
    return ret->whole || n == AV_SPLIT_LINE_LOOK;
}

/* The frame whose boundary line (RFC 2046, 5.1.1) this is, innermost first, or -1. */
static int
match_boundary(const split_lines *self, const look *l, bool *ret_close)
{
    av_span line = l->line;

    if (!l->whole || line.n < 3 || line.p[0] != '-' || line.p[1] != '-')
        return -1;
    line = av_span_skip(line, 2);
    while (line.n > 0 && (line.p[line.n - 1] == ' ' || line.p[line.n - 1] == '\t' || line.p[line.n - 1] == '\r'))
        line.n--;
    for (unsigned i = self->frame_count; i-- > 0;) {
        const split_frame *f = &self->frames[i];

        if (line.n < f->boundary_n || memcmp(line.p, f->boundary, f->boundary_n) != 0)
            continue;
        *ret_close = line.n == f->boundary_n + 2U && line.p[f->boundary_n] == '-' && line.p[f->boundary_n + 1] == '-';
        if (line.n == f->boundary_n || *ret_close)
            return (int)i;
    }
    return -1;
}

/* A boundary line was taken: a part or an epilogue begins. */
static void
on_boundary(split_lines *self, unsigned level, bool close)
{
    const split_frame *f = &self->frames[level];

    self->frame_count = close ? level : level + 1;
    if (close)
        begin_body(self, false);
    else
        begin_header(self, f->depth, f->digest);
}

/* Remember a multipart's boundary. false: it has none that can be looked for. */
static bool
push_frame(split_lines *self, av_span boundary, bool digest)
{
    split_frame *f = &self->frames[self->frame_count];

    if (boundary.n == 0 || boundary.n > SPLIT_BOUNDARY_MAX || self->frame_count == AV_SPLIT_DEPTH_MAX)
        return false;
    memcpy(f->boundary, boundary.p, boundary.n);
    f->boundary_n = (uint16_t)boundary.n;
    f->depth = (uint16_t)(self->depth + 1);
    f->digest = digest;
    self->frame_count++;
    return true;
}

/* The header is complete: what follows is a nested message, a multipart's preamble or the body of a leaf part. */
static void
end_header(split_lines *self)
{
    split_content content = split_fields_content(&self->fields, self->digest);
    bool descend = self->depth < self->out->options.max_depth;

    if (descend && content.kind == SPLIT_MESSAGE) {
        begin_header(self, self->depth + 1, false);
        return;
    }
    if (descend && content.kind == SPLIT_MULTIPART && push_frame(self, content.boundary, content.digest)) {
        begin_body(self, false);
        return;
    }
    begin_body(self, content.base64);
}

/* What stands before the first header field and is none: a byte order mark, an mbox From_ line. */
static bool
skip_prefix(split_lines *self, look *l)
{
    if (!self->message_start)
        return false;
    self->message_start = false;
    if (l->line.n >= 3 && memcmp(l->line.p, "\xEF\xBB\xBF", 3) == 0)
        l->line = av_span_skip(l->line, 3);
    return l->line.n >= 5 && memcmp(l->line.p, "From ", 5) == 0;
}

/* Take a line of a header, or end the header before it. Returns the bytes taken; *starved: more must be there. */
static size_t
header_line(split_lines *self, av_span w, bool final, bool *starved)
{
    bool close, prefix;
    av_span bytes;
    int level;
    look l;

    if (self->mid_line) {
        size_t n = av_span_find(w, '\n');

        self->mid_line = n == w.n;
        bytes = av_span_slice(w, 0, self->mid_line ? n : n + 1);
        split_fields_more(&self->fields, bytes);
        split_out_literal(self->out, bytes);
        return bytes.n;
    }
    if (!look_at(w, final, &l)) {
        *starved = true;
        return 0;
    }
    bytes = av_span_slice(w, 0, l.n);
    prefix = skip_prefix(self, &l);
    if (l.line.n == 0) {
        split_out_literal(self->out, bytes);
        end_header(self);
        return l.n;
    }
    level = match_boundary(self, &l, &close);
    if (level >= 0) {
        split_out_literal(self->out, bytes);
        on_boundary(self, (unsigned)level, close);
        return l.n;
    }
    if ((l.line.p[0] == ' ' || l.line.p[0] == '\t') && !self->first_line) {
        split_fields_more(&self->fields, bytes);
    } else if (prefix || av_header_is_mbox_from(l.line)) {
        split_fields_other(&self->fields);
    } else if (av_header_is_field_line(l.line)) {
        split_fields_line(&self->fields, l.line, av_span_skip(bytes, (size_t)(l.line.p - bytes.p)));
    } else {
        end_header(self); /* as in mutt and Python: a body that follows without a blank line */
        return 0;
    }
    self->first_line = self->first_line && prefix;
    self->mid_line = !l.whole;
    split_out_literal(self->out, bytes);
    return l.n;
}

/*
 * Take the body at the front of w, up to its end or as far as it can be told from a boundary line. Bytes [from, line -
 * held) of w are the body's; held are the bytes of the line end before line.
 */
static size_t
body_lines(split_lines *self, av_span w, bool final, bool *starved)
{
    size_t from = 0, line = self->held;

    for (;;) {
        const uint8_t *newline;
        look l;

        if (!self->mid_line && w.n - line < 2 && !final) {
            *starved = true;
            break;
        }
        if (!self->mid_line && w.n - line >= 2 && w.p[line] == '-' && w.p[line + 1] == '-') {
            bool close;
            int level;

            if (!look_at(av_span_skip(w, line), final, &l)) {
                *starved = true;
                break;
            }
            level = match_boundary(self, &l, &close);
            if (level >= 0) {
                split_body_take(self->body, av_span_slice(w, from, line - self->held), true);
                split_out_literal(self->out, av_span_slice(w, line - self->held, line + l.n));
                on_boundary(self, (unsigned)level, close);
                return line + l.n;
            }
        }
        newline = w.n == line ? NULL : memchr(w.p + line, '\n', w.n - line);
        if (newline == NULL) {
            size_t end = w.n;

            if (final)
                break;
            if (end > line && w.p[end - 1] == '\r') /* perhaps of a line end */
                end--;
            split_body_take(self->body, av_span_slice(w, from, end), false);
            self->mid_line = *starved = true;
            self->held = 0;
            return end;
        }
        self->held = (size_t)(newline - w.p) > line && newline[-1] == '\r' ? 2 : 1;
        self->mid_line = false;
        line = (size_t)(newline - w.p) + 1;
        if (line - from > SPLIT_HANDOVER) {
            split_body_take(self->body, av_span_slice(w, from, line - self->held), false);
            from = line - self->held;
        }
    }
    if (final) {
        split_body_take(self->body, av_span_skip(w, from), true);
        self->place = SPLIT_DONE;
        return w.n;
    }
    split_body_take(self->body, av_span_slice(w, from, line - self->held), false);
    return line - self->held;
}

size_t
split_lines_work(split_lines *self, av_span window, bool final)
{
    bool starved = false;
    size_t at = 0;

    assert(window.n == 0 || self->place != SPLIT_DONE); /* begin comes first */
    while (at < window.n && !starved && self->out->rc == AV_OK) {
        av_span w = av_span_skip(window, at);

        if (self->place == SPLIT_HEADER) {
            at += header_line(self, w, final, &starved);
        } else if (self->frame_count > 0) {
            at += body_lines(self, w, final, &starved);
        } else { /* no boundary is looked for: all that follows is one body */
            split_body_take(self->body, w, final);
            if (final)
                self->place = SPLIT_DONE;
            at = window.n;
        }
    }
    return at;
}

void
split_lines_end(split_lines *self)
{
    if (self->place == SPLIT_BODY)
        split_body_take(self->body, (av_span){ NULL, 0 }, true);
    self->place = SPLIT_DONE;
}
