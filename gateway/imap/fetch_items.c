/*
 * fetch_items.c - see fetch_items.h
 */
#include "gateway/imap/fetch_items.h"

#include "gateway/imap/grammar.h"
#include "storage/mime/imap_items.h"

#define FIELD_MAX 256 /* bytes of one header field's name */

/* ---- sections ---- */

static av_errc
too_long(av_error *err)
{
    return av_error_set(err, AV_ERR_LIMIT, "FETCH: more than %d sections, or %d bytes of them", AV_IMAP_SECTIONS_MAX,
        AV_IMAP_SECTION_TEXT_MAX);
}

static av_errc
bad_section(av_error *err)
{
    return av_error_set(err, AV_ERR_SYNTAX, "FETCH: what stands in the brackets is not a section");
}

/* A name of a header field: printable, no colon (RFC 5322, 2.2); what could end a quoted string is no name either. */
static bool
is_field_name(av_span name)
{
    if (name.n == 0 || name.n > FIELD_MAX)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] <= 0x20 || name.p[i] >= 0x7f || name.p[i] == ':' || name.p[i] == '"' || name.p[i] == '\\')
            return false;
    }
    return true;
}

static bool
needs_quotes(av_span name)
{
    for (size_t i = 0; i < name.n; i++) {
        if (!av_imap_is_atom_char(name.p[i]))
            return true;
    }
    return false;
}

/* ` (From "To" {2}CRLFCc)` in one normal form: names bare where they can be. */
static bool
take_fields(av_span *in, av_buf *out)
{
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    av_span name;
    bool first = true;

    av_buf_init(&text, in->n + 1);
    if (!av_imap_take_char(in, ' ') || !av_imap_take_char(in, '('))
        return false;
    (void)av_buf_puts(out, " (");
    do {
        if (!av_imap_take_astring(in, &text, &name) || !is_field_name(name))
            return false;
        (void)av_buf_puts(out, first ? "" : " ");
        (void)av_buf_puts(out, needs_quotes(name) ? "\"" : "");
        (void)av_buf_append_span(out, name);
        (void)av_buf_puts(out, needs_quotes(name) ? "\"" : "");
        first = false;
    } while (av_imap_take_char(in, ' '));
    (void)av_buf_putc(out, ')');
    return av_imap_take_char(in, ')');
}

/* Part numbers, dots and words up to `]` or the list of fields. */
static void
take_section_words(av_span *in, av_buf *out)
{
    while (in->n > 0 && in->p[0] != ']' && in->p[0] != ' ') {
        uint8_t c = in->p[0];

        (void)av_buf_putc(out, c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c);
        *in = av_span_skip(*in, 1);
    }
}

static bool
take_partial(av_span *in, av_imap_fetch_section *section)
{
    if (!av_imap_take_char(in, '<'))
        return true;
    section->partial = true;
    return av_imap_take_number64(in, &section->offset) && av_imap_take_char(in, '.') &&
           av_imap_take_number64(in, &section->length) && section->length > 0 && av_imap_take_char(in, '>');
}

static av_errc
add_section(av_imap_fetch_items *self, av_imap_label label, const char *text, av_error *err)
{
    if (self->section_count == AV_IMAP_SECTIONS_MAX)
        return too_long(err);
    self->sections[self->section_count++] = (av_imap_fetch_section){ .label = label, .text_at = self->text.n };
    (void)av_buf_puts(&self->text, text);
    return av_buf_putc(&self->text, '\0') ? AV_OK : too_long(err);
}

/* Behind the opening bracket. */
static av_errc
take_section(av_imap_fetch_items *self, av_imap_label label, av_span *in, av_error *err)
{
    av_imap_fetch_section section = { .label = label, .text_at = self->text.n };
    av_imap_section parsed;
    av_span text;

    if (self->section_count == AV_IMAP_SECTIONS_MAX)
        return too_long(err);
    take_section_words(in, &self->text);
    if (in->n > 0 && in->p[0] == ' ' && !take_fields(in, &self->text))
        return self->text.full ? too_long(err) : bad_section(err);
    if (!av_buf_putc(&self->text, '\0'))
        return too_long(err);
    text = av_span_slice(av_buf_span(&self->text), section.text_at, self->text.n - 1);
    if (!av_imap_take_char(in, ']') || memchr(text.p, '\0', text.n) != NULL || !av_imap_section_parse(text, &parsed))
        return bad_section(err);
    if (label != AV_IMAP_LABEL_BODY && parsed.kind != AV_SECTION_ALL) /* RFC 3516, 7: section-binary */
        return av_error_set(err, AV_ERR_SYNTAX, "FETCH: BINARY takes part numbers or nothing");
    if (label != AV_IMAP_LABEL_BINARY_SIZE && !take_partial(in, &section))
        return av_error_set(err, AV_ERR_SYNTAX, "FETCH: a partial is <first byte.number of bytes>");
    self->sections[self->section_count++] = section;
    return AV_OK;
}

/* ---- items ---- */

static const struct {
    const char *name;
    size_t flag; /* offset of the bool, or SIZE_MAX */
    av_imap_label label;
    const char *section;
} items[] = {
    { "UID", offsetof(av_imap_fetch_items, uid), 0, NULL },
    { "FLAGS", offsetof(av_imap_fetch_items, flags), 0, NULL },
    { "INTERNALDATE", offsetof(av_imap_fetch_items, internaldate), 0, NULL },
    { "RFC822.SIZE", offsetof(av_imap_fetch_items, size), 0, NULL },
    { "ENVELOPE", offsetof(av_imap_fetch_items, envelope), 0, NULL },
    { "BODY", offsetof(av_imap_fetch_items, body), 0, NULL },
    { "BODYSTRUCTURE", offsetof(av_imap_fetch_items, bodystructure), 0, NULL },
    { "MODSEQ", offsetof(av_imap_fetch_items, modseq), 0, NULL },
    { "EMAILID", offsetof(av_imap_fetch_items, emailid), 0, NULL },
    { "THREADID", offsetof(av_imap_fetch_items, threadid), 0, NULL },
    { "SAVEDATE", offsetof(av_imap_fetch_items, savedate), 0, NULL },
    { "PREVIEW", offsetof(av_imap_fetch_items, preview), 0, NULL },
    { "RFC822", SIZE_MAX, AV_IMAP_LABEL_RFC822, "" },
    { "RFC822.HEADER", SIZE_MAX, AV_IMAP_LABEL_RFC822_HEADER, "HEADER" },
    { "RFC822.TEXT", SIZE_MAX, AV_IMAP_LABEL_RFC822_TEXT, "TEXT" },
};

static av_errc
add_item(av_imap_fetch_items *self, av_span name, av_error *err)
{
    for (size_t i = 0; i < AV_COUNT(items); i++) {
        if (!av_span_ieq_str(name, items[i].name))
            continue;
        if (items[i].section != NULL)
            return add_section(self, items[i].label, items[i].section, err);
        *(bool *)((char *)self + items[i].flag) = true;
        return AV_OK;
    }
    return av_error_set(err, AV_ERR_SYNTAX, "FETCH: unknown item %.*s", (int)AV_MIN(name.n, 40U), (const char *)name.p);
}

/* Letters, digits and dots: an item ends at a bracket, which an atom would take in. */
static bool
take_item_name(av_span *in, av_span *ret)
{
    size_t n = 0;

    while (n < in->n && in->p[n] != '[' && av_imap_is_atom_char(in->p[n]))
        n++;
    *ret = av_span_slice(*in, 0, n);
    *in = av_span_skip(*in, n);
    return n > 0;
}

/* PREVIEW (LAZY): previews are stored, and never made while somebody waits (RFC 8970, 3.1). */
static void
skip_lazy(av_span *in)
{
    av_span rest = *in;

    if (av_imap_take_char(&rest, ' ') && av_imap_take_char(&rest, '(') && av_imap_take_keyword(&rest, "LAZY") &&
        av_imap_take_char(&rest, ')'))
        *in = rest;
}

static const struct {
    const char *name;
    av_imap_label label;
} bracketed[] = {
    { "BODY", AV_IMAP_LABEL_BODY },
    { "BODY.PEEK", AV_IMAP_LABEL_BODY },
    { "BINARY", AV_IMAP_LABEL_BINARY },
    { "BINARY.PEEK", AV_IMAP_LABEL_BINARY },
    { "BINARY.SIZE", AV_IMAP_LABEL_BINARY_SIZE },
};

static av_errc
take_item(av_imap_fetch_items *self, av_span *in, av_error *err)
{
    av_span name;
    av_errc rc;

    if (!take_item_name(in, &name))
        return av_error_set(err, AV_ERR_SYNTAX, "FETCH: an item is missing");
    if (!av_imap_take_char(in, '[')) {
        rc = add_item(self, name, err);
        if (av_span_ieq_str(name, "PREVIEW"))
            skip_lazy(in);
        return rc;
    }
    for (size_t i = 0; i < AV_COUNT(bracketed); i++) {
        if (av_span_ieq_str(name, bracketed[i].name))
            return take_section(self, bracketed[i].label, in, err);
    }
    return av_error_set(
        err, AV_ERR_SYNTAX, "FETCH: only BODY, BODY.PEEK, BINARY, BINARY.PEEK and BINARY.SIZE take brackets");
}

static av_errc
take_list(av_imap_fetch_items *self, av_span *in, av_error *err)
{
    av_errc rc;

    do {
        rc = take_item(self, in, err);
        if (rc != AV_OK)
            return rc;
    } while (av_imap_take_char(in, ' '));
    return av_imap_take_char(in, ')') ? AV_OK : av_error_set(err, AV_ERR_SYNTAX, "FETCH: the list does not end");
}

/* ALL, FAST and FULL stand alone (RFC 3501, 6.4.5). */
static bool
take_macro(av_imap_fetch_items *self, av_span *in)
{
    bool fast = av_imap_take_keyword(in, "FAST"), all = !fast && av_imap_take_keyword(in, "ALL");
    bool full = !fast && !all && av_imap_take_keyword(in, "FULL");

    if (!fast && !all && !full)
        return false;
    self->flags = self->internaldate = self->size = true;
    self->envelope = all || full;
    self->body = full;
    return true;
}

/* ---- modifiers ---- */

static bool
take_modifier(av_imap_fetch_items *self, av_span *in)
{
    if (av_imap_take_keyword(in, "VANISHED")) {
        self->vanished = true;
        return true;
    }
    if (!self->has_page && av_imap_take_keyword(in, "PARTIAL")) {
        self->has_page = true;
        return av_imap_take_char(in, ' ') && av_imap_take_partial(in, &self->page);
    }
    if (self->has_changed_since || !av_imap_take_keyword(in, "CHANGEDSINCE") || !av_imap_take_char(in, ' ') ||
        !av_imap_take_number64(in, &self->changed_since))
        return false;
    self->has_changed_since = self->modseq = true; /* RFC 7162, 3.1.4.1: MODSEQ is told, too */
    return true;
}

/* RFC 4466, 2.4. */
static av_errc
take_modifiers(av_imap_fetch_items *self, av_span *in, av_error *err)
{
    if (!av_imap_take_char(in, ' ') || !av_imap_take_char(in, '('))
        return av_error_set(err, AV_ERR_SYNTAX, "FETCH: more behind the items");
    do {
        if (!take_modifier(self, in))
            return av_error_set(err, AV_ERR_SYNTAX,
                "FETCH: the modifiers are CHANGEDSINCE <modseq>, VANISHED and PARTIAL <first:last>");
    } while (av_imap_take_char(in, ' '));
    if (!av_imap_take_char(in, ')') || in->n > 0)
        return av_error_set(err, AV_ERR_SYNTAX, "FETCH: more behind the modifiers");
    if (self->vanished && !self->has_changed_since) /* RFC 7162, 3.2.6 */
        return av_error_set(err, AV_ERR_SYNTAX, "FETCH: VANISHED goes with CHANGEDSINCE");
    return AV_OK;
}

av_errc
av_imap_fetch_items_parse(av_span in, av_imap_fetch_items *ret, av_error *err)
{
    av_errc rc = AV_OK;

    memset(ret, 0, sizeof *ret);
    av_buf_init(&ret->text, AV_IMAP_SECTION_TEXT_MAX);
    if (!take_macro(ret, &in))
        rc = av_imap_take_char(&in, '(') ? take_list(ret, &in, err) : take_item(ret, &in, err);
    return rc == AV_OK && in.n > 0 ? take_modifiers(ret, &in, err) : rc;
}

void
av_imap_fetch_items_release(av_imap_fetch_items *self)
{
    av_buf_release(&self->text);
}

const char *
av_imap_fetch_items_section(const av_imap_fetch_items *self, size_t index)
{
    assert(index < self->section_count);
    return (const char *)self->text.p + self->sections[index].text_at;
}
