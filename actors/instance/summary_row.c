/*
 * summary_row.c - the summary row of a message: made, written, read
 */
#include "actors/instance/summary_row.h"

#include "actors/instance/summary_words.h"
#include "base/log.h"
#include "storage/container/tlv.h"
#include "storage/mime/crlf.h"

enum tag {
    TAG_FLAGS = 1,
    TAG_DATE = 2,
    TAG_ZONE = 3,
    TAG_FROM = 4,
    TAG_TO = 5,
    TAG_CC = 6,
    TAG_BCC = 7,
    TAG_SUBJECT = 8,
    TAG_ATTACHMENTS = 9,
    TAG_PREVIEW = 10,
    TAG_ENVELOPE = 11,
    TAG_BODYSTRUCTURE = 12,
    TAG_IDS = 13
};
enum { FLAG_DATE = 1, FLAG_ATTACHMENT = 2, FLAG_CUT = 4, FLAG_OPAQUE = 8, FLAG_IDS = 16 };
#define IDS_MAX (512U * AV_THREAD_HASH_SIZE)

static const struct {
    uint8_t tag;
    size_t offset;
} texts[] = {
    { TAG_FROM, offsetof(av_summary, from) },
    { TAG_TO, offsetof(av_summary, to) },
    { TAG_CC, offsetof(av_summary, cc) },
    { TAG_BCC, offsetof(av_summary, bcc) },
    { TAG_SUBJECT, offsetof(av_summary, subject) },
    { TAG_ATTACHMENTS, offsetof(av_summary, attachments) },
    { TAG_PREVIEW, offsetof(av_summary, preview) },
    { TAG_ENVELOPE, offsetof(av_summary, envelope) },
    { TAG_BODYSTRUCTURE, offsetof(av_summary, bodystructure) },
    { TAG_IDS, offsetof(av_summary, ids) },
};

av_errc
av_summary_row_encode(const av_summary *self, av_buf *out, av_error *err)
{
    uint32_t flags = (self->has_date ? FLAG_DATE : 0U) | (self->has_attachment ? FLAG_ATTACHMENT : 0U) |
                     (self->cut ? FLAG_CUT : 0U) | (self->opaque ? FLAG_OPAQUE : 0U) | (self->has_ids ? FLAG_IDS : 0U);
    bool ok = av_buf_append(out, self->thread, sizeof self->thread) && av_tlv_put_u32(out, TAG_FLAGS, flags);
    av_span text;
    size_t i;

    if (self->has_date) {
        ok = ok && av_tlv_put_u64(out, TAG_DATE, (uint64_t)self->date_unix_s) &&
             av_tlv_put_u32(out, TAG_ZONE, (uint32_t)self->date_zone_minutes);
    }
    for (i = 0; ok && i < AV_COUNT(texts); i++) {
        memcpy(&text, (const char *)self + texts[i].offset, sizeof text);
        if (text.n > 0)
            ok = av_tlv_put(out, texts[i].tag, text);
    }
    return ok ? AV_OK : av_error_set(err, AV_ERR_LIMIT, "summary row over %zu bytes", out->max);
}

static bool
take_field(const av_tlv_field *field, uint32_t *flags, av_summary *ret)
{
    uint64_t u64;
    uint32_t u32;
    size_t i;

    switch (field->number) {
    case TAG_FLAGS:
        return av_tlv_u32(field->value, flags);
    case TAG_DATE:
        if (!av_tlv_u64(field->value, &u64))
            return false;
        ret->date_unix_s = (int64_t)u64;
        return true;
    case TAG_ZONE:
        if (!av_tlv_u32(field->value, &u32))
            return false;
        ret->date_zone_minutes = (int32_t)u32;
        return true;
    default:
        break;
    }
    for (i = 0; i < AV_COUNT(texts); i++) {
        if (texts[i].tag == field->number)
            memcpy((char *)ret + texts[i].offset, &field->value, sizeof field->value);
    }
    return true;
}

av_errc
av_summary_row_decode(av_span row, av_summary *ret, av_error *err)
{
    av_tlv_reader reader;
    av_tlv_field field;
    av_span thread;
    uint32_t flags = 0;
    bool end = false;
    av_errc rc;

    memset(ret, 0, sizeof *ret);
    if (!av_span_get_bytes(&row, sizeof ret->thread, &thread))
        return av_error_set(err, AV_ERR_CORRUPT, "summary row: it is too short");
    memcpy(ret->thread, thread.p, sizeof ret->thread);
    reader = (av_tlv_reader){ row, 0 };
    while ((rc = av_tlv_next(&reader, &field, &end, err)) == AV_OK && !end) {
        if (!take_field(&field, &flags, ret))
            return av_error_set(err, AV_ERR_CORRUPT, "summary row: field %u has a wrong size", field.number);
    }
    if (rc != AV_OK)
        return av_error_prefix(err, "summary row");
    ret->has_date = (flags & FLAG_DATE) != 0;
    ret->has_attachment = (flags & FLAG_ATTACHMENT) != 0;
    ret->cut = (flags & FLAG_CUT) != 0;
    ret->opaque = (flags & FLAG_OPAQUE) != 0;
    ret->has_ids = (flags & FLAG_IDS) != 0 && ret->ids.n % AV_THREAD_HASH_SIZE == 0;
    return AV_OK;
}

void
av_summarizer_init(av_summarizer *self)
{
    av_mime_init(&self->mime);
    av_mime_summary_init(&self->summary);
}

void
av_summarizer_release(av_summarizer *self)
{
    av_mime_summary_release(&self->summary);
    av_mime_release(&self->mime);
}

/* A text this near its ceiling may have been cut at a whole character. */
static bool
near(const av_buf *text, size_t max)
{
    return text->full || text->n + 8 > max;
}

/* One part, the size of which is that of the whole body: what a client is shown of a message too large to look into. */
static bool
opaque_structure(const av_mime *mime, uint64_t crlf_size, av_buf *out)
{
    uint64_t head = av_crlf_size_of(av_span_slice(mime->message, 0, mime->parts[0].body_at));

    return av_buf_printf(out, "(\"application\" \"octet-stream\" NIL NIL NIL \"binary\" %llu NIL NIL NIL NIL)",
        (unsigned long long)(crlf_size > head ? crlf_size - head : 0));
}

av_errc
av_summarizer_row(av_summarizer *self, av_span head, uint64_t size, uint64_t crlf_size, av_buf *out, bool *ret_has_date,
    int64_t *ret_date_unix_s, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf structure = { 0 };
    AV_CLEANUP(av_buf_release) av_buf ids = { 0 };
    const av_mime_summary *s = &self->summary;
    av_mime_limits one_part = AV_MIME_LIMITS_DEFAULT;
    bool opaque = size > head.n;
    av_summary row;

    one_part.parts = 1;
    av_buf_init(&structure, 256);
    av_mime_scan(head, opaque ? &one_part : NULL, &self->mime);
    av_mime_summary_of(&self->mime, &self->summary);
    if (opaque)
        (void)opaque_structure(&self->mime, crlf_size, &structure);
    av_buf_init(&ids, IDS_MAX);
    av_thread_ids(av_buf_span(&s->references), av_buf_span(&s->in_reply_to), av_buf_span(&s->message_id), &ids);
    row = (av_summary){
        .from = av_buf_span(&s->from),
        .to = av_buf_span(&s->to),
        .cc = av_buf_span(&s->cc),
        .bcc = av_buf_span(&s->bcc),
        .subject = av_buf_span(&s->subject),
        .attachments = av_buf_span(&s->attachments),
        .preview = av_buf_span(&s->preview),
        .envelope = av_buf_span(&s->envelope),
        .bodystructure = opaque ? av_buf_span(&structure) : av_buf_span(&s->bodystructure),
        .has_date = s->has_date,
        .has_attachment = s->has_attachment,
        .opaque = opaque,
        .has_ids = true,
        .ids = av_buf_span(&ids),
        .date_unix_s = s->date_unix_s,
        .date_zone_minutes = s->date_zone_minutes,
    };
    memcpy(row.thread, s->thread, sizeof row.thread);
    row.cut = opaque || !av_summary_has_words(&self->mime, s) || near(&s->subject, AV_SUMMARY_SUBJECT_MAX) ||
              near(&s->from, AV_SUMMARY_ADDRESSES_MAX) || near(&s->to, AV_SUMMARY_ADDRESSES_MAX) ||
              near(&s->cc, AV_SUMMARY_ADDRESSES_MAX) || near(&s->bcc, AV_SUMMARY_ADDRESSES_MAX) ||
              near(&s->attachments, AV_SUMMARY_NAMES_MAX);
    *ret_has_date = row.has_date;
    *ret_date_unix_s = row.date_unix_s;
    return av_summary_row_encode(&row, out, err);
}

av_errc
av_summary_row_of_stored(
    AV_UNUSED void *ctx, av_store *store, const av_event_placement *placement, av_buf *out, AV_UNUSED av_error *err)
{
    AV_CLEANUP(av_store_reader_close) av_store_reader *reader = NULL;
    AV_CLEANUP(av_buf_release) av_buf head = { 0 };
    AV_CLEANUP(av_summarizer_release) av_summarizer tools = { 0 };
    av_error why;
    int64_t date;
    size_t n, got;
    uint8_t *room;
    bool has_date;
    av_errc rc;

    av_buf_init(&head, AV_SCAN_MAX);
    av_summarizer_init(&tools);
    rc = av_store_reader_open(store, placement->content_lsn, &reader, &why);
    if (rc == AV_OK) {
        n = (size_t)AV_MIN(av_store_reader_size(reader), (uint64_t)AV_SCAN_MAX);
        room = av_buf_reserve(&head, n);
        assert(room != NULL);
        rc = av_store_reader_read(reader, 0, room, n, &got, &why);
        head.n = rc == AV_OK ? got : 0;
    }
    if (rc == AV_OK)
        rc = av_summarizer_row(
            &tools, av_buf_span(&head), placement->raw_size, placement->crlf_size, out, &has_date, &date, &why);
    if (rc != AV_OK) {
        AV_LOG(AV_LOG_WARN, "summary.missing", AV_U64("lsn", placement->content_lsn), AV_ERRF(&why));
        av_buf_clear(out);
    }
    return AV_OK;
}
