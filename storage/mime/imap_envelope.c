/*
 * imap_envelope.c - strings and the ENVELOPE of a message (imap_items.h)
 */
#include "storage/mime/imap_items.h"

#include "storage/mime/address.h"
#include "storage/mime/header.h"
#include "storage/mime/mime_priv.h"

enum {
    QUOTED_MAX = 1000, /* is safe with every client's line buffer; longer strings are literals */
    ID_MAX = 1000,     /* bytes of date, in-reply-to, message-id */
    IDS_ROOM = 2 * (2 * ID_MAX + 16),
    CLOSING_BYTES = 20 /* the end of a list with an open group */
};

static bool
can_quote(av_span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < ' ' || s.p[i] >= 0x7F)
            return false;
    return s.n <= QUOTED_MAX;
}

bool
av_imap_string(av_span s, av_buf *out)
{
    uint8_t *to;

    s.n = AV_MIN(s.n, (size_t)AV_IMAP_STRING_MAX);
    if (!can_quote(s)) {
        size_t at;

        if (!av_buf_printf(out, "{%zu}\r\n", s.n))
            return false;
        at = out->n;
        if (!av_buf_append_span(out, s))
            return false;
        for (; at < out->n; at++)
            if (out->p[at] == '\0') /* RFC 9051, 9: CHAR8 has no NUL */
                out->p[at] = '?';
        return true;
    }
    to = av_buf_reserve(out, 2 * s.n + 2);
    if (to == NULL)
        return false;
    *to++ = '"';
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\')
            *to++ = '\\';
        *to++ = s.p[i];
    }
    *to++ = '"';
    out->n = (size_t)(to - out->p);
    return true;
}

bool
av_imap_nstring(av_span s, av_buf *out)
{
    return s.n == 0 ? av_buf_puts(out, "NIL") : av_imap_string(s, out);
}

/* A raw header value as the client wants it: unfolded, encoded-words kept, cut at max bytes. */
static void
put_value(av_span value, size_t max, av_buf *work, av_buf *out)
{
    av_span text;

    if (value.p == NULL) {
        (void)av_buf_puts(out, "NIL");
        return;
    }
    av_buf_clear(work);
    (void)av_header_unfold(av_span_slice(value, 0, AV_MIN(value.n, work->max)), work);
    text = av_buf_span(work);
    text.n = AV_MIN(text.n, max);
    (void)av_imap_string(text, out);
}

/* `(name route mailbox host)`; RFC 9051, 7.5.2: a group opens with host NIL and closes with mailbox NIL, so an address
 * that lacks either gets a word that says so. */
static void
put_address(const av_address *a, av_buf *out)
{
    if (a->kind == AV_ADDRESS_GROUP_END) {
        (void)av_buf_puts(out, "(NIL NIL NIL NIL)");
        return;
    }
    if (a->kind == AV_ADDRESS_GROUP) {
        (void)av_buf_puts(out, "(NIL NIL ");
        (void)av_imap_string(a->name_raw, out);
        (void)av_buf_puts(out, " NIL)");
        return;
    }
    (void)av_buf_putc(out, '(');
    (void)av_imap_nstring(a->name_raw, out);
    (void)av_buf_putc(out, ' ');
    (void)av_imap_nstring(a->route, out);
    (void)av_buf_putc(out, ' ');
    (void)av_imap_string(a->mailbox.n > 0 ? a->mailbox : av_span_str("MISSING_MAILBOX"), out);
    (void)av_buf_putc(out, ' ');
    (void)av_imap_string(a->host.n > 0 ? a->host : av_span_str("MISSING_DOMAIN"), out);
    (void)av_buf_putc(out, ')');
}

/* One address list, of at most max bytes: what does not fit is left out whole, and false returned. */
static bool
put_addresses(const av_address_list *list, size_t max, av_buf *out)
{
    size_t start = out->n;
    bool in_group = false, whole = true;

    if (list->count == 0) {
        (void)av_buf_puts(out, "NIL");
        return true;
    }
    (void)av_buf_putc(out, '(');
    for (size_t i = 0; i < list->count; i++) {
        size_t before = out->n;

        put_address(&list->items[i], out);
        if (out->n - start + CLOSING_BYTES > max) {
            out->n = before;
            whole = false;
            break;
        }
        in_group = list->items[i].kind == AV_ADDRESS_GROUP || (in_group && list->items[i].kind == AV_ADDRESS_MAILBOX);
    }
    if (out->n == start + 1) { /* one name of many KB: nothing fits */
        out->n = start;
        (void)av_buf_puts(out, "NIL");
        return false;
    }
    (void)av_buf_puts(out, in_group ? "(NIL NIL NIL NIL))" : ")");
    return whole;
}

/* All address lists. Sender and Reply-To default to From (RFC 9051, 7.5.2): in most messages From is then copied, not parsed
 * three times. */
static void
put_all_addresses(const av_span fields[MIME_FIELD_COUNT], av_buf *out)
{
    static const enum mime_field order[] = { MIME_FROM, MIME_SENDER, MIME_REPLY_TO, MIME_TO, MIME_CC, MIME_BCC };
    AV_CLEANUP(av_address_list_release) av_address_list list;
    size_t from_at = 0, from_n = 0;
    bool from_whole = false;

    av_address_list_init(&list);
    for (size_t k = 0; k < AV_COUNT(order); k++) {
        bool is_from = fields[order[k]].n == 0 && (order[k] == MIME_SENDER || order[k] == MIME_REPLY_TO);
        size_t start, max;
        bool whole;

        (void)av_buf_putc(out, ' ');
        /* half of the room that is left to each: with the ids kept free, the whole always stays below its ceiling */
        start = out->n;
        max = (AV_IMAP_ENVELOPE_MAX - IDS_ROOM - out->n) / 2;
        if (is_from && from_whole && from_n + CLOSING_BYTES <= max && av_buf_reserve(out, from_n) != NULL) {
            (void)av_buf_append(out, out->p + from_at, from_n);
            continue;
        }
        av_address_parse(is_from ? fields[MIME_FROM] : fields[order[k]], AV_IMAP_ADDRESSES_MAX, &list);
        whole = put_addresses(&list, max, out);
        if (order[k] == MIME_FROM) {
            from_whole = whole;
            from_at = start;
            from_n = out->n - start;
        }
    }
}

bool
mime_envelope(const av_span fields[MIME_FIELD_COUNT], av_buf *out)
{
    AV_CLEANUP(av_buf_release) av_buf made = { .max = 2 * AV_IMAP_ENVELOPE_MAX };
    AV_CLEANUP(av_buf_release) av_buf work = { .max = 2 * AV_IMAP_STRING_MAX };

    (void)av_buf_putc(&made, '(');
    put_value(fields[MIME_DATE], ID_MAX, &work, &made);
    (void)av_buf_putc(&made, ' ');
    put_value(fields[MIME_SUBJECT], AV_IMAP_STRING_MAX, &work, &made);
    put_all_addresses(fields, &made);
    (void)av_buf_putc(&made, ' ');
    put_value(fields[MIME_IN_REPLY_TO], ID_MAX, &work, &made);
    (void)av_buf_putc(&made, ' ');
    put_value(fields[MIME_MESSAGE_ID], ID_MAX, &work, &made);
    (void)av_buf_putc(&made, ')');
    if (made.full) /* memory is gone */
        return av_buf_puts(out, "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
    return av_buf_append_span(out, av_buf_span(&made));
}

bool
av_imap_envelope(const av_mime *self, uint32_t i, av_buf *out)
{
    av_span fields[MIME_FIELD_COUNT];

    mime_fields_collect(av_mime_header(self, i), fields);
    return mime_envelope(fields, out);
}
