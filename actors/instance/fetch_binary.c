/*
 * fetch_binary.c - BINARY[part]<partial> and BINARY.SIZE[part] of a stored message as parts of its row
 *
 * A part is decoded twice: once in memory to know its size and whether a byte of it is 0, then while it is sent. What is a
 * multipart or holds a message has no encoding of its own (RFC 2045, 6.4) and is given as BODY gives it. A message too
 * large to look into is not decoded. Source: RFC 3516, 4.2 and 4.3.
 */
#include "actors/instance/fetch_row.h"

#define PIECE 16384

/* Of a part when decoded. */
typedef struct measure {
    uint64_t size;
    uint64_t from, to; /* bytes asked for */
    bool has_nul;      /* among them */
} measure;

static void
count(measure *self, av_span decoded)
{
    uint64_t end = self->size + decoded.n;

    if (!self->has_nul && self->from < end && self->to > self->size) {
        size_t first = self->from > self->size ? (size_t)(self->from - self->size) : 0;
        size_t last = (size_t)AV_MIN(self->to - self->size, (uint64_t)decoded.n);

        self->has_nul = memchr(decoded.p + first, 0, last - first) != NULL;
    }
    self->size = end;
}

static void
measure_part(av_span body, av_mime_encoding encoding, measure *ret)
{
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    uint8_t view[PIECE];
    av_part_decoder decoder;
    av_crlf state = { false };
    bool ok = av_part_decoder_init(&decoder, encoding);

    av_buf_init(&out, PIECE + 2 * AV_PART_DECODER_HELD);
    do {
        size_t n = av_crlf_convert(&state, &body, view, sizeof view);

        av_buf_clear(&out);
        ok = ok && av_part_decoder_feed(&decoder, av_span_of(view, n), body.n == 0, &out);
        count(ret, av_buf_span(&out));
    } while (body.n > 0);
    assert(ok);
}

static void
add(av_fetch_row *self, const av_placement *p, size_t index, av_span body, av_mime_encoding encoding)
{
    const Archivolt__FetchSection *section = self->plan->sections[index];
    uint64_t at = body.n == 0 ? 0 : (uint64_t)(body.p - self->mime.message.p), skip, length;
    bool size_only = section->item == ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_BINARY_SIZE;
    measure m = { .from = section->partial_offset, .to = UINT64_MAX };
    Archivolt__FetchPart *part;
    av_view_range *view;

    if (section->has_partial_length && section->partial_length < m.to - m.from)
        m.to = m.from + section->partial_length;
    measure_part(body, encoding, &m);
    part = av_fetch_row_section_part(self, section->item, index, self->held.n);
    part->has_size = size_only;
    part->size = m.size;
    if (size_only)
        return;
    av_fetch_section_cut(section, m.size, &skip, &length);
    part->has_has_nul = 1;
    part->has_nul = m.has_nul;
    part->length = length;
    if (length == 0)
        return;
    view = av_view_range_new(p->store, p->content_lsn, at, at + body.n, 0, av_crlf_size_of(body));
    self->pieces[self->count - 1].decoded = av_decoded_range_new(view, encoding, skip, length);
}

/* No such part: NIL, and a size of 0. */
static void
add_none(av_fetch_row *self, size_t index)
{
    Archivolt__FetchItem item = self->plan->sections[index]->item;
    Archivolt__FetchPart *part = av_fetch_row_section_part(self, item, index, self->held.n);

    part->has_size = 1;
    part->has_nil = 1;
    part->nil = 1;
}

static void
add_unknown(av_fetch_row *self, size_t index)
{
    Archivolt__FetchItem item = self->plan->sections[index]->item;
    Archivolt__FetchPart *part = av_fetch_row_section_part(self, item, index, self->held.n);

    part->has_unknown_encoding = 1;
    part->unknown_encoding = 1;
}

av_errc
av_fetch_row_binary(av_fetch_row *self, const av_placement *placement, size_t index, av_error *err)
{
    const av_imap_section *section = &self->plan->parsed[index];
    av_mime_encoding encoding = AV_MIME_7BIT;
    av_part_decoder probe;
    av_span body;
    uint32_t at;
    av_errc rc = av_fetch_row_scan(self, placement, err);

    if (rc != AV_OK)
        return rc;
    if (!self->content.whole)
        return av_error_set(err, AV_ERR_LIMIT, "the message is too large to be decoded: BODY[] gives it");
    at = av_imap_section_part(&self->mime, section);
    if (at == AV_MIME_NONE || !av_imap_section_span(&self->mime, section, &body)) {
        add_none(self, index);
        return AV_OK;
    }
    if (section->path_count > 0 && !self->mime.parts[at].is_multipart && !self->mime.parts[at].is_message)
        encoding = self->mime.parts[at].encoding;
    if (av_part_decoder_init(&probe, encoding))
        add(self, placement, index, body, encoding);
    else
        add_unknown(self, index);
    return AV_OK;
}
