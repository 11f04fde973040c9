/*
 * finding_row.c - a hit as a row of the answer
 */
#include "actors/bus/rows.h"
#include "actors/instance/finding_priv.h"
#include "base/encode.h"

typedef struct shown { /* what a row points to */
    char id[AV_MESSAGE_ID_TEXT + 1], sha256[2 * AV_SHA256_SIZE + 1];
    av_buf snippet;
    Archivolt__SearchMark marks[AV_SNIPPET_MARKS], *mark_list[AV_SNIPPET_MARKS];
} shown;

static void
shown_release(shown *self)
{
    av_buf_release(&self->snippet);
}

/* The text around what was found; a message that cannot be read now has none. */
static void
add_snippet(finding *f, const av_hit *hit, shown *to, Archivolt__SearchRow *row)
{
    av_snippet_mark marks[AV_SNIPPET_MARKS];
    av_match_doc doc = { 0 };
    av_error ignored;
    size_t n;

    if (f->snippets == NULL || av_content_load(&f->content, hit->store, hit->lsn, &ignored) != AV_OK)
        return;
    if (f->document == NULL)
        f->document = av_document_new((size_t)f->content.limit);
    (void)av_document_read(f->document, av_buf_span(&f->content.bytes), av_snippets_needs(f->snippets), &doc);
    av_buf_init(&to->snippet, AV_SNIPPET_BYTES + 8);
    n = av_snippets_make(f->snippets, &doc, &to->snippet, marks);
    (void)av_buf_putc(&to->snippet, '\0');
    row->snippet = (char *)to->snippet.p;
    for (size_t i = 0; i < n; i++) {
        archivolt__search_mark__init(&to->marks[i]);
        to->marks[i].offset = marks[i].offset;
        to->marks[i].length = marks[i].length;
        to->mark_list[i] = &to->marks[i];
    }
    row->n_marks = n;
    row->marks = to->mark_list;
    if (f->content.leased)
        av_document_destroy(&f->document); /* its texts are as large */
    av_content_drop(&f->content);
}

av_errc
av_finding_pack_row(finding *f, const av_hit *hit, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf summary_row = { 0 };
    AV_CLEANUP(av_free) char *from = NULL;
    AV_CLEANUP(av_free) char *subject = NULL;
    AV_CLEANUP(av_free) char *folder = NULL;
    AV_CLEANUP(av_free) char *cursor = av_hit_cursor(f->scan.wish.order, hit);
    AV_CLEANUP(shown_release) shown show = { .id = "" };
    Archivolt__SearchRow row = ARCHIVOLT__SEARCH_ROW__INIT;
    av_summary summary = { 0 };
    const av_mailbox *mailbox;
    av_candidate place;
    av_placement placement;
    av_error ignored;
    av_errc rc = av_scan_place_of(&f->scan, hit, &place, err);

    if (rc != AV_OK)
        return rc;
    mailbox = &f->scan.reach.mailboxes[place.mailbox];
    rc = av_catalog_placement(f->scan.reach.look.catalog, mailbox->guid, place.uid, &placement, err);
    if (rc != AV_OK)
        return rc;
    av_buf_init(&summary_row, AV_SUMMARY_ROW_MAX);
    if (av_uses_attributes(&f->uses, place.store, place.lsn, &summary_row, &ignored) == AV_OK)
        (void)av_summary_row_decode(av_buf_span(&summary_row), &summary, &ignored);
    av_message_id_format(placement.digest, show.id);
    av_hex_encode(av_span_of(placement.digest, sizeof placement.digest), show.sha256);
    row.id = show.id;
    row.sha256 = show.sha256;
    row.date_unix_s = hit->date_unix_s;
    from = av_span_dup(summary.from);
    subject = av_span_dup(summary.subject);
    folder = av_span_dup(av_span_of(mailbox->path, mailbox->path_n));
    row.from = from;
    row.subject = subject;
    row.folder = folder;
    row.size = placement.raw_size;
    row.has_has_attachment = 1;
    row.has_attachment = summary.has_attachment;
    row.cursor = cursor;
    add_snippet(f, hit, &show, &row);
    av_buf_clear(&f->row);
    return av_rows_put(&f->row, &row.base) ? AV_OK : av_error_set(err, AV_ERR_INTERNAL, "a row is over 64 KB");
}
