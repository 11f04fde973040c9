/*
 * imap_bodystructure.c - BODY and BODYSTRUCTURE (imap_items.h)
 *
 * Parts are walked in document order with their parent links, so that depth costs no stack.
 */
#include "storage/mime/imap_items.h"

#include "storage/mime/header.h"

/* Raw header value, unfolded; NIL when absent. */
static void
put_value(av_span value, av_buf *out)
{
    AV_CLEANUP(av_buf_release) av_buf work = { .max = 2 * AV_IMAP_STRING_MAX };

    if (value.n > 0)
        (void)av_header_unfold(av_span_slice(value, 0, AV_MIN(value.n, 2U * AV_IMAP_STRING_MAX)), &work);
    (void)av_imap_nstring(av_buf_span(&work), out);
}

/* RFC 3282, 2: languages with commas between them; one is a string, several a list (RFC 9051, 9: body-fld-lang). */
static void
put_languages(av_span value, av_buf *out)
{
    AV_CLEANUP(av_buf_release) av_buf work = { .max = AV_IMAP_STRING_MAX };
    av_span rest;
    unsigned n = 0;

    (void)av_header_unfold(av_span_slice(value, 0, AV_MIN(value.n, (size_t)AV_IMAP_STRING_MAX)), &work);
    rest = av_buf_span(&work);
    if (av_span_find(rest, ',') == rest.n) {
        (void)av_imap_nstring(rest, out);
        return;
    }
    while (rest.n > 0) {
        size_t comma = av_span_find(rest, ',');
        av_span one = av_span_trim(av_span_slice(rest, 0, comma));

        rest = av_span_skip(rest, AV_MIN(comma + 1, rest.n));
        if (one.n == 0)
            continue;
        (void)av_buf_putc(out, n++ == 0 ? '(' : ' ');
        (void)av_imap_string(one, out);
    }
    (void)av_buf_puts(out, n == 0 ? "NIL" : ")");
}

static void
put_params(const av_mime *self, uint32_t at, uint32_t n, av_buf *out)
{
    if (n == 0) {
        (void)av_buf_puts(out, "NIL");
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        (void)av_buf_putc(out, i == 0 ? '(' : ' ');
        (void)av_imap_string(self->params[at + i].name, out);
        (void)av_buf_putc(out, ' ');
        (void)av_imap_string(self->params[at + i].value, out);
    }
    (void)av_buf_putc(out, ')');
}

/* ` disposition language location`: what all extended forms end with. */
static void
put_extension(const av_mime *self, const av_mime_part *part, av_buf *out)
{
    if (part->disp_type.n > 0) {
        (void)av_buf_puts(out, " (");
        (void)av_imap_string(part->disp_type, out);
        (void)av_buf_putc(out, ' ');
        put_params(self, part->disp_param_at, part->disp_param_count, out);
        (void)av_buf_putc(out, ')');
    } else {
        (void)av_buf_puts(out, " NIL");
    }
    (void)av_buf_putc(out, ' ');
    put_languages(part->language, out);
    (void)av_buf_putc(out, ' ');
    put_value(part->location, out);
}

/* `"type" "subtype" params id description encoding octets`. */
static void
put_basic(const av_mime *self, const av_mime_part *part, av_span type, av_span subtype, av_buf *out)
{
    (void)av_imap_string(type, out);
    (void)av_buf_putc(out, ' ');
    (void)av_imap_string(subtype, out);
    (void)av_buf_putc(out, ' ');
    if (part->param_count == 0 && av_span_eq_str(type, "text"))
        (void)av_buf_puts(out, "(\"charset\" \"us-ascii\")"); /* RFC 2045, 5.2 */
    else
        put_params(self, part->param_at, part->param_count, out);
    (void)av_buf_putc(out, ' ');
    put_value(part->content_id, out);
    (void)av_buf_putc(out, ' ');
    put_value(part->description, out);
    (void)av_buf_putc(out, ' ');
    (void)av_imap_string(part->encoding_word.n > 0 ? part->encoding_word : av_span_str("7bit"), out);
    (void)av_buf_printf(out, " %llu", (unsigned long long)part->body_crlf_bytes);
}

/*
 * A leaf. A multipart in which no part was found is shown as the text it is; an encoded or opaque message as plain
 * bytes: "message" "rfc822" would promise an envelope (RFC 9051, 9: media-message).
 */
static void
put_leaf(const av_mime *self, const av_mime_part *part, bool extended, av_buf *out)
{
    av_span type = part->type, subtype = part->subtype;

    if (av_span_eq_str(type, "multipart")) {
        type = av_span_str(part->opaque ? "application" : "text");
        subtype = av_span_str(part->opaque ? "octet-stream" : "plain");
    } else if (av_span_eq_str(type, "message") &&
               (av_span_eq_str(subtype, "rfc822") || av_span_eq_str(subtype, "global"))) {
        type = av_span_str("application");
        subtype = av_span_str("octet-stream");
    }
    (void)av_buf_putc(out, '(');
    put_basic(self, part, type, subtype, out);
    if (av_span_eq_str(type, "text"))
        (void)av_buf_printf(out, " %llu", (unsigned long long)part->body_lines);
    if (extended) {
        (void)av_buf_putc(out, ' ');
        put_value(part->md5, out);
        put_extension(self, part, out);
    }
    (void)av_buf_putc(out, ')');
}

/* The first half of a part: all of it for a leaf. */
static void
put_open(const av_mime *self, uint32_t i, bool extended, av_buf *out)
{
    const av_mime_part *part = &self->parts[i];

    if (part->is_multipart) {
        (void)av_buf_putc(out, '(');
    } else if (part->is_message) {
        (void)av_buf_putc(out, '(');
        put_basic(self, part, part->type, part->subtype, out);
        (void)av_buf_putc(out, ' ');
        (void)av_imap_envelope(self, part->first_child, out);
        (void)av_buf_putc(out, ' ');
    } else {
        put_leaf(self, part, extended, out);
    }
}

/* The second half of a part with children. */
static void
put_close(const av_mime *self, const av_mime_part *part, bool extended, av_buf *out)
{
    (void)av_buf_putc(out, ' ');
    if (part->is_message) {
        (void)av_buf_printf(out, "%llu", (unsigned long long)part->body_lines);
        if (extended) {
            (void)av_buf_putc(out, ' ');
            put_value(part->md5, out);
        }
    } else {
        (void)av_imap_string(part->subtype, out);
        if (extended) {
            (void)av_buf_putc(out, ' ');
            put_params(self, part->param_at, part->param_count, out);
        }
    }
    if (extended)
        put_extension(self, part, out);
    (void)av_buf_putc(out, ')');
}

bool
av_imap_bodystructure(const av_mime *self, bool extended, av_buf *out)
{
    AV_CLEANUP(av_buf_release) av_buf made = { .max = AV_IMAP_BODYSTRUCTURE_MAX };
    uint32_t i = 0;

    put_open(self, i, extended, &made);
    while (i != AV_MIME_NONE && !made.full) {
        const av_mime_part *part = &self->parts[i];

        if (part->children > 0) {
            i = part->first_child;
            put_open(self, i, extended, &made);
            continue;
        }
        while (i != AV_MIME_NONE && self->parts[i].next_sibling == AV_MIME_NONE) {
            i = self->parts[i].parent;
            if (i != AV_MIME_NONE)
                put_close(self, &self->parts[i], extended, &made);
        }
        if (i != AV_MIME_NONE) {
            i = self->parts[i].next_sibling;
            put_open(self, i, extended, &made);
        }
    }
    if (made.full)
        return av_buf_printf(out, "(\"application\" \"octet-stream\" NIL NIL NIL \"8bit\" %llu%s)",
            (unsigned long long)self->parts[0].body_crlf_bytes, extended ? " NIL NIL NIL NIL" : "");
    return av_buf_append_span(out, av_buf_span(&made));
}
