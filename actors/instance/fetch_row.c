/*
 * fetch_row.c - one row of Archive.Fetch from placement, summary and message
 */
#include "actors/instance/fetch_row.h"

#include "actors/bus/rows.h"

#define FLAGS_MAX      5
#define KEYWORDS_BYTES 16384 /* an event keeps 64 of 64 bytes */

static av_errc
take_item(av_fetch_plan *plan, Archivolt__FetchItem item, av_error *err)
{
    switch (item) {
    case ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_UID:
        plan->uid = true;
        return AV_OK;
    case ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_FLAGS:
        plan->flags = true;
        return AV_OK;
    case ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_INTERNALDATE:
        plan->internaldate = true;
        return AV_OK;
    case ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_RFC822_SIZE:
        plan->size = true;
        return AV_OK;
    case ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_ENVELOPE:
        plan->envelope = true;
        return AV_OK;
    case ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_BODYSTRUCTURE:
        plan->bodystructure = true;
        return AV_OK;
    case ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_BODY:
        plan->body = true;
        return AV_OK;
    case ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_SECTION:
    case ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_BINARY:
    case ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_BINARY_SIZE:
        return AV_OK; /* the sections say it */
    case ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_MODSEQ:
        plan->modseq = true;
        return AV_OK;
    case ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_EMAILID:
        plan->emailid = true;
        return AV_OK;
    case ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_PREVIEW:
        plan->preview = true;
        return AV_OK;
    case ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_SAVEDATE:
        plan->savedate = true;
        return AV_OK;
    case ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_THREADID:
        plan->threadid = true;
        return AV_OK;
    case _ARCHIVOLT__FETCH_ITEM_IS_INT_SIZE:
        break;
    }
    return av_error_set(err, AV_ERR_UNSUPPORTED, "fetch item %d is not known", (int)item);
}

static bool
is_binary(const Archivolt__FetchSection *section)
{
    return section->has_item && (section->item == ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_BINARY ||
                                    section->item == ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_BINARY_SIZE);
}

av_errc
av_fetch_plan_make(const Archivolt__FetchRequest *body, av_fetch_plan *ret, av_error *err)
{
    size_t i;
    av_errc rc = AV_OK;

    memset(ret, 0, sizeof *ret);
    if (body->n_sections > AV_FETCH_SECTIONS_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "at most %d sections can be fetched at once", AV_FETCH_SECTIONS_MAX);
    for (i = 0; rc == AV_OK && i < body->n_items; i++)
        rc = take_item(ret, body->items[i], err);
    for (i = 0; rc == AV_OK && i < body->n_sections; i++) {
        if (!av_imap_section_parse(av_span_str(body->sections[i]->section), &ret->parsed[i]) ||
            (is_binary(body->sections[i]) && ret->parsed[i].kind != AV_SECTION_ALL))
            rc = av_error_set(err, AV_ERR_INVALID, "\"%.200s\" is not a body section", body->sections[i]->section);
    }
    ret->sections = (const Archivolt__FetchSection *const *)body->sections;
    ret->section_count = body->n_sections;
    return rc;
}

void
av_fetch_row_init(av_fetch_row *self, av_archive *archive, const av_meta_view *catalog, const av_fetch_plan *plan)
{
    memset(self, 0, sizeof *self);
    self->catalog = catalog;
    self->plan = plan;
    av_uses_init(&self->uses, archive);
    av_content_init(&self->content, &self->uses);
    av_mime_init(&self->mime);
    av_buf_init(&self->packed, 65536);
    av_buf_init(&self->held, AV_FETCH_HELD_MAX);
    av_buf_init(&self->summary_row, AV_SUMMARY_ROW_MAX);
    av_buf_init(&self->keywords, KEYWORDS_BYTES);
    av_buf_init(&self->keyword_text, KEYWORDS_BYTES);
}

static void
forget(av_fetch_row *self)
{
    size_t i;

    for (i = 0; i < self->count; i++) {
        av_view_range_destroy(&self->pieces[i].range);
        av_decoded_range_destroy(&self->pieces[i].decoded);
    }
    self->count = 0;
    self->scanned = false;
    self->has_summary = false;
    self->unreadable = false;
    av_buf_clear(&self->packed);
    av_buf_clear(&self->held);
}

void
av_fetch_row_release(av_fetch_row *self)
{
    forget(self);
    av_content_release(&self->content);
    av_uses_release(&self->uses);
    av_mime_release(&self->mime);
    av_buf_release(&self->packed);
    av_buf_release(&self->held);
    av_buf_release(&self->summary_row);
    av_buf_release(&self->keywords);
    av_buf_release(&self->keyword_text);
}

Archivolt__FetchPart *
av_fetch_row_part(av_fetch_row *self, Archivolt__FetchItem item, size_t at)
{
    Archivolt__FetchPart *part = &self->parts[self->count];

    assert(self->count < AV_COUNT(self->parts));
    archivolt__fetch_part__init(part);
    part->item = item;
    part->length = self->held.n - at;
    self->part_list[self->count] = part;
    self->pieces[self->count] = (av_fetch_piece){ at, self->held.n - at, NULL, NULL };
    self->count++;
    return part;
}

av_errc
av_fetch_row_scan(av_fetch_row *self, const av_placement *placement, av_error *err)
{
    av_mime_limits one_part = AV_MIME_LIMITS_DEFAULT;
    av_errc rc;

    if (self->scanned)
        return AV_OK;
    rc = av_content_load(&self->content, placement->store, placement->content_lsn, err);
    if (rc != AV_OK)
        return rc;
    one_part.parts = 1;
    av_mime_scan(av_buf_span(&self->content.bytes), self->content.whole ? NULL : &one_part, &self->mime);
    self->scanned = true;
    return AV_OK;
}

/* The stored summary; made anew when the store has none. */
static av_errc
load_summary(av_fetch_row *self, const av_placement *placement, av_error *err)
{
    AV_CLEANUP(av_summarizer_release) av_summarizer tools = { 0 };
    int64_t date;
    bool has_date;
    av_errc rc;

    if (self->has_summary)
        return AV_OK;
    rc = av_uses_attributes(&self->uses, placement->store, placement->content_lsn, &self->summary_row, err);
    if (rc == AV_ERR_NOT_FOUND || (rc == AV_OK && self->summary_row.n == 0)) {
        rc = av_fetch_row_scan(self, placement, err);
        av_summarizer_init(&tools);
        av_buf_clear(&self->summary_row);
        if (rc == AV_OK)
            rc = av_summarizer_row(&tools, av_buf_span(&self->content.bytes), placement->raw_size, placement->crlf_size,
                &self->summary_row, &has_date, &date, err);
    }
    if (rc == AV_OK)
        rc = av_summary_row_decode(av_buf_span(&self->summary_row), &self->summary, err);
    self->has_summary = rc == AV_OK;
    return rc;
}

static av_errc
full(av_error *err)
{
    return av_error_set(
        err, AV_ERR_LIMIT, "header and structure of this message are over %u MB", AV_FETCH_HELD_MAX / (1024 * 1024));
}

/* BODY without a look at the message: out of the stored BODYSTRUCTURE. false: it cannot be had there. */
static bool
add_stored_body(av_fetch_row *self, const av_placement *placement)
{
    size_t at = self->held.n;
    av_error ignored;

    if (load_summary(self, placement, &ignored) != AV_OK)
        return false;
    if (!av_imap_body_of(self->summary.bodystructure, &self->held)) {
        self->held.n = at;
        return false;
    }
    (void)av_fetch_row_part(self, ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_BODY, at);
    return true;
}

/* BODY of a message that was not looked into is that of its one part. */
static av_errc
add_body(av_fetch_row *self, const av_placement *placement, av_error *err)
{
    size_t at = self->held.n;
    uint64_t head;
    bool ok;
    av_errc rc = AV_OK;

    if (add_stored_body(self, placement))
        return AV_OK;
    rc = av_fetch_row_scan(self, placement, err);
    if (rc != AV_OK)
        return rc;
    if (self->content.whole) {
        ok = av_imap_bodystructure(&self->mime, false, &self->held);
    } else {
        head = av_crlf_size_of(av_span_slice(self->mime.message, 0, self->mime.parts[0].body_at));
        ok = av_buf_printf(&self->held, "(\"application\" \"octet-stream\" NIL NIL NIL \"binary\" %llu)",
            (unsigned long long)(placement->crlf_size - AV_MIN(head, placement->crlf_size)));
    }
    if (!ok)
        return full(err);
    (void)av_fetch_row_part(self, ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_BODY, at);
    return AV_OK;
}

static av_errc
add_summary_part(av_fetch_row *self, const av_placement *placement, Archivolt__FetchItem item, av_error *err)
{
    size_t at = self->held.n;
    av_errc rc = load_summary(self, placement, err);
    av_span text;

    if (rc != AV_OK)
        return rc;
    text = item == ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_ENVELOPE        ? self->summary.envelope
           : item == ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_BODYSTRUCTURE ? self->summary.bodystructure
                                                                     : self->summary.preview;
    if (!av_buf_append_span(&self->held, text))
        return full(err);
    (void)av_fetch_row_part(self, item, at);
    return AV_OK;
}

static av_errc
add_parts(av_fetch_row *self, const av_placement *placement, av_error *err)
{
    const av_fetch_plan *plan = self->plan;
    size_t i;
    av_errc rc = AV_OK;

    if (plan->envelope)
        rc = add_summary_part(self, placement, ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_ENVELOPE, err);
    if (rc == AV_OK && plan->bodystructure)
        rc = add_summary_part(self, placement, ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_BODYSTRUCTURE, err);
    if (rc == AV_OK && plan->body)
        rc = add_body(self, placement, err);
    if (rc == AV_OK && plan->preview)
        rc = add_summary_part(self, placement, ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_PREVIEW, err);
    for (i = 0; rc == AV_OK && i < plan->section_count; i++)
        rc = is_binary(plan->sections[i]) ? av_fetch_row_binary(self, placement, i, err)
                                          : av_fetch_row_section(self, placement, i, err);
    return rc;
}

static size_t
flag_names(uint32_t flags, char *ret[FLAGS_MAX])
{
    static const struct {
        uint32_t bit;
        const char *name;
    } names[FLAGS_MAX] = { { AV_FLAG_ANSWERED, "\\Answered" }, { AV_FLAG_DELETED, "\\Deleted" },
        { AV_FLAG_DRAFT, "\\Draft" }, { AV_FLAG_FLAGGED, "\\Flagged" }, { AV_FLAG_SEEN, "\\Seen" } };
    size_t i, n = 0;

    for (i = 0; i < FLAGS_MAX; i++) {
        if ((flags & names[i].bit) != 0)
            ret[n++] = (char *)(uintptr_t)names[i].name;
    }
    return n;
}

/* Keywords behind the flags; the texts live in keyword_text, which has room for all before the first is pointed to. */
static av_errc
add_keywords(av_fetch_row *self, const av_placement *placement, char **list, size_t *n, av_error *err)
{
    av_span rest, word;
    size_t count = 0, i;
    char *text;
    av_errc rc = av_catalog_keywords(self->catalog, placement->guid, placement->uid, &self->keywords, err);

    av_buf_clear(&self->keyword_text);
    for (rest = av_buf_span(&self->keywords); rc == AV_OK && count < AV_EVENT_KEYWORDS_MAX; count++) {
        if (!av_event_list_next_text(&rest, &word) || !av_buf_append_span(&self->keyword_text, word) ||
            !av_buf_putc(&self->keyword_text, 0))
            break;
    }
    text = (char *)self->keyword_text.p;
    for (i = 0; i < count; i++, text += strlen(text) + 1)
        list[(*n)++] = text;
    return rc;
}

static av_errc
pack(av_fetch_row *self, const av_placement *placement, const av_error *unreadable, av_error *err)
{
    Archivolt__FetchRow row = ARCHIVOLT__FETCH_ROW__INIT;
    char id[AV_MESSAGE_ID_TEXT + 1], thread[AV_THREAD_ID_TEXT + 1], *flags[FLAGS_MAX + AV_EVENT_KEYWORDS_MAX];
    const av_fetch_plan *plan = self->plan;

    row.uid = placement->uid;
    row.has_modseq = plan->modseq;
    row.modseq = placement->modseq;
    row.n_flags = plan->flags ? flag_names(placement->flags, flags) : 0;
    if (plan->flags && add_keywords(self, placement, flags, &row.n_flags, err) != AV_OK)
        return err->code;
    row.flags = flags;
    row.has_internaldate_unix_s = plan->internaldate;
    row.internaldate_unix_s = placement->received_at_ms / 1000;
    row.has_rfc822_size = plan->size;
    row.rfc822_size = placement->crlf_size;
    if (plan->emailid) {
        av_message_id_format(placement->digest, id);
        row.emailid = id;
    }
    if (plan->threadid) {
        av_thread_id_format(placement->thread, thread);
        row.threadid = thread;
    }
    row.has_savedate_unix_s = plan->savedate;
    row.savedate_unix_s = placement->archived_at_ms / 1000;
    row.n_parts = self->count;
    row.parts = self->part_list;
    if (unreadable != NULL)
        row.error = (char *)(uintptr_t)unreadable->msg;
    return av_rows_put(&self->packed, &row.base) ? AV_OK : av_error_set(err, AV_ERR_INTERNAL, "a row is over 64 KB");
}

av_errc
av_fetch_row_make(av_fetch_row *self, const av_placement *placement, av_error *err)
{
    av_error why;
    av_errc rc;

    forget(self);
    rc = add_parts(self, placement, &why);
    av_content_drop(&self->content);
    if (rc != AV_OK) {
        forget(self);
        self->unreadable = true;
        return pack(self, placement, &why, err);
    }
    return pack(self, placement, NULL, err);
}
