/*
 * text.c - see text.h
 */
#include "storage/mime/text.h"

#include "storage/mime/charset.h"
#include "storage/mime/decode.h"
#include "storage/mime/header.h"
#include "storage/mime/html_text.h"
#include "storage/mime/mime_priv.h"
#include "storage/mime/words.h"

enum {
    PART_MAX_BYTES = 8 * 1024 * 1024, /* of one encoded or HTML part; plain text needs no copy and has no limit */
    SUBJECT_MAX_BYTES = 4096,
    ENCODED_LEVELS = 2 /* messages that are themselves base64 or quoted-printable, inside each other */
};

/* What one call needs; the buffers serve all parts. */
typedef struct reader {
    av_buf *out;
    av_buf decoded, utf8;
    bool any; /* something was put out: the next text starts on a new line */
    bool cut; /* a part was longer than PART_MAX_BYTES */
} reader;

static bool
start_line(reader *self)
{
    bool ok = !self->any || av_buf_putc(self->out, '\n');

    self->any = true;
    return ok;
}

static bool
put_subject(reader *self, const av_mime *mime, uint32_t i)
{
    AV_CLEANUP(av_buf_release) av_buf subject = { .max = SUBJECT_MAX_BYTES };

    (void)av_words_decode(av_header_value(av_mime_header(mime, i), "subject"), &subject);
    return subject.n == 0 || (start_line(self) && mime_append_utf8(self->out, av_buf_span(&subject)));
}

static bool
put_part(reader *self, const av_mime *mime, uint32_t i)
{
    const av_mime_part *part = &mime->parts[i];
    av_span bytes;

    self->cut |= !av_mime_decode(mime, i, &self->decoded, &bytes);
    if (!start_line(self))
        return false;
    if (!av_span_eq_str(part->subtype, "html"))
        return av_charset_to_utf8(part->charset, bytes, self->out);
    self->cut |= bytes.n > PART_MAX_BYTES;
    bytes.n = AV_MIN(bytes.n, (size_t)PART_MAX_BYTES);
    av_buf_clear(&self->utf8);
    self->cut |= !av_charset_to_utf8(part->charset, bytes, &self->utf8);
    return av_html_text(av_buf_span(&self->utf8), self->out);
}

static bool
is_shown_text(const av_mime *mime, uint32_t i)
{
    const av_mime_part *part = &mime->parts[i];

    if (part->disposition == AV_MIME_ATTACHMENT || part->children > 0)
        return false;
    if (av_span_eq_str(part->type, "multipart")) /* no boundary line was found: what stands there is shown as it is */
        return !part->opaque;
    return av_mime_is(mime, i, "text", "plain") || av_mime_is(mime, i, "text", "html");
}

static bool
is_encoded_message(const av_mime *mime, uint32_t i)
{
    const av_mime_part *part = &mime->parts[i];

    return av_mime_is(mime, i, "message", "rfc822") && part->children == 0 &&
           (part->encoding == AV_MIME_BASE64 || part->encoding == AV_MIME_QP);
}

static bool put_message(reader *self, const av_mime *mime, unsigned flags, int level);

/* RFC 2046, 5.2.1 forbids to encode a message; Exchange and others do it all the same. level bounds the recursion. */
static bool
put_encoded_message(reader *self, const av_mime *mime, uint32_t i, unsigned flags, int level)
{
    AV_CLEANUP(av_buf_release) av_buf decoded = { .max = PART_MAX_BYTES };
    AV_CLEANUP(av_mime_release) av_mime nested;
    av_span bytes;

    av_mime_init(&nested);
    if (level >= ENCODED_LEVELS)
        return true;
    self->cut |= !av_mime_decode(mime, i, &decoded, &bytes);
    av_mime_scan(bytes, NULL, &nested);
    if ((flags & AV_TEXT_NESTED_SUBJECTS) != 0)
        flags |= AV_TEXT_SUBJECT;
    else
        flags &= ~(unsigned)AV_TEXT_SUBJECT;
    return put_message(self, &nested, flags, level + 1);
}

static bool
put_message(reader *self, const av_mime *mime, unsigned flags, int level)
{
    bool ok = true;

    for (uint32_t i = 0; ok && i < mime->count; i++) {
        unsigned wanted = i == 0 ? AV_TEXT_SUBJECT : AV_TEXT_NESTED_SUBJECTS;

        if (mime->parts[i].is_root && (flags & wanted) != 0)
            ok = put_subject(self, mime, i);
        if (ok && is_shown_text(mime, i))
            ok = put_part(self, mime, i);
        else if (ok && is_encoded_message(mime, i))
            ok = put_encoded_message(self, mime, i, flags, level);
    }
    return ok;
}

bool
av_mime_text(const av_mime *self, unsigned flags, av_buf *out)
{
    reader r = { .out = out, .decoded.max = PART_MAX_BYTES, .utf8.max = 3 * (size_t)PART_MAX_BYTES };
    bool ok = put_message(&r, self, flags, 0);

    av_buf_release(&r.decoded);
    av_buf_release(&r.utf8);
    return ok && !r.cut;
}

bool
av_mime_is_attachment(const av_mime *self, uint32_t i)
{
    const av_mime_part *part = &self->parts[i];

    if (part->is_multipart)
        return false;
    if (part->disposition == AV_MIME_ATTACHMENT || part->filename.n > 0)
        return true;
    if (part->is_message)
        return !part->is_root;
    return !av_span_eq_str(part->type, "text") && !av_span_eq_str(part->type, "message") &&
           !av_span_eq_str(part->type, "multipart") && !av_mime_is(self, i, "application", "pgp-signature") &&
           !av_mime_is(self, i, "application", "pgp-encrypted");
}

uint32_t
av_mime_attachments(const av_mime *self, uint32_t i)
{
    while (i < self->count && !av_mime_is_attachment(self, i))
        i++;
    return i < self->count ? i : AV_MIME_NONE;
}
