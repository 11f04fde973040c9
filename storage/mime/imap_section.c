/*
 * imap_section.c - what stands between the brackets of BODY[...], and the bytes it names (imap_items.h)
 */
#include "storage/mime/imap_items.h"

#include "storage/mime/crlf.h"
#include "storage/mime/header.h"

enum { NUMBER_MAX = 1000000 };

/* Take `1.2.3` and a dot behind it off the front of text. */
static bool
take_path(av_span *text, av_imap_section *ret)
{
    while (text->n > 0 && text->p[0] >= '0' && text->p[0] <= '9') {
        size_t n = 0;
        uint64_t number;

        while (n < text->n && text->p[n] >= '0' && text->p[n] <= '9')
            n++;
        if (ret->path_count == AV_COUNT(ret->path) || !av_span_u64(av_span_slice(*text, 0, n), NUMBER_MAX, &number) ||
            number == 0)
            return false;
        ret->path[ret->path_count++] = (uint32_t)number;
        *text = av_span_skip(*text, n);
        if (text->n == 0)
            return true;
        if (text->p[0] != '.' || text->n == 1)
            return false;
        *text = av_span_skip(*text, 1);
    }
    return true;
}

/* One field name: an atom or a quoted string (no name needs an escape). */
static bool
take_field(av_span *text, av_imap_section *ret)
{
    bool quoted = text->p[0] == '"';
    size_t from = quoted ? 1 : 0, n = from;

    while (n < text->n && (quoted ? text->p[n] != '"' : text->p[n] != ' ' && text->p[n] != ')' && text->p[n] != '('))
        n++;
    if (n == from || n == text->n || ret->field_count == AV_SECTION_FIELDS_MAX)
        return false;
    ret->fields[ret->field_count++] = av_span_slice(*text, from, n);
    *text = av_span_skip(*text, quoted ? n + 1 : n);
    return true;
}

/* ` (name name ...)` up to the end of text. */
static bool
take_fields(av_span text, av_imap_section *ret)
{
    if (text.n < 3 || text.p[0] != ' ' || text.p[1] != '(')
        return false;
    text = av_span_skip(text, 2);
    while (text.n > 0 && text.p[0] != ')') {
        if (text.p[0] == ' ') {
            text = av_span_skip(text, 1);
            continue;
        }
        if (!take_field(&text, ret))
            return false;
    }
    return text.n == 1 && ret->field_count > 0;
}

bool
av_imap_section_parse(av_span text, av_imap_section *ret)
{
    size_t word = 0;
    av_span head;

    ret->kind = AV_SECTION_ALL;
    ret->path_count = ret->field_count = 0;
    if (!take_path(&text, ret))
        return false;
    if (text.n == 0)
        return true;
    word = av_span_find(text, ' ');
    head = av_span_slice(text, 0, word);
    text = av_span_skip(text, word);
    if (av_span_ieq_str(head, "HEADER.FIELDS") || av_span_ieq_str(head, "HEADER.FIELDS.NOT")) {
        ret->kind = head.n == strlen("HEADER.FIELDS") ? AV_SECTION_HEADER_FIELDS : AV_SECTION_HEADER_FIELDS_NOT;
        return take_fields(text, ret);
    }
    if (av_span_ieq_str(head, "HEADER"))
        ret->kind = AV_SECTION_HEADER;
    else if (av_span_ieq_str(head, "TEXT"))
        ret->kind = AV_SECTION_TEXT;
    else if (av_span_ieq_str(head, "MIME") && ret->path_count > 0) /* RFC 9051, 6.4.5.1: MIME needs part numbers */
        ret->kind = AV_SECTION_MIME;
    else
        return false;
    return text.n == 0;
}

uint32_t
av_imap_section_part(const av_mime *self, const av_imap_section *section)
{
    uint32_t at = 0;
    bool is_leaf = false; /* number 1 of a message that is no multipart was taken: nothing lies below */

    for (uint32_t k = 0; k < section->path_count; k++) {
        uint32_t number = section->path[k], child;

        if (k > 0 && self->parts[at].is_message)
            at = self->parts[at].first_child;
        else if (is_leaf)
            return AV_MIME_NONE;
        if (!self->parts[at].is_multipart) {
            if (number != 1 || !self->parts[at].is_root)
                return AV_MIME_NONE;
            is_leaf = true;
            continue;
        }
        child = self->parts[at].first_child;
        while (child != AV_MIME_NONE && self->parts[child].number != number)
            child = self->parts[child].next_sibling;
        if (child == AV_MIME_NONE)
            return AV_MIME_NONE;
        at = child;
        is_leaf = !self->parts[at].is_multipart;
    }
    return at;
}

/*
 * The part whose header and text HEADER, TEXT and the field kinds name: the message itself, or the root of the nested
 * message that the part is.
 */
static uint32_t
message_of(const av_mime *self, const av_imap_section *section)
{
    uint32_t at = av_imap_section_part(self, section);

    if (section->path_count == 0 || at == AV_MIME_NONE)
        return at;
    return self->parts[at].is_message ? self->parts[at].first_child : AV_MIME_NONE;
}

bool
av_imap_section_span(const av_mime *self, const av_imap_section *section, av_span *ret)
{
    bool of_part = section->kind == AV_SECTION_ALL || section->kind == AV_SECTION_MIME;
    uint32_t at = of_part ? av_imap_section_part(self, section) : message_of(self, section);
    const av_mime_part *part;

    if (at == AV_MIME_NONE || section->kind == AV_SECTION_HEADER_FIELDS ||
        section->kind == AV_SECTION_HEADER_FIELDS_NOT)
        return false;
    part = &self->parts[at];
    if (section->kind == AV_SECTION_ALL && section->path_count == 0)
        *ret = self->message;
    else if (section->kind == AV_SECTION_ALL || section->kind == AV_SECTION_TEXT)
        *ret = av_mime_body(self, at);
    else /* HEADER, MIME: with the blank line */
        *ret = av_span_slice(self->message, part->header_at, part->body_at);
    return true;
}

static bool
is_named(av_span name, const av_imap_section *section)
{
    for (uint32_t i = 0; i < section->field_count; i++)
        if (av_span_ieq(name, section->fields[i]))
            return true;
    return false;
}

/* RFC 9051, 6.4.5.1: the chosen fields as they stand, and a blank line in all cases. */
static bool
append_fields(av_span header, const av_imap_section *section, av_buf *out)
{
    bool wanted = section->kind == AV_SECTION_HEADER_FIELDS;
    av_header_field field;

    while (av_header_next(&header, &field)) {
        if (is_named(field.name, section) != wanted)
            continue;
        if (!av_crlf_append(field.whole, out))
            return false;
        if (field.whole.p[field.whole.n - 1] != '\n' && !av_buf_puts(out, "\r\n"))
            return false; /* the message ends in its header, without a line end */
    }
    return av_buf_puts(out, "\r\n");
}

bool
av_imap_section_append(const av_mime *self, const av_imap_section *section, av_buf *out, bool *ret_found)
{
    av_span span;
    uint32_t at;

    if (section->kind == AV_SECTION_HEADER_FIELDS || section->kind == AV_SECTION_HEADER_FIELDS_NOT) {
        at = message_of(self, section);
        *ret_found = at != AV_MIME_NONE;
        return !*ret_found || append_fields(av_mime_header(self, at), section, out);
    }
    *ret_found = av_imap_section_span(self, section, &span);
    return !*ret_found || av_crlf_append(span, out);
}
