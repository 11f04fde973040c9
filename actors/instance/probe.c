/*
 * probe.c - does this stored message match this query?
 */
#include "actors/instance/probe.h"

#include "base/log.h"

#define KEYWORDS_BYTES 16384 /* an event keeps 64 of 64 bytes */

/* What the summary row answers. */
#define SUMMARY_NEEDS  (AV_MATCH_NEED_HEADERS | AV_MATCH_NEED_DATE | AV_MATCH_NEED_FILENAMES)
/* What may stand behind the header. */
#define BEHIND_NEEDS   (AV_MATCH_NEED_BODY | AV_MATCH_NEED_FILENAMES | AV_MATCH_NEED_ATTACHMENTS)

void
av_probe_init(av_probe *self, av_archive *archive, const av_matcher *matcher)
{
    memset(self, 0, sizeof *self);
    self->matcher = matcher;
    self->needs = av_matcher_needs(matcher);
    av_uses_init(&self->uses, archive);
    av_content_init_search(&self->content, &self->uses);
    av_buf_init(&self->row, AV_SUMMARY_ROW_MAX);
    av_buf_init(&self->keywords, KEYWORDS_BYTES);
    av_buf_init(&self->keyword_text, KEYWORDS_BYTES);
}

void
av_probe_release(av_probe *self)
{
    av_content_release(&self->content);
    av_uses_release(&self->uses);
    av_document_destroy(&self->document);
    av_buf_release(&self->row);
    av_buf_release(&self->keywords);
    av_buf_release(&self->keyword_text);
}

static uint32_t
take_summary(av_probe *self, const av_placement *placement, av_match_doc *doc)
{
    av_summary s;
    av_error ignored;

    if ((self->needs & SUMMARY_NEEDS) == 0)
        return 0;
    if (av_uses_attributes(&self->uses, placement->store, placement->content_lsn, &self->row, &ignored) != AV_OK ||
        self->row.n == 0 || av_summary_row_decode(av_buf_span(&self->row), &s, &ignored) != AV_OK)
        return 0;
    doc->has_date = s.has_date;
    doc->date_unix_s = s.date_unix_s;
    doc->date_zone_min = s.date_zone_minutes;
    if (s.cut)
        return AV_MATCH_NEED_DATE;
    doc->subject = s.subject;
    doc->from = s.from;
    doc->to = s.to;
    doc->cc = s.cc;
    doc->bcc = s.bcc;
    doc->filenames = s.attachments;
    doc->has_attachment = s.has_attachment;
    return SUMMARY_NEEDS;
}

/* One space between them. */
static av_span
keywords_of(av_probe *self, const av_meta_view *catalog, const av_placement *placement)
{
    av_span rest, word;
    av_error ignored;

    av_buf_clear(&self->keyword_text);
    if (av_catalog_keywords(catalog, placement->guid, placement->uid, &self->keywords, &ignored) == AV_OK) {
        rest = av_buf_span(&self->keywords);
        while (av_event_list_next_text(&rest, &word)) {
            if (self->keyword_text.n > 0)
                (void)av_buf_putc(&self->keyword_text, ' ');
            (void)av_buf_append_span(&self->keyword_text, word);
        }
    }
    return av_buf_span(&self->keyword_text);
}

static void
note_truncated(av_probe *self, uint64_t lsn, av_span id)
{
    av_archive *archive = self->content.archive;

    self->truncated = true;
    atomic_fetch_add(&archive->truncated, 1);
    if (atomic_exchange(&archive->truncated_lsns[lsn % AV_TRUNCATED_SLOTS], lsn) != lsn)
        AV_LOG(AV_LOG_INFO, "search.truncated", AV_SPAN("id", id), AV_U64("search_bytes", archive->search_bytes));
}

static av_probe_answer
test_message(av_probe *self, const av_placement *placement, av_match_doc *doc)
{
    bool whole;
    av_error why;

    if (av_content_load(&self->content, placement->store, placement->content_lsn, &why) != AV_OK) {
        av_content_drop(&self->content);
        AV_LOG(AV_LOG_WARN, "search.unreadable", AV_U64("lsn", placement->content_lsn), AV_ERRF(&why));
        return AV_PROBE_UNREADABLE;
    }
    if (self->document == NULL)
        self->document = av_document_new((size_t)self->content.limit);
    whole =
        av_document_read(self->document, av_buf_span(&self->content.bytes), self->needs & AV_MATCH_NEED_MESSAGE, doc);
    if (!whole || (!self->content.whole && (self->needs & BEHIND_NEEDS) != 0))
        note_truncated(self, placement->content_lsn, doc->id);
    return av_matcher_test(self->matcher, doc) ? AV_PROBE_YES : AV_PROBE_NO;
}

av_probe_answer
av_probe_test(av_probe *self, const av_meta_view *catalog, const av_placement *placement, const av_probe_place *place)
{
    av_match_doc doc = { 0 };
    char id[AV_MESSAGE_ID_TEXT + 1], thread[AV_THREAD_ID_TEXT + 1];
    uint32_t have = AV_MATCH_NEED_META | AV_MATCH_NEED_SIZE;
    av_probe_answer answer;

    self->truncated = false;
    av_message_id_format(placement->digest, id);
    doc.id = av_span_str(id);
    av_thread_id_format(placement->thread, thread);
    doc.thread = av_span_str(thread);
    doc.folder = place->path;
    doc.received_unix_s = placement->received_at_ms / 1000;
    doc.saved_unix_s = placement->archived_at_ms / 1000;
    doc.modseq = placement->modseq;
    doc.size_bytes = place->crlf_sizes ? placement->crlf_size : placement->raw_size;
    doc.flags = placement->flags;
    if ((self->needs & AV_MATCH_NEED_META) != 0)
        doc.keywords = keywords_of(self, catalog, placement);
    doc.uid = placement->uid;
    doc.last_uid = place->last_uid;
    have |= take_summary(self, placement, &doc);
    switch (av_matcher_try(self->matcher, &doc, have)) {
    case AV_MATCH_NO:
        return AV_PROBE_NO;
    case AV_MATCH_YES:
        return AV_PROBE_YES;
    case AV_MATCH_MAYBE:
        break;
    }
    answer = test_message(self, placement, &doc);
    if (self->content.leased)
        av_document_destroy(&self->document); /* its texts are as large */
    av_content_drop(&self->content);
    return answer;
}
