/*
 * html_text.c - see html_text.h
 */
#include "storage/mime/html_text.h"

#include "base/unicode.h"
#include "storage/mime/html_entities.h"
#include "storage/mime/mime_priv.h"

typedef struct reader {
    av_span in;
    av_buf *out;
    uint8_t gap;        /* white space owed before the next text: 0, ' ' or '\n' */
    bool started;       /* some text was put out */
    bool quotes_broken; /* a tag with a quote that never ends was met: quotes are no longer believed */
} reader;

/* Tags that part words from each other, with what they leave. All others are part of a word (<b>, <span>, <wbr>). */
static const struct tag_gap {
    const char *name;
    uint8_t gap;
} tag_gaps[] = {
    { "br", '\n' },
    { "p", '\n' },
    { "div", '\n' },
    { "tr", '\n' },
    { "td", ' ' },
    { "th", ' ' },
    { "li", '\n' },
    { "ul", '\n' },
    { "ol", '\n' },
    { "table", '\n' },
    { "tbody", '\n' },
    { "thead", '\n' },
    { "tfoot", '\n' },
    { "caption", '\n' },
    { "h1", '\n' },
    { "h2", '\n' },
    { "h3", '\n' },
    { "h4", '\n' },
    { "h5", '\n' },
    { "h6", '\n' },
    { "hr", '\n' },
    { "pre", '\n' },
    { "blockquote", '\n' },
    { "center", '\n' },
    { "dl", '\n' },
    { "dt", '\n' },
    { "dd", '\n' },
    { "title", '\n' },
    { "head", '\n' },
    { "body", '\n' },
    { "html", '\n' },
    { "form", '\n' },
    { "fieldset", '\n' },
    { "legend", '\n' },
    { "option", '\n' },
    { "select", '\n' },
    { "textarea", '\n' },
    { "button", ' ' },
    { "input", ' ' },
    { "img", ' ' },
    { "address", '\n' },
    { "article", '\n' },
    { "section", '\n' },
    { "header", '\n' },
    { "footer", '\n' },
    { "nav", '\n' },
    { "aside", '\n' },
    { "main", '\n' },
    { "figure", '\n' },
    { "figcaption", '\n' },
    { "iframe", '\n' },
    { "object", '\n' },
    { "script", ' ' },
    { "style", ' ' },
};

static void
owe(reader *self, uint8_t gap)
{
    if (self->gap != '\n')
        self->gap = gap;
}

static bool
put_text(reader *self, av_span text)
{
    if (self->gap != 0 && self->started && !av_buf_putc(self->out, self->gap))
        return false;
    self->gap = 0;
    self->started = true;
    return mime_append_utf8(self->out, text);
}

static bool
is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

static bool
is_alnum(uint8_t c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static uint32_t
named_entity(av_span name)
{
    size_t low = 0, high = AV_COUNT(html_entities);

    while (low < high) {
        size_t middle = (low + high) / 2;
        size_t n = strlen(html_entities[middle].name);
        int order = memcmp(name.p, html_entities[middle].name, AV_MIN(n, name.n));

        if (order == 0 && n == name.n)
            return html_entities[middle].code_point;
        if (order < 0 || (order == 0 && name.n < n))
            high = middle;
        else
            low = middle + 1;
    }
    return 0;
}

/* `&#...;` at the front of in; moves past it. 0: none. HTML 5: 128 to 159 are windows-1252 (the common ones). */
static uint32_t
numeric_entity(av_span *in)
{
    static const uint16_t high_1252[32] = { 0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6,
        0x2030, 0x0160, 0x2039, 0x0152, 0x8D, 0x017D, 0x8F, 0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013,
        0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D, 0x017E, 0x0178 };
    bool hex = in->n > 2 && (in->p[2] | 0x20) == 'x';
    size_t i = hex ? 3 : 2, from = i;
    uint32_t value = 0;

    for (; i < in->n; i++) {
        uint8_t c = in->p[i] | 0x20;
        uint32_t digit = in->p[i] >= '0' && in->p[i] <= '9' ? in->p[i] - (uint32_t)'0'
                         : hex && c >= 'a' && c <= 'f'      ? c - 'a' + 10U
                                                            : 99;

        if (digit == 99)
            break;
        value = value > 0x10FFFF ? value : value * (hex ? 16 : 10) + digit;
    }
    if (i == from)
        return 0;
    *in = av_span_skip(*in, i < in->n && in->p[i] == ';' ? i + 1 : i);
    if (value >= 0x80 && value < 0xA0)
        return high_1252[value - 0x80];
    return value == 0 || value > 0x10FFFF ? 0xFFFD : value;
}

/* The character reference at the front of in (at `&`); moves past it. 0: none, in stays. */
static uint32_t
take_entity(av_span *in)
{
    size_t n = 1;
    uint32_t c;

    if (in->n > 1 && in->p[1] == '#')
        return numeric_entity(in);
    while (n < in->n && n < 12 && is_alnum(in->p[n]))
        n++;
    c = n > 1 ? named_entity(av_span_slice(*in, 1, n)) : 0;
    if (c == 0)
        return 0;
    if (n < in->n && in->p[n] == ';')
        n++;
    else if (c > 0xFF) /* HTML 5, 13.5: only the old Latin-1 names may lack the semicolon */
        return 0;
    *in = av_span_skip(*in, n);
    return c;
}

static bool
on_entity(reader *self)
{
    uint32_t c = take_entity(&self->in);

    if (c == 0) {
        av_span amp = av_span_slice(self->in, 0, 1);

        self->in = av_span_skip(self->in, 1);
        return put_text(self, amp);
    }
    if (c == 0xA0 || (c < 0x80 && is_space((uint8_t)c))) {
        owe(self, ' ');
        return true;
    }
    return put_text(self, (av_span){ NULL, 0 }) && av_utf8_put(self->out, c);
}

/* Move behind the next needle; to the end when there is none. */
static void
skip_past(reader *self, const char *needle)
{
    size_t n = strlen(needle);
    const uint8_t *hit = self->in.n < n ? NULL : memmem(self->in.p, self->in.n, needle, n);

    self->in = av_span_skip(self->in, hit == NULL ? self->in.n : (size_t)(hit - self->in.p) + n);
}

/* Bytes of the tag at the front, `>` included; quoted attribute values may hold a `>`. */
static size_t
tag_length(reader *self)
{
    av_span in = self->in;
    size_t i = 1;

    while (i < in.n && in.p[i] != '>') {
        if (!self->quotes_broken && (in.p[i] == '"' || in.p[i] == '\'') && in.p[i - 1] == '=') {
            size_t end = av_span_find(av_span_skip(in, i + 1), in.p[i]);

            if (i + 1 + end == in.n) {
                self->quotes_broken = true;
                return tag_length(self);
            }
            i += end + 1;
        }
        i++;
    }
    return AV_MIN(i + 1, in.n);
}

/* Content of script or style: everything up to its end tag. */
static void
skip_raw(reader *self, const char *name)
{
    size_t n = strlen(name);

    for (;;) {
        skip_past(self, "</");
        if (self->in.n < n)
            return;
        if (av_span_ieq_str(av_span_slice(self->in, 0, n), name))
            break;
    }
    skip_past(self, ">");
}

static void
on_tag(reader *self)
{
    size_t n = tag_length(self), from = self->in.p[1] == '/' ? 2 : 1, end = from;
    av_span name;
    bool open = from == 1;

    while (end < n && (is_alnum(self->in.p[end])))
        end++;
    name = av_span_slice(self->in, from, end);
    self->in = av_span_skip(self->in, n);
    for (size_t i = 0; name.n > 0 && i < AV_COUNT(tag_gaps); i++)
        if ((name.p[0] | 0x20) == tag_gaps[i].name[0] && av_span_ieq_str(name, tag_gaps[i].name)) {
            owe(self, tag_gaps[i].gap);
            break;
        }
    if (open && av_span_ieq_str(name, "script"))
        skip_raw(self, "script");
    else if (open && av_span_ieq_str(name, "style"))
        skip_raw(self, "style");
}

static bool
on_less_than(reader *self)
{
    uint8_t next = self->in.n > 1 ? self->in.p[1] : 0;

    if (self->in.n >= 4 && memcmp(self->in.p, "<!--", 4) == 0) {
        self->in = av_span_skip(self->in, 2); /* `<!-->` is a whole comment */
        skip_past(self, "-->");
    } else if (next == '!' || next == '?') {
        skip_past(self, ">");
    } else if (((next | 0x20) >= 'a' && (next | 0x20) <= 'z') || (next == '/' && self->in.n > 2)) {
        on_tag(self);
    } else {
        av_span sign = av_span_slice(self->in, 0, 1);

        self->in = av_span_skip(self->in, 1);
        return put_text(self, sign);
    }
    return true;
}

bool
av_html_text(av_span html, av_buf *out)
{
    reader self = { .in = html, .out = out };

    while (self.in.n > 0) {
        uint8_t c = self.in.p[0];
        size_t n = 0;

        if (is_space(c)) {
            owe(&self, ' ');
            self.in = av_span_skip(self.in, 1);
        } else if (c == 0xC2 && self.in.n > 1 && self.in.p[1] == 0xA0) {
            owe(&self, ' ');
            self.in = av_span_skip(self.in, 2);
        } else if (c == '<') {
            if (!on_less_than(&self))
                return false;
        } else if (c == '&') {
            if (!on_entity(&self))
                return false;
        } else {
            while (n < self.in.n && self.in.p[n] != '<' && self.in.p[n] != '&' && !is_space(self.in.p[n]) &&
                   !(n > 0 && self.in.p[n] == 0xC2))
                n++;
            if (!put_text(&self, av_span_slice(self.in, 0, AV_MAX(n, 1U))))
                return false;
            self.in = av_span_skip(self.in, AV_MAX(n, 1U));
        }
    }
    return true;
}
