/*
 * document.c - see document.h
 *
 * What is decoded how is storage/mime's business; this file chooses fields and keeps the buffers.
 */
#include "storage/index/document.h"

#include "storage/mime/charset.h"
#include "storage/mime/date.h"
#include "storage/mime/decode.h"
#include "storage/mime/header.h"
#include "storage/mime/html_text.h"
#include "storage/mime/scan.h"
#include "storage/mime/text.h"
#include "storage/mime/words.h"

enum {
    HEADER_TEXT_MAX = 1 << 20,
    KEEP_MAX = 4 << 20 /* a buffer larger than this is given back before the next message */
};

typedef enum text_slot { SUBJECT, FROM, TO, CC, BCC, BODY, FILENAMES, ATTACHMENTS, HEADERS, FIELD, SLOTS } text_slot;

struct av_document {
    av_mime mime;
    size_t text_bytes;
    av_buf texts[SLOTS];
    av_span header; /* of the message being read */
    bool cut;
};

av_document *
av_document_new(size_t text_bytes)
{
    av_document *self = av_xcalloc(1, sizeof *self);

    self->text_bytes = text_bytes == 0 ? (size_t)64 << 20 : text_bytes;
    av_mime_init(&self->mime);
    return self;
}

void
av_document_destroy(av_document **self)
{
    if (*self == NULL)
        return;
    av_mime_release(&(*self)->mime);
    for (size_t i = 0; i < SLOTS; i++)
        av_buf_release(&(*self)->texts[i]);
    free(*self);
    *self = NULL;
}

static av_buf *
slot(av_document *self, text_slot which)
{
    av_buf *b = &self->texts[which];
    size_t max = which == BODY || which == ATTACHMENTS ? self->text_bytes : HEADER_TEXT_MAX;

    if (b->max == 0 || b->cap > KEEP_MAX) {
        av_buf_release(b);
        av_buf_init(b, max);
    }
    av_buf_clear(b);
    return b;
}

/* The decoded values of all fields of a name, one a line, for each text of the header: one walk for all of them. */
static void
read_fields(av_document *self, av_match_doc *ret)
{
    static const char *const names[] = {
        [SUBJECT] = "Subject", [FROM] = "From", [TO] = "To", [CC] = "Cc", [BCC] = "Bcc"
    };
    av_span *texts[] = {
        [SUBJECT] = &ret->subject, [FROM] = &ret->from, [TO] = &ret->to, [CC] = &ret->cc, [BCC] = &ret->bcc
    };
    av_span header = self->header;
    av_header_field field;
    size_t i;

    for (i = 0; i < AV_COUNT(names); i++)
        (void)slot(self, (text_slot)i);
    while (av_header_next(&header, &field)) {
        for (i = 0; i < AV_COUNT(names) && !av_span_ieq_str(field.name, names[i]); i++)
            ;
        if (i == AV_COUNT(names))
            continue;
        if (self->texts[i].n > 0)
            (void)av_buf_putc(&self->texts[i], '\n');
        self->cut |= !av_words_decode(field.value, &self->texts[i]);
    }
    for (i = 0; i < AV_COUNT(names); i++)
        *texts[i] = av_buf_span(&self->texts[i]);
}

static av_span
header_text(av_document *self)
{
    av_buf *out = slot(self, HEADERS);
    av_span header = self->header;
    av_header_field field;

    while (av_header_next(&header, &field)) {
        (void)av_buf_append_span(out, field.name);
        (void)av_buf_puts(out, ": ");
        self->cut |= !av_words_decode(field.value, out);
        (void)av_buf_putc(out, '\n');
    }
    return av_buf_span(out);
}

/* av_match_doc.header: looks the field up in the message each time, since a query asks for few. */
static bool
header_field(void *context, av_span name, size_t index, av_span *ret)
{
    av_document *self = context;
    av_span header = self->header;
    av_header_field field;

    while (av_header_next(&header, &field)) {
        if (!av_span_ieq(field.name, name) || index-- > 0)
            continue;
        (void)av_words_decode(field.value, slot(self, FIELD));
        *ret = av_buf_span(&self->texts[FIELD]);
        return true;
    }
    return false;
}

static void
read_date(const av_document *self, av_match_doc *ret)
{
    av_header_field field;
    av_mime_date date;

    ret->has_date = av_header_find(self->header, "Date", &field) && av_mime_date_parse(field.value, &date);
    if (!ret->has_date)
        return;
    ret->date_unix_s = date.unix_s;
    ret->date_zone_min = date.zone_minutes;
}

static void
read_names(av_document *self, av_match_doc *ret)
{
    av_buf *out = slot(self, FILENAMES);
    uint32_t i = av_mime_attachments(&self->mime, 0);

    ret->has_attachment = i != AV_MIME_NONE;
    for (; i != AV_MIME_NONE; i = av_mime_attachments(&self->mime, i + 1)) {
        av_span name = self->mime.parts[i].filename;

        if (name.n > 0)
            self->cut |= !av_buf_append_span(out, name) || !av_buf_putc(out, '\n');
    }
    ret->filenames = av_buf_span(out);
}

/* Text of attachments that are text already; other types are the sandboxed helpers' work. */
static void
read_attachments(av_document *self, av_match_doc *ret)
{
    av_buf *out = slot(self, ATTACHMENTS);
    AV_CLEANUP(av_buf_release) av_buf raw = { 0 };
    AV_CLEANUP(av_buf_release) av_buf utf8 = { 0 };

    for (uint32_t i = av_mime_attachments(&self->mime, 0); i != AV_MIME_NONE;
         i = av_mime_attachments(&self->mime, i + 1)) {
        bool html = av_mime_is(&self->mime, i, "text", "html");
        av_span bytes;

        if (!av_mime_is(&self->mime, i, "text", NULL))
            continue;
        av_buf_release(&raw);
        av_buf_release(&utf8);
        av_buf_init(&raw, self->text_bytes);
        av_buf_init(&utf8, self->text_bytes);
        self->cut |= !av_mime_decode(&self->mime, i, &raw, &bytes);
        self->cut |= !av_charset_to_utf8(self->mime.parts[i].charset, bytes, html ? &utf8 : out);
        if (html)
            self->cut |= !av_html_text(av_buf_span(&utf8), out);
        (void)av_buf_putc(out, '\n');
    }
    ret->attachments = av_buf_span(out);
}

bool
av_document_read(av_document *self, av_span message, uint32_t needs, av_match_doc *ret)
{
    self->cut = false;
    if ((needs & AV_MATCH_NEED_SIZE) != 0)
        ret->size_bytes = message.n;
    if ((needs & AV_MATCH_NEED_MESSAGE) == 0)
        return true;
    av_mime_scan(message, NULL, &self->mime);
    self->header = av_mime_header(&self->mime, 0);
    if ((needs & AV_MATCH_NEED_HEADERS) != 0)
        read_fields(self, ret);
    if ((needs & AV_MATCH_NEED_DATE) != 0)
        read_date(self, ret);
    if ((needs & AV_MATCH_NEED_HEADER_TEXT) != 0)
        ret->header_text = header_text(self);
    if ((needs & AV_MATCH_NEED_HEADER) != 0) {
        ret->header = header_field;
        ret->header_context = self;
    }
    if ((needs & AV_MATCH_NEED_BODY) != 0) {
        self->cut |= !av_mime_text(&self->mime, AV_TEXT_NESTED_SUBJECTS, slot(self, BODY));
        ret->body = av_buf_span(&self->texts[BODY]);
    }
    if ((needs & AV_MATCH_NEED_FILENAMES) != 0)
        read_names(self, ret);
    if ((needs & AV_MATCH_NEED_ATTACHMENTS) != 0)
        read_attachments(self, ret);
    return !self->cut;
}

const av_mime *
av_document_mime(const av_document *self)
{
    return &self->mime;
}
