/*
 * index_words.c - one message to one document: its facts and the words of its fields
 *
 * Each field's text goes in as one piece, the same bytes that a matcher would look at (storage/index/match.h), so that both
 * mean the same by words in a row.
 */
#include "storage/index/index_priv.h"
#include "storage/index/sort_key.h"
#include "storage/index/types.h"
#include "storage/mime/decode.h"
#include "storage/mime/header.h"
#include "storage/mime/text.h"
#include "storage/mime/words.h"

#define READ_NEEDS                                                                                                     \
    (AV_MATCH_NEED_HEADERS | AV_MATCH_NEED_DATE | AV_MATCH_NEED_BODY | AV_MATCH_NEED_FILENAMES |                       \
        AV_MATCH_NEED_ATTACHMENTS)
#define STRING_MAX   255U
#define VALUE_MAX    (64U * 1024)               /* of a header field of choice */
#define ATTACHED_MAX ((size_t)32 * 1024 * 1024) /* decoded bytes of one attachment handed to a helper */
#define ZONE_OFFSET  2048
#define ZONE_SHIFT   48

static uint64_t
types_of(const av_mime *mime)
{
    uint64_t bits = 0;

    for (uint32_t i = av_mime_attachments(mime, 0); i != AV_MIME_NONE; i = av_mime_attachments(mime, i + 1)) {
        const av_mime_part *part = &mime->parts[i];
        AV_CLEANUP(av_buf_release) av_buf type = { 0 };

        av_buf_init(&type, STRING_MAX);
        (void)(av_buf_append_span(&type, part->type) && av_buf_putc(&type, '/') &&
               av_buf_append_span(&type, part->subtype));
        bits |= UINT64_C(1) << (AV_DOC_TYPES_SHIFT + av_type_of(part->filename, av_buf_span(&type)));
    }
    return bits;
}

static void
take_header_fields(av_index *self, av_span header)
{
    AV_CLEANUP(av_buf_release) av_buf value = { 0 };
    av_header_field field;

    av_buf_init(&value, VALUE_MAX);
    while (av_header_next(&header, &field))
        for (char **name = self->headers; *name != NULL; name++) {
            if (!av_span_ieq_str(field.name, *name))
                continue;
            av_buf_clear(&value);
            (void)av_words_decode(field.value, &value);
            av_builder_text(self->builder, AV_FIELD_HEADER, av_buf_span(&value));
        }
}

/*
 * Text of attachments that only a helper can read, parted by newlines. false: some could not be read.
 */
static bool
ask_helper(const av_index_source *source, const av_mime *mime, av_buf *out)
{
    AV_CLEANUP(av_buf_release) av_buf raw = { 0 };
    bool all = true;

    for (uint32_t i = av_mime_attachments(mime, 0); i != AV_MIME_NONE; i = av_mime_attachments(mime, i + 1)) {
        const av_mime_part *part = &mime->parts[i];
        AV_CLEANUP(av_buf_release) av_buf type = { 0 };
        size_t before = out->n;
        av_span bytes;
        av_error err;
        av_errc rc;

        if (part->is_message || part->is_multipart || av_mime_is(mime, i, "text", NULL))
            continue;
        av_buf_init(&type, STRING_MAX);
        (void)(av_buf_append_span(&type, part->type) && av_buf_putc(&type, '/') &&
               av_buf_append_span(&type, part->subtype));
        av_buf_release(&raw);
        av_buf_init(&raw, ATTACHED_MAX);
        all &= av_mime_decode(mime, i, &raw, &bytes);
        rc = source->attachment(source->ctx, part->filename, av_buf_span(&type), bytes, out, &err);
        /* What a limit or damage left of a text stays: it is the same each time, which a helper that died is not. */
        if (rc != AV_OK && rc != AV_ERR_LIMIT && rc != AV_ERR_CORRUPT)
            out->n = before;
        if (out->n > before)
            (void)av_buf_putc(out, '\n');
        all &= rc == AV_OK || rc == AV_ERR_UNSUPPORTED;
    }
    return all;
}

static void
take_texts(av_builder *builder, const av_match_doc *doc)
{
    av_builder_text(builder, AV_FIELD_SUBJECT, doc->subject);
    av_builder_text(builder, AV_FIELD_FROM, doc->from);
    av_builder_text(builder, AV_FIELD_TO, doc->to);
    av_builder_text(builder, AV_FIELD_CC, doc->cc);
    av_builder_text(builder, AV_FIELD_BCC, doc->bcc);
    av_builder_text(builder, AV_FIELD_BODY, doc->body);
    av_builder_text(builder, AV_FIELD_FILENAME, doc->filenames);
    av_builder_text(builder, AV_FIELD_ATTACHMENT, doc->attachments);
}

static void
take_message(av_index *self, const av_index_source *source, uint64_t lsn, uint64_t size)
{
    AV_CLEANUP(av_buf_release) av_buf sender = { 0 };
    AV_CLEANUP(av_buf_release) av_buf subject = { 0 };
    AV_CLEANUP(av_buf_release) av_buf attached = { 0 };
    av_doc_facts facts = { 0 };
    av_match_doc doc = { 0 };
    const av_mime *mime;
    bool whole, read = true;

    if (self->reader == NULL)
        self->reader = av_document_new(self->text_bytes);
    whole = av_document_read(self->reader, av_buf_span(&self->message), READ_NEEDS, &doc);
    mime = av_document_mime(self->reader);
    av_buf_init(&sender, AV_SORT_KEY_MAX);
    av_buf_init(&subject, AV_SORT_KEY_MAX);
    av_buf_init(&attached, self->text_bytes);
    av_sort_sender(av_header_value(av_mime_header(mime, 0), "From"), &sender);
    av_sort_subject(doc.subject, &subject);
    if (source->attachment != NULL)
        read = ask_helper(source, mime, &attached);
    whole &= !attached.full && size == self->message.n;
    facts.numbers[AV_COLUMN_LSN] = lsn;
    facts.numbers[AV_COLUMN_DATE] = (uint64_t)(doc.has_date ? doc.date_unix_s : INT64_MIN);
    facts.numbers[AV_COLUMN_SIZE] = size;
    facts.numbers[AV_COLUMN_BITS] = (doc.has_attachment ? AV_DOC_HAS_ATTACHMENT : 0) | (whole ? 0 : AV_DOC_TRUNCATED) |
                                    (read ? 0 : AV_DOC_PARTLY_READ) | types_of(mime) |
                                    (uint64_t)(doc.date_zone_min + ZONE_OFFSET) << ZONE_SHIFT;
    facts.strings[AV_STRING_FROM] = av_buf_span(&sender);
    facts.strings[AV_STRING_SUBJECT] = av_buf_span(&subject);
    av_builder_begin(self->builder, &facts);
    take_texts(self->builder, &doc);
    if (attached.n > 0)
        av_builder_text(self->builder, AV_FIELD_ATTACHMENT, av_buf_span(&attached));
    take_header_fields(self, av_mime_header(mime, 0));
}

/* An erased message is what a purge makes of one: a number, an LSN, nothing else. */
static void
take_nothing(av_index *self, uint64_t lsn, uint64_t bits)
{
    av_doc_facts facts = {
        .numbers = { [AV_COLUMN_LSN] = lsn, [AV_COLUMN_DATE] = (uint64_t)INT64_MIN, [AV_COLUMN_BITS] = bits }
    };

    av_builder_begin(self->builder, &facts);
}

void
index_take(av_index *self, const av_index_source *source, uint64_t lsn, uint64_t size, av_errc rc)
{
    if (rc == AV_OK)
        take_message(self, source, lsn, size);
    else
        take_nothing(self, lsn, rc == AV_ERR_GONE ? 0 : AV_DOC_UNREADABLE);
    self->taken_lsn = lsn;
}
