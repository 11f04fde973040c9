/*
 * address.c - see address.h
 */
#include "storage/mime/address.h"

#include "storage/mime/mime_priv.h"
#include "storage/mime/words.h"

enum { STRINGS_MAX_BYTES = 1024 * 1024, VALUE_MAX_BYTES = 256 * 1024 };

/* Text that is being collected; what does not fit is dropped. */
typedef struct gather {
    size_t n;
    uint8_t bytes[AV_ADDRESS_PART_MAX];
} gather;

typedef struct parser {
    av_span in;
    size_t max;
    av_address_list *list;
    gather phrase;  /* words with single blanks between them: a display name */
    gather spec;    /* the same without blanks and quotes: an addr-spec */
    gather comment; /* the last comment: old mailers put the name there */
    size_t at_sign; /* where in spec the host starts, or SIZE_MAX */
    bool any;       /* something was seen since the last separator */
    bool blank;     /* a blank stands between the last word and the next */
    bool in_group;
} parser;

static void
put(gather *to, uint8_t c)
{
    if (to->n < sizeof to->bytes)
        to->bytes[to->n++] = c;
}

static av_span
gathered(const gather *g)
{
    return av_span_of(g->bytes, g->n);
}

static bool
is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void
av_address_list_init(av_address_list *self)
{
    *self = (av_address_list){ .items = NULL };
    av_mime_pool_init(&self->pool, STRINGS_MAX_BYTES);
}

void
av_address_list_release(av_address_list *self)
{
    free(self->items);
    av_mime_pool_release(&self->pool);
    *self = (av_address_list){ .items = NULL };
}

static void
add(parser *self, av_address_kind kind, av_span name, av_span spec, size_t at_sign, av_span route)
{
    av_address_list *list = self->list;
    av_address *item;

    if (list->count == self->max) {
        list->cut = true;
        return;
    }
    if (list->count == list->cap) {
        list->cap = list->cap == 0 ? 4 : list->cap * 2;
        list->items = av_xrealloc(list->items, list->cap * sizeof *list->items);
    }
    item = &list->items[list->count++];
    *item = (av_address){ .kind = kind };
    item->name_raw = av_mime_pool_copy(&list->pool, av_span_trim(name));
    item->name = item->name_raw;
    if (item->name.n > 0 &&
        (mime_ascii_run(item->name) < item->name.n || memmem(item->name.p, item->name.n, "=?", 2))) {
        AV_CLEANUP(av_buf_release) av_buf decoded = { .max = 2 * AV_ADDRESS_PART_MAX };

        (void)av_words_decode(item->name_raw, &decoded);
        item->name = av_mime_pool_copy(&list->pool, av_buf_span(&decoded));
    }
    item->mailbox = av_mime_pool_copy(&list->pool, av_span_slice(spec, 0, AV_MIN(at_sign, spec.n)));
    if (at_sign < spec.n)
        item->host = av_mime_pool_copy(&list->pool, av_span_skip(spec, at_sign + 1));
    item->route = av_mime_pool_copy(&list->pool, route);
}

static void
forget(parser *self)
{
    self->phrase.n = self->spec.n = self->comment.n = 0;
    self->at_sign = SIZE_MAX;
    self->any = self->blank = false;
}

/* A separator or the end: what was collected without angle brackets is an address (`a@b`), or a name without one. */
static void
finish_bare(parser *self)
{
    bool lone_name = self->at_sign == SIZE_MAX && memchr(self->phrase.bytes, ' ', self->phrase.n) != NULL;

    if (self->spec.n > 0 && lone_name)
        add(self, AV_ADDRESS_MAILBOX, gathered(&self->phrase), (av_span){ NULL, 0 }, SIZE_MAX, (av_span){ NULL, 0 });
    else if (self->spec.n > 0)
        add(self, AV_ADDRESS_MAILBOX, gathered(&self->comment), gathered(&self->spec), self->at_sign,
            (av_span){ NULL, 0 });
    forget(self);
}

/* A comment; nested ones are counted. keep: its text is wanted. */
static void
skip_comment(parser *self, gather *keep)
{
    size_t depth = 0;

    if (keep != NULL)
        keep->n = 0;
    while (self->in.n > 0) {
        uint8_t c = self->in.p[0];

        self->in = av_span_skip(self->in, 1);
        if (c == '(' && depth++ == 0)
            continue;
        if (c == ')' && --depth == 0)
            return;
        if (c == '\\' && self->in.n > 0) {
            c = self->in.p[0];
            self->in = av_span_skip(self->in, 1);
        }
        if (keep != NULL)
            put(keep, is_blank(c) ? ' ' : c);
    }
}

/* The quoted string at the front of in, unescaped, to both (phrase may be NULL). */
static void
take_quoted(parser *self, gather *phrase, gather *spec)
{
    self->in = av_span_skip(self->in, 1);
    while (self->in.n > 0) {
        uint8_t c = self->in.p[0];

        self->in = av_span_skip(self->in, 1);
        if (c == '"')
            return;
        if (c == '\\' && self->in.n > 0) {
            c = self->in.p[0];
            self->in = av_span_skip(self->in, 1);
        }
        if (c == '\r' || c == '\n')
            continue;
        if (phrase != NULL)
            put(phrase, c);
        put(spec, c);
    }
}

/* Bytes of the encoded-word at the front: mailers leave commas and brackets unquoted in them. 0: there is none. */
static size_t
encoded_word(av_span in)
{
    unsigned marks = 0;

    if (in.n < 8 || in.p[0] != '=' || in.p[1] != '?')
        return 0;
    for (size_t i = 2; i + 1 < in.n && i < 256 && !is_blank(in.p[i]); i++) {
        if (in.p[i] != '?')
            continue;
        if (marks >= 2 && in.p[i + 1] == '=')
            return i + 2;
        marks++;
    }
    return 0;
}

/* `<route:local@host>`, in at the `<`. What stands after it up to the next separator says nothing but comments. */
static void
take_angle(parser *self)
{
    gather *spec = &self->spec;
    size_t at_sign = SIZE_MAX, route = 0;

    spec->n = 0;
    self->in = av_span_skip(self->in, 1);
    while (self->in.n > 0 && self->in.p[0] != '>') {
        uint8_t c = self->in.p[0];

        if (c == '"') {
            take_quoted(self, NULL, spec);
            continue;
        }
        if (c == '(') {
            skip_comment(self, NULL);
            continue;
        }
        if (c == ',' && !(spec->n > 0 && spec->bytes[0] == '@'))
            break; /* the `>` is missing */
        self->in = av_span_skip(self->in, 1);
        if (c == '@')
            at_sign = spec->n;
        if (c == ':' && spec->n > 0 && spec->bytes[0] == '@' && route == 0) {
            route = spec->n;
            at_sign = SIZE_MAX;
        }
        if (!is_blank(c))
            put(spec, c);
    }
    if (self->in.n > 0 && self->in.p[0] == '>')
        self->in = av_span_skip(self->in, 1);
    while (self->in.n > 0 && self->in.p[0] != ',' && self->in.p[0] != ';') {
        if (self->in.p[0] == '(')
            skip_comment(self, self->phrase.n == 0 ? &self->comment : NULL);
        else
            self->in = av_span_skip(self->in, 1);
    }
    if (route > 0 && at_sign != SIZE_MAX)
        at_sign -= AV_MIN(route + 1, at_sign);
    if (spec->n > 0 || self->phrase.n > 0)
        add(self, AV_ADDRESS_MAILBOX, gathered(self->phrase.n > 0 ? &self->phrase : &self->comment),
            av_span_skip(gathered(spec), route > 0 ? AV_MIN(route + 1, spec->n) : 0), at_sign,
            av_span_slice(gathered(spec), 0, route));
    forget(self);
}

static void
between_words(parser *self)
{
    if (self->blank && self->phrase.n > 0)
        put(&self->phrase, ' ');
    self->blank = false;
    self->any = true;
}

/* n plain bytes of a word. */
static void
take_plain(parser *self, size_t n)
{
    between_words(self);
    for (size_t i = 0; i < n; i++) {
        if (self->in.p[i] == '@' && n == 1)
            self->at_sign = self->spec.n;
        put(&self->phrase, self->in.p[i]);
        put(&self->spec, self->in.p[i]);
    }
    self->in = av_span_skip(self->in, n);
}

static void
end_group(parser *self)
{
    if (self->in_group)
        add(self, AV_ADDRESS_GROUP_END, (av_span){ NULL, 0 }, (av_span){ NULL, 0 }, SIZE_MAX, (av_span){ NULL, 0 });
    self->in_group = false;
}

static void
step(parser *self)
{
    uint8_t c = self->in.p[0];
    size_t word = encoded_word(self->in);

    if (is_blank(c)) {
        self->blank = true;
        self->in = av_span_skip(self->in, 1);
    } else if (c == '(') {
        skip_comment(self, &self->comment);
        self->blank = true;
    } else if (c == '"') {
        between_words(self);
        take_quoted(self, &self->phrase, &self->spec);
    } else if (c == '<') {
        take_angle(self);
    } else if (c == ',' || c == ';') { /* `;` outside a group parts addresses in some mailers */
        finish_bare(self);
        if (c == ';')
            end_group(self);
        self->in = av_span_skip(self->in, 1);
    } else if (c == ':' && self->at_sign == SIZE_MAX && self->any && !self->in_group) {
        add(self, AV_ADDRESS_GROUP, gathered(&self->phrase), (av_span){ NULL, 0 }, SIZE_MAX, (av_span){ NULL, 0 });
        forget(self);
        self->in_group = true;
        self->in = av_span_skip(self->in, 1);
    } else {
        take_plain(self, AV_MAX(word, 1U));
    }
}

void
av_address_parse(av_span value, size_t max, av_address_list *ret)
{
    parser self; /* not zeroed: its three texts start with n = 0 and are large */

    ret->count = 0;
    ret->cut = false;
    av_mime_pool_clear(&ret->pool);
    self.in = av_span_slice(value, 0, AV_MIN(value.n, (size_t)VALUE_MAX_BYTES));
    self.max = max;
    self.list = ret;
    self.in_group = false;
    forget(&self);
    while (self.in.n > 0 && !ret->cut)
        step(&self);
    finish_bare(&self);
    end_group(&self);
}

bool
av_address_display(const av_address_list *self, av_buf *out)
{
    bool first = true;

    for (size_t i = 0; i < self->count; i++) {
        const av_address *a = &self->items[i];
        AV_CLEANUP(av_buf_release) av_buf spec = { .max = 4 * AV_ADDRESS_PART_MAX };

        if (a->kind == AV_ADDRESS_GROUP_END) {
            (void)av_buf_puts(out, ";");
            first = false;
            continue;
        }
        if (!first)
            (void)av_buf_puts(out, ", ");
        first = a->kind == AV_ADDRESS_GROUP;
        (void)mime_append_utf8(out, a->name);
        if (a->kind == AV_ADDRESS_GROUP) {
            (void)av_buf_puts(out, ": ");
            continue;
        }
        (void)av_words_decode(a->mailbox, &spec);
        if (a->host.n > 0) {
            (void)av_buf_putc(&spec, '@');
            (void)av_words_decode(a->host, &spec);
        }
        if (a->name.n > 0 && spec.n > 0)
            (void)(av_buf_puts(out, " <") && mime_append_utf8(out, av_buf_span(&spec)) && av_buf_puts(out, ">"));
        else
            (void)mime_append_utf8(out, av_buf_span(&spec));
    }
    return !out->full;
}
