/*
 * fetch_section.c - BODY[section]<partial> of a stored message as a part of its row
 *
 * A section that is one run of the message's bytes is a range, read while it is sent; header fields that were picked are
 * held. Of a message too large to look into (over AV_SCAN_MAX) there are the header, the text, and part 1, which is the text.
 */
#include "actors/instance/fetch_row.h"

void
av_fetch_section_cut(const Archivolt__FetchSection *section, uint64_t size, uint64_t *ret_skip, uint64_t *ret_length)
{
    *ret_skip = section->has_partial_offset ? AV_MIN(section->partial_offset, size) : 0;
    *ret_length = size - *ret_skip;
    if (section->has_partial_length)
        *ret_length = AV_MIN(*ret_length, section->partial_length);
}

Archivolt__FetchPart *
av_fetch_row_section_part(av_fetch_row *self, Archivolt__FetchItem item, size_t index, size_t at)
{
    Archivolt__FetchPart *part = av_fetch_row_part(self, item, at);

    part->has_section = 1;
    part->section = (uint32_t)index;
    return part;
}

static Archivolt__FetchPart *
new_part(av_fetch_row *self, size_t index, size_t at)
{
    return av_fetch_row_section_part(self, ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_SECTION, index, at);
}

static void
add_nil(av_fetch_row *self, size_t index)
{
    Archivolt__FetchPart *part = new_part(self, index, self->held.n);

    part->has_nil = 1;
    part->nil = 1;
}

/* Bytes [at, end) of the message, size in the view known. */
static void
add_range(av_fetch_row *self, const av_placement *p, size_t index, uint64_t at, uint64_t end, uint64_t size)
{
    Archivolt__FetchPart *part = new_part(self, index, self->held.n);
    uint64_t skip, length;

    av_fetch_section_cut(self->plan->sections[index], size, &skip, &length);
    part->length = length;
    if (length == 0)
        return;
    self->pieces[self->count - 1].range = av_view_range_new(p->store, p->content_lsn, at, end, skip, length);
    if (p->raw_size == p->crlf_size)
        av_view_range_set_plain(self->pieces[self->count - 1].range);
}

/* Fields picked out of a header: made in the view, then cut. */
static av_errc
add_held(av_fetch_row *self, size_t index, av_error *err)
{
    size_t at = self->held.n, n;
    uint64_t skip, length;
    bool found = false;

    if (!av_imap_section_append(&self->mime, &self->plan->parsed[index], &self->held, &found))
        return av_error_set(
            err, AV_ERR_LIMIT, "the header of this message is over %u MB", AV_FETCH_HELD_MAX / (1024 * 1024));
    if (!found) {
        add_nil(self, index);
        return AV_OK;
    }
    n = self->held.n - at;
    av_fetch_section_cut(self->plan->sections[index], n, &skip, &length);
    memmove(self->held.p + at, self->held.p + at + skip, (size_t)length);
    self->held.n = at + (size_t)length;
    (void)new_part(self, index, at);
    return AV_OK;
}

/* A section of a message of which only the beginning is in memory. */
static av_errc
add_of_large(av_fetch_row *self, const av_placement *p, size_t index, av_error *err)
{
    const av_imap_section *section = &self->plan->parsed[index];
    uint64_t body_at = self->mime.parts[0].body_at;
    uint64_t head = av_crlf_size_of(av_span_slice(self->mime.message, 0, (size_t)body_at));
    bool is_header =
        section->path_count == 0 && (section->kind == AV_SECTION_HEADER || section->kind == AV_SECTION_HEADER_FIELDS ||
                                        section->kind == AV_SECTION_HEADER_FIELDS_NOT);
    bool is_text = (section->path_count == 0 && section->kind == AV_SECTION_TEXT) ||
                   (section->path_count == 1 && section->path[0] == 1 && section->kind == AV_SECTION_ALL);

    if (is_header)
        return add_held(self, index, err);
    if (is_text)
        add_range(self, p, index, body_at, p->raw_size, p->crlf_size - AV_MIN(head, p->crlf_size));
    else
        add_nil(self, index);
    return AV_OK;
}

av_errc
av_fetch_row_section(av_fetch_row *self, const av_placement *placement, size_t index, av_error *err)
{
    const av_imap_section *section = &self->plan->parsed[index];
    uint64_t at;
    av_span span;
    av_errc rc;

    /* The whole message needs no look into it: its size in the view is stored. */
    if (section->kind == AV_SECTION_ALL && section->path_count == 0) {
        add_range(self, placement, index, 0, placement->raw_size, placement->crlf_size);
        return AV_OK;
    }
    rc = av_fetch_row_scan(self, placement, err);
    if (rc != AV_OK)
        return rc;
    if (!self->content.whole)
        return add_of_large(self, placement, index, err);
    if (section->kind == AV_SECTION_HEADER_FIELDS || section->kind == AV_SECTION_HEADER_FIELDS_NOT)
        return add_held(self, index, err);
    if (!av_imap_section_span(&self->mime, section, &span)) {
        add_nil(self, index);
        return AV_OK;
    }
    at = span.n == 0 ? 0 : (uint64_t)(span.p - self->mime.message.p);
    add_range(self, placement, index, at, at + span.n, av_crlf_size_of(span));
    return AV_OK;
}
