/*
 * summary.c - see summary.h
 */
#include "storage/mime/summary.h"

#include "base/unicode.h"
#include "storage/mime/charset.h"
#include "storage/mime/date.h"
#include "storage/mime/decode.h"
#include "storage/mime/header.h"
#include "storage/mime/html_text.h"
#include "storage/mime/imap_items.h"
#include "storage/mime/mime_priv.h"
#include "storage/mime/text.h"
#include "storage/mime/words.h"

enum {
    ADDRESSES_MAX = 500,
    PREVIEW_CHARACTERS = 200,
    PREVIEW_INPUT_BYTES = 64 * 1024, /* of a body that are looked at for the preview */
    PREVIEW_TEXT_BYTES = 8 * 1024,
    PREVIEW_HTML_BYTES = 2 * 1024 /* of the text out of HTML, where runs of white space are one blank */
};

void
av_mime_summary_init(av_mime_summary *self)
{
    *self = (av_mime_summary){ .date_unix_s = 0 };
    av_buf_init(&self->from, AV_SUMMARY_ADDRESSES_MAX);
    av_buf_init(&self->to, AV_SUMMARY_ADDRESSES_MAX);
    av_buf_init(&self->cc, AV_SUMMARY_ADDRESSES_MAX);
    av_buf_init(&self->bcc, AV_SUMMARY_ADDRESSES_MAX);
    av_buf_init(&self->subject, AV_SUMMARY_SUBJECT_MAX);
    av_buf_init(&self->message_id, AV_SUMMARY_MESSAGE_ID_MAX);
    av_buf_init(&self->in_reply_to, AV_SUMMARY_REFERENCES_MAX);
    av_buf_init(&self->references, AV_SUMMARY_REFERENCES_MAX);
    av_buf_init(&self->attachments, AV_SUMMARY_NAMES_MAX);
    av_buf_init(&self->preview, AV_SUMMARY_PREVIEW_MAX);
    av_buf_init(&self->envelope, AV_IMAP_ENVELOPE_MAX);
    av_buf_init(&self->bodystructure, AV_IMAP_BODYSTRUCTURE_MAX);
    av_buf_init(&self->work, 4 * PREVIEW_INPUT_BYTES);
    av_address_list_init(&self->scratch);
}

void
av_mime_summary_release(av_mime_summary *self)
{
    av_buf_release(&self->from);
    av_buf_release(&self->to);
    av_buf_release(&self->cc);
    av_buf_release(&self->bcc);
    av_buf_release(&self->subject);
    av_buf_release(&self->message_id);
    av_buf_release(&self->in_reply_to);
    av_buf_release(&self->references);
    av_buf_release(&self->attachments);
    av_buf_release(&self->preview);
    av_buf_release(&self->envelope);
    av_buf_release(&self->bodystructure);
    av_buf_release(&self->work);
    av_address_list_release(&self->scratch);
}

static void
set_addresses(av_mime_summary *self, av_span value, av_buf *out)
{
    av_buf_clear(out);
    if (value.n == 0)
        return;
    av_address_parse(value, ADDRESSES_MAX, &self->scratch);
    (void)av_address_display(&self->scratch, out);
}

/* The `<...>` of value parted by blanks, at most max of them; a value without any as it stands. */
static void
set_ids(av_span value, size_t max, av_buf *out)
{
    size_t found = 0;

    av_buf_clear(out);
    for (av_span rest = value; rest.n > 0 && found < max;) {
        size_t from = av_span_find(rest, '<'), n;

        rest = av_span_skip(rest, from);
        n = av_span_find(rest, '>');
        if (n == rest.n)
            break;
        if (found++ > 0)
            (void)av_buf_putc(out, ' ');
        (void)av_words_decode(av_span_slice(rest, 0, n + 1), out);
        rest = av_span_skip(rest, n + 1);
    }
    if (found == 0)
        (void)av_words_decode(value, out);
}

static void
set_attachments(const av_mime *mime, av_mime_summary *self)
{
    uint32_t i = av_mime_attachments(mime, 0);

    av_buf_clear(&self->attachments);
    self->has_attachment = i != AV_MIME_NONE;
    for (; i != AV_MIME_NONE; i = av_mime_attachments(mime, i + 1)) {
        if (mime->parts[i].filename.n == 0)
            continue;
        if (self->attachments.n > 0 && !av_buf_putc(&self->attachments, '\n'))
            break;
        if (!mime_append_utf8(&self->attachments, mime->parts[i].filename))
            break;
    }
}

/* The first text/plain part, or the first text/html one: AV_MIME_NONE when there is none. */
static uint32_t
preview_part(const av_mime *mime)
{
    uint32_t html = AV_MIME_NONE;

    for (uint32_t i = 0; i < mime->count; i++) {
        const av_mime_part *part = &mime->parts[i];

        if (part->disposition == AV_MIME_ATTACHMENT || part->children > 0 || part->body_at == part->body_end)
            continue;
        if (av_mime_is(mime, i, "text", "plain"))
            return i;
        if (html == AV_MIME_NONE && av_mime_is(mime, i, "text", "html"))
            html = i;
    }
    return html;
}

/* The first characters of text, white space runs and control characters as one blank. */
static void
put_preview(av_span text, av_buf *out)
{
    bool blank = false;

    for (unsigned count = 0; text.n > 0 && count < PREVIEW_CHARACTERS;) {
        uint32_t c = av_utf8_next(&text);

        if (c <= ' ' || (c >= 0x7F && c <= 0xA0) || c == 0xFEFF) {
            blank = true;
            continue;
        }
        if (blank && out->n > 0) {
            count++;
            if (!av_buf_putc(out, ' '))
                return;
        }
        blank = false;
        count++;
        if (!av_utf8_put(out, c))
            return;
    }
}

static void
set_preview(const av_mime *mime, av_mime_summary *self)
{
    AV_CLEANUP(av_buf_release) av_buf text = { .max = PREVIEW_TEXT_BYTES };
    AV_CLEANUP(av_buf_release) av_buf utf8 = { .max = 4 * PREVIEW_INPUT_BYTES };
    uint32_t i = preview_part(mime);
    av_span bytes;

    av_buf_clear(&self->preview);
    if (i == AV_MIME_NONE)
        return;
    (void)av_mime_decode_head(mime, i, PREVIEW_INPUT_BYTES, &self->work, &bytes);
    if (av_mime_is(mime, i, "text", "html")) {
        text.max = PREVIEW_HTML_BYTES;
        (void)av_charset_to_utf8(mime->parts[i].charset, bytes, &utf8);
        (void)av_html_text(av_buf_span(&utf8), &text);
    } else {
        bytes.n = AV_MIN(bytes.n, (size_t)PREVIEW_TEXT_BYTES / 2);
        (void)av_charset_to_utf8(mime->parts[i].charset, bytes, &text);
    }
    put_preview(av_buf_span(&text), &self->preview);
}

void
av_mime_summary_of(const av_mime *mime, av_mime_summary *self)
{
    av_span fields[MIME_FIELD_COUNT];
    av_mime_date date = { 0, 0 };

    mime_fields_collect(av_mime_header(mime, 0), fields);
    self->has_date = av_mime_date_parse(fields[MIME_DATE], &date);
    self->date_unix_s = date.unix_s;
    self->date_zone_minutes = date.zone_minutes;
    self->size_bytes = mime->message.n;
    self->crlf_size_bytes = mime->crlf_bytes;
    set_addresses(self, fields[MIME_FROM], &self->from);
    set_addresses(self, fields[MIME_TO], &self->to);
    set_addresses(self, fields[MIME_CC], &self->cc);
    set_addresses(self, fields[MIME_BCC], &self->bcc);
    av_buf_clear(&self->subject);
    (void)av_words_decode(fields[MIME_SUBJECT], &self->subject);
    set_ids(fields[MIME_MESSAGE_ID], 1, &self->message_id);
    set_ids(fields[MIME_IN_REPLY_TO], SIZE_MAX, &self->in_reply_to);
    set_ids(fields[MIME_REFERENCES], SIZE_MAX, &self->references);
    (void)av_thread_key(fields[MIME_REFERENCES], fields[MIME_IN_REPLY_TO], fields[MIME_MESSAGE_ID], self->thread);
    set_attachments(mime, self);
    set_preview(mime, self);
    av_buf_clear(&self->envelope);
    (void)mime_envelope(fields, &self->envelope);
    av_buf_clear(&self->bodystructure);
    (void)av_imap_bodystructure(mime, true, &self->bodystructure);
}
